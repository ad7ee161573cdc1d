"""Layers that the user kept in a list are an ``nn.ModuleList`` and a loop."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import torch

from keras2torch.layers.definitions import Activation, Dense, Functional
from keras2torch.program import Program, write
from keras2torch.verification.watching import watching

from .graphs import Graph, dense


def _seen(program: Program, x: torch.Tensor) -> dict[tuple[str, int], np.ndarray]:
    module = program.module()
    with torch.no_grad(), watching(module, program.captures) as seen:
        module(x)
    return {key: found[0] for key, found in seen.layers.items()}


def test_a_list_of_layers_is_a_loop() -> None:
    graph = Graph("model")
    x = graph.input("x", (None, 4))
    y = x
    for i in range(3):
        [y] = graph.call(Dense(4, name=f"layers.{i}", activation="tanh"), [y])
    [y] = graph.call(Dense(2, name="head"), [y])
    program = write(graph.filled(y))
    assert "self.layers = nn.ModuleList([nn.Linear(4, 4) for _ in range(3)])" in (
        program.source
    )
    assert "for layer in self.layers:\n            x = torch.tanh(layer(x))" in (
        program.source
    )
    assert [w.name for w in program.weights][:2] == [
        "layers.0.weight",
        "layers.0.bias",
    ]
    given = torch.randn(2, 4)
    seen = _seen(program, given)
    h = given.numpy()
    for i in range(3):
        h = np.tanh(dense(graph, f"layers.{i}", h))
        np.testing.assert_allclose(seen[f"layers.{i}", 0], h, atol=1e-5)
    np.testing.assert_allclose(seen["head", 0], dense(graph, "head", h), atol=1e-5)


def test_two_lists_go_in_pairs_and_the_first_turn_may_read_another_variable() -> None:
    graph = Graph("model")
    x = graph.input("x", (None, 4))
    [start] = graph.call(Dense(4, name="start"), [x])
    y = start
    for i in range(3):
        [z] = graph.call(Dense(4, name=f"norms.{i}"), [y])
        [z] = graph.call(Dense(4, name=f"mixers.{i}"), [z])
        y = graph.operator("Add", [y, z], f"add{i}", (None, 4), "float32")
    y = graph.operator("Mul", [y, start], "mul", (None, 4), "float32")
    [y] = graph.call(Dense(4, name="norms.3"), [y])
    program = write(graph.filled(y))
    assert "for norm, mixer in zip(self.norms, self.mixers):" in program.source
    assert program.source.count("self.norms[") == 1
    given = torch.randn(2, 4)
    seen = _seen(program, given)
    first = h = dense(graph, "start", given.numpy())
    for i in range(3):
        z = dense(graph, f"norms.{i}", h)
        np.testing.assert_allclose(seen[f"norms.{i}", 0], z, atol=1e-4)
        z = dense(graph, f"mixers.{i}", z)
        np.testing.assert_allclose(seen[f"mixers.{i}", 0], z, atol=1e-4, rtol=1e-5)
        h = h + z
    result = program.module()(given).detach().numpy()
    expected = dense(graph, "norms.3", h * first)
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-3)


def test_what_is_not_the_same_in_each_turn_is_no_loop() -> None:
    graph = Graph("model")
    x = graph.input("x", (None, 4))
    for i, activation in enumerate(("tanh", "relu", "tanh")):
        [x] = graph.call(Dense(4, name=f"layers.{i}", activation=activation), [x])
    program = write(graph.filled(x))
    assert "for layer" not in program.source
    assert "x = F.relu(self.layers[1](x))" in program.source


def test_entries_without_a_module_and_lists_with_gaps() -> None:
    graph = Graph("model")
    x = graph.input("x", (None, 4))
    [x] = graph.call(Dense(4, name="stack.0"), [x])
    [x] = graph.call(Activation("relu", name="stack.1"), [x])
    [x] = graph.call(Dense(3, name="stack.2"), [x])
    [x] = graph.call(Dense(3, name="odd.1"), [x])
    program = write(graph.filled(x))
    names = [w.name for w in program.weights if w.name.endswith("weight")]
    assert names == ["stack.0.weight", "stack.1.weight", "odd_1.weight"]
    program.module()(torch.randn(2, 4))


def test_frozen_entries_and_the_users_own_class() -> None:
    graph = Graph("model")
    x = graph.input("x", (None, 4))
    for i in range(2):
        inner = graph.nested(f"blocks.{i}")
        y = inner.input("x", (None, 4))
        [y] = inner.call(Dense(4, name="dense", activation="relu"), [y])
        block = Functional(name=f"blocks.{i}", class_name="Block", trainable=i > 0)
        [x] = graph.call_model(block, inner, [x], [y])
    program = write(graph.filled(x))
    assert 'class Block(nn.Module):\n    """The custom layer "Block"' in (
        program.source
    )
    trained = {n for n, p in program.module().named_parameters() if p.requires_grad}
    assert trained == {"blocks.1.dense.weight", "blocks.1.dense.bias"}
    assert {w.name for w in program.weights if w.trainable} == trained
    given = torch.randn(3, 4)
    seen = _seen(program, given)
    h = np.maximum(dense(graph, "blocks.0/dense", given.numpy()), 0)
    np.testing.assert_allclose(seen["blocks.0/dense", 0], h, atol=1e-5)
    np.testing.assert_allclose(seen["blocks.0", 0], h, atol=1e-5)


def test_a_value_is_never_overwritten_before_it_is_read() -> None:
    graph = Graph("model")
    x = graph.input("x", (None, 4))
    [a] = graph.call(Dense(4, name="a"), [x])
    late = graph.operator("Exp", [a], "late", (None, 4), "float32")
    b: ir.Value = a
    for i in range(3):
        [b] = graph.call(Dense(4, name=f"b{i}"), [b])
    y = graph.operator("Sub", [b, late], "end", (None, 4), "float32")
    program = write(graph.filled(y))
    given = torch.randn(2, 4)
    first = h = dense(graph, "a", given.numpy())
    for i in range(3):
        h = dense(graph, f"b{i}", h)
    result = program.module()(given).detach().numpy()
    np.testing.assert_allclose(result, h - np.exp(first), rtol=1e-4, atol=1e-4)
    seen = _seen(program, given)
    np.testing.assert_allclose(seen["late", 0], np.exp(first), rtol=1e-4)


def test_the_users_class_keeps_its_name() -> None:
    graph = Graph("block")
    x = graph.input("x", (None, 4))
    inner = graph.nested("inside")
    y = inner.input("x", (None, 4))
    [y] = inner.call(Dense(4, name="dense"), [y])
    own = Functional(name="inside", class_name="Block")
    [x] = graph.call_model(own, inner, [x], [y])
    model = graph.filled(x)
    program = write(model)
    assert program.name == "BlockModel"
    assert "self.inside = Block()" in program.source
    assert write(model, name=program.name).source == program.source
