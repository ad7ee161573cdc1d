"""Operations that move entries about: shapes, axes, joins, parts, diagonals."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import onnx_ir as ir

from keras2torch.reading.expressions import Size
from keras2torch.reading.known_sizes import entries
from keras2torch.reading.operation_calls import OperationCall, Rule, dtype_of, shape_of

_FILLED = {"EmptyLike": 0, "OnesLike": 1, "ZerosLike": 0}


# -------------------------------------------------------------------------- shapes
def sizes_of(c: OperationCall, value: Any) -> list[Size]:
    """Return what a call names as a shape: numbers, and entries that are computed."""
    if isinstance(value, ir.Value):
        known = entries(value)
        if known is None and shape_of(value) and shape_of(value)[0] is not None:
            known = [None] * (shape_of(value)[0] or 0)
        if known is None:
            c.refuse("the rank of the result is not known")
        return [
            c.slice(value, 0, i, i + 1) if n is None else n for i, n in enumerate(known)
        ]
    if hasattr(value, "tolist"):
        value = value.tolist()
    found = value if isinstance(value, list) else [value]
    if not all(type(n) is int or isinstance(n, ir.Value) for n in found):
        c.refuse(f"the shape {value!r}")
    return [_number(n) for n in found]


def _number(size: Size) -> Size:
    """Return the number that a computed size is, if it is known after all."""
    known = entries(size) if isinstance(size, ir.Value) else None
    return known[0] if known and known[0] is not None else size


def reshape(c: OperationCall, x: Any, newshape: Any) -> ir.Value:
    """Read the entries in another shape."""
    x = c.tensor(x)
    shape, new = shape_of(x), newshape
    if isinstance(new, ir.Value):
        known = entries(new) or [None] * (shape_of(new)[0] or 0)
        if known.count(None) <= 1 and -1 not in known:
            return reshape(c, x, [-1 if n is None else n for n in known])
        made = tuple(None if n == -1 else n for n in known)
        return c.operator("Reshape", [x, c.cast(new, "int64")], made)
    sizes = sizes_of(c, new)
    if sum(not isinstance(n, int) for n in sizes) == 1 and -1 not in sizes:
        sizes = [n if isinstance(n, int) else -1 for n in sizes]
    if not all(isinstance(n, int) for n in sizes):
        return c.reshape(x, sizes)
    rest, target = shape[1:], sizes[1:]
    there: list[int] = [n for n in rest if n is not None]
    wanted: list[int] = [n for n in target if isinstance(n, int) and n != -1]
    whole = len(there) == len(rest) and len(wanted) == len(target)
    fits = whole and math.prod(there) == math.prod(wanted)
    if shape and sizes and sizes[0] in (-1, shape[0]) and target and fits:
        return c.layer("Reshape", {"target_shape": target}, x)
    return c.reshape(x, sizes)


def ravel(c: OperationCall, x: Any) -> ir.Value:
    """All entries, one behind the other."""
    return c.reshape(c.given(x), [-1])


def shape(c: OperationCall, x: Any, out_type: str = "int32") -> ir.Value:
    """Return the sizes as a tensor."""
    return c.cast(c.shape(c.given(x)), out_type)


def count(c: OperationCall, x: Any, out_type: str = "int32") -> ir.Value:
    """Return how many entries there are."""
    x = c.given(x)
    return c.cast(c.operator("Size", [x], (), dtype="int64"), out_type)


def rank(c: OperationCall, x: Any) -> ir.Value:
    """Return how many axes there are."""
    return c.constant(c.rank(c.given(x)), "int32")


def expand_dims(c: OperationCall, x: Any, axis: Any) -> ir.Value:
    """Add axes of size 1."""
    return c.unsqueeze(c.tensor(x), *c.numbers(axis, "axis"))


def squeeze(c: OperationCall, x: Any, axis: Any = None) -> ir.Value:
    """Drop axes of size 1."""
    x = c.given(x)
    if axis is None or axis == []:
        if None in shape_of(x):
            c.refuse("which sizes are 1 is not known")
        axis = [i for i, n in enumerate(shape_of(x)) if n == 1]
    return c.squeeze(x, *c.numbers(axis, "axis"))


def broadcast_to(c: OperationCall, x: Any, shape: Any) -> ir.Value:
    """Repeat axes of size 1."""
    return c.expand(c.tensor(x), sizes_of(c, shape))


def filled_like(c: OperationCall, x: Any, dtype: str | None = None) -> ir.Value:
    """Ones or zeros, as many as in a tensor."""
    x = c.given(x)
    if not isinstance(dtype, (str, type(None))):
        c.refuse(f"dtype={dtype!r}")
    kind = dtype or dtype_of(x)
    held = ir.Tensor(np.asarray([_FILLED[c.kind]]).astype(kind))
    return c.operator(
        "ConstantOfShape", [c.shape(x)], shape_of(x), {"value": held}, kind
    )


def full_like(
    c: OperationCall, x: Any, fill_value: Any, dtype: str | None = None
) -> ir.Value:
    """One value, as many as in a tensor."""
    x = c.given(x)
    return c.expand(c.tensor(fill_value, dtype or dtype_of(x)), c.sizes(x))


def full(
    c: OperationCall, fill_value: Any, shape: Any, dtype: str | None = None
) -> ir.Value:
    """One value in a shape."""
    return c.expand(c.tensor(fill_value, dtype), sizes_of(c, shape))


# ---------------------------------------------------------------------------- axes
def transpose(c: OperationCall, x: Any, axes: Any = None) -> ir.Value:
    """Permute the axes; turn their order around without any."""
    x = c.tensor(x)
    count = c.rank(x)
    order = c.axes(axes, count) if axes is not None else list(range(count))[::-1]
    if order and order[0] == 0 and len(order) > 1 and order != list(range(count)):
        return c.layer("Permute", {"dims": order[1:]}, x)
    return c.transpose(x, order)


def swapaxes(c: OperationCall, x: Any, axis1: Any, axis2: Any) -> ir.Value:
    """Two axes change places."""
    x = c.given(x)
    order = list(range(c.rank(x)))
    one, other = (c.axis(a, len(order)) for a in (axis1, axis2))
    order[one], order[other] = order[other], order[one]
    return c.transpose(x, order)


def moved(c: OperationCall, x: ir.Value, source: Any, destination: Any) -> ir.Value:
    """Move axes to other places."""
    count = c.rank(x)
    origin, place = c.axes(source, count), c.axes(destination, count)
    order = [i for i in range(count) if i not in origin]
    for to, at in sorted(zip(place, origin, strict=True)):
        order.insert(to, at)
    return c.transpose(x, order)


def moveaxis(c: OperationCall, x: Any, source: Any, destination: Any) -> ir.Value:
    """Move axes to other places."""
    return moved(c, c.given(x), source, destination)


def flip(c: OperationCall, x: Any, axis: Any = None) -> ir.Value:
    """Turn axes around."""
    value = c.given(x)
    if c.kind in ("Fliplr", "Flipud"):
        axis = int(c.kind == "Fliplr")
    for at in c.axes(axis, c.rank(value)):
        value = c.flip(value, at)
    return value


def roll(c: OperationCall, x: Any, shift: Any, axis: Any = None) -> ir.Value:
    """Move entries along axes; what leaves comes in at the other end."""
    value = c.given(x)
    sizes = c.sizes(value)
    if axis is None:
        return c.reshape(
            _rolled(c, c.reshape(value, [-1]), c.number(shift, "shift"), 0), sizes
        )
    axes = c.axes(axis, c.rank(value))
    shifts = c.numbers(shift, "shift")
    for by, at in zip(shifts * (len(axes) // len(shifts)), axes, strict=True):
        value = _rolled(c, value, by, at)
    return value


def _rolled(c: OperationCall, x: ir.Value, shift: int, axis: int) -> ir.Value:
    size = shape_of(x)[axis]
    by = shift % size if size else shift
    if not by:
        return x
    if size is None and abs(shift) > 1:
        # It may go around more than once.
        count = c.reshape(c.tensor(c.size(x, axis), "int64"), [])
        ends = [c.constant(0, "int64"), count, c.constant(1, "int64")]
        places = c.sub(c.operator("Range", ends, (None,)), shift)
        places = c.elementwise("Mod", places, count)
        return c.operator("Gather", [x, places], shape_of(x), {"axis": axis})
    return c.concat([c.slice(x, axis, -by), c.slice(x, axis, 0, -by)], axis)


def rot90(c: OperationCall, array: Any, k: int = 1, axes: Any = None) -> ir.Value:
    """Turn in the plane of two axes."""
    x = c.given(array)
    one, other = c.axes(axes if axes is not None else [0, 1], c.rank(x))
    order = list(range(c.rank(x)))
    order[one], order[other] = order[other], order[one]
    turns = k % 4
    if turns == 2:
        return c.flip(c.flip(x, one), other)
    if turns == 1:
        return c.transpose(c.flip(x, other), order)
    return c.flip(c.transpose(x, order), other) if turns else x


def rearrange(c: OperationCall, tensor: Any, pattern: str, **lengths: Any) -> ir.Value:
    """Follow a pattern of einops: ``b (h w) c -> b h w c``."""
    x = c.given(tensor)
    before, _, after = pattern.partition("->")
    groups, wanted = _groups(before), _groups(after)
    sizes: dict[str, Size] = dict(lengths)
    apart: list[Size] = []
    for group, size in zip(groups, c.sizes(x), strict=True):
        open_names = [n for n in group if n not in sizes]
        if len(group) == 1:
            sizes[group[0]] = size
        elif open_names:
            rest = math.prod(c.number(sizes[n], n) for n in group if n in sizes)
            if len(open_names) > 1 or not isinstance(size, int):
                c.refuse(f"the pattern {pattern!r} leaves sizes open")
            sizes[open_names[0]] = size // rest
        apart += [sizes[n] for n in group]
    names = [n for group in groups for n in group]
    if sorted(names) != sorted(n for group in wanted for n in group):
        c.refuse(f"the pattern {pattern!r} adds or drops axes")
    if len(names) != len(groups):
        x = c.reshape(x, apart)
    x = c.transpose(x, [names.index(n) for group in wanted for n in group])
    if all(len(group) == 1 for group in wanted):
        return x
    together: list[Size] = []
    for group in wanted:
        parts = [sizes[n] for n in group]
        whole = all(isinstance(p, int) for p in parts)
        if len(parts) > 1 and not whole:
            c.refuse(f"the pattern {pattern!r} joins sizes that are not known")
        together.append(parts[0] if len(parts) == 1 else math.prod(map(int, parts)))  # type: ignore[arg-type]
    return c.reshape(x, together)


def _groups(side: str) -> list[list[str]]:
    return [
        (inner or alone).split()
        for inner, alone in re.findall(r"\(([^)]*)\)|(\S+)", side)
    ]


def pad(
    c: OperationCall,
    x: Any,
    pad_width: Any,
    mode: str = "constant",
    constant_values: Any = None,
) -> ir.Value:
    """Add entries around."""
    x = c.given(x)
    if hasattr(pad_width, "tolist"):
        pad_width = pad_width.tolist()
    rank = c.rank(x)
    if type(pad_width) is int:
        pad_width = [[pad_width, pad_width]]
    elif len(pad_width) == 2 and all(type(n) is int for n in pad_width):
        pad_width = [pad_width]
    pairs = [c.numbers(p, "pad_width") for p in pad_width]
    pairs = [p * 2 if len(p) == 1 else p for p in pairs]
    if len(pairs) == 1:
        pairs *= rank
    kind = mode.lower()
    if kind == "symmetric":
        return _mirrored(c, x, pairs)
    if kind not in ("constant", "reflect"):
        c.refuse(f"mode={mode!r}")
    shape = tuple(
        n + sum(p) if n is not None else (None if any(p) else n)
        for n, p in zip(shape_of(x), pairs, strict=True)
    )
    ends = [p[0] for p in pairs] + [p[1] for p in pairs]
    given = [x, c.constant(ends, "int64")]
    if kind == "constant" and constant_values not in (None, 0):
        value = constant_values
        if isinstance(value, list):
            c.refuse(f"constant_values={value!r}")
        given.append(c.tensor(value, dtype_of(x)))
    return c.operator("Pad", given, shape, {"mode": kind})


def _mirrored(c: OperationCall, x: ir.Value, pairs: list[list[int]]) -> ir.Value:
    """Reflect with the edge: ``c b a | a b c``."""
    for axis, (before, after) in enumerate(pairs):
        parts = [x]
        if before:
            parts.insert(0, c.flip(c.slice(x, axis, 0, before), axis))
        if after:
            parts.append(c.flip(c.slice(x, axis, -after), axis))
        if len(parts) > 1:
            x = c.concat(parts, axis)
    return x


# ------------------------------------------------------------------------- from none
def arange(
    c: OperationCall, start: Any, stop: Any = None, step: Any = None, dtype: Any = None
) -> ir.Value:
    """Count in steps."""
    ends = [0, start] if stop is None else [start, stop]
    ends.append(1 if step is None else step)
    values = c.promoted(*ends)
    if dtype:
        values = [c.cast(v, dtype) for v in values]
    values = [c.reshape(v, []) if c.rank(v) else v for v in values]
    known = [entries(v) for v in values]
    size = None
    if all(k and k[0] is not None for k in known):
        size = len(range(*(k[0] for k in known if k and k[0] is not None)))
    elif all(isinstance(e, (int, float)) for e in ends):
        size = len(np.arange(*ends))
    return c.operator("Range", values, (size,))


def linspace(
    c: OperationCall,
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: str | None = None,
    axis: Any = 0,
) -> ir.Value | list[ir.Value]:
    """Go from one tensor to another in equal steps."""
    low, high = c.promoted(start, stop, fractions=True)
    way = c.sub(high, low)
    parts = max(num - 1 if endpoint else num, 1)
    at = c.axis(axis, c.rank(way) + 1)
    share = np.arange(num) / parts
    along = c.constant(share.reshape([-1] + [1] * (c.rank(way) - at)), dtype_of(low))
    found = c.add(c.unsqueeze(low, at), c.mul(c.unsqueeze(way, at), along))
    found = (
        found
        if dtype is None
        else c.cast(c.unary("Floor", found) if "int" in dtype else found, dtype)
    )
    return [found, c.div(way, parts)] if retstep else found


RULES: dict[str, Rule] = {
    **dict.fromkeys(_FILLED, filled_like),
    "Arange": arange,
    "BroadcastTo": broadcast_to,
    "ExpandDims": expand_dims,
    "Flip": flip,
    "Fliplr": flip,
    "Flipud": flip,
    "Full": full,
    "FullLike": full_like,
    "Linspace": linspace,
    "Moveaxis": moveaxis,
    "Ndim": rank,
    "Pad": pad,
    "Ravel": ravel,
    "Rearrange": rearrange,
    "Reshape": reshape,
    "Roll": roll,
    "Rot90": rot90,
    "Shape": shape,
    "Size": count,
    "Squeeze": squeeze,
    "Swapaxes": swapaxes,
    "Transpose": transpose,
}
