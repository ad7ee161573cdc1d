"""The map from Keras weights to the state dict is what the transforms really do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx_ir as ir
import pytest

from keras2torch.coverage import example
from keras2torch.layers.definitions import (
    REGISTRY,
    BatchNormalization,
    Concatenate,
    Conv2D,
    Dense,
    Flatten,
    Layer,
    Reshape,
    Source,
)
from keras2torch.program import write
from keras2torch.program.transforms import steps_of
from keras2torch.verification.describe import describe
from tests.applied import applied

from .graphs import Array, Graph, data

_DRAWN = np.random.default_rng(3)
# What is made of no Keras weight, and where the map says so.
_OTHER = {"Discretization": "boundaries"}


def _rows(model: ir.Model) -> list[tuple[dict[str, Any], list[Array], Array]]:
    """Return each row of the map, the arrays of its Keras weights, and torch's."""
    for value in model.graph.initializers.values():
        if value.const_value is None:
            shape = [int(d) for d in value.shape or ()]
            array = _DRAWN.normal(size=shape).astype("float32")
            value.const_value = ir.tensor(array, name=value.name)
    program = write(model, tidy=False)
    rows = describe(program, model).to_dict()["weights"]
    assert [row["torch_name"] for row in rows] == [w.name for w in program.weights]
    return [
        (row, [data(value) for value in weight.values], weight.array())
        for row, weight in zip(rows, program.weights, strict=True)
    ]


@pytest.mark.parametrize("name", sorted(REGISTRY.keys() - {"Functional", "Sequential"}))
def test_every_layer(name: str) -> None:
    """Each entry of each layer's example is told, and comes out the same."""
    for row, arrays, torch_side in _rows(example(name)):
        assert row["shape"] == list(torch_side.shape), row
        assert [list(a.shape) for a in arrays] == [w["shape"] for w in row["keras"]]
        if row["torch_name"].split(".")[-1] == _OTHER.get(name):
            assert row["steps"] is None
            assert row["keras"] == []
            continue
        assert row["steps"] is not None, row
        np.testing.assert_array_equal(applied(row, arrays), torch_side)
        if row["axes"] is not None:
            np.testing.assert_array_equal(arrays[0].transpose(row["axes"]), torch_side)


def _flattened(graph: Graph) -> list[ir.Value]:
    x = graph.input("image", (None, 5, 4, 3))
    [y] = graph.call(Conv2D(6, 2, name="conv"), [x])
    [y] = graph.call(Flatten(name="flatten"), [y])
    [y] = graph.call(BatchNormalization(name="bn"), [y])
    return graph.call(Dense(7, name="head"), [y])


def _joined(graph: Graph) -> list[ir.Value]:
    x = graph.input("image", (None, 5, 4, 3))
    [y] = graph.call(Conv2D(6, 2, name="conv"), [x])
    [z] = graph.call(Conv2D(2, 3, name="other"), [x])
    parts = [
        graph.call(Flatten(name=f"flatten{i}"), [v])[0] for i, v in enumerate([y, z])
    ]
    more = graph.input("more", (None, 9))
    [y] = graph.call(Concatenate(name="joined"), [parts[0], more, parts[1]])
    return graph.call(Dense(7, name="head"), [y])


def _unflattened(graph: Graph) -> list[ir.Value]:
    x = graph.input("x", (None, 5))
    [y] = graph.call(Dense(4 * 3 * 2, name="head"), [x])
    [y] = graph.call(Reshape([4, 3, 2], name="reshape"), [y])
    return graph.call(Conv2D(6, 2, name="conv"), [y])


@pytest.mark.parametrize(
    ("build", "name", "ops"),
    [
        (_flattened, "head.weight", ["transpose", "reshape", "transpose", "reshape"]),
        (_flattened, "bn.weight", ["reshape", "transpose", "reshape"]),
        (_joined, "head.weight", None),
        (
            _unflattened,
            "head.weight",
            ["transpose", "reshape", "transpose", "reshape"],
        ),
        (_unflattened, "head.bias", ["reshape", "transpose", "reshape"]),
    ],
)
def test_a_flattened_axis_is_told_by_its_axes(
    build: Callable[[Graph], list[ir.Value]], name: str, ops: list[str] | None
) -> None:
    graph = Graph("net")
    found = {
        r["torch_name"]: (r, a, t) for r, a, t in _rows(graph.filled(*build(graph)))
    }
    row, arrays, torch_side = found[name]
    np.testing.assert_array_equal(applied(row, arrays), torch_side)
    done = [step["op"] for step in row["steps"]]
    assert "take" not in done
    assert ops is None or sorted(done) == sorted(ops)


