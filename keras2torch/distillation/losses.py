"""How far a student's outputs are from its teacher's.

Source: ``keras/src/distillation/distillation_loss.py`` (3.15).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from keras2torch import losses, serialization, tree


class DistillationLoss:
    """Base of the losses between teacher and student; override ``compute_loss``."""

    def compute_loss(
        self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any
    ) -> Any:
        """Return the loss, a scalar; subclasses override it.

        Parameters
        ----------
        teacher_outputs, student_outputs
            A tensor each, or a list or dict of them.
        kwargs
            What a loss of a user's own takes besides.
        """
        raise NotImplementedError("Subclasses must implement compute_loss")

    def validate_outputs(self, teacher_outputs: Any, student_outputs: Any) -> None:
        """Refuse outputs that cannot be compared.

        Raises
        ------
        ValueError
            If their structures differ.
        """
        if not tree.same(teacher_outputs, student_outputs):
            raise ValueError(
                "the teacher's outputs and the student's differ in structure: "
                f"{_structure(teacher_outputs)} and {_structure(student_outputs)}."
            )

    def validate_model_compatibility(self, teacher: Any, student: Any) -> None:
        """Refuse models that this loss cannot compare; subclasses may override it."""


class FeatureDistillation(DistillationLoss):
    """Compare what a layer of each gives, or what the models give.

    Parameters
    ----------
    loss
        A name, function or ``Loss``, or a structure of them as the outputs have;
        ``None`` skips one.
    teacher_layer_name, student_layer_name
        The layers; the final output if not given.

    Raises
    ------
    ValueError
        If every loss is ``None``.
    """

    def __init__(
        self,
        loss: Any = "mse",
        teacher_layer_name: str | None = None,
        student_layer_name: str | None = None,
    ) -> None:
        self.teacher_layer_name = teacher_layer_name
        self.student_layer_name = student_layer_name
        self.loss = tree.map_structure(losses.get, loss)
        if all(one is None for one in tree.flatten(self.loss)):
            raise ValueError(
                "The `loss` argument in `FeatureDistillation` must "
                "contain at least one non-`None` value."
            )

    def validate_model_compatibility(self, teacher: Any, student: Any) -> None:
        """Refuse models without the named layers.

        Raises
        ------
        ValueError
            If a layer is not there, or a model has no symbolic tensors to take it from.
        """
        sides = (
            ("teacher", teacher, self.teacher_layer_name),
            ("student", student, self.student_layer_name),
        )
        if self.teacher_layer_name is not None or self.student_layer_name is not None:
            subclassed = [n for n, m, _ in sides if getattr(m, "inputs", None) is None]
            if subclassed:
                raise ValueError(
                    "FeatureDistillation with specific layer names requires "
                    f"Functional or Sequential models. The {' and '.join(subclassed)} "
                    "model(s) appear to be subclassed (no symbolic inputs/outputs). "
                    "Leave the layer names out to compare final outputs, or use "
                    "LogitsDistillation."
                )
        for side, model, name in sides:
            if name is None:
                continue
            try:
                model.get_layer(name=name)
            except ValueError as error:
                raise ValueError(f"In {side} model: {error}") from error

    def validate_outputs(self, teacher_outputs: Any, student_outputs: Any) -> None:
        """Refuse outputs that cannot be compared by these losses.

        Raises
        ------
        ValueError
            If structures differ.
        """
        super().validate_outputs(teacher_outputs, student_outputs)
        if not tree.same(self.loss, teacher_outputs):
            raise ValueError(
                "Loss structure mismatch. Loss structure: "
                f"{_structure(self.loss)}, Output structure: "
                f"{_structure(teacher_outputs)}."
            )

    def compute_loss(
        self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any
    ) -> Any:
        """Return the sum of the losses, each the mean over a batch."""
        return _summed(_mean, self.loss, teacher_outputs, student_outputs)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make another one."""
        return {
            "loss": losses.serialize(self.loss),
            "teacher_layer_name": self.teacher_layer_name,
            "student_layer_name": self.student_layer_name,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Make one from what ``get_config`` returned."""
        return cls(**{**config, "loss": losses.deserialize(config["loss"])})


class LogitsDistillation(DistillationLoss):
    """Compare final outputs, softened by a temperature.

    Parameters
    ----------
    temperature
        What outputs are divided by.
    loss
        A name, function or ``Loss``, or a structure of them as the outputs have;
        ``None`` skips one. A ``KLDivergence`` gets probabilities, and is multiplied by
        the square of the temperature; every other loss gets the divided outputs,
        the function ``"kl_divergence"`` included, as in Keras.

    Raises
    ------
    ValueError
        If every loss is ``None``, or the temperature is no positive number.
    """

    def __init__(self, temperature: float = 3.0, loss: Any = "kl_divergence") -> None:
        self.temperature = temperature
        self.loss = tree.map_structure(losses.get, loss)
        if all(one is None for one in tree.flatten(self.loss)):
            raise ValueError("At least one loss must be non-`None`.")
        if not isinstance(temperature, (int, float)):
            raise ValueError(f"temperature must be a number, got {type(temperature)}")
        if temperature <= 0.0:
            raise ValueError("temperature must be positive.")

    def compute_loss(
        self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any
    ) -> Any:
        """Return the sum of the losses, each the mean over a batch."""
        return _summed(self._softened, self.loss, teacher_outputs, student_outputs)

    def _softened(self, loss: Any, teacher: torch.Tensor, student: torch.Tensor) -> Any:
        teacher, student = teacher / self.temperature, student / self.temperature
        if not isinstance(loss, losses.KLDivergence):
            return _mean(loss, teacher, student)
        probable = _mean(loss, teacher.softmax(-1), student.softmax(-1))
        return probable * self.temperature**2

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make another one."""
        return {
            "temperature": self.temperature,
            "loss": serialization.serialize_keras_object(self.loss),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Make one from what ``get_config`` returned."""
        return cls(**{**config, "loss": losses.deserialize(config["loss"])})


def _mean(loss: Any, teacher: torch.Tensor, student: torch.Tensor) -> torch.Tensor:
    return torch.as_tensor(loss(teacher, student)).mean()


def _summed(
    compared: Callable[[Any, Any, Any], Any], loss: Any, teacher: Any, student: Any
) -> torch.Tensor:
    """Return the sum over outputs; ``None`` among the losses skips one."""
    total = tree.map_structure(
        lambda one, *sides: None if one is None else compared(one, *sides),
        loss,
        teacher,
        student,
    )
    return torch.stack([t for t in tree.flatten(total) if t is not None]).sum()


def _structure(values: Any) -> Any:
    return tree.map_structure(lambda _: "*", values)
