"""Structures of lists, tuples and dicts, in Keras' order (``keras/src/tree``, 3.15).

The keys of a dict go sorted, those of an OrderedDict as they are.
"""

from __future__ import annotations

import warnings
from collections import OrderedDict, defaultdict
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


def children(structure: Any) -> list[Any]:
    """Return the parts of a structure, in the order in which it is flattened."""
    if isinstance(structure, dict):
        return [structure[k] for k in keys(structure)]
    return list(structure)


def _beside(first: Any, other: Any) -> list[Any]:
    """Return the parts of a structure in the order of those of another of its shape."""
    if isinstance(first, dict):
        return [other[k] for k in keys(first)]
    return children(other)


def rebuilt(structure: Any, parts: list[Any]) -> Any:
    """Return the structure with other parts, in the order of :func:`children`."""
    if not isinstance(structure, dict):
        return like(structure, parts)
    found = dict(zip(keys(structure), parts, strict=True))
    pairs = ((k, found[k]) for k in structure)
    if isinstance(structure, defaultdict):
        return type(structure)(structure.default_factory, pairs)
    return type(structure)(pairs)


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


def map_structure(
    func: Callable[..., Any], *structures: Any, none_is_leaf: bool = True
) -> Any:
    """Call a function with the leaves of structures of one shape.

    Parameters
    ----------
    func
        Takes one leaf of each structure.
    structures
        One or more.
    none_is_leaf
        Whether ``None`` is given to the function, rather than kept as it is.

    Raises
    ------
    ValueError
        If there is no structure, or their shapes differ.
    """
    if not structures:
        raise ValueError("Must provide at least one structure")
    for other in structures[1:]:
        assert_same_structure(structures[0], other)
    return _mapped(func, structures, none_is_leaf)


def _mapped(func: Callable[..., Any], parts: Sequence[Any], none_is_leaf: bool) -> Any:
    if is_nested(parts[0]):
        inner = zip(*[_beside(parts[0], p) for p in parts], strict=True)
        return rebuilt(parts[0], [_mapped(func, p, none_is_leaf) for p in inner])
    if parts[0] is None and not none_is_leaf:
        return None
    return func(*parts)


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
        if is_nested(part):
            return rebuilt(part, [filled(p) for p in children(part)])
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


# ----------------------------------------------------- the rest of Keras' public names
class MAP_TO_NONE:
    """What a function of :func:`traverse` returns for ``None`` to stand there."""


def flatten_with_path(structure: Any) -> list[tuple[tuple[Any, ...], Any]]:
    """Return pairs of a path, keys and places from the outside in, and a leaf."""
    return list(_with_path(structure, ()))


def _with_path(structure: Any, path: tuple[Any, ...]) -> Iterator[Any]:
    if not is_nested(structure):
        yield path, structure
        return
    names = keys(structure) if isinstance(structure, dict) else range(len(structure))
    for name, part in zip(names, children(structure), strict=True):
        yield from _with_path(part, (*path, name))


def traverse(func: Callable[[Any], Any], structure: Any, top_down: bool = True) -> Any:
    """Return a structure of what a function makes of its parts.

    Parameters
    ----------
    func
        Takes a structure or leaf; returns what is to stand there, ``MAP_TO_NONE`` for
        ``None``, or ``None`` to go on with what is within.
    structure
        Where to begin.
    top_down
        Whether the outer parts come before the inner ones.
    """

    def inside() -> Any:
        if not is_nested(structure):
            return structure
        parts = [traverse(func, part, top_down) for part in children(structure)]
        return rebuilt(structure, parts)

    if top_down:
        made = func(structure)
        made = inside() if made is None else made
    else:
        within = inside()
        made = func(within)
        made = within if made is None else made
    return None if made is MAP_TO_NONE else made


def map_structure_up_to(
    shallow_structure: Any, func: Callable[..., Any], *structures: Any
) -> Any:
    """Call a function with the parts that stand where a shallow structure has leaves.

    Raises
    ------
    ValueError
        If a structure is of another shape so far.
    """
    if not structures:
        raise ValueError("Must provide at least one structure")
    if shallow_structure is None:  # which is a structure there, an empty one
        raise ValueError("the shallow structure of map_structure_up_to holds None.")
    if not is_nested(shallow_structure):
        return func(*structures)
    for structure in structures:
        _assert_alike(shallow_structure, structure)
    aligned = [_beside(shallow_structure, s) for s in (shallow_structure, *structures)]
    parts = zip(*aligned, strict=True)
    made = [map_structure_up_to(part, func, *others) for part, *others in parts]
    return rebuilt(shallow_structure, made)


def assert_same_structure(a: Any, b: Any, check_types: bool | None = None) -> None:
    """Raise unless two structures have the same shape, in the same types.

    Raises
    ------
    ValueError
        If they differ.
    """
    if check_types is not None:
        warnings.warn(
            "The `check_types` argument is deprecated and no longer has any effect; "
            "for a looser check, use `keras.tree.assert_same_paths()`.",
            DeprecationWarning,
            stacklevel=2,
        )
    if not is_nested(a) and not is_nested(b):
        return
    _assert_alike(a, b)
    for one, other in zip(children(a), _beside(a, b), strict=True):
        assert_same_structure(one, other)


def _assert_alike(a: Any, b: Any) -> None:
    """Raise unless two structures are of one kind, and have as many parts."""
    alike = is_nested(a) and is_nested(b)
    if alike and (isinstance(a, dict) or isinstance(b, dict)):
        alike = isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys()
    elif alike:
        alike = _kind(a) == _kind(b) and len(a) == len(b)
    if not alike:
        raise ValueError(
            f"Structures don't have the same nested structure: {a!r} and {b!r}."
        )


def _kind(structure: Any) -> type:
    """Return the type that counts: lists of any class are lists."""
    if isinstance(structure, tuple) and hasattr(structure, "_fields"):
        return type(structure)
    return tuple if isinstance(structure, tuple) else list


def assert_same_paths(a: Any, b: Any) -> None:
    """Raise unless the leaves of two structures have the same paths.

    Raises
    ------
    ValueError
        If they differ; it names the paths.
    """
    one, other = ({path for path, _ in flatten_with_path(s)} for s in (a, b))
    if one != other:
        raise ValueError(
            "`a` and `b` don't have the same paths. Missing in `b`: "
            f"{sorted(map(str, one - other))}, missing in `a`: "
            f"{sorted(map(str, other - one))}."
        )


def pack_sequence_as(structure: Any, flat_sequence: Sequence[Any]) -> Any:
    """Return a structure with these leaves.

    Raises
    ------
    ValueError
        If there are more or fewer of them.
    """
    return pack(structure, flat_sequence)


def lists_to_tuples(structure: Any) -> Any:
    """Return a structure with tuples for its lists."""
    return traverse(_to_tuple, structure, top_down=False)


def _to_tuple(part: Any) -> Any:
    return tuple(part) if isinstance(part, list) else None


def map_shape_structure(func: Callable[[Any], Any], structure: Any) -> Any:
    """Call a function with the shapes of a structure: tuples of integers and None."""
    sizes = isinstance(structure, (list, tuple)) and all(
        n is None or isinstance(n, int) for n in structure
    )
    if sizes or not is_nested(structure):
        return func(structure)
    parts = [map_shape_structure(func, part) for part in children(structure)]
    return rebuilt(structure, parts)
