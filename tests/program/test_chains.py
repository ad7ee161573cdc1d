"""A stack without names, in a class of the user's, is ``nn.Sequential``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir
import pytest
import torch

from keras2torch.layers.definitions import (
    Activation,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Functional,
    GlobalAveragePooling2D,
    Layer,
    LeakyReLU,
    MaxPooling2D,
    Softmax,
)
from keras2torch.program import Program, write
from keras2torch.verification.describe import describe
from keras2torch.verification.torch_side import run

from .graphs import Graph, data

FFN = [Dense(6, name="dense_3", activation="relu"), Dense(4, name="dense_4")]


def _program(
    layers: Sequence[Layer],
    shape: tuple[int | None, ...] = (None, 4),
    *,
    class_name: str = "Block",
    trainable: bool = True,
) -> tuple[Program, Graph, ir.Model]:
    graph = Graph("net")
    x = graph.input("x", shape)
    outer = graph.nested("block")
    y = outer.input("x", shape)
    inner = outer.nested("ffn")
    z = inner.input("x", shape)
    for layer in layers:
        [z] = inner.call(layer, [z])
    [y] = outer.call_model(Functional(name="ffn", trainable=trainable), inner, [y], [z])
    layer = Functional(name="block", class_name=class_name)
    [x] = graph.call_model(layer, outer, [x], [y])
    model = graph.filled(x)
    return write(model), graph, model


@pytest.mark.parametrize(
    ("layers", "shape", "expected"),
    [
        (FFN, (None, 4), "nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 4)"),
        ([Dense(4, name="dense")], (None, 4), "nn.Linear(4, 4)"),
        (
            [
                Conv2D(5, 3, strides=2, padding="same", name="conv2d"),
                BatchNormalization(name="batch_normalization_12"),
                LeakyReLU(negative_slope=0.2, name="leaky_re_lu"),
                Dropout(0.3, name="dropout_1"),
                MaxPooling2D(3, strides=1, padding="same", name="max_pooling2d"),
                Flatten(name="flatten"),
                Dense(3, name="dense"),
                Softmax(name="softmax"),
            ],
            (None, 8, 7, 2),
            "nn.ZeroPad2d((1, 1, 0, 1)), nn.Conv2d(2, 5, kernel_size=3, stride=2), "
            "nn.BatchNorm2d(5, eps=0.001, momentum=0.01), "
            "nn.LeakyReLU(negative_slope=0.2), nn.Dropout(0.3), "
            "nn.MaxPool2d(3, stride=1, padding=1), nn.Flatten(), "
            "nn.Linear(80, 3), nn.Softmax(dim=-1)",
        ),
    ],
)
def test_stack(
    layers: list[Layer], shape: tuple[int | None, ...], expected: str
) -> None:
    program, _, _ = _program(layers, shape)
    flat = " ".join(program.source.split()).replace("( ", "(").replace(" )", ")")
    assert f"self.ffn = nn.Sequential({expected})" in flat.replace(",)", ")")
    assert "class Ffn" not in program.source
    given = np.random.default_rng(0).normal(size=(2, *shape[1:])).astype("float32")
    seen = run(program, [[given]], program.module)
    # Each layer's result is seen, and reads what the one before made.
    for layer in layers:
        assert (f"block/ffn/{layer.name}", 0) in seen.layers
    module = program.module()
    assert {w.name for w in program.weights} <= set(module.state_dict())
    result = seen.layers[f"block/ffn/{layers[-1].name}", 0][0]
    np.testing.assert_array_equal(result, seen.outputs[0][0])


def test_results_and_keys_are_the_layers() -> None:
    program, graph, model = _program(FFN)
    keys = {w.name: w.path for w in program.weights}
    assert keys == {
        "block.ffn.0.weight": "block/ffn/dense_3",
        "block.ffn.0.bias": "block/ffn/dense_3",
        "block.ffn.2.weight": "block/ffn/dense_4",
        "block.ffn.2.bias": "block/ffn/dense_4",
    }
    given = np.random.default_rng(0).normal(size=(2, 4)).astype("float32")
    seen = run(program, [[given]], program.module)
    (k, b), (m, c) = (graph.layers[f"block/ffn/dense_{n}"].values for n in (3, 4))
    hidden = np.maximum(given @ data(k) + data(b), 0)
    for name, wanted in (("dense_3", hidden), ("dense_4", hidden @ data(m) + data(c))):
        np.testing.assert_allclose(
            seen.layers[f"block/ffn/{name}", 0][0], wanted, rtol=1e-4, atol=1e-4
        )
    rows = {r.name: r.torch_name for r in describe(program, model).layers}
    assert rows["block/ffn/dense_4"] == "block.ffn.2"


@pytest.mark.parametrize(
    ("layers", "shape"),
    [
        # Somebody named them.
        ([Dense(6, name="up"), Dense(4, name="down")], (None, 4)),
        # No module of PyTorch's.
        (
            [
                Conv2D(3, 1, name="conv2d"),
                GlobalAveragePooling2D(name="global_average_pooling2d"),
            ],
            (None, 5, 4, 2),
        ),
        # Frozen in inference mode, which takes a method.
        (
            [
                Dense(4, name="dense"),
                BatchNormalization(name="batch_normalization", trainable=False),
            ],
            (None, 4),
        ),
        (
            [Dense(4, name="dense"), Activation("exponential", name="activation")],
            (None, 4),
        ),
    ],
)
def test_what_stays_a_class(layers: list[Layer], shape: tuple[int | None, ...]) -> None:
    program, _, _ = _program(layers, shape)
    assert "class Ffn(nn.Module)" in program.source
    assert "Sequential" not in program.source


def test_a_model_of_models_keeps_its_names() -> None:
    program, _, _ = _program(FFN, class_name="")
    assert "class Ffn(nn.Module)" in program.source


def test_a_frozen_stack() -> None:
    program, _, _ = _program(FFN, trainable=False)
    assert "self.ffn.requires_grad_(False)" in program.source
    assert not any(p.requires_grad for p in program.module().parameters())
    program.module()(torch.randn(2, 4))


def test_entries_that_are_classes() -> None:
    graph = Graph("net")
    x = graph.input("x", (None, 4))
    outer = graph.nested("net")
    y = outer.input("x", (None, 4))
    stack = outer.nested("blocks")
    z = stack.input("x", (None, 4))
    for i, units in enumerate((7, 9)):
        name = f"block_{i}" if i else "block"
        inner = stack.nested(name)
        h = inner.input("x", (None, 4))
        [g] = inner.call(Dense(units, name="wide", activation="relu"), [h])
        [g] = inner.call(Dense(4, name="back"), [g])
        [z] = stack.call_model(
            Functional(name=name, class_name="Block"), inner, [z], [g]
        )
    [y] = outer.call_model(Functional(name="blocks"), stack, [y], [z])
    [x] = graph.call_model(Functional(name="net", class_name="Net"), outer, [x], [y])
    program = write(graph.filled(x))
    assert "self.blocks = nn.Sequential(Block(7), Block(9))" in program.source
    given = np.random.default_rng(0).normal(size=(2, 4)).astype("float32")
    seen = run(program, [[given]], program.module)
    assert ("net/blocks/block_1/wide", 0) in seen.layers
    np.testing.assert_array_equal(
        seen.layers["net/blocks/block_1", 0][0], seen.outputs[0][0]
    )


def test_an_identity_behind_it_is_nothing() -> None:
    graph = Graph("net")
    x = graph.input("x", (None, 4))
    outer = graph.nested("block")
    y = outer.input("x", (None, 4))
    inner = outer.nested("ffn")
    z = inner.input("x", (None, 4))
    for layer in FFN:
        [z] = inner.call(layer, [z])
    z = inner.operator("Identity", [z], "identity", (None, 4), "float32")
    [y] = outer.call_model(Functional(name="ffn"), inner, [y], [z])
    y = outer.operator("Identity", [y], "identity", (None, 4), "float32")
    layer = Functional(name="block", class_name="Block")
    [x] = graph.call_model(layer, outer, [x], [y])
    program = write(graph.filled(x))
    assert "nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 4))" in (
        program.source
    )
    assert "return self.ffn(x)" in program.source
    given = np.random.default_rng(0).normal(size=(2, 4)).astype("float32")
    seen = run(program, [[given]], program.module)
    for path in ("block", "block/ffn", "block/ffn/dense_4"):
        np.testing.assert_array_equal(seen.layers[path, 0][0], seen.outputs[0][0])


def test_a_stack_that_is_called_twice() -> None:
    graph = Graph("net")
    x = graph.input("x", (None, 4))
    outer = graph.nested("block")
    y = outer.input("x", (None, 4))
    for _ in range(2):
        inner = outer.nested("ffn")
        z = inner.input("x", (None, 4))
        for layer in FFN:
            [z] = inner.call(layer, [z])
        [y] = outer.call_model(Functional(name="ffn"), inner, [y], [z])
    layer = Functional(name="block", class_name="Block")
    [x] = graph.call_model(layer, outer, [x], [y])
    program = write(graph.filled(x))
    assert program.source.count("nn.Sequential(") == 1
    given = np.random.default_rng(0).normal(size=(2, 4)).astype("float32")
    seen = run(program, [[given]], program.module)
    np.testing.assert_array_equal(
        seen.layers["block/ffn/dense_4", 1][0], seen.outputs[0][0]
    )
