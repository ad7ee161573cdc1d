"""Shapes of results that running an operation on zeros would not show.

Source: ``compute_output_spec`` of the classes in ``keras/src/ops/numpy.py`` (3.15).
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from keras2torch.layers.base import Shape
from keras2torch.models.symbolic import KerasTensor
from keras2torch.ops.base import one_axis
from keras2torch.ops.promotion import common_dtype, kind, tensor
from keras2torch.ops.shaping import sizes


def _shape(x: Any) -> Shape:
    return tuple(x.shape) if hasattr(x, "shape") else tuple(tensor(x).shape)


def _kind(x: Any) -> str:
    return x.dtype if isinstance(x, KerasTensor) else kind(x)


def _common(*values: Any) -> str:
    return str(common_dtype(*map(_kind, values))).removeprefix("torch.")


def broadcast(*shapes: Shape) -> Shape:
    """Return the shape of what is computed entry by entry.

    Raises
    ------
    ValueError
        If the shapes do not fit.
    """
    rank = max(map(len, shapes))
    padded = [(1,) * (rank - len(s)) + s for s in shapes]
    found: list[int | None] = []
    for axis in zip(*padded, strict=True):
        known = {n for n in axis if n not in (1, None)}
        if len(known) > 1:
            raise ValueError(f"the shapes {' and '.join(map(str, shapes))} do not fit.")
        found.append(known.pop() if known else (None if None in axis else 1))
    return tuple(found)


def entries(x1: Any, x2: Any) -> KerasTensor:
    """Return what stands for numbers computed entry by entry."""
    return KerasTensor(broadcast(_shape(x1), _shape(x2)), _common(x1, x2))


def entries_with_fractions(x1: Any, x2: Any) -> KerasTensor:
    """Return what stands for numbers with fractions, computed entry by entry."""
    found = entries(x1, x2)
    found.dtype = str(common_dtype(found.dtype, "float")).removeprefix("torch.")
    return found


def spaced(
    start: Any,
    stop: Any,
    num: int,
    endpoint: bool,
    retstep: bool = False,
    base: Any = 10,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    """Return what stands for numbers from one to another."""
    ends = broadcast(_shape(start), _shape(stop))
    shape = list(ends)
    shape.insert(one_axis(axis, len(ends) + 1), num)
    kind_of_step = str(common_dtype(_common(start, stop), "float"))
    name = str(dtype or kind_of_step).removeprefix("torch.")
    found = KerasTensor(shape, name)
    return (found, KerasTensor(ends, name)) if retstep else found


def crossed(
    x1: Any, x2: Any, axisa: int, axisb: int, axisc: int, axis: int | None
) -> KerasTensor:
    """Return what stands for vectors that are perpendicular to two others."""
    if axis is not None:
        axisa = axisb = axisc = axis
    rest, lengths = [], []
    for x, place in ((x1, axisa), (x2, axisb)):
        shape = list(_shape(x))
        lengths.append(shape.pop(one_axis(place, len(shape))))
        rest.append(tuple(shape))
    found = list(broadcast(*rest))
    if lengths != [2, 2]:
        # As Keras: of unknown length a product may be a number or a vector.
        length = None if None in lengths and 3 not in lengths else 3
        found.insert(one_axis(axisc, len(found) + 1), length)
    return KerasTensor(found, _common(x1, x2))


def picked(x: Any, key: Any) -> KerasTensor:
    """Return what stands for ``x[key]``."""
    keys = list(key) if isinstance(key, tuple) else [key]
    at = next((i for i, k in enumerate(keys) if k is Ellipsis), len(keys))
    rest = len(_shape(x)) - sum(map(_axes_taken, keys))
    keys[at : at + 1] = [slice(None)] * rest
    left = iter(_shape(x))
    found: list[int | None] = []
    indices: list[Shape] = []
    place = 0
    for k in keys:
        if k is None:
            found.append(1)
            continue
        sizes_taken = [next(left) for _ in range(_axes_taken(k))]
        if isinstance(k, slice):
            found.append(_length(k, sizes_taken[0]))
        elif not isinstance(k, int):
            place = place if indices else len(found)
            indices.append((None,) if _kind(k) == "bool" else _shape(k))
    if indices:
        found[place:place] = broadcast(*indices)
    return KerasTensor(found, _kind(x))


def _axes_taken(key: Any) -> int:
    """Return how many axes a part of a key is about."""
    if key is None or key is Ellipsis:
        return 0
    if isinstance(key, (int, slice)) or _kind(key) != "bool":
        return 1
    return len(_shape(key))


def _length(part: slice, size: int | None) -> int | None:
    known = [p for p in (part.start, part.stop, part.step) if p is not None]
    if size is None or not all(isinstance(p, int) for p in known):
        return None
    return len(range(*part.indices(size)))


def parts(x: KerasTensor, indices_or_sections: Any, axis: int = 0) -> list[KerasTensor]:
    """Return what stands for parts along an axis."""
    place = one_axis(axis, len(x.shape))
    size = x.shape[place]
    if isinstance(indices_or_sections, int):
        if size is not None and size % indices_or_sections:
            raise ValueError(
                "`x` size on given `axis` must be divisible by `indices_or_sections` "
                f"when `indices_or_sections` is an int. But received {size} and "
                f"{indices_or_sections}."
            )
        lengths = [None if size is None else size // indices_or_sections]
        lengths = lengths * indices_or_sections
    else:
        begins = [0, *sizes(indices_or_sections)]
        lengths = [b - a for a, b in pairwise(begins)]
        lengths.append(None if size is None else size - begins[-1])
    return [_with_size(x, place, n) for n in lengths]


def second_parts(x: KerasTensor, indices_or_sections: Any) -> list[KerasTensor]:
    """Return what stands for parts along the second axis."""
    return parts(x, indices_or_sections, 0 if x.ndim == 1 else 1)


def third_parts(x: KerasTensor, indices_or_sections: Any) -> list[KerasTensor]:
    """Return what stands for parts along the third axis."""
    return parts(x, indices_or_sections, 2)


def nearly_equal_parts(
    x: KerasTensor, indices_or_sections: int, axis: int
) -> tuple[KerasTensor, ...]:
    """Return what stands for parts of which some are larger by one."""
    place = one_axis(axis, len(x.shape))
    size, count = x.shape[place], indices_or_sections
    return tuple(
        _with_size(x, place, None if size is None else (size + count - 1 - i) // count)
        for i in range(count)
    )


def places(x: KerasTensor) -> tuple[KerasTensor, ...]:
    """Return what stands for the places of what is not 0."""
    return tuple(KerasTensor((None,), "int32") for _ in x.shape)


def chosen(condition: Any, x1: Any, x2: Any) -> Any:
    """Return what stands for entries chosen by a condition, or for their places."""
    if x1 is None:
        return list(places(condition))
    shape = broadcast(*(_shape(v) for v in (condition, x1, x2)))
    return KerasTensor(shape, _common(x1, x2))


def different(
    x: KerasTensor,
    sorted: bool,
    return_index: bool,
    return_inverse: bool,
    return_counts: bool,
    axis: int | None,
    size: int | None,
    fill_value: Any,
) -> Any:
    """Return what stands for each value once, and what else is wanted."""
    place = 0 if axis is None else one_axis(axis, len(x.shape))
    values = KerasTensor((size,), x.dtype)
    found = [values if axis is None else _with_size(x, place, size)]
    if return_index:
        found.append(KerasTensor((size,), "int32"))
    if return_inverse:
        found.append(
            KerasTensor(x.shape if axis is None else (x.shape[place],), "int32")
        )
    if return_counts:
        found.append(KerasTensor((size,), "int32"))
    return tuple(found) if len(found) > 1 else found[0]


def counts(x: KerasTensor, weights: Any, minlength: int, sparse: bool) -> KerasTensor:
    """Return what stands for how often integers are there."""
    dtype = "int32" if weights is None else _common(x, weights)
    return KerasTensor((*x.shape[:-1], None), dtype)


def _with_size(x: KerasTensor, axis: int, size: int | None) -> KerasTensor:
    shape = list(x.shape)
    shape[axis] = size
    return KerasTensor(shape, x.dtype)
