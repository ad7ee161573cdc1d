"""Means and sums over samples.

Source: ``keras/src/metrics/reduction_metrics.py`` and ``keras/src/losses/loss.py``
(3.15).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from typing_extensions import Self

from keras2torch.distribution import parts
from keras2torch.losses.loss import apply_mask, squeeze_or_expand_to_same_rank
from keras2torch.metrics.base import (
    Metric,
    divide_no_nan,
    tensor,
)
from keras2torch.tensors import torch_dtype

Reduce = Callable[..., torch.Tensor]


def samplewise(
    values: torch.Tensor, sample_weight: Any, reduce: Reduce, dtype: torch.dtype
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Return one weighted value a sample, and one weight a sample.

    Keras' ``reduce_to_samplewise_values``.
    """
    mask = getattr(values, "_keras_mask", None)
    values = values if values.dtype == dtype else values.to(dtype)
    weight = None
    if sample_weight is not None:
        weight = tensor(sample_weight, dtype, values.device)
        weight = apply_mask(weight, mask, dtype, "sum")
        assert weight is not None
        values, weight = squeeze_or_expand_to_same_rank(values, weight)
        rank = weight.ndim
        if values.ndim > rank:
            values = reduce(values, dim=tuple(range(rank, values.ndim)))
        weight = weight.expand(values.shape)
        values = values * weight
        if rank > 1:
            weight = reduce(weight, dim=tuple(range(1, rank)))
    if values.ndim > 1:
        values = reduce(values, dim=tuple(range(1, values.ndim)))
    return values, weight


class Sum(Metric):
    """The weighted sum of values.

    Parameters
    ----------
    name, dtype
        As of :class:`Metric`.
    """

    def __init__(self, name: str | None = "sum", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable((), "zeros", dtype=self.dtype, name="total")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Add values of any shape; a weight may be one a sample."""
        dtype = self.total.dtype
        given, _ = samplewise(tensor(values), sample_weight, torch.sum, dtype)
        total = given.sum()
        self.total.add_(total if given.ndim else total * parts.share())

    def result(self) -> torch.Tensor:
        return self.total.to(torch_dtype(self.dtype), copy=True)


class Mean(Metric):
    """The weighted mean of values over samples.

    Parameters
    ----------
    name, dtype
        As of :class:`Metric`.
    """

    def __init__(self, name: str | None = "mean", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable((), "zeros", dtype=self.dtype, name="total")
        self.count = self.add_variable((), "zeros", dtype=self.dtype, name="count")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Count values of any shape, the first axis that of samples.

        Parameters
        ----------
        values
            What a sample has more than one of counts as its mean.
        sample_weight
            A number, one a sample, or one a value.
        """
        values = tensor(values)
        if sample_weight is None:
            samples = len(values) if values.ndim else parts.share()
            total = values.sum(dtype=self.total.dtype)
            # What a sample has more than one of counts as its mean.
            each = samples / values.numel() if values.ndim != 1 and samples else 1
            self.total.add_(total, alpha=each)
            self.count.add_(samples)
            return
        given, weight = samplewise(values, sample_weight, torch.mean, self.total.dtype)
        assert weight is not None
        self.total.add_(given.sum())
        self.count.add_(weight.sum())

    def add(self, value: torch.Tensor, samples: int) -> None:
        """Count the mean of so many samples: what a loss is, at every step.

        Parameters
        ----------
        value
            A scalar without gradient, where the data is.
        samples
            How many it is the mean of.
        """
        if value.device != self.total.device:
            self._follow(value.device)
        self.total.add_(value, alpha=samples)
        self.count.add_(samples)

    def result(self) -> torch.Tensor:
        return divide_no_nan(self.total, self.count)


class MeanMetricWrapper(Mean):
    """The mean of what a function of targets and predictions returns.

    Parameters
    ----------
    fn
        ``fn(y_true, y_pred, **kwargs)``: a value or more a sample.
    name, dtype
        As of :class:`Metric`.
    **kwargs
        Passed on to the function.
    """

    def __init__(
        self,
        fn: Callable[..., Any],
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self._fn = fn
        self._fn_kwargs = kwargs
        # A loss is the better the less it is: callbacks ask.
        home = fn if hasattr(fn, "__name__") else type(fn)
        if getattr(home, "__module__", "").startswith("keras2torch.losses"):
            self._direction = "down"

    # Keras': a mean takes values, this one the two that they are made of.
    def update_state(  # type: ignore[override]
        self, y_true: Any, y_pred: Any, sample_weight: Any = None
    ) -> None:
        """Count a batch; what ``y_pred._keras_mask`` masks does not count."""
        values = self._fn(y_true, y_pred, **self._fn_kwargs)
        mask = getattr(y_pred, "_keras_mask", None)
        if mask is not None:
            # A masked step weighs nothing, and the others no more for it.
            dtype = torch_dtype(self.dtype)
            if sample_weight is not None:
                sample_weight = tensor(sample_weight, dtype, mask.device)
            sample_weight = apply_mask(sample_weight, mask, dtype, "sum")
        super().update_state(values, sample_weight)

    def get_config(self) -> dict[str, Any]:
        from keras2torch.metrics.registry import serialize

        fn = serialize(self._fn)
        return {**super().get_config(), "fn": fn, **self._fn_kwargs}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        from keras2torch.metrics.registry import function_of

        if "fn" in config:
            config = {**config, "fn": function_of(config["fn"])}
        return cls(**config)


class MeanOf(MeanMetricWrapper):
    """The mean of a function of Keras' own: its config names the options alone."""

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, "dtype": self.dtype, **self._fn_kwargs}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        return cls(**config)