_TOLD: list[tuple[Callable[..., Any], list[tuple[int, ...]], list[str]]] = [
    (lambda a: a, [(3, 4)], []),
    (lambda a: a.T.T, [(3, 4)], []),
    (lambda a: a.T, [(3, 4)], ["transpose"]),
    (lambda a: a.transpose(1, 0, 2).transpose(2, 0, 1), [(2, 3, 4)], ["transpose"]),
    (lambda a: a.reshape(12).reshape(4, -1), [(3, 4)], ["reshape"]),
    (lambda a: a[1], [(3, 4)], ["select"]),
    (lambda a: a[..., 1:3], [(2, 3, 4)], ["slice"]),
    (lambda a: a[:, ::-1], [(2, 3)], ["take"]),
    (lambda a: a[np.array([2, 0])], [(3, 4)], ["take"]),
    (lambda a: np.split(a, 2, axis=-1)[1], [(3, 4)], ["slice"]),
    (
        lambda a, b: np.concatenate([a, b.T], axis=1),
        [(3, 4), (2, 3)],
        ["transpose", "concatenate"],
    ),
    (
        lambda a, b: np.stack([a, b]),
        [(3,), (3,)],
        ["reshape", "reshape", "concatenate"],
    ),
    (lambda a, b: a + b, [(3, 4), (3, 4)], ["add"]),
    (lambda a: a * np.float32(0.5), [(3, 4)], ["multiply"]),
    (lambda a: np.float32(0.5) * np.ravel(a), [(3, 4)], ["reshape", "multiply"]),
    (lambda: np.zeros((2, 3), np.float32), [], ["zeros"]),
]


@pytest.mark.parametrize(("transform", "shapes", "ops"), _TOLD)
def test_what_is_told(
    transform: Callable[..., Any], shapes: Sequence[tuple[int, ...]], ops: list[str]
) -> None:
    arrays = [_DRAWN.normal(size=shape).astype("float32") for shape in shapes]
    source = Source(tuple("ab"[: len(shapes)]), transform, "")
    found = steps_of(source, shapes)
    assert found.steps is not None
    assert [step["op"] for step in found.steps] == ops
    expected = source(*arrays)
    np.testing.assert_array_equal(applied({"steps": found.steps}, arrays), expected)
    assert found.shape == expected.shape


_UNTOLD: list[Callable[..., Any]] = [
    lambda a: np.sqrt(a),
    lambda a: a @ a.T,
    lambda a: np.cumsum(a),
    lambda a: a * np.arange(4.0),
    lambda a: np.asarray(a),
    lambda a: np.ones(3),
    lambda a: a[a > 0],
    lambda a: a.sum(),
    lambda a: a.reshape(100, 20)[:, np.arange(2000) % 7],
]


@pytest.mark.parametrize("transform", _UNTOLD)
def test_what_has_no_steps_has_none(transform: Callable[..., Any]) -> None:
    found = steps_of(Source(("a",), transform, "otherwise"), [(3, 4)])
    assert found.steps is None
    assert found.axes is None


def _layers() -> list[Layer]:
    return [Conv2D(4, 3, name="conv"), Dense(5, name="head")]


def test_the_index_is_that_of_get_weights() -> None:
    graph = Graph("net")
    y = graph.input("image", (None, 5, 4, 3))
    for layer in (*_layers(), BatchNormalization(name="bn")):
        [y] = graph.call(layer, [y])
    rows = [row for row, _, _ in _rows(graph.filled(y))]
    found = {
        f"{w['layer']}/{w['name']}": w["index"] for row in rows for w in row["keras"]
    }
    assert found == {
        "conv/kernel": 0,
        "conv/bias": 1,
        "head/kernel": 0,
        "head/bias": 1,
        "bn/gamma": 0,
        "bn/beta": 1,
        "bn/moving_mean": 2,
        "bn/moving_variance": 3,
    }
