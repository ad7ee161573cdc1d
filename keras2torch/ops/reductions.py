"""Sums, means, extremes and what else leaves fewer axes; running sums.

Source: ``keras/src/ops/numpy.py`` and ``keras/src/backend/tensorflow/numpy.py`` (3.15).
"""

from __future__ import annotations

from typing import Any

import torch

from keras2torch.ops.base import all_axes, one_axis, operation
from keras2torch.ops.promotion import (
    common_dtype,
    converted,
    counted,
    floats,
    kind,
    no_bool,
    tensor,
)
from keras2torch.tensors import torch_dtype


@operation("Sum")
def sum(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the sum; small integers are added in 32 bits."""
    x = counted(x)
    axes = all_axes(axis, x.ndim)
    if not axes:
        return x
    if x.is_floating_point() or x.is_complex():
        return x.sum(axes, keepdims)
    return x.sum(axes, keepdims, dtype=torch.int64).to(x.dtype)


@operation("Prod")
def prod(x: Any, axis: Any = None, keepdims: bool = False, dtype: Any = None) -> Any:
    """Return the product; small integers are multiplied in 32 bits."""
    x = counted(x) if dtype is None else tensor(x, dtype)
    axes = sorted(all_axes(axis, x.ndim), reverse=True)
    integers = not (x.is_floating_point() or x.is_complex())
    found = x.to(torch.int64) if integers else x
    for a in axes:
        found = found.prod(a, keepdims)
    return found.to(x.dtype)


@operation("Mean")
def mean(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the mean; that of integers is float32."""
    x = tensor(x)
    if not (x.is_floating_point() or x.is_complex()):
        x = x.to(torch.float32)
    axes = all_axes(axis, x.ndim)
    return x.mean(axes, keepdims) if axes else x


@operation("Var")
def var(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the mean square of the distance to the mean."""
    x = floats(x)
    axes = all_axes(axis, x.ndim)
    wide = x.to(common_dtype(kind(x), "float32"))
    if not axes:
        return torch.zeros_like(x)
    rest = wide - wide.mean(axes, keepdim=True)
    square = (rest * rest.conj()).real if rest.is_complex() else rest * rest
    return square.mean(axes, keepdims).to(x.dtype)


@operation("Std")
def std(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the root of the mean square of the distance to the mean."""
    return torch.sqrt(var(x, axis, keepdims))


@operation("Average", "x weights")
def average(x: Any, axis: Any = None, weights: Any = None) -> Any:
    """Return the mean, weighted if there are weights."""
    if weights is None:
        return mean(floats(x), axis)
    x, w = converted(x, weights, fractions=True)
    if axis is None or w.ndim == x.ndim:
        return sum(x * w, axis) / sum(w, axis)
    if w.ndim != 1:
        raise ValueError(
            "average: weights have the shape of x or one axis. Received: "
            f"weights.shape={tuple(w.shape)}, x.shape={tuple(x.shape)}"
        )
    return torch.tensordot(x, w, dims=([one_axis(axis, x.ndim)], [0])) / w.sum()


@operation("Trapezoid", "y")
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    """Return the integral by the trapezoidal rule.

    Parameters
    ----------
    y
        Heights.
    x
        Where they are, if not ``dx`` from each other.
    dx
        Their distance.
    axis
        Along which.
    """
    y = floats(y).movedim(axis, -1)
    if x is None:
        steps = tensor(dx).to(y.device, y.dtype)
    else:
        at = tensor(x).to(y.device, y.dtype)
        steps = torch.diff(at.movedim(axis, -1) if at.ndim > 1 else at)
    return ((y[..., 1:] + y[..., :-1]) * 0.5 * steps).sum(-1)


# ---------------------------------------------------------------------------- extremes
def _extreme(x: Any, axis: Any, keepdims: bool, initial: Any, largest: bool) -> Any:
    x = tensor(x)
    axes = all_axes(axis, x.ndim)
    if initial is None and not x.numel():
        name = "max" if largest else "min"
        raise ValueError(f"Cannot compute the {name} of an empty tensor.")
    if not axes:
        found = x
    elif x.numel():
        found = (torch.amax if largest else torch.amin)(x, axes, keepdims)
    else:
        shape = [1 if i in axes else n for i, n in enumerate(x.shape)]
        kept = (
            shape if keepdims else [n for i, n in enumerate(x.shape) if i not in axes]
        )
        found = tensor(initial).to(x.device, x.dtype).expand(kept)
    if initial is None:
        return found
    least = tensor(initial).to(x.device, x.dtype)
    return (torch.maximum if largest else torch.minimum)(found, least)


@operation("Max")
def max(x: Any, axis: Any = None, keepdims: bool = False, initial: Any = None) -> Any:
    """Return the largest, ``initial`` if that is larger."""
    return _extreme(x, axis, keepdims, initial, largest=True)


@operation("Min")
def min(x: Any, axis: Any = None, keepdims: bool = False, initial: Any = None) -> Any:
    """Return the smallest, ``initial`` if that is smaller."""
    return _extreme(x, axis, keepdims, initial, largest=False)


@operation("Amax")
def amax(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the largest."""
    return _extreme(x, axis, keepdims, None, largest=True)


@operation("Amin")
def amin(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the smallest."""
    return _extreme(x, axis, keepdims, None, largest=False)


@operation("Ptp")
def ptp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the difference of the largest and the smallest."""
    return max(x, axis, keepdims) - min(x, axis, keepdims)


def _place(x: Any, axis: int | None, keepdims: bool, largest: bool) -> Any:
    x = no_bool(tensor(x))
    if x.is_floating_point():
        # Keras: -0.0 is smaller than 0.0.
        least = torch.full_like(x, -torch.finfo(x.dtype).tiny)
        x = torch.where((x == 0) & torch.signbit(x), least, x)
    find = torch.argmax if largest else torch.argmin
    if axis is None:
        found = find(x)
        return (found.reshape([1] * x.ndim) if keepdims else found).to(torch.int32)
    return find(x, one_axis(axis, x.ndim), keepdims).to(torch.int32)


@operation("Argmax")
def argmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Return where the largest is, the first of equal ones, as int32."""
    return _place(x, axis, keepdims, largest=True)


@operation("Argmin")
def argmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Return where the smallest is, the first of equal ones, as int32."""
    return _place(x, axis, keepdims, largest=False)


# ----------------------------------------------------------------------------- truth
@operation("All")
def all(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Whether all are true."""
    x = tensor(x).to(torch.bool)
    axes = all_axes(axis, x.ndim)
    return x.all(axes, keepdims) if axes else x


@operation("Any")
def any(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Whether any is true."""
    x = tensor(x).to(torch.bool)
    axes = all_axes(axis, x.ndim)
    return x.any(axes, keepdims) if axes else x


@operation("CountNonzero")
def count_nonzero(x: Any, axis: Any = None) -> Any:
    """Count what is not 0."""
    return sum(tensor(x) != 0, axis)


# ------------------------------------------------------------------------ on the way
def _running(x: Any, axis: int | None, dtype: Any, multiply: bool) -> Any:
    x = no_bool(tensor(x) if dtype is None else tensor(x, torch_dtype(dtype)))
    if axis is None:
        x, axis = x.reshape(-1), 0
    add = torch.cumprod if multiply else torch.cumsum
    return add(x, one_axis(axis, x.ndim), dtype=x.dtype)


@operation("Cumsum")
def cumsum(x: Any, axis: int | None = None, dtype: Any = None) -> Any:
    """Return the sum of what came so far."""
    return _running(x, axis, dtype, multiply=False)


@operation("Cumprod")
def cumprod(x: Any, axis: int | None = None, dtype: Any = None) -> Any:
    """Return the product of what came so far."""
    return _running(x, axis, dtype, multiply=True)
