"""Constraints of Keras, applied to torch parameters after each step.

Cut out by name into ``train.py``. ``dim`` are the axes that a norm runs over, Keras'
``axis`` in PyTorch's order. Source: ``keras/src/constraints`` (3.15).
"""

from __future__ import annotations

import torch


def limited_norm(
    weight: torch.Tensor,
    dim: int | tuple[int, ...],
    low: float = 0.0,
    high: float = 1.0,
    rate: float = 1.0,
) -> torch.Tensor:
    """Return a weight whose norms are between two bounds (MaxNorm, MinMaxNorm)."""
    norms = weight.square().sum(dim, keepdim=True).sqrt()
    wanted = rate * norms.clamp(low, high) + (1.0 - rate) * norms
    return weight * (wanted / (1e-7 + norms))


def unit_norm(weight: torch.Tensor, dim: int | tuple[int, ...]) -> torch.Tensor:
    """Return a weight whose norms are 1."""
    return weight / (1e-7 + weight.square().sum(dim, keepdim=True).sqrt())
