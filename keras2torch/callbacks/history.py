"""What `fit` returns."""

from __future__ import annotations

from typing import Any

from keras2torch.callbacks.callback import Callback
from keras2torch.callbacks.logs import Logs


class History(Callback):
    """Keeps the logs of every epoch; `fit` adds one and returns it.

    Attributes
    ----------
    history
        Name → its value in each epoch.
    epoch
        The epochs, counted from 0.

    Notes
    -----
    Source: Keras 3.15, ``callbacks/history.py``.
    """

    def __init__(self) -> None:
        super().__init__()
        self.history: dict[str, list[Any]] = {}
        self.epoch: list[int] = []

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
        self.model.history = self
