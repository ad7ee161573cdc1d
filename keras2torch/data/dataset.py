"""A data set that is read anew at each iteration, with the methods of tf.data's.

Source: ``tensorflow/python/data/ops/dataset_ops.py`` (TensorFlow 2.21), as far as
Keras' scripts use it. What is drawn by ``shuffle`` is not what tf.data draws.
"""

from __future__ import annotations

import itertools
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from keras2torch import tree
from keras2torch.data import elements

AUTOTUNE = -1
INFINITE_CARDINALITY = -1
UNKNOWN_CARDINALITY = -2

Make = Callable[[], Iterator[Any]]
Sizes = tuple[int | None, ...]


def _all_known(sizes: Sizes) -> Sizes:
    return sizes


def but_the_first(sizes: Sizes) -> Sizes:
    """Return the sizes of batches, of which the last may be smaller."""
    return (None, *sizes[1:])


def _none_known(sizes: Sizes) -> Sizes:
    return (None,) * len(sizes)


@dataclass(frozen=True)
class TensorSpec:
    """Shape and dtype of what a data set yields; ``None`` for a size that varies."""

    shape: tuple[int | None, ...]
    dtype: str
    name: str | None = None


class Dataset:
    """Elements in order: tensors, or tuples and dicts of them.

    Parameters
    ----------
    make
        Returns an iterator over the elements; it is called for each pass.
    cardinality
        How many there are, ``-1`` for endless, ``-2`` for unknown, as in tf.data.
    batch_size
        How many samples an element has at most, where it is a batch.
    known
        Makes of the sizes of an element's tensor those that all elements have.
    """

    class_names: list[str] | None
    file_paths: list[str]

    def __init__(
        self,
        make: Make,
        cardinality: int = UNKNOWN_CARDINALITY,
        *,
        batch_size: int | None = None,
        known: Callable[[Sizes], Sizes] = _all_known,
    ) -> None:
        self._make, self._cardinality = make, cardinality
        self.batch_size = batch_size
        self._known = known
        # The arrays and the places in them, where elements are rows of arrays.
        self._rows: tuple[Any, Dataset] | None = None

    # -- where elements come from
    @staticmethod
    def from_tensor_slices(tensors: Any, name: str | None = None) -> Dataset:
        """Return a data set of the rows of arrays of one length."""
        columns = elements.tensors(tensors)
        leaves = tree.flatten(columns)
        lengths = {len(leaf) for leaf in leaves}
        if len(lengths) != 1:
            raise ValueError(
                "from_tensor_slices needs arrays of one length, not of lengths "
                f"{sorted(lengths)}."
            )

        count = lengths.pop()
        return _of_rows(columns, Dataset(lambda: iter(range(count)), count))

    @staticmethod
    def from_tensors(tensors: Any, name: str | None = None) -> Dataset:
        """Return a data set of one element."""
        element = elements.tensors(tensors)
        return Dataset(lambda: iter((element,)), 1)

    @staticmethod
    def from_generator(
        generator: Callable[..., Iterable[Any]],
        output_types: Any = None,
        output_shapes: Any = None,
        args: Any = None,
        output_signature: Any = None,
        name: str | None = None,
    ) -> Dataset:
        """Return a data set of what a function yields, which is called for each pass.

        Types and shapes are those of what it yields.
        """

        def made() -> Iterator[Any]:
            return (elements.tensors(e) for e in generator(*(args or ())))

        return Dataset(made)

    @staticmethod
    def range(*args: int, output_type: Any = None, name: str | None = None) -> Dataset:
        """Return a data set of integers."""
        numbers = range(*args)
        return Dataset(lambda: (torch.tensor(n) for n in numbers), len(numbers))

    @staticmethod
    def zip(*args: Any, datasets: Any = None, name: str | None = None) -> Dataset:
        """Return a data set of tuples, one element of each data set in them."""
        given = datasets if datasets is not None else args
        if len(given) == 1 and isinstance(given[0], (tuple, list, dict)):
            given = given[0]
        parts = tree.flatten(given)

        def made() -> Iterator[Any]:
            for values in zip(*parts, strict=False):
                yield tree.pack(given, values)

        counts = [p._cardinality for p in parts]
        finite = [c for c in counts if c != INFINITE_CARDINALITY]
        known = min(finite) if finite else INFINITE_CARDINALITY
        return Dataset(made, UNKNOWN_CARDINALITY if -2 in counts else known)

    # -- iterating
    def __iter__(self) -> Iterator[Any]:
        return self._make()

    def __len__(self) -> int:
        if self._cardinality == INFINITE_CARDINALITY:
            raise TypeError("The dataset is infinite.")
        if self._cardinality == UNKNOWN_CARDINALITY:
            raise TypeError("The dataset length is unknown.")
        return self._cardinality

    def __bool__(self) -> bool:
        return True

    def cardinality(self, name: str | None = None) -> int:
        """Return how many elements there are, -1 for endless, -2 for unknown."""
        return self._cardinality

    def as_numpy_iterator(self) -> Iterator[Any]:
        """Return an iterator over the elements in numpy arrays."""
        return (tree.map_structure(elements.as_numpy, e) for e in self)

    @property
    def element_spec(self) -> Any:
        """Shapes and dtypes; the first element is read for them."""
        first = next(iter(self), None)

        def spec(leaf: Any) -> TensorSpec:
            shape = self._known(tuple(leaf.shape))
            return TensorSpec(shape, str(leaf.dtype).removeprefix("torch."))

        return tree.map_structure(spec, first)

    # -- other elements
    def map(
        self,
        map_func: Callable[..., Any],
        num_parallel_calls: int | None = None,
        deterministic: bool | None = None,
        synchronous: bool | None = None,
        use_unbounded_threadpool: bool = False,
        name: str | None = None,
    ) -> Dataset:
        """Return the data set of what a function makes of each element.

        A tuple comes as several arguments. With ``num_parallel_calls`` threads call
        it, in order of the elements.
        """

        def call(element: Any) -> Any:
            return elements.called(map_func, element)

        def made() -> Iterator[Any]:
            if num_parallel_calls is None or num_parallel_calls == 1:
                return map(call, self)
            return _in_threads(call, self, num_parallel_calls)

        return self._like(made, self._cardinality)

    def filter(self, predicate: Callable[..., Any], name: str | None = None) -> Dataset:
        """Return the data set of the elements for which a function is true."""

        def made() -> Iterator[Any]:
            return (e for e in self if bool(elements.called(predicate, e)))

        return self._like(made, UNKNOWN_CARDINALITY)

    def batch(
        self,
        batch_size: int,
        drop_remainder: bool = False,
        num_parallel_calls: int | None = None,
        deterministic: bool | None = None,
        name: str | None = None,
    ) -> Dataset:
        """Return the data set of so many elements stacked into one."""
        known = _all_known if drop_remainder else but_the_first
        return self._batched(int(batch_size), drop_remainder, elements.stacked, known)

    def padded_batch(
        self,
        batch_size: int,
        padded_shapes: Any = None,
        padding_values: Any = None,
        drop_remainder: bool = False,
        name: str | None = None,
    ) -> Dataset:
        """Return batches of elements of several sizes, padded to one behind."""

        def stack(parts: list[Any]) -> Any:
            return elements.padded(parts, padded_shapes, padding_values)

        return self._batched(int(batch_size), drop_remainder, stack, _none_known)

    def _batched(
        self,
        size: int,
        whole: bool,
        stack: Callable[[list[Any]], Any],
        known: Callable[[Sizes], Sizes],
    ) -> Dataset:
        if size < 1:
            raise ValueError(f"batch_size is a positive number, not {size}.")

        rows = self._rows if stack is elements.stacked else None

        def made() -> Iterator[Any]:
            stream = iter(self if rows is None else rows[1])
            while part := list(itertools.islice(stream, size)):
                if len(part) == size or not whole:
                    # Rows of arrays are taken together, which is much faster.
                    yield stack(part) if rows is None else elements.row(rows[0], part)

        count = self._cardinality
        if count >= 0:
            count = count // size if whole else -(-count // size)
        return Dataset(made, count, batch_size=size, known=known)

    def unbatch(self, name: str | None = None) -> Dataset:
        """Return the data set of the rows of each element."""

        def made() -> Iterator[Any]:
            for element in self:
                for i in range(len(tree.flatten(element)[0])):
                    yield elements.row(element, i)

        return Dataset(made)

    def rebatch(
        self, batch_size: int, drop_remainder: bool = False, name: str | None = None
    ) -> Dataset:
        """Return batches of another size."""
        return self.unbatch().batch(batch_size, drop_remainder)

    def enumerate(self, start: int = 0, name: str | None = None) -> Dataset:
        """Return the data set of pairs of a number and an element."""

        def made() -> Iterator[Any]:
            return ((torch.tensor(n), e) for n, e in enumerate(self, start))

        return Dataset(made, self._cardinality)

    def flat_map(
        self, map_func: Callable[..., Any], name: str | None = None
    ) -> Dataset:
        """Return the elements of the data sets that a function makes of each."""

        def made() -> Iterator[Any]:
            for element in self:
                yield from elements.called(map_func, element)

        return Dataset(made)

    # -- the same elements, fewer, more, or in another order
    def shuffle(
        self,
        buffer_size: int,
        seed: int | None = None,
        reshuffle_each_iteration: bool = True,
        name: str | None = None,
    ) -> Dataset:
        """Return the data set in another order: each is drawn from a full buffer."""
        first = int(np.random.randint(2**31)) if seed is None else int(seed)
        drawn = [np.random.RandomState(first % 2**32)]

        def made(stream: Dataset) -> Iterator[Any]:
            if not reshuffle_each_iteration:
                drawn[0] = np.random.RandomState(first % 2**32)
            return _drawn(stream, int(buffer_size), drawn[0])

        return self._ordered(made, self._cardinality)

    def take(self, count: int, name: str | None = None) -> Dataset:
        """Return the data set of the first elements, all for -1."""
        known, count = self._cardinality, int(count)
        if count < 0:
            return self
        size = count if known == INFINITE_CARDINALITY else min(known, count)
        return self._ordered(lambda stream: itertools.islice(stream, count), size)

    def skip(self, count: int, name: str | None = None) -> Dataset:
        """Return the data set without the first elements, without any for -1."""
        known, count = self._cardinality, int(count)
        if count < 0:
            return self._ordered(lambda stream: iter(()), 0)
        size = max(known - count, 0) if known >= 0 else known
        return self._ordered(lambda stream: itertools.islice(stream, count, None), size)

    def shard(self, num_shards: int, index: int, name: str | None = None) -> Dataset:
        """Return every ``num_shards``-th element, from ``index`` on."""
        known = self._cardinality
        size = len(range(index, known, num_shards)) if known >= 0 else known
        return self._ordered(
            lambda stream: itertools.islice(stream, index, None, num_shards), size
        )

    def repeat(self, count: int | None = None, name: str | None = None) -> Dataset:
        """Return the data set again and again, endlessly if no count is given."""
        endless = count is None or count < 0

        def made(stream: Dataset) -> Iterator[Any]:
            for _ in itertools.count() if endless else range(count or 0):
                none = True
                for element in stream:
                    none = False
                    yield element
                if none:
                    return

        known = self._cardinality
        if known > 0 or known == INFINITE_CARDINALITY:
            known = INFINITE_CARDINALITY if endless else known * (count or 0)
        return self._ordered(made, known)

    def concatenate(self, dataset: Dataset, name: str | None = None) -> Dataset:
        """Return the data set with another one behind it."""
        counts = (self._cardinality, dataset._cardinality)
        known = sum(counts) if min(counts) >= 0 else min(counts)
        return self._like(lambda: itertools.chain(self, dataset), known)

    def cache(self, filename: str = "", name: str | None = None) -> Dataset:
        """Return the data set that keeps what its first whole pass gave in memory."""
        if filename:
            raise ValueError(
                "cache(filename) writes a file of TensorFlow's: call cache() to keep "
                "the elements in memory."
            )
        kept: list[Any] = []
        complete: list[bool] = []

        def made() -> Iterator[Any]:
            if complete:
                yield from kept
                return
            found: list[Any] = []
            for element in self:
                found.append(element)
                yield element
            kept[:] = found
            complete.append(True)

        return self._like(made, self._cardinality)

    def prefetch(self, buffer_size: int, name: str | None = None) -> Dataset:
        """Return the data set whose next elements are made while one is in use."""
        ahead = 2 if buffer_size == AUTOTUNE else int(buffer_size)
        return self._like(lambda: _ahead(self, ahead), self._cardinality)

    # -- the rest
    def apply(self, transformation_func: Callable[[Dataset], Any]) -> Any:
        """Return what a function makes of the data set."""
        return transformation_func(self)

    def reduce(self, initial_state: Any, reduce_func: Callable[[Any, Any], Any]) -> Any:
        """Return what a function of a state and an element makes in the end."""
        state = initial_state
        for element in self:
            state = reduce_func(state, element)
        return state

    def get_single_element(self, name: str | None = None) -> Any:
        """Return the only element."""
        found = list(itertools.islice(self, 2))
        if len(found) != 1:
            count = "more than one" if found else "no"
            raise ValueError(f"the data set has {count} element.")
        return found[0]

    def with_options(self, options: Any, name: str | None = None) -> Dataset:
        """Return itself: options tell TensorFlow how to compute, not what."""
        return self

    def _ordered(
        self, make: Callable[[Dataset], Iterator[Any]], cardinality: int
    ) -> Dataset:
        """Return the same elements in another order or number."""
        if self._rows is None:
            return self._like(lambda: make(self), cardinality)
        columns, index = self._rows
        return _of_rows(columns, Dataset(lambda: make(index), cardinality))

    def _like(self, make: Make, cardinality: int) -> Dataset:
        return Dataset(
            make,
            cardinality,
            batch_size=self.batch_size,
            known=self._known,
        )

    def __repr__(self) -> str:
        size = {-1: "endless", -2: "unknown"}.get(self._cardinality, self._cardinality)
        return f"<Dataset cardinality={size}, batch_size={self.batch_size}>"


