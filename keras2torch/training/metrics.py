"""Keras' metrics, accumulated over samples.

Code that ``train.py`` receives as text, cut out by name. Sources:
``keras/src/metrics/`` (3.15).
"""

from collections.abc import Callable

import torch

from keras2torch.training.losses import cosine_similarity, matched


class Mean:
    """The mean over samples, not over batches: the last batch may be smaller."""

    def __init__(
        self,
        function: Callable[..., torch.Tensor] | None = None,
        **options: float | int | bool,
    ) -> None:
        self.function = function
        self.options = options
        self.total: torch.Tensor | float = 0.0
        self.count = 0

    def update(self, y_true: torch.Tensor, y_pred: torch.Tensor) -> None:
        """Count the values of ``function``, one a sample."""
        assert self.function is not None
        values = self.function(y_true, y_pred.detach(), **self.options)
        self.add(values.mean(), len(values))

    def add(self, value: torch.Tensor, samples: int) -> None:
        """Count a mean over so many samples; it stays where it was computed."""
        self.total = self.total + value.detach() * samples
        self.count += samples

    def result(self) -> float:
        return float(self.total) / max(self.count, 1)


class RootMean(Mean):
    """The square root of a mean: of squared errors."""

    def result(self) -> float:
        return float(super().result() ** 0.5)


def accuracy(y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
    """Where the prediction is the very target."""
    return (matched(y_true, y_pred) == y_pred).float()


def binary_accuracy(
    y_true: torch.Tensor, y_pred: torch.Tensor, threshold: float = 0.5
) -> torch.Tensor:
    """Where what is above the threshold is a 1; 0.5 itself is a 0."""
    return (matched(y_true, y_pred) == (y_pred > threshold)).float()


def categorical_accuracy(
    y_true: torch.Tensor, y_pred: torch.Tensor, dim: int = -1
) -> torch.Tensor:
    """Where the highest score is that of the class of a one-hot target."""
    return (one_hot_class(y_true, dim) == y_pred.argmax(dim)).float()


def sparse_categorical_accuracy(
    y_true: torch.Tensor, y_pred: torch.Tensor, dim: int = -1
) -> torch.Tensor:
    """Where the highest score is that of the class."""
    if y_true.ndim == y_pred.ndim:
        y_true = y_true.squeeze(dim)
    return (y_true == y_pred.argmax(dim)).float()


def top_k_categorical_accuracy(
    y_true: torch.Tensor, y_pred: torch.Tensor, k: int = 5, dim: int = -1
) -> torch.Tensor:
    """Where the class of a one-hot target is among the k best."""
    return sparse_top_k_categorical_accuracy(one_hot_class(y_true, dim), y_pred, k, dim)


def one_hot_class(y_true: torch.Tensor, dim: int) -> torch.Tensor:
    """Return the class of a one-hot target; torch has no argmax of booleans."""
    return (y_true.byte() if y_true.dtype is torch.bool else y_true).argmax(dim)


def sparse_top_k_categorical_accuracy(
    y_true: torch.Tensor, y_pred: torch.Tensor, k: int = 5, dim: int = -1
) -> torch.Tensor:
    """Where fewer than k classes score higher than the right one: ties are in."""
    if y_true.ndim == y_pred.ndim:
        y_true = y_true.squeeze(dim)
    right = y_pred.gather(dim, y_true.long().unsqueeze(dim))
    return ((y_pred > right).sum(dim) < k).float()


def cosine(y_true: torch.Tensor, y_pred: torch.Tensor, dim: int = -1) -> torch.Tensor:
    """As a metric it is positive, 1 where both point the same way."""
    return -cosine_similarity(y_true, y_pred, dim)


class Counts:
    """Counts of what is above thresholds, by whether the target is 1."""

    def __init__(self, thresholds: list[float]) -> None:
        self.thresholds = torch.tensor(thresholds).unsqueeze(-1)
        self.true_positives: torch.Tensor | float = 0.0
        self.false_positives: torch.Tensor | float = 0.0
        self.positives: torch.Tensor | float = 0.0
        self.negatives: torch.Tensor | float = 0.0

    def update(self, y_true: torch.Tensor, y_pred: torch.Tensor) -> None:
        right = matched(y_true, y_pred).flatten() != 0
        above = y_pred.detach().flatten() > self.thresholds.to(y_pred.device)
        self.true_positives = self.true_positives + (above & right).sum(-1)
        self.false_positives = self.false_positives + (above & ~right).sum(-1)
        self.positives = self.positives + right.sum()
        self.negatives = self.negatives + (~right).sum()


class Precision(Counts):
    """The share of what is called 1 that is a 1, over all samples."""

    def __init__(self, threshold: float = 0.5) -> None:
        super().__init__([threshold])

    def result(self) -> float:
        called = float(self.true_positives + self.false_positives)
        return float(self.true_positives) / called if called else 0.0


class Recall(Counts):
    """The share of the 1s that is called so, over all samples."""

    def __init__(self, threshold: float = 0.5) -> None:
        super().__init__([threshold])

    def result(self) -> float:
        there = float(self.positives)
        return float(self.true_positives) / there if there else 0.0


class AUC(Counts):
    """Area under the ROC curve through evenly spaced thresholds, as Keras sums it."""

    def __init__(self, num_thresholds: int = 200) -> None:
        inner = [i / (num_thresholds - 1) for i in range(1, num_thresholds - 1)]
        super().__init__([-1e-7, *inner, 1.0 + 1e-7])

    def result(self) -> float:
        if not float(self.positives) or not float(self.negatives):
            return 0.0
        high = torch.as_tensor(self.true_positives) / self.positives
        wide = torch.as_tensor(self.false_positives) / self.negatives
        return float(((wide[:-1] - wide[1:]) * (high[:-1] + high[1:]) / 2).sum())
