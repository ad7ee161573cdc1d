"""Weights of the user's own, tied weights and constants are the class' own."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest
import torch
from program.graphs import Array, Graph, data

from keras2torch.errors import UnsupportedLayer
from keras2torch.layers.definitions import Dense, Embedding, Functional
from keras2torch.program import write
from keras2torch.program.constants import constant_name, formula
from keras2torch.verification.graph import layers_of, parameter_counts
from keras2torch.verification.torch_side import run


def _reduced(graph: Graph, value: ir.Value, shape: tuple[int, ...]) -> ir.Value:
    axes = graph.constant(np.array([0], "int64"), "axes")
    keep = ir.AttrInt64("keepdims", 1)
    return graph.operator("ReduceMean", [value, axes], "mean", shape, "float32", [keep])


def test_own_and_tied_weights_and_constants() -> None:
    graph = Graph("language_model")
    shape = (None, 7, 12)
    ids = graph.input("ids", (None, 7), "int32")
    [x] = graph.call(Embedding(50, 12, name="token"), [ids])
    gamma = graph.weight("", "gamma", 12)
    moving = graph.weight("", "Moving Mean", 12, trainable=False, index=1)
    few = np.arange(1, 8, dtype="float32").reshape(7, 1) / np.float32(10)
    short = graph.initializer("a/imagenet_mean:0", few)
    odd = np.arange(12, dtype="float32") ** 2
    long = graph.initializer("Const_3:0", odd)
    again = graph.initializer("mul_7:0", odd)
    others = ("Mul", gamma), ("Sub", moving), ("Mul", short), ("Add", long)
    for op, other in (*others, ("Add", again)):
        x = graph.operator(op, [x, other], op.lower(), shape, "float32")
    inner = graph.nested("block")
    y = inner.input("x", shape)
    scale = graph.weight("block", "scale", 12)
    y = inner.operator("Mul", [y, scale], "mul", shape, "float32")
    [y] = inner.call(Dense(12, name="proj"), [y])
    block = Functional(name="block", class_name="MyBlock", trainable=False)
    [x] = graph.call_model(block, inner, [x], [y])
    x = graph.operator("Add", [x, scale], "again", shape, "float32")
    table, kernel = (graph.layers[p].values[0] for p in ("token", "block/proj"))
    bias = graph.layers["block/proj"].values[1]
    for value in (table, kernel):
        mean = _reduced(graph, value, (1, 12))
        x = graph.operator("Add", [x, mean], "end", shape, "float32")
    model = graph.filled(x)
    program = write(model)

    for line in (
        "self.gamma = nn.Parameter(torch.empty(12))",
        'self.register_buffer("moving_mean", torch.empty(12))',
        '"imagenet_mean",',
        "torch.tensor([[0.1], [0.2], [0.3], [0.4], [0.5], [0.6], [0.7]]),",
        "persistent=False,",
        'self.register_buffer("offset", torch.empty(12))',
        "self.scale = nn.Parameter(torch.empty(12))",
    ):
        assert line in program.source
    # Equal constants are one.
    assert program.source.count("+ self.offset") == 2
    assert program.source.count("register_buffer") == 3
    assert "self.block.scale" in program.source
    # nn.Linear keeps the kernel transposed: so does who reads it.
    assert "self.block.proj.weight.mean(dim=1" in program.source

    batch = np.random.default_rng(3).integers(0, 50, (2, 7)).astype("int32")
    h = data(table)[batch] * data(gamma) - data(moving)
    h = h * few + odd + odd
    h = (h * data(scale)) @ data(kernel) + data(bias) + data(scale)
    h += data(table).mean(0) + data(kernel).mean(0)
    result = run(program, [[batch]], program.module)
    np.testing.assert_allclose(result.outputs[0][0], h, rtol=1e-5, atol=1e-5)

    # The block is frozen, the constant is no weight.
    expected = (50 * 12 + 12, 50 * 12 + 12 * 3 + 12 * 13)
    assert parameter_counts(layers_of(model)) == expected
    assert (result.counts.trainable, result.counts.total) == expected
    assert set(result.gradients) == {"gamma", "token.weight"}


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.arange(20, dtype="int32"), "torch.arange(20, dtype=torch.int32)"),
        (np.arange(3, 20, 2)[None], "torch.arange(3, 20, 2).reshape(1, 9)"),
        (np.arange(5, 0, -1), "torch.arange(5, 0, -1)"),
        (np.arange(5.0, dtype="float32"), "torch.arange(5, dtype=torch.float32)"),
        (np.zeros((3, 4), "float32"), "torch.zeros(3, 4)"),
        (np.ones((3, 4), bool), "torch.ones(3, 4, dtype=torch.bool)"),
        (np.full((3, 4), -1e9, "float32"), "torch.full((3, 4), -1e9)"),
        (np.eye(5, dtype="float32"), "torch.eye(5)"),
        (
            np.tril(np.ones((1, 5, 5), bool)),
            "torch.tril(torch.ones(5, 5, dtype=torch.bool)).reshape(1, 5, 5)",
        ),
        (
            np.tril(np.ones((5, 6), "int32"), -2),
            "torch.tril(torch.ones(5, 6, dtype=torch.int32), diagonal=-2)",
        ),
        (
            np.where(np.tri(5, 5), 0, -np.inf).astype("float32"),
            'torch.triu(torch.full((5, 5), float("-inf")), diagonal=1)',
        ),
        (np.array([0, 1, 3, 4]), None),
        (np.array([0.0, 0.1, 0.2, 0.3], "float32"), None),
        (np.tril(np.arange(1, 17).reshape(4, 4)), None),
        (-np.zeros(5, "float32"), "torch.full((5,), -0.0)"),
    ],
)
def test_a_constant_with_a_formula(array: Array, expected: str | None) -> None:
    made = formula(array, str(array.dtype))
    assert made == expected
    if made is not None:
        tensor = eval(made)
        assert str(tensor.dtype) == f"torch.{array.dtype}"
        np.testing.assert_array_equal(tensor.numpy(), array)
        assert (np.signbit(tensor.numpy()) == np.signbit(array)).all()


@pytest.mark.parametrize(
    ("name", "op", "array", "expected"),
    [
        ("block/matrixbandpart:0", "Mul", np.ones((3, 3), "float32"), "scale"),
        ("block/mul_1", "Add", np.arange(4.0) / 3, "offset"),
        ("const_fold_opt__12", "MatMul", np.ones((4, 4)) / 3, "matrix"),
        ("block/sqrt_1", "Where", np.ones((4, 4)) / 3, "constant"),
        ("block/cos_1", "Mul", np.ones((4, 4)) / 3, "cos"),
        ("block/Less:0", "And", np.tri(4, 4) > 0, "causal_mask"),
        ("block/Less:0", "And", np.eye(4, 4)[[1, 0, 3, 2]] > 0, "mask"),
        ("Range", "Add", np.arange(4), "positions"),
        ("imagenet_mean", "Sub", np.ones(3), "imagenet_mean"),
        ("anchors_2", "Add", np.ones(3), "anchors_2"),
    ],
)
def test_a_constant_is_called_what_it_is(
    name: str, op: str, array: Array, expected: str
) -> None:
    graph = Graph("model")
    value = graph.initializer(name, array)
    graph.operator(op, [value, value], "y", array.shape, str(array.dtype))
    assert constant_name(value, array) == expected


def test_a_part_of_a_constant_is_what_the_whole_is() -> None:
    graph = Graph("model")
    array = np.random.default_rng(0).normal(size=(9, 4)).astype("float32")
    value = graph.initializer("PositionalEncoding/Const:0", array)
    part = graph.operator("Unsqueeze", [value], "part", (1, 9, 4), "float32")
    graph.operator("Add", [part, part], "y", (1, 9, 4), "float32")
    assert constant_name(value, array) == "offset"


def test_a_wish_of_all_readers_is_how_it_is_stored() -> None:
    graph = Graph("model")
    x = graph.input("x", (None, 4))
    matrix = graph.weight("", "matrix", 4, 5)
    y = graph.operator("MatMul", [x, matrix], "product", (None, 5), "float32")
    program = write(graph.filled(y))
    assert "x @ self.matrix" in program.source
    given = torch.randn(3, 4)
    expected = given.numpy() @ data(matrix)
    result = program.module()(given).detach().numpy()
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("frozen", [False, True])
def test_a_frozen_weight_is_a_parameter(frozen: bool) -> None:
    graph = Graph("model")
    x = graph.input("x", (None, 4))
    inner = graph.nested("block")
    y = inner.input("x", (None, 4))
    for k, (name, own) in enumerate((("gamma", True), ("seen", False))):
        weight = graph.weight("block", name, 4, trainable=False, own=own, index=k)
        y = inner.operator("Mul", [y, weight], "mul", (None, 4), "float32")
    layer = Functional(name="block", class_name="Block", trainable=not frozen)
    [x] = graph.call_model(layer, inner, [x], [y])
    program = write(graph.filled(x))
    still = "" if frozen else ", requires_grad=False"
    assert f"self.gamma = nn.Parameter(torch.empty(4){still})" in program.source
    assert 'register_buffer("seen"' in program.source
    block = program.module().block
    assert [n for n, _ in block.named_parameters()] == ["gamma"]
    assert not block.gamma.requires_grad
    assert [w.trainable for w in program.weights] == [False, False]


def test_a_weight_that_cannot_be_reached_is_named() -> None:
    graph = Graph("model")
    x = graph.input("x", (None, 4))
    other = graph.weight("other", "gamma", 4)
    [x] = graph.call_model(Functional(name="other"), *_around(graph, "other", x, other))
    [x] = graph.call_model(Functional(name="block"), *_around(graph, "block", x, other))
    with pytest.raises(
        UnsupportedLayer, match="'block' reads the weight 'other/gamma'"
    ):
        write(graph.filled(x))


def _around(graph: Graph, name: str, x: ir.Value, weight: ir.Value):  # type: ignore[no-untyped-def]
    inner = graph.nested(name)
    y = inner.input("x", (None, 4))
    y = inner.operator("Mul", [y, weight], "mul", (None, 4), "float32")
    return inner, [x], [y]
