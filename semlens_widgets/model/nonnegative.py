"""Codes that are at least zero and whose sum of rows comes nearest to the features: nonnegative least squares."""

from __future__ import annotations

from typing import Any

import torch

_STEPS = 2000  # at most
_SETTLED = 1e-6  # of the largest code: how little a step still changes


def largest_slope(decoder: torch.Tensor) -> float:
    """The largest eigenvalue of the rows' products [component feature]: steps of its inverse never go too far."""
    gram = decoder.detach().double() @ decoder.detach().double().T
    return float(torch.linalg.eigvalsh(gram)[-1].clamp(min=1e-12))


def nonnegative(product: torch.Tensor, gram: torch.Tensor, steepest: float) -> torch.Tensor:
    """The z ≥ 0 [… component] of least |x - z D|², by the products x Dᵀ [… component] and D Dᵀ.

    Its slopes are those at the solution: of codes that are zero none. (FISTA: Beck & Teboulle 2009, with the restarts
    of O'Donoghue & Candès 2015.)
    """
    solved: torch.Tensor = _Solved.apply(product.reshape(-1, product.shape[-1]), gram, steepest)
    return solved.reshape(product.shape)


class _Solved(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, product: torch.Tensor, gram: torch.Tensor, steepest: float) -> torch.Tensor:
        codes = _descended(product, gram, steepest)
        ctx.save_for_backward(codes, gram)
        return codes

    @staticmethod
    def backward(ctx: Any, slope: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        codes, gram = ctx.saved_tensors
        return _among(codes > 0, gram, slope), None, None


def _descended(product: torch.Tensor, gram: torch.Tensor, steepest: float) -> torch.Tensor:
    codes = ahead = torch.zeros_like(product)
    momentum = torch.ones_like(product[:, :1])
    for _ in range(_STEPS):
        slope = ahead @ gram - product
        new = (ahead - slope / steepest).clamp(min=0)
        moved = new - codes
        uphill = (slope * moved).sum(1, keepdim=True) > 0
        momentum = torch.where(uphill, 1.0, momentum)
        following = (1 + (1 + 4 * momentum.square()).sqrt()) / 2
        ahead = new + (momentum - 1) / following * moved
        codes, momentum = new, following
        if float(moved.abs().max()) <= _SETTLED * float(codes.abs().max()):
            break
    return codes


def _among(active: torch.Tensor, gram: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Solve z G = w among each row's active components, by conjugate gradients; zero for the others."""
    solved = torch.zeros_like(wanted)
    left = torch.where(active, wanted, 0.0)
    direction, size = left, left.square().sum(1, keepdim=True)
    for _ in range(wanted.shape[1]):
        curved = torch.where(active, direction @ gram, 0.0)
        along = (direction * curved).sum(1, keepdim=True)
        step = torch.where(along > 0, size / along.clamp(min=1e-30), 0.0)
        solved, left = solved + step * direction, left - step * curved
        new = left.square().sum(1, keepdim=True)
        direction = left + torch.where(size > 0, new / size.clamp(min=1e-30), 0.0) * direction
        size = new
    return solved
