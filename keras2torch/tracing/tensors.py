"""Structures of tensors, as Keras flattens them, and as JSON has them.

A script beside ``worker.py``: self-contained, and for the same Pythons.
"""

from __future__ import annotations

from typing import Any


def never(*_: Any) -> Any:
    raise AssertionError("a traced layer is never run")


def is_tensor_like(value: Any) -> bool:
    import numpy as np
    import tensorflow as tf

    if isinstance(value, np.ndarray):
        return True
    return bool(tf.is_tensor(value)) or isinstance(value, (tf.Variable, tf.TensorSpec))


def ordered(value: dict[Any, Any]) -> list[Any]:
    try:
        return sorted(value)
    except TypeError:
        return list(value)


def plain(value: Any) -> Any:
    """A value as JSON has it; of what JSON does not have, the type's name."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):
        return value.tolist()
    if hasattr(value, "as_list"):
        return value.as_list()
    return {"?": type(value).__name__}


def described(tensor: Any) -> dict[str, Any]:
    shape = tensor.shape
    known = getattr(shape, "rank", 0) is not None
    sizes = [None if n is None else int(n) for n in tuple(shape)] if known else None
    return {"shape": sizes, "dtype": tensor.dtype.name}


def leaves(value: Any) -> list[Any]:
    """Tensors of a structure, dictionaries by sorted key as Keras flattens them."""
    if isinstance(value, dict):
        return [leaf for k in ordered(value) for leaf in leaves(value[k])]
    if isinstance(value, (list, tuple)):
        return [leaf for item in value for leaf in leaves(item)]
    return [value] if is_tensor_like(value) else []


def structure(value: Any, start: int = 0) -> Any:
    """The same structure as JSON, ``{"$": k}`` for the tensors."""
    counter = [start]

    def visit(item: Any) -> Any:
        if isinstance(item, dict):
            return {str(k): visit(item[k]) for k in ordered(item)}
        if isinstance(item, (list, tuple)):
            return [visit(part) for part in item]
        if is_tensor_like(item):
            counter[0] += 1
            return {"$": counter[0] - 1}
        return plain(item)

    return visit(value)


def filled(value: Any, tensors: list[Any]) -> Any:
    """Return a structure with other tensors in the place of its own."""
    source = iter(tensors)

    def visit(item: Any) -> Any:
        if isinstance(item, dict):
            made = {k: visit(item[k]) for k in ordered(item)}
            return type(item)(made) if type(item) is not dict else made
        if isinstance(item, (list, tuple)):
            parts = [visit(part) for part in item]
            if hasattr(item, "_fields"):
                return type(item)(*parts)
            return tuple(parts) if isinstance(item, tuple) else parts
        return next(source) if is_tensor_like(item) else item

    return visit(value)
