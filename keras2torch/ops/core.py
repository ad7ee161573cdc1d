"""Conversions, and reading and writing parts of tensors.

Source: ``keras/src/ops/core.py`` and ``keras/src/backend/tensorflow/core.py`` (3.15).
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Sequence
from functools import wraps
from math import prod
from typing import Any

import numpy as np
import torch

from keras2torch import tree
from keras2torch.ops.base import any_symbolic, operation
from keras2torch.ops.promotion import tensor
from keras2torch.tensors import torch_dtype

_REDUCTIONS = {"add": "sum", "max": "amax", "min": "amin", "mul": "prod"}


def convert_to_tensor(
    x: Any, dtype: Any = None, sparse: bool | None = None, ragged: bool | None = None
) -> Any:
    """Return a tensor of an array, weight, number or list.

    Parameters
    ----------
    x
        What is a tensor already is given back, cast if need be. Fractions of Python's
        become float32, its integers int32; arrays keep their dtype.
    dtype
        Of the result.
    sparse, ragged
        Tensors here are dense: nothing is to be done.
    """
    kind = None if dtype is None else _standard(dtype)
    return _converted(x, kind, sparse, ragged)


@operation("ConvertToTensor")
def _converted(
    x: Any, dtype: str | None = None, sparse: Any = None, ragged: Any = None
) -> Any:
    return tensor(x, dtype)


def _standard(dtype: Any) -> str:
    """Return the name of a dtype, which a file can say."""
    return str(torch_dtype(dtype)).removeprefix("torch.")


def convert_to_numpy(x: Any) -> Any:
    """Return the values as an array of its own.

    Raises
    ------
    ValueError
        For a symbolic tensor, which has none.
    """
    if any_symbolic([x]):
        return np.array(x)  # a symbolic tensor says that it has none
    if not (isinstance(x, torch.Tensor) or callable(getattr(x, "keras", None))):
        return np.array(x)
    found = tensor(x).detach().cpu()
    if found.dtype is torch.bfloat16:
        from ml_dtypes import bfloat16  # numpy itself has no such dtype

        return found.view(torch.int16).numpy().view(bfloat16).copy()
    return np.array(found.resolve_conj().resolve_neg().numpy())


def cast(x: Any, dtype: Any) -> Any:
    """The same values in another dtype; what has fractions loses them for integers."""
    return _cast(x, _standard(dtype))


@operation("Cast")
def _cast(x: Any, dtype: str) -> Any:
    found, kind = tensor(x), torch_dtype(dtype)
    if found.is_complex() and not kind.is_complex:
        found = found.real
    return found.to(kind)


def saturate_cast(x: Any, dtype: Any) -> Any:
    """The same values in another dtype, the nearest it has where they are beyond."""
    return _saturated(x, _standard(dtype))


@operation("SaturateCast")
def _saturated(x: Any, dtype: str) -> Any:
    found, kind = tensor(x), torch_dtype(dtype)
    if found.dtype is torch.bool or kind is found.dtype:
        return found.to(kind)
    low, high = _common_limits(found.dtype, kind)
    return found.clamp(low, high).to(kind)


def _common_limits(dtype: torch.dtype, other: torch.dtype) -> tuple[Any, Any]:
    """Return the least and largest value of one dtype that another has, too."""
    low = max(_limits(dtype)[0], _limits(other)[0])
    high = min(_limits(dtype)[1], _limits(other)[1])
    if not dtype.is_floating_point:
        return int(low), int(high)
    return _inside(low, dtype), _inside(high, dtype)


def _limits(dtype: torch.dtype) -> tuple[Any, Any]:
    if dtype is torch.bool:
        return 0, 1
    about = (
        torch.finfo(dtype)
        if dtype.is_floating_point or dtype.is_complex
        else torch.iinfo(dtype)
    )
    return about.min, about.max


def _inside(limit: Any, dtype: torch.dtype) -> float:
    """Return a limit in a dtype, rounded towards 0: 2**31 - 1 is no float32."""
    found = torch.tensor(float(limit), dtype=dtype, device="cpu")
    if builtins.abs(int(found)) > builtins.abs(int(limit)):
        bits = {2: torch.int16, 4: torch.int32, 8: torch.int64}[dtype.itemsize]
        found = (found.view(bits) - 1).view(dtype)
    return float(found)


def shape(x: Any) -> tuple[Any, ...]:
    """Return the sizes, ``None`` for those of a symbolic tensor that are not known."""
    return tuple(x.shape) if hasattr(x, "shape") else tuple(tensor(x).shape)


def dtype(x: Any) -> str:
    """Return the name of a tensor's dtype: ``"float32"``."""
    return str(getattr(x.dtype, "name", x.dtype)).removeprefix("torch.")


def is_tensor(x: Any) -> bool:
    """Whether something is a tensor with values."""
    return isinstance(x, torch.Tensor)


@operation("StopGradient", "variable")
def stop_gradient(variable: Any) -> Any:
    """The same values, through which no gradient goes."""
    return tensor(variable).detach()


@operation("Unstack", gives=list)
def unstack(x: Any, num: int | None = None, axis: int = 0) -> Any:
    """Return the parts of a tensor along an axis, which they do not have."""
    x = tensor(x)
    if num is not None and x.shape[axis] != num:
        raise ValueError(
            f"unstack: axis {axis} of a tensor of shape {tuple(x.shape)} has "
            f"{x.shape[axis]} parts, not {num}."
        )
    return list(x.unbind(axis))


