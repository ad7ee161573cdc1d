"""Order, search, sets and counts.

Source: ``keras/src/ops/numpy.py`` and ``keras/src/backend/tensorflow/numpy.py`` (3.15).
"""

from __future__ import annotations

from typing import Any

import torch

from keras2torch.ops import specs
from keras2torch.ops.base import one_axis, operation
from keras2torch.ops.promotion import common_dtype, converted, kind, no_bool, tensor


# ------------------------------------------------------------------------------- order
@operation("Sort")
def sort(x: Any, axis: int | None = -1) -> Any:
    """Return the values in order along an axis, or all in a row."""
    x = tensor(x)
    if axis is None:
        x, axis = x.reshape(-1), 0
    return torch.sort(x, one_axis(axis, x.ndim)).values


@operation("Argsort")
def argsort(x: Any, axis: int | None = -1) -> Any:
    """Return where the values in order are, as int32; equal ones as they come."""
    x = tensor(x)
    if axis is None or x.ndim == 0:
        x, axis = x.reshape(-1), 0
    order = torch.argsort(x, dim=one_axis(axis, x.ndim), stable=True)
    return order.to(torch.int32)


@operation("Argpartition")
def argpartition(x: Any, kth: int, axis: int | None = -1) -> Any:
    """Return places with that of the ``kth`` in order, smaller ones before it."""
    return argsort(x, axis)


@operation("Diff", "a")
def diff(a: Any, n: int = 1, axis: int = -1) -> Any:
    """Return the differences of each value and the one before, ``n`` times."""
    a = tensor(a)
    if n < 0:
        raise ValueError(f"Order `n` must be non-negative. Received n={n}")
    if a.ndim == 0 and n:
        raise ValueError(
            f"`diff` requires input that is at least one dimensional. Received: a={a}"
        )
    return torch.diff(a, n, one_axis(axis, a.ndim)) if n else a


# ------------------------------------------------------------------------------ search
@operation("SearchSorted", "sorted_sequence values")
def searchsorted(sorted_sequence: Any, values: Any, side: str = "left") -> Any:
    """Return where values would come in a row that is in order, as int32.

    Parameters
    ----------
    sorted_sequence
        A row.
    values
        What is looked for.
    side
        ``"left"``: before those that are equal; ``"right"``: behind.
    """
    row, found = converted(sorted_sequence, values)
    if row.ndim != 1:
        raise ValueError(
            "`searchsorted` only supports 1-D sorted sequences. You can use "
            "`keras.ops.vectorized_map` to extend it to N-D sequences. Received: "
            f"sorted_sequence.shape={tuple(row.shape)}"
        )
    if side not in ("left", "right"):
        raise ValueError(f"`side` must be 'left' or 'right'. Received: side={side!r}")
    return torch.searchsorted(row, found, side=side, out_int32=True)


@operation("Digitize", "x bins")
def digitize(x: Any, bins: Any) -> Any:
    """Return how many limits are not above each value, as int32."""
    x = no_bool(tensor(x))
    wide = x.dtype is torch.float64
    limits = tensor(bins).to(x.device, torch.float32)
    if wide or not x.is_floating_point():
        x, limits = x.double(), limits.double()
    return torch.bucketize(x.to(limits.dtype), limits, right=True, out_int32=True)


@operation("IsIn", "x1 x2")
def isin(x1: Any, x2: Any, assume_unique: bool = False, invert: bool = False) -> Any:
    """Whether each value of ``x1`` is among ``x2``, or is not with ``invert``."""
    x, y = converted(x1, x2)
    if x.dtype is torch.bool:
        x, y = x.to(torch.uint8), y.to(torch.uint8)
    return torch.isin(x, y, assume_unique=assume_unique, invert=invert)


# ------------------------------------------------------------------------ sets, counts
def _sized(found: torch.Tensor, size: int, fill: Any, axis: int = 0) -> torch.Tensor:
    """Return so many entries along an axis, ``fill`` for those that are missing."""
    kept = found.narrow(axis, 0, min(size, found.shape[axis]))
    shape = list(kept.shape)
    shape[axis] = size - kept.shape[axis]
    return torch.cat([kept, kept.new_full(shape, fill)], axis)


