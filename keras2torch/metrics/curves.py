"""Curves over thresholds: the area under one, and points on one.

Source: ``keras/src/metrics/confusion_metrics.py`` (3.15).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any, ClassVar

import numpy as np
import torch
from typing_extensions import Self

from keras2torch.configuration import epsilon
from keras2torch.metrics.base import Metric, State, divide_no_nan, tensor
from keras2torch.metrics.confusion import Counter, are_even
from keras2torch.serialization import deserialize_keras_object
from keras2torch.tensors import torch_dtype


def _evenly(count: int) -> list[float]:
    """Return the thresholds between 0 and 1, both left out."""
    return [(i + 1) * 1.0 / (count - 1) for i in range(count - 2)]


class _Curve(Metric):
    """The four counts at every threshold."""

    _direction = "up"
    _counter: Counter
    true_positives: State
    false_positives: State
    true_negatives: State
    false_negatives: State

    def _add_counts(self, shape: tuple[int, ...]) -> None:
        for name in self._names.values():
            setattr(self, name, self.add_variable(shape, "zeros", name=name))

    _names: ClassVar[dict[str, str]] = {
        "tp": "true_positives",
        "fp": "false_positives",
        "tn": "true_negatives",
        "fn": "false_negatives",
    }

    @property
    def _counts(self) -> dict[str, State]:
        return {key: getattr(self, name) for key, name in self._names.items()}

    def _recall(self) -> torch.Tensor:
        whole = self.true_positives + self.false_negatives
        return divide_no_nan(self.true_positives, whole)

    def _precision(self) -> torch.Tensor:
        whole = self.true_positives + self.false_positives
        return divide_no_nan(self.true_positives, whole)

    def _specificity(self) -> torch.Tensor:
        whole = self.true_negatives + self.false_positives
        return divide_no_nan(self.true_negatives, whole)


# --------------------------------------------------------------------- points on curves
class _At(_Curve):
    """The best of one share where another is high enough."""

    _given: str

    def __init__(
        self,
        value: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        if value < 0 or value > 1:
            raise ValueError(f"`{self._given}` is in [0, 1], not {value}.")
        super().__init__(name=name, dtype=dtype)
        if num_thresholds <= 0:
            raise ValueError(f"`num_thresholds` is above 0, not {num_thresholds}.")
        self.value = value
        self.class_id = class_id
        self.num_thresholds = num_thresholds
        one = num_thresholds == 1
        self.thresholds = [0.5] if one else [0.0, *_evenly(num_thresholds), 1.0]
        self._counter = Counter(self.thresholds, not one, class_id=class_id)
        self._add_counts((len(self.thresholds),))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch of any shape; weights are one a sample, or one a value."""
        self._counter.update(self._counts, y_true, y_pred, sample_weight)

    def _best(self, wanted: torch.Tensor, held: torch.Tensor) -> torch.Tensor:
        return torch.where(held >= self.value, wanted, 0.0).amax()

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "class_id": self.class_id,
            "num_thresholds": self.num_thresholds,
            self._given: self.value,
        }


