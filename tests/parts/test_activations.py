"""Activations against Keras, values and gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import keras2torch
from keras2torch import activations
from keras2torch.layers.activation import _FUNCTIONS as TEXTS
from keras2torch.program.helpers import activation as helpers
from tests.parts.asking import ask
from tests.parts.table import applied, compare, same_names

RNG = np.random.default_rng(7)
# Every point where one of them bends, and what overflows.
BENDS = [[-100.0, -6, -3, -1, -0.5, 0, 0.5, 1], [3, 5, 6, 7, 20.5, 100, -2.5, 2.5]]
PLAIN = (RNG.normal(size=(2, 6)) * 3).round(3).tolist()
DEEP = (RNG.normal(size=(2, 4, 3, 6)) * 3).round(3).tolist()
NAMES = sorted(activations._OBJECTS)
HERE = {n: {"threshold": 0.5, "default_value": -2.0} for n in ["threshold"]}

# Name, input, dtype, arguments.
Row = tuple[str, Any, str, dict[str, Any]]
ROWS: list[Row] = [(n, PLAIN, "float32", HERE.get(n, {})) for n in NAMES]
# At 0 itself two gradients are not Keras': of celu, both of whose halves count there
# and make 2, and of selu, 1.05 there and 1.76 in torch.
AT_0 = ("celu", "selu")
ROWS += [(n, BENDS, "float32", HERE.get(n, {})) for n in NAMES if n not in AT_0]
ROWS += [(n, np.add(BENDS, 0.01).tolist(), "float32", {}) for n in AT_0]
ROWS += [(n, DEEP, "float64", HERE.get(n, {})) for n in NAMES]
ROWS += [
    (n, [[-3, -1, 0, 1, 2, 7]], "int32", {})
    for n in ("relu", "relu6", "leaky_relu", "linear", "exponential", "tanh")
]
ROWS += [("threshold", [[-3, 0, 1, 2]], "int32", {"threshold": 1, "default_value": 7})]
ROWS += [
    (
        "relu",
        BENDS,
        "float32",
        {"negative_slope": slope, "max_value": top, "threshold": threshold},
    )
    for slope, top, threshold in [
        (0.1, None, 0.0),
        (0.0, 6.0, 0.0),
        (0.1, 6, 0.0),
        (0.0, 5.0, 0.0),
        (0.2, 5.0, 0.0),
        (0.0, None, 0.5),
        (0.2, None, 0.5),
        (0.2, 6.0, 0.5),
        (0.3, 2.5, -1.0),
        (-0.5, None, 0.0),
    ]
]
ROWS += [
    ("leaky_relu", PLAIN, "float32", {"negative_slope": 0.3}),
    ("elu", BENDS, "float32", {"alpha": 0.3}),
    ("celu", PLAIN, "float32", {"alpha": 0.3}),
    ("gelu", BENDS, "float32", {"approximate": True}),
    ("soft_shrink", BENDS, "float32", {"threshold": 1.0}),
    ("hard_shrink", BENDS, "float32", {"threshold": 1.0}),
    ("squareplus", PLAIN, "float32", {"b": 0.2}),
    *[
        (n, DEEP, "float32", {"axis": a})
        for n in ("softmax", "log_softmax", "sparsemax", "glu")
        for a in (1, -1, 3)
    ],
    ("softmax", DEEP, "float32", {"axis": None}),
    ("log_softmax", DEEP, "float32", {"axis": None}),
]


@pytest.fixture(scope="module")
def keras(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    jobs: list[dict[str, Any]] = [{"do": "names", "module": "activations"}]
    jobs.append({"do": "tuple_axis", "x": DEEP, "axis": [1, 3]})
    jobs += [
        {"do": "applied", "module": "activations", "name": n, "x": x, "dtype": d}
        | {"arguments": arguments}
        for n, x, d, arguments in ROWS
    ]
    return ask(jobs, tmp_path_factory.mktemp("activations"))


@pytest.mark.needs_keras
def test_names(keras: list[dict[str, Any]]) -> None:
    same_names(activations, keras[0])


@pytest.mark.needs_keras
@pytest.mark.parametrize("n", range(len(ROWS)), ids=[f"{r[0]}-{r[2]}" for r in ROWS])
def test_values_and_gradients(n: int, keras: list[dict[str, Any]]) -> None:
    name, x, dtype, arguments = ROWS[n]
    found = applied(activations.get(name), x, dtype, **arguments)
    # Some constants, as leaky_relu's 0.2, are rounded to float32 in TensorFlow.
    compare(found, keras[2 + n], float64=3e-8)


@pytest.mark.needs_keras
def test_softmax_over_several_axes(keras: list[dict[str, Any]]) -> None:
    found = activations.softmax(torch.tensor(DEEP), axis=(1, 3))
    np.testing.assert_allclose(found.numpy(), keras[1]["value"], atol=1e-6)


@pytest.mark.parametrize("name", sorted(set(TEXTS) - {"hard_sigmoid_keras2"}))
def test_generated_text_computes_the_same(name: str) -> None:
    x = torch.tensor(BENDS)
    known = {n: getattr(helpers, n) for n in ("squareplus", "sparse_plus", "sparsemax")}
    text = TEXTS[name].format(x="x", dim=-1)
    written = eval(text, {"torch": torch, "F": F, "x": x, **known})
    torch.testing.assert_close(activations.get(name)(x), written)


@pytest.mark.parametrize("name", ["softmax", "sigmoid"])
def test_probabilities_remember_their_logits(name: str) -> None:
    x = torch.randn(2, 3, requires_grad=True)
    assert activations.get(name)(x)._keras_logits is x
    assert not hasattr(activations.relu(x), "_keras_logits")


@pytest.mark.parametrize(
    "x", [[1.0, -2.0], np.array([1.0, -2.0], "float32"), (1.0, -2.0)]
)
def test_takes_what_is_no_tensor(x: Any) -> None:
    found = activations.relu(x)
    assert found.dtype == torch.float32
    assert found.tolist() == [1.0, 0.0]


def test_keeps_half_precision() -> None:
    x = torch.randn(2, 4).bfloat16()
    for name in NAMES:
        assert activations.get(name)(x, **HERE.get(name, {})).dtype == torch.bfloat16


def test_get() -> None:
    module = nn.Hardtanh()
    assert activations.get(None) is activations.linear
    assert activations.get(module) is module
    assert activations.get(F.relu) is F.relu
    assert isinstance(activations.get(nn.ReLU), nn.ReLU)
    assert activations.get("swish") is activations.silu
    as_keras_3 = {"module": "builtins", "class_name": "function", "config": "relu"}
    assert (
        activations.get({**as_keras_3, "registered_name": "relu"}) is activations.relu
    )
    for wrong in ("sigmiod", {"class_name": "Relo", "config": {}}, 3):
        with pytest.raises(ValueError, match=r"sigmoid|activation"):
            activations.get(wrong)
    with pytest.raises(ValueError, match="did you mean 'sigmoid'"):
        activations.get("sigmiod")


def mine(x: torch.Tensor) -> torch.Tensor:
    return x + 1


def test_serialize() -> None:
    for name in NAMES:
        function = activations.get(name)
        assert activations.serialize(function) == function.__name__
        assert activations.deserialize(function.__name__) is function
    written = activations.serialize(mine)
    assert activations.deserialize(written, {"mine": mine}) is mine
    with pytest.raises(ValueError, match="lambda"):
        activations.serialize(lambda x: x)
    with pytest.raises(TypeError, match="get_config"):
        activations.serialize(nn.ReLU())


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        *[(n, {}) for n in NAMES if n != "threshold"],
        ("relu", {"max_value": 2.0, "negative_slope": 0.1}),
        ("leaky_relu", {"negative_slope": 0.5}),
        ("elu", {"alpha": 0.5}),
        ("softmax", {"axis": 1}),
    ],
)
def test_in_a_functional_model(name: str, arguments: dict[str, Any]) -> None:
    x = keras2torch.Input((4, 6))
    function = activations.get(name)
    model = keras2torch.Model(x, function(x, **arguments))
    given = torch.randn(2, 4, 6)
    torch.testing.assert_close(model(given), function(given, **arguments))


def test_what_has_no_layer_is_an_operation_in_a_functional_model() -> None:
    entry, given = keras2torch.Input((4,)), torch.randn(3, 4)
    model = keras2torch.Model(entry, activations.gelu(entry, approximate=True))
    wanted = torch.nn.functional.gelu(given, approximate="tanh")
    torch.testing.assert_close(model(given), wanted)


def test_odd_glu_is_refused() -> None:
    with pytest.raises(ValueError, match="odd size 3"):
        activations.glu(torch.ones(2, 3))


def test_softmax_over_one_is_warned_of() -> None:
    with pytest.warns(UserWarning, match="sigmoid"):
        activations.softmax(torch.ones(2, 1))
