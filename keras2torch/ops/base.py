"""What every operation shares: eager on tensors, written down on symbolic ones.

Source: ``keras/src/ops/operation.py`` (3.15).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from inspect import signature
from typing import Any, TypeVar, cast

from keras2torch.models.symbolic import KerasTensor

F = TypeVar("F", bound=Callable[..., Any])
# By the name of the class that Keras has for it: what a file says.
OPERATIONS: dict[str, Callable[..., Any]] = {}


def operation(
    kind: str, tensors: str = "x", *, gives: type | None = None
) -> Callable[[F], F]:
    """Let a function of tensors be called on symbolic ones, too.

    Parameters
    ----------
    kind
        The class that Keras has for it: ``"Reshape"``.
    tensors
        The arguments that its ``call`` takes in Keras; the others belong to its
        constructor, and to the config in a file.
    gives
        ``list`` or ``tuple`` where Keras returns one.
    """
    named = tensors.split()

    def decorated(function: F) -> F:
        arguments = signature(function)

        def by_place(*taken: Any, **options: Any) -> Any:
            return called(**dict(zip(named, taken, strict=False)), **options)

        @wraps(function)
        def called(*args: Any, **kwargs: Any) -> Any:
            if not (any_symbolic(args) or (kwargs and any_symbolic(kwargs.values()))):
                return function(*args, **kwargs)
            from keras2torch.models.operations import written_down

            bound = arguments.bind(*args, **kwargs)
            bound.apply_defaults()
            given = dict(bound.arguments)
            taken = [given.pop(name) for name in named]
            return written_down(kind, by_place, taken, given, gives)

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
