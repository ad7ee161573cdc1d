"""Makes models of ``keras.applications`` as training leaves them (in a Keras process).

Usage: ``python make.py keras|tf_keras FOLDER keras|h5 [NAME …]``: writes each case of
``cases.py`` and prints a line of JSON about it. Without names it takes them, one to a
line, from standard input.

A fresh network hides mistakes: its statistics are 0 and 1, its LayerScale is 1e-6 and
its answers are nearly the same for every image. So every weight is drawn anew, and then
one batch through the model in training sets the statistics, each moved by chance from
what the batch says, so that nothing vanishes or explodes however deep the network is.
"""

from __future__ import annotations

import gc
import importlib
import inspect
import json
import os
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ["KERAS_BACKEND"] = "tensorflow"

import numpy as np
from cases import BESIDE, CASES, Case

keras: Any = importlib.import_module(sys.argv[1])
BATCH = 8


def build(case: Case) -> Any:
    """The model with its initial weights."""
    function = getattr(keras.applications, BESIDE.get(case.builder, case.builder))
    if case.builder in BESIDE:
        home = sys.modules[inspect.unwrap(function).__module__]
        function = getattr(home, case.builder)
    known = inspect.signature(function).parameters
    assert set(case.arguments) <= set(known), f"{case.name} of {sys.argv[1]}"
    return function(weights=None, input_shape=(*case.size, 3), **case.arguments)


def images(model: Any, size: tuple[int | None, int | None]) -> np.ndarray:
    """Images as the model wants them: pixels where it scales them itself."""
    rng = np.random.default_rng(1)
    shape = (BATCH, *(n or 96 for n in size), 3)
    scales = any(
        type(layer).__name__ in ("Rescaling", "Normalization") for layer in model.layers
    )
    drawn = rng.uniform(0, 255, shape) if scales else rng.normal(0, 1, shape)
    return drawn.astype("float32")


def redraw(model: Any, batch: np.ndarray) -> None:
    """Draw all weights and statistics anew."""
    rng = np.random.default_rng(0)
    norms = []
    for layer in model.layers:
        if type(layer).__name__ == "BatchNormalization":
            norms.append((layer, layer.momentum))
            layer.momentum = 0.0
        if type(layer).__name__ == "Normalization":
            # EfficientNet's is adapted to the data; ConvNeXt's has no weights.
            values = [rng.normal(110, 10, 3), rng.uniform(3000, 4000, 3), 1]
            layer.set_weights(
                [
                    np.reshape(v, w.shape)
                    for v, w in zip(values, layer.weights, strict=False)
                ]
            )
            layer.finalize_state()
            continue
        for weight in layer.weights:
            weight.assign(drawn(weight, type(layer).__name__, rng))
    model(batch, training=True)
    for layer, momentum in norms:
        layer.momentum = momentum
        mean, variance = (np.asarray(w) for w in layer.weights[-2:])
        spread = np.sqrt(variance)
        layer.weights[-2].assign(mean + rng.normal(0, 0.2, mean.shape) * spread)
        layer.weights[-1].assign(
            variance * rng.uniform(0.7, 1.5, mean.shape) + rng.uniform(0.01, 0.05)
        )
    last = model.layers[-1]
    if type(last).__name__ == "Dense":
        # Logits between -4 and 4 by what differs from image to image: a softmax that is
        # neither flat, nor one class, nor the same for all.
        before = keras.Model(model.inputs, last.input)(batch, training=False)
        middle = np.mean(before, 0)
        length = np.sqrt(np.mean(np.sum(np.square(before - middle), -1)))
        kernel = rng.normal(0, 2 / length, last.kernel.shape)
        last.kernel.assign(kernel)
        if last.use_bias:
            last.bias.assign(last.bias - middle @ kernel)


def drawn(weight: Any, layer: str, rng: np.random.Generator) -> np.ndarray:
    """A value of the size that a trained network has."""
    shape = tuple(weight.shape)
    name = getattr(weight, "path", weight.name).rsplit("/", 1)[-1]
    if len(shape) < 2:
        low = 0.5 if "gamma" in name else -0.3
        return rng.uniform(low, low + 0.8, shape)
    # A depthwise kernel ends in channels and multiplier, and reads one channel each.
    deep = layer == "DepthwiseConv2D" or "depthwise" in name
    fan_in = np.prod(shape[:2] if deep else shape[:-1])
    return rng.normal(0, np.sqrt(1.7 / fan_in), shape)


def make(case: Case, file: Path) -> dict[str, Any]:
    """Write a case, and say how far its answers differ from image to image."""
    model = build(case)
    batch = images(model, case.size)
    redraw(model, batch)
    model.save(file)
    answers = np.asarray(model(batch, training=False))
    assert np.isfinite(answers).all(), case.name
    spread = float(np.mean(np.std(answers, 0)) / np.mean(np.abs(answers)))
    return {
        "name": case.name,
        "spread": spread,
        "largest": float(np.abs(answers).max()),
        "batchnorms": sum(
            type(layer).__name__ == "BatchNormalization" for layer in model.layers
        ),
    }


def main() -> None:
    """Make what is asked for."""
    folder, suffix = Path(sys.argv[2]), sys.argv[3]
    for name in sys.argv[4:] or (line.strip() for line in sys.stdin):
        case = CASES[name]
        told = make(case, folder / f"{case.file}.{suffix}")
        print(json.dumps(told), flush=True)
        keras.backend.clear_session()
        gc.collect()


if __name__ == "__main__":
    main()
