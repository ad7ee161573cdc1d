"""``keras.utils.PyDataset``, formerly ``Sequence``: batches that Python code makes.

Keras 3.15: trainers/data_adapters/py_dataset_adapter.py.
"""

from __future__ import annotations

import itertools
import random
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader

from keras2torch.data.epochs import Triple
from keras2torch.data.streams import to_triple


class PyDataset:
    """Base class of data sets that make their batches in Python code.

    A subclass has ``__getitem__(index)``, which returns a whole batch: ``(x,)``,
    ``(x, y)``, ``(x, y, sample_weight)`` or a dict of inputs, and ``__len__``, the
    number of batches. Instead of ``__len__`` the property ``num_batches`` may return
    ``None`` for a data set without end.

    Parameters
    ----------
    workers
        Batches made at the same time while training; 1: only when they are needed.
    use_multiprocessing
        Whether in processes rather than threads. The data set is then copied to each.
    max_queue_size
        Batches that may wait.
    """

    def __init__(
        self,
        workers: int = 1,
        use_multiprocessing: bool = False,
        max_queue_size: int = 10,
    ) -> None:
        self.workers = workers
        self.use_multiprocessing = use_multiprocessing
        self.max_queue_size = max_queue_size

    # Defaults for a subclass whose constructor forgets to call this one.
    workers: int = 1
    use_multiprocessing: bool = False
    max_queue_size: int = 10

    def __getitem__(self, index: int) -> Any:
        """Return the batch at this place."""
        raise NotImplementedError(
            f"{type(self).__name__} has no __getitem__(index), which returns a batch."
        )

    def __iter__(self) -> Iterator[Any]:
        number = self.num_batches
        for index in itertools.count() if number is None else range(number):
            yield self[index]

    @property
    def num_batches(self) -> int | None:
        """How many batches there are, ``None`` for a data set without end."""
        if hasattr(self, "__len__"):
            return len(self)
        raise NotImplementedError(
            f"{type(self).__name__} has neither __len__() nor num_batches."
        )

    def on_epoch_begin(self) -> None:
        """Called when an epoch begins."""

    def on_epoch_end(self) -> None:
        """Called when an epoch has ended."""


Sequence = PyDataset


class PyDatasetSource:
    """Batches of a ``PyDataset``."""

    kind = "PyDataset"
    one_pass = False
    batch_size: int | None = None
    num_samples: int | None = None

    def __init__(
        self,
        data: PyDataset,
        *,
        shuffle: bool,
        class_weight: Mapping[int, float] | None,
        device: torch.device,
    ) -> None:
        self.data, self.shuffle = data, shuffle
        self.class_weight, self.device = class_weight, device
        if self.num_batches == 0:
            raise ValueError(f"the {type(data).__name__} given as x has no batch.")

    @property
    def num_batches(self) -> int | None:
        """How many batches there are now: `on_epoch_end` may change it."""
        return self.data.num_batches

    def epoch(self) -> Iterator[Triple]:
        """Return the batches of one epoch."""
        number = self.data.num_batches
        indices: Iterable[int] = itertools.count()
        if number is not None:
            indices = list(range(number))
            if self.shuffle:
                # Python's own generator, as in Keras: a seed gives Keras' order.
                random.shuffle(indices)
        for batch in self._made(indices):
            yield to_triple(_checked(batch), self.device, self.class_weight)

    def _made(self, indices: Iterable[int]) -> Iterator[Any]:
        data, workers = self.data, self.data.workers
        if workers > 0 and data.use_multiprocessing:
            return _by_processes(data, indices, workers)
        if workers > 1:
            return _by_threads(data, indices, workers)
        return (data[index] for index in indices)

    def on_epoch_begin(self) -> None:
        """Tell the data set."""
        self.data.on_epoch_begin()

    def on_epoch_end(self) -> None:
        """Tell the data set."""
        self.data.on_epoch_end()


def _checked(batch: Any) -> Any:
    """Return the batch as a tuple of up to three, or a dict of inputs in one."""
    if isinstance(batch, dict):
        return (batch,)
    if isinstance(batch, (np.ndarray, torch.Tensor)):
        return (batch,)
    if isinstance(batch, (tuple, list)) and 1 <= len(batch) <= 3:
        return tuple(batch)
    raise ValueError(
        "__getitem__ of a PyDataset returns (x,), (x, y), (x, y, sample_weight) or a "
        f"dict of inputs, not a {type(batch).__name__}."
    )


def _by_threads(data: PyDataset, indices: Iterable[int], workers: int) -> Iterator[Any]:
    """Yield batches in order, while threads make the next ones."""
    waiting: deque[Future[Any]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="batches")
    try:
        for index in indices:
            waiting.append(pool.submit(data.__getitem__, index))
            if len(waiting) > max(1, data.max_queue_size):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:  # also when training stops in the middle
        pool.shutdown(wait=False, cancel_futures=True)


def _by_processes(
    data: PyDataset, indices: Iterable[int], workers: int
) -> Iterator[Any]:
    """Yield batches in order, while processes make the next ones."""
    loader: DataLoader[Any] = DataLoader(
        _Items(data),
        sampler=indices,
        batch_size=None,
        collate_fn=_itself,
        num_workers=workers,
        prefetch_factor=max(1, data.max_queue_size // workers),
    )
    return iter(loader)


class _Items(torch.utils.data.Dataset[Any]):
    """What a DataLoader asks for: one item is one batch."""

    def __init__(self, data: PyDataset) -> None:
        self.data = data

    def __getitem__(self, index: int) -> Any:
        return self.data[index]


def _itself(batch: Any) -> Any:
    return batch
