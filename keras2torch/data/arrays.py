"""Arrays in memory, as slices of tensors: no DataLoader and no collating.

Keras 3.15: trainers/data_adapters/array_data_adapter.py and array_slicing.py.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator, Mapping
from typing import Any

import torch

from keras2torch.data.epochs import Triple
from keras2torch.data.structures import (
    builder,
    flatten,
    gathered,
    is_nested,
    map_leaves,
    names,
    same_structure,
)
from keras2torch.data.tensors import (
    is_array,
    is_pandas,
    is_sparse,
    shape_of,
    to_numpy,
    to_tensor,
)
from keras2torch.data.weights import BOTH, class_weight_to_sample_weights
from keras2torch.data.words import Words, is_text

# More bytes than this are sent to the device batch by batch.
MOVED_WHOLE = 1 << 30


class ArraySource:
    """Batches of arrays; the arguments are those of ``make_batches``."""

    kind = "arrays"
    one_pass = False

    def __init__(
        self,
        x: Any,
        y: Any,
        sample_weight: Any,
        *,
        batch_size: int | None,
        steps: int | None,
        shuffle: bool | str,
        class_weight: Mapping[int, float] | None,
        device: torch.device,
        generator: torch.Generator | None,
        shared: Any = None,
    ) -> None:
        samples = check_lengths((x, y, sample_weight))
        if shared is not None:
            shared.check_samples(samples)
        self.shared = shared
        sample_weight = _weights(y, sample_weight, class_weight)
        if batch_size is not None:
            batch_size = whole(batch_size, "batch_size")
        # 0 is "not given", as in Keras.
        size = batch_size or (math.ceil(samples / steps) if steps else 32)
        if size < 1:
            raise ValueError(f"batch_size is a positive number, not {size}.")
        self.samples, self.size = samples, size
        self.num_samples: int | None = samples
        self.batch_size: int | None = size
        self.num_batches: int | None = math.ceil(samples / size)
        self.shuffle, self.generator = shuffle, generator

        triple = {"x": x, "y": y, "sample_weight": sample_weight}
        self.builders = [builder(part) for part in triple.values()]
        self.columns = [
            _Column(leaf, name)
            for called, part in triple.items()
            for leaf, name in _named(part, called)
        ]
        # Where indices are made: beside the data.
        self.storage = torch.device("cpu")
        if sum(column.nbytes for column in self.columns) < MOVED_WHOLE:
            self.storage = device
        for column in self.columns:
            column.move(self.storage, device)

    def epoch(self) -> Iterator[Any]:
        """Return the batches of one epoch, or this process' rows of them."""
        return self._shuffled() if self.shuffle else self._in_order()

    def _in_order(self) -> Iterator[Any]:
        # A Keras layer that writes `x /= 255` makes a new tensor; in torch it writes
        # into the data. So the first batch is a copy, and if that was written to, all
        # batches are.
        copies, counters = True, None
        for batch in range(0, self.samples, self.size):
            start, length, part = self._span(batch)
            leaves = [column.slice(start, length) for column in self.columns]
            if copies:
                with torch.inference_mode(False):  # its tensors count no writes
                    leaves = [leaf.clone() for leaf in leaves]
            yield self._built(leaves, part)
            if counters is None:
                counters = [leaf._version for leaf in leaves]
                copies = any(counters)

    def _shuffled(self) -> Iterator[Any]:
        order = self._permutation(self.samples) if self.shuffle != "batch" else None
        for batch in range(0, self.samples, self.size):
            start, length, part = self._span(batch)
            if order is None:
                of_batch = self._permutation(min(self.size, self.samples - batch))
                at = of_batch.narrow(0, start - batch, length) + batch
            else:
                at = order.narrow(0, start, length)
            yield self._built([column.select(at) for column in self.columns], part)

    def _span(self, batch: int) -> tuple[int, int, Any]:
        """Return the first row, and how many, of the batch that begins there."""
        length = min(self.size, self.samples - batch)
        if self.shared is None:
            return batch, length, None
        part = self.shared.part_of(length)
        start, length = part.taken
        return batch + start, length, part

    def _permutation(self, length: int) -> torch.Tensor:
        # On the generator's device: a seed gives one order, whatever trains.
        where = self.generator.device if self.generator is not None else "cpu"
        order = torch.randperm(length, generator=self.generator, device=where)
        return order.to(self.storage)

    def _built(self, leaves: list[torch.Tensor], part: Any) -> Any:
        found = iter(leaves)
        x, y, w = self.builders
        triple = x(found), y(found), w(found)
        return triple if part is None else self.shared.portion(triple, part)

    def on_epoch_begin(self) -> None:
        """Arrays need not know."""

    def on_epoch_end(self) -> None:
        """Arrays need not know."""


def _kept(array: Any, name: str) -> Any:
    """Return data as a tensor; strings, which a model may read, as what stands for one.

    ``y`` and weights have to be numbers.
    """
    if name.startswith("x") and not isinstance(array, torch.Tensor):
        found = to_numpy(array)
        if is_text(found):
            return Words(found)
    return to_tensor(array, name)


