"""``Normalization.adapt``: the mean and variance of data become the layer's weights.

Source: ``keras/src/layers/preprocessing/normalization.py`` (3.15).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch

from keras2torch.data.py_dataset import PyDataset
from keras2torch.layers.base import Array


def adapt(self: Any, data: Any) -> None:
    """Take mean and variance of data along the kept axes.

    Parameters
    ----------
    data
        An array, a tensor, a ``PyDataset`` or anything else that iterates over batches,
        such as a ``DataLoader``; of a tuple ``(x, y)`` the first counts.

    Raises
    ------
    ValueError
        If there are no batches, or one has another size along a kept axis.
    TypeError
        For data that is none of these.
    """
    if isinstance(data, (np.ndarray, torch.Tensor)):
        shape = tuple(data.shape)
        _ready(self, shape)
        kept = self.definition._kept(shape)
        _set(
            self, *_moments(data, tuple(d for d in range(len(shape)) if d not in kept))
        )
        return
    batches = _batches(data)
    first = next(batches, None)
    if first is None:
        raise ValueError(
            "adapt() received an empty iterable (no batches). Expected at least one "
            "batch. Pass a non-empty iterable of arrays or tensors, e.g. "
            "layer.adapt([x]) or layer.adapt(list_of_batches)."
        )
    if getattr(first, "shape", None) is None:
        raise TypeError(
            "adapt() expects an iterable that yields arrays or tensors with a `.shape` "
            f"attribute. Got an element of type {type(first).__name__}."
        )
    shape = tuple(first.shape)
    _ready(self, shape)
    _set(self, *_combined(self, shape, itertools.chain([first], batches)))


def _batches(data: Any) -> Any:
    if isinstance(data, PyDataset):
        found: Iterable[Any] = (data[i] for i in range(data.num_batches or 0))
    elif hasattr(data, "__iter__"):
        found = data
    else:
        raise TypeError(
            f"Unsupported data type: {type(data)}. `adapt` supports arrays, tensors, "
            "`PyDataset` and iterables of batches (a DataLoader, a list, a generator)."
        )
    return (b[0] if isinstance(b, (tuple, list)) else b for b in found)


def _ready(layer: Any, shape: tuple[int, ...]) -> None:
    """Build the layer for the data, or see that it was built for such data."""
    if layer.definition.mean is not None:
        raise ValueError(
            f"The layer {layer.name} was given mean and variance; adapt() cannot "
            "change them."
        )
    layer.ensure_built()
    if layer._torch_state is None:
        layer.build(shape)
    kept = layer.definition._kept(shape)
    held = tuple(layer.own_variables()[0].shape)
    if tuple(shape[d] for d in kept) != held:
        raise ValueError(
            f"The layer was built for statistics of shape {held}, but adapt() is being "
            f"called with data with an incompatible shape, data.shape={shape}."
        )


def _combined(layer: Any, shape: tuple[int, ...], batches: Any) -> tuple[Any, Any]:
    """Return mean and variance over batches of any size, float32 as in Keras."""
    kept = layer.definition._kept(shape)
    reduced = tuple(d for d in range(len(shape)) if d not in kept)
    mean = variance = torch.zeros([shape[d] for d in kept])
    count = 0
    for batch in batches:
        x = torch.as_tensor(
            batch if isinstance(batch, torch.Tensor) else np.asarray(batch)
        )
        x = x.detach().to("cpu", torch.float32)
        if any(x.shape[d] != shape[d] for d in kept):
            raise ValueError(
                "adapt() yielded a batch with incompatible shape. Expected "
                f"{shape}, got {tuple(x.shape)}."
            )
        new_mean, new_variance = _moments(x, reduced)
        size = math.prod(x.shape[d] for d in reduced) if reduced else 1
        count += size
        new = size / count
        old = 1.0 - new
        total = mean * old + new_mean * new
        # By the lack-of-fit sum of squares.
        variance = (variance + (mean - total) ** 2) * old + (
            new_variance + (new_mean - total) ** 2
        ) * new
        mean = total
    return mean, variance


def _moments(data: Any, axes: tuple[int, ...]) -> tuple[Any, Any]:
    if not isinstance(data, torch.Tensor):
        return np.mean(data, axis=axes), np.var(data, axis=axes)
    x = data.detach()
    x = x if x.is_floating_point() else x.float()
    if not axes:
        return x, torch.zeros_like(x)
    return x.mean(axes), x.var(axes, unbiased=False)


def _set(layer: Any, mean: Array, variance: Array) -> None:
    for variable, value in zip(layer.own_variables(), (mean, variance), strict=False):
        variable.assign(value)


def statistics(name: str) -> property:
    """Return ``layer.mean`` or ``layer.variance``: it broadcasts against the inputs."""

    def found(self: Any) -> Any:
        self.ensure_built()
        held = self._torch_state
        return None if held is None else getattr(held.module, name).detach()

    return property(found)


__all__ = ["adapt"]
