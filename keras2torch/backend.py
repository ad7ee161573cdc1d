"""What scripts take from ``keras.backend`` and ``keras.config``."""

from __future__ import annotations

from typing import Any

import torch

from keras2torch.configuration import (
    disable_flash_attention,
    disable_interactive_logging,
    disable_traceback_filtering,
    enable_flash_attention,
    enable_interactive_logging,
    enable_traceback_filtering,
    enable_unsafe_deserialization,
    epsilon,
    image_data_format,
    is_flash_attention_enabled,
    is_interactive_logging_enabled,
    is_nnx_enabled,
    is_traceback_filtering_enabled,
    max_epochs,
    max_steps_per_epoch,
    set_backend,
    set_epsilon,
    set_image_data_format,
    set_max_epochs,
    set_max_steps_per_epoch,
    standardize_data_format,
)
from keras2torch.dtype_policies import DTypePolicy
from keras2torch.dtypes import (
    is_float_dtype,
    is_int_dtype,
    result_type,
    standardize_dtype,
)
from keras2torch.models.context import default_device, set_device
from keras2torch.models.naming import (
    clear_session,
    floatx,
    get_uid,
    set_global_policy,
)
from keras2torch.models.symbolic import is_keras_tensor


def backend() -> str:
    """Return ``"torch"``."""
    return "torch"


def set_floatx(value: str) -> None:
    """Set the dtype of what is given none: ``"float32"`` or ``"float64"``.

    Raises
    ------
    ValueError
        If it is no dtype of floats.
    """
    if value not in ("bfloat16", "float16", "float32", "float64"):
        raise ValueError(
            f"Unknown `floatx` value: {value}. Expected one of {{'bfloat16', "
            "'float16', 'float32', 'float64'}"
        )
    torch.set_default_dtype(getattr(torch, value))


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
    "disable_flash_attention",
    "disable_interactive_logging",
    "disable_traceback_filtering",
    "dtype_policy",
    "enable_flash_attention",
    "enable_interactive_logging",
    "enable_traceback_filtering",
    "enable_unsafe_deserialization",
    "epsilon",
    "floatx",
    "get_uid",
    "global_policy",
    "image_data_format",
    "is_flash_attention_enabled",
    "is_float_dtype",
    "is_int_dtype",
    "is_interactive_logging_enabled",
    "is_keras_tensor",
    "is_nnx_enabled",
    "is_traceback_filtering_enabled",
    "max_epochs",
    "max_steps_per_epoch",
    "result_type",
    "set_backend",
    "set_device",
    "set_dtype_policy",
    "set_epsilon",
    "set_floatx",
    "set_global_policy",
    "set_image_data_format",
    "set_max_epochs",
    "set_max_steps_per_epoch",
    "standardize_data_format",
    "standardize_dtype",
]
