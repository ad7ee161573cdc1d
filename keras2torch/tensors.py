"""What a user hands over → a torch tensor, with the dtype that Keras would give it.

Source: ``keras/src/backend/tensorflow/core.py`` and ``backend/common/variables.py``
(3.15).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch


def torch_dtype(dtype: Any = None) -> torch.dtype:
    """Return a dtype as torch knows it.

    Parameters
    ----------
    dtype
        A name, a numpy or torch dtype, a Python type, or ``None`` for the floating
        dtype in force (torch's default dtype, float32 unless changed).

    Raises
    ------
    ValueError
        If torch has no such dtype.
    """
    if dtype is None:
        return torch.get_default_dtype()
    if isinstance(dtype, torch.dtype):
        return dtype
    if dtype is float:
        return torch.get_default_dtype()
    # As a dtype Python's int is int64 on TensorFlow; its values are int32.
    known = {int: "int64", bool: "bool", complex: "complex128", "int": "int64"}
    name = known.get(dtype) if isinstance(dtype, (type, str)) else None
    name = name or getattr(dtype, "name", None)
    if name is None:
        name = dtype if isinstance(dtype, str) else np.dtype(dtype).name
    found = getattr(torch, str(name).removeprefix("torch."), None)
    if not isinstance(found, torch.dtype):
        raise ValueError(f"{dtype!r} is no dtype that torch knows.")
    return found


def as_tensor(value: Any) -> Any:
    """Return a tensor of what Keras would convert to one.

    A tensor, and whatever answers torch functions as a tensor does, is given back as
    it is; a weight comes in Keras' shape; arrays keep their dtype; Python floats get
    the floating dtype in force, Python ints int32.
    """
    if isinstance(value, torch.Tensor):
        return value
    keras = getattr(value, "keras", None)
    if callable(keras):
        return keras()
    if hasattr(type(value), "__torch_function__"):
        return value
    if isinstance(value, (list, tuple)) and any(map(_is_tensor, value)):
        return torch.stack([as_tensor(v) for v in value])
    if isinstance(value, (np.ndarray, np.generic)):
        return torch.as_tensor(np.array(value), device=torch.get_default_device())
    array = np.asarray(value)
    dtype = None
    if array.dtype.kind == "f":
        dtype = torch.get_default_dtype()
    elif array.dtype.kind == "i" and not hasattr(value, "__array__"):
        dtype = torch.int32
    return torch.as_tensor(array, dtype=dtype, device=torch.get_default_device())


def _is_tensor(value: Any) -> bool:
    return isinstance(value, torch.Tensor) or hasattr(type(value), "__torch_function__")


def to_array(tensor: torch.Tensor) -> Any:
    """Return a tensor's values as an array that is its own, bfloat16 too."""
    found = tensor.detach().cpu().as_subclass(torch.Tensor)
    if found.dtype is torch.bfloat16:
        from ml_dtypes import bfloat16  # numpy itself has no such dtype

        return found.contiguous().view(torch.int16).numpy().view(bfloat16).copy()
    return found.resolve_conj().resolve_neg().numpy().copy()


def as_floating(value: Any) -> Any:
    """Return a tensor of floats; integers become the floating dtype in force."""
    tensor = as_tensor(value)
    if isinstance(tensor, torch.Tensor) and not (
        tensor.is_floating_point() or tensor.is_complex()
    ):
        return tensor.to(torch.get_default_dtype())
    return tensor
