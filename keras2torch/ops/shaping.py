"""Other shapes and orders of the same values.

Source: ``keras/src/ops/numpy.py`` and ``keras/src/backend/tensorflow/numpy.py`` (3.15).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from keras2torch.models.symbolic import KerasTensor
from keras2torch.ops.base import all_axes, one_axis, operation
from keras2torch.ops.promotion import tensor

# As numpy calls them; TensorFlow has the first two, a border of zeros aside.
_BORDERS = {
    "reflect": "reflect",
    "symmetric": "symmetric",
    "edge": "edge",
    "wrap": "wrap",
    "circular": "wrap",
}


def sizes(shape: Any) -> list[int]:
    """Return the sizes in a shape: a number, several, or a tensor of them."""
    if isinstance(shape, (torch.Tensor, np.ndarray)):
        shape = shape.tolist()
    several = shape if isinstance(shape, (list, tuple)) else [shape]
    if any(n is None for n in several):
        raise ValueError(
            f"the sizes {shape} are not all known: a None of a symbolic tensor is none "
            "that an operation can be told. Give a number, or -1 to reshape; in the "
            "call of a layer of your own all sizes are known."
        )
    return [int(n) for n in several]


# ------------------------------------------------------------------------------ shape
@operation("Reshape")
def _reshape(x: Any, newshape: Any) -> Any:
    if isinstance(newshape, tuple):
        newshape = [-1 if n is None else n for n in newshape]
    wanted = sizes(newshape)
    if wanted.count(-1) > 1:
        raise ValueError(
            "There must be at most one unknown dimension (-1) in newshape. Received: "
            f"newshape={newshape}"
        )
    return tensor(x).reshape(wanted)


def reshape(x: Any, newshape: Any) -> Any:
    """Return the same values in another shape; one size may be -1.

    Parameters
    ----------
    x
        A tensor.
    newshape
        A number or several; ``None`` is -1.
    """
    # A file has a tuple, whatever was given.
    if isinstance(newshape, (list, tuple)):
        return _reshape(x, tuple(newshape))
    return _reshape(x, (newshape,) if isinstance(newshape, int) else newshape)


@operation("Ravel")
def ravel(x: Any) -> Any:
    """Return the values in one row."""
    return tensor(x).reshape(-1)


@operation("ExpandDims")
def expand_dims(x: Any, axis: int | Sequence[int]) -> Any:
    """Return the tensor with axes of size 1 at these places of the result."""
    x = tensor(x)
    count = len(axis) if isinstance(axis, (list, tuple)) else 1
    for a in sorted(all_axes(axis, x.ndim + count)):
        x = x.unsqueeze(a)
    return x


@operation("Squeeze")
def squeeze(x: Any, axis: int | Sequence[int] | None = None) -> Any:
    """Return the tensor without axes of size 1: all of them, or those named."""
    x = tensor(x)
    if axis is None:
        return x.squeeze()
    axes = all_axes(axis, x.ndim)
    for a in axes:
        if x.shape[a] != 1:
            raise ValueError(
                f"Cannot squeeze axis={a} of a tensor of shape {tuple(x.shape)}: its "
                "size is not 1."
            )
    return x.squeeze(axes)


@operation("BroadcastTo")
def broadcast_to(x: Any, shape: Any) -> Any:
    """Return the tensor repeated along axes of size 1 until it has this shape."""
    return tensor(x).broadcast_to(sizes(shape))


@operation("Size")
def size(x: Any) -> Any:
    """Return how many values there are, as a tensor of int32."""
    x = tensor(x)
    return torch.tensor(x.numel(), dtype=torch.int32, device=x.device)


def ndim(x: Any) -> int:
    """Return how many axes there are."""
    return int(x.ndim) if hasattr(x, "ndim") else int(tensor(x).ndim)


# -------------------------------------------------------------------- order of the axes
@operation("Transpose")
def transpose(x: Any, axes: Sequence[int] | None = None) -> Any:
    """Return the axes in another order, the reverse one unless given."""
    x = tensor(x)
    if not axes:
        return x.permute(*reversed(range(x.ndim)))
    order = all_axes(tuple(axes), x.ndim)
    if len(set(order)) != len(order) or len(order) != x.ndim:
        raise ValueError(
            "`axes` must be a valid permutation of the input dimensions. Received: "
            f"axes={list(axes)} for input of rank {x.ndim}."
        )
    return x.permute(order)


@operation("Swapaxes")
def swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    """Return the tensor with two axes exchanged."""
    x = tensor(x)
    return x.transpose(one_axis(axis1, x.ndim), one_axis(axis2, x.ndim))


@operation("Moveaxis")
def moveaxis(
    x: Any, source: int | Sequence[int], destination: int | Sequence[int]
) -> Any:
    """Return the tensor with axes at other places."""
    x = tensor(x)
    there, here = all_axes(source, x.ndim), all_axes(destination, x.ndim)
    if len(there) != len(here):
        raise ValueError(
            "Inconsistent number of `source` and `destination`. Received: "
            f"source={source}, destination={destination}"
        )
    return x.movedim(there, here)


# ---------------------------------------------------------------- order along the axes
@operation("Flip")
def flip(x: Any, axis: int | Sequence[int] | None = None) -> Any:
    """Return the reverse order along axes, all unless given."""
    x = tensor(x)
    return x.flip(all_axes(axis, x.ndim))


@operation("Fliplr")
def fliplr(x: Any) -> Any:
    """Return the reverse order along the second axis."""
    return tensor(x).flip(1)


@operation("Flipud")
def flipud(x: Any) -> Any:
    """Return the reverse order along the first axis."""
    return tensor(x).flip(0)


@operation("Rot90", "array")
def rot90(array: Any, k: int = 1, axes: Sequence[int] = (0, 1)) -> Any:
    """Return the tensor turned by right angles, from the first axis to the second.

    Parameters
    ----------
    array
        Of two or more axes.
    k
        How many right angles.
    axes
        The plane.
    """
    x = tensor(array)
    if x.ndim < 2:
        raise ValueError(
            "Input array must have at least 2 dimensions. Received: array.ndim="
            f"{x.ndim}"
        )
    if len(axes) != 2 or axes[0] == axes[1]:
        raise ValueError(
            f"Invalid axes: {axes}. Axes must be a tuple of two different dimensions."
        )
    return torch.rot90(x, k, tuple(axes))


@operation("Roll")
def roll(x: Any, shift: Any, axis: int | Sequence[int] | None = None) -> Any:
    """Return the tensor with what leaves at one end of an axis back at the other.

    Parameters
    ----------
    x
        A tensor.
    shift
        By how much; one for each axis.
    axis
        Along which; that of all values in a row unless given.
    """
    x = tensor(x)
    steps = sizes(shift)
    if axis is None:
        return torch.roll(x, steps)
    axes = all_axes(axis, x.ndim)
    return torch.roll(x, steps * (len(axes) // len(steps)), axes)


# -------------------------------------------------------------------------- repetition
@operation("Tile")
def tile(x: Any, repeats: Any) -> Any:
    """Return the tensor so many times along each axis, the last ones first."""
    return torch.tile(tensor(x), sizes(repeats))


def _repeated(x: KerasTensor, repeats: Any, axis: int | None) -> KerasTensor:
    """Return what stands for entries that are there several times."""
    times, shape = sizes(repeats), list(x.shape)
    if axis is None:
        known = [n for n in shape if n is not None]
        shape, axis = [math.prod(known) if len(known) == len(shape) else None], 0
    place = one_axis(axis, len(shape))
    size = shape[place]
    if len(times) == 1:
        shape[place] = None if size is None else size * times[0]
    else:
        shape[place] = sum(times)
    return KerasTensor(shape, x.dtype)


@operation("Repeat", spec=_repeated)
def repeat(x: Any, repeats: Any, axis: int | None = None) -> Any:
    """Return each entry so many times.

    Parameters
    ----------
    x
        A tensor.
    repeats
        A number, or one for each entry along the axis.
    axis
        Along which; all values in a row unless given.
    """
    x = tensor(x)
    if axis is None:
        x, axis = x.reshape(-1), 0
    times = sizes(repeats)
    if len(times) == 1:
        return x.repeat_interleave(times[0], dim=one_axis(axis, x.ndim))
    counts = torch.tensor(times, device=x.device)
    return x.repeat_interleave(counts, dim=one_axis(axis, x.ndim))


def _pads(pad_width: Any, rank: int) -> list[tuple[int, int]]:
    """Return how many there are before and after, for each axis."""
    if isinstance(pad_width, (torch.Tensor, np.ndarray)):
        pad_width = pad_width.tolist()
    if isinstance(pad_width, int):
        pad_width = ((pad_width, pad_width),)
    elif isinstance(pad_width[0], int):
        pad_width = (pad_width,)
    if len({len(p) for p in pad_width}) > 1:
        raise ValueError(
            "`pad_width` should be a list of tuples of length 1 or 2. Received: "
            f"pad_width={pad_width}"
        )
    pairs = [(int(p[0]), int(p[-1])) for p in pad_width]
    if len(pairs) not in (1, rank):
        raise ValueError(
            "`pad_width` must have the same length as `x.shape`. Received: "
            f"pad_width={pad_width} (of length {len(pairs)}) and x of {rank} axes"
        )
    return pairs * rank if len(pairs) == 1 else pairs


@operation("Pad", "x constant_values")
def pad(
    x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = None
) -> Any:
    """Return the tensor with a border.

    Parameters
    ----------
    x
        A tensor.
    pad_width
        Entries before and after: a number, a pair, or a pair for each axis.
    mode
        ``"constant"``, ``"reflect"``, ``"symmetric"``, ``"edge"`` or ``"wrap"``.
    constant_values
        What the border is made of, 0 unless given.
    """
    x = tensor(x)
    if mode != "constant" and constant_values is not None:
        raise ValueError(
            "Argument `constant_values` can only be provided when "
            f"`mode == 'constant'`. Received: mode={mode}"
        )
    pads = _pads(pad_width, x.ndim)
    if mode == "constant":
        flat = [n for pair in reversed(pads) for n in pair]
        value = tensor(0 if constant_values is None else constant_values).item()
        return torch.nn.functional.pad(x, flat, value=value)
    if mode not in _BORDERS:
        raise ValueError(
            f"pad has no mode {mode!r}: there are 'constant', {', '.join(_BORDERS)}."
        )
    for axis, pair in enumerate(pads):
        if pair != (0, 0):
            places = np.pad(np.arange(x.shape[axis]), pair, mode=_BORDERS[mode])  # type: ignore[call-overload]
            x = x.index_select(axis, torch.from_numpy(places).to(x.device))
    return x
