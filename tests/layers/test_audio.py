"""Spectrograms against Keras."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import onnx_ir as ir
import pytest

from keras2torch.dialect import GraphBuilder
from keras2torch.errors import UnsupportedLayer
from keras2torch.layers.audio import MelSpectrogram, STFTSpectrogram
from keras2torch.layers.convolution import Conv1D, Conv2D
from keras2torch.layers.definitions import Dense
from tests.layers.harness import Row, check, rows, stack

pytestmark = pytest.mark.needs_keras
SOUND = (None, 300)
TRACKS = (None, 50, 2)
MODES = ("log", "magnitude", "psd", "real", "imag", "angle", "stft")
SMALL = {"fft_length": 64, "sequence_stride": 20, "num_mel_bins": 10, "min_freq": 300}


def between(layer: STFTSpectrogram) -> Callable[[GraphBuilder], Sequence[ir.Value]]:
    """Call a layer between convolutions: nothing is permuted."""

    def build(b: GraphBuilder) -> Sequence[ir.Value]:
        layer.name = "layer"
        head = (
            Conv2D(2, 2, name="head") if layer.expand_dims else Conv1D(2, 2, name="h")
        )
        [x] = b.call(Conv1D(3, 2, name="conv"), [b.input("sound", TRACKS)])
        [x] = b.call(layer, [x])
        return b.call(head, [x])

    return build


def stft(**options: object) -> STFTSpectrogram:
    return STFTSpectrogram(**{"frame_length": 12, "frame_step": 5, **options})


def mel(**options: object) -> MelSpectrogram:
    return MelSpectrogram(**{**SMALL, **options})


ROWS = [
    # Angles jump where a number is 0; gradients of the others are compared.
    *[
        stack(f"stft_{m}", [stft(mode=m)], TRACKS, gradients=m != "angle")
        for m in MODES
    ],
    *[
        stack(f"stft_{m}_images", [stft(mode=m, expand_dims=True)], TRACKS)
        for m in ("stft", "psd")
    ],
    stack("stft_same", [stft(padding="same")], TRACKS),
    stack("stft_same_open", [stft(padding="same")], (None, None, 2), sizes=(47,)),
    stack("stft_open", [stft(mode="magnitude")], (None, None, 2), sizes=(31,)),
    stack("stft_long", [stft(fft_length=32, mode="psd")], TRACKS),
    stack("stft_default_step", [STFTSpectrogram(frame_length=9)], TRACKS),
    stack("stft_window", [stft(window=None, scaling=None)], TRACKS),
    stack("stft_first", [stft(data_format="channels_first")], (None, 2, 50)),
    stack(
        "stft_first_images",
        [stft(data_format="channels_first", expand_dims=True)],
        (None, 2, 50),
    ),
    stack("stft_periodic", [stft(window="blackman", periodic=True)], TRACKS),
    stack("stft_dense", [stft(), Dense(3)], TRACKS),
    stack("stft_frozen", [stft(trainable=False), Dense(3)], TRACKS),
    Row("stft_conv", between(stft(mode="magnitude")), permutes=0),
    Row("stft_conv_images", between(stft(expand_dims=True)), permutes=0),
    # -- mel
    stack("mel", [mel()], SOUND),
    stack("mel_one", [mel()], (300,)),
    stack("mel_open", [mel()], (None, None), sizes=(211,)),
    stack("mel_dense", [mel(), Dense(4)], SOUND),
    stack("mel_power", [mel(power_to_db=False, mag_exp=1.0)], SOUND),
    stack(
        "mel_range", [mel(min_freq=500, max_freq=7000.0, sampling_rate=22050)], SOUND
    ),
    stack("mel_hamming", [mel(window="hamming", sequence_length=40)], SOUND),
    stack("mel_short", [mel(sequence_length=33)], SOUND),
    stack("mel_no_window", [mel(window=None, sequence_length=40)], SOUND),
    stack(
        "mel_values",
        [mel(window=[0.1 * i for i in range(32)], sequence_length=32)],
        SOUND,
    ),
    stack("mel_db", [mel(top_db=20.0, min_power=1e-3, ref_power=-2.0)], SOUND),
    stack("mel_odd", [mel(fft_length=63)], SOUND),
    stack("mel_integers", [mel()], SOUND, dtype="int32", limit=200),
]
# Keras itself fails in float64: its mel matrix and its decibels are of float32.
ROWS = [
    replace(r, float32=2e-5, float64=None) if r.name.startswith("mel") else r
    for r in ROWS
]


@rows(ROWS)
def test_like_keras(row, keras):
    check(row, keras)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (mel(window="blackman", name="my_layer"), SOUND),
        (mel(name="my_layer"), (None, 300, 2)),
        (stft(mode="power", name="my_layer"), TRACKS),
        (stft(name="my_layer"), (None, 50)),
    ],
)
def test_what_has_no_rule_is_named(layer, shape):
    from keras2torch.program import write

    builder = GraphBuilder("model")
    with pytest.raises(UnsupportedLayer, match="'my_layer'"):
        write(builder.model(builder.call(layer, [builder.input("x", shape)])))
