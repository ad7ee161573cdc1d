"""Layers that move values against Keras: whose memory order is whose."""

from __future__ import annotations

import pytest
import torch

from keras2torch.errors import UnsupportedLayer
from keras2torch.layers.activation import Activation
from keras2torch.layers.convolution import Conv1D, Conv2D, Conv3D
from keras2torch.layers.core import Dense
from keras2torch.layers.merging import Concatenate, Multiply
from keras2torch.layers.normalization import BatchNormalization
from keras2torch.layers.pooling import (
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    MaxPooling2D,
)
from keras2torch.layers.reshaping import (
    Cropping1D,
    Cropping2D,
    Cropping3D,
    Flatten,
    Permute,
    RepeatVector,
    Reshape,
    UpSampling1D,
    UpSampling2D,
    UpSampling3D,
    ZeroPadding1D,
    ZeroPadding2D,
    ZeroPadding3D,
)
from keras2torch.program import write
from tests.layers.fan import fan
from tests.layers.harness import Row, check, graph, rows, stack

pytestmark = pytest.mark.needs_keras

IMAGE = (None, 5, 6, 3)


def two_readers(b):
    """One reader of the flattened image takes any order, the other does not."""
    x = b.input("in_x", IMAGE)
    [x] = b.call(Conv2D(4, 2, name="conv"), [x])
    [flat] = b.call(Flatten(name="flatten"), [x])
    [y] = b.call(Dense(3, name="dense"), [flat])
    [z] = b.call(Reshape((8, 10), name="reshape"), [flat])
    return [y, z]


def joined(b):
    """Two flattened images side by side, read by one Dense."""
    x = b.input("in_x", IMAGE)
    flat = []
    for i in range(2):
        [y] = b.call(Conv2D(i + 2, 2, name=f"conv_{i}"), [x])
        flat += b.call(Flatten(name=f"flatten_{i}"), [y])
    [y] = b.call(Concatenate(name="concatenate"), flat)
    return b.call(Dense(3, name="dense"), [y])


def squeeze_and_excite(b):
    x = b.input("in_x", IMAGE)
    [x] = b.call(Conv2D(4, 2, name="conv"), [x])
    [y] = b.call(GlobalAveragePooling2D(name="squeeze"), [x])
    [y] = b.call(Reshape((1, 1, 4), name="reshape"), [y])
    [y] = b.call(Conv2D(4, 1, activation="sigmoid", name="excite"), [y])
    return b.call(Multiply(name="scale"), [x, y])


