"""Errors of numbers.

Source: ``keras/src/metrics/regression_metrics.py`` (3.15).
"""

from __future__ import annotations

import warnings
from typing import Any

import torch

from keras2torch.losses.functions import cosine_similarity as negative_cosine_similarity
from keras2torch.losses.functions import (
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
)
from keras2torch.losses.loss import squeeze_or_expand_to_same_rank
from keras2torch.metrics.base import Metric, tensor, tensors
from keras2torch.metrics.reductions import Mean, MeanOf
from keras2torch.tensors import torch_dtype


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> torch.Tensor:
    """Return the cosine of the angle: 1 where both point the same way.

    The loss of this name is its negative.

    Parameters
    ----------
    y_true, y_pred
        Of one shape.
    axis
        That of the vectors.
    """
    return -negative_cosine_similarity(y_true, y_pred, axis=axis)


class MeanSquaredError(MeanOf):
    """The mean of squared differences.

    Parameters
    ----------
    name, dtype
        As of :class:`~keras2torch.metrics.Metric`.
    """

    _direction = "down"

    def __init__(
        self, name: str | None = "mean_squared_error", dtype: Any = None
    ) -> None:
        super().__init__(mean_squared_error, name, dtype)


class MeanAbsoluteError(MeanOf):
    """The mean of absolute differences.

    Parameters
    ----------
    name, dtype
        As of :class:`~keras2torch.metrics.Metric`.
    """

    _direction = "down"

    def __init__(
        self, name: str | None = "mean_absolute_error", dtype: Any = None
    ) -> None:
        super().__init__(mean_absolute_error, name, dtype)


class MeanAbsolutePercentageError(MeanOf):
    """The mean of differences in percent of the target.

    Parameters
    ----------
    name, dtype
        As of :class:`~keras2torch.metrics.Metric`.
    """

    _direction = "down"

    def __init__(
        self, name: str | None = "mean_absolute_percentage_error", dtype: Any = None
    ) -> None:
        super().__init__(mean_absolute_percentage_error, name, dtype)


class MeanSquaredLogarithmicError(MeanOf):
    """The mean of squared differences of log(1 + y).

    Parameters
    ----------
    name, dtype
        As of :class:`~keras2torch.metrics.Metric`.
    """

    _direction = "down"

    def __init__(
        self, name: str | None = "mean_squared_logarithmic_error", dtype: Any = None
    ) -> None:
        super().__init__(mean_squared_logarithmic_error, name, dtype)


class RootMeanSquaredError(Mean):
    """The square root of the mean of squared differences.

    Parameters
    ----------
    name, dtype
        As of :class:`~keras2torch.metrics.Metric`.
    """

    _direction = "down"

    def __init__(
        self, name: str | None = "root_mean_squared_error", dtype: Any = None
    ) -> None:
        super().__init__(name, dtype=dtype)

    # Keras': a mean takes values, this one the two that they are made of.
    def update_state(  # type: ignore[override]
        self, y_true: Any, y_pred: Any, sample_weight: Any = None
    ) -> None:
        """Count a batch."""
        y_true, y_pred = squeeze_or_expand_to_same_rank(
            *tensors(y_true, y_pred, self.total.dtype)
        )
        super().update_state((y_pred - y_true).square(), sample_weight)

    def result(self) -> torch.Tensor:
        return super().result().sqrt()


class CosineSimilarity(MeanOf):
    """The mean cosine of the angle between targets and predictions.

    Parameters
    ----------
    name, dtype
        As of :class:`~keras2torch.metrics.Metric`.
    axis
        That of the vectors.
    """

    _direction = "up"

    def __init__(
        self,
        name: str | None = "cosine_similarity",
        dtype: Any = None,
        axis: int = -1,
    ) -> None:
        super().__init__(cosine_similarity, name, dtype, axis=axis)

    def get_config(self) -> dict[str, Any]:
        # Keras 3.15 does not write the axis.
        return {"name": self.name, "dtype": self.dtype}


