"""Layers of Keras 1, as they stand in generated files."""

import torch
import torch.nn.functional as F
from torch import nn


class Highway(nn.Module):
    """A dense layer and a gate that says how much of it replaces the input."""

    def __init__(self, size: int, activation: nn.Module, bias: bool = True) -> None:
        super().__init__()
        self.linear = nn.Linear(size, size, bias=bias)
        self.gate = nn.Linear(size, size, bias=bias)
        self.activation = activation

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        gate = torch.sigmoid(self.gate(x))
        y: torch.Tensor = self.activation(self.linear(x))
        return gate * y + (1 - gate) * x


class SReLU(nn.Module):
    """An S-shaped rectifier (https://arxiv.org/abs/1512.07030).

    The right point lies ``abs(t_right)`` behind the left one; ``cap_left`` cuts the
    left side at its height, too.
    """

    def __init__(self, shape: tuple[int, ...], cap_left: bool = False) -> None:
        super().__init__()
        self.cap_left = cap_left
        self.t_left = nn.Parameter(torch.zeros(shape))
        self.a_left = nn.Parameter(torch.zeros(shape))
        self.t_right = nn.Parameter(torch.ones(shape))
        self.a_right = nn.Parameter(torch.ones(shape))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x, width = x - self.t_left, self.t_right.abs()
        left = self.a_left * F.relu(-x)
        if self.cap_left:
            middle = torch.minimum(F.relu(x) - left, width)
        else:
            middle = torch.minimum(F.relu(x), width) - left
        return self.t_left + middle + self.a_right * F.relu(x - width)


class ParametricSoftplus(nn.Module):
    """alpha * softplus(beta * x), both learnt."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.alphas = nn.Parameter(torch.full(shape, 0.2))
        self.betas = nn.Parameter(torch.full(shape, 5.0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.alphas * F.softplus(self.betas * x)


class SampleNorm(nn.Module):
    """Normalizes each sample along its last axis, as Keras 1 did with mode=1."""

    def __init__(self, size: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.bias = nn.Parameter(torch.zeros(size))
        self.eps = eps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        var, mean = torch.var_mean(x, dim=-1, correction=0, keepdim=True)
        x = (x - mean) / (torch.sqrt(var + self.eps) + self.eps)
        return self.weight * x + self.bias
