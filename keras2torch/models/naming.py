"""Names as Keras gives them: ``dense``, ``dense_1``; and settings of the session."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from keras2torch.spelling import snake_case

_used: Counter[str] = Counter()


def auto_name(class_name: str) -> str:
    """Return the next name for a layer of a class."""
    prefix = snake_case(class_name)
    count = _used[prefix]
    _used[prefix] += 1
    return prefix if count == 0 else f"{prefix}_{count}"


def get_uid(prefix: str = "") -> int:
    """Return how often it was asked for a prefix, from 1 on, names of layers included.

    Examples
    --------
    >>> get_uid("block"), get_uid("block")
    (1, 2)
    """
    _used[prefix] += 1
    return _used[prefix]


_path: list[str] = []


def current_path() -> str:
    """Return the names of the scopes around, joined by slashes."""
    return "/".join(_path)


@contextmanager
def in_path(name: str) -> Iterator[None]:
    """Put a name before those of variables made within."""
    _path.append(name)
    try:
        yield
    finally:
        _path.pop()


def clear_session(free_memory: bool = True) -> None:
    """Begin counting names anew."""
    _used.clear()


def dtype_name(dtype: Any) -> str:
    """Return ``"float32"`` for a name, a numpy or torch dtype, or a policy."""
    if dtype is None:
        return "float32"
    if isinstance(dtype, dict):
        dtype = dict(dtype.get("config") or {}).get("name", "float32")
    for attribute in ("compute_dtype",):
        dtype = getattr(dtype, attribute, dtype)
    text = dtype if isinstance(dtype, str) else str(getattr(dtype, "name", dtype))
    if isinstance(dtype, type):
        text = dtype.__name__
    text = text.removeprefix("torch.")
    return {
        "mixed_float16": "float32",
        "mixed_bfloat16": "float32",
        "float": "float32",
        "int": "int64",
        "half": "float16",
    }.get(text, text)


_policy: str | None = None


def global_policy() -> str:
    """Return the name of the dtype policy of layers that are given none.

    Unless one was set it is torch's default dtype, Keras' floatx.
    """
    return _policy or floatx()


def floatx() -> str:
    """Return the dtype of what is given none: torch's default dtype."""
    return str(torch.get_default_dtype()).removeprefix("torch.")


def set_global_policy(policy: Any) -> None:
    """Set the dtype policy of layers that are given none.

    ``"mixed_float16"`` and ``"mixed_bfloat16"`` compute in half precision where torch's
    autocast does, on weights of float32.
    """
    from keras2torch.dtype_policies import get

    global _policy
    _policy = get(policy).name


def policy_name(policy: Any) -> str:
    """Return ``"mixed_float16"`` for a policy, its name, or its config."""
    if policy is None:
        return global_policy()
    if isinstance(policy, dict):
        return str(dict(policy.get("config") or {}).get("name", "float32"))
    if isinstance(policy, str):
        text = policy
    elif isinstance(policy, type):
        text = policy.__name__
    else:
        text = str(getattr(policy, "name", policy)).removeprefix("torch.")
    short = {"float": "float32", "int": "int64", "half": "float16"}
    return short.get(text, text)