def _of_rows(columns: Any, index: Dataset) -> Dataset:
    """Return the data set of the rows of arrays at these places."""
    made = Dataset(
        lambda: (elements.row(columns, i) for i in index), index.cardinality()
    )
    made._rows = (columns, index)
    return made


def _drawn(
    stream: Iterable[Any], buffer_size: int, drawn: np.random.RandomState
) -> Iterator[Any]:
    """Iterate in another order, as tf.data's ShuffleDataset goes about it."""
    if buffer_size < 1:
        raise ValueError(f"buffer_size is a positive number, not {buffer_size}.")
    buffer: list[Any] = []
    for element in stream:
        if len(buffer) < buffer_size:
            buffer.append(element)
            continue
        at = drawn.randint(buffer_size)
        yield buffer[at]
        buffer[at] = element
    drawn.shuffle(buffer)
    yield from buffer


def _in_threads(
    call: Callable[[Any], Any], stream: Iterable[Any], threads: int
) -> Iterator[Any]:
    """Iterate over what calls give, several at a time, in the order of the stream."""
    size = min(8, os.cpu_count() or 1) if threads < 1 else threads
    waiting: deque[Any] = deque()
    pool = ThreadPoolExecutor(size)
    try:
        for element in stream:
            waiting.append(pool.submit(call, element))
            if len(waiting) > size:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _ahead(stream: Iterable[Any], ahead: int) -> Iterator[Any]:
    """Iterate while a thread makes the next elements."""
    if ahead < 1:
        yield from stream
        return
    end = object()
    iterator = iter(stream)
    pool = ThreadPoolExecutor(1)
    waiting = deque(pool.submit(next, iterator, end) for _ in range(ahead))
    try:
        while (element := waiting.popleft().result()) is not end:
            waiting.append(pool.submit(next, iterator, end))
            yield element
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        if hasattr(iterator, "close"):
            iterator.close()  # the threads of a map before it end, too
