"""Hinge losses as metrics.

Source: ``keras/src/metrics/hinge_metrics.py`` (3.15).
"""

from __future__ import annotations

from typing import Any

from keras2torch.losses.functions import categorical_hinge, hinge, squared_hinge
from keras2torch.metrics.reductions import MeanOf


class Hinge(MeanOf):
    """The mean hinge loss of labels that are -1 and 1, or 0 and 1.

    Parameters
    ----------
    name, dtype
        As of :class:`~keras2torch.metrics.Metric`.
    """

    _direction = "down"

    def __init__(self, name: str | None = "hinge", dtype: Any = None) -> None:
        super().__init__(hinge, name, dtype)


class SquaredHinge(MeanOf):
    """The mean squared hinge loss of labels that are -1 and 1, or 0 and 1.

    Parameters
    ----------
    name, dtype
        As of :class:`~keras2torch.metrics.Metric`.
    """

    _direction = "down"

    def __init__(self, name: str | None = "squared_hinge", dtype: Any = None) -> None:
        super().__init__(squared_hinge, name, dtype)


class CategoricalHinge(MeanOf):
    """The mean categorical hinge loss of one-hot targets.

    Parameters
    ----------
    name, dtype
        As of :class:`~keras2torch.metrics.Metric`.
    """

    _direction = "down"

    def __init__(
        self, name: str | None = "categorical_hinge", dtype: Any = None
    ) -> None:
        super().__init__(categorical_hinge, name, dtype)
