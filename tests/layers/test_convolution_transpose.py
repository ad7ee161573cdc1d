"""Transposed convolutions against Keras: what is cut, and at which end."""

from __future__ import annotations

from itertools import product

import pytest

from keras2torch.layers.convolution_transpose import (
    Conv1DTranspose,
    Conv2DTranspose,
    Conv3DTranspose,
)
from keras2torch.program import write
from tests.layers.fan import fan
from tests.layers.harness import check, graph, rows, stack

pytestmark = pytest.mark.needs_keras

SIZES = [
    fan(
        f"{padding}_k{k}",
        [Conv2DTranspose(2, k, strides=s, padding=padding) for s in (1, 2, 3)],
        (None, 4, 5, 3),
        permutes=0,
    )
    for padding, k in product(("same", "valid"), (1, 2, 3, 4, 5))
]
OUTPUT_PADDING = [
    fan(
        f"output_padding_{padding}",
        [Conv2DTranspose(2, k, s, padding, o) for k, s, o in numbers],
        (None, 4, 5, 3),
    )
    for padding, numbers in {
        "same": [(3, 2, 1), (3, 2, 0), (4, 2, 1), (2, 3, 2), (5, 3, 1), (2, 3, 1)],
        "valid": [(3, 2, 0), (3, 2, 1), (2, 3, 2), (5, 4, 3)],
    }.items()
]
OTHERS = [
    stack(
        "uneven",
        [Conv2DTranspose(4, (2, 5), strides=(3, 2), padding="same")],
        (None, 4, 5, 3),
    ),
    stack(
        "one_axis_cut",
        [Conv2DTranspose(4, (3, 2), strides=2, padding="same", activation="tanh")],
        (None, 4, 5, 3),
        contains=("[:, :, :-1])",),
    ),
    stack(
        "output_padding_pair",
        [Conv2DTranspose(4, 3, (2, 3), "same", (1, 2))],
        (None, 4, 5, 3),
    ),
    stack(
        "unknown",
        [Conv2DTranspose(4, 3, strides=2, padding="same")],
        (None, None, None, 3),
    ),
    stack("no_bias", [Conv2DTranspose(4, 3, use_bias=False)], (None, 4, 5, 3)),
    stack(
        "then_convolution",
        [
            Conv2DTranspose(4, 3, strides=2, padding="same", activation="relu"),
            Conv2DTranspose(2, 3, padding="same", activation="softmax"),
        ],
        (None, 4, 5, 3),
        permutes=0,
    ),
    *[
        stack(
            f"line_{padding}_k{k}_s{s}",
            [Conv1DTranspose(4, k, strides=s, padding=padding)],
            (None, 6, 3),
        )
        for padding, k, s in [("same", 3, 2), ("same", 4, 2), ("valid", 2, 3)]
    ],
    stack("line_unknown", [Conv1DTranspose(4, 5, 2, "same")], (None, None, 3)),
    stack(
        "volume_same",
        [Conv3DTranspose(4, (3, 2, 4), strides=2, padding="same")],
        (None, 3, 4, 2, 3),
    ),
    stack(
        "volume_valid",
        [Conv3DTranspose(4, 2, strides=3)],
        (None, 3, 2, 2, 3),
    ),
    stack(
        "first",
        [Conv2DTranspose(2, 3, 2, "same", data_format="channels_first")],
        (None, 3, 4, 5),
    ),
]


# TensorFlow has no dilated one on CPUs; compiled by XLA it gave these very outputs.
DILATED = [
    ("valid", 3, 2, "kernel_size=3, dilation=2", "(x)"),
    ("same", 3, 2, "kernel_size=3, padding=2, dilation=2", "(x)"),
    ("same", 2, 3, "kernel_size=2, padding=1, dilation=3", "(x)[:, :, :-1, :-1]"),
]


@pytest.mark.parametrize(("padding", "k", "d", "made", "used"), DILATED)
def test_dilation_is_torchs(padding, k, d, made, used):
    layer = Conv2DTranspose(2, k, padding=padding, dilation_rate=d)
    row = stack("dilated", [layer], (None, 4, 5, 3))
    source = write(graph(row)).source
    assert made in source
    assert used in source


@rows([*SIZES, *OUTPUT_PADDING, *OTHERS])
def test_like_keras(row, keras):
    check(row, keras)
