"""Penalties on weights and outputs, with Keras' names and numbers.

A regularizer is called with a tensor in Keras' shape and returns a scalar that the
gradient flows through. Source: ``keras/src/regularizers`` (3.15).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from typing_extensions import Self

from keras2torch import serialization
from keras2torch.tensors import as_floating


class Regularizer:
    """Base of penalties; a subclass defines ``__call__(x)`` → scalar."""

    def __call__(self, x: Any) -> Any:
        """Return the penalty of a tensor."""
        return 0.0

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor.

        Raises
        ------
        NotImplementedError
            If the subclass does not define it.
        """
        raise NotImplementedError(f"{self} does not implement get_config()")

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Return a new one of what ``get_config`` gave."""
        return cls(**config)


class L1L2(Regularizer):
    """``l1 * sum(|x|) + l2 * sum(x²)``.

    Parameters
    ----------
    l1, l2
        The factors, both 0 unless given.

    Raises
    ------
    ValueError
        For a factor that is negative or no finite number.
    """

    def __init__(self, l1: float | None = 0.0, l2: float | None = 0.0) -> None:
        self.l1 = _factor(0.0 if l1 is None else l1, "l1")
        self.l2 = _factor(0.0 if l2 is None else l2, "l2")

    def __call__(self, x: Any) -> torch.Tensor:
        x = as_floating(x)
        total: torch.Tensor = x.new_zeros(())
        if self.l1:
            total = total + _in_float32(self.l1) * x.abs().sum()
        if self.l2:
            total = total + _in_float32(self.l2) * x.square().sum()
        return total

    def get_config(self) -> dict[str, Any]:
        return {"l1": self.l1, "l2": self.l2}


class L1(Regularizer):
    """``l1 * sum(|x|)``.

    Parameters
    ----------
    l1
        The factor. Keras holds it in float32, and so does the config.
    """

    def __init__(self, l1: float | None = 0.01) -> None:
        self.l1 = _in_float32(_factor(0.01 if l1 is None else l1, "l1"))

    def __call__(self, x: Any) -> torch.Tensor:
        sizes: torch.Tensor = as_floating(x).abs().sum()
        return self.l1 * sizes

    def get_config(self) -> dict[str, Any]:
        return {"l1": self.l1}


class L2(Regularizer):
    """``l2 * sum(x²)``: not halved.

    Parameters
    ----------
    l2
        The factor.
    """

    def __init__(self, l2: float | None = 0.01) -> None:
        self.l2 = _factor(0.01 if l2 is None else l2, "l2")

    def __call__(self, x: Any) -> torch.Tensor:
        squares: torch.Tensor = as_floating(x).square().sum()
        return _in_float32(self.l2) * squares

    def get_config(self) -> dict[str, Any]:
        return {"l2": self.l2}


class OrthogonalRegularizer(Regularizer):
    """The mean absolute cosine between the rows, or the columns, of a matrix.

    Parameters
    ----------
    factor
        What it is multiplied by.
    mode
        ``"rows"`` or ``"columns"``.

    Raises
    ------
    ValueError
        For another mode, or when called with something else than a matrix.
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows") -> None:
        self.factor = _in_float32(_factor(factor, "factor"))
        if mode not in ("rows", "columns"):
            raise ValueError(f"`mode` is 'rows' or 'columns', not {mode!r}.")
        self.mode = mode

    def __call__(self, inputs: Any) -> torch.Tensor:
        x = as_floating(inputs)
        if x.ndim != 2:
            raise ValueError(
                "OrthogonalRegularizer takes a matrix, not a tensor of shape "
                f"{tuple(x.shape)}."
            )
        x = x if self.mode == "rows" else x.mT
        # Keras multiplies by 1/norm, cut at 1/epsilon: F.normalize cuts elsewhere.
        x = x * x.square().sum(1, keepdim=True).rsqrt().clamp(max=1e7)
        size = x.shape[0]
        others = (x @ x.mT) * (1.0 - torch.eye(size, dtype=x.dtype, device=x.device))
        pairs = size * (size - 1.0) / 2.0
        penalty: torch.Tensor = self.factor * 0.5 * others.abs().sum() / pairs
        return penalty

    def get_config(self) -> dict[str, Any]:
        return {"factor": self.factor, "mode": self.mode}


def _factor(value: Any, name: str) -> float:
    if not isinstance(value, (float, int)) or not math.isfinite(value) or value < 0:
        raise ValueError(f"`{name}` is a number from 0 on, not {value!r}.")
    return float(value)


def _in_float32(factor: float) -> float:
    """Return a factor as Keras has it, also where the weight is in float64."""
    return float(np.float32(factor))


l1, l2, l1_l2 = L1, L2, L1L2
orthogonal_regularizer = OrthogonalRegularizer

_OBJECTS = serialization.offer(
    "keras.regularizers", (Regularizer, L1, L2, L1L2, OrthogonalRegularizer)
)


def get(identifier: Any) -> Any:
    """Return the regularizer that a name, config, class or callable stands for.

    Raises
    ------
    ValueError
        If it stands for none.
    """
    return serialization.resolve(identifier, "regularizer", _OBJECTS)


def serialize(regularizer: Any) -> Any:
    """Return a regularizer as a config."""
    return serialization.serialize_keras_object(regularizer)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Return the regularizer of a config."""
    return serialization.deserialize_keras_object(
        config, custom_objects, module_objects=_OBJECTS, kind="regularizer"
    )


__all__ = [
    "L1",
    "L1L2",
    "L2",
    "OrthogonalRegularizer",
    "Regularizer",
    "deserialize",
    "get",
    "l1",
    "l1_l2",
    "l2",
    "orthogonal_regularizer",
    "serialize",
]
