"""Numbers as a person writes them, and as they compute the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from keras2torch.layers.definitions import (
    ELU,
    REGISTRY,
    AlphaDropout,
    BatchNormalization,
    Dropout,
    GaussianDropout,
    GaussianNoise,
    Layer,
    LayerNormalization,
    LeakyReLU,
    SpatialDropout2D,
    ThresholdedReLU,
)
from keras2torch.layers.text import literal, short, single
from keras2torch.program import write
from tests.program.graphs import Graph

# What the file says, and what is to be read.
_LITERALS = [
    (0.15000000000000002, "0.15"),
    (0.07500000000000001, "0.075"),
    (0.30000000000000004, "0.3"),
    (57.120000000000005, "57.12"),
    (-1.1500000000000001, "-1.15"),
    (0.1, "0.1"),
    (1e-07, "1e-07"),
    (1e9, "1e9"),
    # Nothing was meant here, so nothing is left out.
    (1 / 3, "0.3333333333333333"),
    (2 / 15, "0.13333333333333333"),
    (0.2 / 21, "0.009523809523809525"),
    (2.220446049250313e-16, "2.220446049250313e-16"),
    (0.0009765625, "0.0009765625"),
    (10000000000000002.0, "1.0000000000000002e+16"),
    # That is another number in float64, where it may be seen.
    (0.20000000298023224, "0.20000000298023224"),
    (float("inf"), 'float("inf")'),
]


@pytest.mark.parametrize(("value", "text"), _LITERALS)
def test_literals(value: float, text: str) -> None:
    assert literal(value) == text
    if np.isfinite(value):
        # The very number, but for what float64 rounds.
        assert abs(float(text) - value) <= 4 * np.spacing(abs(value))


@pytest.mark.parametrize(
    "value", [0.15000000000000002, 0.20000000298023224, 1 / 3, 0.2 / 21, 0.0, 1e-7]
)
def test_single_is_the_same_in_float32(value: float) -> None:
    found = single(value)
    assert np.float32(found) == np.float32(value)
    assert len(repr(found)) <= min(len(repr(value)), 14)


@pytest.mark.parametrize("seed", range(3))
def test_short_and_literal_keep_float32(seed: int) -> None:
    drawn = np.random.default_rng(seed)
    for value in (drawn.normal(size=300) * 10.0 ** drawn.integers(-8, 8, 300)).tolist():
        assert np.float32(float(literal(value))) == np.float32(value)
        noisy = float(np.float32(value))
        assert np.float32(short(noisy)) == np.float32(value)


# Keras 2 writes what backend.cast_to_floatx made of an argument.
_NOISY = float(np.float32(0.17))
_LAYERS: list[tuple[Layer, str]] = [
    (Dropout(rate=_NOISY), "nn.Dropout(0.17)"),
    (Dropout(rate=0.15000000000000002), "nn.Dropout(0.15)"),
    (Dropout(rate=0.2 / 21), "nn.Dropout(0.00952381)"),
    (SpatialDropout2D(rate=_NOISY), "SharedDropout(0.17, (1, 2))"),
    (AlphaDropout(rate=_NOISY), "nn.AlphaDropout(0.17)"),
    (GaussianNoise(stddev=_NOISY), "GaussianNoise(0.17)"),
    (GaussianDropout(rate=0.1), "GaussianDropout(0.33333334)"),
    (LeakyReLU(negative_slope=_NOISY), "negative_slope=0.17"),
    (ELU(alpha=_NOISY), "alpha=0.17"),
    (ThresholdedReLU(theta=_NOISY), "F.threshold(x, 0.17, 0.0)"),
    (BatchNormalization(epsilon=0.0010000000474974513), "eps=0.001"),
    (BatchNormalization(momentum=0.9900000095367432), "momentum=0.01)"),
    (BatchNormalization(momentum=0.9997), "momentum=0.0003)"),
    (LayerNormalization(epsilon=9.999999974752427e-07), "eps=1e-06"),
    (REGISTRY["RandomRotation"](factor=_NOISY), "((-0.17, 0.17)"),
    (REGISTRY["RandomBrightness"](factor=0.15000000000000002), "((-0.15, 0.15)"),
    (REGISTRY["Rescaling"](scale=0.003921568859368563), "x / 255"),
]


@pytest.mark.parametrize(("layer", "text"), _LAYERS)
def test_layers(layer: Layer, text: str) -> None:
    layer.name = "layer"
    graph = Graph("net")
    [y] = graph.call(layer, [graph.input("x", (None, 8, 8, 3))])
    source = write(graph.filled(y)).source
    assert text in source.replace("\n", ""), source


_STEPS = (None, 6, 4)
_IMAGES = (None, 6, 8, 8, 4)
_RATE: dict[str, Any] = {"dropout": _NOISY}
_RATES = {**_RATE, "recurrent_dropout": _NOISY}
_WITHIN: list[tuple[str, dict[str, Any], tuple[int | None, ...], int]] = [
    ("LSTM", {"units": 3, **_RATES}, _STEPS, 1),
    ("GRU", {"units": 3, **_RATES}, _STEPS, 1),
    ("SimpleRNN", {"units": 3, **_RATES}, _STEPS, 1),
    ("LSTM", {"units": 3, **_RATE}, _STEPS, 1),
    ("ConvLSTM2D", {"filters": 3, "kernel_size": 3, **_RATES}, _IMAGES, 1),
    ("MultiHeadAttention", {"num_heads": 2, "key_dim": 2, **_RATE}, _STEPS, 2),
    ("MultiHeadAttention", {"num_heads": 3, "key_dim": 2, **_RATE}, _STEPS, 2),
    ("Attention", _RATE, _STEPS, 2),
    ("AdditiveAttention", _RATE, _STEPS, 2),
]


@pytest.mark.parametrize(("name", "options", "shape", "count"), _WITHIN)
def test_rates_within_layers(
    name: str, options: dict[str, Any], shape: tuple[int | None, ...], count: int
) -> None:
    graph = Graph("net")
    inputs = [graph.input(f"x{i}", shape) for i in range(count)]
    [y] = graph.call(REGISTRY[name](name="layer", **options), inputs)
    source = write(graph.filled(y)).source
    assert "0.17" in source
    assert str(_NOISY) not in source
