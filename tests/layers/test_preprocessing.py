"""Rescaling and Normalization against Keras."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import onnx_ir as ir
import pytest

from keras2torch.dialect import GraphBuilder
from keras2torch.errors import UnsupportedLayer
from keras2torch.layers.convolution import Conv2D
from keras2torch.layers.definitions import Dense, Embedding, Layer
from keras2torch.layers.pooling import GlobalAveragePooling1D
from keras2torch.layers.preprocessing import Normalization, Rescaling
from keras2torch.layers.reshaping import Flatten
from tests.layers.harness import Row, check, rows, stack

pytestmark = pytest.mark.needs_keras
IMAGE = (None, 5, 4, 3)
CHANNELS = [0.2, 0.5, 1.5]
NUMPY = {"class_name": "__numpy__", "config": {"value": CHANNELS, "dtype": "float32"}}
TENSOR = {"class_name": "__tensor__", "config": {"value": CHANNELS, "dtype": "float32"}}


def before_conv(layer: Layer) -> Callable[[GraphBuilder], Sequence[ir.Value]]:
    """Call a layer on an image that a convolution reads."""

    def build(b: GraphBuilder) -> Sequence[ir.Value]:
        layer.name = "layer"
        [x] = b.call(layer, [b.input("image", IMAGE)])
        return b.call(Conv2D(4, 2, padding="same", name="conv"), [x])

    return build


def after_flatten(layer: Layer) -> Callable[[GraphBuilder], Sequence[ir.Value]]:
    """Call a layer on what Flatten made of a convolution's output."""

    def build(b: GraphBuilder) -> Sequence[ir.Value]:
        layer.name = "layer"
        [x] = b.call(Conv2D(4, 2, name="conv"), [b.input("image", IMAGE)])
        [x] = b.call(Flatten(name="flatten"), [x])
        [x] = b.call(layer, [x])
        return b.call(Dense(3, name="dense"), [x])

    return build


def masked(b: GraphBuilder) -> Sequence[ir.Value]:
    """Both hand a mask on."""
    x = b.input("words", (None, 5), "int32")
    [x] = b.call(Embedding(7, 4, mask_zero=True, name="embed"), [x])
    [x] = b.call(Rescaling(2.0, 1.0, name="rescale"), [x])
    [x] = b.call(Normalization(name="normalize"), [x])
    return b.call(GlobalAveragePooling1D(name="mean"), [x])


ROWS = [
    stack("rescaling", [Rescaling(1 / 255)], IMAGE, contains=("x / 255",)),
    stack(
        "rescaling_offset",
        [Rescaling(1 / 127.5, -1)],
        IMAGE,
        contains=("x / 127.5 - 1.0",),
    ),
    stack("rescaling_plus", [Rescaling(2, offset=0.5)], (None, 5)),
    stack("rescaling_pixels", [Rescaling(1 / 255)], IMAGE, dtype="uint8", limit=256),
    stack("rescaling_integers", [Rescaling(0.1)], (None, 5), dtype="int32"),
    Row("rescaling_conv", before_conv(Rescaling(0.5, 0.1)), permutes=0),
    Row("rescaling_channels", before_conv(Rescaling(CHANNELS, CHANNELS)), permutes=0),
    Row("rescaling_one_offset", before_conv(Rescaling(CHANNELS, -0.3)), permutes=0),
    stack("rescaling_one_scale", [Rescaling(0.1, CHANNELS)], IMAGE),
    stack("rescaling_pixel_channels", [Rescaling(CHANNELS)], IMAGE, dtype="uint8"),
    Row("rescaling_flat", after_flatten(Rescaling([0.1 * i for i in range(48)]))),
    # -- statistics that were fitted
    stack("normalization", [Normalization()], (None, 5)),
    stack("normalization_steps", [Normalization()], (None, 4, 5)),
    stack("normalization_invert", [Normalization(invert=True)], (None, 5)),
    stack("normalization_none", [Normalization(axis=None)], (None, 4, 5)),
    stack("normalization_empty", [Normalization(axis=[])], (None, 4, 5)),
    stack("normalization_axis1", [Normalization(axis=1)], (None, 4, 5)),
    stack("normalization_axes", [Normalization(axis=[1, -1])], (None, 4, 6, 5)),
    stack("normalization_integers", [Normalization()], (None, 5), dtype="int32"),
    Row("normalization_conv", before_conv(Normalization()), permutes=0),
    Row("normalization_rows", before_conv(Normalization(axis=1)), permutes=0),
    Row("normalization_pixels", before_conv(Normalization(axis=[1, 2])), permutes=0),
    Row("normalization_flat", after_flatten(Normalization())),
    stack(
        "normalization_constant_column",
        [Normalization(name="n")],
        (None, 3),
        weights={"n/mean": [1.0, 2.0, 3.0], "n/variance": [0.0, 1e-16, 2.0]},
    ),
    # -- statistics that stand in the config
    stack("given_number", [Normalization(mean=3.0, variance=2.0)], (None, 5)),
    stack("given_invert", [Normalization(mean=3.0, variance=2.0, invert=True)], IMAGE),
    stack("given_constant", [Normalization(mean=3.0, variance=0.0)], (None, 5)),
    Row(
        "given_conv",
        before_conv(Normalization(mean=CHANNELS, variance=[0.5, 1.0, 2.0])),
        permutes=0,
    ),
    stack(
        "given_invert_channels",
        [Normalization(mean=CHANNELS, variance=[0.5, 1.0, 2.0], invert=True)],
        IMAGE,
    ),
    stack(
        "given_axis1",
        [
            Normalization(
                axis=1, mean=[0.1, 0.2, 0.3, 0.4], variance=[1.0, 2.0, 3.0, 0.5]
            )
        ],
        (None, 4, 5),
    ),
    stack(
        "given_axes",
        [Normalization(axis=[1, 2], mean=CHANNELS, variance=[0.5, 1.0, 2.0])],
        (None, 2, 3),
    ),
    Row("masked", masked),
]


# Keras keeps lists of constants in float32, whatever the dtype.
ROWS = [replace(r, float64=1e-7) for r in ROWS]


@rows(ROWS)
def test_like_keras(row, keras):
    check(row, keras)


@pytest.mark.parametrize("scale", [NUMPY, TENSOR])
def test_serialized_arrays_are_read(scale, keras):
    check(Row("serialized", before_conv(Rescaling(scale)), float64=1e-7), keras)


def test_what_has_no_rule_is_named():
    with pytest.raises(UnsupportedLayer, match="'my_layer'"):
        Normalization(name="my_layer").weights((None, 4, None))
    layer = Normalization(mean=np.ones((2, 2)), variance=1, name="my_layer")
    with pytest.raises(UnsupportedLayer, match="'my_layer'"):
        layer._given(layer.mean, (None, 2, 2))
