"""Bodies that differ in numbers of their constructors are one class with arguments."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest
import torch

from keras2torch.layers.definitions import (
    BatchNormalization,
    Conv1D,
    Conv2D,
    Dense,
    Dropout,
    Functional,
)
from keras2torch.program import write
from keras2torch.verification.torch_side import run
from keras2torch.verification.watching import watching

from .graphs import Graph, classes, data


def _block(
    graph: Graph,
    name: str,
    x: ir.Value,
    units: tuple[int, int],
    *,
    names: tuple[str, str] = ("first", "second"),
    class_name: str = "Block",
    activation: str = "relu",
    rate: float = 0.0,
) -> ir.Value:
    inner = graph.nested(name)
    y = inner.input("x", tuple(None if d is None else int(d) for d in _shape(x)))
    [y] = inner.call(Dense(units[0], name=names[0], activation=activation), [y])
    if rate:
        [y] = inner.call(Dropout(rate, name="dropout"), [y])
    [y] = inner.call(Dense(units[1], name=names[1]), [y])
    layer = Functional(name=name, class_name=class_name)
    [x] = graph.call_model(layer, inner, [x], [y])
    return x


def _shape(value: ir.Value) -> list[int | None]:
    return [d if isinstance(d, int) else None for d in value.shape or ()]


def _computed(graph: Graph, path: str, names: tuple[str, str], x: np.ndarray):
    (k, b), (m, c) = (graph.layers[f"{path}/{n}"].values for n in names)
    hidden = np.maximum(x @ data(k) + data(b), 0)
    return hidden, hidden @ data(m) + data(c)


def test_one_class_with_arguments() -> None:
    graph = Graph("net")
    x = graph.input("x", (None, 4))
    y = _block(graph, "small", x, (8, 5), rate=0.1)
    y = _block(graph, "large", y, (16, 6), rate=0.25)
    program = write(graph.filled(y))
    assert classes(program) == ["Block", "Net"]
    assert (
        "def __init__(\n"
        "        self, in_features: int, hidden_features: int, out_features: int, "
        "dropout: float\n"
    ) in program.source
    assert "self.first = nn.Linear(in_features, hidden_features)" in program.source
    assert "self.second = nn.Linear(hidden_features, out_features)" in program.source
    assert "self.small = Block(4, 8, 5, dropout=0.1)" in program.source
    assert "Input: (N, in_features) float32." in program.source
    given = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
    names = ("first", "second")
    hidden, small = _computed(graph, "small", names, given)
    hidden_2, large = _computed(graph, "large", names, small)
    seen = run(program, [[given]], program.module)
    np.testing.assert_allclose(seen.outputs[0][0], large, rtol=1e-4, atol=1e-4)
    for path, expected in (
        ("small/first", hidden),
        ("small", small),
        ("large/first", hidden_2),
        ("large", large),
    ):
        np.testing.assert_allclose(
            seen.layers[path, 0][0], expected, rtol=1e-4, atol=1e-4
        )
    assert {w.name for w in program.weights} == set(program.module().state_dict())


def test_names_that_keras_numbered_are_the_first_ones() -> None:
    graph = Graph("net")
    x = graph.input("x", (None, 4))
    y = _block(graph, "tower_1", x, (8, 4), names=("dense", "dense_1"), class_name="")
    y = _block(graph, "tower_2", y, (8, 4), names=("dense_2", "dense_3"), class_name="")
    program = write(graph.filled(y))
    assert classes(program) == ["Tower", "Net"]
    assert "def __init__(self) -> None:" in program.source
    assert "2 times inside the model" in program.source
    keys = [w.name for w in program.weights]
    assert keys[4:6] == ["tower_2.fc1.weight", "tower_2.fc1.bias"]
    assert [w.path for w in program.weights][4] == "tower_2/dense_2"
    given = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
    seen = run(program, [[given]], program.module)
    _, first = _computed(graph, "tower_1", ("dense", "dense_1"), given)
    hidden, second = _computed(graph, "tower_2", ("dense_2", "dense_3"), first)
    np.testing.assert_allclose(seen.outputs[0][0], second, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(
        seen.layers["tower_2/dense_2", 0][0], hidden, rtol=1e-4, atol=1e-4
    )


def test_what_differs_in_more_is_a_class_of_its_own() -> None:
    graph = Graph("net")
    x = graph.input("x", (None, 4))
    y = _block(graph, "a", x, (8, 4))
    y = _block(graph, "b", y, (8, 4), activation="tanh")
    y = _block(graph, "c", y, (9, 4), rate=0.5)
    program = write(graph.filled(y))
    assert classes(program) == ["Block", "Block2", "Block3", "Net"]


@pytest.mark.parametrize("strides", [(1, 2), (2, 2)])
def test_a_default_may_be_another_elsewhere(strides: tuple[int, int]) -> None:
    graph = Graph("net")
    x = graph.input("x", (None, 9, 9, 3))
    for i, stride in enumerate(strides):
        inner = graph.nested(f"stage{i}")
        y = inner.input("x", tuple(_shape(x)))
        filters = 4 * (i + 1)
        for layer in (
            Conv2D(filters, 3, strides=stride, use_bias=False, name="conv"),
            BatchNormalization(name="bn"),
            Conv2D(filters, 1, activation="relu", name="mix"),
        ):
            [y] = inner.call(layer, [y])
        layer = Functional(name=f"stage{i}", class_name="Stage")
        [x] = graph.call_model(layer, inner, [x], [y])
    program = write(graph.filled(x))
    assert classes(program) == ["Stage", "Net"]
    varies = strides[0] != strides[1]
    assert "self.stage0 = Stage(3, 4)" in program.source
    assert ("stride=stride" in program.source) == varies
    assert ("stride: int = 1" in program.source) == varies
    assert ("stage1 = Stage(4, 8, stride=2)" in program.source) == varies
    module = program.module()
    assert module.stage1.conv.stride == (2, 2)
    assert module.stage1.bn.num_features == module.stage1.mix.in_channels == 8
    assert module(torch.randn(2, 3, 9, 9)).shape[1] == 8


def test_a_class_of_shared_classes_is_shared() -> None:
    graph = Graph("net")
    x = graph.input("x", (None, 4))
    for i, units in enumerate((8, 12, 16)):
        outer = graph.nested(f"layers.{i}")
        y = outer.input("x", (None, 4))
        for j in range(2):
            inner = outer.nested(f"part{j}")
            z = inner.input("x", (None, 4))
            [z] = inner.call(Dense(units, name="wide", activation="relu"), [z])
            [z] = inner.call(Dense(4, name="back"), [z])
            part = Functional(name=f"part{j}", class_name="Part")
            [y] = outer.call_model(part, inner, [y], [z])
        layer = Functional(name=f"layers.{i}", class_name="EncoderLayer")
        [x] = graph.call_model(layer, outer, [x], [y])
    program = write(graph.filled(x))
    assert classes(program) == ["Part", "EncoderLayer", "Net"]
    assert "self.part0 = Part(hidden_features)" in program.source
    assert "[EncoderLayer(8), EncoderLayer(12), EncoderLayer(16)]" in program.source
    assert "for layer in self.layers:" in program.source
    module = program.module()
    given = torch.randn(2, 4)
    h = given.numpy()
    with torch.no_grad(), watching(module, program.captures) as seen:
        module(given)
    for i in range(3):
        for j in range(2):
            hidden, h = _computed(graph, f"layers.{i}/part{j}", ("wide", "back"), h)
            np.testing.assert_allclose(
                seen.layers[f"layers.{i}/part{j}/wide", 0][0],
                hidden,
                rtol=1e-3,
                atol=1e-3,
            )


def test_what_a_shared_class_need_not_be_told() -> None:
    """A number at its default within a block within a block is an argument of both."""
    graph = Graph("net")
    x = graph.input("x", (None, 9, 4))
    strides = ((2, 1), (1, 1), (1, 1))
    for i, own in enumerate(strides):
        outer = graph.nested(f"stage{i}")
        y = outer.input("x", tuple(_shape(x)))
        for j, stride in enumerate(own):
            inner = outer.nested(f"part{j}")
            z = inner.input("x", tuple(_shape(y)))
            conv = Conv1D(4, 1, strides=stride, use_bias=False, name="conv")
            [z] = inner.call(conv, [z])
            [z] = inner.call(Dense(4, name="mix", activation="relu"), [z])
            part = Functional(name=f"part{j}", class_name="Part")
            [y] = outer.call_model(part, inner, [y], [z])
        layer = Functional(name=f"stage{i}", class_name="Stage")
        [x] = graph.call_model(layer, outer, [x], [y])
    program = write(graph.filled(x))
    assert classes(program) == ["Part", "Stage", "Net"]
    for text in (
        "self.part0 = Part(stride=stride)",
        "self.part1 = Part()",
        "def __init__(self, stride: int = 1)",
        "self.stage0 = Stage(stride=2)",
        "self.stage1 = Stage()",
    ):
        assert text in program.source, text
    given = np.random.default_rng(0).normal(size=(2, 9, 4)).astype("float32")
    h = given
    for i, own in enumerate(strides):
        for j, stride in enumerate(own):
            path = f"stage{i}/part{j}"
            kernel = data(graph.layers[f"{path}/conv"].values[0])
            k, b = (data(v) for v in graph.layers[f"{path}/mix"].values)
            h = np.maximum(h[:, ::stride] @ kernel[0] @ k + b, 0)
    seen = run(program, [[given]], program.module)
    np.testing.assert_allclose(seen.outputs[0][0], h, rtol=1e-4, atol=1e-4)


def test_what_numbers_of_own_weights_are_called() -> None:
    graph = Graph("net")
    x = graph.input("x", (None, 4))
    for name in ("small", "large"):
        size = 4 if name == "small" else 6
        inner = graph.nested(name)
        y = inner.input("x", (None, size))
        for k, weight in enumerate(("gamma", "beta")):
            own = graph.weight(name, weight, size, index=k)
            y = inner.operator("Mul", [y, own], "mul", (None, size), "float32")
        layer = Functional(name=name, class_name="Scale")
        [x] = graph.call_model(layer, inner, [x], [y])
        if name == "small":
            [x] = graph.call(Dense(6, name="dense"), [x])
    program = write(graph.filled(x))
    assert "def __init__(self, num_features: int) -> None:" in program.source
    assert "self.large = Scale(num_features=6)" in program.source
    assert program.module()(torch.ones(2, 4)).shape == (2, 6)


def test_numbers_of_forward_are_arguments() -> None:
    graph = Graph("net")
    x = graph.input("x", (None, 9, 4))
    for k, (dilation, scale) in enumerate(((1, 0.1), (2, 0.1), (4, 0.5))):
        inner = graph.nested(f"stack.{k}")
        y = inner.input("x", (None, 9, 4))
        conv = Conv1D(
            4, 2, dilation_rate=dilation, padding="causal", name="conv", use_bias=False
        )
        [z] = inner.call(conv, [y])
        number = inner.constant(np.float32(scale), "scale")
        z = inner.operator("Mul", [z, number], "mul", (None, 9, 4), "float32")
        z = inner.operator("Add", [y, z], "add", (None, 9, 4), "float32")
        layer = Functional(name=f"stack.{k}", class_name="Causal")
        [x] = graph.call_model(layer, inner, [x], [z])
    program = write(graph.filled(x))
    assert classes(program) == ["Causal", "Net"]
    for text in (
        "self.padding = padding\n",
        "F.pad(x, self.padding)",
        "* self.scale",
        "Causal(dilation=1, padding=(1, 0), scale=0.1)",
        "Causal(dilation=4, padding=(4, 0), scale=0.5)",
        "padding: tuple[int, int]",
        "for stack in self.stack:",
    ):
        assert text in program.source, text
    given = np.random.default_rng(0).normal(size=(2, 9, 4)).astype("float32")
    h = given
    for k, (dilation, scale) in enumerate(((1, 0.1), (2, 0.1), (4, 0.5))):
        kernel = data(graph.layers[f"stack.{k}/conv"].values[0])
        late = np.pad(h, ((0, 0), (dilation, 0), (0, 0)))[:, :9]
        h = h + np.float32(scale) * (late @ kernel[0] + h @ kernel[1])
    seen = run(program, [[given]], program.module)
    [made] = seen.outputs[0]
    np.testing.assert_allclose(made, h, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(seen.layers["stack.2", 0][0], h, rtol=1e-4, atol=1e-5)


def test_a_matrix_has_features_on_both_sides() -> None:
    graph = Graph("net")
    x = graph.input("x", (None, 4))
    for name, sizes in (("small", (4, 6)), ("large", (6, 9))):
        inner = graph.nested(name)
        y = inner.input("x", (None, sizes[0]))
        kernel = graph.weight(name, "w", *sizes)
        bias = graph.weight(name, "b", sizes[1], index=1)
        shape = (None, sizes[1])
        y = inner.operator("MatMul", [y, kernel], "product", shape, "float32")
        y = inner.operator("Add", [y, bias], "sum", shape, "float32")
        layer = Functional(name=name, class_name="Linear")
        [x] = graph.call_model(layer, inner, [x], [y])
    program = write(graph.filled(x))
    assert "def __init__(self, in_features: int, out_features: int)" in program.source
    assert "self.large = Linear(6, 9)" in program.source
    assert program.module()(torch.ones(2, 4)).shape == (2, 9)
