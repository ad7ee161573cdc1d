"""What a Keras name is in PyTorch: the tables of ``tables/``, and what follows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from keras2torch.guide.spellings import pascal

# Under these the functions of TensorFlow and of the old backend have Keras' names.
_LIKE = {
    "tf.math": ("tf", "ops"),
    "tf.nn": ("tf", "ops"),
    "tf.linalg": ("tf", "ops"),
    "tf.dtypes": ("tf", "ops"),
    "tf.strings": (),
    "tf.compat.v1": ("tf", "ops"),
    "tf.compat.v1.nn": ("tf.nn", "ops"),
    "tf.compat.v1.train": ("tf.train",),
    "tf.experimental.numpy": ("ops",),
    "tf.image": ("ops.image",),
    "tf.random": ("random", "tf"),
    "tf.bitwise": ("ops",),
    "tf.losses": ("losses",),
    "tf.metrics": ("metrics",),
    "tf": ("ops",),
    "backend": ("ops",),
    "metrics": ("losses",),
    # A model is a layer, too.
    "Model": ("Layer",),
    "Sequential": ("Model", "Layer"),
}

# Of what is known these are known, too: `losses.Huber.from_config`, `tf.float32.max`.
_OF_ANY = frozenset(
    "from_config get_config __name__ __init__ __class__ __doc__ max min name "
    "as_numpy_dtype".split()
)


# Modules of which nothing is listed by their own name.
_BARE = (
    "ops.numpy ops.nn ops.linalg legacy tf.compat tf.compat.v1 tf.contrib tf.losses "
    "tf.metrics tf.optimizers tf.optimizers.legacy tf.initializers"
)


@dataclass(frozen=True)
class Equal:
    """What a Keras name is in PyTorch.

    Parameters
    ----------
    torch
        A short expression; None if PyTorch has no equal.
    note
        A caution, or what to do instead.
    """

    torch: str | None
    note: str = ""


def lookup(name: str) -> Equal | None:
    """Return what a canonical name, or an argument of one, is in PyTorch.

    Examples
    --------
    >>> lookup("tf.nn.softplus")
    Equal(torch='F.softplus(x)', note='')
    """
    for near in _near(name):
        if near in _table():
            return _table()[near]
    for pattern, equal in _patterns():
        if fnmatchcase(name, pattern):
            return equal
    owner, _, last = name.rpartition(".")
    return lookup(owner) if owner and last in _OF_ANY else None


def is_listed(name: str) -> bool:
    """Whether a canonical name stands in the tables, itself or as one it is like."""
    return any(near in _table() for near in _near(name))


def method_of(homes: tuple[str, ...], method: str) -> str | None:
    """Return the canonical name of a method that the tables list for one of its homes.

    Examples
    --------
    >>> method_of(("Sequential", "Model", "Layer"), "trainable_variables")
    'Model.trainable_variables'
    """
    for home in homes:
        if f"{home}.{method}" in _table():
            return (
                f"{'Model' if 'Model' in homes and home == 'Layer' else home}.{method}"
            )
    return None


def is_module(name: str) -> bool:
    """Whether a canonical name is a module, not something within one."""
    return name in _modules()


def is_package(name: str) -> bool:
    """Whether a package that is imported beside Keras is listed."""
    return f"packages.{name}" in _table()


@cache
def group(prefix: str) -> tuple[str, ...]:
    """Return the listed names of a module: of ``losses`` Huber and the rest."""
    start = f"{prefix}."
    found = (n.removeprefix(start) for n in _table() if n.startswith(start))
    return tuple(n for n in found if "." not in n)


def names() -> Iterator[tuple[str, Equal]]:
    """Yield everything that the tables list."""
    yield from _table().items()


def _near(name: str) -> Iterator[str]:
    yield name
    home, _, last = name.rpartition(".")
    if home in ("losses", "metrics") and last in pascal():
        yield f"{home}.{pascal()[last]}"
        yield f"losses.{pascal()[last]}"
    for other in _LIKE.get(home, ()):
        yield f"{other}.{last}"


@cache
def _table() -> dict[str, Equal]:
    """Return all tables as one, by canonical name."""
    table: dict[str, Equal] = {}
    folder = Path(__file__).with_name("tables")
    for path in sorted(folder.glob("*.yaml")):
        text = path.read_text(encoding="utf-8")
        # The tables are ours, and the safe loader in C is ten times as fast.
        found: dict[str, Any] = yaml.load(text, Loader=_LOADER)  # noqa: S506, TID251
        for prefix, rows in found.items():
            if prefix == "same":
                listed = {f"ops.{n}": Equal(f"torch.{n}(x)") for n in rows.split()}
            else:
                start = f"{prefix}." if prefix not in ("", "arguments") else ""
                listed = {f"{start}{n}": _equal(row) for n, row in rows.items()}
            table |= listed
    return table


_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _equal(row: Any) -> Equal:
    if isinstance(row, list):
        torch, *note = row
        return Equal(None if torch is None else str(torch), *note)
    return Equal(str(row))


@cache
def _patterns() -> tuple[tuple[str, Equal], ...]:
    """Return the entries with a star, the longest first."""
    found = [(n, e) for n, e in _table().items() if "*" in n and "(" not in n]
    return tuple(sorted(found, key=lambda pair: -len(pair[0])))


@cache
def _modules() -> frozenset[str]:
    """Return every part of a listed name that is itself no class or function."""
    found = {"", "tf"}
    for name in _table():
        parts = re.split(r"\.(?![^(]*\))", name)
        for end in range(1, len(parts)):
            found.add(".".join(parts[:end]))
    found |= set(_BARE.split())
    return frozenset(n for n in found if n not in _table() and n.lower() == n)
