"""Stop where the loss is no number."""

from __future__ import annotations

import math

from keras2torch.callbacks.callback import Callback
from keras2torch.callbacks.logs import Logs
from keras2torch.callbacks.printing import print_msg


class TerminateOnNaN(Callback):
    """Stops training when the loss is NaN or infinite.

    It reads the loss after every batch, which waits for the device every time.

    Parameters
    ----------
    raise_error
        Raise instead of stopping, so that no other callback ends its work.

    Raises
    ------
    RuntimeError
        With ``raise_error``, at the first such loss.

    Notes
    -----
    Source: Keras 3.15, ``callbacks/terminate_on_nan.py``.
    """

    def __init__(self, raise_error: bool = False) -> None:
        super().__init__()
        self.raise_error = raise_error

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        loss = (logs or {}).get("loss")
        if loss is None or math.isfinite(loss):
            return
        if self.raise_error:
            raise RuntimeError(
                f"NaN or Inf loss encountered at batch {batch}. "
                f"Loss value: {loss}. Terminating training immediately."
            )
        print_msg(f"Batch {batch}: Invalid loss, terminating training")
        self.model.stop_training = True
