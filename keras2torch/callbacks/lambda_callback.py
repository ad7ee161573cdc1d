"""A callback of functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keras2torch.callbacks.callback import Callback

Hook = Callable[..., Any]


class LambdaCallback(Callback):
    """Calls the functions that it is given at their hooks.

    Parameters
    ----------
    on_epoch_begin, on_epoch_end
        Called with ``epoch, logs``.
    on_train_begin, on_train_end
        Called with ``logs``.
    on_train_batch_begin, on_train_batch_end
        Called with ``batch, logs=logs``.
    **kwargs
        A function for any other hook, by its name.

    Notes
    -----
    Source: Keras 3.15, ``callbacks/lambda_callback.py``.
    """

    def __init__(
        self,
        on_epoch_begin: Hook | None = None,
        on_epoch_end: Hook | None = None,
        on_train_begin: Hook | None = None,
        on_train_end: Hook | None = None,
        on_train_batch_begin: Hook | None = None,
        on_train_batch_end: Hook | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        self.__dict__.update(kwargs)
        given = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
        }
        self.__dict__.update({k: v for k, v in given.items() if v is not None})
