"""Tensors of ones, of zeros, of numbers in order.

Source: ``keras/src/ops/numpy.py`` and ``keras/src/backend/tensorflow/numpy.py`` (3.15).
"""

from __future__ import annotations

from typing import Any

import torch

from keras2torch.models.context import default_device
from keras2torch.models.naming import floatx
from keras2torch.ops import specs
from keras2torch.ops.base import operation
from keras2torch.ops.promotion import common_dtype, is_weak, kind, tensor, tensors
from keras2torch.ops.shaping import sizes
from keras2torch.tensors import torch_dtype


@operation("Array")
def array(x: Any, dtype: Any = None) -> Any:
    """Return a tensor.

    Parameters
    ----------
    x
        A tensor, array, number or list.
    dtype
        Its own unless given; of Python's numbers int32 or the floating one in force.
    """
    return tensor(x, dtype)


# ------------------------------------------------------------------------- one value
def zeros(shape: Any, dtype: Any = None) -> Any:
    """Return zeros, of the floating dtype in force unless one is given."""
    return torch.zeros(sizes(shape), dtype=torch_dtype(dtype), device=default_device())


def ones(shape: Any, dtype: Any = None) -> Any:
    """Return ones, of the floating dtype in force unless one is given."""
    return torch.ones(sizes(shape), dtype=torch_dtype(dtype), device=default_device())


def empty(shape: Any, dtype: Any = None) -> Any:
    """Return zeros, as Keras on TensorFlow does."""
    return zeros(shape, dtype)


@operation("Full", "fill_value")
def full(shape: Any, fill_value: Any, dtype: Any = None) -> Any:
    """Return one value everywhere.

    Parameters
    ----------
    shape
        Of the result.
    fill_value
        A number, or a tensor that is broadcast.
    dtype
        The floating dtype in force unless given.
    """
    value = tensor(fill_value, torch_dtype(dtype))
    return value.expand(sizes(shape)).clone()


def _dtype_like(x: torch.Tensor, dtype: Any) -> torch.dtype:
    return x.dtype if dtype is None else torch_dtype(dtype)


@operation("ZerosLike")
def zeros_like(x: Any, dtype: Any = None) -> Any:
    """Return zeros in the shape of a tensor, and of its dtype unless one is given."""
    x = tensor(x)
    return torch.zeros_like(x, dtype=_dtype_like(x, dtype))


@operation("OnesLike")
def ones_like(x: Any, dtype: Any = None) -> Any:
    """Return ones in the shape of a tensor, and of its dtype unless one is given."""
    x = tensor(x)
    return torch.ones_like(x, dtype=_dtype_like(x, dtype))


@operation("EmptyLike")
def empty_like(x: Any, dtype: Any = None) -> Any:
    """Return zeros in the shape of a tensor, as Keras on TensorFlow does."""
    x = tensor(x)
    return torch.zeros_like(x, dtype=_dtype_like(x, dtype))


@operation("FullLike", "x fill_value")
def full_like(x: Any, fill_value: Any, dtype: Any = None) -> Any:
    """Return one value in the shape of a tensor, of its dtype unless one is given."""
    x, value = tensors(x, fill_value)
    return value.to(x.device, _dtype_like(x, dtype)).expand(x.shape).clone()


# --------------------------------------------------------------------------- in order
@operation("Arange", "start stop step")
def arange(start: Any, stop: Any = None, step: Any = None, dtype: Any = None) -> Any:
    """Return numbers from one on to before another.

    Parameters
    ----------
    start, stop
        From where, up to before where; of one alone from 0 on.
    step
        From each to the next, 1 unless given.
    dtype
        That of the numbers given unless this is: int32 of integers.
    """
    given = [v for v in (start, stop, step) if v is not None]
    wanted = common_dtype(*map(kind, given)) if dtype is None else torch_dtype(dtype)
    ends = (start, stop, 1 if step is None else step)
    first, last, by = (v if v is None or is_weak(v) else tensor(v).item() for v in ends)
    if last is None:
        first, last = 0, first
    if by == 0:
        raise ValueError("arange: step must not be 0.")
    device = next((v.device for v in given if isinstance(v, torch.Tensor)), None)
    if (last - first) / by <= 0:
        return torch.zeros(0, dtype=wanted, device=device or default_device())
    # Made on the CPU in the wanted dtype: a GPU has no arange of some of them.
    return torch.arange(
        first, last, by, dtype=wanted, device=device or default_device()
    )


def _spaced(
    start: torch.Tensor, stop: torch.Tensor, num: int, endpoint: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return numbers along a new first axis, and the step between them."""
    start, stop = torch.broadcast_tensors(start, stop)
    gaps = num - 1 if endpoint else num
    step = (stop - start) / gaps if gaps > 0 else torch.full_like(start, torch.nan)
    count = torch.arange(num, dtype=start.dtype, device=start.device)
    found = start + count.reshape(-1, *[1] * start.ndim) * (
        (stop - start) / max(gaps, 1)
    )
    if endpoint and num > 1:
        found = torch.cat([found[:-1], stop[None]])
    return found, step


def _check_num(num: int) -> None:
    if num < 0:
        raise ValueError(f"`num` must be a non-negative integer. Received: num={num}")


@operation("Linspace", "start stop", spec=specs.spaced)
def linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    """Return numbers at one distance from each other.

    Parameters
    ----------
    start, stop
        The first and the last; tensors as well.
    num
        How many.
    endpoint
        Whether ``stop`` is among them.
    retstep
        Whether the distance is returned, too.
    dtype
        Of the result; whole numbers are rounded down.
    axis
        Of the result, along which they are.
    """
    _check_num(num)
    given = common_dtype(kind(start), kind(stop), "float")
    wanted = given if dtype is None else torch_dtype(dtype)
    first, last = (t.to(wanted) for t in tensors(start, stop))
    if not wanted.is_floating_point:
        first, last = first.double(), last.double()
    found, step = _spaced(first, last, num, endpoint)
    if not wanted.is_floating_point:
        found = torch.floor(found)
    found = found.to(wanted).movedim(0, axis)
    return (found, step) if retstep else found


@operation("Logspace", "start stop", spec=specs.spaced)
def logspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    base: Any = 10,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    """Return a number to powers at one distance from each other.

    Parameters
    ----------
    start, stop
        The first and the last power.
    num, endpoint, dtype, axis
        As for :func:`linspace`.
    base
        The number.
    """
    powers = linspace(start, stop, num, endpoint, dtype=dtype, axis=axis)
    return torch.pow(tensor(base).to(powers.device, powers.dtype), powers)


@operation("Geomspace", "start stop", spec=specs.spaced)
def geomspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    """Return numbers of which each is the one before by the same factor.

    Parameters
    ----------
    start, stop
        The first and the last, of one sign.
    num, endpoint, dtype, axis
        As for :func:`linspace`.
    """
    wanted = torch_dtype(dtype or floatx())
    first, last = (t.to(wanted) for t in tensors(start, stop))
    low, high = (torch.log10(torch.abs(t)) for t in (first, last))
    found = logspace(low, high, num, endpoint, dtype=dtype, axis=axis)
    return found * torch.sign(first)
