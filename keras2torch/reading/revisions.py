"""What Keras 3 itself changed in later releases: flags for the files before them.

Measured with the releases' own predictions: ``tests/reading/old_keras``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from keras2torch.dialect import LayerWeights
from keras2torch.reading.hdf5 import Stored
from keras2torch.reading.versions import Version

_OF_LISTS = (
    "AdditiveAttention Attention Add Average Concatenate Dot Maximum Minimum Multiply "
    "Subtract"
).split()
# (class, flag of its definition, first release that computes as today).
_CHANGED = (
    # The masks of tensors in a list were lost, and changed nothing.
    *((kind, "forgets_mask", (3, 4)) for kind in _OF_LISTS),
    # One index of a row made a row of one row, (batch, 1, size).
    ("CategoryEncoding", "keeps_axis", (3, 4)),
    ("Discretization", "keeps_axis", (3, 4)),
    # What fits the size was cut and resized at inference.
    ("RandomCrop", "keras2", (3, 6)),
    ("RandomCrop", "cuts", (3, 8)),
    # One contrast was drawn for the batch, and flips along each axis by itself.
    ("RandomContrast", "keras2", (3, 6)),
    ("RandomFlip", "keras2", (3, 6)),
    # Where everything is masked, everything had its share.
    ("Softmax", "keras2", (3, 10)),
    ("GroupQueryAttention", "fills_empty", (3, 10)),
    ("MultiHeadAttention", "fills_empty", (3, 10)),
    # Its inputs had their masks afterwards, too.
    ("MultiHeadAttention", "keeps_masks", (3, 8)),
)


_AS_TODAY: ContextVar[bool] = ContextVar("as today", default=False)


@contextmanager
def as_today() -> Iterator[None]:
    """Read files of an older Keras 3 as the Keras of today reads them."""
    token = _AS_TODAY.set(True)
    try:
        yield
    finally:
        _AS_TODAY.reset(token)


def flags(kind: str, version: Version) -> dict[str, bool]:
    """Return the flags of a layer in a file of this release."""
    if version.major < 3 or _AS_TODAY.get():
        return {}
    return {
        flag: True
        for changed, flag, since in _CHANGED
        if changed == kind and (3, 0) <= version.numbers[:2] < since
    }


def older(layer: object) -> bool:
    """Whether a layer computes what an older release of Keras 3 computed."""
    return any(getattr(layer, flag, False) for flag in {f for _, f, _ in _CHANGED})


def axes(kind: str, config: Mapping[str, Any]) -> dict[str, list[int]]:
    """Return the axes of a LayerNormalization as Keras sorts them from 3.14 on."""
    listed = config.get("axis")
    if kind != "LayerNormalization" or not isinstance(listed, (list, tuple)):
        return {}
    return {"axis": sorted(listed)} if all(type(a) is int for a in listed) else {}


def over_sorted_axes(
    layers: Mapping[str, LayerWeights], arrays: dict[str, list[Stored]]
) -> dict[str, list[Stored]]:
    """Return the weights of a LayerNormalization as wide as its sorted axes.

    Before Keras 3.14 they were as wide as the axes that were listed, in this order,
    and were reshaped, not transposed, to the input's axes.
    """
    made = dict(arrays)
    for path, found in arrays.items():
        there = layers.get(path)
        if there is None or type(there.layer).__name__ != "LayerNormalization":
            continue
        if len(found) == len(there.weights):
            made[path] = [
                _reshaped(stored, tuple(weight.shape))
                for stored, weight in zip(found, there.weights, strict=True)
            ]
    return made


def _reshaped(stored: Stored, shape: tuple[int, ...]) -> Stored:
    if stored.shape == shape or sorted(stored.shape) != sorted(shape):
        return stored
    return stored.holding(stored().reshape(shape))


__all__ = ["as_today", "axes", "flags", "older", "over_sorted_axes"]
