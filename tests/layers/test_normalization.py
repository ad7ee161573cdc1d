"""Normalization against Keras: every axis, every layout, absent gamma and beta."""

from __future__ import annotations

from itertools import product

import pytest

from keras2torch.errors import UnsupportedLayer
from keras2torch.layers.convolution import Conv1D, Conv2D
from keras2torch.layers.core import Dense
from keras2torch.layers.normalization import (
    BatchNormalization,
    GroupNormalization,
    LayerNormalization,
    RMSNormalization,
    UnitNormalization,
)
from keras2torch.layers.reshaping import Flatten
from tests.layers.fan import fan
from tests.layers.harness import check, graph, rows, stack

pytestmark = pytest.mark.needs_keras

SHAPES = [(None, 6), (None, 5, 6), (None, 4, 5, 6), (None, 3, 4, 5, 6)]
BATCH = [
    *[
        fan(
            f"batch_rank{len(shape)}",
            [
                BatchNormalization(),
                BatchNormalization(scale=False),
                BatchNormalization(center=False),
                BatchNormalization(scale=False, center=False),
                BatchNormalization(epsilon=1e-5, momentum=0.9),
            ],
            shape,
        )
        for shape in SHAPES
    ],
    fan(
        "batch_axes",
        [BatchNormalization(axis=a) for a in (1, 2, 3, -1, -2, -3)],
        (None, 4, 5, 6),
    ),
    fan("batch_axes_line", [BatchNormalization(axis=a) for a in (1, 2)], (None, 5, 6)),
    fan(
        "batch_axes_volume",
        [BatchNormalization(axis=a) for a in (1, 2, 3, 4)],
        (None, 3, 4, 5, 6),
    ),
    stack(
        "batch_after_conv",
        [Conv2D(4, 3), BatchNormalization(), Conv2D(2, 2)],
        (None, 7, 8, 3),
        permutes=0,
        contains=("nn.BatchNorm2d(4, eps=0.001, momentum=0.01)",),
    ),
    stack(
        "batch_first",
        [BatchNormalization(), Conv2D(2, 2)],
        (None, 7, 8, 3),
        permutes=0,
    ),
    stack(
        "batch_other_axis_between_convs",
        [Conv2D(4, 3), BatchNormalization(axis=1), Conv2D(2, 2)],
        (None, 7, 8, 3),
    ),
    stack(
        "batch_inside_channels_first",
        [
            Conv2D(4, 3, data_format="channels_first"),
            BatchNormalization(axis=1),
            Conv2D(2, 2, data_format="channels_first"),
        ],
        (None, 3, 7, 8),
        permutes=0,
    ),
    stack(
        "batch_of_steps",
        [Dense(4), BatchNormalization(), Dense(3)],
        (None, 5, 6),
        contains=("nn.BatchNorm1d(4",),
    ),
    stack(
        "batch_of_unknown_steps",
        [Conv1D(4, 2), BatchNormalization(), Conv1D(2, 2)],
        (None, None, 6),
        permutes=0,
    ),
    stack(
        "batch_after_flatten",
        [Conv2D(4, 3), Flatten(), BatchNormalization(), Dense(3)],
        (None, 5, 6, 3),
        permutes=0,
    ),
    stack(
        "batch_last_after_flatten",
        [Conv2D(4, 3), Flatten(), BatchNormalization()],
        (None, 5, 6, 3),
    ),
]
LAYER = [
    *[
        fan(
            f"layer_rank{len(shape)}",
            [
                LayerNormalization(),
                LayerNormalization(scale=False),
                LayerNormalization(center=False),
                LayerNormalization(scale=False, center=False),
                LayerNormalization(epsilon=1e-6),
            ],
            shape,
            contains=("nn.LayerNorm(6, eps=0.001)",),
            lacks=("AxisLayerNorm",),
        )
        for shape in SHAPES
    ],
    fan(
        "layer_axes",
        [
            LayerNormalization(axis=a)
            for a in (1, 2, -3, [1, 2, 3], [2, 3], [1, 3], [-1, -2], [3, 1], [-1, 1])
        ],
        (None, 4, 5, 6),
    ),
    *[
        stack(
            f"layer_after_conv_{i}",
            [Conv2D(4, 3), LayerNormalization(**given), Conv2D(2, 2)],
            (None, 7, 8, 3),
            permutes=0,
        )
        for i, given in enumerate(
            [
                {},
                {"axis": 1},
                {"axis": [1, 2]},
                {"axis": [1, 2, 3]},
                {"axis": [2, 3], "center": False},
                {"axis": [-1, 1]},
                {"scale": False},
                {"scale": False, "center": False},
            ]
        )
    ],
    stack(
        "layer_over_space",
        [Conv2D(4, 3), LayerNormalization(axis=[1, 2])],
        (None, 7, 8, 3),
        contains=("nn.LayerNorm((5, 6), eps=0.001)",),
    ),
    stack(
        "layer_unknown_sizes",
        [Conv2D(4, 3), LayerNormalization()],
        (None, None, None, 3),
        permutes=0,
    ),
    stack(
        "layer_after_flatten",
        [Conv2D(4, 3), Flatten(), LayerNormalization(), Dense(3)],
        (None, 5, 6, 3),
        permutes=0,
    ),
    fan(
        "layer_variance_only",
        [
            LayerNormalization(rms_scaling=True),
            LayerNormalization(rms_scaling=True, scale=False, axis=[1, 2]),
            LayerNormalization(rms_scaling=True, axis=1),
        ],
        (None, 4, 5, 6),
    ),
    stack(
        "layer_variance_only_after_flatten",
        [Conv2D(4, 3), Flatten(), LayerNormalization(rms_scaling=True), Dense(3)],
        (None, 5, 6, 3),
        permutes=0,
    ),
]
GROUP = [
    *[
        fan(
            f"group_rank{len(shape)}",
            [
                GroupNormalization(2),
                GroupNormalization(3, scale=False),
                GroupNormalization(1, center=False),
                GroupNormalization(-1, scale=False, center=False),
                GroupNormalization(6, epsilon=1e-5),
            ],
            # One entry per group leaves nothing but noise to compare.
            shape,
        )
        for shape in SHAPES[1:]
    ],
    fan("group_vector", [GroupNormalization(2), GroupNormalization(3)], (None, 6)),
    fan(
        "group_axes",
        [GroupNormalization(2, axis=a) for a in (1, 2, 3, -1, -2)],
        (None, 4, 6, 8),
    ),
    stack(
        "group_default",
        [GroupNormalization()],
        (None, 3, 4, 64),
        contains=("nn.GroupNorm(32, 64, eps=0.001)",),
    ),
    stack(
        "group_between_convs",
        [Conv2D(4, 3), GroupNormalization(2), Conv2D(2, 2)],
        (None, 7, 8, 3),
        permutes=0,
    ),
    stack(
        "group_after_flatten",
        [Conv2D(4, 3), Flatten(), GroupNormalization(2), Dense(3)],
        (None, 5, 6, 3),
    ),
]
SIZE = [
    *[fan(f"rms_rank{len(s)}", [RMSNormalization()], s) for s in SHAPES],
    fan(
        "rms_axes",
        [RMSNormalization(axis=a) for a in ([2, 3], [1, 2, 3], -1, [-1, -2])],
        (None, 4, 5, 5),
    ),
    # Keras multiplies by `scale` along the last axis, whichever it normalized.
    fan("rms_first_axis", [RMSNormalization(axis=a) for a in (1, 2)], (None, 5, 5)),
    stack(
        "rms_between_convs",
        [Conv2D(4, 3), RMSNormalization(epsilon=1e-3), Conv2D(2, 2)],
        (None, 7, 8, 3),
        permutes=0,
    ),
    stack(
        "rms_after_flatten",
        [Conv2D(4, 3), Flatten(), RMSNormalization(), Dense(3)],
        (None, 5, 6, 3),
        permutes=0,
    ),
    *[fan(f"unit_rank{len(s)}", [UnitNormalization()], s) for s in SHAPES],
    fan(
        "unit_axes",
        [UnitNormalization(axis=a) for a in (1, 2, [1, 2], [-1, 1], [1, 2, 3])],
        (None, 4, 5, 6),
    ),
    stack(
        "unit_between_convs",
        [Conv2D(4, 3), UnitNormalization(), Conv2D(2, 2)],
        (None, 7, 8, 3),
        permutes=0,
    ),
    stack(
        "unit_after_flatten",
        [Conv2D(4, 3), Flatten(), UnitNormalization(), Dense(3)],
        (None, 5, 6, 3),
        permutes=0,
    ),
]


@rows([*BATCH, *LAYER, *GROUP, *SIZE])
def test_like_keras(row, keras):
    check(row, keras)


@pytest.mark.parametrize(
    ("layer", "why"),
    [
        (BatchNormalization(axis=[1, 3]), "axis"),
        (BatchNormalization(axis=0), "axis"),
        (LayerNormalization(axis=0), "axis"),
        (LayerNormalization(axis=[1, 2]), "no size"),
    ],
)
def test_no_rule_is_an_error(layer, why):
    with pytest.raises(UnsupportedLayer, match=why):
        graph(stack("no_rule", [layer], (None, None, 4, 3)))


@pytest.mark.parametrize(("scale", "center"), list(product((True, False), repeat=2)))
def test_axis_may_come_in_a_list(scale, center, keras):
    one = BatchNormalization(axis=[3], scale=scale, center=center)
    other = BatchNormalization(axis=-1, scale=scale, center=center)
    shape = (None, 4, 5, 6)
    assert one.weights(shape) == other.weights(shape)