class _Column:
    """One array, and how a batch of it is taken."""

    def __init__(self, array: Any, name: str) -> None:
        self.sparse: Any = None
        self.send: torch.device | None = None
        self.name = name
        if is_sparse(array):
            # Rows are made dense batch by batch: whole, they may not fit.
            self.sparse = array.tocsr()
            self.tensor: Any = torch.empty(0)
        else:
            # A channel of images, say, would be gathered at every batch.
            self.tensor = _kept(array, name).contiguous()

    @property
    def nbytes(self) -> int:
        return int(self.tensor.numel() * self.tensor.element_size())

    def move(self, storage: torch.device, device: torch.device) -> None:
        """Move the array to where it is kept, and remember where batches go."""
        self.tensor = self.tensor.to(storage)
        if storage != device or self.sparse is not None:
            self.send = device

    def slice(self, start: int, length: int) -> torch.Tensor:
        """Return rows next to each other: a view."""
        if self.sparse is not None:
            return self._finished(self._dense(slice(start, start + length)))
        return self._finished(self.tensor.narrow(0, start, length))

    def select(self, at: torch.Tensor) -> torch.Tensor:
        """Return the rows at these places."""
        if self.sparse is not None:
            return self._finished(self._dense(at.cpu().numpy()))
        return self._finished(self.tensor.index_select(0, at))

    def _dense(self, at: Any) -> torch.Tensor:
        return to_tensor(self.sparse[at], self.name)

    def _finished(self, rows: torch.Tensor) -> torch.Tensor:
        return rows if self.send is None else rows.to(self.send)


def whole(value: Any, name: str) -> int:
    """Return an integer of any library.

    Raises
    ------
    TypeError
        If it is no integer.
    """
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(
            f"{name} is an integer, not the {type(value).__name__} {value!r}."
        ) from None


def check_lengths(arrays: Triple) -> int:
    """Return how many samples ``(x, y, sample_weight)`` have.

    Raises
    ------
    ValueError
        If something is no array, has no axis, or lengths differ; if there is no sample.
    """
    found = [
        pair
        for part, called in zip(arrays, ("x", "y", "sample_weight"), strict=True)
        for pair in _named(part, called)
    ]
    for leaf, name in found:
        if not is_array(leaf):
            raise ValueError(
                f"{name} is a {type(leaf).__name__}, which is no array, beside an x "
                "of arrays."
            )
        if not shape_of(leaf):
            raise ValueError(f"{name} is a single number: it has no axis of samples.")
    shapes = ", ".join(f"{name} has shape {shape_of(leaf)}" for leaf, name in found)
    lengths = {shape_of(leaf)[0] for leaf, _ in found}
    if len(lengths) > 1:
        raise ValueError(f"the arrays differ in their number of samples: {shapes}.")
    if not lengths or lengths == {0}:
        raise ValueError(
            f"there are no samples: {shapes}."
            if shapes
            else "x is None: give arrays, or something that yields batches."
        )
    return lengths.pop()


def split(arrays: Triple, validation_split: float) -> tuple[Triple, Triple]:
    """Split ``(x, y, sample_weight)``: the last fraction is for validation.

    Keras 3.15: ``train_validation_split`` in array_slicing.py. Nothing is shuffled
    before, and nothing copied.

    Parameters
    ----------
    arrays
        Arrays in any nesting; ``None`` for absent.
    validation_split
        The fraction, between 0 and 1.

    Raises
    ------
    ValueError
        If ``x`` is not of arrays, lengths differ, or one side would be empty.
    """
    if not 0 < validation_split < 1:
        raise ValueError(
            f"validation_split is a fraction between 0 and 1, not {validation_split}."
        )
    x, y, sample_weight = (gathered(part) for part in arrays)
    others = [leaf for leaf, _ in _named(x, "x") if not is_array(leaf)]
    if others:
        raise ValueError(
            f"validation_split needs arrays, and x is a {type(others[0]).__name__}, "
            "whose length is not known: give validation_data instead."
        )
    samples = check_lengths((x, y, sample_weight))
    at = math.floor(samples * (1.0 - validation_split))
    if at in (0, samples):
        raise ValueError(
            f"validation_split={validation_split} of {samples} samples leaves nothing "
            f"for {'training' if at == 0 else 'validation'}."
        )

    def part(start: int, end: int) -> Triple:
        def rows(array: Any) -> Any:
            if is_pandas(array):
                return array.iloc[start:end]
            return (array.tocsr() if is_sparse(array) else array)[start:end]

        return map_leaves(rows, x), map_leaves(rows, y), map_leaves(rows, sample_weight)

    return part(0, at), part(at, samples)


def _weights(
    y: Any, sample_weight: Any, class_weight: Mapping[int, float] | None
) -> Any:
    """Return one array of weights for each output."""
    if class_weight is not None:
        if sample_weight is not None:
            raise ValueError(BOTH)
        if y is None:
            raise ValueError("class_weight needs y, whose classes it weighs.")
        return class_weight_to_sample_weights(y, class_weight)
    if sample_weight is None or not is_nested(y):
        return sample_weight
    if is_nested(sample_weight):
        if not same_structure(y, sample_weight):
            raise ValueError(
                "sample_weight needs one array for each output in y: "
                f"there are {', '.join(names(y, 'y'))} and "
                f"{', '.join(names(sample_weight, 'sample_weight'))}."
            )
        return sample_weight
    shape = shape_of(sample_weight)
    if len(shape) != 1 and (len(shape) != 2 or shape[1] != 1):
        raise ValueError(
            "one sample_weight for several outputs has one number a sample, not shape "
            f"{shape}: give one array for each output."
        )
    return map_leaves(lambda _: sample_weight, y)


def _named(part: Any, called: str) -> list[tuple[Any, str]]:
    """Return the arrays with the names that errors call them."""
    pairs = zip(flatten(part), names(part, called), strict=True)
    return [(leaf, name) for leaf, name in pairs if leaf is not None]
