"""Keras' learning-rate schedules, over the numbers of ``training/schedules.py``.

Source: ``keras/src/optimizers/schedules/learning_rate_schedule.py`` (3.15).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from keras2torch.optimizers.naming import find, written
from keras2torch.serialization import (
    CustomObjectScope,
    deserialize_keras_object,
    offer,
)
from keras2torch.training import schedules as numbers


class LearningRateSchedule:
    """A learning rate that depends on the step; subclass it with ``__call__``.

    ``__call__(step)`` receives the number of the step, the first being 0, as an integer
    tensor without axes, and returns a tensor or a number. ``get_config`` is what
    ``__init__`` takes.
    """

    def __call__(self, step: Any) -> Any:
        """Return the rate of a step."""
        raise NotImplementedError(
            f"Learning rate schedule '{type(self).__name__}' must override "
            "`__call__(self, step)`."
        )

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make another one like it."""
        raise NotImplementedError(
            f"Learning rate schedule '{type(self).__name__}' must override "
            "`get_config()` in order to be serializable."
        )

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Make one from what ``get_config`` returned."""
        return cls(**config)

    def at(self, step: int) -> float:
        """Return the rate of a step as a number."""
        return float(self(torch.tensor(step)))


class _Formula(LearningRateSchedule):
    """A schedule that is a formula of plain numbers."""

    name: str

    def rate(self, step: Any) -> float:
        raise NotImplementedError

    def __call__(self, step: Any) -> torch.Tensor:
        steps = torch.as_tensor(step)
        if steps.ndim == 0:
            return torch.tensor(self.rate(steps.item()), dtype=torch.float32)
        rates = [self.rate(one) for one in steps.flatten().tolist()]
        return torch.tensor(rates, dtype=torch.float32).reshape(steps.shape)

    def at(self, step: int) -> float:
        # No tensor needed, unless somebody's subclass changed the formula.
        if type(self).__call__ is _Formula.__call__:
            return self.rate(step)
        return super().at(step)


def _positive(name: str, value: float) -> None:
    if value <= 0:
        raise ValueError(f"Argument `{name}` must be > 0. Received: {name}={value}")


class ExponentialDecay(_Formula):
    """Multiply by ``decay_rate`` every ``decay_steps`` steps; see Keras."""

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str = "ExponentialDecay",
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.decay_rate = decay_rate
        self.staircase = staircase
        self.name = name
        _positive("decay_steps", decay_steps)

    def rate(self, step: Any) -> float:
        return numbers.exponential_decay(
            step,
            self.initial_learning_rate,
            self.decay_steps,
            self.decay_rate,
            self.staircase,
        )

    def get_config(self) -> dict[str, Any]:
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "decay_rate": self.decay_rate,
            "staircase": self.staircase,
            "name": self.name,
        }


class PiecewiseConstantDecay(_Formula):
    """Step through ``values``; a step equal to a boundary still has the value before.

    Raises
    ------
    ValueError
        Unless there is one value more than boundaries.
    """

    def __init__(
        self,
        boundaries: Sequence[float],
        values: Sequence[float],
        name: str = "PiecewiseConstant",
    ) -> None:
        if len(boundaries) != len(values) - 1:
            raise ValueError(
                "The length of boundaries should be 1 less than the length of values. "
                f"Received: boundaries={boundaries} of length {len(boundaries)}, and "
                f"values={values} of length {len(values)}."
            )
        self.boundaries = boundaries
        self.values = values
        self.name = name

    def rate(self, step: Any) -> float:
        return float(
            numbers.piecewise_constant_decay(
                step, list(self.boundaries), list(self.values)
            )
        )

    def get_config(self) -> dict[str, Any]:
        return {
            "boundaries": self.boundaries,
            "values": self.values,
            "name": self.name,
        }


class PolynomialDecay(_Formula):
    """Fall to ``end_learning_rate`` along a power, once or, with ``cycle``, again."""

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.end_learning_rate = end_learning_rate
        self.power = power
        self.cycle = cycle
        self.name = name
        _positive("decay_steps", decay_steps)

    def rate(self, step: Any) -> float:
        return numbers.polynomial_decay(
            step,
            self.initial_learning_rate,
            self.decay_steps,
            self.end_learning_rate,
            self.power,
            self.cycle,
        )

    def get_config(self) -> dict[str, Any]:
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "end_learning_rate": self.end_learning_rate,
            "power": self.power,
            "cycle": self.cycle,
            "name": self.name,
        }


class InverseTimeDecay(_Formula):
    """Divide by 1, 1 + rate, 1 + 2 rate … every ``decay_steps`` steps."""

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str = "InverseTimeDecay",
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.decay_rate = decay_rate
        self.staircase = staircase
        self.name = name
        _positive("decay_steps", decay_steps)

    def rate(self, step: Any) -> float:
        return numbers.inverse_time_decay(
            step,
            self.initial_learning_rate,
            self.decay_steps,
            self.decay_rate,
            self.staircase,
        )

    def get_config(self) -> dict[str, Any]:
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "decay_rate": self.decay_rate,
            "staircase": self.staircase,
            "name": self.name,
        }


class CosineDecay(_Formula):
    """Fall along half a cosine, after a warm-up along a line if there is a target."""

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: int = 0,
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.alpha = alpha
        self.name = name
        self.warmup_steps = warmup_steps
        self.warmup_target = warmup_target
        _positive("decay_steps", decay_steps)

    def rate(self, step: Any) -> float:
        return numbers.cosine_decay(
            step,
            self.initial_learning_rate,
            self.decay_steps,
            self.alpha,
            self.warmup_target,
            self.warmup_steps,
        )

    def get_config(self) -> dict[str, Any]:
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "alpha": self.alpha,
            "name": self.name,
            "warmup_target": self.warmup_target,
            "warmup_steps": self.warmup_steps,
        }


class CosineDecayRestarts(_Formula):
    """Fall along half a cosine again and again, each ``t_mul`` longer (SGDR)."""

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: float,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.first_decay_steps = first_decay_steps
        self._t_mul = t_mul
        self._m_mul = m_mul
        self.alpha = alpha
        self.name = name
        _positive("first_decay_steps", first_decay_steps)

    def rate(self, step: Any) -> float:
        return numbers.cosine_decay_restarts(
            step,
            self.initial_learning_rate,
            self.first_decay_steps,
            self._t_mul,
            self._m_mul,
            self.alpha,
        )

    def get_config(self) -> dict[str, Any]:
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "first_decay_steps": self.first_decay_steps,
            "t_mul": self._t_mul,
            "m_mul": self._m_mul,
            "alpha": self.alpha,
            "name": self.name,
        }


_BUILT_IN: dict[str, type[Any]] = {
    made.__name__: made
    for made in (
        ExponentialDecay,
        PiecewiseConstantDecay,
        PolynomialDecay,
        InverseTimeDecay,
        CosineDecay,
        CosineDecayRestarts,
    )
}
offer("keras.optimizers.schedules", _BUILT_IN.values())


def serialize(learning_rate_schedule: Any) -> dict[str, Any]:
    """Return a schedule as a dictionary that JSON can hold."""
    return written(learning_rate_schedule, "keras.optimizers.schedules", _BUILT_IN)


def deserialize(
    config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
) -> Any:
    """Make a schedule from what :func:`serialize` returned.

    Raises
    ------
    ValueError
        If nobody knows its class.
    """
    if config["class_name"] == "function":
        return deserialize_keras_object(config, custom_objects, kind="function")
    made = find(config, _BUILT_IN, custom_objects, "schedule")
    with CustomObjectScope(custom_objects):
        return made.from_config(dict(config.get("config", {})))
