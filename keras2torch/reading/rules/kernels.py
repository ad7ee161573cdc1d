"""Kernels of TensorFlow that a trace meets, and no function of Keras has."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir

from keras2torch.reading.operation_calls import OperationCall, Rule, shape_of
from keras2torch.reading.rules import diagonals


def _number_of_diagonal(c: OperationCall, k: Any) -> int:
    values = c.numbers(k, "k")
    if len(set(values)) != 1:
        c.refuse("several diagonals at once")
    return values[0]


def matrices(
    c: OperationCall,
    diagonal: Any,
    k: Any,
    num_rows: Any,
    num_cols: Any,
    padding_value: Any,
) -> ir.Value:
    """Return matrices with the last axis on a diagonal."""
    sizes = [*c.numbers(num_rows, "num_rows"), *c.numbers(num_cols, "num_cols")]
    if set(sizes) != {-1} or padding_value:
        c.refuse("matrices of another size or with padding")
    return diagonals.from_diagonal(c, c.given(diagonal), _number_of_diagonal(c, k))


def part(c: OperationCall, input_: Any, k: Any, padding_value: Any) -> ir.Value:
    """Return a diagonal of the last two axes."""
    return diagonals.diagonal(c, input_, _number_of_diagonal(c, k), -2, -1)


def with_diagonal(c: OperationCall, input_: Any, diagonal: Any, k: Any) -> ir.Value:
    """Return matrices with another main diagonal."""
    if _number_of_diagonal(c, k):
        c.refuse("a diagonal that is not the main one")
    x, inner = c.given(input_), c.given(diagonal)
    rows, columns = c.known(x, -2), c.known(x, -1)
    places = np.minimum(np.arange(rows), min(rows, columns) - 1)
    spread = c.unsqueeze(c.gather(inner, c.constant(places, "int64"), -1), -1)
    return c.where(c.constant(np.eye(rows, columns, dtype=bool), "bool"), spread, x)


def remainder(c: OperationCall, x: Any, y: Any) -> ir.Value:
    """Return what is left of a division towards zero."""
    a, b = c.promoted(x, y)
    shape = c.broadcast([shape_of(a), shape_of(b)])
    return c.operator("Mod", [a, b], shape, {"fmod": 1})


def times_log1p(c: OperationCall, x: Any, y: Any) -> ir.Value:
    """``x * log(1 + y)``, and 0 where ``x`` is."""
    a, b = c.promoted(x, y)
    nothing = c.elementwise("Equal", a, 0)
    log = c.unary("Log", c.add(c.where(nothing, 0, b), 1))
    return c.where(nothing, 0, c.mul(a, log))


RULES: dict[str, Rule] = {
    "MatrixDiagPartV3": part,
    "MatrixDiagV3": matrices,
    "MatrixSetDiagV3": with_diagonal,
    "TruncateMod": remainder,
    "Xlog1py": times_log1p,
}
