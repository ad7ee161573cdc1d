"""Means, variances, and what is normalized by them.

Source: ``keras/src/ops/nn.py`` and ``keras/src/backend/tensorflow/nn.py`` (3.15).
"""

from __future__ import annotations

import warnings
from typing import Any

import torch

from keras2torch.configuration import epsilon as fuzz
from keras2torch.ops.base import all_axes, operation
from keras2torch.ops.linalg import norm
from keras2torch.ops.promotion import common_dtype, floats, kind, tensor

_HALF = (torch.float16, torch.bfloat16)


@operation("Moments", gives=tuple)
def moments(
    x: Any, axes: Any, keepdims: bool = False, synchronized: bool = False
) -> Any:
    """Return mean and variance.

    Parameters
    ----------
    x
        Any shape.
    axes
        Which are reduced.
    keepdims
        Whether they stay, with size 1.
    synchronized
        Whether all processes count; here each does by itself.
    """
    x = tensor(x)
    dtype, dims = x.dtype, all_axes(axes, x.ndim)
    found = x.float() if dtype in _HALF else x
    mean = found.mean(dims, keepdim=True)
    variance = (found - mean.detach()).square().mean(dims, keepdim=True)
    results = (
        [mean, variance] if keepdims else [t.squeeze(dims) for t in (mean, variance)]
    )
    if dtype in _HALF:
        most = torch.finfo(torch.float16).max
        results = [t.clamp(-most, most).to(dtype) for t in results]
    return tuple(results)


@operation("BatchNorm", "x mean variance offset scale")
def batch_normalization(
    x: Any,
    mean: Any,
    variance: Any,
    axis: int,
    offset: Any = None,
    scale: Any = None,
    epsilon: float = 1e-3,
) -> Any:
    """Normalize by a mean and a variance that are given.

    Parameters
    ----------
    x
        Any shape.
    mean, variance, offset, scale
        Vectors along the axis.
    axis
        Which.
    epsilon
        Added to the variance.
    """
    x = tensor(x)
    shape = [1] * x.ndim
    shape[axis] = x.shape[axis]

    def along(vector: Any) -> torch.Tensor:
        found: torch.Tensor = tensor(vector).to(x).reshape(shape)
        return found

    factor = torch.rsqrt(along(variance) + epsilon)
    if scale is not None:
        factor = factor * along(scale)
    shift = -along(mean) * factor
    return x * factor + (shift if offset is None else along(offset) + shift)


@operation("Normalize")
def normalize(
    x: Any, axis: Any = -1, order: int = 2, epsilon: float | None = None
) -> Any:
    """Divide by the norm.

    Parameters
    ----------
    x
        Any shape.
    axis
        Along which the norm is.
    order
        Of the norm.
    epsilon
        What is less than this counts as this; ``keras.config.epsilon()`` unless given.
    """
    if not isinstance(order, int) or order < 1:
        raise ValueError(
            f"Argument `order` must be an int >= 1. Received: order={order}"
        )
    x = floats(x)
    x = x.unsqueeze(0) if not x.ndim else x
    least = fuzz() if epsilon is None else epsilon
    if order == 2:
        squares = x.square().sum(all_axes(axis, x.ndim), keepdim=True)
        return x * torch.rsqrt(squares).clamp(max=1.0 / least)
    return x / norm(x, ord=order, axis=axis, keepdims=True).clamp(min=least)


@operation("RMSNorm", "x scale")
def rms_normalization(
    x: Any, scale: Any = None, axis: Any = -1, epsilon: float | None = None
) -> Any:
    """Divide by the root of the mean of the squares.

    Parameters
    ----------
    x
        Any shape.
    scale
        Multiplied with the result.
    axis
        Along which the mean is.
    epsilon
        Added to the mean; ``keras.config.epsilon()`` unless given.
    """
    x, dtype = _wide(x)
    x = x.unsqueeze(0) if not x.ndim else x
    squares = x.square().mean(all_axes(axis, x.ndim), keepdim=True)
    made = x * torch.rsqrt(squares + (fuzz() if epsilon is None else epsilon))
    return (made if scale is None else made * tensor(scale).to(x)).to(dtype)


@operation("LayerNorm", "x gamma beta")
def layer_normalization(
    x: Any,
    gamma: Any = None,
    beta: Any = None,
    axis: Any = -1,
    epsilon: float | None = None,
    **kwargs: Any,
) -> Any:
    """Normalize each sample by its own mean and variance.

    Parameters
    ----------
    x
        Any shape.
    gamma, beta
        Factor and summand of the result.
    axis
        Along which mean and variance are.
    epsilon
        Added to the variance; ``keras.config.epsilon()`` unless given.
    kwargs
        ``rms_scaling``, which Keras has deprecated: no mean is subtracted.
    """
    rms_scaling = kwargs.pop("rms_scaling", False)
    if kwargs:
        raise TypeError(f"layer_normalization has no argument {sorted(kwargs)[0]!r}.")
    if rms_scaling:
        warnings.warn(
            "`rms_scaling=True` is deprecated: it scales by the variance, not by the "
            "root mean square. Use `keras.ops.rms_normalization`.",
            stacklevel=3,
        )
    x, dtype = _wide(x)
    axes = sorted(all_axes(axis, x.ndim))
    shape = [n if a in axes else 1 for a, n in enumerate(x.shape)]

    def broadcast(weight: Any) -> torch.Tensor:
        found: torch.Tensor = tensor(weight).to(x)
        if found.ndim != x.ndim and axes != [x.ndim - 1]:
            return found.reshape(shape)
        return found

    mean = x.mean(axes, keepdim=True)
    variance = (x - mean.detach()).square().mean(axes, keepdim=True)
    factor = torch.rsqrt(variance + (fuzz() if epsilon is None else epsilon))
    if gamma is not None:
        factor = factor * broadcast(gamma)
    if rms_scaling:
        return (x * factor).to(dtype)
    shift = -mean * factor
    return (x * factor + (shift if beta is None else shift + broadcast(beta))).to(dtype)


def _wide(x: Any) -> tuple[torch.Tensor, torch.dtype]:
    """Return a tensor in at least float32, and its own dtype."""
    x = tensor(x)
    return x.to(common_dtype(kind(x), "float32")), x.dtype


__all__ = [
    "batch_normalization",
    "layer_normalization",
    "moments",
    "normalize",
    "rms_normalization",
]
