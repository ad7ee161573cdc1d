"""Branches and loops, and functions called along an axis.

Source: ``keras/src/ops/core.py`` and ``keras/src/backend/tensorflow/core.py`` (3.15).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from keras2torch import tree
from keras2torch.models.symbolic import KerasTensor
from keras2torch.ops.base import operation
from keras2torch.ops.promotion import tensor

Function = Callable[..., Any]


@operation("Cond", "pred true_fn false_fn")
def cond(pred: Any, true_fn: Function, false_fn: Function) -> Any:
    """Return what the first function gives where ``pred`` is true, else the second."""
    return true_fn() if bool(pred) else false_fn()


@operation("Switch", "index branches operands")
def switch(index: Any, branches: Sequence[Function], *operands: Any) -> Any:
    """Call one of several functions; a number beyond them means the nearest."""
    place = min(max(int(index), 0), len(branches) - 1)
    return branches[place](*operands)


def _like(value: Any, **options: Any) -> Any:
    """Return what stands for results of the shapes of what goes in."""
    if tree.is_nested(value):
        return tree.map_structure(_like, value)
    found = value if isinstance(value, KerasTensor) else tensor(value)
    return KerasTensor(found.shape, str(found.dtype).removeprefix("torch."))


@operation("WhileLoop", "loop_vars", spec=_like)
def while_loop(
    cond: Function, body: Function, loop_vars: Any, maximum_iterations: Any = None
) -> Any:
    """Call ``body`` on what it returned for as long as ``cond`` holds.

    Parameters
    ----------
    cond, body
        Take the variables as arguments; ``body`` returns as many.
    loop_vars
        What they begin with: a tensor, or a list or tuple.
    maximum_iterations
        The loop ends after so many, if not before.
    """
    many = isinstance(loop_vars, (list, tuple))
    state = tuple(loop_vars) if many else (loop_vars,)
    left = None if maximum_iterations is None else int(maximum_iterations)
    while bool(cond(*state)) and left != 0:
        made = body(*state)
        state = tree.map_structure(tensor, tuple(made) if many else (made,))
        left = None if left is None else left - 1
    state = tree.map_structure(tensor, state)
    return state if many else state[0]


@operation("ForiLoop", "init_val", spec=_like)
def fori_loop(lower: Any, upper: Any, body_fun: Function, init_val: Any) -> Any:
    """Call ``body_fun(i, value)`` for each number from ``lower`` on to ``upper``."""
    value = tree.map_structure(tensor, init_val)
    for i in range(int(lower), int(upper)):
        value = body_fun(tensor(i), value)
    return tree.map_structure(tensor, value)


# ----------------------------------------------------------------- along an axis
@operation("Map", "f xs")
def map(f: Function, xs: Any) -> Any:
    """Call a function on each entry along the first axis, and stack what it returns.

    Parameters
    ----------
    f
        Takes an entry, or a structure of them, and returns one.
    xs
        A tensor or a structure of tensors.
    """
    given = tree.map_structure(tensor, xs)
    count = tree.flatten(given)[0].shape[0]
    if not count:
        raise ValueError("map: there is no entry that `f` could be called on.")
    made = [f(_entry(given, i)) for i in range(count)]
    return tree.map_structure(_stacked, *made)


def _entry(structure: Any, at: int) -> Any:
    return tree.map_structure(lambda t: t[at], structure)


@operation("VectorizedMap", "elements")
def vectorized_map(function: Function, elements: Any) -> Any:
    """Call a function on all entries along the first axis at once.

    One that looks at values, which that does not allow, is called on each by itself.

    Parameters
    ----------
    function
        Takes an entry, or a structure of them, and returns one.
    elements
        A tensor or a structure of tensors.
    """
    given = tree.map_structure(tensor, elements)
    try:
        return torch.vmap(function, randomness="different")(given)
    except (RuntimeError, ValueError):
        return map(function, given)


@operation("Scan", "f init xs")
def scan(
    f: Function,
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: int | bool = 1,
) -> Any:
    """Call a function on entry after entry, with what it carries on.

    Parameters
    ----------
    f
        Takes what is carried and an entry; returns what is carried on, and a result.
    init
        What is carried into the first call.
    xs
        A tensor or a structure of tensors; ``None`` for entries that say nothing.
    length
        How many there are, if not as many as ``xs`` has.
    reverse
        Whether it begins with the last one.
    unroll
        Says nothing here.

    Returns
    -------
    tuple
        What is carried in the end, and the results, stacked in the order of ``xs``.
    """
    if not callable(f):
        raise TypeError(f"`f` should be a callable. Received: f={f}")
    if not isinstance(unroll, bool) and (not isinstance(unroll, int) or unroll < 1):
        raise ValueError(
            "`unroll` must be an positive integer or boolean. "
            f"Received: unroll={unroll}"
        )
    if xs is None and length is None:
        raise ValueError("Got no `xs` to scan over and `length` not provided.")
    given = None if xs is None else tree.map_structure(tensor, xs)
    count = int(length) if length is not None else tree.flatten(given)[0].shape[0]
    carry, results = tree.map_structure(tensor, init), [None] * count
    for i in reversed(range(count)) if reverse else range(count):
        carry, results[i] = f(carry, None if xs is None else _entry(given, i))
    if not count or any(r is None for r in results):
        # TensorFlow's arrays are of the shapes of what is carried, and zero at first.
        return carry, tree.map_structure(lambda c: c.new_zeros(count, *c.shape), carry)
    return carry, tree.map_structure(_stacked, *results)


@operation("AssociativeScan", "f elems")
def associative_scan(
    f: Function, elems: Any, reverse: bool = False, axis: int = 0
) -> Any:
    """Return all partial results of an associative function, as cumsum does of a sum.

    Parameters
    ----------
    f
        Takes two entries, or many pairs at once, and returns their combination.
    elems
        A tensor or a structure of tensors.
    reverse
        Whether it begins with the last entry.
    axis
        Along which the entries are.
    """
    if not callable(f):
        raise TypeError(f"`f` should be a callable. Received: f={f}")
    flat = [tensor(e) for e in tree.flatten(elems)]
    if len({e.shape[axis] for e in flat}) > 1:
        raise ValueError(
            "Array inputs to associative_scan must have the same first dimension. "
            f"(saw: {[tuple(e.shape) for e in flat]})"
        )
    first = [e.movedim(axis, 0) for e in flat]
    first = [e.flip(0) for e in first] if reverse else first

    def combined(a: list[Any], b: list[Any]) -> list[Any]:
        one, other = (
            tree.pack(elems, [t.movedim(0, axis) for t in side]) for side in (a, b)
        )
        return [t.movedim(axis, 0) for t in tree.flatten(f(one, other))]

    made = _scanned(combined, first)
    made = [e.flip(0) for e in made] if reverse else made
    made = [e.movedim(0, axis) for e in made]
    return tree.pack(elems, made) if tree.is_nested(elems) else made[0]


def _scanned(combined: Function, elems: list[Any]) -> list[Any]:
    """Scan along axis 0: pairs first, so that the depth is the logarithm."""
    count = len(elems[0])
    if count < 2:
        return elems
    pairs = combined([e[:-1:2] for e in elems], [e[1::2] for e in elems])
    odd = _scanned(combined, pairs)
    even = [e[:1] for e in elems]
    if count > 2:
        before = [o[: (count - 1) // 2] for o in odd]
        later = combined(before, [e[2::2] for e in elems])
        even = [torch.cat([e, x]) for e, x in zip(even, later, strict=True)]
    found = []
    for e, o in zip(even, odd, strict=True):
        both = e.new_empty(count, *e.shape[1:])
        both[::2], both[1::2] = e, o
        found.append(both)
    return found


def _stacked(*values: Any) -> torch.Tensor:
    return torch.stack([tensor(v) for v in values])


__all__ = [
    "associative_scan",
    "cond",
    "fori_loop",
    "map",
    "scan",
    "switch",
    "vectorized_map",
    "while_loop",
]
