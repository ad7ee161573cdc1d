"""Models of operations, some of which a model holds; made by Keras and by us."""

from __future__ import annotations

from typing import Any

import numpy as np


def models(keras: Any) -> dict[str, Any]:
    """Return the models by name; they take one batch of :func:`images`."""
    ops = keras.ops
    rng = np.random.default_rng(0)
    x = keras.Input((8, 6, 3))
    rows = ops.reshape(x, (-1, 8, 18))
    moves = np.array([1.0, 0.1, -1, 0.2, 0.9, 0.5, 0, 0], "float32")
    kernel = rng.normal(size=(3, 3, 4, 3)).astype("float32")
    resized = ops.image.resize(x, (5, 7), "lanczos3", antialias=True)
    spectra = ops.stft(rows, 8, 3, 8)
    outputs = {
        "affine": ops.image.affine_transform(x, moves, fill_mode="reflect"),
        "blurred": ops.image.gaussian_blur(x, (3, 5), (0.5, 1.0)),
        "capped": ops.saturate_cast(300 * x - 20, "uint8"),
        "normalized": ops.layer_normalization(rows, axis=(1, 2), epsilon=1e-3),
        "patches": ops.image.extract_patches(x, (3, 2), 2, padding="same"),
        "singular": ops.svd(rows, compute_uv=False),
        "spectra": [*spectra, ops.istft(spectra, 8, 3, 8)],
        "transforms": list(ops.fft((rows, rows))),
        "best": list(ops.top_k(rows, 2)),
        "segments": ops.segment_sum(
            ops.reshape(ops.sum(x, 0), (8, 18)), np.array([0, 1, 1, 2, 0, 3, 3, 1]), 4
        ),
        "scattered": ops.scatter_update(
            ops.zeros((4, 3)),
            np.array([[0], [2]]),
            ops.slice(ops.sum(x, (0, 1)), (1, 0), (2, 3)),
        ),
        "weighted": keras.layers.Dense(2)(
            keras.layers.BatchNormalization()(ops.conv(resized, kernel[:, :, :3]))
        ),
    }
    return {name: keras.Model(x, made, name=name) for name, made in outputs.items()}


def images() -> Any:
    """Return a batch."""
    return np.random.default_rng(1).random((2, 8, 6, 3)).astype("float32")
