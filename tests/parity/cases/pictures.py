"""Layers of images and sounds in four ways each, as the other layers are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from parity.cases.every_layer import WAYS, array, way
from parity.cases.every_layer_rows import IMAGE, Row, one
from parity.recording import Arrays, floats
from parity.table import add

COLOURS, SOUND = (8, 6, 3), (60, 2)


def at_rest(layer: Any, x: Any) -> Any:
    return layer(x, training=False)


def images() -> dict[str, Row]:
    first = {"data_format": "channels_first"}
    crop, pad = {"crop_to_aspect_ratio": True}, {"pad_to_aspect_ratio": True}
    found = {
        f"resizing-{kind}": one(
            lambda la, kind=kind: la.Resizing(5, 9, interpolation=kind), IMAGE
        )
        for kind in ("bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5")
    }
    return found | {
        "resizing-antialias": one(lambda la: la.Resizing(3, 4, antialias=True), IMAGE),
        "resizing-crop": one(lambda la: la.Resizing(4, 4, **crop), IMAGE),
        "resizing-pad": one(lambda la: la.Resizing(4, 4, fill_value=0.5, **pad), IMAGE),
        "resizing-first": one(lambda la: la.Resizing(4, 6, **first), (2, 7, 5)),
        "center-crop": one(lambda la: la.CenterCrop(4, 3), IMAGE),
        "center-crop-small": one(lambda la: la.CenterCrop(9, 4), IMAGE),
        "center-crop-first": one(lambda la: la.CenterCrop(4, 3, **first), (2, 7, 5)),
        "up2d-lanczos": one(lambda la: la.UpSampling2D(2, None, "lanczos5"), IMAGE),
        "auto-contrast": one(lambda la: la.AutoContrast((-2, 2)), COLOURS),
        "clahe": one(
            lambda la: la.ContrastLimitedAdaptiveHistogramEqualization(
                (-3, 3), 2.0, (2, 2)
            ),
            COLOURS,
        ),
    }


def sounds() -> dict[str, Row]:
    def stft(mode: str, **given: Any) -> Callable[[Any], Any]:
        return lambda la: la.STFTSpectrogram(mode, 12, 5, **given)

    modes = ("log", "magnitude", "psd", "real", "imag", "stft")
    found = {f"stft-{mode}": one(stft(mode), SOUND) for mode in modes}
    return found | {
        "stft-images": one(stft("log", padding="same", expand_dims=True), SOUND),
        "stft-length": one(stft("real", fft_length=32, scaling="spectrum"), SOUND),
        "stft-first": one(stft("real", data_format="channels_first"), (2, 60)),
        "stft-window": one(stft("psd", window=None, scaling=None), SOUND),
        "mel": one(
            lambda la: la.MelSpectrogram(32, 10, num_mel_bins=6, min_freq=500.0), (90,)
        ),
        "mel-power": one(
            lambda la: la.MelSpectrogram(
                32, 10, 24, "hamming", 8000, 6, 300.0, 3500.0, power_to_db=False
            ),
            (90,),
        ),
    }


def colours() -> dict[str, Row]:
    unit = {"value_range": (0, 1)}

    def made(kind: str, *given: Any, **more: Any) -> Row:
        # What is drawn is compared where the numbers can be given.
        def layer(la: Any) -> Any:
            return getattr(la, kind)(*given, **more)

        return one(layer, COLOURS, call=at_rest, random=True)

    return {
        "brightness": made("RandomBrightness", 0.3),
        "brightness-pair": made("RandomBrightness", (0.4, -0.2), **unit),
        "contrast": made("RandomContrast", 0.3, seed=3),
        "contrast-pair": made("RandomContrast", [0.5, 0.2], **unit),
        "hue": made("RandomHue", 0.3),
        "saturation": made("RandomSaturation", (0.3, 0.6)),
        "degeneration": made("RandomColorDegeneration", 0.3),
        "sharpness": made("RandomSharpness", 0.3, data_format="channels_last"),
        "jitter": made("RandomColorJitter", (0, 255), 0.2, None, (0.2, 0.4), 0.1),
        "grayscale": made("RandomGrayscale", 0.3),
        "invert": made("RandomInvert"),
        "posterization": made("RandomPosterization", 4),
        "blur": made("RandomGaussianBlur", 0.5, (3, 5), 0.4),
        "solarization": made("Solarization", 0.3, (0.2, 0.4)),
        "erasing": made("RandomErasing", 0.5, 0.3, (1, 2, 3)),
    }


for table in (images, sounds, colours):
    for key, row in table().items():
        for name in WAYS:
            add(f"pictures/{key}/{name}", way(name, row))


def told_nothing(keras: Any) -> Arrays:
    """Called by themselves, and in a model, these layers act unless told not to."""
    x = np.abs(floats(1, 6, *COLOURS)) * 50
    found: Arrays = {}
    for kind in ("RandomBrightness", "RandomContrast", "RandomSharpness"):
        layer = getattr(keras.layers, kind)(0.5)
        inputs = keras.Input(COLOURS)
        model = keras.Model(inputs, layer(inputs))
        found |= {
            f"{kind}/alone": bool((array(layer(x)) != x).any()),
            f"{kind}/training": bool((array(layer(x, training=True)) != x).any()),
            f"{kind}/rest": bool((array(layer(x, training=False)) != x).any()),
            f"{kind}/model": bool((array(model(x)) != x).any()),
            f"{kind}/predict": bool((model.predict(x, verbose=0) != x).any()),
            f"{kind}/one": str(tuple(array(layer(x[0])).shape)),
        }
    equalization = keras.layers.Equalization()
    found["equalized"] = array(equalization(x))
    found["not equalized"] = array(equalization(x, training=False))
    return found


add("pictures/told-nothing", told_nothing)


def whole_numbers(keras: Any) -> Arrays:
    """Pixels are floats in ``fit`` and ``predict``."""
    x = (np.abs(floats(1, 6, *COLOURS)) * 50).astype("uint8")
    found: Arrays = {}
    for layer in (
        keras.layers.Resizing(5, 4),
        keras.layers.CenterCrop(3, 4),
        keras.layers.RandomContrast(0.3),
        keras.layers.AutoContrast(),
    ):
        inputs = keras.Input(COLOURS, dtype="uint8")
        made = layer(inputs)
        model = keras.Model(inputs, made)
        kind = type(layer).__name__
        found[kind] = model.predict(x, verbose=0)
        found[f"{kind}/dtype"] = str(found[kind].dtype)
        found[f"{kind}/told"] = str(made.dtype)
    return found


add("pictures/whole-numbers", whole_numbers)
