"""Pooling against Keras: what `same` pads, what counts, and what a mask leaves."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from keras2torch.layers.convolution import Conv1D, Conv2D
from keras2torch.layers.core import Embedding, Masking
from keras2torch.layers.pooling import (
    AdaptiveAveragePooling1D,
    AdaptiveAveragePooling2D,
    AdaptiveMaxPooling2D,
    AveragePooling1D,
    AveragePooling2D,
    AveragePooling3D,
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalAveragePooling3D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
    GlobalMaxPooling3D,
    MaxPooling1D,
    MaxPooling2D,
    MaxPooling3D,
)
from tests.layers.fan import fan
from tests.layers.harness import check, rows, stack

pytestmark = pytest.mark.needs_keras

PAIR = ((MaxPooling2D, "max"), (AveragePooling2D, "mean"))
SAME = [
    fan(
        f"{name}_same_n{n}_k{k}",
        [pool(k, s, "same") for s in (1, 2, 3)],
        (None, n, n + 1, 3),
        permutes=0,
    )
    for (pool, name), n, k in product(PAIR, (7, 8), (1, 2, 3, 4, 5))
]
UNKNOWN = [
    stack(
        f"{name}_unknown_n{n}_k{k}_s{s}",
        [pool(k, s, "same")],
        (None, None, None, 3),
        sizes=(n, n + 1),
        lacks=() if helper else ("Same",),
        contains=("Pool2dSame",) if helper else (),
    )
    for (pool, name), (n, k, s, helper) in product(
        PAIR,
        [
            (7, 2, 2, False),
            (6, 2, 3, False),
            (7, 1, 2, False),
            (6, 3, 1, False),
            (7, 3, 2, True),
            (8, 3, 2, True),
            (8, 5, 3, True),
        ],
    )
]
WINDOWS = [
    stack("max_plain", [MaxPooling2D()], (None, 7, 8, 3), contains=("MaxPool2d(2)",)),
    stack("mean_plain", [AveragePooling2D(2)], (None, 7, 8, 3)),
    stack(
        "max_resnet",
        [MaxPooling2D(3, strides=2, padding="same")],
        (None, 7, 7, 3),
        contains=("MaxPool2d(3, stride=2, padding=1)",),
    ),
    stack(
        "max_odd",
        [MaxPooling2D(2, padding="same")],
        (None, 7, 9, 3),
        contains=("MaxPool2d(2, ceil_mode=True)",),
    ),
    stack(
        "mean_inception",
        [AveragePooling2D(3, strides=1, padding="same")],
        (None, 7, 8, 3),
        contains=("count_include_pad=False",),
    ),
    *[
        stack(f"{name}_uneven", [pool((2, 5), (3, 1), "same")], (None, 7, 8, 3))
        for pool, name in PAIR
    ],
    *[
        stack(f"{name}_valid_uneven", [pool([3, 2], [2, 1])], (None, 7, 8, 3))
        for pool, name in PAIR
    ],
    *[
        stack(f"{name}_tiny", [pool(3, 2, "same")], (None, 1, 2, 3))
        for pool, name in PAIR
    ],
    *[
        stack(
            f"{name}_first",
            [pool(3, 2, "same", data_format="channels_first")],
            (None, 3, 8, 7),
            permutes=0,
        )
        for pool, name in PAIR
    ],
    *[
        stack(f"{name}_line_n{n}_k{k}_s{s}", [pool(k, s, "same")], (None, n, 3))
        for (pool, name), (n, k, s) in product(
            ((MaxPooling1D, "max"), (AveragePooling1D, "mean")),
            [(8, 3, 2), (7, 3, 2), (8, 4, 1), (9, 5, 3), (5, 2, None)],
        )
    ],
    stack("max_line_unknown", [MaxPooling1D(3, 2, "same")], (None, None, 3)),
    stack("mean_line_unknown", [AveragePooling1D(3, 2, "same")], (None, None, 3)),
    stack("max_line_first", [MaxPooling1D(2, 2, "valid", "channels_first")], (3, 4, 6)),
    *[
        stack(f"{name}_volume_{i}", [pool(k, s, p)], shape)
        for pool, name in ((MaxPooling3D, "max"), (AveragePooling3D, "mean"))
        for i, (k, s, p, shape) in enumerate(
            [
                (2, None, "valid", (None, 5, 4, 6, 3)),
                ((2, 3, 1), (1, 2, 2), "same", (None, 5, 4, 6, 3)),
                (3, 2, "same", (None, 5, 4, 6, 3)),
                (3, 2, "same", (None, None, None, None, 3)),
                (2, None, "same", (None, 1, 2, 2, 3)),
                (2, None, "same", (None, None, 5, 4, 3)),
            ]
        )
    ],
]
GLOBAL = [
    *[
        stack(
            f"{type(pool).__name__}_{i}",
            [pool],
            (None, *(5, 4, 6)[:rank], 3)
            if pool.data_format is None
            else (None, 3, *(5, 4, 6)[:rank]),
            permutes=0,
        )
        for rank, kinds in enumerate(
            [
                (GlobalMaxPooling1D, GlobalAveragePooling1D),
                (GlobalMaxPooling2D, GlobalAveragePooling2D),
                (GlobalMaxPooling3D, GlobalAveragePooling3D),
            ],
            1,
        )
        for kind in kinds
        for i, pool in enumerate(
            [kind(), kind(keepdims=True), kind("channels_first", True)]
        )
    ],
    stack(
        "global_after_conv",
        [Conv2D(4, 3), GlobalAveragePooling2D()],
        (None, 7, 8, 3),
        contains=(".mean(dim=(2, 3))",),
        permutes=0,
    ),
    stack(
        "global_kept_between_convs",
        [Conv2D(4, 3), GlobalMaxPooling2D(keepdims=True), Conv2D(2, 1)],
        (None, None, None, 3),
        permutes=0,
    ),
    stack(
        "global_line_after_conv",
        [Conv1D(4, 3), GlobalMaxPooling1D()],
        (None, 9, 3),
        contains=(".amax(dim=2)",),
        permutes=0,
    ),
]
MASKED = [
    stack(
        "masked_mean",
        [Embedding(7, 4, mask_zero=True), GlobalAveragePooling1D()],
        (None, 6),
        dtype="int32",
        permutes=0,
    ),
    stack(
        "masked_mean_kept",
        [Embedding(7, 4, mask_zero=True), GlobalAveragePooling1D(keepdims=True)],
        (None, 6),
        dtype="int32",
    ),
    stack(
        "masking_layer",
        [Masking(), GlobalAveragePooling1D()],
        (None, 4, 2),
        inputs={
            "in_x": np.float32(
                [
                    [[1, 2], [0, 0], [0, 3], [4, 5]],
                    [[1, 2], [3, 4], [5, 6], [7, 8]],
                    [[0, 0], [0, 0], [0, 0], [9, -1]],
                ]
            )
        },
    ),
    stack(
        "unmasked_maximum",
        [Embedding(7, 4, mask_zero=True), GlobalMaxPooling1D()],
        (None, 6),
        dtype="int32",
    ),
]
ADAPTIVE = [
    stack("adaptive_mean", [AdaptiveAveragePooling2D((3, 4))], (None, 7, 8, 3)),
    stack("adaptive_line", [AdaptiveAveragePooling1D((3,))], (None, 7, 3)),
    stack("adaptive_max", [AdaptiveMaxPooling2D((4, 2))], (None, 7, 8, 3)),
    stack(
        "adaptive_first",
        [AdaptiveAveragePooling2D((2, 2), data_format="channels_first")],
        (None, 3, 7, 8),
    ),
]


@rows([*SAME, *UNKNOWN, *WINDOWS, *GLOBAL, *MASKED, *ADAPTIVE])
def test_like_keras(row, keras):
    check(row, keras)
