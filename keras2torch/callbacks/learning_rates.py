"""The learning rates of a model, read and set as Keras does."""

from __future__ import annotations

from typing import Any

import numpy as np

from keras2torch.callbacks.logs import Logs


def learning_rate(optimizer: Any) -> float:
    """Return an optimizer's rate now: a float32 in Keras, so 0.01 is 0.0099999998.

    Of an optimizer of torch's own it is that of its first group, as it is.
    """
    if _is_of_torch(optimizer):
        return float(optimizer.param_groups[0]["lr"])
    return float(np.float32(float(optimizer.learning_rate)))


def set_learning_rate(optimizer: Any, rate: Any) -> None:
    """Set an optimizer's rate; groups of torch's keep their proportions."""
    if not _is_of_torch(optimizer):
        optimizer.learning_rate = rate
        return
    before = learning_rate(optimizer)
    for group in optimizer.param_groups:
        factor = group["lr"] / before if before else 1.0
        group["lr"] = float(rate) * factor


def has_learning_rate(optimizer: Any) -> bool:
    """Whether there is a rate to set."""
    return hasattr(optimizer, "learning_rate") or _is_of_torch(optimizer)


def _is_of_torch(optimizer: Any) -> bool:
    groups = getattr(optimizer, "param_groups", None)
    return bool(groups) and not hasattr(optimizer, "learning_rate")


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
