"""Reduce the learning rate when a metric no longer improves."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from keras2torch.callbacks.learning_rates import (
    learning_rate,
    log_learning_rates,
    optimizers,
    set_learning_rate,
)
from keras2torch.callbacks.logs import Logs
from keras2torch.callbacks.monitor_callback import MonitorCallback
from keras2torch.callbacks.printing import print_msg


class ReduceLROnPlateau(MonitorCallback):
    """Multiplies the learning rate by a factor when a metric has stopped improving.

    Parameters
    ----------
    monitor
        Name of the metric in the logs.
    factor
        Below 1.
    patience
        Epochs without improvement until the rate falls.
    verbose
        1 says so.
    mode
        ``"min"``, ``"max"`` or ``"auto"``.
    min_delta
        What an improvement exceeds, absolute.
    cooldown
        Epochs after a reduction in which none is counted.
    min_lr
        The rate never falls below it.

    Raises
    ------
    ValueError
        If the factor is not below 1.

    Notes
    -----
    Source: Keras 3.15, ``callbacks/reduce_lr_on_plateau.py``. PyTorch's class of this
    name reduces an epoch later, and its threshold is relative.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(monitor, mode, min_delta=min_delta)
        if factor >= 1.0:
            raise ValueError(
                "ReduceLROnPlateau does not support a factor >= 1.0. "
                f"Received factor={factor}"
            )
        self.factor = factor
        self.min_lr = min_lr
        self.patience = patience
        self.verbose = verbose
        self.cooldown = cooldown
        self.cooldown_counter = 0
        self.wait = 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.best = None
        self.cooldown_counter = 0
        self.wait = 0

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self.monitor_op is None:
            self._set_monitor_op()
        logs = logs or {}
        log_learning_rates(self.model.optimizer, logs)
        current = logs.get(self.monitor)
        if current is None:
            warnings.warn(
                "Learning rate reduction is conditioned on metric "
                f"`{self.monitor}` which is not available. Available metrics "
                f"are: {','.join(logs)}.",
                stacklevel=2,
            )
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self._is_improvement(current, self.best):
            self.best = current
            self.wait = 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience and self._reduce(epoch):
                self.cooldown_counter = self.cooldown
                self.wait = 0

    def in_cooldown(self) -> bool:
        """Return whether a reduction was not long ago."""
        return self.cooldown_counter > 0

    def _reduce(self, epoch: int) -> bool:
        """Reduce every rate that is not at its end; return whether there was one."""
        reduced = False
        for name, optimizer in optimizers(self.model.optimizer):
            old = learning_rate(optimizer)
            if old <= np.float32(self.min_lr):
                continue
            new = max(old * self.factor, self.min_lr)
            set_learning_rate(optimizer, new)
            reduced = True
            if self.verbose > 0:
                whose = f" {name}" if name else ""
                print_msg(
                    f"\nEpoch {epoch + 1}: ReduceLROnPlateau reducing"
                    f"{whose} learning rate to {new}."
                )
        return reduced
