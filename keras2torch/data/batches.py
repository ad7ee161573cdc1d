"""What ``fit`` is given, made into batches: one source for each kind of data."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import torch

from keras2torch.configuration import max_steps_per_epoch
from keras2torch.data.arrays import ArraySource, whole
from keras2torch.data.epochs import Batches, Source
from keras2torch.data.py_dataset import PyDataset, PyDatasetSource
from keras2torch.data.streams import DataLoaderSource, IterableSource, loader_of
from keras2torch.data.structures import flatten, gathered
from keras2torch.data.tensors import is_array


def make_batches(
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    *,
    batch_size: int | None = None,
    steps_per_epoch: int | None = None,
    shuffle: bool | str = False,
    class_weight: Mapping[int, float] | None = None,
    device: torch.device | str = "cpu",
    generator: torch.Generator | None = None,
    shared: Any = None,
) -> Batches:
    """Return the batches of whatever a Keras script gives to ``fit``.

    Parameters
    ----------
    x
        Arrays (numpy, torch, pandas, SciPy sparse, lists of numbers) in any nesting;
        a torch DataLoader or Dataset; a ``PyDataset``; a generator or iterator;
        anything else that can be iterated anew for each epoch, such as a
        ``tf.data.Dataset``.
    y, sample_weight
        Targets and weights, with arrays only: every other kind yields
        ``(x, y, sample_weight)`` itself.
    batch_size
        32 if not given, and then ``samples / steps_per_epoch`` where that is. Only
        arrays and a torch Dataset are cut into batches.
    steps_per_epoch
        Batches of an epoch. The next epoch goes on where this one ended.
    shuffle
        Whether each epoch has another order; ``"batch"``: within each batch alone.
        A DataLoader, generator or iterable has an order of its own.
    class_weight
        Weight of each class, which becomes the weight of its samples.
    device
        Where the batches are to be.
    generator
        What shuffling draws from; torch's own if not given.
    shared
        How several processes share the batches out
        (:class:`keras2torch.distribution.sharing.Shared`).

    Raises
    ------
    ValueError
        If the data is of no known kind, holds no sample, differs in length, or
        arguments do not go with its kind.
    """
    if x is None:
        raise ValueError("x is None: give arrays, or something that yields batches.")
    if steps_per_epoch is not None:
        steps_per_epoch = whole(steps_per_epoch, "steps_per_epoch")
    most = max_steps_per_epoch()
    if most and (not steps_per_epoch or most < steps_per_epoch):
        warnings.warn(f"Limiting steps_per_epoch to {most}", stacklevel=2)
        steps_per_epoch = most
    x = gathered(x)
    device = torch.device(device)
    read_to = device
    if shared is not None:
        shared.device = device
        read_to = torch.device("cpu")  # only its own rows leave it
    source: Source
    if all(leaf is None or is_array(leaf) for leaf in flatten(x)):
        source = ArraySource(
            x,
            gathered(y),
            gathered(sample_weight),
            batch_size=batch_size,
            steps=steps_per_epoch,
            shuffle=shuffle,
            class_weight=class_weight,
            device=device,
            generator=generator,
            shared=None if shared is None or shared.each_its_own else shared,
        )
    elif isinstance(x, PyDataset):
        _alone("PyDataset", y, sample_weight)
        source = PyDatasetSource(
            x, shuffle=bool(shuffle), class_weight=class_weight, device=read_to
        )
    elif isinstance(x, torch.utils.data.DataLoader):
        _alone("torch DataLoader", y, sample_weight)
        _no_class_weight("torch DataLoader", class_weight)
        source = DataLoaderSource(x, read_to)
    elif isinstance(x, torch.utils.data.Dataset):
        _alone("torch Dataset", y, sample_weight)
        _no_class_weight("torch Dataset", class_weight)
        source = DataLoaderSource(
            loader_of(x, batch_size or 32, bool(shuffle), generator), read_to
        )
    elif not isinstance(x, (list, tuple, Mapping, str)) and hasattr(x, "__iter__"):
        source = IterableSource(x, class_weight, read_to)
        _alone(source.kind, y, sample_weight)
        if source.one_pass:
            _no_class_weight(source.kind, class_weight)
    else:
        kinds = sorted({type(leaf).__name__ for leaf in flatten(x)})
        raise ValueError(
            f"x is of a kind that cannot be cut into batches: {', '.join(kinds)}. Give "
            "arrays, a torch DataLoader or Dataset, a PyDataset or a generator."
        )
    return Batches(source, steps_per_epoch, shared)


def _alone(kind: str, y: Any, sample_weight: Any) -> None:
    for name, given in (("y", y), ("sample_weight", sample_weight)):
        if given is not None:
            raise ValueError(
                f"{name} cannot be given beside a {kind}, which yields it itself: "
                "(x, y) or (x, y, sample_weight)."
            )


def _no_class_weight(kind: str, class_weight: Any) -> None:
    if class_weight is not None:
        raise ValueError(
            f"class_weight cannot be given beside a {kind}: let it yield "
            "(x, y, sample_weight)."
        )
