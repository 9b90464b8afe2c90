"""How strongly each attention head writes, of what its output projection is given."""

from __future__ import annotations

from typing import Any

import torch


class HeadStrength(torch.nn.Module):
    """An encoder: features [… head × size] that an output projection is given, to lengths [… head] of what it makes.

    Of head h with values z and columns W of the projection the length of W z, without the bias. The projection is the
    model's own: trained on, it answers with the weights that it has then.
    """

    def __init__(self, projection: torch.nn.Module, heads: int) -> None:
        super().__init__()
        self.projection, self.heads = projection, heads

    @property
    def semlens_groups(self) -> int:
        """How many components share the features evenly, see `Layer.groups`."""
        return self.heads

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        weight: Any = self.projection.weight
        columns = weight.detach().to(features.dtype).unflatten(1, (self.heads, -1)).movedim(1, 0)  # head out size
        values = features.unflatten(-1, (self.heads, -1))
        products = columns.transpose(1, 2) @ columns  # head size size
        seen = torch.einsum("...hs,hst->...ht", values, products)
        return (values * seen).sum(-1).clamp(min=0).sqrt()
