"""Segments, the largest entries, special functions.

Source: ``keras/src/ops/math.py`` and ``keras/src/backend/tensorflow/math.py`` (3.15).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch

from keras2torch.models.symbolic import KerasTensor
from keras2torch.ops.base import operation
from keras2torch.ops.promotion import floats, tensor, tensors


# ---------------------------------------------------------------------- segments
def _segments(data: Any, segment_ids: Any, num_segments: Any, sorted: Any) -> Any:
    """Return what stands for a result: how many segments there are is seen later."""
    dtype = str(data.dtype).removeprefix("torch.")
    return KerasTensor((num_segments, *tuple(data.shape)[1:]), dtype)


@operation("SegmentSum", "data segment_ids", spec=_segments)
def segment_sum(
    data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False
) -> Any:
    """Add the entries of each segment.

    Parameters
    ----------
    data
        Entries along the first axis.
    segment_ids
        The number of each entry's segment; a negative one belongs to none.
    num_segments
        How many there are. Unless given, as many as there are numbers, or up to the
        largest one if they are sorted.
    sorted
        Whether the numbers are.
    """
    ids = tensor(segment_ids)
    if num_segments is None and not sorted:
        num_segments = len(torch.unique(ids))
    return _reduced(data, ids, num_segments, "sum")


@operation("SegmentMax", "data segment_ids", spec=_segments)
def segment_max(
    data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False
) -> Any:
    """Return the largest entry of each segment; arguments as of :func:`segment_sum`.

    A segment without entries has the least value that the dtype has, or 0 if the
    numbers are said to be sorted.
    """
    return _reduced(data, segment_ids, num_segments, "amax", zero=sorted)


@operation("SegmentMin", "data segment_ids", spec=_segments)
def segment_min(
    data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False
) -> Any:
    """Return the least entry of each segment; arguments as of :func:`segment_sum`.

    A segment without entries has the largest value that the dtype has, or 0 if the
    numbers are said to be sorted.
    """
    return _reduced(data, segment_ids, num_segments, "amin", zero=sorted)


@operation("SegmentProd", "data segment_ids", spec=_segments)
def segment_prod(
    data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False
) -> Any:
    """Multiply the entries of each segment; arguments as of :func:`segment_sum`."""
    return _reduced(data, segment_ids, num_segments, "prod")


def _reduced(
    data: Any, segment_ids: Any, count: int | None, how: str, zero: bool = False
) -> torch.Tensor:
    x, ids = tensors(data, segment_ids)
    if ids.ndim != 1 or len(ids) != len(x):
        raise ValueError(
            "`segment_ids` is a vector with a number for each entry of `data`: not of "
            f"shape {tuple(ids.shape)} for data of shape {tuple(x.shape)}."
        )
    ids = ids.long()
    if count is None:
        count = int(ids.max()) + 1 if len(ids) else 0
    elif len(ids) and int(ids.max()) >= count:
        raise ValueError(
            f"segment {int(ids.max())} is out of range: there are {count}. Say how "
            "many there are by `num_segments`."
        )
    if bool((ids < 0).any()):
        x, ids = x[ids >= 0], ids[ids >= 0]
    made: torch.Tensor = x.new_full((count, *x.shape[1:]), _empty(how, x.dtype))
    at = ids.reshape(-1, *[1] * (x.ndim - 1)).expand_as(x)
    made = made.scatter_reduce(0, at, x, how, include_self=True)
    if zero:
        there = torch.bincount(ids, minlength=count) > 0
        made = torch.where(there.reshape(-1, *[1] * (x.ndim - 1)), made, 0)
    return made


def _empty(how: str, dtype: torch.dtype) -> Any:
    if how in ("sum", "prod"):
        return int(how == "prod")
    about = torch.finfo(dtype) if dtype.is_floating_point else torch.iinfo(dtype)
    return about.min if how == "amax" else about.max


# --------------------------------------------------------------------- the largest
class TopK(NamedTuple):
    """The largest entries, and where they are."""

    values: Any
    indices: Any


@operation("TopK", gives=tuple)
def top_k(x: Any, k: int, sorted: bool = True) -> Any:
    """Return the largest entries along the last axis, and where they are.

    Parameters
    ----------
    x
        Any shape.
    k
        How many; of equal ones the first.
    sorted
        They are, largest first, in any case.
    """
    x = tensor(x)
    values, indices = torch.sort(x, dim=-1, descending=True, stable=True)
    if k > x.shape[-1]:
        raise ValueError(f"top_k: {x.shape[-1]} entries do not have a largest {k}.")
    return TopK(values[..., :k], indices[..., :k].to(torch.int32))


@operation("InTopK", "targets predictions")
def in_top_k(targets: Any, predictions: Any, k: int) -> Any:
    """Whether each target is among the classes with the largest predictions.

    Parameters
    ----------
    targets
        Class numbers.
    predictions
        (number of targets, classes).
    k
        How many classes; those that are equal to the last one count, too.
    """
    classes, scores = tensors(targets, predictions)
    classes = classes.long()
    exists = (classes >= 0) & (classes < scores.shape[-1])
    own = scores.gather(-1, torch.where(exists, classes, 0)[:, None])
    better = (scores > own).sum(-1)
    # A score that is no number leaves the order open.
    known = scores.isfinite().all(-1)
    return exists & known & (better < k)


@operation("Logsumexp")
def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Logarithm of the sum of the exponentials.

    Parameters
    ----------
    x
        Any shape.
    axis
        Along which the sum runs, one or several; ``None`` for all.
    keepdims
        Whether they stay, with size 1.
    """
    x = floats(x)
    axes = tuple(range(x.ndim)) if axis is None else axis
    return torch.logsumexp(x, axes, keepdim=keepdims) if axes != () else x


