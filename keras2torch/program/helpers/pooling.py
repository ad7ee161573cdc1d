"""Pooling that torch lacks, as it stands in generated files."""

import torch
import torch.nn.functional as F
from torch import nn


def same_pooling_padding(
    x: torch.Tensor, kernel: int | tuple[int, ...], stride: int | tuple[int, ...]
) -> list[int]:
    """Padding of Keras' "same" for F.pad: it depends on the size of the input."""
    pads: list[int] = []
    for i, n in enumerate(x.shape[2:]):
        k = kernel if isinstance(kernel, int) else kernel[i]
        s = stride if isinstance(stride, int) else stride[i]
        total = max((-(-n // s) - 1) * s + k - n, 0)
        pads = [total // 2, total - total // 2, *pads]
    return pads


class MaxPool1dSame(nn.MaxPool1d):
    """MaxPool1d with Keras' "same" padding, for inputs of any length."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pads = same_pooling_padding(x, self.kernel_size, self.stride)
        x = super().forward(F.pad(x, pads, value=float("-inf")))
        return x


class MaxPool2dSame(nn.MaxPool2d):
    """MaxPool2d with Keras' "same" padding, for images of any size."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pads = same_pooling_padding(x, self.kernel_size, self.stride)
        x = super().forward(F.pad(x, pads, value=float("-inf")))
        return x


class MaxPool3dSame(nn.MaxPool3d):
    """MaxPool3d with Keras' "same" padding, for volumes of any size."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pads = same_pooling_padding(x, self.kernel_size, self.stride)
        x = super().forward(F.pad(x, pads, value=float("-inf")))
        return x


class AvgPool1dSame(nn.AvgPool1d):
    """AvgPool1d with Keras' "same" padding, which the mean does not count."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pads = same_pooling_padding(x, self.kernel_size, self.stride)
        inside = F.pad(torch.ones_like(x[:1, :1]), pads)
        return super().forward(F.pad(x, pads)) / super().forward(inside)


class AvgPool2dSame(nn.AvgPool2d):
    """AvgPool2d with Keras' "same" padding, which the mean does not count."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pads = same_pooling_padding(x, self.kernel_size, self.stride)
        inside = F.pad(torch.ones_like(x[:1, :1]), pads)
        return super().forward(F.pad(x, pads)) / super().forward(inside)


class AvgPool3dSame(nn.AvgPool3d):
    """AvgPool3d with Keras' "same" padding, which the mean does not count."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pads = same_pooling_padding(x, self.kernel_size, self.stride)
        inside = F.pad(torch.ones_like(x[:1, :1]), pads)
        return super().forward(F.pad(x, pads)) / super().forward(inside)
