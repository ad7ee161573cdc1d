"""Quantiles, with and without what is NaN.

Source: ``_quantile`` in ``keras/src/backend/tensorflow/numpy.py`` (3.15).
"""

from __future__ import annotations

from typing import Any

import torch

from keras2torch.ops.base import all_axes, operation
from keras2torch.ops.promotion import floats, tensor

_METHODS = ("linear", "lower", "higher", "midpoint", "nearest")


def _at(
    ordered: torch.Tensor, counts: torch.Tensor, q: torch.Tensor, method: str
) -> torch.Tensor:
    """Return the quantiles of rows in order.

    Parameters
    ----------
    ordered
        Sorted along the last axis.
    counts
        How many of each row count; the shape of ``ordered`` with one column.
    q
        A vector of float64.
    method
        What lies between two.
    """
    last = counts.to(torch.float64) - 1
    exact = last * q

    def there(place: torch.Tensor) -> torch.Tensor:
        kept = torch.minimum(place, last).clamp(min=0).to(torch.int64)
        return torch.gather(ordered, -1, kept)

    if method == "nearest":
        return there(torch.round(exact))
    low, high = torch.floor(exact), torch.ceil(exact)
    if method in ("lower", "higher"):
        return there(low if method == "lower" else high)
    if method == "midpoint":
        return 0.5 * (there(low) + there(high))
    # Both lie beside each other, so that each has its gradient.
    low = (high.clamp(min=0) - 1).clamp(min=0)
    high = torch.minimum(low + 1, last.clamp(min=0))
    share = (high - exact).to(ordered.dtype)
    return there(high) * (1 - share) + there(low) * share


def _quantile(
    x: Any, q: Any, axis: Any, method: str, keepdims: bool, without_nan: bool
) -> Any:
    if method not in _METHODS:
        raise ValueError(
            f"Invalid method: {method!r}. Method must be one of: {', '.join(_METHODS)}."
        )
    x = floats(x)
    q = tensor(q).to(x.device, torch.float64)
    axes = all_axes(axis, x.ndim)
    others = [i for i in range(x.ndim) if i not in axes]
    rest = [x.shape[i] for i in others]
    rows = x.permute(*others, *axes).reshape(*rest, -1)
    missing = torch.isnan(rows)
    ordered = rows.sort(-1).values
    if without_nan:
        counts = (~missing).sum(-1, keepdim=True)
    else:
        counts = torch.full([*rest, 1], rows.shape[-1], device=x.device)
    found = _at(ordered, counts, q.reshape(-1), method)
    if not without_nan:
        found = found.masked_fill(missing.any(-1, keepdim=True), torch.nan)
    shape = [1 if i in axes else n for i, n in enumerate(x.shape)] if keepdims else rest
    found = found.movedim(-1, 0)
    return found.reshape([*q.shape, *shape])


def _share(q: Any) -> torch.Tensor:
    """Return percents as shares of 1."""
    found: torch.Tensor = tensor(q).to(torch.get_default_dtype()) / 100
    return found


@operation("Quantile", "x q")
def quantile(
    x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False
) -> Any:
    """Return below what a share of the values lies.

    Parameters
    ----------
    x
        A tensor.
    q
        Shares, from 0 to 1; their axes come first.
    axis
        One, several, or all.
    method
        ``"linear"``, ``"lower"``, ``"higher"``, ``"midpoint"`` or ``"nearest"``.
    keepdims
        Whether the axes stay, with size 1.
    """
    return _quantile(x, q, axis, method, keepdims, without_nan=False)


@operation("Percentile", "x q")
def percentile(
    x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False
) -> Any:
    """Return below what so many percent of the values lie, as :func:`quantile`."""
    return _quantile(x, _share(q), axis, method, keepdims, without_nan=False)


@operation("Median")
def median(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the one in the middle, or the mean of the two."""
    return _quantile(x, 0.5, axis, "linear", keepdims, without_nan=False)


@operation("Nanquantile", "x q")
def nanquantile(
    x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False
) -> Any:
    """Return what :func:`quantile` would without what is NaN."""
    q = tensor(q).to(torch.get_default_dtype())
    return _quantile(x, q, axis, method, keepdims, without_nan=True)


@operation("Nanpercentile", "x q")
def nanpercentile(
    x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False
) -> Any:
    """Return what :func:`percentile` would without what is NaN."""
    return _quantile(x, _share(q), axis, method, keepdims, without_nan=True)


@operation("Nanmedian")
def nanmedian(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the one in the middle of what is not NaN."""
    if axis in ((), []):
        return tensor(x)
    return _quantile(x, 0.5, axis, "linear", keepdims, without_nan=True)
