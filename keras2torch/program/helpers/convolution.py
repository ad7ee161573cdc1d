"""Convolutions that torch lacks, as they stand in generated files."""

import torch
import torch.nn.functional as F
from torch import nn


def same_padding(
    size: torch.Size,
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
) -> list[int]:
    """Padding of Keras' "same" for F.pad: it depends on the size of the input."""
    pads: list[int] = []
    for n, k, s, d in zip(size, kernel, stride, dilation, strict=True):
        total = max((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0)
        pads = [total // 2, total - total // 2, *pads]
    return pads


class Conv1dSame(nn.Conv1d):
    """Conv1d with Keras' "same" padding, for inputs of any length."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pads = same_padding(x.shape[2:], self.kernel_size, self.stride, self.dilation)
        return super().forward(F.pad(x, pads))


class Conv2dSame(nn.Conv2d):
    """Conv2d with Keras' "same" padding, for images of any size."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pads = same_padding(x.shape[2:], self.kernel_size, self.stride, self.dilation)
        return super().forward(F.pad(x, pads))


class Conv3dSame(nn.Conv3d):
    """Conv3d with Keras' "same" padding, for volumes of any size."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pads = same_padding(x.shape[2:], self.kernel_size, self.stride, self.dilation)
        return super().forward(F.pad(x, pads))


class LocallyConnected1d(nn.Module):
    """A convolution over time with a kernel for each step; torch has none."""

    def __init__(
        self,
        size: tuple[int],
        in_channels: int,
        out_channels: int,
        kernel_size: tuple[int],
        stride: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.kernel_size, self.stride = kernel_size[0], stride
        weight = torch.empty(out_channels, in_channels, *size, *kernel_size)
        self.weight = nn.Parameter(nn.init.kaiming_uniform_(weight))
        self.bias = nn.Parameter(torch.zeros(out_channels, *size)) if bias else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        windows = x.unfold(2, self.kernel_size, self.stride)
        x = torch.einsum("ncti,octi->not", windows, self.weight)
        return x if self.bias is None else x + self.bias


class LocallyConnected2d(nn.Module):
    """A convolution over images with a kernel for each pixel; torch has none."""

    def __init__(
        self,
        size: tuple[int, int],
        in_channels: int,
        out_channels: int,
        kernel_size: tuple[int, int],
        stride: tuple[int, int] = (1, 1),
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.kernel_size, self.stride = kernel_size, stride
        weight = torch.empty(out_channels, in_channels, *size, *kernel_size)
        self.weight = nn.Parameter(nn.init.kaiming_uniform_(weight))
        self.bias = nn.Parameter(torch.zeros(out_channels, *size)) if bias else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        windows = x.unfold(2, self.kernel_size[0], self.stride[0])
        windows = windows.unfold(3, self.kernel_size[1], self.stride[1])
        x = torch.einsum("nchwij,ochwij->nohw", windows, self.weight)
        return x if self.bias is None else x + self.bias
