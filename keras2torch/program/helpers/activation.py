"""Activations that torch does not have."""

import torch
from torch import nn


def squareplus(x: torch.Tensor) -> torch.Tensor:
    """Return the smooth rectifier (x + sqrt(x² + 4)) / 2."""
    return (x + torch.sqrt(x * x + 4)) / 2


def sparse_plus(x: torch.Tensor) -> torch.Tensor:
    """Return 0 up to -1, x from 1 on, and (x + 1)² / 4 between."""
    middle = (x + 1) * (x + 1) / 4
    return torch.where(x <= -1, 0.0, torch.where(x < 1, middle, x))


def sparsemax(x: torch.Tensor, dim: int = -1) -> torch.Tensor:
    """Return Keras' sparsemax, whose threshold adds up all cumulative sums."""
    ordered = x.sort(dim=dim, descending=True).values.movedim(dim, -1)
    sums = ordered.cumsum(dim=-1)
    rank = torch.arange(1, x.shape[dim] + 1, device=x.device, dtype=x.dtype)
    support = ordered - (sums - 1) / rank > 0
    total = sums.masked_fill(~support, 0.0).sum(dim=-1, keepdim=True)
    threshold = (total - 1) / support.sum(dim=-1, keepdim=True)
    return (x - threshold.movedim(-1, dim)).clamp(min=0)


class ElementwisePReLU(nn.Module):
    """PReLU with a slope for each element; nn.PReLU has one for each channel."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(shape))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.where(x > 0, x, self.weight * x)
