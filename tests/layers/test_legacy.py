"""Layers that only Keras 0.3 and 1 had, against their formulas on TensorFlow.

What the old Keras themselves computed is recorded with the files in
``tests/reading/old_keras``.
"""

from __future__ import annotations

import pytest

from keras2torch.errors import UnsupportedLayer
from keras2torch.layers.definitions import (
    BatchNormalization,
    Conv2D,
    Conv2DTranspose,
    Dense,
    Flatten,
    Highway,
    MaxoutDense,
    ParametricSoftplus,
    SReLU,
    ThresholdedLinear,
    TimeDistributed,
    TimeDistributedMerge,
)
from keras2torch.program import write
from tests.layers.harness import check, graph, rows, stack

IMAGE = (None, 6, 5, 3)
ROW = (None, 5)

ROWS = [
    stack("highway", [Highway(activation="relu")], ROW, contains=("nn.ReLU()",)),
    stack("highway_linear", [Dense(4), Highway(), Dense(2)], ROW),
    stack("highway_no_bias", [Highway(activation="tanh", use_bias=False)], ROW),
    stack("maxout", [MaxoutDense(4)], ROW, contains=("nn.Linear(5, 16)",)),
    stack("maxout_no_bias", [MaxoutDense(2, nb_feature=3, use_bias=False)], ROW),
    stack(
        "maxout_flat",
        [Conv2D(4, 3), Flatten(), MaxoutDense(3)],
        IMAGE,
        permutes=0,
    ),
    stack("maxout_steps", [TimeDistributed(MaxoutDense(3))], (None, 4, 5)),
    stack("highway_steps", [TimeDistributed(Highway())], (None, 4, 5)),
    stack("srelu", [SReLU()], ROW),
    stack("srelu_image", [Conv2D(4, 2), SReLU(), Conv2D(2, 2)], IMAGE, permutes=0),
    stack(
        "srelu_shared",
        [Conv2D(4, 2), SReLU(shared_axes=[1, 2])],
        (None, None, None, 3),
        contains=("SReLU((4, 1, 1))",),
    ),
    stack("srelu_theano", [SReLU(theano=True)], ROW, contains=("cap_left=True",)),
    stack(
        "srelu_flat",
        [Conv2D(4, 3), Flatten(), SReLU(), Dense(3)],
        IMAGE,
        permutes=0,
    ),
    stack("softplus", [ParametricSoftplus()], ROW),
    stack("softplus_image", [Conv2D(4, 2), ParametricSoftplus()], IMAGE, permutes=0),
    stack("softplus_shared", [ParametricSoftplus(shared_axes=[1])], (None, None, 3)),
    stack("thresholded", [Dense(6), ThresholdedLinear(theta=0.4)], ROW),
    *[
        stack(f"steps_{mode}", [TimeDistributedMerge(mode=mode)], (None, 4, 5))
        for mode in ("sum", "mul", "ave")
    ],
    stack("by_sample", [Dense(6), BatchNormalization(mode=1, epsilon=0.01)], ROW),
    stack("by_sample_image", [Conv2D(4, 2), BatchNormalization(mode=1)], IMAGE),
    stack(
        "by_batch",
        [Dense(6), BatchNormalization(mode=2), Dense(2)],
        ROW,
        contains=("track_running_stats=False",),
    ),
    stack(
        "by_batch_image",
        [Conv2D(4, 2), BatchNormalization(mode=2, epsilon=1e-5)],
        IMAGE,
        permutes=0,
    ),
    stack("by_batch_rows", [BatchNormalization(mode=2, axis=1)], IMAGE),
    *[
        stack(
            f"sizes_{padding}_{k}_{sizes}",
            [
                Conv2DTranspose(
                    4, k, strides=2, padding=padding, sizes=list(sizes), name="up"
                )
            ],
            IMAGE,
            permutes=0,
        )
        # What comes of a convolution with stride 2 to 6 and 5.
        for padding, k, sizes in [
            ("same", 3, (12, 10)),
            ("same", 3, (11, 9)),
            ("same", 2, (11, 10)),
            ("same", 5, (12, 9)),
            ("valid", 3, (13, 12)),
            ("valid", 3, (14, 11)),
            ("valid", 1, (11, 10)),
        ]
    ],
]


@pytest.mark.needs_keras
@rows(ROWS)
def test_like_the_old_formula(row, keras):
    check(row, keras)


@pytest.mark.parametrize(
    ("layer", "shape", "why"),
    [
        (Highway(), (None, 4, 5), "rank 3"),
        (MaxoutDense(3), (None, None), "no size"),
        (SReLU(), (None, None, 3), "no size"),
        (TimeDistributedMerge(mode="max"), (None, 4, 5), "mode='max'"),
        (BatchNormalization(mode=1, axis=1), IMAGE, "mode=1"),
        (BatchNormalization(mode=3), ROW, "mode=3"),
        (Highway(activation="glu"), ROW, "glu"),
        (Conv2DTranspose(2, 3, sizes=[4, 4]), (None, None, None, 3), "sizes"),
    ],
)
def test_what_has_no_rule_is_named(layer, shape, why):
    with pytest.raises(UnsupportedLayer, match=why):
        write(graph(stack("one", [layer], shape)))
