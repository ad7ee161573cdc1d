"""Operations that take, put and count entries by their places."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir

from keras2torch.reading.expressions import FAR
from keras2torch.reading.operation_calls import OperationCall, Rule, dtype_of, shape_of

_SEGMENTS = {
    "SegmentMax": ("max", "ReduceMax"),
    "SegmentMin": ("min", "ReduceMin"),
    "SegmentProd": ("mul", "ReduceProd"),
    "SegmentSum": ("add", "ReduceSum"),
}


# --------------------------------------------------------------------------- x[key]
def item(c: OperationCall, x: Any, key: Any) -> ir.Value:
    """``x[1:, ..., None, ::-1]``."""
    x = c.given(x)
    keys = list(key) if isinstance(key, list) and not _is_array(key) else [key]
    keys = [_meant(c, k) for k in keys]
    used = sum(k is not None and k is not ... for k in keys)
    if ... in [k for k in keys if not isinstance(k, (ir.Value, np.ndarray))]:
        at = next(i for i, k in enumerate(keys) if k is ...)
        keys[at : at + 1] = [slice(None)] * (c.rank(x) - used)
    kinds = [k for k in keys if k is not None]
    if len(kinds) > c.rank(x):
        c.refuse(f"{len(kinds)} indices of {c.rank(x)} axes")
    gathered = [i for i, k in enumerate(kinds) if isinstance(k, (ir.Value, np.ndarray))]
    if len(gathered) > 1:
        c.refuse("several indices are tensors")
    if gathered and any(type(k) is int for k in kinds):
        c.refuse("a tensor and a number are indices together")
    x, gone = _sliced(c, x, kinds)
    # What None adds is counted among what stays.
    added = [
        i for i, k in enumerate(k for k in keys if type(k) is not int) if k is None
    ]
    if gathered:
        indices = kinds[gathered[0]]
        axis = gathered[0] - sum(g < gathered[0] for g in gone)
        x = taken(c, x, c.tensor(indices), axis)
        if added:
            c.refuse("a tensor and None are indices together")
    return c.unsqueeze(x, *added) if added else x


def _sliced(
    c: OperationCall, x: ir.Value, kinds: list[Any]
) -> tuple[ir.Value, list[int]]:
    """Take parts, all in one, and drop the axes of which one entry was taken."""
    parts, gone, shape = [], [], list(shape_of(x))
    for axis, k in enumerate(kinds):
        if type(k) is int:
            parts.append((k, FAR if k == -1 else k + 1, axis, 1))
            gone.append(axis)
            shape[axis] = 1
        elif isinstance(k, slice):
            step = 1 if k.step is None else k.step
            start = k.start if k.start is not None else (0 if step > 0 else FAR)
            stop = k.stop if k.stop is not None else (FAR if step > 0 else -FAR)
            if (start, stop, step) == (0, FAR, 1):
                continue
            parts.append((start, stop, axis, step))
            size = shape[axis]
            if size is None and step < 0 and not _from_end(start, stop):
                c.refuse("a slice backwards over a size that is not known")
            shape[axis] = len(range(*k.indices(size))) if size is not None else None
    if parts:
        given = [c.constant(list(v), "int64") for v in zip(*parts, strict=True)]
        x = c.operator("Slice", [x, *given], tuple(shape))
    if gone:
        kept = tuple(n for i, n in enumerate(shape) if i not in gone)
        x = c.operator("Squeeze", [x, c.constant(gone, "int64")], kept)
    return x, gone


def _from_end(start: int, stop: int) -> bool:
    """Whether both ends of a slice backwards are counted from the end."""
    begins = start >= FAR or start < 0
    return begins and (stop <= -FAR or -FAR < stop < -1)


def _is_array(key: list[Any]) -> bool:
    """Whether a list is one index, an array, and not an index for each axis."""
    return bool(key) and all(isinstance(k, list) for k in key)


def _meant(c: OperationCall, key: Any) -> Any:
    """Return an int, slice, ``...``, ``None``, array or tensor."""
    if key is None or type(key) is int:
        return key
    if isinstance(key, ir.Value):
        if "int" not in dtype_of(key):
            c.refuse("a mask is an index: how many it takes is not known")
        return key
    if isinstance(key, (np.ndarray, np.integer)):
        return int(key) if key.ndim == 0 else key
    if key in ("...", "Ellipsis"):
        return ...
    if isinstance(key, list) and all(type(k) is int for k in key):
        return np.asarray(key)
    if isinstance(key, dict):
        kind = key.get("class_name")
        if kind == "__ellipsis__":
            return ...
        if kind == "__slice__" and isinstance(key.get("config"), dict):
            key = key["config"]
        parts = [key.get(k) for k in ("start", "stop", "step")]
        parts = [int(p) if isinstance(p, np.integer) else p for p in parts]
        if all(p is None or type(p) is int for p in parts):
            return slice(*parts)
    c.refuse(f"the index {key!r}")


# ----------------------------------------------------------------------------- taking
def taken(c: OperationCall, x: ir.Value, indices: ir.Value, axis: int) -> ir.Value:
    """Take entries; negative places count from the end."""
    return c.gather(x, _whole(c, indices), axis)


def _whole(c: OperationCall, indices: ir.Value) -> ir.Value:
    if dtype_of(indices) in ("int32", "int64"):
        return indices
    return c.cast(indices, "int32")


def take(c: OperationCall, x: Any, indices: Any, axis: Any = None) -> ir.Value:
    """Take entries along an axis."""
    x = c.tensor(x)
    if axis is None:
        x, axis = c.reshape(x, [-1]), 0
    return taken(c, x, c.tensor(indices), c.axis(axis, c.rank(x)))


def gather(
    c: OperationCall, params: Any, indices: Any, axis: Any = None, batch_dims: int = 0
) -> ir.Value:
    """Take entries along an axis, in each sample others with ``batch_dims``."""
    x, places = c.tensor(params), _whole(c, c.tensor(indices))
    shared = c.number(batch_dims, "batch_dims")
    shared = shared % max(c.rank(places), 1) if shared < 0 else shared
    at = shared if axis is None else c.axis(axis, c.rank(x))
    if not shared:
        return c.gather(x, places, at)
    if at != shared or c.rank(places) < shared:
        c.refuse(f"axis {at} beside batch_dims={shared}")
    pointed = c.unsqueeze(places, -1)
    made = shape_of(places) + shape_of(x)[shared + 1 :]
    pointed = c.cast(pointed, "int64")
    return c.operator("GatherND", [x, pointed], made, {"batch_dims": shared})


def gather_nd(
    c: OperationCall, params: Any, indices: Any, batch_dims: int = 0
) -> ir.Value:
    """Take entries at places that have several coordinates."""
    x, places = c.tensor(params), c.cast(c.tensor(indices), "int64")
    depth = c.known(places, -1)
    made = shape_of(places)[:-1] + shape_of(x)[batch_dims + depth :]
    return c.operator("GatherND", [x, places], made, {"batch_dims": batch_dims})


def take_along_axis(
    c: OperationCall, x: Any, indices: Any, axis: Any = None
) -> ir.Value:
    """Take, at each place, the entry that is named there."""
    x, places = c.tensor(x), _whole(c, c.tensor(indices))
    if axis is None:
        x, places, axis = c.reshape(x, [-1]), c.reshape(places, [-1]), 0
    at = c.axis(axis, c.rank(x))
    if c.rank(x) != c.rank(places):
        c.refuse("the places have another rank")
    there = [n for i, n in enumerate(shape_of(x)) if i != at]
    named = [n for i, n in enumerate(shape_of(places)) if i != at]
    if there != named:
        both = c.broadcast([tuple(there), tuple(named)])
        if None in both and there.count(1) + named.count(1):
            c.refuse("the places are repeated along axes of unknown size")
        sizes = [n for n in both]
        x = c.expand(x, [*sizes[:at], c.size(x, at), *sizes[at:]])  # type: ignore[list-item]
        places = c.expand(places, [*sizes[:at], c.size(places, at), *sizes[at:]])  # type: ignore[list-item]
    return c.operator("GatherElements", [x, places], shape_of(places), {"axis": at})


def part(c: OperationCall, inputs: Any, start_indices: Any, shape: Any) -> ir.Value:
    """Take a block of a given size, which begins where the indices say."""
    x = c.given(inputs)
    sizes = c.numbers(shape, "shape")
    for axis, size in enumerate(sizes):
        start = _start(start_indices, axis, c)
        end = FAR if size == -1 else None
        if isinstance(start, int):
            if start or size != shape_of(x)[axis]:
                stop, count = (FAR, None) if end else (start + size, size)
                x = c.slice(x, axis, start, stop, count=count)
            continue
        if end:
            c.refuse("it begins where a tensor says and ends at the end")
        places = c.add(c.cast(start, "int64"), c.constant(np.arange(size), "int64"))
        x = c.gather(x, places, axis)
    return x


def _start(starts: Any, axis: int, c: OperationCall) -> Any:
    if isinstance(starts, ir.Value):
        return c.slice(starts, 0, axis, axis + 1)
    start = np.asarray(starts).tolist() if hasattr(starts, "tolist") else starts
    return start[axis]


# ---------------------------------------------------------------------------- putting
def update(
    c: OperationCall, inputs: Any, indices: Any, updates: Any, reduction: Any = None
) -> ir.Value:
    """Put values at places."""
    x = c.tensor(inputs)
    places = c.cast(c.tensor(indices), "int64")
    values = c.tensor(updates, dtype_of(x))
    names = {None: "none", "add": "add", "max": "max", "min": "min", "mul": "mul"}
    if reduction not in names:
        c.refuse(f"reduction={reduction!r}")
    options = {"reduction": names[reduction]}
    return c.operator("ScatterND", [x, places, values], shape_of(x), options)


def scatter(c: OperationCall, indices: Any, values: Any, shape: Any) -> ir.Value:
    """Put values at places among zeros; what meets adds up."""
    values = c.tensor(values)
    empty = c.filled(c.numbers(shape, "shape"), 0, dtype_of(values))
    return update(c, empty, indices, values, "add")


def update_part(
    c: OperationCall, inputs: Any, start_indices: Any, updates: Any
) -> ir.Value:
    """Put a block in place of another."""
    x, block = c.given(inputs), c.tensor(updates)
    block = c.cast(block, dtype_of(x))
    whole, starts = shape_of(x), []
    for axis in range(c.rank(x)):
        start = _start(start_indices, axis, c)
        if not isinstance(start, int):
            c.refuse("it begins where a tensor says")
        # A block that would stick out is moved in.
        size, room = shape_of(block)[axis], whole[axis]
        if size is not None and room is not None:
            start = min(max(start, 0), room - size)
        starts.append(start)
    return _put(c, x, block, starts, list(whole), 0)


def _put(
    c: OperationCall,
    x: ir.Value,
    block: ir.Value,
    starts: list[int],
    whole: list[int | None],
    axis: int,
) -> ir.Value:
    """Join what stays before, the block made whole in the later axes, what is after."""
    if axis == len(starts):
        return block
    size, start = shape_of(block)[axis], starts[axis]
    if size is None and (start or whole[axis] is not None):
        c.refuse("the size of the block is not known")
    full = size == whole[axis] and not start
    middle = x if full else c.slice(x, axis, start, start + (size or 0))
    filled = _put(c, middle, block, starts, whole, axis + 1)
    if full:
        return filled
    parts = [filled]
    if start:
        parts.insert(0, c.slice(x, axis, 0, start))
    if whole[axis] is None or start + (size or 0) < (whole[axis] or 0):
        parts.append(c.slice(x, axis, start + (size or 0)))
    return c.concat(parts, axis)


def segments(
    c: OperationCall,
    data: Any,
    segment_ids: Any,
    num_segments: Any = None,
    sorted: bool = False,
) -> ir.Value:
    """Reduce the rows that have one number; those with negative ones are left out."""
    x, ids = c.given(data), c.tensor(segment_ids)
    count = c.number(num_segments, "num_segments")
    if (rank := c.rank(ids)) > 1:
        x, ids = c.reshape(x, [-1, *c.sizes(x)[rank:]]), c.reshape(ids, [-1])
    how, reduction = _SEGMENTS[c.kind]
    kind = dtype_of(x)
    ends = np.finfo(kind) if c.is_float(x) else np.iinfo(kind)
    neutral = {"add": 0, "mul": 1, "max": ends.min, "min": ends.max}[how]
    if how == "add":
        rows = count
        if isinstance(segment_ids, ir.Value) or np.min(segment_ids, initial=0) < 0:
            # ONNX counts negative ones from the end: they get a row of their own.
            ids = c.where(c.elementwise("Less", ids, 0), count, ids)
            rows += 1
        empty = c.filled([rows, *c.sizes(x)[1:]], neutral, kind)
        added = update(c, empty, c.unsqueeze(ids, -1), x, how)
        return added if rows == count else c.slice(added, 0, 0, count)
    classes = c.constant(np.arange(count)[:, None], dtype_of(ids))
    own = c.elementwise("Equal", ids, classes)
    if c.rank(x) > 1:
        own = c.unsqueeze(own, *range(2, c.rank(x) + 1))
    return c.reduce(reduction, c.where(own, c.unsqueeze(x, 0), neutral), 1)


# --------------------------------------------------------------------------- counting
def one_hot(
    c: OperationCall,
    x: Any,
    num_classes: Any,
    axis: Any = -1,
    dtype: str | None = None,
    on_value: Any = None,
    off_value: Any = None,
) -> ir.Value:
    """Return 1 at the place that is named, else 0; nowhere for a place outside."""
    places = c.cast(c.given(x), "int64")
    at = c.axis(-1 if axis is None else axis, c.rank(places) + 1)
    depth = c.number(num_classes, "num_classes")
    kind = dtype or "float32"
    classes = c.constant(
        np.arange(depth).reshape([-1] + [1] * (c.rank(places) - at)), "int64"
    )
    there = c.elementwise("Equal", c.unsqueeze(places, at), classes)
    if on_value in (None, 1) and off_value in (None, 0):
        return c.cast(there, kind)
    values = [
        1 if on_value is None else on_value,
        0 if off_value is None else off_value,
    ]
    return c.where(there, *(c.constant(v, kind) for v in values))


def multi_hot(
    c: OperationCall,
    inputs: Any,
    num_classes: Any = None,
    axis: Any = -1,
    dtype: str | None = None,
    num_tokens: Any = None,
) -> ir.Value:
    """Return 1 at every place that is named along the first axis of a sample."""
    places = c.given(inputs)
    depth = num_classes if num_classes is not None else num_tokens
    single = one_hot(c, places, depth, axis, dtype)
    reduced = 0 if c.rank(places) == 1 else 1
    return c.reduce("ReduceMax", single, reduced)


def search(
    c: OperationCall, sorted_sequence: Any, values: Any, side: str = "left"
) -> ir.Value:
    """Return where values would go into a sequence in order."""
    steps, x = c.promoted(sorted_sequence, values)
    name = "Less" if side == "left" else "LessOrEqual"
    before = c.elementwise(name, steps, c.unsqueeze(x, -1))
    return c.reduce("ReduceSum", c.cast(before, "int32"), -1)


def digitize(c: OperationCall, x: Any, bins: Any) -> ir.Value:
    """Return which bin an entry is in."""
    x = c.tensor(x)
    x = x if c.is_float(x) else c.cast(x, "float32")
    edges = c.tensor(bins, dtype_of(x))
    inside = c.elementwise("LessOrEqual", edges, c.unsqueeze(x, -1))
    return c.reduce("ReduceSum", c.cast(inside, "int32"), -1)


def unravel(c: OperationCall, indices: Any, shape: Any) -> list[ir.Value]:
    """Return the coordinates of places that are counted through."""
    rest = c.tensor(indices)
    if c.rank(rest) != 1:
        # Keras on TensorFlow counts these from the other end than NumPy.
        c.refuse(f"places with {c.rank(rest)} axes")
    sizes = c.numbers(shape, "shape")
    found: list[ir.Value] = []
    for i in reversed(range(len(sizes))):
        at = c.elementwise("Mod", rest, sizes[i])
        found.insert(0, at)
        rest = c.div(c.sub(rest, at), sizes[i])
    return found


RULES: dict[str, Rule] = {
    **dict.fromkeys(_SEGMENTS, segments),
    "Digitize": digitize,
    "Gather": gather,
    "GatherNd": gather_nd,
    "GetItem": item,
    "MultiHot": multi_hot,
    "OneHot": one_hot,
    "Scatter": scatter,
    "ScatterUpdate": update,
    "SearchSorted": search,
    "Slice": part,
    "SliceUpdate": update_part,
    "Take": take,
    "TakeAlongAxis": take_along_axis,
    "UnravelIndex": unravel,
}
