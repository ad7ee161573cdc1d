"""The lines that `fit`, `evaluate` and `predict` print."""

from __future__ import annotations

from typing import Any

from keras2torch.callbacks.callback import Callback
from keras2torch.callbacks.logs import Logs
from keras2torch.callbacks.printing import print_msg, redraws
from keras2torch.callbacks.progbar import Progbar

# Fifteen drawings a second look smooth; each reads the logs, and waits for the device.
INTERVAL = 1 / 15


class ProgbarLogger(Callback):
    """Prints progress and metrics to standard output.

    ``verbose="auto"`` is a bar in terminals and notebooks, and one line an epoch
    elsewhere.

    Notes
    -----
    Source: Keras 3.15, ``callbacks/progbar_logger.py``. There ``"auto"`` is always a
    bar.
    """

    def __init__(self) -> None:
        super().__init__()
        self.seen = 0
        self.progbar: Progbar | None = None
        self.target: int | None = None
        self.verbose = 1
        self.epochs = 1
        self._called_in_fit = False

    def set_params(self, params: Any) -> None:
        verbose = params["verbose"]
        if verbose == "auto":
            verbose = 1 if redraws() else 2
        self.verbose = verbose
        self.epochs = params["epochs"]
        self.target = params["steps"]

    def on_train_begin(self, logs: Logs | None = None) -> None:
        # Validation within `fit` is silent.
        self._called_in_fit = True

    def on_test_begin(self, logs: Logs | None = None) -> None:
        if not self._called_in_fit:
            self._renew()

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        self._renew()

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._renew()
        if self.verbose and self.epochs > 1:
            print_msg(f"Epoch {epoch + 1}/{self.epochs}")

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self._update(batch, logs)

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        if not self._called_in_fit:
            self._update(batch, logs)

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self._update(batch, None)  # the logs are outputs

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self._finish(logs)

    def on_test_end(self, logs: Logs | None = None) -> None:
        if not self._called_in_fit:
            self._finish(logs)

    def on_predict_end(self, logs: Logs | None = None) -> None:
        self._finish(logs)

    def _renew(self) -> Progbar:
        self.seen = 0
        self.progbar = Progbar(
            target=self.target,
            verbose=self.verbose,
            interval=INTERVAL,
            stateless_metrics=(),
        )
        return self.progbar

    def _update(self, batch: int, logs: Logs | None) -> None:
        progbar = self.progbar or self._renew()
        self.seen = batch + 1
        if progbar.due():
            # Not `logs or {}`: to ask lazy logs whether they are empty reads them.
            given = logs.items() if logs is not None else ()
            progbar.update(self.seen, given, finalize=False)
        elif self.seen == 1 and self.verbose == 1:
            progbar.update(1, finalize=False)  # the clock starts after the first step

    def _finish(self, logs: Logs | None) -> None:
        progbar = self.progbar or self._renew()
        if self.target is None:
            self.target = progbar.target = self.seen
        progbar.update(self.target, (logs or {}).items(), finalize=True)
