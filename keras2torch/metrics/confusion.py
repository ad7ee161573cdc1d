"""Counts of what is above thresholds, by whether the target is a 1.

Source: ``keras/src/metrics/confusion_metrics.py`` and ``metrics_utils.py`` (3.15).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from keras2torch.configuration import epsilon
from keras2torch.losses.loss import squeeze_or_expand_to_same_rank
from keras2torch.metrics.base import (
    Metric,
    State,
    divide_no_nan,
    tensor,
    tensors,
)

Thresholds = float | Sequence[float]
_BELOW_ALL = -1e10  # what is not among the top k; Keras' NEG_INF


def listed(thresholds: Thresholds | None, default: float) -> list[float]:
    """Return thresholds as a list.

    Raises
    ------
    ValueError
        If one is not in [0, 1].
    """
    if thresholds is None:
        return [default]
    many = isinstance(thresholds, (list, tuple, np.ndarray))
    found = list(thresholds) if many else [thresholds]  # type: ignore[arg-type]
    wrong = [t for t in found if t is None or t < 0 or t > 1]  # type: ignore[operator]
    if wrong:
        raise ValueError(f"thresholds are in [0, 1], not {wrong}.")
    return found  # type: ignore[return-value]


def are_even(thresholds: Sequence[float]) -> bool:
    """Whether thresholds are spread evenly over [0, 1]: then values are binned."""
    count = len(thresholds)
    if count < 3:
        return False
    even = np.arange(count, dtype=np.float32) / (count - 1)
    return bool(np.allclose(thresholds, even, atol=epsilon()))


class Counter:
    """Counts of one batch at every threshold.

    Parameters
    ----------
    thresholds
        In rising order where they are even.
    even
        Whether :func:`are_even`.
    top_k
        Only so many of the highest predictions of a sample can be above a threshold.
    class_id
        The only class that counts.
    multi_label
        Count every class for itself.
    """

    def __init__(
        self,
        thresholds: Sequence[float],
        even: bool,
        top_k: int | None = None,
        class_id: int | None = None,
        multi_label: bool = False,
    ) -> None:
        self.thresholds = torch.tensor([float(t) for t in thresholds]).float()
        self.even = even
        # AUC's reach a little beyond 0 and 1, so that 0 itself is above the first.
        self.beyond = thresholds[0] < 0.0 or thresholds[-1] > 1.0
        self.top_k, self.class_id, self.multi_label = top_k, class_id, multi_label

    def update(
        self,
        states: dict[str, State],
        y_true: Any,
        y_pred: Any,
        sample_weight: Any = None,
        label_weights: torch.Tensor | None = None,
    ) -> None:
        """Add a batch to states that are named ``tp``, ``fp``, ``tn`` and ``fn``.

        Raises
        ------
        ValueError
            If one class is to count and there is no axis of classes.
        """
        dtype = next(iter(states.values())).dtype
        y_true, y_pred = tensors(y_true, y_pred, dtype)
        y_pred, y_true = squeeze_or_expand_to_same_rank(y_pred, y_true)
        weight = None
        if sample_weight is not None:
            weight = tensor(sample_weight, dtype, y_pred.device).unsqueeze(-1)
            _, weight = squeeze_or_expand_to_same_rank(
                y_true, weight, expand_rank_1=False
            )
        if self.top_k is not None:
            y_pred = _of_top_k(y_pred, self.top_k)
        if self.class_id is not None:
            if y_pred.ndim == 1:
                raise ValueError(
                    "`class_id` needs predictions of (samples, classes), not "
                    f"{tuple(y_pred.shape)}."
                )
            y_true = y_true[..., self.class_id, None]
            y_pred = y_pred[..., self.class_id, None]
        if weight is not None:
            weight = weight.expand(y_pred.shape)
        if label_weights is not None:
            by_label = label_weights.to(y_pred.device).expand(y_pred.shape)
            weight = by_label if weight is None else weight * by_label
        right = y_true != 0
        if not self.multi_label:
            right, y_pred = right.reshape(-1), y_pred.reshape(-1)
            weight = None if weight is None else weight.reshape(-1)
        add = self._add_binned if self.even else self._add_compared
        add(states, right, y_pred, weight)

    def _add_compared(
        self,
        states: dict[str, State],
        right: torch.Tensor,
        y_pred: torch.Tensor,
        weight: torch.Tensor | None,
    ) -> None:
        """Compare every prediction with every threshold."""
        if self.thresholds.device != y_pred.device:
            self.thresholds = self.thresholds.to(y_pred.device)
        bounds = self.thresholds.view(-1, *[1] * y_pred.ndim)
        above = y_pred > bounds.to(y_pred.dtype)
        for name, state in states.items():
            called = above if name[1] == "p" else ~above
            found = called & (right if name in ("tp", "fn") else ~right)
            state.add_((found if weight is None else found * weight).sum(1))

    def _add_binned(
        self,
        states: dict[str, State],
        right: torch.Tensor,
        y_pred: torch.Tensor,
        weight: torch.Tensor | None,
    ) -> None:
        """Count between every two thresholds, and sum up from the highest."""
        count = len(self.thresholds)
        bins = (y_pred.clamp(0.0, 1.0) * (count - 1)).ceil() - 1.0
        if self.beyond:
            bins = bins.relu()
        labels = y_pred.shape[1] if self.multi_label else 1
        # One more bin below: what is above no threshold. Then by target, then by label.
        place = bins.long() + 1 + (count + 1) * right
        if self.multi_label:
            column = torch.arange(labels, device=y_pred.device)
            place = place + 2 * (count + 1) * column
        weight = torch.ones_like(y_pred) if weight is None else weight
        size = labels * 2 * (count + 1)
        flat = y_pred.new_zeros(size).index_add(
            0, place.reshape(-1), weight.reshape(-1)
        )
        found = flat.view(labels, 2, count + 1)
        above = found[..., 1:].flip(-1).cumsum(-1).flip(-1)
        below = found.sum(-1, keepdim=True) - above
        for name, state in states.items():
            counts = above if name[1] == "p" else below
            row = 1 if name in ("tp", "fn") else 0
            state.add_(counts[:, row].t() if self.multi_label else counts[0, row])


def _of_top_k(y_pred: torch.Tensor, k: int) -> torch.Tensor:
    """Keep the k highest of the last axis; of equal ones the first."""
    best = y_pred.sort(stable=True, dim=-1, descending=True).indices[..., :k]
    kept = torch.zeros_like(y_pred).scatter(-1, best, 1.0)
    return y_pred * kept + _BELOW_ALL * (1.0 - kept)


# ------------------------------------------------------------------------------- counts
class _Count(Metric):
    """One of the four counts, weighted."""

    _counted: str

    def __init__(
        self,
        thresholds: Thresholds | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.init_thresholds = thresholds
        self.thresholds = listed(thresholds, 0.5)
        self._counter = Counter(self.thresholds, are_even(self.thresholds))
        shape = (len(self.thresholds),)
        self.accumulator = self.add_variable(shape, "zeros", name="accumulator")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch of any shape; weights are one a sample, or one a value."""
        states = {self._counted: self.accumulator}
        self._counter.update(states, y_true, y_pred, sample_weight)

    def result(self) -> torch.Tensor:
        return _one(self.accumulator.clone(), self.thresholds)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "thresholds": self.init_thresholds}


