"""What is known, while a graph is built, of a tensor that holds sizes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx_ir as ir

from keras2torch.dialect import shape_of

_DEEP = 32
_ARITHMETIC: dict[str, Callable[[int, int], int]] = {
    "Add": lambda a, b: a + b,
    "Div": lambda a, b: a // b,
    "Mul": lambda a, b: a * b,
    "Sub": lambda a, b: a - b,
}


def entries(value: ir.Value | None, deep: int = 0) -> list[int | None] | None:
    """Return the numbers in a tensor of at most one axis.

    ``None`` stands for a number that only the batch tells, and is returned where not
    even their count is known. The shape of ``x`` is known as far as its sizes are.
    """
    node = value.producer() if value is not None else None
    if node is None or node.domain or deep > _DEEP:
        return None

    def of(position: int) -> list[int | None] | None:
        return entries(node.inputs[position], deep + 1)

    kind = node.op_type
    if kind == "Constant":
        held = node.attributes["value"].as_tensor().numpy()
        if held.ndim > 1 or held.dtype.kind not in "iu":
            return None
        return [int(n) for n in np.atleast_1d(held)]
    if kind == "Shape":
        source = node.inputs[0]
        assert source is not None
        start, end = (node.attributes.get(k) for k in ("start", "end"))
        sizes = list(shape_of(source))
        first = start.as_int() if start is not None else 0
        return sizes[first : end.as_int() if end is not None else None]
    if kind in ("Cast", "Identity", "Squeeze", "Unsqueeze"):
        return of(0)
    if kind == "Concat":
        parts = [entries(v, deep + 1) for v in node.inputs]
        if any(p is None for p in parts):
            return None
        return [n for p in parts if p is not None for n in p]
    if kind == "Slice" and len(node.inputs) > 4:
        there, *ends = (of(i) for i in (0, 1, 2, 4))
        if there is None or any(e is None or len(e) != 1 or None in e for e in ends):
            return None
        return there[slice(*(e[0] for e in ends if e is not None))]
    if kind == "Gather":
        there, places = of(0), of(1)
        if there is None or places is None or None in places:
            return None
        return [there[p] for p in places if p is not None and p < len(there)]
    if kind in _ARITHMETIC:
        left, right = of(0), of(1)
        if left is None or right is None:
            return None
        count = max(len(left), len(right))
        pairs = zip(
            left * (count // len(left)), right * (count // len(right)), strict=True
        )
        compute = _ARITHMETIC[kind]
        return [
            compute(a, b)
            if a is not None and b is not None and (b or kind != "Div")
            else None
            for a, b in pairs
        ]
    return None
