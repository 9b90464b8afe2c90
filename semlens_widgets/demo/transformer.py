"""The demo's transformer: a small ViT for 64-pixel pictures, a quarter of a million parameters, 65 tokens."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from semlens_widgets.demo.factors import CLASS_NAMES
from semlens_widgets.demo.network import SIZE

DIM, DEPTH, HEADS, HIDDEN, PATCH = 64, 4, 4, 256, 8
FILE = "vit.safetensors"


class Attention(nn.Module):
    """Self-attention of several heads, whose output projection is `proj`."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.num_heads = heads
        self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)

    def forward(self, x: Float[Tensor, "image token dim"]) -> Float[Tensor, "image token dim"]:
        images, tokens, dim = x.shape
        query, key, value = self.qkv(x).reshape(images, tokens, 3, self.num_heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
        return self.proj(F.scaled_dot_product_attention(query, key, value).transpose(1, 2).reshape(images, tokens, dim))


class Mlp(nn.Module):
    """Two maps with a GELU between them."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.fc1, self.act, self.fc2 = nn.Linear(dim, hidden), nn.GELU(), nn.Linear(hidden, dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(self.act(self.fc1(x)))


class Block(nn.Module):
    """Attention, then an MLP, each normalised first and added to the stream (Dosovitskiy et al. 2021)."""

    def __init__(self, dim: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.norm1, self.attn = nn.LayerNorm(dim), Attention(dim, heads)
        self.norm2, self.mlp = nn.LayerNorm(dim), Mlp(dim, hidden)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class VisionTransformer(nn.Module):
    """``patch_embed, blocks.0 … blocks.3, norm, head``: nevus or melanoma, from a normalised picture [image 3 64 64].

    A class token, then 8 x 8 patches; ``head`` reads the class token. ``class_names`` says what the two logits mean.
    Trained on synthetic pictures: no medical use whatsoever.
    """

    class_names = CLASS_NAMES

    def __init__(self) -> None:
        super().__init__()
        self.patch_embed = nn.Conv2d(3, DIM, PATCH, PATCH)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, DIM))
        self.pos_embed = nn.Parameter(0.02 * torch.randn(1, 1 + (SIZE // PATCH) ** 2, DIM))
        self.blocks = nn.Sequential(*(Block(DIM, HEADS, HIDDEN) for _ in range(DEPTH)))
        self.norm, self.head = nn.LayerNorm(DIM), nn.Linear(DIM, len(CLASS_NAMES))

    def features(self, x: Float[Tensor, "image 3 height width"]) -> Float[Tensor, "image token dim"]:
        """The normalised tokens after the last block, the class token first."""
        patches = self.patch_embed(x).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.cls_token.expand(len(x), -1, -1), patches], 1) + self.pos_embed
        return self.norm(self.blocks(tokens))

    def forward(self, x: Float[Tensor, "image 3 height width"]) -> Float[Tensor, "image label"]:
        return self.head(self.features(x)[:, 0])


def load_vit(path: Path) -> VisionTransformer:
    """The trained transformer in eval mode, its half-precision weights widened to float32."""
    from safetensors.torch import load_file

    model = VisionTransformer()
    model.load_state_dict(load_file(str(path)))  # copies into the model's float32
    return model.eval()
