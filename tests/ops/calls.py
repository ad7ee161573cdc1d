"""Calls of keras.ops, made under Keras and under keras2torch alike.

A case is a function of ``keras.ops`` and of tensors. Its values, dtypes and structure
are seen eagerly, in a functional model, and in a gradient. Nothing here imports torch
or Keras: both sides import this.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class T:
    """A random tensor.

    Attributes
    ----------
    shape, dtype
        Of the values.
    low, high
        Bounds of the values; those of integers are whole numbers.
    unknown
        Axes whose sizes are not known in a functional model.
    """

    shape: tuple[int, ...]
    dtype: str = "float32"
    low: float = -2.0
    high: float = 2.0
    unknown: tuple[int, ...] = (0,)

    def values(self, seed: int) -> Any:
        """Return an array, the same for the same seed."""
        rng = np.random.default_rng(seed)
        if self.dtype == "bool":
            return rng.random(self.shape) < 0.5
        if "int" in self.dtype:
            low, high = (
                int(max(self.low, 0 if self.dtype[0] == "u" else -99)),
                self.high,
            )
            return rng.integers(low, int(high) + 1, self.shape).astype(self.dtype)
        return rng.uniform(self.low, self.high, self.shape).astype(self.dtype)


@dataclass(frozen=True)
class A:
    """A tensor with these values."""

    array: Any
    unknown: tuple[int, ...] = (0,)

    @property
    def shape(self) -> tuple[int, ...]:
        return np.shape(self.array)

    @property
    def dtype(self) -> str:
        return self.values(0).dtype.name

    def values(self, seed: int) -> Any:
        found = np.asarray(self.array)
        small = {"float64": "float32", "int64": "int32"}
        if isinstance(self.array, np.ndarray):
            return found
        return found.astype(small.get(found.dtype.name, found.dtype))


@dataclass(frozen=True)
class Case:
    """One call.

    Attributes
    ----------
    name
        Of the operation, and what is special about the call.
    run
        Takes ``keras.ops`` and the tensors.
    tensors
        What it is called with.
    symbolic, gradient
        Whether it is called on symbolic tensors, and whether a gradient is taken.
    values
        Whether the values are compared: those of random operations are not.
    differs
        Why ours differ, where they do: shape or dtype of the symbolic tensors.
    written
        Why the values differ in a functional model, where they do: what is written into
        its source is torch's own.
    close
        How near values are to Keras', relative to the largest; of gradients tenfold.
    """

    name: str
    run: Callable[..., Any]
    tensors: tuple[T | A, ...] = ()
    symbolic: bool = True
    gradient: bool = True
    values: bool = True
    differs: str = ""
    written: str = ""
    close: float = 1e-5

    def arrays(self) -> list[Any]:
        """Return the values that it is called with."""
        return [t.values(n + len(self.name)) for n, t in enumerate(self.tensors)]


def case(name: str, run: Callable[..., Any], *tensors: Any, **options: Any) -> Case:
    """Return a case; a tuple stands for a tensor of that shape."""
    made = [T(t) if isinstance(t, tuple) else t for t in tensors]
    return Case(name, run, tuple(made), **options)


def flat(structure: Any) -> list[Any]:
    """Return the leaves of lists, tuples and dicts."""
    if isinstance(structure, dict):
        return [v for k in sorted(structure) for v in flat(structure[k])]
    if isinstance(structure, (list, tuple)):
        return [v for part in structure for v in flat(part)]
    return [structure]


def shown(structure: Any) -> str:
    """Return a structure as text, its leaves as stars."""
    if isinstance(structure, dict):
        return (
            f"{{{', '.join(f'{k}: {shown(structure[k])}' for k in sorted(structure))}}}"
        )
    if isinstance(structure, list):
        return f"[{', '.join(map(shown, structure))}]"
    if isinstance(structure, tuple):
        return f"({', '.join(map(shown, structure))})"
    return "*"


def weights(shape: Any) -> Any:
    """Return another factor for each entry, so that none cancels."""
    return np.cos(np.arange(int(np.prod(shape)), dtype="float64")).reshape(shape)


def dtype_of(value: Any) -> str:
    """Return the name of a dtype; what is no tensor has that of its class."""
    found = getattr(value, "dtype", type(value).__name__)
    return str(getattr(found, "name", found)).removeprefix("torch.")


def eager(case: Case, ops: Any, tensors: list[Any], numpy: Any) -> dict[str, Any]:
    """Return what a call gives on values."""
    result = case.run(ops, *tensors)
    leaves = flat(result)
    return {
        "structure": shown(result),
        "dtypes": [dtype_of(v) for v in leaves],
        "values": [numpy(v) for v in leaves],
    }


def symbolic(case: Case, keras: Any, numpy: Any) -> dict[str, Any]:
    """Return what a call gives in a functional model."""
    inputs = []
    for t in case.tensors:
        sizes = [None if i in t.unknown else n for i, n in enumerate(t.shape)]
        inputs.append(keras.Input(batch_shape=sizes, dtype=t.dtype))
    result = case.run(keras.ops, *inputs)
    leaves = flat(result)
    found: dict[str, Any] = {
        "structure": shown(result),
        "dtypes": [dtype_of(v) for v in leaves],
        "shapes": [list(v.shape) for v in leaves],
    }
    model = keras.Model(inputs, list(leaves))
    made = model(case.arrays())
    found["values"] = [numpy(v) for v in flat(made)]
    return found
