"""What a weight is brought back to after each step, with Keras' names and numbers.

A constraint takes a tensor in Keras' shape and returns one. Source:
``keras/src/constraints`` (3.15).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from typing_extensions import Self

from keras2torch import serialization
from keras2torch.configuration import epsilon
from keras2torch.tensors import as_floating

Axis = int | Sequence[int] | None


class Constraint:
    """Base of constraints; a subclass defines ``__call__(w)`` → tensor."""

    def __call__(self, w: Any) -> Any:
        """Return the weight as it may be."""
        return w

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Return a new one of what ``get_config`` gave."""
        return cls(**config)


class MaxNorm(Constraint):
    """Norms of at most ``max_value``.

    Parameters
    ----------
    max_value
        The largest norm.
    axis
        Keras' axes that a norm runs over: 0 for the weights into each unit of a
        Dense kernel (in, out), ``[0, 1, 2]`` for those of a Conv2D kernel.
    """

    def __init__(self, max_value: float = 2, axis: Axis = 0) -> None:
        self.max_value = max_value
        self.axis = axis

    def __call__(self, w: Any) -> torch.Tensor:
        w = as_floating(w)
        norms = _norms(w, self.axis)
        return _rescaled(w, norms, norms.clamp(0, self.max_value))

    def get_config(self) -> dict[str, Any]:
        return {"max_value": self.max_value, "axis": self.axis}


class NonNeg(Constraint):
    """Weights of at least 0."""

    def __call__(self, w: Any) -> torch.Tensor:
        kept: torch.Tensor = as_floating(w).clamp(min=0)
        return kept


class UnitNorm(Constraint):
    """Norms of 1.

    Parameters
    ----------
    axis
        Keras' axes that a norm runs over.
    """

    def __init__(self, axis: Axis = 0) -> None:
        self.axis = axis

    def __call__(self, w: Any) -> torch.Tensor:
        w = as_floating(w)
        scaled: torch.Tensor = w / (epsilon() + _norms(w, self.axis))
        return scaled

    def get_config(self) -> dict[str, Any]:
        return {"axis": self.axis}


class MinMaxNorm(Constraint):
    """Norms between two bounds.

    Parameters
    ----------
    min_value, max_value
        The bounds.
    rate
        How far each step goes there; 1 is all the way.
    axis
        Keras' axes that a norm runs over.
    """

    def __init__(
        self,
        min_value: float = 0.0,
        max_value: float = 1.0,
        rate: float = 1.0,
        axis: Axis = 0,
    ) -> None:
        self.min_value = min_value
        self.max_value = max_value
        self.rate = rate
        self.axis = axis

    def __call__(self, w: Any) -> torch.Tensor:
        w = as_floating(w)
        norms = _norms(w, self.axis)
        inside = self.rate * norms.clamp(self.min_value, self.max_value)
        return _rescaled(w, norms, inside + (1 - self.rate) * norms)

    def get_config(self) -> dict[str, Any]:
        return {
            "min_value": self.min_value,
            "max_value": self.max_value,
            "rate": self.rate,
            "axis": self.axis,
        }


def _norms(w: torch.Tensor, axis: Axis) -> torch.Tensor:
    dims = axis if axis is None or isinstance(axis, int) else tuple(axis)
    return w.square().sum(dims, keepdim=True).sqrt()


def _rescaled(
    w: torch.Tensor, norms: torch.Tensor, wanted: torch.Tensor
) -> torch.Tensor:
    return w * (wanted / (epsilon() + norms))


max_norm, min_max_norm = MaxNorm, MinMaxNorm
non_neg, unit_norm = NonNeg, UnitNorm

_OBJECTS = serialization.offer(
    "keras.constraints", (Constraint, MaxNorm, MinMaxNorm, NonNeg, UnitNorm)
)


def get(identifier: Any) -> Any:
    """Return the constraint that a name, config, class or callable stands for.

    Raises
    ------
    ValueError
        If it stands for none.
    """
    return serialization.resolve(identifier, "constraint", _OBJECTS)


def serialize(constraint: Any) -> Any:
    """Return a constraint as a config."""
    return serialization.serialize_keras_object(constraint)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Return the constraint of a config."""
    return serialization.deserialize_keras_object(
        config, custom_objects, module_objects=_OBJECTS, kind="constraint"
    )


__all__ = [
    "Constraint",
    "MaxNorm",
    "MinMaxNorm",
    "NonNeg",
    "UnitNorm",
    "deserialize",
    "get",
    "max_norm",
    "min_max_norm",
    "non_neg",
    "serialize",
    "unit_norm",
]
