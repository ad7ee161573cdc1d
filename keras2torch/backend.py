"""What scripts take from ``keras.backend`` and ``keras.config``."""

from __future__ import annotations

from typing import Any

import torch

from keras2torch.dtype_policies import DTypePolicy
from keras2torch.models.context import default_device, set_device
from keras2torch.models.naming import (
    clear_session,
    floatx,
    set_global_policy,
)

_epsilon = 1e-7


def backend() -> str:
    """Return ``"torch"``."""
    return "torch"


def set_floatx(value: str) -> None:
    """Set the dtype of what is given none: ``"float32"`` or ``"float64"``."""
    torch.set_default_dtype(getattr(torch, value))


def epsilon() -> float:
    """Return what keeps divisions finite, 1e-7."""
    return _epsilon


def image_data_format() -> str:
    """Return ``"channels_last"``: what goes in and comes out has Keras' axes."""
    return "channels_last"


def dtype_policy() -> DTypePolicy:
    """Return the dtype policy of layers that are given none."""
    return DTypePolicy()


def set_dtype_policy(policy: Any) -> None:
    """Set the dtype policy of layers that are given none."""
    set_global_policy(policy)


# As they are called in ``keras.mixed_precision``.
Policy = DTypePolicy
global_policy = dtype_policy

__all__ = [
    "DTypePolicy",
    "Policy",
    "backend",
    "clear_session",
    "default_device",
    "dtype_policy",
    "epsilon",
    "floatx",
    "global_policy",
    "image_data_format",
    "set_device",
    "set_dtype_policy",
    "set_floatx",
    "set_global_policy",
]