def _one(values: torch.Tensor, thresholds: list[float]) -> torch.Tensor:
    return values[0] if len(thresholds) == 1 else values


class TruePositives(_Count):
    """How many 1s are called so.

    Parameters
    ----------
    thresholds
        One, or a list for a value each; what is above is called a 1. 0.5 if not given.
    name, dtype
        As of :class:`~keras2torch.metrics.Metric`.
    """

    _counted = "tp"


class FalsePositives(_Count):
    """How many 0s are called a 1.

    Parameters
    ----------
    thresholds
        One, or a list for a value each; what is above is called a 1. 0.5 if not given.
    name, dtype
        As of :class:`~keras2torch.metrics.Metric`.
    """

    _counted = "fp"


class TrueNegatives(_Count):
    """How many 0s are called so.

    Parameters
    ----------
    thresholds
        One, or a list for a value each; what is above is called a 1. 0.5 if not given.
    name, dtype
        As of :class:`~keras2torch.metrics.Metric`.
    """

    _counted = "tn"


class FalseNegatives(_Count):
    """How many 1s are called a 0.

    Parameters
    ----------
    thresholds
        One, or a list for a value each; what is above is called a 1. 0.5 if not given.
    name, dtype
        As of :class:`~keras2torch.metrics.Metric`.
    """

    _counted = "fn"


# ----------------------------------------------------------------- precision and recall
class _Share(Metric):
    """True positives among what another count makes whole."""

    _direction = "up"
    _other: str

    def __init__(
        self,
        thresholds: Thresholds | None = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.init_thresholds = thresholds
        self.top_k = top_k
        self.class_id = class_id
        self.thresholds = listed(thresholds, 0.5 if top_k is None else _BELOW_ALL)
        even = are_even(self.thresholds)
        self._counter = Counter(self.thresholds, even, top_k, class_id)
        shape = (len(self.thresholds),)
        self.true_positives = self.add_variable(shape, "zeros", name="true_positives")
        setattr(self, self._other, self.add_variable(shape, "zeros", name=self._other))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch of any shape; weights are one a sample, or one a value."""
        key = "fp" if self._other == "false_positives" else "fn"
        states = {"tp": self.true_positives, key: getattr(self, self._other)}
        self._counter.update(states, y_true, y_pred, sample_weight)

    def result(self) -> torch.Tensor:
        whole = self.true_positives + getattr(self, self._other)
        return _one(divide_no_nan(self.true_positives, whole), self.thresholds)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "thresholds": self.init_thresholds,
            "top_k": self.top_k,
            "class_id": self.class_id,
        }


class Precision(_Share):
    """The share of what is called a 1 that is a 1.

    Parameters
    ----------
    thresholds
        One, or a list for a value each; what is above is called a 1. If not given it is
        0.5, and none where ``top_k`` is given.
    top_k
        Only so many of the highest predictions of a sample are called a 1.
    class_id
        The only class that counts.
    name, dtype
        As of :class:`~keras2torch.metrics.Metric`.

    Raises
    ------
    ValueError
        If a threshold is not in [0, 1].
    """

    _other = "false_positives"
    false_positives: State


class Recall(_Share):
    """The share of the 1s that is called so.

    Parameters
    ----------
    thresholds
        One, or a list for a value each; what is above is called a 1. If not given it is
        0.5, and none where ``top_k`` is given.
    top_k
        Only so many of the highest predictions of a sample are called a 1.
    class_id
        The only class that counts.
    name, dtype
        As of :class:`~keras2torch.metrics.Metric`.

    Raises
    ------
    ValueError
        If a threshold is not in [0, 1].
    """

    _other = "false_negatives"
    false_negatives: State
