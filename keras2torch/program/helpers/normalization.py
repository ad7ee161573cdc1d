"""Normalization that torch lacks, as it stands in generated files."""

import torch
from torch import nn


class AxisLayerNorm(nn.Module):
    """Layer normalization over any axes; nn.LayerNorm knows only the last ones."""

    def __init__(
        self,
        shape: tuple[int, ...],
        dim: tuple[int, ...],
        eps: float,
        scale: bool = True,
        center: bool = True,
        subtract_mean: bool = True,
    ) -> None:
        super().__init__()
        self.dim, self.eps, self.subtract_mean = dim, eps, subtract_mean
        self.weight = nn.Parameter(torch.ones(shape)) if scale else None
        self.bias = nn.Parameter(torch.zeros(shape)) if center else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        var, mean = torch.var_mean(x, dim=self.dim, correction=0, keepdim=True)
        x = (x - mean if self.subtract_mean else x) * torch.rsqrt(var + self.eps)
        x = x if self.weight is None else x * self.weight
        return x if self.bias is None else x + self.bias


class AxisRMSNorm(nn.Module):
    """RMS normalization over any axes; nn.RMSNorm knows only the last ones."""

    def __init__(
        self, shape: tuple[int, ...], dim: tuple[int, ...], eps: float
    ) -> None:
        super().__init__()
        self.dim, self.eps = dim, eps
        self.weight = nn.Parameter(torch.ones(shape))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mean = x.square().mean(dim=self.dim, keepdim=True)
        return x * torch.rsqrt(mean + self.eps) * self.weight
