"""The learning rates of a model, read and set as Keras does."""

from __future__ import annotations

from typing import Any

import numpy as np

from keras2torch.callbacks.logs import Logs


def learning_rate(optimizer: Any) -> float:
    """Return an optimizer's rate now: a float32 in Keras, so 0.01 is 0.0099999998."""
    return float(np.float32(float(optimizer.learning_rate)))


def optimizers(optimizer: Any) -> list[tuple[str, Any]]:
    """Return the optimizers that have a rate, each with its name ("" where alone)."""
    several = getattr(optimizer, "optimizers", None)
    if several is None:
        return [("", optimizer)]
    return [(one.name, one) for one in several]


def log_learning_rates(optimizer: Any, logs: Logs) -> None:
    """Add ``learning_rate``, or one of each optimizer, to logs."""
    for name, one in optimizers(optimizer):
        key = f"learning_rate_{name}" if name else "learning_rate"
        logs[key] = learning_rate(one)
