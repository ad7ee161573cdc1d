"""Arrays in lists, tuples and dicts, in the order in which Keras counts them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from keras2torch import tree

Build = Callable[[Iterator[Any]], Any]


def gathered(value: Any) -> Any:
    """Return the structure with lists of numbers, which are one array each, as arrays.

    Raises
    ------
    ValueError
        If the rows of a list of numbers differ in length.
    """
    if isinstance(value, (list, tuple)):
        if not _has_numbers(value):
            return tree.like(value, [gathered(v) for v in value])
        try:
            return np.asarray(value)
        except ValueError as error:
            raise ValueError(
                "a list of numbers has rows of different lengths, which is no array: "
                "pad them with keras.utils.pad_sequences."
            ) from error
    if isinstance(value, Mapping):
        return {k: gathered(v) for k, v in value.items()}
    return value


def is_nested(value: Any) -> bool:
    """Whether this holds arrays, rather than being one."""
    return isinstance(value, (list, tuple, Mapping))


def flatten(value: Any) -> list[Any]:
    """Return the leaves: lists from left to right, dicts by sorted key, as Keras does.

    ``None`` is a leaf. An ``OrderedDict`` keeps its order.
    """
    if isinstance(value, (list, tuple)):
        return [leaf for v in value for leaf in flatten(v)]
    if isinstance(value, Mapping):
        return [leaf for k in tree.keys(value) for leaf in flatten(value[k])]
    return [value]


def names(value: Any, name: str) -> list[str]:
    """Return for each leaf how a person would write it: ``x["image"]``, ``y[1]``."""
    if isinstance(value, (list, tuple)):
        return [n for i, v in enumerate(value) for n in names(v, f"{name}[{i}]")]
    if isinstance(value, Mapping):
        return [n for k in tree.keys(value) for n in names(value[k], f"{name}[{k!r}]")]
    return [name]


def map_leaves(function: Callable[[Any], Any], value: Any) -> Any:
    """Return the structure of what the function makes of each leaf but ``None``."""
    if value is None:
        return None
    if isinstance(value, (list, tuple)):
        return tree.like(value, [map_leaves(function, v) for v in value])
    if isinstance(value, Mapping):
        return {k: map_leaves(function, v) for k, v in value.items()}
    return function(value)


def builder(value: Any) -> Build:
    """Return what puts the leaves that are not ``None`` back into the structure."""
    if value is None:
        return lambda leaves: None
    if isinstance(value, (list, tuple)):
        parts = [builder(v) for v in value]
        return lambda leaves: tree.like(value, [part(leaves) for part in parts])
    if isinstance(value, Mapping):
        by_key = [(k, builder(value[k])) for k in tree.keys(value)]
        written = list(value)

        def build(leaves: Iterator[Any]) -> dict[Any, Any]:
            found = {k: part(leaves) for k, part in by_key}
            return {k: found[k] for k in written}

        return build
    return next


def same_structure(one: Any, other: Any) -> bool:
    """Whether both nest in the same way, whatever the leaves."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return set(one) == set(other) and all(
            same_structure(one[k], other[k]) for k in one
        )
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(
            same_structure(a, b) for a, b in zip(one, other, strict=True)
        )
    return not is_nested(one) and not is_nested(other)


def _has_numbers(value: Any) -> bool:
    """Whether the first leaf is a number or text, or there is none."""
    while isinstance(value, (list, tuple)):
        if not value:
            return True
        value = value[0]
    return isinstance(value, (bool, int, float, complex, str, bytes, np.generic))
