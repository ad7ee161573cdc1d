"""Operators on small integers that are sizes, some of them not known but named."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

Array = npt.NDArray[Any]
# A number, what the file calls it, or nothing.
Dim = int | str | None


def reshaped(dims: list[Dim], source: list[Dim] | None) -> list[Dim]:
    """Resolve the 0 and the -1 of a Reshape as far as sizes are known."""
    if source is not None:
        dims = [
            source[i] if d == 0 and i < len(source) else d for i, d in enumerate(dims)
        ]
    if -1 not in dims:
        return dims
    at = dims.index(-1)
    if source is None:
        return [None if i == at else d for i, d in enumerate(dims)]
    # What stands on both sides cancels.
    left, right = list(source), [d for i, d in enumerate(dims) if i != at]
    for dim in [d for d in right if isinstance(d, str)]:
        if dim in left:
            left.remove(dim)
            right.remove(dim)
    rest: Dim = None
    if all(isinstance(d, int) for d in right):
        below = math.prod(d for d in right if isinstance(d, int))
        ints = [d for d in left if isinstance(d, int)]
        symbols = [d for d in left if not isinstance(d, int)]
        above = math.prod(ints)
        if not symbols and below:
            rest = above // below
        elif len(symbols) == 1 and above == below:
            rest = symbols[0]
    return [rest if i == at else d for i, d in enumerate(dims)]


Rule = Callable[[onnx.NodeProto, list[Array | None]], "Array | None"]


def attributes_of(node: onnx.NodeProto) -> dict[str, Any]:
    """Return the attributes as plain values."""
    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


def _shape(node: onnx.NodeProto, given: list[Array | None]) -> Array | None:
    options = attributes_of(node)
    assert given[0] is not None
    return given[0][options.get("start", 0) : options.get("end")]


def _size(node: onnx.NodeProto, given: list[Array | None]) -> Array | None:
    assert given[0] is not None
    return _object(_product(list(given[0])))


def _gather(node: onnx.NodeProto, given: list[Array | None]) -> Array | None:
    table, index = given
    if table is None or index is None or table.ndim != 1:
        return None
    return _object(table[index.astype(np.int64)])


def _slice(node: onnx.NodeProto, given: list[Array | None]) -> Array | None:
    table, *rest = given
    assert table is not None
    if any(r is None or len(r) != 1 or type(r[0]) is not int for r in rest):
        return None
    start, end, *more = [r[0] for r in rest if r is not None]
    step = more[1] if len(more) > 1 else 1
    return table[slice(start, end, step)]


def _concat(node: onnx.NodeProto, given: list[Array | None]) -> Array | None:
    # What is not known is one number each, or its length is not known either.
    if any(g is None or g.ndim != 1 for g in given):
        return None
    return np.concatenate([g for g in given if g is not None])


def _as_vector(node: onnx.NodeProto, given: list[Array | None]) -> Array | None:
    assert given[0] is not None
    return given[0].reshape(-1)


def _as_scalar(node: onnx.NodeProto, given: list[Array | None]) -> Array | None:
    assert given[0] is not None
    return given[0].reshape(()) if given[0].size == 1 else None


def _same(node: onnx.NodeProto, given: list[Array | None]) -> Array | None:
    whole = (onnx.TensorProto.INT32, onnx.TensorProto.INT64)
    cast = node.op_type == "Cast"
    return given[0] if not cast or attributes_of(node)["to"] in whole else None


def _reduce(node: onnx.NodeProto, given: list[Array | None]) -> Array | None:
    assert given[0] is not None
    made = _object(_product(list(given[0].reshape(-1))))
    return made.reshape(1) if attributes_of(node).get("keepdims", 1) else made


def _arithmetic(node: onnx.NodeProto, given: list[Array | None]) -> Array | None:
    left, right = given
    if left is None or right is None:
        return None
    one = _ARITHMETIC[node.op_type]
    wide = np.broadcast(left, right)
    made = [one(a, b) for a, b in wide]
    found = np.empty(wide.shape, dtype=object)
    found[...] = np.array(made, dtype=object).reshape(wide.shape)
    return found


def _times(a: Dim, b: Dim) -> Dim:
    if 1 in (a, b):
        return b if a == 1 else a
    if isinstance(a, int) and isinstance(b, int):
        return a * b
    return None if a is None or b is None else "*".join(sorted((str(a), str(b))))


def _over(a: Dim, b: Dim) -> Dim:
    if b == 1:
        return a
    both = isinstance(a, int) and isinstance(b, int)
    # ONNX cuts towards zero.
    return int(a / b) if both and b else None  # type: ignore[operator]


def _plus(a: Dim, b: Dim) -> Dim:
    if 0 in (a, b):
        return b if a == 0 else a
    return a + b if isinstance(a, int) and isinstance(b, int) else None


def _minus(a: Dim, b: Dim) -> Dim:
    if b == 0:
        return a
    return a - b if isinstance(a, int) and isinstance(b, int) else None


def _product(dims: list[Dim]) -> Dim:
    made: Dim = 1
    for dim in dims:
        made = _times(made, dim)
    return made


def _object(value: Any) -> Array:
    found = np.empty(np.shape(value), dtype=object)
    found[...] = value
    return found


_ARITHMETIC = {"Add": _plus, "Sub": _minus, "Mul": _times, "Div": _over}
FOLLOWED: dict[str, Rule] = {
    "Shape": _shape,
    "Size": _size,
    "Gather": _gather,
    "Slice": _slice,
    "Concat": _concat,
    "Unsqueeze": _as_vector,
    "Squeeze": _as_scalar,
    "Identity": _same,
    "Cast": _same,
    "ReduceProd": _reduce,
    **dict.fromkeys(_ARITHMETIC, _arithmetic),
}
