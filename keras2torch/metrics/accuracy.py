"""How often predictions match.

The numbers are those of :mod:`keras2torch.training.metrics`; here are Keras' signatures
and what Keras does about shapes. Source: ``keras/src/metrics/accuracy_metrics.py``
(3.15).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from keras2torch.losses.loss import squeeze_or_expand_to_same_rank
from keras2torch.metrics.base import tensors
from keras2torch.metrics.reductions import MeanOf
from keras2torch.training import metrics as plain


def accuracy(y_true: Any, y_pred: Any) -> torch.Tensor:
    """Return 1 where the prediction is the very target, in the shape of both."""
    true, pred = squeeze_or_expand_to_same_rank(*tensors(y_true, y_pred))
    return (true.to(pred.dtype) == pred).float()


def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> torch.Tensor:
    """Return 1 where what is above the threshold is a 1, in the shape of both."""
    true, pred = squeeze_or_expand_to_same_rank(*tensors(y_true, y_pred))
    return (true == (pred > threshold)).float()


def categorical_accuracy(y_true: Any, y_pred: Any) -> torch.Tensor:
    """Return 1 where the highest score is at the class of a one-hot target.

    Parameters
    ----------
    y_true, y_pred
        (…, classes).

    Returns
    -------
    Tensor
        (…).
    """
    return plain.categorical_accuracy(*tensors(y_true, y_pred))


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> torch.Tensor:
    """Return 1 where the highest score is at the class.

    Parameters
    ----------
    y_true
        Class numbers, (…) or (…, 1).
    y_pred
        (…, classes).

    Returns
    -------
    Tensor
        (…).
    """
    matches = plain.sparse_categorical_accuracy(*tensors(y_true, y_pred))
    if matches.ndim > 1 and matches.shape[-1] == 1:
        return matches.squeeze(-1)
    return matches


def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> torch.Tensor:
    """Return 1 where the class of a one-hot target is among the k best.

    Parameters
    ----------
    y_true, y_pred
        (…, classes).
    k
        How many are the best.
    """
    y_true, y_pred = tensors(y_true, y_pred)
    if y_true.dtype is torch.bool:
        y_true = y_true.byte()  # torch has no argmax of booleans
    return _in_top_k(y_true.argmax(-1), y_pred, k)


def sparse_top_k_categorical_accuracy(
    y_true: Any, y_pred: Any, k: int = 5, from_sorted_ids: bool = False
) -> torch.Tensor:
    """Return 1 where the class is among the k best, in the shape of ``y_true``.

    Parameters
    ----------
    y_true
        Class numbers.
    y_pred
        (…, classes).
    k
        How many are the best.
    from_sorted_ids
        ``y_pred`` holds class numbers, the best first, and no scores.
    """
    true, pred = tensors(y_true, y_pred)
    if not from_sorted_ids:
        return _in_top_k(true.long(), pred, k)
    best = pred.reshape(-1, pred.shape[-1])
    found = (true.reshape(-1, 1).to(pred.dtype) == best[:, :k]).any(1)
    return found.float().reshape(true.shape)


def _in_top_k(classes: torch.Tensor, scores: torch.Tensor, k: int) -> torch.Tensor:
    """Return 1 where fewer than k classes score higher than the right one.

    As TensorFlow's ``in_top_k``: 0 for a class that does not exist, and where a score
    is not finite.
    """
    shape = classes.shape
    classes, scores = classes.reshape(-1), scores.reshape(-1, scores.shape[-1])
    there = classes.clamp(0, scores.shape[-1] - 1)
    matches = plain.sparse_top_k_categorical_accuracy(there, scores, k)
    known = (classes == there) & scores.isfinite().all(-1)
    return (matches * known).reshape(shape)


class _Accuracy(MeanOf):
    """A share of matches: more is better."""

    _direction = "up"


class Accuracy(_Accuracy):
    """How often predictions equal targets.

    Parameters
    ----------
    name, dtype
        As of :class:`~keras2torch.metrics.Metric`.
    """

    def __init__(self, name: str | None = "accuracy", dtype: Any = None) -> None:
        super().__init__(accuracy, name, dtype)


class BinaryAccuracy(_Accuracy):
    """How often what is above a threshold is a 1, and else a 0.

    Parameters
    ----------
    name, dtype
        As of :class:`~keras2torch.metrics.Metric`.
    threshold
        The threshold itself is a 0.
    """

    def __init__(
        self,
        name: str | None = "binary_accuracy",
        dtype: Any = None,
        threshold: float = 0.5,
    ) -> None:
        super().__init__(binary_accuracy, name, dtype, threshold=threshold)
        self.threshold = threshold


class CategoricalAccuracy(_Accuracy):
    """How often the highest score is at the class of a one-hot target.

    Parameters
    ----------
    name, dtype
        As of :class:`~keras2torch.metrics.Metric`.
    """

    def __init__(
        self, name: str | None = "categorical_accuracy", dtype: Any = None
    ) -> None:
        super().__init__(categorical_accuracy, name, dtype)


class SparseCategoricalAccuracy(_Accuracy):
    """How often the highest score is at the class.

    Parameters
    ----------
    name, dtype
        As of :class:`~keras2torch.metrics.Metric`.
    """

    def __init__(
        self, name: str | None = "sparse_categorical_accuracy", dtype: Any = None
    ) -> None:
        super().__init__(sparse_categorical_accuracy, name, dtype)


class TopKCategoricalAccuracy(_Accuracy):
    """How often the class of a one-hot target is among the k best.

    Parameters
    ----------
    k
        How many are the best.
    name, dtype
        As of :class:`~keras2torch.metrics.Metric`.
    """

    def __init__(
        self,
        k: int = 5,
        name: str | None = "top_k_categorical_accuracy",
        dtype: Any = None,
    ) -> None:
        super().__init__(top_k_categorical_accuracy, name, dtype, k=k)
        self.k = k


class SparseTopKCategoricalAccuracy(_Accuracy):
    """How often the class is among the k best.

    Parameters
    ----------
    k
        How many are the best.
    name, dtype
        As of :class:`~keras2torch.metrics.Metric`.
    from_sorted_ids
        Predictions are class numbers, the best first, and no scores.
    """

    def __init__(
        self,
        k: int = 5,
        name: str | None = "sparse_top_k_categorical_accuracy",
        dtype: Any = None,
        from_sorted_ids: bool = False,
    ) -> None:
        super().__init__(
            sparse_top_k_categorical_accuracy,
            name,
            dtype,
            k=k,
            from_sorted_ids=from_sorted_ids,
        )
        self.k = k
        self.from_sorted_ids = from_sorted_ids

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        if not self.from_sorted_ids:
            del config["from_sorted_ids"]
        return config


def accuracy_for(
    y_true_shape: Sequence[int | None], y_pred_shape: Sequence[int | None]
) -> type[MeanOf]:
    """Return the class that ``"accuracy"`` means for such targets and predictions.

    Parameters
    ----------
    y_true_shape, y_pred_shape
        Batch first. Source: ``get_metric`` of ``keras/src/trainers/compile_utils.py``.
    """
    which = (BinaryAccuracy, SparseCategoricalAccuracy, CategoricalAccuracy)
    return which[of_shapes(y_true_shape, y_pred_shape)]


def of_shapes(
    y_true_shape: Sequence[int | None], y_pred_shape: Sequence[int | None]
) -> int:
    """Return 0 for binary, 1 for class numbers, 2 for one-hot."""
    if y_pred_shape[-1] == 1:
        return 0
    fewer = len(y_true_shape) < len(y_pred_shape)
    one = bool(y_true_shape) and y_true_shape[-1] == 1
    return 1 if fewer or (one and (y_pred_shape[-1] or 2) > 1) else 2
