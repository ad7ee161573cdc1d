"""What cases share: weights by numpy, data by numpy, and what a training leaves."""

from __future__ import annotations

from typing import Any

import numpy as np

Arrays = dict[str, Any]


def floats(seed: int, *shape: int) -> np.ndarray:
    return np.random.RandomState(seed).normal(size=shape).astype("float32")


def integers(seed: int, top: int, *shape: int) -> np.ndarray:
    return np.random.RandomState(seed).randint(0, top, size=shape)


def one_hot(labels: np.ndarray, classes: int) -> np.ndarray:
    return np.eye(classes, dtype="float32")[labels]


def padded_tokens(seed: int, rows: int, steps: int, vocabulary: int) -> np.ndarray:
    """Rows of token numbers of many lengths, zeros behind."""
    random = np.random.RandomState(seed)
    tokens = random.randint(1, vocabulary, size=(rows, steps))
    for row, length in enumerate(random.randint(1, steps + 1, size=rows)):
        tokens[row, length:] = 0
    return tokens


def start(model: Any, seed: int = 0, scale: float = 0.5) -> Any:
    """Give a model weights that no framework drew.

    Vectors are positive: a moving variance is one, and get_weights has no names.
    """
    random = np.random.RandomState(seed)
    made = []
    for old in model.get_weights():
        if old.ndim == 1:
            new = random.uniform(0.2, 1.0, size=old.shape)
        else:
            fan = max(1, int(np.prod(old.shape[:-1])))
            new = random.normal(size=old.shape) * scale * min(1.0, 2.0 / fan**0.5)
        made.append(np.asarray(new, dtype=old.dtype))
    model.set_weights(made)
    return model


def weights(model: Any) -> Arrays:
    return {f"weights/{n}": w for n, w in enumerate(model.get_weights())}


def curves(history: Any) -> Arrays:
    return {f"history/{k}": v for k, v in history.history.items()}


def named(prefix: str, found: Any) -> Arrays:
    """An array, a list or a dict of arrays (what predict returns) under names."""
    if isinstance(found, dict):
        return {f"{prefix}/{k}": v for k, v in found.items()}
    if isinstance(found, (list, tuple)):
        return {f"{prefix}/{n}": v for n, v in enumerate(found)}
    return {prefix: found}


def train(model: Any, x: Any, y: Any = None, **fit: Any) -> Arrays:
    """Fit without shuffling; return curves and weights."""
    fit.setdefault("epochs", 2)
    fit.setdefault("verbose", 0)
    fit.setdefault("shuffle", False)
    history = model.fit(x, y, **fit)
    return {**curves(history), **weights(model)}


def train_and_ask(model: Any, x: Any, y: Any, **fit: Any) -> Arrays:
    """``train``, then evaluate and predict on the same data."""
    found = train(model, x, y, **fit)
    size = {"batch_size": fit["batch_size"]} if "batch_size" in fit else {}
    found |= named("evaluate", model.evaluate(x, y, verbose=0, **size))
    found |= named("predict", model.predict(x, verbose=0, **size))
    return found
