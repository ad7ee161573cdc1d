"""Windows over a time series. Keras 3.15: utils/timeseries_dataset_utils.py."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from keras2torch.data.dataset import Dataset, but_the_first
from keras2torch.data.tensors import shape_of, to_numpy


class Windows(Dataset):
    """Windows over a time series, in batches; each iteration begins anew.

    Yields torch tensors of the dtype of the data: ``(batch, steps, ...)``, or a pair of
    these and their targets.
    """

    def __init__(
        self,
        data: Any,
        targets: Any,
        starts: Any,
        offsets: Any,
        batch_size: int | None,
        rng: np.random.RandomState | None,
    ) -> None:
        self._data, self._targets = data, targets
        self._starts, self._offsets = starts, offsets
        self._rng = rng
        super().__init__(
            self._windows,
            -(-len(starts) // (batch_size or 1)),
            batch_size=batch_size,
            known=tuple if batch_size is None else but_the_first,
        )

    def _windows(self) -> Iterator[Any]:
        starts = self._starts
        if self._rng is not None:
            starts = self._rng.permutation(starts)
        for at in range(0, len(starts), self.batch_size or 1):
            chosen: Any = starts[at : at + (self.batch_size or 1)]
            if self.batch_size is None:
                chosen = chosen[0]
            windows = torch.from_numpy(
                self._data[np.expand_dims(chosen, -1) + self._offsets]
            )
            if self._targets is None:
                yield windows
            else:
                yield windows, torch.as_tensor(np.array(self._targets[chosen]))


def timeseries_dataset_from_array(
    data: Any,
    targets: Any,
    sequence_length: int,
    sequence_stride: int = 1,
    sampling_rate: int = 1,
    batch_size: int | None = 128,
    shuffle: bool = False,
    seed: int | None = None,
    start_index: int | None = None,
    end_index: int | None = None,
    format: str = "tf",
) -> Windows:
    """Return sliding windows over a time series.

    Parameters
    ----------
    data
        Array or tensor ``(time, ...)``.
    targets
        ``targets[i]`` belongs to the window that begins at ``i``; ``None`` for none.
    sequence_length
        Steps in a window.
    sequence_stride
        Distance between the beginnings of windows.
    sampling_rate
        Distance between steps of a window.
    batch_size
        Windows in a batch; ``None``: one window at a time, without a batch axis.
    shuffle, seed
        Whether each iteration has another order, and what it is drawn from. The order
        is not the one that tf.data draws.
    start_index, end_index
        The part of the data in use, ``[start_index, end_index)``.
    format
        ``"tf"`` or ``"grain"``, as in Keras. Both give the same here: an object that
        yields torch tensors and goes into ``fit``.

    Raises
    ------
    ValueError
        If an index, a rate or a stride is outside of the data, or no window fits.
    """
    if not shape_of(data):
        data = np.asarray(data)
    length = len(data)
    if start_index and not 0 <= start_index < length:
        raise ValueError(
            f"start_index={start_index} is not within data of length {length}."
        )
    if end_index is not None and end_index and not 0 < end_index < length:
        raise ValueError(
            f"end_index={end_index} is not within data of length {length}."
        )
    if end_index and start_index and end_index <= start_index:
        raise ValueError(
            f"end_index={end_index} is not after start_index={start_index}."
        )
    for name, given in (
        ("sampling_rate", sampling_rate),
        ("sequence_stride", sequence_stride),
    ):
        if not 0 < given < length:
            raise ValueError(
                f"{name}={given} is not between 1 and the length of the data, {length}."
            )
    if format not in ("tf", "grain"):
        raise ValueError(f'format is "tf" or "grain", not {format!r}.')
    start = 0 if start_index is None else start_index
    end = length if end_index is None else end_index

    windows = end - start - (sequence_length - 1) * sampling_rate
    if targets is not None:
        windows = min(windows, len(targets))
    if windows < 1:
        raise ValueError(
            f"no window of {sequence_length} steps at rate {sampling_rate} fits into "
            f"{end - start} points of time."
        )
    starts = np.arange(0, windows, sequence_stride)
    rng = None
    if shuffle:
        rng = np.random.RandomState(np.random.randint(10**6) if seed is None else seed)
    return Windows(
        to_numpy(data)[start:end],
        None if targets is None else to_numpy(targets)[start:end],
        starts,
        np.arange(sequence_length) * sampling_rate,
        batch_size,
        rng,
    )
