"""The logs of every epoch, as a line of a CSV file."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from keras2torch.callbacks.callback import Callback
from keras2torch.callbacks.logs import Logs


class CSVLogger(Callback):
    """Writes a line of each epoch's logs, and flushes it.

    Parameters
    ----------
    filename
        The file; its folder must exist.
    separator
        What stands between two values.
    append
        Whether lines are added to a file that is there, without a second header.

    Notes
    -----
    Source: Keras 3.15, ``callbacks/csv_logger.py``. The columns are those of the first
    epoch, in alphabetical order; where it was not validated, its names follow once
    more with ``val_``.
    """

    def __init__(
        self,
        filename: str | os.PathLike[str],
        separator: str = ",",
        append: bool = False,
    ) -> None:
        super().__init__()
        self.sep = separator
        self.filename = os.fspath(filename)
        self.append = append
        self.writer: csv.DictWriter[str] | None = None
        self.keys: list[str] | None = None
        self.append_header = True
        self.csv_file: TextIO | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        path = Path(self.filename)
        if self.append and path.exists():
            with path.open() as file:
                self.append_header = not file.readline()
        self._close()
        # newline="": the writer ends lines itself, also on Windows.
        self.csv_file = path.open("a" if self.append else "w", newline="")
        self.writer = None
        self.keys = None

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        assert self.csv_file is not None
        logs = logs or {}
        if self.keys is None:
            self.keys = sorted(logs)
            if not any(key.startswith("val_") for key in self.keys):
                self.keys += [f"val_{key}" for key in self.keys]
        if self.writer is None:
            self.writer = csv.DictWriter(
                self.csv_file,
                fieldnames=["epoch", *self.keys],
                dialect=csv.excel,
                delimiter=self.sep,
            )
            if self.append_header:
                self.writer.writeheader()
        row: dict[str, Any] = {"epoch": epoch}
        row.update((key, _cell(logs.get(key, "NA"))) for key in self.keys)
        self.writer.writerow(row)
        self.csv_file.flush()

    def on_train_end(self, logs: Logs | None = None) -> None:
        self._close()
        self.writer = None

    def _close(self) -> None:
        if self.csv_file is not None and not self.csv_file.closed:
            self.csv_file.close()


def _cell(value: Any) -> Any:
    if isinstance(value, str) or (isinstance(value, np.ndarray) and value.ndim == 0):
        return value
    if isinstance(value, Iterable):
        return f'"[{", ".join(map(str, value))}]"'
    return value
