"""A learning rate for every epoch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from keras2torch.callbacks.callback import Callback
from keras2torch.callbacks.learning_rates import (
    has_learning_rate,
    learning_rate,
    log_learning_rates,
    optimizers,
    set_learning_rate,
)
from keras2torch.callbacks.logs import Logs
from keras2torch.callbacks.printing import print_msg


class LearningRateScheduler(Callback):
    """Asks a function for the learning rate at the begin of each epoch.

    Parameters
    ----------
    schedule
        Called with the epoch, counted from 0, and the rate until now; returns a float.
        A function of the epoch alone is accepted.
    verbose
        1 says each rate.

    Raises
    ------
    ValueError
        If the optimizer has no ``learning_rate``, or the function returns no float.

    Notes
    -----
    Source: Keras 3.15, ``callbacks/learning_rate_scheduler.py``.
    """

    def __init__(self, schedule: Callable[..., Any], verbose: int = 0) -> None:
        super().__init__()
        self.schedule = schedule
        self.verbose = verbose

    def _update_optimizer_lr(self, optimizer: Any, epoch: int) -> Any:
        if not has_learning_rate(optimizer):
            raise ValueError('Optimizer must have a "learning_rate" attribute.')
        try:
            rate = self.schedule(epoch, learning_rate(optimizer))
        except TypeError:
            rate = self.schedule(epoch)
        if not isinstance(rate, float | np.float32 | np.float64):
            raise ValueError(
                f"The output of the `schedule` function should be a float. Got: {rate}"
            )
        set_learning_rate(optimizer, rate)
        return rate

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        for name, optimizer in optimizers(self.model.optimizer):
            rate = self._update_optimizer_lr(optimizer, epoch)
            if self.verbose > 0:
                whose = f"{name} " if name else ""
                print_msg(
                    f"\nEpoch {epoch + 1}: LearningRateScheduler setting "
                    f"{whose}learning rate to {rate}."
                )

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        log_learning_rates(self.model.optimizer, logs or {})
