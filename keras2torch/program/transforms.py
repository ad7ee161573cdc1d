"""What is done to Keras weights on their way, as steps that a program can apply.

The steps are not written beside the transforms, they are what the transforms do: each
is called with stand-ins for arrays, which note down every transpose and reshape. What
cannot be noted so is said to have no steps, and why.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from keras2torch.layers.definitions import Source

Shape = tuple[int, ...]
Step = dict[str, Any]
Array = npt.NDArray[Any]

# A longer list of indices is no description.
_MOST_INDICES = 512


@dataclass
class Steps:
    """How a torch tensor is made of Keras weights.

    Attributes
    ----------
    steps
        Each with its ``op``, and ``of``: the numbers of the values that it reads. The
        Keras weights have the first numbers, and each step makes one more value. The
        last is the result. ``None`` where there are none to tell.
    shape
        Of the result.
    """

    steps: list[Step] | None
    shape: Shape | None

    @property
    def axes(self) -> list[int] | None:
        """The permutation, where one weight is permuted at most."""
        if self.steps == [] and self.shape is not None:
            return list(range(len(self.shape)))
        only = self.steps[0] if self.steps and len(self.steps) == 1 else {}
        if only.get("op") != "transpose":
            return None
        return list(only["axes"])


def steps_of(source: Source, shapes: Sequence[Shape]) -> Steps:
    """Return the steps of a transform of arrays of these shapes."""
    tape = _Tape()
    given = [tape.value(tuple(shape)) for shape in shapes]
    try:
        found: Any = source.transform(*given)
        if not isinstance(found, _Traced):
            found = _uniform(tape, np.asarray(found))
        made: _Traced = found
        return Steps(tape.read_by(made.at, len(given)), made.shape)
    except _Untold:
        return Steps(None, None)
    except (TypeError, ValueError, AttributeError, IndexError):
        # numpy's own refusal of what is no array.
        return Steps(None, None)


class _Untold(Exception):
    """Something is done that has no step."""


def _uniform(tape: _Tape, array: Array) -> _Traced:
    """Return what is made of no weight: zeros, if it is that."""
    if not array.size or array.any():
        raise _Untold
    return tape.step("zeros", [], array.shape, shape=list(array.shape))


@dataclass
class _Tape:
    """Numbers the values, and notes how each is made."""

    values: list[_Traced] = field(default_factory=list)
    made: dict[int, Step] = field(default_factory=dict)

    def value(self, shape: Shape) -> _Traced:
        """Return a new value."""
        self.values.append(_Traced(self, len(self.values), shape))
        return self.values[-1]

    def step(self, op: str, of: list[_Traced], size: Shape, /, **told: Any) -> _Traced:
        """Note a step."""
        new = self.value(size)
        self.made[new.at] = {"op": op, "of": [a.at for a in of], **told}
        return new

    def before(self, value: _Traced, op: str) -> tuple[_Traced, Step] | None:
        """Return what a value is made of, and the step, if that has this ``op``."""
        step = self.made.get(value.at)
        if step is None or step["op"] != op:
            return None
        return self.values[step["of"][0]], step

    def read_by(self, last: int, given: int) -> list[Step]:
        """Return the steps that the last value needs, numbered anew."""
        needed, waiting = set(), [last]
        while waiting:
            here = waiting.pop()
            if here in self.made and here not in needed:
                needed.add(here)
                waiting += self.made[here]["of"]
        order = sorted(needed)
        numbers = {n: n for n in range(given)}
        numbers |= {n: given + i for i, n in enumerate(order)}
        steps = [
            {**self.made[n], "of": [numbers[m] for m in self.made[n]["of"]]}
            for n in order
        ]
        if not steps and last != given - 1:
            raise _Untold
        return steps


class _Traced:
    """Stands for an array, and notes what is done to it."""

    def __init__(self, tape: _Tape, at: int, shape: Shape) -> None:
        self.tape, self.at = tape, at
        self.shape: Shape = tuple(int(n) for n in shape)

    # -- what an array tells
    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __array__(self, *args: Any, **kwargs: Any) -> Array:
        raise _Untold

    # -- what is done to one
    @property
    def T(self) -> _Traced:
        return self.transpose()

    def transpose(self, *axes: Any) -> _Traced:
        given = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes
        order = [int(a) % self.ndim for a in given or range(self.ndim - 1, -1, -1)]
        if order == list(range(self.ndim)):
            return self
        if (before := self.tape.before(self, "transpose")) is not None:
            origin, step = before
            return origin.transpose([step["axes"][a] for a in order])
        shape = tuple(self.shape[a] for a in order)
        return self.tape.step("transpose", [self], shape, axes=order)

    def reshape(self, *shape: Any) -> _Traced:
        given = shape[0] if len(shape) == 1 and not isinstance(shape[0], int) else shape
        sizes = [int(n) for n in given]
        if -1 in sizes:
            rest = math.prod(n for n in sizes if n != -1)
            sizes[sizes.index(-1)] = self.size // rest
        if math.prod(sizes) != self.size:
            raise _Untold
        if tuple(sizes) == self.shape:
            return self
        if (before := self.tape.before(self, "reshape")) is not None:
            return before[0].reshape(sizes)
        return self.tape.step("reshape", [self], tuple(sizes), shape=sizes)

    def ravel(self) -> _Traced:
        return self.reshape(-1)

    def __getitem__(self, index: Any) -> _Traced:
        found = self
        axis = 0
        parts = index if isinstance(index, tuple) else (index,)
        if parts and parts[0] is Ellipsis:
            axis, parts = self.ndim - len(parts) + 1, parts[1:]
        for part in parts:
            if isinstance(part, slice):
                found, axis = found._sliced(part, axis), axis + 1
            elif isinstance(part, (int, np.integer)):
                found = found._selected(int(part), axis)
            elif isinstance(part, np.ndarray) and part.dtype.kind == "i":
                found, axis = found._taken(part, axis), axis + part.ndim
            else:
                raise _Untold
        return found

    def _with(self, axis: int, *sizes: int) -> Shape:
        return (*self.shape[:axis], *sizes, *self.shape[axis + 1 :])

    def _selected(self, at: int, axis: int) -> _Traced:
        told = {"axis": axis, "index": at % self.shape[axis]}
        return self.tape.step("select", [self], self._with(axis), **told)

    def _sliced(self, part: slice, axis: int) -> _Traced:
        size = self.shape[axis]
        start, stop, stride = part.indices(size)
        if (start, stop, stride) == (0, size, 1):
            return self
        if stride != 1:
            return self._taken(np.arange(size)[part], axis)
        told = {"axis": axis, "start": start, "stop": stop}
        shape = self._with(axis, max(stop - start, 0))
        return self.tape.step("slice", [self], shape, **told)

    def _taken(self, index: Array, axis: int) -> _Traced:
        """Take entries along an axis, told as reshapes and transposes if it is that."""
        flat = index.reshape(-1) % self.shape[axis]
        pieces = _pieces(flat) if len(flat) == self.shape[axis] else None
        if pieces is None:
            if len(flat) > _MOST_INDICES:
                raise _Untold
            told = {"axis": axis, "indices": flat.tolist()}
            shape = self._with(axis, len(flat))
            found = self.tape.step("take", [self], shape, **told)
        else:
            found = _concatenated([self._turned(p, axis) for p in pieces], axis)
        return found.reshape(found._with(axis, *index.shape))

    def _turned(self, piece: _Piece, axis: int) -> _Traced:
        own = self._sliced(slice(piece.start, piece.start + piece.size), axis)
        if len(piece.sizes) < 2:
            return own
        wide = own.reshape(own._with(axis, *piece.sizes))
        order = [axis + a for a in piece.order]
        after = range(axis + len(order), wide.ndim)
        turned = wide.transpose([*range(axis), *order, *after])
        return turned.reshape(own.shape)

    # -- arithmetic
    def __mul__(self, other: Any) -> _Traced:
        if isinstance(other, _Traced) or np.ndim(other):
            raise _Untold
        return self.tape.step("multiply", [self], self.shape, by=float(other))

    __rmul__ = __mul__

    def __add__(self, other: Any) -> _Traced:
        if not isinstance(other, _Traced) or other.shape != self.shape:
            raise _Untold
        return self.tape.step("add", [self, other], self.shape)

    def __array_ufunc__(
        self, function: Any, method: str, *inputs: Any, **kwargs: Any
    ) -> _Traced:
        if method != "__call__" or kwargs or len(inputs) != 2:
            raise _Untold
        first, second = inputs
        other: Any = second if first is self else first
        if function is np.multiply:
            return self.__mul__(other)
        if function is np.add:
            return self.__add__(other)
        raise _Untold

    def __array_function__(
        self, function: Any, types: Any, args: Any, kwargs: Any
    ) -> Any:
        if function not in _FUNCTIONS:
            raise _Untold
        return _FUNCTIONS[function](*args, **kwargs)


# --------------------------------------------------------------- functions of numpy
def _concatenated(parts: Sequence[Any], axis: int = 0) -> _Traced:
    if any(not isinstance(p, _Traced) for p in parts):
        raise _Untold
    first: _Traced = parts[0]
    if len(parts) == 1:
        return first
    axis %= first.ndim
    shape = first._with(axis, sum(p.shape[axis] for p in parts))
    return first.tape.step("concatenate", list(parts), shape, axis=axis)


def _stacked(parts: Sequence[Any], axis: int = 0) -> _Traced:
    at = axis % (parts[0].ndim + 1)
    wide = [p.reshape((*p.shape[:at], 1, *p.shape[at:])) for p in parts]
    return _concatenated(wide, at)


def _split(array: _Traced, sections: int, axis: int = 0) -> list[_Traced]:
    if not isinstance(sections, int):
        raise _Untold
    axis %= array.ndim
    size = array.shape[axis] // sections
    return [
        array._sliced(slice(i * size, (i + 1) * size), axis) for i in range(sections)
    ]


def _reshaped(array: _Traced, shape: Any) -> _Traced:
    return array.reshape(shape)


def _transposed(array: _Traced, axes: Any = None) -> _Traced:
    return array.transpose(*[axes] if axes is not None else [])


_FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.concatenate: _concatenated,
    np.stack: _stacked,
    np.split: _split,
    np.ravel: _Traced.ravel,
    np.reshape: _reshaped,
    np.transpose: _transposed,
    np.ascontiguousarray: lambda array: array,
}


# ------------------------------------------------------------------- orders of an axis
@dataclass(frozen=True)
class _Piece:
    """Neighbouring entries that trade places as axes would: reshape and transpose."""

    start: int
    size: int
    sizes: tuple[int, ...] = ()
    order: tuple[int, ...] = ()


def _pieces(index: Array) -> list[_Piece] | None:
    """Cut a permutation where nothing crosses; ``None`` for what is no such thing."""
    if not np.array_equal(np.sort(index), np.arange(len(index))):
        return None
    cuts = _cuts(index)
    failed: set[int] = set()

    def rest(start: int) -> list[_Piece] | None:
        if start == len(index):
            return []
        # The longest first: axes that trade places leave the first and last there.
        for end in (e for e in cuts if e > start and start not in failed):
            piece = _nested(index[start:end] - start, start)
            after = None if piece is None else rest(end)
            if piece is not None and after is not None:
                return [piece, *after]
        failed.add(start)
        return None

    return rest(0)


def _cuts(index: Array) -> list[int]:
    """Return where nothing crosses, the last first; of many in a row the outer ones."""
    highest = np.maximum.accumulate(index)
    every = np.flatnonzero(highest == np.arange(len(index))) + 1
    apart = np.flatnonzero(np.diff(every) > 1)
    first, last = [0, *(apart + 1)], [*apart, len(every) - 1]
    kept = {
        int(every[i])
        for a, b in zip(first, last, strict=True)
        for i in (a, a + 1, b - 1, b)
        if a <= i <= b
    }
    return sorted(kept, reverse=True)


def _nested(index: Array, start: int) -> _Piece | None:
    """Read a permutation as loops within loops, the innermost first."""
    size = len(index)
    loops: list[tuple[int, int]] = []
    while len(index) > 1:
        stride = int(index[1] - index[0])
        steps = np.diff(index) == stride
        length = int(np.argmin(steps)) + 1 if not steps.all() else len(index)
        if length < 2 or len(index) % length:
            return None
        rows = index.reshape(-1, length)
        if not (np.diff(rows, axis=1) == stride).all():
            return None
        loops.insert(0, (stride, length))
        index = rows[:, 0]
    by_stride = sorted(loops, reverse=True)
    inner = size
    for stride, length in by_stride:
        inner //= length
        if stride != inner:
            return None
    order = tuple(by_stride.index(loop) for loop in loops)
    return _Piece(start, size, tuple(length for _, length in by_stride), order)


__all__ = ["Steps", "steps_of"]