class SensitivityAtSpecificity(_At):
    """The best share of 1s called so where enough 0s are.

    Parameters
    ----------
    specificity
        The share of 0s that must be called so.
    num_thresholds
        How many are tried, evenly spread over [0, 1].
    class_id
        The only class that counts.
    name, dtype
        As of :class:`~keras2torch.metrics.Metric`.

    Raises
    ------
    ValueError
        If the share is not in [0, 1], or there is no threshold.
    """

    _given = "specificity"

    def __init__(
        self,
        specificity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(specificity, num_thresholds, class_id, name, dtype)
        self.specificity = specificity

    def result(self) -> torch.Tensor:
        return self._best(self._recall(), self._specificity())


class SpecificityAtSensitivity(_At):
    """The best share of 0s called so where enough 1s are.

    Parameters
    ----------
    sensitivity
        The share of 1s that must be called so.
    num_thresholds
        How many are tried, evenly spread over [0, 1].
    class_id
        The only class that counts.
    name, dtype
        As of :class:`~keras2torch.metrics.Metric`.

    Raises
    ------
    ValueError
        If the share is not in [0, 1], or there is no threshold.
    """

    _given = "sensitivity"

    def __init__(
        self,
        sensitivity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(sensitivity, num_thresholds, class_id, name, dtype)
        self.sensitivity = sensitivity

    def result(self) -> torch.Tensor:
        return self._best(self._specificity(), self._recall())


class PrecisionAtRecall(_At):
    """The best precision where recall is high enough.

    Parameters
    ----------
    recall
        What recall must be.
    num_thresholds
        How many are tried, evenly spread over [0, 1].
    class_id
        The only class that counts.
    name, dtype
        As of :class:`~keras2torch.metrics.Metric`.

    Raises
    ------
    ValueError
        If the share is not in [0, 1], or there is no threshold.
    """

    _given = "recall"

    def __init__(
        self,
        recall: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(recall, num_thresholds, class_id, name, dtype)
        self.recall = recall

    def result(self) -> torch.Tensor:
        return self._best(self._precision(), self._recall())


class RecallAtPrecision(_At):
    """The best recall where precision is high enough.

    Parameters
    ----------
    precision
        What precision must be.
    num_thresholds
        How many are tried, evenly spread over [0, 1].
    class_id
        The only class that counts.
    name, dtype
        As of :class:`~keras2torch.metrics.Metric`.

    Raises
    ------
    ValueError
        If the share is not in [0, 1], or there is no threshold.
    """

    _given = "precision"

    def __init__(
        self,
        precision: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(precision, num_thresholds, class_id, name, dtype)
        self.precision = precision

    def result(self) -> torch.Tensor:
        return self._best(self._recall(), self._precision())


# ------------------------------------------------------------------- areas under curves
class AUC(_Curve):
    """The area under the ROC curve, or under that of precision and recall.

    Parameters
    ----------
    num_thresholds
        How many points the curve has, thresholds being spread evenly over [0, 1].
    curve
        ``"ROC"``, ``"PR"`` or ``"PRGAIN"``.
    summation_method
        Heights between points: ``"interpolation"``, ``"minoring"`` or ``"majoring"``.
    name, dtype
        As of :class:`~keras2torch.metrics.Metric`.
    thresholds
        Instead of ``num_thresholds``; 0 and 1 are added.
    multi_label
        Predictions are (samples, labels): an area each, and their mean.
    num_labels
        With ``multi_label``, to make the states at once.
    label_weights
        One a label, for the mean of areas, or for the counts.
    from_logits
        Predictions have not been through a sigmoid.

    Raises
    ------
    ValueError
        For another curve or summation, fewer than 2 thresholds, or ``num_labels``
        without ``multi_label``.
    """

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: Any = None,
        thresholds: Sequence[float] | None = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Any = None,
        from_logits: bool = False,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self._init_from_thresholds = thresholds is not None
        if thresholds is not None:
            self.num_thresholds = len(thresholds) + 2
            inner = sorted(thresholds)
            even = are_even([0.0, *inner, 1.0])
        else:
            if num_thresholds <= 1:
                raise ValueError(f"`num_thresholds` is above 1, not {num_thresholds}.")
            self.num_thresholds = num_thresholds
            inner = _evenly(num_thresholds)
            even = True
        self._thresholds = np.array([-epsilon(), *inner, 1.0 + epsilon()])
        self.curve = _one_of(("ROC", "PR", "PRGAIN"), curve, "curve")
        methods = ("interpolation", "majoring", "minoring")
        self.summation_method = _one_of(methods, summation_method, "summation_method")
        self.multi_label = multi_label
        self.num_labels = num_labels
        self.label_weights: torch.Tensor | None = None
        if label_weights is not None:
            self.label_weights = tensor(label_weights, torch_dtype(self.dtype))
        self._from_logits = from_logits
        self._counter = Counter(self.thresholds, even, multi_label=multi_label)
        self._built = False
        if multi_label:
            if num_labels:
                self._build((None, num_labels))
        elif num_labels:
            raise ValueError("`num_labels` is for `multi_label=True`.")
        else:
            self._build(None)

    @property
    def thresholds(self) -> list[float]:
        """All of them, the ends a little beyond 0 and 1."""
        return list(self._thresholds)

    def _build(self, shape: Sequence[int | None] | None) -> None:
        states: tuple[int, ...] = (self.num_thresholds,)
        if shape is not None:
            if len(shape) != 2:
                raise ValueError(
                    "with `multi_label=True` predictions are (samples, labels), not "
                    f"{tuple(shape)}."
                )
            assert shape[1] is not None
            states = (self.num_thresholds, shape[1])
        self._add_counts(states)
        self._built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch; weights are one a sample, or one a value."""
        y_pred = tensor(y_pred)
        if not self._built:
            self._build(y_pred.shape)
        if self._from_logits:
            y_pred = y_pred.sigmoid()
        # By label they weigh areas, else counts.
        weights = None if self.multi_label else self.label_weights
        self._counter.update(self._counts, y_true, y_pred, sample_weight, weights)

    def result(self) -> torch.Tensor:
        if self.curve == "PR" and self.summation_method == "interpolation":
            return self._mean_of_labels(self.interpolate_pr_auc())
        x, y = self._points()
        if self.summation_method == "interpolation":
            heights = (y[:-1] + y[1:]) / 2.0
        elif self.summation_method == "minoring":
            heights = torch.minimum(y[:-1], y[1:])
        else:
            heights = torch.maximum(y[:-1], y[1:])
        return self._mean_of_labels((x[:-1] - x[1:]) * heights)

    def _points(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return where the curve goes, from the lowest threshold on."""
        hits, misses = self.true_positives, self.false_negatives
        false, negatives = self.false_positives, self.true_negatives
        if self.curve == "ROC":
            return divide_no_nan(false, false + negatives), self._recall()
        if self.curve == "PR":
            return self._recall(), self._precision()
        # Flach and Kull, Precision-Recall-Gain curves, NeurIPS 2015.
        odds = divide_no_nan(hits + misses, negatives + false)
        recall_gain = 1.0 - odds * divide_no_nan(misses, hits)
        precision_gain = 1.0 - odds * divide_no_nan(false, hits)
        recall_gain = torch.where(hits == 0, 0.0, recall_gain).clamp(min=0.0)
        return recall_gain, torch.where(hits == 0, 1.0, precision_gain)

    def interpolate_pr_auc(self) -> torch.Tensor:
        """Return the areas between points of precision and recall.

        True positives are taken to grow linearly with false ones (Davis and Goadrich,
        ICML 2006); precision is not.
        """
        hits = self.true_positives
        called = hits + self.false_positives
        fewer = hits[:-1] - hits[1:]
        slope = divide_no_nan(fewer, (called[:-1] - called[1:]).clamp(min=0.0))
        intercept = hits[1:] - slope * called[1:]
        both = (called[:-1] > 0) & (called[1:] > 0)
        ratio = divide_no_nan(called[:-1], called[1:].clamp(min=0.0))
        ratio = torch.where(both, ratio, 1.0)
        positives = (hits[1:] + self.false_negatives[1:]).clamp(min=0.0)
        return divide_no_nan(slope * (fewer + intercept * ratio.log()), positives)

    def _mean_of_labels(self, areas: torch.Tensor) -> torch.Tensor:
        if not self.multi_label:
            return areas.sum()
        by_label = areas.sum(0)
        if self.label_weights is None:
            return by_label.mean()
        weights = self.label_weights.to(by_label.device)
        return divide_no_nan((by_label * weights).sum(), weights.sum())

    def reset_state(self) -> None:
        if self._built:
            super().reset_state()

    def get_config(self) -> dict[str, Any]:
        config = {
            **super().get_config(),
            "num_thresholds": self.num_thresholds,
            "curve": self.curve,
            "summation_method": self.summation_method,
            "multi_label": self.multi_label,
            "num_labels": self.num_labels,
            "label_weights": self.label_weights,
            "from_logits": self._from_logits,
        }
        if self._init_from_thresholds:
            config["thresholds"] = self.thresholds[1:-1]
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        # Keras 3.15 writes label weights as a tensor, and cannot read them back.
        return cls(**deserialize_keras_object(config))


def _one_of(known: Sequence[str], given: Any, argument: str) -> str:
    """Return which of the known ones it is: a name, or an enum's member."""
    given = given.value if isinstance(given, Enum) else given
    for name in known:
        if str(given).lower() == name.lower():
            return name
    raise ValueError(f"`{argument}` is one of {list(known)}, not {given!r}.")