@operation("CDist", "x y")
def cdist(x: Any, y: Any) -> Any:
    """Euclidean distances between all points of one tensor and all of another.

    Parameters
    ----------
    x, y
        (…, points, coordinates).
    """
    x, y = tensors(x, y)
    if min(x.ndim, y.ndim) < 2:
        raise ValueError("`cdist` inputs must have rank >= 2")
    if x.shape[-1] != y.shape[-1]:
        raise ValueError("Last dimension of inputs to `cdist` must match")
    return (x.unsqueeze(-2) - y.unsqueeze(-3)).square().sum(-1).sqrt()


# --------------------------------------------------------------- entry by entry
@operation("Rsqrt")
def rsqrt(x: Any) -> Any:
    """``1 / sqrt(x)``."""
    return torch.rsqrt(floats(x))


@operation("Erf")
def erf(x: Any) -> Any:
    """Error function."""
    return torch.erf(floats(x))


@operation("Erfc")
def erfc(x: Any) -> Any:
    """``1 - erf(x)``."""
    return torch.erfc(floats(x))


@operation("Erfinv")
def erfinv(x: Any) -> Any:
    """Inverse of the error function."""
    return torch.erfinv(floats(x))


@operation("Logdet")
def logdet(x: Any) -> Any:
    """Logarithms of the determinants of positive definite matrices."""
    factor, failed = torch.linalg.cholesky_ex(tensor(x))
    found = 2 * factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)
    return torch.where(failed == 0, found, torch.nan)


@operation("ViewAsComplex")
def view_as_complex(x: Any) -> Any:
    """Complex numbers of pairs of numbers along the last axis."""
    x = tensor(x)
    if not x.ndim or x.shape[-1] != 2:
        raise ValueError(
            "Last dimension of input must be size 2 (real and imaginary). "
            f"Received shape: {tuple(x.shape)}"
        )
    return torch.complex(x[..., 0].float(), x[..., 1].float())


@operation("ViewAsReal")
def view_as_real(x: Any) -> Any:
    """Real and imaginary parts along an axis that is added behind."""
    x = tensor(x)
    parts = (x.real, x.imag) if x.is_complex() else (x, torch.zeros_like(x))
    return torch.stack(parts, -1)


__all__ = [
    "cdist",
    "erf",
    "erfc",
    "erfinv",
    "in_top_k",
    "logdet",
    "logsumexp",
    "rsqrt",
    "segment_max",
    "segment_min",
    "segment_prod",
    "segment_sum",
    "top_k",
    "view_as_complex",
    "view_as_real",
]
