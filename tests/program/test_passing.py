"""What always comes twice, or is never read, is no argument of its own."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest

from keras2torch.layers.definitions import Functional
from keras2torch.program import write
from keras2torch.verification.torch_side import run

from .graphs import Graph

SHAPE = (None, 5)


def _gate(graph: Graph, name: str, x: ir.Value, given: list[ir.Value]) -> ir.Value:
    """Add ``where(b & c, x, d)`` as a class; of its inputs ``a`` is not read."""
    inner = graph.nested(name)
    dtypes = ["float32", "bool", "bool", "bool", "float32"]
    names = ["x", "a", "b", "c", "d"]
    y, _, b, c, d = (
        inner.input(n, SHAPE, k) for n, k in zip(names, dtypes, strict=True)
    )
    both = inner.operator("And", [b, c], "both", SHAPE, "bool")
    y = inner.operator("Where", [both, y, d], "chosen", SHAPE, "float32")
    layer = Functional(name=name, class_name="Gate")
    [y] = graph.call_model(layer, inner, [x, *given], [y])
    return y


def _compared(graph: Graph, op: str, x: ir.Value, z: ir.Value) -> ir.Value:
    return graph.operator(op, [x, z], op.lower(), SHAPE, "bool")


@pytest.mark.parametrize("twice", [True, False])
def test_one_value_is_one_argument(twice: bool) -> None:
    graph = Graph("net")
    x, z = graph.input("x", SHAPE), graph.input("z", SHAPE)
    low = _compared(graph, "Less", x, z)
    unread = _compared(graph, "Equal", x, z)
    other = (
        low
        if twice
        else _compared(graph, "Greater", x, graph.constant(np.float32(0.5), "half"))
    )
    y = _gate(graph, "gate", x, [unread, low, other, z])
    program = write(graph.filled(y))
    arguments = "self, x: torch.Tensor, b: torch.Tensor"
    assert (f"{arguments}, d: torch.Tensor" in program.source) == twice
    assert ("c: torch.Tensor" in program.source) != twice
    assert "a: torch.Tensor" not in program.source
    # Nor is it computed for nobody.
    assert "==" not in program.source
    random = np.random.default_rng(0)
    a, b = (random.normal(size=(3, 5)).astype("float32") for _ in range(2))
    chosen = (a < b) & (twice | (a > 0.5))
    [[made]] = run(program, [[a, b]], program.module).outputs
    np.testing.assert_array_equal(made, np.where(chosen, a, b))


def test_calls_that_differ_keep_both_arguments() -> None:
    graph = Graph("net")
    x, z = graph.input("x", SHAPE), graph.input("z", SHAPE)
    low, high = (_compared(graph, op, x, z) for op in ("Less", "Greater"))
    y = x
    for other in (low, high):
        inner = graph.nested("gate")
        h = inner.input("h", SHAPE)
        b, c = (inner.input(name, SHAPE, "bool") for name in "bc")
        both = inner.operator("And", [b, c], "both", SHAPE, "bool")
        made = inner.operator("Where", [both, h, h], "chosen", SHAPE, "float32")
        layer = Functional(name="gate", class_name="Gate")
        [y] = graph.call_model(layer, inner, [y, low, other], [made])
    program = write(graph.filled(y))
    assert "b & c" in program.source
    # What compares makes a mask.
    assert "mask = x < z" in program.source
