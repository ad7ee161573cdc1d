"""Go on where an interrupted `fit` was."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from keras2torch.callbacks.callback import Callback
from keras2torch.callbacks.logs import Logs
from keras2torch.callbacks.state import (
    chance,
    load_weights,
    put,
    read,
    set_chance,
    write,
)
from keras2torch.distribution.writing import by_one

METADATA = "training_metadata.json"


class BackupAndRestore(Callback):
    """Backs up the training, and restores it when `fit` begins.

    The backup holds the weights, the whole state of the optimizer, the epoch, and every
    generator of random numbers: a `fit` that was interrupted between two epochs ends
    with the very weights of one that was not, shuffled or not.

    Parameters
    ----------
    backup_dir
        A folder for the backup alone.
    save_freq
        ``"epoch"``, after how many batches, or ``False``: never. An epoch in whose
        midst the training was interrupted is trained anew from its begin, with the
        weights of the backup.
    double_checkpoint
        Whether the backup before the last is kept too, and taken where the last is
        damaged.
    delete_checkpoint
        Whether the backup is deleted at the end of `fit`.

    Raises
    ------
    ValueError
        If ``backup_dir`` is empty, for another ``save_freq``, and when `fit` begins
        with a model that has no weights yet, or another one than in the backup.
    OSError
        When `fit` begins, if the backup is damaged and there is none before it.

    Notes
    -----
    Source: Keras 3.15, ``callbacks/backup_and_restore.py``. Different on purpose: the
    epoch of a backup within an epoch is the one that runs (Keras counts from 0 again
    after a restart), and of ``backup_dir`` only the backup's own files are deleted.

    ``training_metadata.json`` names the file that belongs to it, and moves into place
    last. A crash at any time leaves this backup or the one before.
    """

    def __init__(
        self,
        backup_dir: str | os.PathLike[str],
        save_freq: str | int = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ) -> None:
        super().__init__()
        if not backup_dir:
            raise ValueError("Empty `backup_dir` argument passed")
        if save_freq != "epoch" and not isinstance(save_freq, int):
            raise ValueError(
                "Invalid value for argument `save_freq`. "
                f"Received: save_freq={save_freq}. "
                "Expected either 'epoch' or an integer value."
            )
        self.backup_dir = os.fspath(backup_dir)
        self.save_freq = save_freq
        self.double_checkpoint = double_checkpoint
        self.delete_checkpoint = delete_checkpoint
        self._batches_seen_since_last_saving = 0
        self._last_batch_seen = 0
        self._current_epoch = 0
        self._folder = Path(self.backup_dir)
        self._metadata = self._folder / METADATA
        self._previous = self._folder / f"{METADATA}.bkp"

    def on_train_begin(self, logs: Logs | None = None) -> None:
        try:
            self._load_model(self._metadata)
        except OSError as error:
            if not self._previous.exists():
                raise OSError(
                    f"the backup in {self.backup_dir} cannot be read: {error} Delete "
                    "the folder to train from the begin."
                ) from error
            self._load_model(self._previous)

    def _load_model(self, metadata: Path) -> None:
        model = self.model
        if not getattr(model, "built", True):
            raise ValueError(
                "To use the BackupAndRestore callback, "
                "you model must be built before you call `fit()`. "
                f"Model {model} is unbuilt. You can build it "
                "beforehand by calling it on a batch of data."
            )
        if not metadata.exists():
            return
        training = _metadata(metadata)
        state = read(self._folder / training["state"])
        load_weights(model, state["model"])
        optimizer = model.optimizer
        if optimizer is not None and state["optimizer"] is not None:
            if not getattr(optimizer, "built", True):
                optimizer.build(model.trainable_variables)
            optimizer.load_state_dict(state["optimizer"])
        set_chance(model, state["chance"])
        model._initial_epoch = self._current_epoch = training["epoch"]

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._current_epoch = epoch

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self._current_epoch = epoch + 1
        self._last_batch_seen = 0
        if self.save_freq == "epoch":
            self._save_model()

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        if self._should_save_on_batch(batch):
            self._save_model()

    @by_one
    def _save_model(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        model = self.model
        optimizer = model.optimizer
        used = self._used()
        # A name that no backup has: what is there stays whole until the last step.
        number = next(n for n in range(len(used) + 1) if _state_name(n) not in used)
        name = _state_name(number)
        write(
            self._folder / name,
            {
                "model": model.state_dict(),
                "optimizer": None if optimizer is None else optimizer.state_dict(),
                "chance": chance(model),
            },
        )
        training = {
            "epoch": self._current_epoch,
            "batch": self._last_batch_seen,
            "state": name,
        }
        if self.double_checkpoint and self._metadata.exists():
            _write_text(self._previous, self._metadata.read_text())
        _write_text(self._metadata, json.dumps(training))
        self._delete(keep=self._used())

    def _used(self) -> set[str]:
        """Return the names of the files that a backup points at."""
        used = set()
        for metadata in (self._metadata, self._previous):
            if metadata.exists():
                try:
                    used.add(_metadata(metadata)["state"])
                except OSError:
                    continue
        return used

    def _delete(self, keep: set[str]) -> None:
        parts = self._folder.glob("*.part")  # of a process that was killed
        for path in [*self._folder.glob("state-*.safetensors"), *parts]:
            if path.name not in keep:
                path.unlink()

    def _should_save_on_batch(self, batch: int) -> bool:
        # `False` is an int too: Keras' documentation means none, its code saves all.
        if not isinstance(self.save_freq, int) or self.save_freq is False:
            return False
        if batch <= self._last_batch_seen:
            seen = batch + 1
        else:
            seen = batch - self._last_batch_seen
        self._batches_seen_since_last_saving += seen
        self._last_batch_seen = batch
        if self._batches_seen_since_last_saving >= self.save_freq:
            self._batches_seen_since_last_saving = 0
            return True
        return False

    @by_one
    def on_train_end(self, logs: Logs | None = None) -> None:
        if not self.delete_checkpoint or not self._folder.exists():
            return
        # The reverse of writing: no moment at which a backup points at nothing.
        self._metadata.unlink(missing_ok=True)
        self._previous.unlink(missing_ok=True)
        self._delete(keep=set())
        if not any(self._folder.iterdir()):
            self._folder.rmdir()


def _state_name(number: int) -> str:
    return f"state-{number}.safetensors"


def _metadata(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
        name = found["state"]
        # The file is beside it, whatever the JSON says.
        if not isinstance(found["epoch"], int) or Path(name).name != name:
            raise ValueError("it names no epoch or no file of this folder")
    except (ValueError, KeyError, TypeError) as error:
        raise OSError(f"{path} is damaged ({error}).") from error
    assert isinstance(found, dict)
    return found


def _write_text(path: Path, text: str) -> None:
    beside = path.with_name(f"{path.name}.part")
    beside.write_text(text)
    put(beside, path)