class LogCoshError(MeanOf):
    """The mean logarithm of the hyperbolic cosine of differences.

    Parameters
    ----------
    name, dtype
        As of :class:`~keras2torch.metrics.Metric`.
    """

    _direction = "down"

    def __init__(self, name: str | None = "logcosh", dtype: Any = None) -> None:
        super().__init__(log_cosh, name, dtype)


class R2Score(Metric):
    """The share of the variance of targets that predictions explain.

    Targets and predictions are (samples, outputs).

    Parameters
    ----------
    class_aggregation
        Over outputs: ``"uniform_average"``, ``"variance_weighted_average"``, or
        ``None`` for one value an output.
    num_regressors
        Number of independent variables; above 0 for the adjusted score.
    name, dtype
        As of :class:`~keras2torch.metrics.Metric`.

    Raises
    ------
    ValueError
        For another aggregation, or fewer than 0 variables.
    """

    _direction = "up"

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str | None = "r2_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        known = (None, "uniform_average", "variance_weighted_average")
        if class_aggregation not in known:
            raise ValueError(
                f"`class_aggregation` is one of {known}, not {class_aggregation!r}."
            )
        if num_regressors < 0:
            raise ValueError(f"`num_regressors` is at least 0, not {num_regressors}.")
        self.class_aggregation = class_aggregation
        self.num_regressors = num_regressors
        self.num_samples = self.add_variable((), "zeros", name="num_samples")
        self._built = False

    def _build(self, y_true: torch.Tensor, y_pred: torch.Tensor) -> None:
        if y_true.ndim != 2 or y_pred.ndim != 2:
            raise ValueError(
                "R2Score takes (samples, outputs), not targets of shape "
                f"{tuple(y_true.shape)} and predictions of {tuple(y_pred.shape)}."
            )
        shape = (y_pred.shape[-1],)
        self.squared_sum = self.add_variable(shape, "zeros", name="squared_sum")
        self.sum = self.add_variable(shape, "zeros", name="sum")
        self.total_mse = self.add_variable(shape, "zeros", name="residual")
        self.count = self.add_variable(shape, "zeros", name="count")
        self._built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch; the weight is one a sample, or one a value."""
        dtype = torch_dtype(self.dtype)
        y_true, y_pred = squeeze_or_expand_to_same_rank(*tensors(y_true, y_pred, dtype))
        if not self._built:
            self._build(y_true, y_pred)
        weight = tensor(1 if sample_weight is None else sample_weight, dtype)
        weight = weight.to(y_true.device)
        if weight.ndim == 1:
            weight = weight.unsqueeze(1)
        weight = weight.expand(y_true.shape)
        weighted = y_true * weight
        self.sum.add_(weighted.sum(0))
        self.squared_sum.add_((y_true * weighted).sum(0))
        self.total_mse.add_(((y_true - y_pred).square() * weight).sum(0))
        self.count.add_(weight.sum(0))
        self.num_samples.add_(y_true.numel())

    def result(self) -> torch.Tensor:
        mean = self.sum / self.count
        total = self.squared_sum - self.sum * mean
        scores = 1.0 - self.total_mse / total
        scores = torch.where(scores.isinf(), 0.0, scores)
        if self.class_aggregation == "uniform_average":
            scores = scores.mean()
        elif self.class_aggregation == "variance_weighted_average":
            scores = (total * scores).sum() / total.sum()
        return self._adjusted(scores) if self.num_regressors else scores

    def _adjusted(self, score: torch.Tensor) -> torch.Tensor:
        """Return the score less what so many variables explain by chance."""
        left = float(self.num_samples) - 1.0 - self.num_regressors
        if left <= 0:
            why = "no more" if left == 0 else "fewer"
            warnings.warn(
                f"there are {why} values than independent variables and one: the R2 "
                "score is not adjusted.",
                stacklevel=3,
            )
            return score
        return 1.0 - (1.0 - score) * (self.num_samples - 1.0) / left

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "class_aggregation": self.class_aggregation,
            "num_regressors": self.num_regressors,
        }
