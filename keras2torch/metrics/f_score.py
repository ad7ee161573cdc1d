"""Means of precision and recall.

Source: ``keras/src/metrics/f_score_metrics.py`` (3.15).
"""

from __future__ import annotations

from typing import Any

import torch

from keras2torch.configuration import epsilon
from keras2torch.metrics.base import Metric, State, tensor, tensors
from keras2torch.tensors import torch_dtype


class FBetaScore(Metric):
    """The weighted harmonic mean of precision and recall.

    Targets and predictions are (samples, classes).

    Parameters
    ----------
    average
        Over classes: ``"micro"``, ``"macro"``, ``"weighted"``, or ``None`` for one
        value a class.
    beta
        How much recall counts; above 0.
    threshold
        What is above it is a 1; if not given, the highest score of a sample is.
    name, dtype
        As of :class:`~keras2torch.metrics.Metric`.

    Raises
    ------
    ValueError
        For another average; for a ``beta`` or threshold out of range or no float.
    """

    _direction = "up"

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str | None = "fbeta_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        if average not in (None, "micro", "macro", "weighted"):
            raise ValueError(
                f"`average` is None, 'micro', 'macro' or 'weighted', not {average!r}."
            )
        if not isinstance(beta, float) or beta <= 0.0:
            raise ValueError(f"`beta` is a float above 0, not {beta!r}.")
        if threshold is not None and not (
            isinstance(threshold, float) and 0.0 < threshold <= 1.0
        ):
            raise ValueError(
                f"`threshold` is a float above 0 and up to 1, not {threshold!r}."
            )
        self.average = average
        self.beta = beta
        self.threshold = threshold
        self._built = False

    def _build(self, y_true: torch.Tensor, y_pred: torch.Tensor) -> None:
        if y_true.ndim != 2 or y_pred.ndim != 2:
            raise ValueError(
                f"{type(self).__name__} takes (samples, classes), not targets of shape "
                f"{tuple(y_true.shape)} and predictions of {tuple(y_pred.shape)}."
            )
        shape = () if self.average == "micro" else (y_pred.shape[-1],)

        def state(name: str) -> State:
            return self.add_variable(shape, "zeros", dtype=self.dtype, name=name)

        self.true_positives = state("true_positives")
        self.false_positives = state("false_positives")
        self.false_negatives = state("false_negatives")
        self.intermediate_weights = state("intermediate_weights")
        self._built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch; the weight is one a sample."""
        dtype = torch_dtype(self.dtype)
        y_true, y_pred = tensors(y_true, y_pred, dtype)
        if not self._built:
            self._build(y_true, y_pred)
        if self.threshold is None:
            called = y_pred >= y_pred.amax(-1, keepdim=True)
            # So that a sample of zeros is of no class.
            called = called & (y_pred.abs() > 1e-9)
        else:
            called = y_pred > self.threshold
        called = called.to(dtype)
        weight = None
        if sample_weight is not None:
            weight = tensor(sample_weight, dtype, y_true.device).unsqueeze(1)

        def count(state: State, values: torch.Tensor) -> None:
            values = values if weight is None else values * weight
            state.add_(values.sum() if self.average == "micro" else values.sum(0))

        count(self.true_positives, called * y_true)
        count(self.false_positives, called * (1.0 - y_true))
        count(self.false_negatives, (1.0 - called) * y_true)
        count(self.intermediate_weights, y_true)

    def result(self) -> torch.Tensor:
        hits = self.true_positives
        precision = hits / (hits + self.false_positives + epsilon())
        recall = hits / (hits + self.false_negatives + epsilon())
        square = self.beta**2
        score = precision * recall / (square * precision + recall + epsilon())
        score = score * (1.0 + square)
        if self.average == "weighted":
            weights = self.intermediate_weights
            return (score * (weights / (weights.sum() + epsilon()))).sum()
        return score if self.average is None else score.mean()

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "average": self.average,
            "beta": self.beta,
            "threshold": self.threshold,
        }


class F1Score(FBetaScore):
    """The harmonic mean of precision and recall.

    Targets and predictions are (samples, classes).

    Parameters
    ----------
    average, threshold
        As of :class:`FBetaScore`.
    name, dtype
        As of :class:`~keras2torch.metrics.Metric`.
    """

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str | None = "f1_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(average, 1.0, threshold, name, dtype)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["beta"]
        return config
