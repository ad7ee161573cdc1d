"""Reductions that leave out what is NaN.

Source: ``keras/src/backend/tensorflow/numpy.py`` (3.15).
"""

from __future__ import annotations

from typing import Any

import torch

from keras2torch.ops import reductions
from keras2torch.ops.base import operation
from keras2torch.ops.elementwise import nan_to_num
from keras2torch.ops.promotion import floats, tensor


def _filled(x: Any, value: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Return a tensor with a number for each NaN, and where they were."""
    x = tensor(x)
    missing = torch.isnan(x)
    filled = x.masked_fill(missing, value) if x.is_floating_point() else x
    return filled, missing


@operation("Nansum")
def nansum(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the sum of what is not NaN."""
    return reductions.sum(_filled(x, 0.0)[0], axis, keepdims)


@operation("Nanprod")
def nanprod(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the product of what is not NaN."""
    return reductions.prod(_filled(x, 1.0)[0], axis, keepdims)


@operation("Nanmean")
def nanmean(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the mean of what is not NaN."""
    x = tensor(x)
    if axis in ((), []):
        return x
    if not x.is_floating_point():
        return reductions.mean(x, axis, keepdims)
    there = reductions.sum(~torch.isnan(x), axis, keepdims)
    return nansum(x, axis, keepdims) / there.to(x.dtype)


@operation("Nanvar")
def nanvar(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the variance of what is not NaN."""
    x = floats(x)
    there = ~torch.isnan(x)
    rest = torch.where(there, x - nanmean(x, axis, True), torch.zeros_like(x))
    count = reductions.sum(there, axis, keepdims).to(x.dtype)
    return reductions.sum(rest * rest, axis, keepdims) / count


@operation("Nanstd")
def nanstd(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the standard deviation of what is not NaN."""
    return torch.sqrt(nanvar(x, axis, keepdims))


@operation("Nanmax")
def nanmax(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the largest of what is not NaN; NaN if there is nothing else."""
    filled, missing = _filled(x, -torch.inf)
    found = reductions.max(filled, axis, keepdims)
    return _nan_where(reductions.all(missing, axis, keepdims), found)


@operation("Nanmin")
def nanmin(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the smallest of what is not NaN; NaN if there is nothing else."""
    filled, missing = _filled(x, torch.inf)
    found = reductions.min(filled, axis, keepdims)
    return _nan_where(reductions.all(missing, axis, keepdims), found)


@operation("Nanargmax")
def nanargmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Return where the largest is that is not NaN; -1 if there is none."""
    filled, missing = _filled(x, -torch.inf)
    found = reductions.argmax(filled, axis, keepdims)
    return found.masked_fill(reductions.all(missing, axis, keepdims), -1)


@operation("Nanargmin")
def nanargmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Return where the smallest is that is not NaN; -1 if there is none."""
    filled, missing = _filled(x, torch.inf)
    found = reductions.argmin(filled, axis, keepdims)
    return found.masked_fill(reductions.all(missing, axis, keepdims), -1)


@operation("Nancumsum")
def nancumsum(x: Any, axis: int | None = None, dtype: Any = None) -> Any:
    """Return the sum of what came so far and is not NaN."""
    return reductions.cumsum(nan_to_num(x), axis, dtype)


@operation("Nancumprod")
def nancumprod(x: Any, axis: int | None = None, dtype: Any = None) -> Any:
    """Return the product of what came so far and is not NaN."""
    return reductions.cumprod(nan_to_num(x, nan=1.0), axis, dtype)


def _nan_where(missing: torch.Tensor, found: torch.Tensor) -> torch.Tensor:
    return found.masked_fill(missing, torch.nan) if found.is_floating_point() else found
