"""Every activation function and activation layer against Keras."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import onnx_ir as ir
import pytest

from keras2torch.dialect import GraphBuilder
from keras2torch.errors import UnsupportedLayer
from keras2torch.layers import activation as act
from keras2torch.layers.activation import (
    ELU,
    Activation,
    LeakyReLU,
    PReLU,
    ReLU,
    Softmax,
    ThresholdedReLU,
)
from keras2torch.layers.convolution import Conv2D
from keras2torch.layers.definitions import Dense, Embedding, Layer, Layout
from keras2torch.layers.reshaping import Flatten
from tests.layers.harness import Row, check, rows, stack

IMAGE = (None, 5, 4, 3)
# Values where the pieces of an activation meet, and far out on either side.
KNEES = np.array(
    [[-30, -6, -3, -2.5, -1, -0.5, -0.2, 0, 0.2, 0.5, 1, 2.5, 3, 6, 7, 30]] * 3,
    dtype="float32",
)
KNEES[1] += 0.01
KNEES[2] -= 0.01
# Softmax and its like are of one row; a kink has no derivative.
ALONG = ("softmax", "log_softmax", "glu", "sparsemax")
FUNCTIONS = sorted(act._FUNCTIONS)
Build = Callable[[GraphBuilder], Sequence[ir.Value]]


def after_conv(*layers: Layer, then: Layer | None = None) -> Build:
    """Call layers on what a convolution gives, channels first in PyTorch."""

    def build(b: GraphBuilder) -> Sequence[ir.Value]:
        [x] = b.call(Conv2D(6, 2, name="conv"), [b.input("image", (None, 6, 5, 3))])
        for i, layer in enumerate([*layers, *([then] if then else [])]):
            layer.name = f"layer{i}"
            [x] = b.call(layer, [x])
        return [x]

    return build


def flattened(layer: Layer) -> Build:
    """Call a layer between Flatten, which may run in PyTorch's order, and Dense."""

    def build(b: GraphBuilder) -> Sequence[ir.Value]:
        layer.name = "layer"
        [x] = b.call(Conv2D(2, 2, name="conv"), [b.input("image", (None, 4, 3, 3))])
        [x] = b.call(Flatten(name="flatten"), [x])
        [x] = b.call(layer, [x])
        return b.call(Dense(3, name="dense"), [x])

    return build


RELUS = [
    ReLU(),
    ReLU(negative_slope=0.1),
    ReLU(6.0),
    ReLU(2.5),
    ReLU(3.0, 0.2),
    ReLU(0.0),
    LeakyReLU(),
    LeakyReLU(0.01),
    ELU(),
    ELU(0.3),
    ThresholdedReLU(),
    ThresholdedReLU(0.5),
]
# The threshold itself is below it.
THRESHOLDS = [
    ReLU(None, 0.0, 1.0),
    ReLU(3.0, 0.0, 0.5),
    ReLU(3.0, 0.2, 0.5),
    ReLU(None, 0.3, 0.5),
]
SHARED: list[tuple[str, Any]] = [
    ("each", None),
    ("pixels", [1, 2]),
    ("rows", [1]),
    ("channels", [3]),
    ("all", [1, 2, 3]),
]
NESTED = {"class_name": "LeakyReLU", "config": {"negative_slope": 0.1}}
FUNCTION = {
    "module": "builtins",
    "class_name": "function",
    "config": "relu",
    "registered_name": "function",
}
ROWS = [
    *(
        stack(
            f"{f}_knees",
            [Activation(f)],
            (None, 16),
            inputs={"in_x": KNEES},
            gradients=False,
        )
        for f in FUNCTIONS
    ),
    *(Row(f"{f}_conv", after_conv(Activation(f))) for f in FUNCTIONS),
    *(
        Row(f"{f}_flattened", flattened(Activation(f)))
        for f in ("relu", "softmax", "sparsemax", "log_softmax", "hard_sigmoid_keras2")
    ),
    *(
        Row(
            f"{f}_dense_rank3",
            lambda b, f=f: b.call(
                Dense(4, activation=f, name="dense"), [b.input("x", (None, 3, 5))]
            ),
        )
        for f in ("softmax", "glu", "tanh", "hard_sigmoid_keras2")
    ),
    *(
        Row(
            f"{f}_in_conv",
            lambda b, f=f: b.call(
                Conv2D(6, 2, activation=f, name="conv"), [b.input("x", IMAGE)]
            ),
        )
        for f in ("softmax", "glu", "sparsemax", "squareplus", "sparse_sigmoid")
    ),
    *(
        stack(
            f"{type(layer).__name__}_{i}",
            [layer],
            (None, 16),
            inputs={"in_x": KNEES},
            gradients=False,
        )
        for i, layer in enumerate(RELUS)
    ),
    stack(
        "relu_slope_ceiling",
        [ReLU(3.0, 0.2)],
        (None, 5),
        contains=("F.leaky_relu(x, negative_slope=0.2).clamp(max=3.0)",),
    ),
    stack(
        "leaky_from_float32",
        [LeakyReLU(0.30000001192092896)],
        (None, 5),
        contains=("negative_slope=0.3)",),
        # Keras computes with the float32 number.
        float64=1e-7,
    ),
    Row("leaky_conv", after_conv(LeakyReLU(), then=Conv2D(2, 2)), permutes=0),
    stack("nested_layer", [Dense(4, activation=NESTED)], (None, 5)),
    stack("nested_function", [Dense(4, activation=FUNCTION)], (None, 5)),
    # -- PReLU
    stack("prelu_2d", [PReLU()], (None, 5)),
    stack("prelu_rank3", [PReLU()], (None, 4, 5)),
    stack("prelu_rank3_steps", [PReLU(shared_axes=[1])], (None, 4, 5)),
    stack("prelu_rank3_negative", [PReLU(shared_axes=[-1])], (None, 4, 5)),
    stack("prelu_rank3_open", [PReLU(shared_axes=[1])], (None, None, 5)),
    *(stack(f"prelu_image_{n}", [PReLU(shared_axes=s)], IMAGE) for n, s in SHARED),
    *(
        Row(
            f"prelu_conv_{n}",
            after_conv(PReLU(shared_axes=s), then=Conv2D(2, 2)),
            permutes=0,
        )
        for n, s in SHARED
    ),
    Row("prelu_flattened", flattened(PReLU())),
    # -- Softmax
    stack("softmax", [Softmax()], (None, 5)),
    stack("softmax_first", [Softmax(axis=1)], (None, 4, 5)),
    stack("softmax_both", [Softmax(axis=[1, 2])], (None, 4, 5)),
    stack("softmax_list", [Softmax(axis=[-1])], (None, 4, 5)),
    *(
        Row(
            f"softmax_conv_{axis}",
            after_conv(Softmax(axis), then=Conv2D(2, 2)),
            permutes=0,
        )
        for axis in (-1, 1, 2, 3)
    ),
    Row("softmax_conv_plane", after_conv(Softmax(axis=[1, 2])), permutes=0),
    Row("softmax_flattened", flattened(Softmax())),
]


