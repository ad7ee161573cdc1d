"""What every operation shares: eager on tensors, written down on symbolic ones.

Source: ``keras/src/ops/operation.py`` (3.15).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from inspect import BoundArguments, Parameter, signature
from operator import index
from typing import Any, TypeVar, cast

from keras2torch.configuration import standardize_data_format
from keras2torch.models.symbolic import KerasTensor

F = TypeVar("F", bound=Callable[..., Any])
# By the name of the class that Keras has for it: what a file says.
OPERATIONS: dict[str, Callable[..., Any]] = {}


def operation(
    kind: str,
    tensors: str = "x",
    *,
    gives: type | None = None,
    spec: Callable[..., Any] | None = None,
) -> Callable[[F], F]:
    """Let a function of tensors be called on symbolic ones, too.

    Parameters
    ----------
    kind
        The class that Keras has for it: ``"Reshape"``.
    tensors
        The arguments that its ``call`` takes in Keras, or the one that takes all of
        them; the others belong to its constructor, and to the config in a file.
    gives
        ``list`` or ``tuple`` where Keras returns one.
    spec
        Takes the arguments and returns symbolic tensors like those that come out: only
        where an operation without a rule, run on an example, would not show them.
    """
    named = tensors.split()

    def decorated(function: F) -> F:
        arguments = signature(function)
        parameters = arguments.parameters
        many = parameters[named[0]].kind is Parameter.VAR_POSITIONAL
        others = [n for n, p in parameters.items() if p.kind is Parameter.VAR_KEYWORD]

        def by_place(*taken: Any, **options: Any) -> Any:
            places = {named[0]: taken} if many else zip(named, taken, strict=False)
            rest = {k: options.pop(k) for k in list(options) if k not in parameters}
            given = options | dict(places) | dict.fromkeys(others, rest)
            bound = BoundArguments(arguments, given)
            return called(*bound.args, **bound.kwargs)

        @wraps(function)
        def called(*args: Any, **kwargs: Any) -> Any:
            if not (any_symbolic(args) or (kwargs and any_symbolic(kwargs.values()))):
                return function(*args, **kwargs)
            from keras2torch.models.operations import written_down

            bound = arguments.bind(*args, **kwargs)
            bound.apply_defaults()
            given = dict(bound.arguments)
            taken = [given.pop(name) for name in named]
            if many:
                [taken] = taken
            for name in others:
                given |= given.pop(name)
            if "data_format" in given:
                # A file says the one that is in force, as Keras does.
                given["data_format"] = standardize_data_format(given["data_format"])
            return written_down(kind, by_place, taken, given, gives, spec)

        by_place.spec = spec  # type: ignore[attr-defined]
        OPERATIONS.setdefault(kind, by_place)
        return cast(F, called)

    return decorated


def any_symbolic(values: Iterable[Any]) -> bool:
    """Whether a symbolic tensor is among values, or in a list or dict of them."""
    for value in values:
        if isinstance(value, KerasTensor):
            return True
        if isinstance(value, (list, tuple)):
            if any_symbolic(value):
                return True
        elif isinstance(value, dict) and any_symbolic(value.values()):
            return True
    return False


def one_axis(axis: Any, rank: int) -> int:
    """Return an axis as a number from 0 on.

    Raises
    ------
    ValueError
        If a tensor of this rank has no such axis.
    """
    place = index(axis)
    if not -rank <= place < rank:
        raise ValueError(
            f"axis {place} is out of bounds for an array with dimension {rank}."
        )
    return place % rank


def all_axes(axis: Any, rank: int) -> tuple[int, ...]:
    """Return axes as numbers from 0 on, in the order that was given.

    Parameters
    ----------
    axis
        A number, several, or ``None`` for all of them.
    rank
        How many the tensor has.
    """
    if axis is None:
        return tuple(range(rank))
    if getattr(axis, "ndim", 0):
        axis = axis.tolist()
    if isinstance(axis, (list, tuple)):
        return tuple(one_axis(a, rank) for a in axis)
    return (one_axis(axis, rank),)
