"""Cross-entropies, divergence and likelihood as metrics.

Source: ``keras/src/metrics/probabilistic_metrics.py`` (3.15).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras2torch.losses.functions import (
    binary_crossentropy,
    categorical_crossentropy,
    kl_divergence,
    poisson,
    sparse_categorical_crossentropy,
)
from keras2torch.metrics.accuracy import of_shapes
from keras2torch.metrics.reductions import MeanOf


class KLDivergence(MeanOf):
    """The mean divergence of predicted from target distributions.

    Parameters
    ----------
    name, dtype
        As of :class:`~keras2torch.metrics.Metric`.
    """

    _direction = "down"

    def __init__(self, name: str | None = "kl_divergence", dtype: Any = None) -> None:
        super().__init__(kl_divergence, name, dtype)


class Poisson(MeanOf):
    """The mean negative log-likelihood of counts.

    Parameters
    ----------
    name, dtype
        As of :class:`~keras2torch.metrics.Metric`.
    """

    _direction = "down"

    def __init__(self, name: str | None = "poisson", dtype: Any = None) -> None:
        super().__init__(poisson, name, dtype)


class BinaryCrossentropy(MeanOf):
    """The mean cross-entropy of labels that are 0 and 1.

    Parameters
    ----------
    name, dtype
        As of :class:`~keras2torch.metrics.Metric`.
    from_logits
        Predictions have not been through a sigmoid.
    label_smoothing
        How far labels are drawn to a half: 0 to 1.
    """

    _direction = "down"

    def __init__(
        self,
        name: str | None = "binary_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
    ) -> None:
        super().__init__(
            binary_crossentropy,
            name,
            dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
        )
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing


class CategoricalCrossentropy(MeanOf):
    """The mean cross-entropy of one-hot targets.

    Parameters
    ----------
    name, dtype
        As of :class:`~keras2torch.metrics.Metric`.
    from_logits
        Predictions have not been through a softmax.
    label_smoothing
        How far targets are drawn to equal ones: 0 to 1.
    axis
        That of the classes.
    """

    _direction = "down"

    def __init__(
        self,
        name: str | None = "categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
        axis: int = -1,
    ) -> None:
        super().__init__(
            categorical_crossentropy,
            name,
            dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis


class SparseCategoricalCrossentropy(MeanOf):
    """The mean cross-entropy of class numbers.

    Parameters
    ----------
    name, dtype
        As of :class:`~keras2torch.metrics.Metric`.
    from_logits
        Predictions have not been through a softmax.
    ignore_class
        A class number that adds nothing.
    axis
        That of the classes.
    """

    _direction = "down"

    def __init__(
        self,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ) -> None:
        super().__init__(
            sparse_categorical_crossentropy,
            name,
            dtype,
            from_logits=from_logits,
            ignore_class=ignore_class,
            axis=axis,
        )
        self.from_logits = from_logits
        self.ignore_class = ignore_class
        self.axis = axis


def crossentropy_for(
    y_true_shape: Sequence[int | None], y_pred_shape: Sequence[int | None]
) -> type[MeanOf]:
    """Return the class that ``"crossentropy"`` means for such targets and predictions.

    Parameters
    ----------
    y_true_shape, y_pred_shape
        Batch first. Source: ``get_loss`` of ``keras/src/trainers/compile_utils.py``.
    """
    which: tuple[type[MeanOf], ...] = (
        BinaryCrossentropy,
        SparseCategoricalCrossentropy,
        CategoricalCrossentropy,
    )
    return which[of_shapes(y_true_shape, y_pred_shape)]
