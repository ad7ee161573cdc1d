"""Save the model while it trains."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keras2torch.callbacks.logs import Logs
from keras2torch.callbacks.monitor_callback import MonitorCallback
from keras2torch.callbacks.printing import print_msg


class ModelCheckpoint(MonitorCallback):
    """Saves the model, or its weights, after epochs or after so many batches.

    Parameters
    ----------
    filepath
        Where to; ``{epoch:02d}``, ``{batch}`` and names of the logs are filled in. Ends
        in ``.keras`` or ``.h5``, with ``save_weights_only`` in ``.weights.h5``.
    monitor
        Name of the metric in the logs.
    verbose
        1 says what is saved.
    save_best_only
        Save only where the metric improved.
    save_weights_only
        Save the weights (and the optimizer's state), not the model.
    mode
        ``"min"``, ``"max"`` or ``"auto"``.
    save_freq
        ``"epoch"``, or after how many batches.
    initial_value_threshold
        What the first save must improve on.

    Raises
    ------
    ValueError
        For another ``save_freq``, or another ending of ``filepath``.
    KeyError
        When it saves, if ``filepath`` names what the logs do not have.

    Notes
    -----
    Source: Keras 3.15, ``callbacks/model_checkpoint.py``.
    """

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        super().__init__(monitor, mode, initial_value_threshold)
        self.verbose = verbose
        self.filepath = os.fspath(filepath)
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only
        self.save_freq = save_freq
        self._batches_seen_since_last_saving = 0
        self._last_batch_seen: int | None = None
        self._current_epoch = 0
        if save_freq != "epoch" and not isinstance(save_freq, int):
            raise ValueError(
                f"Unrecognized save_freq: {save_freq}. "
                "Expected save_freq are 'epoch' or integer values"
            )
        if save_weights_only:
            if not self.filepath.endswith(".weights.h5"):
                raise ValueError(
                    "When using `save_weights_only=True` in `ModelCheckpoint`"
                    ", the filepath provided must end in `.weights.h5` "
                    f"(Keras weights format). Received: filepath={self.filepath}"
                )
        elif not self.filepath.endswith((".keras", ".h5")):
            raise ValueError(
                "The filepath provided must end in `.keras` "
                f"(Keras model format). Received: filepath={self.filepath}"
            )

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        if self._should_save_on_batch(batch):
            self._save_model(self._current_epoch, batch, logs)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._current_epoch = epoch

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self.monitor_op is None:
            self._set_monitor_op()
        if self.save_freq == "epoch":
            self._save_model(epoch, None, logs)

    def _should_save_on_batch(self, batch: int) -> bool:
        if not isinstance(self.save_freq, int):
            return False
        last = self._last_batch_seen
        new_epoch = last is None or batch <= last
        # Several batches may have run since the last call.
        seen = batch + 1 if new_epoch or last is None else batch - last
        self._batches_seen_since_last_saving += seen
        self._last_batch_seen = batch
        if self._batches_seen_since_last_saving >= self.save_freq:
            self._batches_seen_since_last_saving = 0
            return True
        return False

    def _should_save_model(
        self, epoch: int, logs: Mapping[str, Any], filepath: str
    ) -> bool:
        says = self.verbose > 0
        if not self.save_best_only:
            if says:
                print_msg(f"\nEpoch {epoch + 1}: saving model to {filepath}")
            return True
        current = logs.get(self.monitor)
        if current is None:
            warnings.warn(
                f"Can save best model only with {self.monitor} available.",
                stacklevel=2,
            )
            return True
        if len(getattr(current, "shape", ())) > 0:
            warnings.warn(
                "Can save best model only when `monitor` is "
                f"a scalar value. Received: {current}. "
                "Falling back to `save_best_only=False`.",
                stacklevel=2,
            )
            return True
        best = "None" if self.best is None else f"{self.best:.5f}"
        if not self._is_improvement(current, self.best):
            if says:
                print_msg(
                    f"\nEpoch {epoch + 1}: {self.monitor} did not improve from {best}"
                )
            return False
        if says:
            print_msg(
                f"\nEpoch {epoch + 1}: {self.monitor} "
                f"improved from {best} to {current:.5f}, "
                f"saving model to {filepath}"
            )
        self.best = current
        return True

    def _save_model(self, epoch: int, batch: int | None, logs: Logs | None) -> None:
        values = {} if logs is None else dict(logs.items())
        filepath = self._get_file_path(epoch, batch, values)
        try:
            if not self._should_save_model(epoch, values, filepath):
                return
            Path(filepath).parent.mkdir(parents=True, exist_ok=True)
            if self.save_weights_only:
                self.model.save_weights(filepath, overwrite=True)
            else:
                self.model.save(filepath, overwrite=True)
        except OSError as error:
            if Path(filepath).is_dir():
                raise OSError(
                    "Please specify a non-directory filepath for "
                    "ModelCheckpoint. Filepath used is an existing "
                    f"directory: {filepath}"
                ) from error
            raise
        if self.verbose > 0:
            print_msg(f"\nEpoch {epoch + 1}: finished saving model to {filepath}")

    def _get_file_path(
        self, epoch: int, batch: int | None, logs: Mapping[str, Any]
    ) -> str:
        given = {"epoch": epoch + 1}
        if batch is not None and "batch" not in logs:
            given["batch"] = batch + 1
        try:
            return self.filepath.format(**given, **logs)
        except KeyError as error:
            raise KeyError(
                f'Failed to format this callback filepath: "{self.filepath}". '
                f"Reason: {error}"
            ) from error
