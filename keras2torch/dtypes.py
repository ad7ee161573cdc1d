"""Names of dtypes, and which one several of them become together.

Sources: ``keras/src/backend/common/dtypes.py`` and ``variables.py`` (Keras 3.15, on
TensorFlow).
"""

from __future__ import annotations

from typing import Any

from keras2torch.reading import promotion

_ALLOWED = frozenset(
    "float16 float32 float64 uint8 uint16 uint32 uint64 int8 int16 int32 int64 "
    "bfloat16 bool string float8_e4m3fn float8_e5m2 complex64 complex128".split()
)
_OF_PYTHON = {
    bool: "bool",
    int: "int64",
    float: "float32",
    str: "string",
    complex: "complex128",
    "int": "int64",
}
_FLOAT8 = ("float8_e4m3fn", "float8_e5m2")


def standardize_dtype(dtype: Any) -> str:
    """Return the name of a dtype of numpy, torch, Python or by name; floatx for None.

    Raises
    ------
    ValueError
        If Keras has no such dtype.
    """
    if dtype is None:
        return _floatx()
    try:
        found = _OF_PYTHON.get(dtype, dtype)
    except TypeError:  # what cannot be hashed is no dtype
        found = dtype
    for attribute in ("name", "__name__"):
        found = getattr(found, attribute, found)
    if not isinstance(found, str):
        found = str(found).removeprefix("torch.")
    if found not in _ALLOWED:
        raise ValueError(f"Invalid dtype: {found}")
    return str(found)


def is_float_dtype(dtype: Any) -> bool:
    """Whether a dtype is ``float…`` or ``bfloat16``."""
    return standardize_dtype(dtype).startswith(("float", "bfloat"))


def is_int_dtype(dtype: Any) -> bool:
    """Whether a dtype is ``int…`` or ``uint…``."""
    return standardize_dtype(dtype).startswith(("int", "uint"))


def result_type(*dtypes: Any) -> str:
    """Return the dtype of what is computed of tensors of these dtypes.

    Parameters
    ----------
    dtypes
        Dtypes, or Python's ``int`` and ``float``, which take that of what is beside
        them.

    Raises
    ------
    ValueError
        For one of 8 bits, or one that there is not.

    Examples
    --------
    >>> result_type("int32", "float16")
    'float16'
    """
    if not dtypes:
        return _floatx()
    if any(d in _FLOAT8 for d in dtypes if isinstance(d, str)):
        raise ValueError(
            "There is no implicit conversions from float8 dtypes to others. You must "
            f"cast it internally. Received: {dtypes}"
        )
    weak = {int: "int", float: "float"}
    if len(dtypes) == 1 and dtypes[0] in (int, float):
        return weak[dtypes[0]] + _floatx()[-2:]
    if len(dtypes) == 1:
        found = standardize_dtype(dtypes[0])
    else:
        names = [weak.get(d) or standardize_dtype(d) for d in dtypes]
        found = promotion.result_type(*names, floatx=_floatx())
    return "uint32" if found == "uint64" else found  # as Keras on TensorFlow


def _floatx() -> str:
    import torch

    return str(torch.get_default_dtype()).removeprefix("torch.")
