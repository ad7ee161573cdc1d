"""Many callbacks, called as one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from inspect import isclass
from typing import Any

from keras2torch.callbacks.callback import Callback, overrides
from keras2torch.callbacks.history import History
from keras2torch.callbacks.logs import Logs, of_batch, pythonify_logs
from keras2torch.callbacks.progbar_logger import ProgbarLogger


class CallbackList(Callback):
    """Calls every hook of its callbacks, in their order.

    Parameters
    ----------
    callbacks
        One callback, or any nesting of lists of them.
    add_history, add_progbar
        Whether a `History` and a `ProgbarLogger` join, last, where none is given.
    model
        The model that the callbacks receive.
    **params
        What they receive as ``params``: ``verbose``, ``epochs``, ``steps``.

    Attributes
    ----------
    wants_train_batches, wants_test_batches, wants_predict_batches
        Whether any callback fills a hook of a batch; the trainer need not call those
        hooks otherwise.

    Notes
    -----
    Source: Keras 3.15, ``callbacks/callback_list.py``. Nothing runs in another thread:
    logs that are not read cost nothing, so that there is no wait to hide.
    """

    def __init__(
        self,
        callbacks: Any = None,
        add_history: bool = False,
        add_progbar: bool = False,
        model: Any = None,
        **params: Any,
    ) -> None:
        super().__init__()
        self.callbacks: list[Any] = list(_flat(callbacks))
        for callback in self.callbacks:
            if isclass(callback) or not hasattr(callback, "set_model"):
                kind = "a class: make one of it" if isclass(callback) else "no Callback"
                raise TypeError(f"{callback!r} among the callbacks is {kind}.")
        self._progbar: ProgbarLogger | None = None
        self._history: History | None = None
        for callback in self.callbacks:
            if isinstance(callback, ProgbarLogger):
                self._progbar = callback
            elif isinstance(callback, History):
                self._history = callback
        if self._history is None and add_history:
            self._history = History()
            self.callbacks.append(self._history)
        if self._progbar is None and add_progbar:
            self._progbar = ProgbarLogger()
            self.callbacks.append(self._progbar)
        self.set_model(model)
        self.set_params(params)

    def append(self, callback: Any) -> None:
        """Add a callback at the end."""
        self.callbacks.append(callback)
        if self._model is not None:
            callback.set_model(self._model)
        if self.params:
            callback.set_params(self.params)

    def set_params(self, params: Any) -> None:
        self.params = params
        if params:
            for callback in self.callbacks:
                callback.set_params(params)

    def set_model(self, model: Any) -> None:
        if model is None:
            return
        super().set_model(model)
        if self._history is not None:
            model.history = self._history
        for callback in self.callbacks:
            callback.set_model(model)

    def _fills(self, *hooks: str) -> bool:
        return any(overrides(callback, *hooks) for callback in self.callbacks)

    @property
    def wants_train_batches(self) -> bool:
        """Whether any callback fills a hook of a training batch."""
        return self._fills(
            "on_train_batch_begin",
            "on_train_batch_end",
            "on_batch_begin",
            "on_batch_end",
        )

    @property
    def wants_test_batches(self) -> bool:
        """Whether any callback fills a hook of a batch of `evaluate`."""
        return self._fills("on_test_batch_begin", "on_test_batch_end")

    @property
    def wants_predict_batches(self) -> bool:
        """Whether any callback fills a hook of a batch of `predict`."""
        return self._fills("on_predict_batch_begin", "on_predict_batch_end")

    def _of_batch(self, hook: str, batch: int, logs: Mapping[str, Any] | None) -> None:
        given = of_batch(logs)
        for callback in self.callbacks:
            getattr(callback, hook)(batch, logs=given)

    def _of_run(self, hook: str, logs: Mapping[str, Any] | None) -> None:
        given = pythonify_logs(logs)
        for callback in self.callbacks:
            getattr(callback, hook)(given)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        given = pythonify_logs(logs)
        for callback in self.callbacks:
            callback.on_epoch_begin(epoch, given)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        # One dict for all: what one adds (the learning rate), the next ones see.
        given = pythonify_logs(logs)
        for callback in self.callbacks:
            callback.on_epoch_end(epoch, given)

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        self._of_batch("on_batch_begin", batch, logs)

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self._of_batch("on_batch_end", batch, logs)

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        self._of_batch("on_train_batch_begin", batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self._of_batch("on_train_batch_end", batch, logs)

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        self._of_batch("on_test_batch_begin", batch, logs)

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self._of_batch("on_test_batch_end", batch, logs)

    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        self._of_batch("on_predict_batch_begin", batch, logs)

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self._of_batch("on_predict_batch_end", batch, logs)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._of_run("on_train_begin", logs)

    def on_train_end(self, logs: Logs | None = None) -> None:
        self._of_run("on_train_end", logs)

    def on_test_begin(self, logs: Logs | None = None) -> None:
        self._of_run("on_test_begin", logs)

    def on_test_end(self, logs: Logs | None = None) -> None:
        self._of_run("on_test_end", logs)

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        self._of_run("on_predict_begin", logs)

    def on_predict_end(self, logs: Logs | None = None) -> None:
        self._of_run("on_predict_end", logs)


def _flat(callbacks: Any) -> Iterable[Any]:
    if callbacks is None:
        return
    if isinstance(callbacks, list | tuple):
        for callback in callbacks:
            yield from _flat(callback)
    else:
        yield callbacks