# Keras' approximated GELU has constants of float32, whatever the dtype.
ROWS = [replace(r, float64=1e-7) if "gelu" in r.name.lower() else r for r in ROWS]


@pytest.mark.needs_keras
@rows(ROWS)
def test_like_keras(row, keras):
    check(row, keras)


@pytest.mark.needs_keras
@pytest.mark.parametrize("layer", THRESHOLDS, ids=lambda r: f"{r.max_value}")
def test_relu_at_its_threshold(layer, keras):
    row = stack(
        "relu",
        [layer],
        (None, 16),
        inputs={"in_x": KNEES},
        gradients=False,
        float64=1e-7,
    )
    check(row, keras)


@pytest.mark.needs_keras
@pytest.mark.parametrize("axis", [1, -1, [1, 2]])
@pytest.mark.parametrize("empty", [False, True])
@pytest.mark.parametrize("keras2", [False, True])
def test_softmax_of_masked_scores(axis, empty, keras2, keras):
    scores = np.ones((3, 4, 5), bool)
    scores[1, :, -2:] = False
    scores[2, 1, :] = not empty
    scores[2, :, 0] = not empty

    def build(b: GraphBuilder) -> Sequence[ir.Value]:
        x = b.input("x", (None, 4, 5))
        mask = b.input("mask", (None, 4, 5), "bool")
        layer = Softmax(axis, keras2=keras2, name="softmax")
        return b.call(layer, [x], masks=[mask])

    check(Row("softmax_mask", build, inputs={"mask": scores}), keras)


@pytest.mark.needs_keras
def test_masks_pass(keras):
    from keras2torch.layers.pooling import GlobalAveragePooling1D

    def build(b: GraphBuilder) -> Sequence[ir.Value]:
        x = b.input("words", (None, 5), "int32")
        [x] = b.call(Embedding(7, 4, mask_zero=True, name="embed"), [x])
        for i, layer in enumerate([Activation("tanh"), ReLU(), LeakyReLU(), PReLU()]):
            layer.name = f"layer{i}"
            [x] = b.call(layer, [x])
        return b.call(GlobalAveragePooling1D(name="mean"), [x])

    check(Row("masks", build), keras)


@pytest.mark.parametrize(
    "layer",
    [
        Activation("my_function", name="my_layer"),
        Dense(3, activation="my_function", name="my_layer"),
        Dense(3, activation={"class_name": "Mine", "config": {}}, name="my_layer"),
    ],
)
def test_what_has_no_rule_is_named(layer):
    with pytest.raises(UnsupportedLayer, match="'my_layer'"):
        act.apply(layer.activation, "x", Layout.keras(2), layer)
