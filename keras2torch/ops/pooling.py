"""Pooling.

Source: ``keras/src/ops/nn.py`` and ``keras/src/backend/tensorflow/nn.py`` (3.15).
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from keras2torch.ops.base import operation
from keras2torch.ops.convolutions import (
    channels_back,
    channels_first,
    each,
    is_same,
    spatial_axes,
)
from keras2torch.ops.promotion import tensor
from keras2torch.program.helpers.pooling import same_pooling_padding

_MAX: dict[int, Any] = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
_MEAN: dict[int, Any] = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}
_ADAPTIVE_MAX: dict[int, Any] = {
    1: F.adaptive_max_pool1d,
    2: F.adaptive_max_pool2d,
    3: F.adaptive_max_pool3d,
}
_ADAPTIVE_MEAN: dict[int, Any] = {
    1: F.adaptive_avg_pool1d,
    2: F.adaptive_avg_pool2d,
    3: F.adaptive_avg_pool3d,
}


@operation("MaxPool", "inputs")
def max_pool(
    inputs: Any,
    pool_size: Any,
    strides: Any = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Any:
    """Return the largest value in each window.

    Parameters
    ----------
    inputs
        (batch, sizes, channels).
    pool_size, strides
        A number, or one for each axis; windows lie side by side unless told.
    padding
        ``"valid"`` or ``"same"``.
    data_format
        ``"channels_first"`` where the inputs are.
    """
    x, size, steps = _windows(inputs, pool_size, strides, data_format)
    if is_same(padding):
        x = F.pad(x, same_pooling_padding(x, size, steps), value=float("-inf"))
    return channels_back(_MAX[x.ndim - 2](x, size, steps), data_format)


@operation("AveragePool", "inputs")
def average_pool(
    inputs: Any,
    pool_size: Any,
    strides: Any = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Any:
    """Return the mean of each window, which does not count the padding.

    Parameters
    ----------
    inputs, pool_size, strides, padding, data_format
        As for :func:`max_pool`.
    """
    x, size, steps = _windows(inputs, pool_size, strides, data_format)
    pool = _MEAN[x.ndim - 2]
    if not is_same(padding):
        return channels_back(pool(x, size, steps), data_format)
    pads = same_pooling_padding(x, size, steps)
    inside = pool(F.pad(torch.ones_like(x[:1, :1]), pads), size, steps)
    return channels_back(pool(F.pad(x, pads), size, steps) / inside, data_format)


def _windows(
    inputs: Any, pool_size: Any, strides: Any, data_format: Any
) -> tuple[torch.Tensor, tuple[int, ...], tuple[int, ...]]:
    x = tensor(inputs)
    count = spatial_axes(x)
    size = each(pool_size, count)
    steps = size if strides is None else each(strides, count)
    return channels_first(x, data_format), size, steps


@operation("AdaptiveMaxPool", "inputs")
def adaptive_max_pool(
    inputs: Any, output_size: Any, data_format: str | None = None
) -> Any:
    """Return the largest values of so many windows that cover it all.

    Parameters
    ----------
    inputs
        (batch, sizes, channels).
    output_size
        How many windows: a number, or one for each axis.
    data_format
        ``"channels_first"`` where the inputs are.
    """
    return _adaptive(_ADAPTIVE_MAX, inputs, output_size, data_format)


@operation("AdaptiveAveragePool", "inputs")
def adaptive_average_pool(
    inputs: Any, output_size: Any, data_format: str | None = None
) -> Any:
    """Return the means of so many windows that cover it all.

    Parameters
    ----------
    inputs, output_size, data_format
        As for :func:`adaptive_max_pool`.
    """
    return _adaptive(_ADAPTIVE_MEAN, inputs, output_size, data_format)


def _adaptive(
    pools: dict[int, Any], inputs: Any, output_size: Any, data_format: Any
) -> torch.Tensor:
    x = tensor(inputs)
    count = spatial_axes(x)
    x = channels_first(x, data_format)
    return channels_back(pools[count](x, each(output_size, count)), data_format)


__all__ = ["adaptive_average_pool", "adaptive_max_pool", "average_pool", "max_pool"]
