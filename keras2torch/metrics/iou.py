"""Intersection over union of segmentations.

Source: ``keras/src/metrics/iou_metrics.py`` (3.15).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import torch

from keras2torch.configuration import epsilon
from keras2torch.metrics.base import (
    Metric,
    device_of,
    tensor,
    tensors,
)


class _IoUBase(Metric):
    """A confusion matrix: rows are targets, columns predictions."""

    _direction = "up"

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(name=name, dtype=dtype or "int64")
        self.num_classes = num_classes
        self.ignore_class = ignore_class
        self.sparse_y_true = sparse_y_true
        self.sparse_y_pred = sparse_y_pred
        self.axis = axis
        self.total_cm = self.add_variable(
            (num_classes, num_classes),
            "zeros",
            dtype=self.dtype,
            name="total_confusion_matrix",
        )

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch: class numbers, or scores of classes along ``axis``.

        What is no class is not counted. Weights are cast to the metric's dtype, which
        is of integers unless said otherwise.
        """
        y_true, y_pred = tensors(y_true, y_pred)
        if not self.sparse_y_true:
            y_true = y_true.argmax(self.axis)
        if not self.sparse_y_pred:
            y_pred = y_pred.argmax(self.axis)
        y_true, y_pred = y_true.reshape(-1).long(), y_pred.reshape(-1).long()
        count = self.num_classes
        there = (y_true >= 0) & (y_true < count) & (y_pred >= 0) & (y_pred < count)
        if self.ignore_class is not None:
            there = there & (y_true != self.ignore_class)
        weight = there.to(self.total_cm.dtype)
        if sample_weight is not None:
            weight = weight * self._weight(sample_weight, y_true)
        cell = torch.where(there, y_true * count + y_pred, 0)
        counted = torch.zeros_like(self.total_cm).view(-1).index_add(0, cell, weight)
        self.total_cm.add_(counted.view(count, count))

    def _weight(self, sample_weight: Any, like: torch.Tensor) -> torch.Tensor:
        given = tensor(sample_weight, device=like.device)
        whole = not self.total_cm.dtype.is_floating_point
        # Of a list or a number Keras casts without a word.
        if whole and given.is_floating_point() and hasattr(sample_weight, "dtype"):
            warnings.warn(
                f"the weights are floats, which {self.name} cuts to integers: give it "
                "dtype='float32' to have them count.",
                stacklevel=4,
            )
        given = given.to(self.total_cm.dtype)
        given = given.reshape(-1) if given.ndim > 1 else given
        return given.expand(like.shape)


class IoU(_IoUBase):
    """The mean of intersection over union of some classes.

    Parameters
    ----------
    num_classes
        How many there are.
    target_class_ids
        Those that count.
    name, dtype
        As of :class:`~keras2torch.metrics.Metric`; the dtype is int64 if not given.
    ignore_class
        Targets that are not counted.
    sparse_y_true, sparse_y_pred
        Whether they are class numbers; else scores along ``axis``.
    axis
        That of the classes.

    Raises
    ------
    ValueError
        If a class that counts is none of those.
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(
            num_classes,
            name,
            dtype,
            ignore_class,
            sparse_y_true,
            sparse_y_pred,
            axis,
        )
        if max(target_class_ids) >= num_classes:
            raise ValueError(
                f"the target class {max(target_class_ids)} is none of {num_classes}."
            )
        self.target_class_ids = list(target_class_ids)

    def result(self) -> torch.Tensor:
        matrix, ids = self.total_cm, self.target_class_ids
        hits = matrix.diagonal()
        union = (matrix.sum(0) + matrix.sum(1) - hits)[ids].float()
        there = union > 1e-9
        each = torch.where(there, hits[ids].float() / (union + epsilon()), 0.0)
        return each.sum() / (there.sum() + epsilon())

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "target_class_ids": self.target_class_ids,
            "ignore_class": self.ignore_class,
            "sparse_y_true": self.sparse_y_true,
            "sparse_y_pred": self.sparse_y_pred,
            "axis": self.axis,
        }


def _without(config: dict[str, Any], *names: str) -> dict[str, Any]:
    return {k: v for k, v in config.items() if k not in names}


class BinaryIoU(IoU):
    """The mean of intersection over union of what is a 1 and what is a 0.

    Parameters
    ----------
    target_class_ids
        ``(1,)`` for what is a 1 alone.
    threshold
        What is not below it is a 1.
    name, dtype
        As of :class:`~keras2torch.metrics.Metric`; the dtype is int64 if not given.
    """

    def __init__(
        self,
        target_class_ids: Sequence[int] = (0, 1),
        threshold: float = 0.5,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(2, target_class_ids, name, dtype)
        self.threshold = threshold

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch of probabilities."""
        y_pred = tensor(y_pred, torch.float32, device_of((y_true, y_pred)))
        super().update_state(y_true, y_pred >= self.threshold, sample_weight)

    def get_config(self) -> dict[str, Any]:
        return {
            "target_class_ids": self.target_class_ids,
            "threshold": self.threshold,
            "name": self.name,
            "dtype": self.dtype,
        }


class MeanIoU(IoU):
    """The mean of intersection over union of all classes.

    Parameters
    ----------
    num_classes
        How many there are.
    name, dtype
        As of :class:`~keras2torch.metrics.Metric`; the dtype is int64 if not given.
    ignore_class, sparse_y_true, sparse_y_pred, axis
        As of :class:`IoU`.
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(
            num_classes,
            range(num_classes),
            name,
            dtype,
            ignore_class,
            sparse_y_true,
            sparse_y_pred,
            axis,
        )

    def get_config(self) -> dict[str, Any]:
        return _without(super().get_config(), "target_class_ids")


class OneHotIoU(IoU):
    """The mean of intersection over union of some classes, targets being one-hot.

    Parameters
    ----------
    num_classes, target_class_ids
        As of :class:`IoU`.
    name, dtype
        As of :class:`~keras2torch.metrics.Metric`; the dtype is int64 if not given.
    ignore_class, sparse_y_pred, axis
        As of :class:`IoU`.
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(
            num_classes,
            target_class_ids,
            name,
            dtype,
            ignore_class,
            False,
            sparse_y_pred,
            axis,
        )

    def get_config(self) -> dict[str, Any]:
        return _without(super().get_config(), "sparse_y_true")


class OneHotMeanIoU(MeanIoU):
    """The mean of intersection over union of all classes, targets being one-hot.

    Parameters
    ----------
    num_classes
        As of :class:`IoU`.
    name, dtype
        As of :class:`~keras2torch.metrics.Metric`; the dtype is int64 if not given.
    ignore_class, sparse_y_pred, axis
        As of :class:`IoU`.
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(
            num_classes, name, dtype, ignore_class, False, sparse_y_pred, axis
        )

    def get_config(self) -> dict[str, Any]:
        return _without(super().get_config(), "sparse_y_true")
