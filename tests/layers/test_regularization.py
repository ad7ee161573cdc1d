"""Dropout and noise: nothing at inference, Keras' statistics in training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import onnx_ir as ir
import pytest
import torch

from keras2torch.dialect import GraphBuilder
from keras2torch.errors import UnsupportedLayer
from keras2torch.layers.convolution import Conv2D
from keras2torch.layers.definitions import (
    LSTM,
    Dense,
    Embedding,
    Layer,
    TimeDistributed,
)
from keras2torch.layers.regularization import (
    ActivityRegularization,
    AlphaDropout,
    Dropout,
    GaussianDropout,
    GaussianNoise,
    SpatialDropout1D,
    SpatialDropout2D,
    SpatialDropout3D,
)
from keras2torch.program import write
from tests.layers.harness import Row, check, graph, rows, stack

IMAGE = (None, 5, 4, 3)
Build = Callable[[GraphBuilder], Sequence[ir.Value]]


def between_convs(layer: Layer) -> Build:
    def build(b: GraphBuilder) -> Sequence[ir.Value]:
        layer.name = "layer"
        [x] = b.call(Conv2D(4, 2, name="first"), [b.input("image", IMAGE)])
        [x] = b.call(layer, [x])
        return b.call(Conv2D(2, 2, name="last"), [x])

    return build


def words(layer: Layer) -> Build:
    """Between an embedding and an LSTM that reads its mask."""

    def build(b: GraphBuilder) -> Sequence[ir.Value]:
        layer.name = "layer"
        x = b.input("words", (None, 5), "int32")
        [x] = b.call(Embedding(7, 4, mask_zero=True, name="embed"), [x])
        [x] = b.call(layer, [x])
        return b.call(LSTM(3, name="lstm"), [x])

    return build


ALL: list[Callable[[], Layer]] = [
    lambda: Dropout(0.4),
    lambda: AlphaDropout(0.3),
    lambda: GaussianDropout(0.3),
    lambda: GaussianNoise(0.3),
    lambda: ActivityRegularization(l1=0.01, l2=0.02),
]
ROWS = [
    *(stack(f"{type(m()).__name__}_2d", [m(), Dense(3)], (None, 5)) for m in ALL),
    *(
        Row(f"{type(m()).__name__}_convs", between_convs(m()), permutes=0)
        for m in [*ALL, lambda: SpatialDropout2D(0.3)]
    ),
    *(
        Row(f"{type(m()).__name__}_words", words(m()), permutes=0)
        for m in [*ALL, lambda: SpatialDropout1D(0.3)]
    ),
    stack("never", [Dropout(0.0)], (None, 5), contains=("nn.Dropout(0.0)",)),
    stack("seed", [Dropout(0.5, seed=3)], (None, 5), contains=("nn.Dropout(0.5)",)),
    stack("noise", [Dropout(0.2, noise_shape=[None, 1, 3])], (None, 5, 3)),
    stack("alpha", [AlphaDropout(0.2, noise_shape=[None, 1, 3])], (None, 5, 3)),
    stack("spatial3d", [SpatialDropout3D(0.2)], (None, 2, 3, 4, 3)),
]


@pytest.mark.needs_keras
@rows(ROWS)
def test_like_keras(row, keras):
    check(row, keras)


# ---------------------------------------------------------------------- in training
def source(build: Build) -> str:
    return write(graph(Row("row", build))).source


def trained(layer: Layer, shape: tuple[int | None, ...], *, torch_shape: Any) -> Any:
    """Return what a layer makes of ones, in training."""
    module = write(graph(stack("row", [layer], shape))).module()
    torch.manual_seed(0)
    return module.train()(torch.ones(torch_shape))


def test_spatial_dropout_is_torchs_where_channels_are_first():
    assert "nn.Dropout2d(0.3)" in source(between_convs(SpatialDropout2D(0.3)))
    first = SpatialDropout2D(0.3, data_format="channels_first", name="d")
    text = write(graph(stack("row", [first], IMAGE))).source
    assert "nn.Dropout2d(0.3)" in text
    assert "SharedDropout(0.3, (1,))" in source(words(SpatialDropout1D(0.3)))


@pytest.mark.parametrize(
    ("layer", "shape", "shared", "own"),
    [
        (SpatialDropout1D(0.5), (64, 7, 9), [1], [0, 2]),
        (SpatialDropout2D(0.5), (32, 5, 3, 9), [1, 2], [0, 3]),
        (SpatialDropout3D(0.5), (32, 5, 3, 2, 9), [1, 2, 3], [0, 4]),
        (Dropout(0.5, noise_shape=[None, 1, None]), (64, 7, 9), [1], [0, 2]),
        (Dropout(0.5, noise_shape=[1, 7, 9]), (64, 7, 9), [0], [1, 2]),
    ],
)
def test_slices_are_dropped_as_a_whole(layer, shape, shared, own):
    y = trained(layer, (None, *shape[1:]), torch_shape=shape)
    assert set(y.unique().tolist()) == {0.0, 2.0}
    for axis in shared:
        assert (y == y.select(axis, 0).unsqueeze(axis)).all()
    for axis in own:
        assert not (y == y.select(axis, 0).unsqueeze(axis)).all()


@pytest.mark.parametrize(
    ("layer", "mean", "deviation"),
    [
        # numbers of keras/src/layers/regularization: sqrt(p / (1 - p)) …
        (Dropout(0.2), 1.0, 0.5),
        (GaussianDropout(0.2), 1.0, 0.5),
        (GaussianNoise(0.3), 1.0, 0.3),
        (Dropout(1.0), 0.0, 0.0),
    ],
)
def test_statistics_in_training(layer, mean, deviation):
    y = trained(layer, (None, 1000), torch_shape=(200, 1000))
    assert y.mean().item() == pytest.approx(mean, abs=0.01)
    assert y.std().item() == pytest.approx(deviation, abs=0.01)


def test_alpha_dropout_has_the_two_values_of_keras():
    y = trained(AlphaDropout(0.2), (None, 1000), torch_shape=(200, 1000))
    low = -1.6732632423543772 * 1.0507009873554804
    a = (0.8 * (1 + 0.2 * low**2)) ** -0.5
    b = -a * low * 0.2
    expected = sorted([a + b, a * low + b])
    assert y.unique().tolist() == pytest.approx(expected, rel=1e-5)
    kept = (y == y.max()).float().mean().item()
    assert kept == pytest.approx(0.8, abs=0.01)


def test_alpha_dropout_of_slices():
    layer = AlphaDropout(0.2, noise_shape=[None, 1, None])
    x = torch.randn(2000, 3, 50)
    torch.manual_seed(0)
    module = write(graph(stack("row", [layer], (None, 3, 50)))).module().train()
    y = module(x)
    low = -1.6732632423543772 * 1.0507009873554804
    a = (0.8 * (1 + 0.2 * low**2)) ** -0.5
    dropped = torch.isclose(y, torch.tensor(a * low - a * low * 0.2), atol=1e-6)
    assert (dropped == dropped[:, :1]).all()
    assert dropped.float().mean().item() == pytest.approx(0.2, abs=0.01)
    torch.testing.assert_close(y[~dropped], a * x[~dropped] - a * low * 0.2)


# ----------------------------------------------------- training given in the call
def called(layer: Layer, shape: tuple[int | None, ...], training: bool) -> Any:
    def build(b: GraphBuilder) -> Sequence[ir.Value]:
        layer.name = "layer"
        return b.call(layer, [b.input("x", shape)], options={"training": training})

    return write(graph(Row("row", build)))


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (Dropout(0.5), (64, 8)),
        (Dropout(0.5, noise_shape=[None, 1, 8]), (64, 3, 8)),
        (SpatialDropout1D(0.5), (64, 3, 8)),
        (SpatialDropout2D(0.5, data_format="channels_first"), (64, 8, 3, 2)),
        (GaussianDropout(0.5), (64, 8)),
        (GaussianNoise(0.5), (64, 8)),
        (AlphaDropout(0.5), (64, 8)),
        (AlphaDropout(0.5, noise_shape=[None, 1, 8]), (64, 3, 8)),
    ],
)
def test_training_in_the_call_is_kept(layer, shape):
    x = torch.ones(shape)
    always = called(layer, (None, *shape[1:]), True).module()
    torch.manual_seed(0)
    first = always(x)
    assert not always.training
    assert not torch.equal(first, x)
    assert not torch.equal(first, always(x))
    never = called(layer, (None, *shape[1:]), False).module()
    assert torch.equal(never.train()(x), x)


@pytest.mark.parametrize("whole_batch", [False, True])
def test_a_penalty_is_of_a_sample_or_of_the_whole_batch(whole_batch: bool) -> None:
    # The second in Keras 1.2 to 2.3 (engine/base_layer.py of 2.2.4).
    dense = Dense(2, name="dense", activity_regularizer={"class_name": "L1L2"})
    dense.activity_regularizer["config"] = {"l1": 0.5, "l2": 0.25}
    model = graph(stack("row", [dense], (None, 3)))
    if whole_batch:
        model.metadata_props["sums_activity"] = "1"
    module = write(model).module()
    y = module(torch.randn(4, 3))
    expected = 0.5 * y.abs().sum() + 0.25 * y.square().sum()
    assert torch.allclose(module.regularization(), expected / (1 if whole_batch else 4))


def test_what_is_not_known_of_an_activity_regularizer_is_told():
    custom = {"class_name": "My>Own", "config": {}}
    inner = {"class_name": "Dense", "config": {"units": 3}}
    inner["config"]["activity_regularizer"] = "l2"
    layers = [
        Dense(4, name="known", activity_regularizer="l1"),
        Dense(5, name="own", activity_regularizer=custom),
        TimeDistributed(inner, name="steps"),
    ]
    notes = dict(write(graph(stack("row", layers, (None, 5, 2)))).notes)
    assert notes.keys() == {"own", "steps"}
    assert "My>Own" in notes["own"]


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (Dropout(0.5, noise_shape=[None, 3]), (None, 5)),
        (Dropout(0.5, noise_shape=[None, 1, 3]), (None, 3)),
        (AlphaDropout(0.5, noise_shape=[None, 3]), (None, 5)),
        (AlphaDropout(0.5, noise_shape=[None]), (None, 5)),
        (GaussianDropout(1.0), (None, 5)),
        (SpatialDropout1D(0.5), (None, 5)),
    ],
)
def test_what_has_no_rule_is_named(layer, shape):
    layer.name = "my_layer"
    with pytest.raises(UnsupportedLayer, match="'my_layer'"):
        write(graph(stack("row", [layer], shape)))
