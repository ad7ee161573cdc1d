"""Diagonals and triangles of matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir

from keras2torch.reading.operation_calls import OperationCall, Rule, dtype_of, shape_of
from keras2torch.reading.rules.shaping import moved


def _triangle(c: OperationCall, x: ir.Value, k: int, *, upper: bool) -> ir.Value:
    number = c.constant(k, "int64")
    return c.operator("Trilu", [x, number], shape_of(x), {"upper": int(upper)})


def triangle(c: OperationCall, x: Any, k: Any = 0) -> ir.Value:
    """Keep what is below or above a diagonal."""
    return _triangle(c, c.given(x), c.number(k, "k"), upper=c.kind == "Triu")


def diagonal(
    c: OperationCall, x: Any, offset: Any = 0, axis1: Any = 0, axis2: Any = 1
) -> ir.Value:
    """Return a diagonal, as the last axis."""
    x = c.given(x)
    k = c.number(offset, "offset")
    x = moved(c, x, [axis1, axis2], [-2, -1])
    rows, columns = c.known(x, -2), c.known(x, -1)
    count = max(0, min(rows - max(-k, 0), columns - max(k, 0)))
    start = k if k >= 0 else -k * columns
    flat = c.reshape(x, [*c.sizes(x)[:-2], rows * columns])
    places = start + np.arange(count) * (columns + 1)
    return c.gather(flat, c.constant(places, "int64"), -1)


def trace(
    c: OperationCall, x: Any, offset: Any = 0, axis1: Any = 0, axis2: Any = 1
) -> ir.Value:
    """Return the sum of a diagonal."""
    found = diagonal(c, x, offset, axis1, axis2)
    small = {"bool": "int32", "int8": "int32", "int16": "int32", "uint8": "uint32"}
    found = c.cast(found, small.get(dtype_of(found), dtype_of(found)))
    return c.reduce("ReduceSum", found, -1)


def from_diagonal(c: OperationCall, x: ir.Value, k: int) -> ir.Value:
    """Return matrices with the last axis on a diagonal, zeros elsewhere."""
    size = c.known(x, -1)
    pattern = np.eye(size + abs(k), k=k, dtype=bool)
    before = max(-k, 0)
    rows = np.pad(np.arange(size), (before, abs(k) - before), mode="edge")
    spread = c.gather(x, c.constant(rows, "int64"), -1)
    return c.where(c.constant(pattern, "bool"), c.unsqueeze(spread, -1), 0)


def diag(c: OperationCall, x: Any, k: Any = 0) -> ir.Value:
    """Put a vector on a diagonal, or take a matrix' diagonal."""
    x = c.given(x)
    if c.kind == "Diagflat":
        x = c.reshape(x, [-1])
    if c.rank(x) == 1:
        return from_diagonal(c, x, c.number(k, "k"))
    return diagonal(c, x, k)


def matrix_diag(c: OperationCall, x: Any, k: Any = 0) -> ir.Value:
    """Return matrices with the last axis on a diagonal."""
    return from_diagonal(c, c.given(x), c.number(k, "k"))


RULES: dict[str, Rule] = {
    "Diag": diag,
    "Diagflat": diag,
    "Diagonal": diagonal,
    "MatrixDiag": matrix_diag,
    "Trace": trace,
    "Tril": triangle,
    "Triu": triangle,
}