FLATTEN = [
    stack(
        "flatten_conv",
        [Conv2D(4, 2), Flatten(), Dense(3)],
        IMAGE,
        permutes=0,
        contains=("torch.flatten(x, 1)",),
    ),
    stack(
        "flatten_follows",
        [
            Conv2D(4, 2, activation="relu"),
            MaxPooling2D(),
            Flatten(),
            Activation("tanh"),
            BatchNormalization(),
            Dense(3),
        ],
        IMAGE,
        permutes=0,
    ),
    stack("flatten_volume", [Conv3D(2, 2), Flatten(), Dense(3)], (None, 4, 3, 5, 2)),
    stack("flatten_line", [Conv1D(2, 2), Flatten(), Dense(3)], (None, 6, 2)),
    stack("flatten_last", [Conv2D(4, 2), Flatten()], IMAGE),
    stack("flatten_twice", [Conv2D(4, 2), Flatten(), Flatten(), Dense(3)], IMAGE),
    stack("flatten_softmax", [Conv2D(4, 2), Flatten(), Activation("softmax")], IMAGE),
    stack("flatten_dense", [Dense(2), Flatten(), Dense(3)], (None, 4, 5), permutes=0),
    stack("flatten_input", [Flatten(), Dense(3)], (None, 4, 5, 2), permutes=0),
    stack("flatten_vector", [Flatten(), Dense(3)], (None, 4)),
    stack("flatten_number", [Flatten(), Dense(3)], (None,)),
    stack(
        "flatten_one_channel",
        [Conv2D(1, 2), Flatten()],
        IMAGE,
        permutes=0,
    ),
    stack(
        "flatten_one_pixel",
        [Conv2D(4, (5, 6)), Flatten()],
        IMAGE,
        permutes=0,
    ),
    stack(
        "flatten_unknown",
        [Conv2D(4, 2), Flatten()],
        (None, None, 5, 3),
    ),
    stack(
        "flatten_channels_first",
        [
            Conv2D(4, 2, data_format="channels_first"),
            Flatten(data_format="channels_first"),
            Dense(3),
        ],
        (None, 3, 5, 6),
        permutes=0,
    ),
    stack(
        "flatten_channels_first_last",
        [Flatten("channels_first")],
        (None, 3, 5, 6),
    ),
    stack(
        "flatten_channels_first_of_last",
        [Conv2D(4, 2), Flatten("channels_first"), Dense(3)],
        IMAGE,
    ),
    stack(
        "flatten_channels_last_of_first",
        [Conv2D(4, 2, data_format="channels_first"), Flatten(), Dense(3)],
        (None, 3, 5, 6),
    ),
    stack("flatten_integers", [Flatten()], (None, 4, 2), dtype="int32"),
    stack(
        "flatten_repeat",
        [Conv2D(4, 2), Flatten(), RepeatVector(3), Dense(2)],
        IMAGE,
    ),
    Row("flatten_two_readers", two_readers),
    Row("flatten_joined", joined),
]
RESHAPE = [
    fan(
        "reshape_vector",
        [Reshape(t) for t in ((3, 4), (2, 2, 3), (-1, 2), (1, 12), (12,), (3, -1, 1))],
        (None, 12),
    ),
    stack("generator", [Dense(24), Reshape((2, 3, 4)), Conv2D(2, 2)], (None, 5)),
    stack(
        "reshape_to_one_pixel",
        [Dense(4), Reshape((1, 1, 4)), Conv2D(2, 1)],
        (None, 5),
        permutes=0,
    ),
    stack(
        "reshape_to_one_channel",
        [Reshape((4, 6, 1)), Conv2D(2, 2)],
        (None, 24),
    ),
    stack(
        "reshape_to_steps",
        [Conv2D(4, 2), Reshape((20, 4)), Dense(2)],
        IMAGE,
    ),
    stack(
        "reshape_to_line",
        [Conv2D(4, 2), Reshape((-1, 4)), Conv1D(2, 3)],
        IMAGE,
        permutes=0,
    ),
    stack(
        "reshape_line_to_image",
        [Conv1D(4, 2), Reshape((2, 4, 4)), Conv2D(2, 2)],
        (None, 9, 3),
        permutes=0,
    ),
    stack("reshape_other_channels", [Conv2D(4, 2), Reshape((4, 5, 4))], IMAGE),
    stack(
        "reshape_mixed",
        [Conv2D(4, 2), Reshape((4, 4, 5)), Conv2D(2, 2)],
        IMAGE,
    ),
    stack(
        "reshape_mixed_line",
        [Conv2D(4, 2), Reshape((8, 10)), Conv1D(2, 2)],
        IMAGE,
    ),
    stack(
        "reshape_as_flatten",
        [Conv2D(4, 2), Reshape((80,)), Dense(3)],
        IMAGE,
        permutes=0,
    ),
    stack(
        "reshape_as_flatten_open",
        [Conv2D(4, 2), Reshape((-1,)), Dense(3)],
        IMAGE,
        permutes=0,
    ),
    stack(
        "reshape_kept_pool",
        [Conv2D(4, 2), GlobalMaxPooling2D(keepdims=True), Reshape((4,)), Dense(2)],
        IMAGE,
        permutes=0,
    ),
    stack("reshape_nothing", [Conv2D(4, 2), Reshape((4, 5, 4)), Dense(2)], IMAGE),
    stack("reshape_unknown", [Reshape((-1, 4)), Dense(2)], (None, None, 2), sizes=(6,)),
    stack(
        "reshape_unknown_after_conv",
        [Conv2D(4, 2), Reshape((-1, 8)), Dense(2)],
        (None, None, 5, 3),
    ),
    stack(
        "reshape_unknown_same_channels",
        [Conv2D(4, 2), Reshape((-1, 4)), Conv1D(2, 2)],
        (None, None, None, 3),
        permutes=0,
    ),
    stack("reshape_integers", [Reshape((2, 4))], (None, 4, 2), dtype="int32"),
    Row("squeeze_and_excite", squeeze_and_excite, permutes=0),
]
PERMUTE = [
    fan(
        "permute_image",
        [
            Permute(d)
            for d in (
                (1, 2, 3),
                (1, 3, 2),
                (2, 1, 3),
                (2, 3, 1),
                (3, 1, 2),
                (3, 2, 1),
            )
        ],
        IMAGE,
    ),
    fan("permute_line", [Permute((2, 1)), Permute((1, 2))], (None, 5, 3)),
    stack("permute_integers", [Permute((2, 1))], (None, 4, 2), dtype="int32"),
    *[
        stack(
            f"permute_{''.join(map(str, d))}_between",
            [Conv2D(4, 2), Permute(d), Conv2D(2, 2)],
            IMAGE,
            permutes=0,
        )
        for d in [(2, 1, 3), (3, 1, 2), (2, 3, 1), (1, 2, 3)]
    ],
    stack(
        "permute_to_channels_first",
        [Conv2D(4, 2), Permute((3, 1, 2)), Conv2D(2, 2, data_format="channels_first")],
        IMAGE,
        permutes=0,
        lacks=("permute(", "transpose("),
    ),
    stack(
        "permute_from_channels_first",
        [Permute((2, 3, 1)), Conv2D(2, 2)],
        (None, 3, 5, 6),
        permutes=0,
        lacks=("permute(", "transpose("),
    ),
    stack("permute_twice", [Permute((2, 3, 1)), Permute((3, 1, 2))], IMAGE),
    stack(
        "permute_flatten",
        [Conv2D(4, 2), Permute((2, 1, 3)), Flatten(), Dense(2)],
        IMAGE,
    ),
]
REPEAT = [
    stack("repeat", [RepeatVector(4)], (None, 3)),
    stack("repeat_conv", [RepeatVector(4), Conv1D(2, 2)], (None, 3)),
    stack("repeat_once", [RepeatVector(1), Dense(2)], (None, 3)),
]
PADDING = [
    fan(
        "pad",
        [
            ZeroPadding2D(),
            ZeroPadding2D(3),
            ZeroPadding2D((1, 2)),
            ZeroPadding2D(((1, 2), (3, 0))),
            ZeroPadding2D([[0, 1], [0, 1]]),
            ZeroPadding2D(((2, 1), (0, 0))),
            ZeroPadding2D(0),
            ZeroPadding2D(((1, 2), (3, 4)), "channels_first"),
        ],
        IMAGE,
    ),
    stack(
        "pad_before_conv",
        [ZeroPadding2D(((0, 1), (2, 1))), Conv2D(2, 3, strides=2)],
        IMAGE,
        permutes=0,
    ),
    stack(
        "pad_between",
        [Conv2D(2, 2), ZeroPadding2D(((0, 1), (2, 1))), Conv2D(2, 2)],
        IMAGE,
        permutes=0,
    ),
    stack(
        "pad_first_inside_last",
        [Conv2D(4, 2), ZeroPadding2D(((0, 1), (2, 1)), "channels_first")],
        IMAGE,
    ),
    fan(
        "pad_line",
        [
            ZeroPadding1D(),
            ZeroPadding1D((2, 0)),
            ZeroPadding1D((0, 3)),
            ZeroPadding1D(2, "channels_first"),
        ],
        (None, 5, 3),
    ),
    stack("pad_line_conv", [ZeroPadding1D((2, 0)), Conv1D(2, 3)], (None, None, 3)),
    fan(
        "pad_volume",
        [
            ZeroPadding3D(),
            ZeroPadding3D(2),
            ZeroPadding3D((1, 2, 0)),
            ZeroPadding3D(((0, 1), (2, 0), (1, 3))),
            ZeroPadding3D(((0, 1), (2, 0), (1, 3)), "channels_first"),
        ],
        (None, 2, 3, 4, 2),
    ),
]
CROPPING = [
    fan(
        "crop",
        [
            Cropping2D(),
            Cropping2D(1),
            Cropping2D((1, 2)),
            Cropping2D(((1, 2), (3, 0))),
            Cropping2D([[0, 1], [2, 1]]),
            Cropping2D(((2, 1), (0, 0))),
        ],
        IMAGE,
    ),
    stack("crop_first", [Cropping2D(((0, 1), (1, 2)), "channels_first")], (3, 2, 4, 5)),
    stack(
        "crop_between",
        [Conv2D(2, 2), Cropping2D(((0, 1), (2, 0))), Conv2D(2, 2)],
        IMAGE,
        permutes=0,
        contains=("[:, :, :-1, 2:]",),
    ),
    stack("crop_unknown", [Cropping2D(1), Conv2D(2, 1)], (None, None, None, 3)),
    fan(
        "crop_line",
        [Cropping1D(), Cropping1D(2), Cropping1D((0, 3)), Cropping1D((2, 0))],
        (None, 6, 3),
    ),
    fan(
        "crop_volume",
        [
            Cropping3D(),
            Cropping3D(((0, 1), (2, 0), (1, 1))),
            Cropping3D((1, 0, 2)),
        ],
        (None, 4, 4, 5, 2),
    ),
    stack(
        "crop_volume_first",
        [Cropping3D(((0, 1), (2, 0), (1, 1)), "channels_first")],
        (None, 2, 4, 4, 5),
    ),
]
LARGER = [
    fan(
        "larger",
        [
            UpSampling2D(),
            UpSampling2D(3),
            UpSampling2D((1, 4)),
            UpSampling2D([2, 1]),
            UpSampling2D(41),
            UpSampling2D((3, 2), "channels_first"),
        ],
        IMAGE,
    ),
    fan(
        "larger_bilinear",
        [
            UpSampling2D(2, interpolation="bilinear"),
            UpSampling2D((3, 5), interpolation="bilinear"),
            UpSampling2D((1, 4), interpolation="bilinear"),
            UpSampling2D(7, "channels_first", "bilinear"),
        ],
        IMAGE,
        # TensorFlow resizes in float32 whatever comes in.
        float64=1e-6,
    ),
    fan(
        "larger_bicubic",
        [
            UpSampling2D(2, interpolation="bicubic"),
            UpSampling2D((3, 5), interpolation="bicubic"),
            UpSampling2D((1, 4), interpolation="bicubic"),
            UpSampling2D(7, "channels_first", "bicubic"),
        ],
        IMAGE,
        float64=1e-6,
    ),
    stack(
        "larger_bicubic_tiny",
        [UpSampling2D(3, interpolation="bicubic"), Conv2D(2, 2)],
        (None, 1, 2, 3),
        float64=1e-6,
    ),
    stack(
        "larger_between",
        [Conv2D(4, 2), UpSampling2D(), Conv2D(2, 2)],
        IMAGE,
        permutes=0,
        contains=("F.interpolate(x, scale_factor=2)",),
    ),
    stack(
        "larger_unknown",
        [UpSampling2D((2, 3), interpolation="bilinear"), Conv2D(2, 2)],
        (None, None, None, 3),
        permutes=0,
        float64=1e-6,
    ),
    fan("larger_line", [UpSampling1D(), UpSampling1D(3)], (None, 5, 3)),
    stack(
        "larger_line_between",
        [Conv1D(4, 2), UpSampling1D(3), Conv1D(2, 2)],
        (None, None, 3),
        permutes=0,
        contains=("F.interpolate(x, scale_factor=3)",),
    ),
    stack("larger_integers", [UpSampling1D(2)], (None, 4, 2), dtype="int32"),
    fan(
        "larger_volume",
        [
            UpSampling3D(),
            UpSampling3D((1, 2, 3)),
            UpSampling3D((2, 1, 3), "channels_first"),
        ],
        (None, 2, 3, 4, 2),
    ),
    stack(
        "larger_volume_between",
        [Conv3D(2, 2), UpSampling3D((1, 2, 3)), Conv3D(2, 2)],
        (None, 3, 3, 3, 2),
        permutes=0,
    ),
]


@rows([*FLATTEN, *RESHAPE, *PERMUTE, *REPEAT, *PADDING, *CROPPING, *LARGER])
def test_like_keras(row, keras):
    check(row, keras)


def test_interpolation_without_a_rule():
    row = stack("no_rule", [UpSampling2D(2, interpolation="sinc")], IMAGE)
    with pytest.raises(UnsupportedLayer, match="sinc"):
        write(graph(row))


def test_cropping_may_leave_nothing():
    """Keras 2 did, and so there are files."""
    module = write(graph(stack("nothing", [Cropping2D(3)], IMAGE))).module()
    assert module(torch.zeros(1, 5, 6, 3)).shape == (1, 0, 0, 3)
