"""Preprocessing with constants for each channel."""

import torch
from torch import nn


def as_float(x: torch.Tensor) -> torch.Tensor:
    """Turn integers, such as pixels, into floats."""
    return x if x.is_floating_point() else x.to(torch.get_default_dtype())


class Rescaling(nn.Module):
    """Scales and shifts by constants along axes."""

    def __init__(
        self, scale: float | tuple[object, ...], offset: float | tuple[object, ...]
    ) -> None:
        super().__init__()
        self.scale = scale
        self.offset = offset

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = as_float(x)
        return x * x.new_tensor(self.scale) + x.new_tensor(self.offset)


class Normalization(nn.Module):
    """Normalizes by fitted statistics; a constant feature is divided by 1e-7."""

    mean: torch.Tensor
    variance: torch.Tensor

    def __init__(self, shape: tuple[int, ...], invert: bool = False) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(shape))
        self.register_buffer("variance", torch.ones(shape))
        self.invert = invert

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        std = self.variance.sqrt().clamp(min=1e-7)
        return self.mean + x * std if self.invert else (x - self.mean) / std


class FixedNormalization(nn.Module):
    """Normalizes by constants that stood in the model's config."""

    def __init__(
        self,
        mean: float | tuple[object, ...],
        std: float | tuple[object, ...],
        invert: bool = False,
    ) -> None:
        super().__init__()
        self.mean = mean
        self.std = std
        self.invert = invert

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = as_float(x)
        mean, std = x.new_tensor(self.mean), x.new_tensor(self.std)
        return mean + x * std if self.invert else (x - mean) / std
