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
