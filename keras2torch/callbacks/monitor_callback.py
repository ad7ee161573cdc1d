"""Whether a metric is better than it was."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from keras2torch.callbacks.callback import Callback


def less(x1: Any, x2: Any) -> bool:
    """Return whether ``x1 < x2`` as Keras finds it: in float32."""
    a, b = _rounded(x1, x2)
    return bool(a < b)


def greater(x1: Any, x2: Any) -> bool:
    """Return whether ``x1 > x2`` as Keras finds it: in float32."""
    a, b = _rounded(x1, x2)
    return bool(a > b)


def _rounded(*values: Any) -> Iterable[Any]:
    with np.errstate(over="ignore"):
        return [np.float32(value) for value in values]


class MonitorCallback(Callback):
    """Base of callbacks that watch a metric for improvements.

    Parameters
    ----------
    monitor
        Name of the metric in the logs.
    mode
        ``"min"``, ``"max"``, or ``"auto"``: the loss is minimised, a metric as its
        class says.
    baseline
        Where ``best`` begins; with ``None`` the first value is an improvement.
    min_delta
        What an improvement exceeds.

    Raises
    ------
    ValueError
        At the end of the first epoch, in mode ``"auto"``, if the metric's class does
        not say which way is better.

    Notes
    -----
    Source: Keras 3.15, ``callbacks/monitor_callback.py``. Logs are Python floats, and
    Keras compares them as float32 tensors: less than a rounding is no improvement.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        mode: str = "auto",
        baseline: float | None = None,
        min_delta: float = 0,
    ) -> None:
        super().__init__()
        if mode not in ("auto", "min", "max"):
            warnings.warn(
                f"{type(self).__name__} mode '{mode}' is unknown, fallback "
                "to auto mode.",
                stacklevel=2,
            )
            mode = "auto"
        self.monitor = monitor
        self.mode = mode
        self.best: Any = baseline
        self.min_delta = abs(min_delta)
        self.monitor_op: Callable[[Any, Any], bool] | None = None

    def _set_monitor_op(self) -> None:
        if self.mode == "min":
            self.monitor_op = less
        elif self.mode == "max":
            self.monitor_op = greater
        else:
            name = self.monitor.removeprefix("val_")
            if name == "loss":
                self.monitor_op = less
            for metric in _all_metrics(getattr(self.model, "metrics", ())):
                direction = getattr(metric, "_direction", None)
                if direction is not None and metric.name == name:
                    self.monitor_op = greater if direction == "up" else less
            if self.monitor_op is None:
                raise ValueError(
                    f"{type(self).__name__} callback received "
                    f"monitor={self.monitor}, but Keras isn't able to "
                    "automatically determine whether that metric should be "
                    "maximized or minimized. Pass `mode='max'` in order to "
                    "monitor based on the highest metric value, or pass "
                    "`mode='min'` in order to use the lowest value."
                )
        if self.monitor_op is less:
            self.min_delta *= -1

    def _is_improvement(self, monitor_value: Any, reference_value: Any) -> bool:
        if reference_value is None:
            return True
        if self.monitor_op is None:
            self._set_monitor_op()
        assert self.monitor_op is not None
        return self.monitor_op(monitor_value - self.min_delta, reference_value)


def _all_metrics(metrics: Iterable[Any]) -> Iterable[Any]:
    """Yield metrics, and those within the containers that `compile` makes of them."""
    for metric in metrics:
        yield metric
        yield from getattr(metric, "metrics", ())
