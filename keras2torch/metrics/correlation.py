"""How targets and predictions vary together.

Source: ``keras/src/metrics/correlation_metrics.py`` (3.15).
"""

from __future__ import annotations

from typing import Any

import torch

from keras2torch.configuration import epsilon
from keras2torch.losses.loss import squeeze_or_expand_to_same_rank
from keras2torch.metrics.base import tensors
from keras2torch.metrics.reductions import MeanOf


def _pair(y_true: Any, y_pred: Any) -> tuple[torch.Tensor, torch.Tensor]:
    true, pred = tensors(y_true, y_pred)
    return squeeze_or_expand_to_same_rank(true.to(pred.dtype), pred)


def pearson_correlation(
    y_true: Any, y_pred: Any, axis: int | tuple[int, ...] = -1
) -> torch.Tensor:
    """Return Pearson's correlation along an axis: -1 to 1, NaN where one is constant.

    Parameters
    ----------
    y_true, y_pred
        Of one shape.
    axis
        What is correlated.
    """
    true, pred = _pair(y_true, y_pred)
    true = true - true.mean(axis, keepdim=True)
    pred = pred - pred.mean(axis, keepdim=True)
    true = true / true.std(axis, correction=0, keepdim=True)
    pred = pred / pred.std(axis, correction=0, keepdim=True)
    return (true * pred).mean(axis)


def concordance_correlation(
    y_true: Any, y_pred: Any, axis: int | tuple[int, ...] = -1
) -> torch.Tensor:
    """Return Lin's concordance along an axis: 1 where both are the same.

    Parameters
    ----------
    y_true, y_pred
        Of one shape.
    axis
        What is correlated.
    """
    true, pred = _pair(y_true, y_pred)
    mean_true = true.mean(axis, keepdim=True)
    mean_pred = pred.mean(axis, keepdim=True)
    spread = true.var(axis, correction=0, keepdim=True)
    spread = spread + pred.var(axis, correction=0, keepdim=True)
    # Keras takes the mean of the predictions on both sides; the sum is the same.
    together = (true - mean_pred) * (pred - mean_pred)
    norm = spread + (mean_true - mean_pred).square() + epsilon()
    return (2.0 * together / norm).mean(axis)


class PearsonCorrelation(MeanOf):
    """The mean of Pearson's correlations.

    Parameters
    ----------
    name, dtype
        As of :class:`~keras2torch.metrics.Metric`.
    axis
        What is correlated.
    """

    _direction = "up"

    def __init__(
        self,
        name: str | None = "pearson_correlation",
        dtype: Any = None,
        axis: int | tuple[int, ...] = -1,
    ) -> None:
        super().__init__(pearson_correlation, name, dtype, axis=axis)
        self.axis = axis


class ConcordanceCorrelation(MeanOf):
    """The mean of Lin's concordances.

    Parameters
    ----------
    name, dtype
        As of :class:`~keras2torch.metrics.Metric`.
    axis
        What is correlated.
    """

    _direction = "up"

    def __init__(
        self,
        name: str | None = "concordance_correlation",
        dtype: Any = None,
        axis: int | tuple[int, ...] = -1,
    ) -> None:
        super().__init__(concordance_correlation, name, dtype, axis=axis)
        self.axis = axis
