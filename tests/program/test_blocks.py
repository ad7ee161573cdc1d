"""Stretches of a flat model that repeat are classes, called one after the other."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest

from keras2torch.layers.definitions import (
    Add,
    BatchNormalization,
    Concatenate,
    Conv2D,
    Dense,
    ReLU,
)
from keras2torch.program import write
from keras2torch.verification.torch_side import run

from .graphs import Graph, classes, dense


def _residual(graph: Graph, prefix: str, x: ir.Value, units: int) -> ir.Value:
    [y] = graph.call(Dense(units, name=f"{prefix}_1_dense"), [x])
    [y] = graph.call(ReLU(name=f"{prefix}_1_relu"), [y])
    [y] = graph.call(Dense(5, name=f"{prefix}_2_dense"), [y])
    [y] = graph.call(Add(name=f"{prefix}_add"), [x, y])
    return y


def _residual_by_hand(graph: Graph, prefix: str, x: np.ndarray) -> np.ndarray:
    y = np.maximum(dense(graph, f"{prefix}_1_dense", x), 0)
    return x + dense(graph, f"{prefix}_2_dense", y)


def _given(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def test_a_block_is_a_class_and_its_layers_are_called_alike() -> None:
    graph = Graph("net")
    x = graph.input("x", (None, 5))
    prefixes = ["stage1_block1", "stage1_block2", "stage2_block1"]
    y = x
    for prefix, units in zip(prefixes, (8, 9, 8), strict=True):
        y = _residual(graph, prefix, y, units)
    [y] = graph.call(Dense(2, name="head"), [y])
    program = write(graph.filled(y))
    assert classes(program) == ["ResidualBlock", "Net"]
    assert "self.dense1 = nn.Linear(5, hidden_features)" in program.source
    assert "nn.Sequential(ResidualBlock(8), ResidualBlock(9))" in program.source
    assert "self.stage2_block1 = ResidualBlock(8)" in program.source
    keys = [w.name for w in program.weights]
    assert keys[0] == "stage1.0.dense1.weight"
    assert keys[-2:] == ["head.weight", "head.bias"]
    given = _given(3, 5)
    seen = run(program, [[given]], program.module)
    expected = given
    for prefix in prefixes:
        inside = dense(graph, f"{prefix}_1_dense", expected)
        expected = _residual_by_hand(graph, prefix, expected)
        for path, value in ((f"{prefix}_1_dense", inside), (f"{prefix}_add", expected)):
            found = seen.layers[path, 0][0]
            np.testing.assert_allclose(found, value, rtol=1e-4, atol=1e-4)
    expected = dense(graph, "head", expected)
    np.testing.assert_allclose(seen.outputs[0][0], expected, rtol=1e-4, atol=1e-4)


def test_names_are_not_torn_apart() -> None:
    """Dense, ReLU repeats more often than the block that the names tell."""
    graph = Graph("net")
    y = graph.input("x", (None, 5))
    for i in range(3):
        for j in range(2):
            [y] = graph.call(Dense(6, name=f"block{i}_{j}_dense"), [y])
            [y] = graph.call(ReLU(name=f"block{i}_{j}_relu"), [y])
    program = write(graph.filled(y))
    assert classes(program) == ["MLP", "Net"]
    assert "return self.blocks(x)" in program.source
    assert "nn.Sequential(MLP(5), MLP(6), MLP(6))" in program.source
    assert "self.dense0" in program.source
    assert "self.dense1" in program.source


@pytest.mark.parametrize("what", ["shared", "read outside", "output"])
def test_what_others_hold_stays(what: str) -> None:
    graph = Graph("net")
    x = graph.input("x", (None, 5))
    shared = Dense(8, name="block0_1_dense")
    [y] = graph.call(shared, [x])
    [inner] = graph.call(ReLU(name="block0_1_relu"), [y])
    [y] = graph.call(Dense(5, name="block0_2_dense"), [inner])
    [y] = graph.call(Add(name="block0_add"), [x, y])
    y = _residual(graph, "block1", y, 8)
    outputs = [y]
    if what == "shared":
        [z] = graph.call(shared, [y])
        outputs = [z]
    elif what == "read outside":
        [z] = graph.call(Dense(5, name="late"), [inner])
        outputs = graph.call(Add(name="last"), [y, z])
    else:
        outputs.append(inner)
    program = write(graph.filled(*outputs))
    assert classes(program) == ["Net"]
    given = _given(3, 5)
    seen = run(program, [[given]], program.module)
    expected = given
    for prefix in ("block0", "block1"):
        expected = _residual_by_hand(graph, prefix, expected)
    found = seen.layers["block1_add", 0][0]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_chains_without_names_inside_a_long_forward() -> None:
    """An inception block's Conv2D, BatchNormalization, ReLU."""
    graph = Graph("net")
    x = graph.input("x", (None, 6, 6, 3))
    ends = []
    for i in range(8):
        [y] = graph.call(Conv2D(i + 2, 1, name=f"conv2d_{i}"), [x])
        [y] = graph.call(BatchNormalization(name=f"batch_normalization_{i}"), [y])
        ends += graph.call(ReLU(name=f"re_lu_{i}"), [y])
    [y] = graph.call(Concatenate(name="mixed"), ends)
    program = write(graph.filled(y))
    assert classes(program) == ["ConvBlock", "Net"]
    assert "self.conv_block4 = ConvBlock(5)" in program.source
    assert program.weights[0].name == "conv_block1.conv.weight"


def test_cells_that_read_the_two_before() -> None:
    graph = Graph("net")
    before = last = graph.input("x", (None, 5))
    [last] = graph.call(Dense(4, name="stem"), [last])
    for i in range(8):
        ends = []
        for j in range(4):
            tensor = (before, last)[j % 2]
            [y] = graph.call(Dense(3, name=f"left_{j}_cell_{i}"), [tensor])
            [y] = graph.call(ReLU(name=f"relu_{j}_cell_{i}"), [y])
            [y] = graph.call(Dense(2, name=f"right_{j}_cell_{i}"), [y])
            ends.append(y)
        before, (last,) = last, graph.call(Concatenate(name=f"concat_{i}"), ends)
    program = write(graph.filled(last))
    [_] = set(classes(program)) - {"MLP", "Net"}
    assert "A block that is 8 times in the model." in program.source
    given = _given(3, 5)
    seen = run(program, [[given]], program.module)
    before = given
    expected = dense(graph, "stem", given)
    for i in range(8):
        parts = []
        for j in range(4):
            y = dense(graph, f"left_{j}_cell_{i}", (before, expected)[j % 2])
            parts.append(dense(graph, f"right_{j}_cell_{i}", np.maximum(y, 0)))
        before, expected = expected, np.concatenate(parts, axis=-1)
    np.testing.assert_allclose(seen.outputs[0][0], expected, rtol=1e-3, atol=1e-3)
