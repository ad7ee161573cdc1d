"""What calls inherit from the calls around them: ``training``; and the device."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

from keras2torch.distribution.processes import local_device


class Context:
    """What a call and the calls within it share.

    Attributes
    ----------
    training
        What calls inherit. As in Keras, a layer that is told otherwise tells those
        after it, too (``layers/layer.py``, _resolve_and_populate_arg).
    fixed
        Whether each call within begins anew from here: those of a graph, of a step.
    inside
        Whether this is within the call of a model or layer.
    told
        Number of a layer → what its call in the graph says, if the call of the model
        says nothing.
    """

    __slots__ = ("fixed", "inside", "told", "training")

    def __init__(
        self,
        training: bool | None,
        fixed: bool,
        inside: bool,
        told: Mapping[int, bool] | None = None,
    ) -> None:
        self.training, self.fixed, self.inside = training, fixed, inside
        self.told = told


class _Call(threading.local):
    def __init__(self) -> None:
        self.stack: list[Context] = []


_call = _Call()
NOT_GIVEN: Any = object()


def within() -> bool:
    """Whether a model or layer is being called."""
    return bool(_call.stack) and _call.stack[-1].inside


def resolved(given: Any, otherwise: bool) -> Any:
    """Return ``training`` of a call that has no calls of a user's code within.

    Parameters
    ----------
    given
        What it was called with, or ``NOT_GIVEN``.
    otherwise
        The mode of the module, for calls from outside.
    """
    if not _call.stack:
        return otherwise or None if given is NOT_GIVEN or given is None else given
    context = _call.stack[-1]
    if given is NOT_GIVEN:
        return context.training
    if not context.fixed:
        context.training = given
    return given


@contextmanager
def entered(
    given: Any, default: Any, otherwise: bool, number: int = 0
) -> Iterator[Any]:
    """Enter the call of a layer; what comes is its ``training``, None if unknown.

    Parameters
    ----------
    given
        What it was called with, or ``NOT_GIVEN``.
    default
        What its ``call`` has as default.
    otherwise
        Whether its module is in training mode, for calls from outside.
    number
        Its ``id``.
    """
    stack = _call.stack
    outside = not stack
    own = outside or stack[-1].fixed
    if given is NOT_GIVEN and own and not outside and stack[-1].training is None:
        given = (stack[-1].told or {}).get(number, NOT_GIVEN)
    if own:
        stack.append(Context(stack[-1].training if stack else None, False, True))
    context = stack[-1]
    if given is NOT_GIVEN:
        given = default if context.training is None else context.training
    if given is None and outside and otherwise:
        given = True
    context.training = given
    try:
        yield given
    finally:
        if own:
            stack.pop()


@contextmanager
def calling(
    training: bool | None,
    *,
    inside: bool = True,
    told: Mapping[int, bool] | None = None,
) -> Iterator[None]:
    """Have each call in here inherit ``training``."""
    _call.stack.append(Context(training, True, inside, told))
    try:
        yield
    finally:
        _call.stack.pop()


@contextmanager
def outside() -> Iterator[None]:
    """Have calls in here inherit nothing, as those of a data set's functions."""
    kept, _call.stack = _call.stack, []
    try:
        yield
    finally:
        _call.stack = kept


def remembering(function: Any) -> Any:
    """Return a function whose calls inherit what calls of now do, whenever it is."""
    now = [(c.training, c.fixed, c.inside) for c in _call.stack]

    def called(*args: Any, **kwargs: Any) -> Any:
        kept, _call.stack = _call.stack, [Context(*c) for c in now]
        try:
            return function(*args, **kwargs)
        finally:
            _call.stack = kept

    return called


# ------------------------------------------------------------------------- device
_device: torch.device | None = None


def default_device() -> torch.device:
    """Return where weights are made: the best device there is, or the one chosen."""
    if _device is not None:
        return _device
    if torch.cuda.is_available():
        return local_device() or torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def set_device(device: str | torch.device | None) -> None:
    """Choose where weights are made from now on; ``None``: the best device."""
    global _device
    _device = torch.device(device) if device is not None else None


@contextmanager
def set_device_for_now(device: torch.device) -> Iterator[None]:
    """Make weights on a device within a ``with``."""
    global _device
    kept, _device = _device, device
    try:
        yield
    finally:
        _device = kept