# ------------------------------------------------------------------------- parts
@operation("Slice", "inputs start_indices")
def slice(inputs: Any, start_indices: Any, shape: Sequence[int]) -> Any:
    """Cut a block out.

    Parameters
    ----------
    inputs
        Any shape.
    start_indices
        Where it begins along each axis.
    shape
        Its sizes; -1 for all that is left.
    """
    x, starts = tensor(inputs), _integers(start_indices)
    if not len(starts) == len(shape) == x.ndim:
        raise ValueError(
            f"slice of a tensor of {x.ndim} axes wants as many starts and sizes, not "
            f"{len(starts)} and {len(shape)}."
        )
    for axis, (start, size) in enumerate(zip(starts, _integers(shape), strict=True)):
        x = x.narrow(axis, start, x.shape[axis] - start if size == -1 else size)
    return x


@operation("SliceUpdate", "inputs start_indices updates")
def slice_update(inputs: Any, start_indices: Any, updates: Any) -> Any:
    """Put a block into a copy of a tensor; one that would stick out is moved in."""
    x = tensor(inputs)
    block = tensor(updates).to(x)
    made = part = x.clone()
    starts = _integers(start_indices)
    for axis, (start, size) in enumerate(zip(starts, block.shape, strict=True)):
        last = x.shape[axis] - size
        part = part.narrow(axis, min(max(start, 0), last), size)
    part.copy_(block)
    return made


def _integers(values: Any) -> list[int]:
    if isinstance(values, (torch.Tensor, np.ndarray)):
        return [int(v) for v in values.tolist()]
    return [int(v) for v in values]


@operation("Scatter", "indices values")
def scatter(indices: Any, values: Any, shape: Sequence[int]) -> Any:
    """Put values into zeros; those of one place are added.

    Parameters
    ----------
    indices
        Along their last axis the place of each value.
    values
        As many, each a number or a block of the axes that have no index.
    shape
        Of the result.
    """
    found = tensor(values)
    return _scattered(found.new_zeros(_integers(shape)), indices, found, "add")


@operation("ScatterUpdate", "inputs indices updates")
def scatter_update(
    inputs: Any, indices: Any, updates: Any, reduction: str | None = None
) -> Any:
    """Put values into a copy of a tensor.

    Parameters
    ----------
    inputs
        Any shape.
    indices, updates
        Places and values as for :func:`scatter`.
    reduction
        What becomes of a value that is there: it is replaced unless this is ``"add"``,
        ``"max"``, ``"min"`` or ``"mul"``.
    """
    x = tensor(inputs)
    if reduction is not None and reduction.lower() not in _REDUCTIONS:
        raise ValueError(
            f"Invalid reduction: {reduction}. "
            "Supported values are: None, 'add', 'max', 'min', 'mul'."
        )
    how = None if reduction is None else reduction.lower()
    return _scattered(x, indices, tensor(updates).to(x), how)


def _scattered(
    x: torch.Tensor, indices: Any, updates: torch.Tensor, reduction: str | None
) -> torch.Tensor:
    places = tensor(indices).to(x.device, torch.int64)
    depth = places.shape[-1]
    inner = x.shape[depth:]
    if tuple(updates.shape) != (*places.shape[:-1], *inner):
        raise ValueError(
            f"values of shape {tuple(updates.shape)} do not fit indices of shape "
            f"{tuple(places.shape)} into a tensor of shape {tuple(x.shape)}: they "
            f"would have {(*places.shape[:-1], *inner)}."
        )
    line = torch.zeros(places.shape[:-1], dtype=torch.int64, device=x.device)
    for axis in range(depth):
        line = line * x.shape[axis] + places[..., axis]
    flat = x.reshape(prod(x.shape[:depth]), *inner)
    line, updates = line.reshape(-1), updates.reshape(-1, *inner)
    if reduction is None:
        made = flat.index_copy(0, line, updates)
    elif reduction == "add":
        made = flat.index_add(0, line, updates)
    else:
        how = _REDUCTIONS[reduction]
        at = line.reshape(-1, *[1] * len(inner)).expand_as(updates)
        made = flat.scatter_reduce(0, at, updates, how, include_self=True)
    return made.reshape(x.shape)


# --------------------------------------------------------------------- gradients
def custom_gradient(f: Callable[..., Any]) -> Callable[..., Any]:
    """Give a function a gradient of its own.

    Parameters
    ----------
    f
        Takes tensors; returns its result and a function of the gradients of what came
        out, which returns those of what went in.
    """

    @wraps(f)
    def called(*args: Any, **kwargs: Any) -> Any:
        given = [tensor(a) for a in args]
        return _OwnGradient.apply(f, kwargs, *given)

    return called


class _OwnGradient(torch.autograd.Function):
    """A function with the gradient that came along with its result."""

    @staticmethod
    def forward(ctx: Any, f: Any, options: Any, *args: Any) -> Any:
        with torch.enable_grad():
            result, ctx.gradient = f(*(a.detach() for a in args), **options)
        results = tree.flatten(result)
        if any(torch.is_tensor(r) and r.requires_grad for r in results):
            raise TypeError(
                "custom_gradient: the function uses a weight that is none of its "
                "arguments, and would get no gradient. Hand it over as an argument."
            )
        ctx.mark_non_differentiable(
            *(r for r in results if not (r.is_floating_point() or r.is_complex()))
        )
        return result if torch.is_tensor(result) else tuple(results)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        made = ctx.gradient(*gradients)
        found = list(made) if isinstance(made, (list, tuple)) else [made]
        return (None, None, *found)


__all__ = [
    "cast",
    "convert_to_numpy",
    "convert_to_tensor",
    "custom_gradient",
    "dtype",
    "is_tensor",
    "saturate_cast",
    "scatter",
    "scatter_update",
    "shape",
    "slice",
    "slice_update",
    "stop_gradient",
    "unstack",
]
