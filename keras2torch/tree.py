"""Structures of lists, tuples and dicts, in Keras' order (``keras/src/tree``, 3.15).

The keys of a dict go sorted, those of an OrderedDict as they are.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any


def is_nested(structure: Any) -> bool:
    """Whether it is a list, tuple or dict."""
    return isinstance(structure, (list, tuple, dict))


def keys(structure: Mapping[Any, Any]) -> list[Any]:
    """Return the keys of a dict in the order in which it is flattened."""
    if isinstance(structure, OrderedDict):
        return list(structure)
    try:
        return sorted(structure)
    except TypeError:
        return list(structure)


def leaves(structure: Any) -> Iterator[Any]:
    """Iterate over the leaves; ``None`` is one."""
    if isinstance(structure, dict):
        for key in keys(structure):
            yield from leaves(structure[key])
    elif isinstance(structure, (list, tuple)):
        for value in structure:
            yield from leaves(value)
    else:
        yield structure


def flatten(structure: Any) -> list[Any]:
    """Return the leaves; of what is no structure, itself."""
    return list(leaves(structure)) if is_nested(structure) else [structure]


def map_structure(function: Callable[..., Any], *structures: Any) -> Any:
    """Call a function with the leaves of structures of one shape."""
    first = structures[0]
    if isinstance(first, dict):
        made = {
            k: map_structure(function, *[s[k] for s in structures]) for k in keys(first)
        }
        return type(first)((k, made[k]) for k in first)
    if isinstance(first, (list, tuple)):
        values = [
            map_structure(function, *parts) for parts in zip(*structures, strict=True)
        ]
        return like(first, values)
    return function(*structures)


def pack(structure: Any, flat: Sequence[Any]) -> Any:
    """Return the structure with other leaves, in the order of :func:`flatten`.

    Raises
    ------
    ValueError
        If there are more or fewer of them.
    """
    given = list(flat)
    wanted = len(flatten(structure))
    if len(given) != wanted:
        raise ValueError(f"{wanted} values are wanted, {len(given)} are given.")
    taken = iter(given)

    def filled(part: Any) -> Any:
        if isinstance(part, dict):
            made = {k: filled(part[k]) for k in keys(part)}
            return type(part)((k, made[k]) for k in part)
        if isinstance(part, (list, tuple)):
            return like(part, [filled(p) for p in part])
        return next(taken)

    return filled(structure)


def same(a: Any, b: Any) -> bool:
    """Whether two structures have the same shape; a list is no tuple."""
    if is_nested(a) != is_nested(b):
        return False
    if isinstance(a, dict):
        return (
            isinstance(b, dict)
            and a.keys() == b.keys()
            and all(same(a[k], b[k]) for k in a)
        )
    if isinstance(a, (list, tuple)):
        return (
            isinstance(b, (list, tuple))
            and isinstance(a, tuple) == isinstance(b, tuple)
            and len(a) == len(b)
            and all(same(x, y) for x, y in zip(a, b, strict=True))
        )
    return True


def tuples(structure: Any) -> Any:
    """Return the structure with tuples for its lists."""
    if isinstance(structure, dict):
        return {k: tuples(v) for k, v in structure.items()}
    if isinstance(structure, (list, tuple)):
        return tuple(tuples(v) for v in structure)
    return structure


def lists(structure: Any) -> Any:
    """Return a structure with lists for its tuples."""
    if isinstance(structure, (list, tuple)):
        return [lists(v) for v in structure]
    return structure


def like(structure: Any, values: list[Any]) -> Any:
    """Return values as a list, tuple or named tuple, as the structure is."""
    if isinstance(structure, tuple) and hasattr(structure, "_fields"):
        return type(structure)(*values)
    return tuple(values) if isinstance(structure, tuple) else values
