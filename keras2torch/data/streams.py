"""Data that yields batches itself: DataLoaders, generators, iterables.

Keras 3.15: torch_data_loader_adapter.py, generator_data_adapter.py and
tf_dataset_adapter.py in trainers/data_adapters.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset

from keras2torch.data.epochs import Triple
from keras2torch.data.packing import unpack_x_y_sample_weight
from keras2torch.data.structures import builder as builder_of
from keras2torch.data.structures import flatten, gathered, is_nested, names
from keras2torch.data.tensors import is_array, to_numpy, to_tensor
from keras2torch.data.weights import BOTH, class_weight_to_sample_weights
from keras2torch.data.words import Words, is_text


def to_triple(
    batch: Any, device: torch.device, class_weight: Mapping[int, float] | None = None
) -> Triple:
    """Return ``(x, y, sample_weight)`` in tensors on the device of what was yielded."""
    x, y, w = unpack_x_y_sample_weight(batch)
    if class_weight is not None and y is not None:
        if w is not None:
            raise ValueError(BOTH)
        w = class_weight_to_sample_weights(gathered(y), class_weight)
    return (
        _on_device(x, "x", device),
        _on_device(y, "y", device),
        _on_device(w, "sample_weight", device),
    )


def _on_device(value: Any, called: str, device: torch.device) -> Any:
    if isinstance(value, torch.Tensor):
        return to_tensor(value).to(device)
    value = gathered(value)
    leaves = [
        # A batch that is a view of the user's array is copied: torch writes in place.
        _tensor(leaf, name).to(device)
        for leaf, name in zip(flatten(value), names(value, called), strict=True)
        if leaf is not None
    ]
    return builder_of(value)(iter(leaves))


def _tensor(leaf: Any, name: str) -> Any:
    """Return a tensor, or strings as what stands for one, which a model may read."""
    if isinstance(leaf, Words):
        return leaf
    if name.startswith("x") and not isinstance(leaf, torch.Tensor) and is_array(leaf):
        found = to_numpy(leaf)
        if is_text(found):
            return Words(found)
    return to_tensor(leaf, name, own=True)


class DataLoaderSource:
    """Batches of a torch DataLoader."""

    kind = "torch DataLoader"
    one_pass = False

    def __init__(self, loader: DataLoader[Any], device: torch.device) -> None:
        self.loader, self.device = loader, device
        self.batch_size: int | None = loader.batch_size
        self.num_batches: int | None = None
        self.num_samples: int | None = None
        if hasattr(loader.dataset, "__len__"):
            self.num_batches = len(loader)
            self.num_samples = len(loader.dataset)
        if self.num_batches == 0:
            raise ValueError("the torch DataLoader given as x has no batch.")

    def epoch(self) -> Iterator[Triple]:
        """Return the batches of one epoch."""
        for batch in self.loader:
            yield to_triple(batch, self.device)

    def on_epoch_begin(self) -> None:
        """A DataLoader need not know."""

    def on_epoch_end(self) -> None:
        """A DataLoader need not know."""


def loader_of(
    dataset: Dataset[Any],
    batch_size: int,
    shuffle: bool,
    generator: torch.Generator | None,
) -> DataLoader[Any]:
    """Return a DataLoader over a torch Dataset of samples."""
    if isinstance(dataset, IterableDataset):
        return DataLoader(dataset, batch_size=batch_size)
    if hasattr(dataset, "__len__") and len(dataset) == 0:
        raise ValueError("the torch Dataset given as x has no sample.")
    return DataLoader(
        dataset, batch_size=batch_size, shuffle=shuffle, generator=generator
    )


class IterableSource:
    """Batches of a generator or iterator, or of what can be iterated anew.

    A ``tf.data.Dataset`` is of the second kind: its tensors are read by ``numpy()``,
    its length by ``cardinality()``.
    """

    def __init__(
        self,
        data: Iterable[Any],
        class_weight: Mapping[int, float] | None,
        device: torch.device,
    ) -> None:
        self.data, self.class_weight, self.device = data, class_weight, device
        self.one_pass = hasattr(data, "__next__")
        self.kind = "generator" if self.one_pass else type(data).__name__
        self.num_samples: int | None = None
        self.num_batches = None if self.one_pass else _length(data)
        # A specification may cost the reading of an element.
        known = getattr(data, "batch_size", None)
        spec = getattr(data, "element_spec", None) if known is None else None
        self.batch_size = known if known is not None else _batch_size(spec)
        self.rest: Iterator[Any] = iter(())
        if self.num_batches == 0:
            raise ValueError(f"the {self.kind} given as x yields no batch.")
        if self.one_pass:
            # Asked once now: a generator that yields nothing is better known early.
            stream = iter(data)
            first = list(itertools.islice(stream, 1))
            if not first:
                raise ValueError("the generator given as x yields no batch.")
            self.rest = itertools.chain(first, stream)

    def epoch(self) -> Iterator[Triple]:
        """Return the batches of one epoch, or all that are left of a generator."""
        for batch in self.rest if self.one_pass else self.data:
            if self.one_pass and isinstance(batch, list):
                raise ValueError(
                    "a generator yields a tuple, (x,), (x, y) or (x, y, "
                    f"sample_weight), not a list of {len(batch)}, which may mean "
                    "either that or several inputs."
                )
            yield to_triple(batch, self.device, self.class_weight)

    def on_epoch_begin(self) -> None:
        """An iterable need not know."""

    def on_epoch_end(self) -> None:
        """An iterable need not know."""


def _length(data: Any) -> int | None:
    """Return the number of batches, ``None`` for unknown or endless."""
    if (cardinality := getattr(data, "cardinality", None)) is not None:
        known = int(cardinality() if callable(cardinality) else cardinality)
        return known if known >= 0 else None
    try:
        return len(data)
    except TypeError:
        return None


def _batch_size(spec: Any) -> int | None:
    """Return the first axis of the first tensor that ``element_spec`` describes."""
    first = flatten(spec)[0] if is_nested(spec) else spec
    shape = getattr(first, "shape", None)
    size = shape[0] if shape is not None and len(shape) else None
    return None if size is None else int(size)
