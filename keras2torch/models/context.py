"""What calls inherit from the calls around them: ``training``; and the device."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch


class _Call(threading.local):
    def __init__(self) -> None:
        self.training: list[bool | None] = []


_call = _Call()


def current_training() -> bool | None:
    """Return ``training`` of the call that this one is within; None outside."""
    return _call.training[-1] if _call.training else None


@contextmanager
def calling(training: bool | None) -> Iterator[None]:
    """Have calls in here inherit ``training``."""
    _call.training.append(training)
    try:
        yield
    finally:
        _call.training.pop()


# ------------------------------------------------------------------------- device
_device: torch.device | None = None


def default_device() -> torch.device:
    """Return where weights are made: the best device there is, or the one chosen."""
    if _device is not None:
        return _device
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def set_device(device: str | torch.device | None) -> None:
    """Choose where weights are made from now on; ``None``: the best device."""
    global _device
    _device = torch.device(device) if device is not None else None
