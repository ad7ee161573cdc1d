"""The hooks that a callback may fill."""

from __future__ import annotations

from typing import Any

from torch.nn.parallel import DistributedDataParallel

from keras2torch.callbacks.logs import Logs


class Callback:
    """Base of every callback: override the hooks that you need.

    ``logs`` of a batch are the metrics up to that batch; of an epoch those of the whole
    epoch, with validation results under ``val_``. All are floats. Logs of a batch are
    computed when they are read, which waits for the device: read them in the hook or
    not at all.

    Attributes
    ----------
    params
        ``{"verbose": …, "epochs": …, "steps": …}``.
    model
        The model being trained, evaluated or asked.

    Notes
    -----
    Source: Keras 3.15, ``callbacks/callback.py``.
    """

    def __init__(self) -> None:
        self.params: Any = None
        self._model: Any = None

    def set_params(self, params: Any) -> None:
        """Receive the parameters of the run."""
        self.params = params

    def set_model(self, model: Any) -> None:
        """Receive the model."""
        self._model = model

    @property
    def model(self) -> Any:
        """The model, also where DistributedDataParallel is around it."""
        if isinstance(self._model, DistributedDataParallel):
            return self._model.module
        return self._model

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Alias of `on_train_batch_begin`, from Keras 1."""

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Alias of `on_train_batch_end`, from Keras 1."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Called at the start of an epoch of training, counted from 0."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Called at the end of an epoch of training, after validation."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Called before a batch of training, counted from 0 in its epoch."""
        self.on_batch_begin(batch, logs=logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Called after a batch of training."""
        self.on_batch_end(batch, logs=logs)

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Called before a batch of `evaluate` or validation."""

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Called after a batch of `evaluate` or validation."""

    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Called before a batch of `predict`."""

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Called after a batch of `predict`; ``logs`` holds its outputs."""

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Called at the start of `fit`."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Called at the end of `fit`, with the logs of its last epoch."""

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Called at the start of `evaluate` or validation."""

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Called at the end of `evaluate` or validation, with the results."""

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Called at the start of `predict`."""

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """Called at the end of `predict`."""


def overrides(callback: Any, *hooks: str) -> bool:
    """Return whether a callback fills one of these hooks, by class or by attribute."""
    return any(
        hook in vars(callback)
        or getattr(type(callback), hook, None) is not getattr(Callback, hook)
        for hook in hooks
    )
