"""What Keras makes of images, its own process: ``python colours_of_keras.py OUT``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
sys.path.insert(0, str(Path(__file__).parent))

import colours_cases
import keras
import numpy as np


def drawn(name: str, config: dict[str, Any]) -> dict[str, Any]:
    """Return the bounds between which Keras draws, by many draws."""
    layer = getattr(keras.layers, name)(**config)
    images = np.zeros(colours_cases.SMALL, "float32")
    found = layer.get_random_transformation(images, training=True)
    return {
        key: np.asarray(value, "float32")
        for key, value in found.items()
        if key not in ("batch_masks", "fill_value")
    }


def main(out: str) -> None:
    found: dict[str, Any] = {}
    for name, (kind, config, transformation, _) in colours_cases.cases().items():
        images = colours_cases.images(0, 1 if "value_range" in config else 255)
        for dtype in ("float32", "float64"):
            layer = getattr(keras.layers, kind)(**config, dtype=dtype)
            given = {
                k: v.astype(dtype) if v.dtype == "float32" else v
                for k, v in transformation.items()
            }
            made = layer.transform_images(
                keras.ops.convert_to_tensor(images.astype(dtype)),
                given.get("", given),
                training=True,
            )
            found[f"{name}/{dtype}"] = np.asarray(made)
        channels = np.moveaxis(images, -1, 1)
        if name.startswith("erasing"):
            continue
        layer = getattr(keras.layers, kind)(**config, data_format="channels_first")
        made = layer.transform_images(
            keras.ops.convert_to_tensor(channels),
            transformation.get("", transformation),
            training=True,
        )
        found[f"{name}/channels_first"] = np.moveaxis(np.asarray(made), 1, -1)
    for name, config in colours_cases.EQUALIZATIONS.items():
        high = config.get("value_range", (0, 255))[1]
        layer = keras.layers.Equalization(**config)
        found[f"{name}/float32"] = np.asarray(
            layer(colours_cases.images(0, high), training=True)
        )
    keras.utils.set_random_seed(0)
    erasing = keras.layers.RandomErasing(**colours_cases.ERASING)
    holes = erasing.get_random_transformation(np.zeros(colours_cases.LARGE), True)
    covered = np.asarray(holes["batch_masks"])[..., 0]
    found["covered"] = covered * np.asarray(holes["apply_erasing"])[:, None, None]
    for name, (kind, config) in colours_cases.DRAWN.items():
        for key, value in drawn(kind, config).items():
            found[f"drawn/{name}/{key}"] = value
    np.savez(out, **found)


main(sys.argv[1])
