"""``Distiller``: a model that trains a student beside a frozen teacher.

Source: ``keras/src/distillation/distiller.py`` (3.15).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from keras2torch import losses, metrics, serialization, tree
from keras2torch.models.model import Model
from keras2torch.models.sequential import Sequential

_FINAL = "final_output"


class Distiller(Model):
    """Train a student on labels and on what a teacher makes of the same batch.

    Parameters
    ----------
    teacher
        A trained model; it is frozen.
    student
        The model that learns; take it back as ``distiller.student``.
    distillation_losses
        One :class:`DistillationLoss`, or a list of them.
    distillation_loss_weights
        A number for each of a list; 1 if not given.
    student_loss_weight
        Between 0 and 1: of the loss of ``compile``; the rest is of the others.
    name, kwargs
        Those of ``Model``.

    Raises
    ------
    ValueError
        If the models do not go together, or an argument is not as above.
    """

    def __init__(
        self,
        teacher: Any,
        student: Any,
        distillation_losses: Any,
        distillation_loss_weights: Any = None,
        student_loss_weight: float = 0.5,
        name: str = "distiller",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        _check_models(teacher, student)
        self.teacher = teacher
        self.student = student
        if not isinstance(student_loss_weight, (int, float)):
            raise ValueError(
                f"student_loss_weight must be a number, got {type(student_loss_weight)}"
            )
        if not 0.0 <= student_loss_weight <= 1.0:
            raise ValueError(
                "student_loss_weight must be between 0.0 and 1.0, "
                f"got {student_loss_weight}"
            )
        self.student_loss_weight = student_loss_weight
        self._take_losses(distillation_losses, distillation_loss_weights)
        for loss in self.distillation_losses:
            loss.validate_model_compatibility(teacher, student)
        self._teacher_feature_extractor = _extractor(
            teacher, self._layer_names("teacher_layer_name")
        )
        self._student_feature_extractor = _extractor(
            student, self._layer_names("student_layer_name")
        )
        teacher.trainable = False
        self.student_loss_tracker = metrics.Mean(name="student_loss")
        self.distillation_loss_tracker = metrics.Mean(name="distillation_loss")
        self.total_loss_tracker = metrics.Mean(name="total_loss")

    def _take_losses(self, given: Any, weights: Any) -> None:
        if given is None:
            raise ValueError(
                "'distillation_losses' cannot be `None`. Provide a distillation loss "
                "(e.g., LogitsDistillation or FeatureDistillation) or a list of "
                "distillation losses."
            )
        if not isinstance(given, (list, tuple)):
            given, weights = [given], [1.0]
        weights = [1.0] * len(given) if weights is None else weights
        if len(weights) != len(given):
            raise ValueError(
                f"Number of distillation_loss_weights ({len(weights)}) must match "
                f"number of distillation_losses ({len(given)})"
            )
        self.distillation_losses = given
        self.distillation_loss_weights = weights

    def _layer_names(self, side: str) -> list[str]:
        found = (getattr(loss, side, None) for loss in self.distillation_losses)
        return list(dict.fromkeys(name for name in found if name))

    # -- training
    def compile(  # type: ignore[override]
        self,
        optimizer: Any = "adam",
        loss: Any = None,
        metrics: Any = None,
        **kwargs: Any,
    ) -> None:
        """Say how the student learns.

        Parameters
        ----------
        optimizer, metrics, kwargs
            Those of ``Model.compile``.
        loss
            Of the student's outputs and the labels; it must be given.

        Raises
        ------
        ValueError
            Without a loss, or for metrics that are no list.
        """
        if loss is None:
            raise ValueError("'loss' cannot be `None`.")
        self._student_loss = tree.map_structure(losses.get, loss)
        self._student_loss_for_serialization = loss
        if metrics is not None and not isinstance(metrics, (list, tuple)):
            raise ValueError(f"metrics must be a list or tuple, got {type(metrics)}")
        super().compile(optimizer=optimizer, loss=None, metrics=metrics, **kwargs)

    def call(self, inputs: Any, training: Any = None, **kwargs: Any) -> Any:  # type: ignore[override]
        """Return what the student makes of a batch."""
        return self.student(inputs, training=training, **kwargs)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Return both losses, weighted; sample weights are not used, as in Keras."""
        if y_pred is None:
            y_pred = self(x, training=training)
        student: Any = 0.0
        if self.student_loss_weight > 0.0 and y is not None:
            student = self._of_labels(y, y_pred)
        distilled: Any = 0.0
        if self.student_loss_weight < 1.0:
            for loss, weight, sides in self._compared(x, y_pred):
                distilled = distilled + weight * _scalar_of(loss, *sides)
        total = self.student_loss_weight * student
        total = total + (1.0 - self.student_loss_weight) * distilled
        for tracker, value in (
            (self.student_loss_tracker, student),
            (self.distillation_loss_tracker, distilled),
            (self.total_loss_tracker, total),
        ):
            tracker.update_state(torch.as_tensor(value).detach())
        return total

    def _of_labels(self, y: Any, y_pred: Any) -> torch.Tensor:
        found = tree.flatten(
            tree.map_structure(
                lambda loss, *of: torch.as_tensor(loss(*of)),
                self._student_loss,
                y,
                y_pred,
            )
        )
        # Several are added up over the batch, too: so Keras does.
        together = torch.stack(found).sum() if len(found) > 1 else found[0]
        return together.mean()

    def _compared(self, x: Any, y_pred: Any) -> Iterator[tuple[Any, Any, Any]]:
        """Give each loss, its weight, and what it compares."""
        if self._teacher_feature_extractor is not None:
            teacher = self._teacher_feature_extractor(x, training=False)
        else:
            teacher = {_FINAL: self.teacher(x, training=False)}
        student = {_FINAL: y_pred}
        if self._student_feature_extractor is not None:
            student = self._student_feature_extractor(x, training=True)
        for loss, weight in zip(
            self.distillation_losses, self.distillation_loss_weights, strict=False
        ):
            if getattr(loss, "teacher_layer_name", None) is not None:
                theirs = teacher[loss.teacher_layer_name or _FINAL]
                own = student[loss.student_layer_name or _FINAL]
            else:
                theirs, own = teacher[_FINAL], y_pred
            loss.validate_outputs(theirs, own)
            yield loss, weight, (theirs, own)

    # -- configs
    def get_config(self) -> dict[str, Any]:
        """Return the models, the losses and their weights."""
        written = serialization.serialize_keras_object
        return {
            **super().get_config(),
            "teacher": written(self.teacher),
            "student": written(self.student),
            "distillation_losses": [written(d) for d in self.distillation_losses],
            "distillation_loss_weights": list(self.distillation_loss_weights),
            "student_loss_weight": self.student_loss_weight,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """Make one from what :meth:`get_config` returned."""
        config = dict(config)
        for key in ("teacher", "student", "distillation_losses"):
            config[key] = serialization.deserialize_keras_object(
                config[key], custom_objects
            )
        return cls(**config)


def _scalar_of(loss: Any, teacher: Any, student: Any) -> Any:
    found = loss.compute_loss(teacher, student)
    if getattr(found, "ndim", 0) > 0:
        raise ValueError(
            f"Distillation loss {type(loss).__name__} returned a non-scalar loss with "
            f"shape {tuple(found.shape)}. The compute_loss method must return a scalar "
            "tensor."
        )
    return found


def _extractor(model: Any, names: list[str]) -> Any:
    """Return a model of the same layers that gives what some of them give, too."""
    if not names:
        return None
    if getattr(model, "inputs", None) is None:
        raise ValueError(
            f"Cannot create feature extractor for {model.name}. The model has no "
            "symbolic inputs attribute."
        )
    plain = isinstance(model, Sequential)
    outputs = {_FINAL: model.layers[-1].output if plain else model.output}
    outputs |= {name: model.get_layer(name=name).output for name in names}
    name = f"{model.name}_multi_feature_extractor"
    return Model(inputs=model.inputs, outputs=outputs, name=name)


def _check_models(teacher: Any, student: Any) -> None:
    """Refuse what is no model, and models whose ends differ in shape or dtype."""
    for side, model in (("Teacher", teacher), ("Student", student)):
        if not isinstance(model, Model):
            raise ValueError(f"{side} must be a keras.Model, got {type(model)}")
    for end, context in (("inputs", "input"), ("outputs", "output")):
        theirs, own = getattr(teacher, end, None), getattr(student, end, None)
        if theirs is None or own is None:
            continue
        for a, b in zip(theirs, own, strict=True):
            _check_fit(a, b, context)


def _check_fit(teacher: Any, student: Any, context: str) -> None:
    said = f"Teacher: {teacher.shape}, Student: {student.shape}."
    if len(teacher.shape) != len(student.shape):
        raise ValueError(
            f"Teacher and student {context} shapes have different dimensions. {said}"
        )
    for one, other in zip(teacher.shape, student.shape, strict=True):
        if one is not None and other is not None and one != other:
            raise ValueError(
                f"Teacher and student {context} shapes are incompatible. {said} "
                "All dimensions must match."
            )
    if teacher.dtype != student.dtype:
        raise ValueError(
            f"Teacher and student {context} dtypes must match. Teacher: "
            f"{teacher.dtype}, Student: {student.dtype}."
        )
