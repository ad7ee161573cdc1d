"""Convolutions against Keras: what `same` pads, and where each kernel axis goes."""

from __future__ import annotations

from itertools import product

import pytest

from keras2torch.layers.convolution import (
    Conv1D,
    Conv2D,
    Conv3D,
    DepthwiseConv1D,
    DepthwiseConv2D,
    SeparableConv1D,
    SeparableConv2D,
)
from keras2torch.layers.definitions import Activation, BatchNormalization
from tests.layers.fan import fan
from tests.layers.harness import check, rows, stack

pytestmark = pytest.mark.needs_keras

SAME = [
    fan(
        f"same_n{n}_k{k}",
        [Conv2D(2, k, strides=s, padding="same") for s in (1, 2, 3)],
        (None, n, n, 3),
        permutes=0,
    )
    for n, k in product((7, 8), (1, 2, 3, 4, 5))
]
UNKNOWN = [
    stack(
        f"unknown_n{n}_k{k}_s{s}",
        [Conv2D(2, k, strides=s, padding="same")],
        (None, None, None, 3),
        sizes=(n, n + 1),
        contains=("Conv2dSame(",) if k > 1 and s > 1 else (),
        lacks=() if k > 1 and s > 1 else ("Conv2dSame",),
    )
    for n, k, s in [(7, 3, 2), (8, 3, 2), (8, 4, 3), (5, 2, 2), (6, 3, 1), (7, 1, 2)]
]
PLAIN = [
    stack("valid", [Conv2D(4, 3)], (None, 7, 8, 3), lacks=("padding",)),
    stack(
        "resnet_stem",
        [Conv2D(4, 7, strides=2, padding="same", activation="relu")],
        (None, 15, 15, 3),
        contains=("F.relu(self.conv(x), inplace=True)", "padding=3", "stride=2"),
    ),
    stack(
        "uneven",
        [Conv2D(4, (2, 5), strides=(3, 1), padding="same")],
        (None, 8, 9, 3),
    ),
    stack(
        "half_unknown",
        [Conv2D(4, (3, 3), strides=(1, 2), padding="same")],
        (None, None, 9, 3),
        lacks=("Conv2dSame",),
    ),
    stack(
        "half_unknown_strided",
        [Conv2D(4, (3, 3), strides=(2, 1), padding="same")],
        (None, None, 9, 3),
        contains=("Conv2dSame",),
    ),
    stack("dilated", [Conv2D(4, 3, dilation_rate=2)], (None, 9, 8, 3)),
    stack(
        "dilated_same",
        [Conv2D(4, (2, 3), dilation_rate=(3, 2), padding="same")],
        (None, 9, 8, 3),
    ),
    stack(
        "dilated_even",
        [Conv2D(4, 2, dilation_rate=3, padding="same")],
        (None, 9, 8, 3),
        contains=("F.pad(x, (1, 2, 1, 2))",),
    ),
    stack("grouped", [Conv2D(6, 3, groups=2, padding="same")], (None, 7, 8, 4)),
    stack(
        "grouped_strided",
        [Conv2D(6, (3, 2), strides=2, groups=2, padding="same")],
        (None, 7, 8, 4),
    ),
    stack("no_bias", [Conv2D(4, 3, use_bias=False)], (None, 7, 8, 3)),
    stack("softmax", [Conv2D(4, 1, activation="softmax")], (None, 5, 4, 3)),
    # Four filters would meet a width of four, where Keras 3.15 on TensorFlow adds the
    # bias along the width (keras/src/backend/tensorflow/numpy.py, add).
    stack(
        "channels_first",
        [Conv2D(5, 3, strides=2, padding="same", data_format="channels_first")],
        (None, 3, 8, 7),
        permutes=0,
    ),
    stack(
        "channels_first_softmax",
        [Conv2D(4, 3, data_format="channels_first", activation="softmax")],
        (None, 3, 8, 7),
    ),
    stack(
        "first_inside_last",
        [
            Conv2D(4, 3),
            Conv2D(5, 3, data_format="channels_first", padding="same"),
            Conv2D(3, 2),
        ],
        (None, 8, 7, 3),
    ),
    stack("smaller_than_kernel", [Conv2D(2, 5, 3, "same")], (None, 2, 1, 3)),
    stack(
        "list_arguments",
        [Conv2D(2, [3, 2], [2, 2], "same", "channels_last", [1, 1], 1, "linear")],
        (None, 6, 7, 3),
    ),
]
# The activation writes over what the layer before it made, gradients as in Keras.
OVER = [
    stack(
        f"over_{name}",
        [Conv2D(4, 3), BatchNormalization(), Activation(name), Conv2D(3, 1)],
        (None, 7, 8, 3),
        contains=(f"{function}(x, inplace=True)",),
    )
    for name, function in [
        ("relu", "F.relu"),
        ("relu6", "F.relu6"),
        ("silu", "F.silu"),
        ("hard_silu", "F.hardswish"),
    ]
]
LINE = [
    *[
        stack(
            f"causal_k{k}_s{s}_d{d}",
            [Conv1D(4, k, strides=s, dilation_rate=d, padding="causal")],
            (None, 9, 3),
        )
        for k, s, d in [(1, 1, 1), (2, 1, 1), (3, 2, 1), (3, 1, 4), (2, 3, 1)]
    ],
    stack("causal_unknown", [Conv1D(4, 3, padding="causal")], (None, None, 3)),
    stack(
        "causal_first",
        [Conv1D(4, 3, padding="causal", data_format="channels_first")],
        (None, 3, 9),
    ),
    *[
        stack(
            f"line_same_n{n}_k{k}_s{s}",
            [Conv1D(4, k, strides=s, padding="same")],
            (None, n, 3),
        )
        for n, k, s in [(9, 3, 2), (8, 3, 2), (8, 5, 3), (8, 4, 1), (7, 2, 2)]
    ],
    stack(
        "line_unknown",
        [Conv1D(4, 4, strides=3, padding="same")],
        (None, None, 3),
        contains=("Conv1dSame",),
    ),
    stack("line_one_tuple", [Conv1D(4, [3], [1], "same")], (None, 8, 3)),
]
VOLUME = [
    stack("volume", [Conv3D(4, 2)], (None, 5, 4, 6, 3)),
    stack(
        "volume_same",
        [Conv3D(4, (1, 2, 3), strides=(2, 3, 2), padding="same")],
        (None, 5, 4, 6, 3),
    ),
    stack("volume_stride_one", [Conv3D(4, 3, padding="same")], (None, 5, 4, 6, 3)),
    stack(
        "volume_unknown",
        [Conv3D(4, (3, 2, 3), strides=(2, 2, 1), padding="same")],
        (None, None, None, None, 3),
        contains=("Conv3dSame",),
    ),
    stack("volume_dilated", [Conv3D(4, 2, dilation_rate=2)], (None, 5, 4, 6, 3)),
    stack("volume_grouped", [Conv3D(4, 2, groups=2)], (None, 5, 4, 6, 4)),
    stack(
        "volume_first",
        [Conv3D(4, 2, strides=2, padding="same", data_format="channels_first")],
        (None, 3, 5, 4, 6),
    ),
]
DEPTHWISE = [
    *[
        stack(
            f"depthwise_m{m}_k{k}_s{s}",
            [DepthwiseConv2D(k, strides=s, padding="same", depth_multiplier=m)],
            (None, 8, 7, 3),
        )
        for m, k, s in [(1, 3, 1), (1, 3, 2), (2, 3, 2), (3, 2, 1), (2, 5, 3)]
    ],
    stack("depthwise_valid", [DepthwiseConv2D(3)], (None, 8, 7, 3)),
    stack(
        "depthwise_dilated",
        [DepthwiseConv2D((2, 3), dilation_rate=(2, 2), padding="same")],
        (None, 8, 7, 3),
    ),
    stack(
        "depthwise_dilated_strided",
        [DepthwiseConv2D(3, strides=2, dilation_rate=2, padding="same")],
        (None, 8, 7, 3),
    ),
    stack(
        "depthwise_unknown",
        [DepthwiseConv2D(3, strides=2, padding="same", depth_multiplier=2)],
        (None, None, None, 3),
        contains=("Conv2dSame",),
    ),
    stack(
        "depthwise_first",
        [DepthwiseConv2D(3, depth_multiplier=2, data_format="channels_first")],
        (None, 3, 8, 7),
    ),
    stack(
        "depthwise_no_bias",
        [DepthwiseConv2D(3, use_bias=False, activation="relu6")],
        (None, 8, 7, 3),
    ),
    stack(
        "depthwise_line",
        [DepthwiseConv1D(3, strides=2, padding="same", depth_multiplier=2)],
        (None, 8, 3),
    ),
    stack(
        "depthwise_line_dilated",
        [DepthwiseConv1D(2, dilation_rate=3, padding="same")],
        (None, 8, 3),
    ),
]
SEPARABLE = [
    stack("separable", [SeparableConv2D(5, 3)], (None, 8, 7, 3)),
    *[
        stack(
            f"separable_m{m}_k{k}_s{s}",
            [SeparableConv2D(4, k, s, "same", depth_multiplier=m, activation="relu")],
            (None, 8, 7, 3),
        )
        for m, k, s in [(1, 3, 1), (2, 3, 2), (2, 2, 2), (1, 4, 1), (2, 5, 3)]
    ],
    stack(
        "separable_dilated",
        [SeparableConv2D(4, 3, dilation_rate=2, padding="same", use_bias=False)],
        (None, 8, 7, 3),
    ),
    stack(
        "separable_unknown",
        [SeparableConv2D(4, 3, strides=2, padding="same")],
        (None, None, None, 3),
        contains=("nn.Sequential(", "Conv2dSame"),
    ),
    stack(
        "separable_first",
        [SeparableConv2D(4, 3, data_format="channels_first")],
        (None, 3, 8, 7),
    ),
    stack(
        "separable_line",
        [SeparableConv1D(4, 4, strides=2, padding="same", depth_multiplier=2)],
        (None, 9, 3),
    ),
]


@rows([*SAME, *UNKNOWN, *PLAIN, *OVER, *LINE, *VOLUME, *DEPTHWISE, *SEPARABLE])
def test_like_keras(row, keras):
    check(row, keras)
