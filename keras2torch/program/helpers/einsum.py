"""A linear map of any axes."""

import torch
from torch import nn


class EinsumDense(nn.Module):
    """An einsum with a weight, and a bias from its first axis on; nn.Linear is one."""

    def __init__(
        self,
        equation: str,
        shape: tuple[int, ...],
        bias: tuple[int, ...] | None = None,
    ) -> None:
        super().__init__()
        self.equation = equation
        self.weight = nn.Parameter(torch.empty(shape).normal_(std=0.02))
        self.bias = None if bias is None else nn.Parameter(torch.zeros(bias))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.einsum(self.equation, x, self.weight)
        return x if self.bias is None else x + self.bias
