"""Metrics of torchmetrics, taken as they are.

torchmetrics need not be installed: what has ``update``, ``compute`` and ``reset`` is
one.
"""

from __future__ import annotations

from typing import Any

import torch

from keras2torch.metrics.base import Metric, auto_name, tensors


def is_torchmetric(given: Any) -> bool:
    """Whether it is used by ``update``, ``compute`` and ``reset``."""
    return not isinstance(given, (type, Metric)) and all(
        callable(getattr(given, method, None))
        for method in ("update", "compute", "reset")
    )


class TorchMetric(Metric):
    """A metric of torchmetrics that answers as one of Keras.

    Parameters
    ----------
    metric
        Its ``update`` gets ``preds`` and ``target``.
    name
        Made from its class if not given.
    """

    def __init__(self, metric: Any, name: str | None = None) -> None:
        kind = type(metric).__name__
        super().__init__(name=name or auto_name(kind))
        self.metric = metric
        better = getattr(metric, "higher_is_better", None)
        if better is not None:
            self._direction = "up" if better else "down"

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch.

        Raises
        ------
        ValueError
            If there are weights: torchmetrics knows none.
        """
        if sample_weight is not None:
            raise ValueError(
                f"{self.name} is of torchmetrics and takes no sample weights: give it "
                "in `metrics`, not in `weighted_metrics`."
            )
        target, preds = tensors(y_true, y_pred)
        self.metric.update(preds=preds, target=target)

    def result(self) -> Any:
        return self.metric.compute()

    def reset_state(self) -> None:
        self.metric.reset()

    def _follow(self, device: torch.device) -> None:
        super()._follow(device)
        if callable(getattr(self.metric, "to", None)):
            self.metric = self.metric.to(device)

    def get_config(self) -> dict[str, Any]:
        raise NotImplementedError(f"{self.name} is of torchmetrics: it has no config.")
