"""What a person calls an array, as a torch tensor of the dtype that Keras gives it."""

from __future__ import annotations

import sys
import warnings
from typing import Any

import numpy as np
import torch

# torch stores these and computes almost nothing with them.
_WIDER = {"uint16": np.int32, "uint32": np.int64, "uint64": np.int64}


def is_array(value: Any) -> bool:
    """Whether this is one array: numpy's, torch's, pandas', SciPy's or like them."""
    return (
        isinstance(value, (np.ndarray, torch.Tensor))
        or is_sparse(value)
        or hasattr(value, "__array__")
    )


def is_sparse(value: Any) -> bool:
    """Whether this is a SciPy sparse matrix or array."""
    return hasattr(value, "tocsr") and hasattr(value, "toarray")


def is_pandas(value: Any) -> bool:
    """Whether this is a DataFrame or Series."""
    return hasattr(value, "iloc") and hasattr(value, "to_numpy")


def shape_of(value: Any) -> tuple[int, ...]:
    """Return the shape of an array of any kind."""
    return tuple(int(n) for n in value.shape) if hasattr(value, "shape") else ()


def to_numpy(value: Any) -> Any:
    """Return a numpy array of an array of any kind, a pandas Series as one column.

    The column is Keras' (array_slicing.py, ``PandasSeriesSliceable``).
    """
    if isinstance(value, np.ndarray):
        return np.asarray(value)  # a matrix or masked array becomes a plain one
    if isinstance(value, torch.Tensor):
        return value.detach().cpu().numpy()
    if is_pandas(value):
        array = np.asarray(value.to_numpy())
        return array[:, None] if getattr(value, "ndim", 2) == 1 else array
    if is_sparse(value):
        return np.asarray(value.toarray())
    # TensorFlow's tensors, whose library stays unimported
    if callable(getattr(value, "numpy", None)):
        return np.asarray(value.numpy())
    return np.asarray(value)


def to_tensor(value: Any, name: str = "x", *, own: bool = False) -> torch.Tensor:
    """Return a torch tensor on the CPU, or wherever a torch tensor already is.

    Floating-point numbers become torch's default dtype, float32, which is here what
    floatx is in Keras. Integers and truth values stay. Memory is shared where possible.

    Parameters
    ----------
    value
        An array of any kind, or a number.
    name
        What an error calls it.
    own
        Whether to copy what is a view of the caller's array.

    Raises
    ------
    ValueError
        If it holds text, dates or rows of different lengths, or is no array.
    """
    if isinstance(value, torch.Tensor):
        return _floatx(value.detach())
    if not is_array(value) and not isinstance(value, (bool, int, float, complex)):
        raise ValueError(
            f"{name} is a {type(value).__name__}, which is neither an array nor a "
            "tensor."
        )
    array = to_numpy(value)
    if array.dtype == object:
        array = _of_objects(array, name)
    if array.dtype.kind in "US":
        raise ValueError(
            f"{name} holds text (dtype {array.dtype}), and torch has no text tensors: "
            "turn it into integers before it is given to the model."
        )
    if array.dtype.kind not in "biufc" and array.dtype.name != "bfloat16":
        raise ValueError(f"{name} has dtype {array.dtype}, which torch cannot hold.")
    if array.dtype.name == "bfloat16":  # ml_dtypes', which torch does not read
        array = array.astype(np.float32)
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if (wider := _WIDER.get(array.dtype.name)) is not None:
        array = array.astype(wider)
    if array.dtype == np.longdouble and array.dtype != np.float64:
        array = array.astype(np.float64)
    shared = array.base is not None or not array.flags.writeable
    if any(stride < 0 for stride in array.strides) or (own and shared):
        array = array.copy()
    with warnings.catch_warnings():
        # A read-only file in memory is read only: batches are never written to.
        warnings.filterwarnings("ignore", message=".*not writable.*")
        return _floatx(torch.from_numpy(array))


def add_note(error: BaseException, note: str) -> None:
    """Tell more about an exception, below its message."""
    if sys.version_info >= (3, 11):
        error.add_note(note)
    elif error.args and isinstance(error.args[0], str):
        message = error.args[0].rstrip(".")
        error.args = (f"{message}. {note}", *error.args[1:])


def _floatx(tensor: torch.Tensor) -> torch.Tensor:
    floatx = torch.get_default_dtype()
    if tensor.is_floating_point() and tensor.dtype != floatx:
        return tensor.to(floatx)
    return tensor


def _of_objects(array: Any, name: str) -> Any:
    """Return numbers of an array of Python objects, as a mixed DataFrame gives them."""
    if any(isinstance(v, (str, bytes)) for v in array.reshape(-1)):
        return array.astype(str)
    try:
        found = np.asarray(array.tolist())
    except ValueError:
        found = array
    if any(v is None for v in array.reshape(-1)):
        raise ValueError(
            f"{name} holds None, a missing value: fill in a number before it is given "
            "to the model."
        )
    if found.dtype == object or found.ndim < array.ndim:
        raise ValueError(
            f"{name} is an array of Python objects, not of numbers, as rows of "
            "different lengths make one: pad them with keras.utils.pad_sequences."
        )
    return found
