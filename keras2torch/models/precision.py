"""Dtype policies on torch: autocast where one mixes, a cast at the door elsewhere.

Keras casts what goes into a layer to the layer's compute dtype
(``keras/src/layers/layer.py``, ``__call__``). Mixed precision is torch's autocast: the
weights stay float32, and autocast knows which operations want float32.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import nn

from keras2torch import tree
from keras2torch.dtype_policies import DTypePolicy


class _Now(threading.local):
    def __init__(self) -> None:
        self.mixed: list[DTypePolicy] = []


_now = _Now()
NOTHING = nullcontext()


@contextmanager
def _mixed(policy: DTypePolicy, device: str) -> Iterator[None]:
    _now.mixed.append(policy)
    try:
        with torch.autocast(device, dtype=torch_dtype(policy.compute_dtype)):
            yield
    finally:
        _now.mixed.pop()


@contextmanager
def _plain(device: str) -> Iterator[None]:
    kept, _now.mixed = _now.mixed, []
    try:
        with torch.autocast(device, enabled=False):
            yield
    finally:
        _now.mixed = kept


def is_mixed() -> bool:
    """Whether this is within a call of a model or layer that mixes precisions."""
    return bool(_now.mixed)


def computing(policy: DTypePolicy, device: torch.device) -> AbstractContextManager[Any]:
    """Return what a call runs in: autocast if the policy mixes, else none of ours.

    A user's own ``torch.autocast`` is left alone.
    """
    if policy.is_mixed:
        if _now.mixed and _now.mixed[-1] == policy:
            return NOTHING
        return _mixed(policy, device.type)
    return _plain(device.type) if _now.mixed else NOTHING


def torch_dtype(name: str) -> torch.dtype:
    """Return ``torch.float32`` for ``"float32"``."""
    found: torch.dtype = getattr(torch, name, torch.float32)  # "string" of a lookup
    return found


def cast(values: Any, dtype: torch.dtype) -> Any:
    """Return floating tensors in a dtype, everything else as it is."""

    def one(value: Any) -> Any:
        floating = isinstance(value, torch.Tensor) and value.is_floating_point()
        if not floating or value.dtype == dtype:
            return value
        made = value.to(dtype)
        if (mask := getattr(value, "_keras_mask", None)) is not None:
            made._keras_mask = mask
        return made

    return tree.map_structure(one, values)


class Door:
    """Has a module of a program compute in the dtype of its layer, whatever comes in.

    Parameters
    ----------
    layer
        Whose dtype it is; asked at every call, since ``.to()`` changes it.
    """

    def __init__(self, layer: Any) -> None:
        self.layer = layer
        self._open: list[AbstractContextManager[Any]] = []

    def enter(self, module: nn.Module, args: Any, kwargs: Any) -> Any:
        """Be the hook before a call."""
        policy = self.layer.dtype_policy
        device = next((t.device for t in tree.leaves(list(args)) if _is(t)), None)
        context = computing(policy, device or torch.device("cpu"))
        context.__enter__()
        self._open.append(context)
        if policy.is_mixed:
            return args, kwargs
        dtype = torch_dtype(policy.compute_dtype)
        return tuple(cast(list(args), dtype)), cast(kwargs, dtype)

    def leave(self, module: nn.Module, args: Any, made: Any) -> None:
        """Be the hook after a call."""
        self._open.pop().__exit__(None, None, None)


def _is(value: Any) -> bool:
    return isinstance(value, torch.Tensor)


def guard(module: nn.Module, layer: Any) -> None:
    """Put a door before a module, once."""
    if "_keras_door" not in module.__dict__:
        door = Door(layer)
        module.__dict__["_keras_door"] = door
        module.register_forward_pre_hook(door.enter, with_kwargs=True)
        module.register_forward_hook(door.leave, always_call=True)
