"""Tensors joined, repeated, and cut into parts."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import onnx_ir as ir

from keras2torch.reading.expressions import FAR, Size
from keras2torch.reading.operation_calls import OperationCall, Rule, dtype_of, shape_of
from keras2torch.reading.rules.shaping import sizes_of


def _alike(c: OperationCall, xs: Any) -> list[ir.Value]:
    values = xs if isinstance(xs, list) else [xs]
    return c.promoted(*values)


def concatenate(c: OperationCall, xs: Any, axis: Any = 0) -> ir.Value:
    """One behind the other."""
    there = isinstance(xs, list) and all(isinstance(x, ir.Value) for x in xs)
    parts = _alike(c, xs)
    if len(parts) == 1:
        return parts[0]
    at = c.axis(axis, c.rank(parts[0]))
    if there and at and parts == xs:
        return c.layer("Concatenate", {"axis": axis}, *parts)
    return c.concat(parts, at)


def append(c: OperationCall, x1: Any, x2: Any, axis: Any = None) -> ir.Value:
    """The second behind the first."""
    xs = c.promoted(x1, x2)
    if axis is None:
        return c.concat([c.reshape(x, [-1]) for x in xs], 0)
    return c.concat(xs, axis)


def stack(c: OperationCall, x: Any, axis: Any = 0) -> ir.Value:
    """Join along a new axis."""
    parts = _alike(c, x)
    at = c.axis(axis, c.rank(parts[0]) + 1)
    return c.concat([c.unsqueeze(p, at) for p in parts], at)


def stacked(c: OperationCall, xs: Any) -> ir.Value:
    """Join as ``hstack``, ``vstack`` and ``dstack`` do."""
    parts = _alike(c, xs)
    least = {"Hstack": 1, "Vstack": 2, "Dstack": 3}[c.kind]
    for i, part in enumerate(parts):
        while c.rank(part) < least:
            part = c.unsqueeze(part, 0 if c.rank(part) < 2 else 2)
        parts[i] = part
    if c.kind == "Hstack":
        return c.concat(parts, min(1, c.rank(parts[0]) - 1))
    return c.concat(parts, least - 2 if c.kind == "Vstack" else 2)


def tile(c: OperationCall, x: Any, repeats: Any) -> ir.Value:
    """Repeat the whole along each axis."""
    x = c.tensor(x)
    times = sizes_of(c, repeats)
    while len(times) < c.rank(x):
        times = [1, *times]
    while c.rank(x) < len(times):
        x = c.unsqueeze(x, 0)
    made = tuple(
        n * t if n is not None and isinstance(t, int) else (n if t == 1 else None)
        for n, t in zip(shape_of(x), times, strict=True)
    )
    return c.operator("Tile", [x, c.vector(times)], made)


def repeat(c: OperationCall, x: Any, repeats: Any, axis: Any = None) -> ir.Value:
    """Repeat every entry along an axis."""
    x = c.tensor(x)
    if axis is None:
        x, axis = c.reshape(x, [-1]), 0
    at = c.axis(axis, c.rank(x))
    times = c.numbers(repeats, "repeats")
    if len(times) == 1:
        sizes = c.sizes(x)
        wide = c.unsqueeze(x, at + 1)
        spread = c.expand(wide, [*sizes[: at + 1], times[0], *sizes[at + 1 :]])
        size = sizes[at]
        joined: Size = size * times[0] if isinstance(size, int) else -1
        return c.reshape(spread, [*sizes[:at], joined, *sizes[at + 1 :]])
    places = np.repeat(np.arange(c.known(x, at)), times)
    return c.gather(x, c.constant(places, "int64"), at)


def meshgrid(c: OperationCall, *x: Any, indexing: str = "xy") -> list[ir.Value]:
    """Return the coordinates of every point of a grid."""
    xs = [c.reshape(c.tensor(v), [-1]) for v in x]
    sizes = [c.size(v, 0) for v in xs]
    order = list(range(len(xs)))
    if indexing == "xy" and len(xs) > 1:
        order[:2] = [1, 0]
    target = [sizes[i] for i in order]
    found = []
    for i, v in enumerate(xs):
        others = [k for k in range(len(xs)) if order[k] != i]
        found.append(c.expand(c.unsqueeze(v, *others) if others else v, target))
    return found


# ---------------------------------------------------------------------------- parts
def split(
    c: OperationCall, x: Any, indices_or_sections: Any, axis: Any = 0
) -> list[ir.Value]:
    """Cut into equal parts, or at places."""
    x = c.given(x)
    if c.kind in ("Hsplit", "Vsplit", "Dsplit"):
        axis = {"Hsplit": min(1, c.rank(x) - 1), "Vsplit": 0, "Dsplit": 2}[c.kind]
    at = c.axis(axis, c.rank(x))
    if hasattr(indices_or_sections, "tolist"):
        indices_or_sections = indices_or_sections.tolist()
    if isinstance(indices_or_sections, list):
        places = c.numbers(indices_or_sections, "indices")
        size = shape_of(x)[at]
        ends = [0, *places, FAR if size is None else size]
        return [
            c.slice(x, at, a, b, count=None if b == FAR else b - a)
            for a, b in pairwise(ends)
        ]
    parts = c.number(indices_or_sections, "sections")
    size = c.known(x, at)
    if c.kind != "ArraySplit" and size % parts:
        c.refuse(f"{size} is not divisible by {parts}")
    sizes = [size // parts + (i < size % parts) for i in range(parts)]
    return cut(c, x, sizes, at)


def cut(c: OperationCall, x: ir.Value, sizes: list[int], axis: int) -> list[ir.Value]:
    """Cut into parts of these sizes."""
    shape = shape_of(x)
    outputs = [((*shape[:axis], n, *shape[axis + 1 :]), dtype_of(x)) for n in sizes]
    if len(sizes) == 1:
        return [x]
    return c.operators(
        "Split", [x, c.constant(sizes, "int64")], outputs, {"axis": axis}
    )


def tensorflow_split(
    c: OperationCall,
    value: Any,
    num_or_size_splits: Any,
    axis: Any = 0,
    num: Any = None,
) -> list[ir.Value]:
    """Cut into equal parts, or into parts of given sizes."""
    x = c.given(value)
    at = c.axis(axis, c.rank(x))
    if not isinstance(num_or_size_splits, list):
        parts = c.number(num_or_size_splits, "num_or_size_splits")
        size = c.known(x, at)
        return cut(c, x, [size // parts] * parts, at)
    sizes = c.numbers(num_or_size_splits, "num_or_size_splits")
    if -1 in sizes:
        sizes[sizes.index(-1)] = c.known(x, at) - sum(sizes) - 1
    return cut(c, x, sizes, at)


def unstack(
    c: OperationCall, x: Any, num: int | None = None, axis: Any = 0
) -> list[ir.Value]:
    """Return every entry along an axis."""
    x = c.given(x)
    at = c.axis(axis, c.rank(x))
    size = num if num is not None else c.known(x, at)
    return [c.item(x, at, i) for i in range(size)]


RULES: dict[str, Rule] = {
    "Append": append,
    "ArraySplit": split,
    "Concatenate": concatenate,
    "Dsplit": split,
    "Dstack": stacked,
    "Hsplit": split,
    "Hstack": stacked,
    "Meshgrid": meshgrid,
    "Repeat": repeat,
    "Split": split,
    "Stack": stack,
    "TensorFlowSplit": tensorflow_split,
    "Tile": tile,
    "Unstack": unstack,
    "Vsplit": split,
    "Vstack": stacked,
}