@operation("Unique", spec=specs.different)
def unique(
    x: Any,
    sorted: bool = True,  # as Keras calls it
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    size: int | None = None,
    fill_value: Any = None,
) -> Any:
    """Return each value once.

    Parameters
    ----------
    x
        A tensor.
    sorted
        Whether they come in order, or as they are first met.
    return_index
        Whether it is returned where each is first.
    return_inverse
        Whether it is returned which of them each entry is.
    return_counts
        Whether it is returned how often each is there.
    axis
        Along which slices are compared; single values unless given.
    size
        How many are returned: the first of them, or ``fill_value`` behind them.
    fill_value
        0 unless given.
    """
    x = tensor(x)
    place = 0 if axis is None else one_axis(axis, x.ndim)
    rows = x.reshape(-1) if axis is None else x.transpose(0, place)
    found, inverse, counts = torch.unique(
        rows, sorted=True, return_inverse=True, return_counts=True, dim=0
    )
    places = torch.arange(rows.shape[0], device=x.device)
    first = places.new_full(counts.shape, rows.shape[0])
    first = first.scatter_reduce(0, inverse, places, "amin")
    if not sorted:
        order = torch.argsort(first)
        found, counts, first = found[order], counts[order], first[order]
        inverse = torch.argsort(order)[inverse]
    if axis is None:
        inverse = inverse.reshape(x.shape)
    if size is not None:
        found = _sized(found, size, 0 if fill_value is None else fill_value)
        first, counts = _sized(first, size, 1), _sized(counts, size, 0)
    results = [found if axis is None else found.transpose(0, place)]
    for wanted, more in (
        (return_index, first),
        (return_inverse, inverse),
        (return_counts, counts),
    ):
        if wanted:
            results.append(more.to(torch.int32))
    return tuple(results) if len(results) > 1 else results[0]


@operation("Bincount", spec=specs.counts)
def bincount(
    x: Any, weights: Any = None, minlength: int = 0, sparse: bool = False
) -> Any:
    """Return how often each integer from 0 on is there, for each row.

    Parameters
    ----------
    x
        Integers, one axis or two.
    weights
        What each counts, 1 unless given.
    minlength
        How many integers are counted at least.
    sparse
        Not supported when true.
    """
    if sparse:
        raise ValueError(
            "bincount: sparse results are not supported, pass sparse=False."
        )
    x = tensor(x)
    places = x.to(torch.int64)
    if weights is None:
        count = torch.ones_like(places, dtype=torch.int32)
    else:
        weights = tensor(weights).to(x.device)
        count = weights.to(common_dtype(kind(x), kind(weights)))
    most = int(places.max()) + 1 if places.numel() else 0
    shape = [*x.shape[:-1], max(most, minlength)]
    found = torch.zeros(shape, dtype=count.dtype, device=x.device)
    return found.scatter_add(-1, places, count)


@operation("Histogram", gives=tuple)
def histogram(x: Any, bins: int = 10, range: Any = None) -> Any:  # as Keras calls it
    """Return how many values lie in each of so many parts, and their limits.

    Parameters
    ----------
    x
        A row.
    bins
        How many parts.
    range
        A tuple: the smallest and the largest that count, those of ``x`` unless given.
    """
    if not isinstance(bins, int):
        raise TypeError(f"Argument `bins` must be of type `int`. Received: bins={bins}")
    if bins < 0:
        raise ValueError(
            f"Argument `bins` should be a non-negative integer. Received: bins={bins}"
        )
    if range and (len(range) != 2 or not isinstance(range, tuple)):
        raise ValueError(
            f"Argument `range` must be a tuple of two elements. Received: range={range}"
        )
    if range and range[1] < range[0]:
        raise ValueError(
            "The second element of `range` must be greater than the first. Received: "
            f"range={range}"
        )
    x = tensor(x)
    if x.ndim > 1:
        raise ValueError(
            "Input tensor must be 1-dimensional. Received: input.shape="
            f"{tuple(x.shape)}"
        )
    from keras2torch.ops.creating import linspace

    low, high = range or (x.min(), x.max())
    x = x[(x >= low) & (x <= high)]
    limits = linspace(low, high, bins + 1).to(x.device, x.dtype)
    places = torch.searchsorted(limits[1:-1].contiguous(), x, side="right")
    counts = torch.bincount(places, minlength=bins)
    return counts.to(x.dtype), limits
