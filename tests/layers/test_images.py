"""Resizing and CenterCrop against Keras."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import onnx_ir as ir
import pytest

from keras2torch.dialect import GraphBuilder
from keras2torch.errors import UnsupportedLayer
from keras2torch.layers.base import Layer
from keras2torch.layers.convolution import Conv2D
from keras2torch.layers.images import CenterCrop, Resizing
from keras2torch.layers.reshaping import UpSampling2D
from tests.layers.harness import Row, check, rows, stack, together

pytestmark = pytest.mark.needs_keras
IMAGE = (None, 7, 10, 3)
OPEN = (None, None, None, 3)
FIRST = (None, 3, 7, 10)
KERNELS = ("bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5")
OLD_KERNELS = ("gaussian", "mitchellcubic")
# Smaller and larger, both at once, by whole factors, and to one pixel.
SIZES = ((3, 4), (11, 17), (13, 5), (1, 1))


def between(layer: Layer) -> Callable[[GraphBuilder], Sequence[ir.Value]]:
    """Call a layer between convolutions: it stays channels first."""

    def build(b: GraphBuilder) -> Sequence[ir.Value]:
        layer.name = "layer"
        [x] = b.call(Conv2D(4, 2, name="conv"), [b.input("image", IMAGE)])
        [x] = b.call(layer, [x])
        return b.call(Conv2D(2, 2, name="head"), [x])

    return build


def resizings() -> list[Row]:
    """Every interpolation at every size."""
    found = []
    for kind in (*KERNELS, *OLD_KERNELS):
        layers = [Resizing(*size, interpolation=kind) for size in SIZES]
        found.append(together(kind, layers, IMAGE))
        layer = Resizing(9, 4, interpolation=kind)
        found.append(stack(f"{kind}_open", [layer], OPEN, sizes=(11, 6)))
    for kind in KERNELS:
        layers = [
            Resizing(*size, interpolation=kind, antialias=True)
            for size in ((3, 4), (13, 5), (11, 17))
        ]
        found.append(together(f"{kind}_antialias", layers, IMAGE))
    return found


def ratios() -> list[Row]:
    """Cut and padded to the ratio of the sides, sizes known or not."""
    found = []
    for how in ("crop", "pad"):
        for shape in (IMAGE, OPEN):
            layers = [
                Resizing(*size, **{f"{how}_to_aspect_ratio": True})
                for size in ((4, 4), (3, 8), (16, 5), (5, 7), (1, 9))
            ]
            for layer in layers:
                layer.fill_value = 0.5 if how == "pad" else 0.0
            name = f"{how}_{shape[1]}"
            found.append(together(name, layers, shape, sizes=(7, 10)))
    return found


def crops() -> list[Row]:
    """Even and odd differences; images that are too small in one axis or in both."""
    sizes = ((4, 5), (7, 3), (5, 10), (7, 10), (9, 4), (4, 12), (12, 13))
    return [
        together("center", [CenterCrop(*size) for size in sizes], IMAGE),
        # Of sizes that it does not know Keras cuts without looking.
        stack("center_open", [CenterCrop(4, 5)], OPEN, sizes=(7, 10)),
    ]


def upsamplings() -> list[Row]:
    """Larger by whole factors."""
    return [
        together(
            f"up_{kinds[0]}_{shape[1]}",
            [UpSampling2D((2, 3), interpolation=kind) for kind in kinds],
            shape,
        )
        for kinds in (KERNELS, OLD_KERNELS)
        for shape in (IMAGE, OPEN)
    ]


ROWS = [
    *resizings(),
    *ratios(),
    *crops(),
    stack("nothing_to_cut", [CenterCrop(7, 10)], IMAGE, contains=("return x",)),
    stack("cut_columns", [CenterCrop(7, 4)], IMAGE, contains=("x[:, :, :, 3:7]",)),
    stack(
        "like_torch",
        [Resizing(224, 160)],
        (None, 32, 40, 3),
        contains=('F.interpolate(x, size=(224, 160), mode="bilinear")',),
        gradients=False,
    ),
    stack(
        "whole_area",
        [Resizing(4, 5, interpolation="area")],
        (None, 8, 15, 3),
        contains=('mode="area"',),
    ),
    Row("resizing_conv", between(Resizing(9, 4)), permutes=0),
    # TensorFlow has no gradient of this in float64.
    Row(
        "lanczos_conv",
        between(Resizing(9, 4, interpolation="lanczos3")),
        permutes=0,
        gradients=False,
    ),
    Row("crop_conv", between(CenterCrop(4, 4)), permutes=0),
    Row(
        "ratio_conv",
        between(Resizing(9, 4, crop_to_aspect_ratio=True, interpolation="bicubic")),
        permutes=0,
    ),
    # -- channels first in Keras, too
    together(
        "first",
        [
            Resizing(9, 4, interpolation=k, data_format="channels_first")
            for k in KERNELS
        ],
        FIRST,
        permutes=0,
    ),
    stack("first_crop", [CenterCrop(4, 4, data_format="channels_first")], FIRST),
    stack(
        "first_pad",
        [Resizing(6, 6, pad_to_aspect_ratio=True, data_format="channels_first")],
        FIRST,
    ),
    # -- one image
    stack("one_image", [Resizing(9, 4)], (7, 10, 3)),
    stack("one_image_crop", [CenterCrop(4, 4)], (7, 10, 3)),
    stack(
        "one_image_first",
        [Resizing(9, 4, "bicubic", data_format="channels_first")],
        (3, 7, 10),
    ),
    # -- pixels, which fit and predict make floats of
    *[
        stack(
            f"pixels_{kind}",
            [Resizing(4, 11, interpolation=kind)],
            IMAGE,
            dtype="uint8",
            limit=256,
            gradients=False,
        )
        for kind in ("bilinear", "nearest", "bicubic")
    ],
    stack("pixels_crop", [CenterCrop(4, 4)], IMAGE, dtype="uint8", limit=256),
    *upsamplings(),
]


# TensorFlow resizes in float32, whatever the dtype.
ROWS = [replace(r, float64=1e-5) for r in ROWS]


@rows(ROWS)
def test_like_keras(row, keras):
    check(row, keras)


@pytest.mark.parametrize(
    "layer",
    [
        Resizing(4, 4, interpolation="cubic", name="my_layer"),
        Resizing(
            4, 4, crop_to_aspect_ratio=True, pad_to_aspect_ratio=True, name="my_layer"
        ),
        Resizing(4, 4, pad_to_aspect_ratio=True, fill_mode="wrap", name="my_layer"),
        Resizing(4, 1, antialias=True, name="my_layer"),
        CenterCrop(4, 4, name="my_layer"),
    ],
)
def test_what_has_no_rule_is_named(layer):
    from keras2torch.program import write

    builder = GraphBuilder("model")
    shape = (None, 5) if isinstance(layer, CenterCrop) else IMAGE
    with pytest.raises(UnsupportedLayer, match="'my_layer'"):
        write(builder.model(builder.call(layer, [builder.input("x", shape)])))
