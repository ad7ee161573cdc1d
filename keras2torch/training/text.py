"""What a training script is put together from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from keras2torch.layers.text import Raw, literal, short
from keras2torch.training.compile_config import Option


@dataclass(frozen=True)
class Piece:
    """An expression of the script, and what it needs.

    Attributes
    ----------
    text
        The expression.
    uses
        Names to cut out of this folder's files.
    """

    text: str
    uses: tuple[str, ...] = ()


class NoRule(Exception):
    """Nothing here computes what Keras computes; the message says why."""


def number(value: float) -> str:
    """Return the literal of the number that a person meant."""
    return literal(short(value) if isinstance(value, float) else value)


def arguments(**values: Option) -> str:
    """Return ``lr=0.001, eps=1e-07`` for the values that are not ``None``."""
    parts = []
    for name, value in values.items():
        if value is None:
            continue
        if isinstance(value, tuple):
            numbers = ", ".join(number(v) for v in value)
            parts.append(f"{name}=({numbers}{',' if len(value) == 1 else ''})")
        elif isinstance(value, float):
            parts.append(f"{name}={number(value)}")
        else:
            parts.append(f"{name}={literal(value)}")
    return ", ".join(parts)


def shown(name: object) -> str:
    """Return a name of the file as one line of ASCII between quotes."""
    text = str(name)
    return ascii(text if len(text) <= 60 else text[:57] + "...")


def key(name: str) -> str:
    """Return a name as aliases are compared: ``mean_squared_error`` and its class."""
    return name.replace("_", "").lower()


def numeric(options: Mapping[str, Option], name: str, default: float) -> float:
    """Return a number among the options, ``default`` where it is absent or null.

    Raises
    ------
    NoRule
        If it is something else.
    """
    value = options.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise NoRule(f"{name}={shown(value)} is no number")
    return value


def flag(options: Mapping[str, Option], name: str) -> bool:
    """Return a yes or no among the options, ``False`` where it is absent or null.

    Raises
    ------
    NoRule
        If it is something else.
    """
    value = options.get(name)
    if value is None or isinstance(value, bool):
        return bool(value)
    raise NoRule(f"{name}={shown(value)} is neither true nor false")


__all__ = [
    "NoRule",
    "Piece",
    "Raw",
    "arguments",
    "flag",
    "key",
    "literal",
    "number",
    "numeric",
    "shown",
]
