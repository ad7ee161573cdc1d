"""Noise that torch has no layer for."""

import math

import torch
import torch.nn.functional as F
from torch import nn


def shared_dropout(
    x: torch.Tensor, p: float, dims: tuple[int, ...], training: bool = True
) -> torch.Tensor:
    """Drop whole slices: one draw is shared along ``dims``, as by a noise_shape."""
    shape = [1 if i in dims else size for i, size in enumerate(x.shape)]
    return x * F.dropout(x.new_ones(shape), p, training)


class SharedDropout(nn.Module):
    """Drops whole slices; nn.Dropout1d to 3d do so with channels at axis 1 only."""

    def __init__(self, p: float, dims: tuple[int, ...]) -> None:
        super().__init__()
        self.p = p
        self.dims = dims

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return shared_dropout(x, self.p, self.dims) if self.training else x


def shared_alpha_dropout(
    x: torch.Tensor, p: float, dims: tuple[int, ...]
) -> torch.Tensor:
    """Set slices to what SELU saturates at, and keep mean and variance of the whole."""
    shape = [1 if i in dims else size for i, size in enumerate(x.shape)]
    kept = torch.rand(shape, dtype=x.dtype, device=x.device) >= p
    low = -1.7580993408473766
    a = 1 / math.sqrt((1 - p) * (1 + p * low**2))
    return a * torch.where(kept, x, low) - a * low * p


class SharedAlphaDropout(nn.Module):
    """Alpha dropout of slices: one draw is shared along ``dims``."""

    def __init__(self, p: float, dims: tuple[int, ...]) -> None:
        super().__init__()
        self.p = p
        self.dims = dims

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return shared_alpha_dropout(x, self.p, self.dims) if self.training else x


class GaussianDropout(nn.Module):
    """Multiplies by Gaussian noise around 1 while training; torch has no such layer."""

    def __init__(self, std: float) -> None:
        super().__init__()
        self.std = std

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * (1 + self.std * torch.randn_like(x)) if self.training else x


class GaussianNoise(nn.Module):
    """Adds Gaussian noise while training; torch has no such layer."""

    def __init__(self, std: float) -> None:
        super().__init__()
        self.std = std

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.std * torch.randn_like(x) if self.training else x


def orthogonal_penalty(matrix: torch.Tensor) -> torch.Tensor:
    """Return the mean absolute cosine between the rows of a matrix."""
    size = matrix.shape[0]
    rows = matrix * matrix.square().sum(1, keepdim=True).rsqrt().clamp(max=1e7)
    cosines = rows @ rows.mT
    others: torch.Tensor = cosines.abs().sum() - cosines.diagonal().abs().sum()
    return others / (size * (size - 1.0))


class ActivityPenalty(nn.Module):
    """Passes its input on and keeps what Keras adds to the loss for it."""

    def __init__(
        self, l1: float = 0.0, l2: float = 0.0, whole_batch: bool = False
    ) -> None:
        super().__init__()
        self.l1 = l1
        self.l2 = l2
        self.whole_batch = whole_batch
        self.penalty = torch.zeros(())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        penalty = self.l1 * x.abs().sum() + self.l2 * x.square().sum()
        self.penalty = penalty if self.whole_batch else penalty / len(x)
        return x
