"""Activations are written in one way: functions in ``forward``, modules in a stack.

One that a Keras layer has as an argument stands around the layer's call, one that is a
layer of its own has a line of its own: one line is one layer of Keras in both.
"""

from __future__ import annotations

import re

import onnx_ir as ir
import pytest

from keras2torch.layers.definitions import (
    ELU,
    Activation,
    Conv2D,
    Dense,
    Functional,
    Layer,
    LeakyReLU,
    ReLU,
    Softmax,
)
from keras2torch.program import write

from .graphs import Graph

_FUNCTIONS = {
    "relu": "F.relu({})",
    "relu6": "F.relu6({})",
    "elu": "F.elu({})",
    "selu": "F.selu({})",
    "celu": "F.celu({})",
    "gelu": "F.gelu({})",
    "silu": "F.silu({})",
    "swish": "F.silu({})",
    "mish": "F.mish({})",
    "sigmoid": "torch.sigmoid({})",
    "tanh": "torch.tanh({})",
    "softplus": "F.softplus({})",
    "softsign": "F.softsign({})",
    "softmax": "F.softmax({}, dim=-1)",
    "log_softmax": "F.log_softmax({}, dim=-1)",
    "hard_sigmoid": "F.hardsigmoid({})",
    "hard_silu": "F.hardswish({})",
    "leaky_relu": "F.leaky_relu({}, negative_slope=0.2)",
}


def _forward(*layers: Layer) -> list[str]:
    graph = Graph("net")
    y = graph.input("x", (None, 4))
    for layer in layers:
        [y] = graph.call(layer, [y])
    lines = write(graph.filled(y)).classes[-1].forward
    return [line.replace(", inplace=True", "") for line in lines]


@pytest.mark.parametrize(("name", "text"), _FUNCTIONS.items())
def test_argument_and_layer_are_one_function(name: str, text: str) -> None:
    argument = _forward(Dense(3, activation=name, name="head"))
    assert argument == [f"return {text.format('self.head(x)')}"]
    layer = _forward(Dense(3, name="head"), Activation(name, name="act"))
    assert layer == ["x = self.head(x)", f"return {text.format('x')}"]


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        (ReLU(name="a"), "F.relu(x)"),
        (ReLU(max_value=6.0, name="a"), "F.relu6(x)"),
        (
            LeakyReLU(negative_slope=0.1, name="a"),
            "F.leaky_relu(x, negative_slope=0.1)",
        ),
        (ELU(name="a"), "F.elu(x)"),
        (Softmax(name="a"), "F.softmax(x, dim=-1)"),
    ],
)
def test_layers_of_their_own(layer: Layer, text: str) -> None:
    assert _forward(layer) == [f"return {text}"]


def _net() -> ir.Model:
    graph = Graph("net")
    y = graph.input("image", (None, 9, 9, 3))
    for i in range(4):
        [y] = graph.call(Conv2D(4, 3, padding="same", name=f"conv{i}"), [y])
        [y] = graph.call(Activation("relu", name=f"act{i}"), [y])
        [y] = graph.call(Conv2D(4, 1, activation="tanh", name=f"point{i}"), [y])
    inner = graph.nested("block")
    z = inner.input("z", (None, 9, 9, 4))
    [out] = inner.call(Conv2D(4, 3, padding="same", name="conv"), [z])
    [out] = inner.call(Activation("silu", name="act"), [out])
    [y] = graph.call_model(Functional(name="block"), inner, [y], [out])
    return graph.filled(y)


@pytest.mark.parametrize("flat", [False, True])
def test_a_file_has_one_way(flat: bool) -> None:

    source = write(_net(), flat=flat).source
    modules = re.findall(r"nn\.(ReLU|Tanh|SiLU)\(", source)
    stacks = "".join(
        re.findall(r"nn\.Sequential\((.*?)\n        \)", source, re.DOTALL)
    )
    assert len(modules) == len(re.findall(r"nn\.(ReLU|Tanh|SiLU)\(", stacks))
    assert not re.search(r"self\.\w+ = nn\.(ReLU|Tanh|SiLU)\(", source)
    assert re.search(r"F\.(relu|silu)\(", source)
