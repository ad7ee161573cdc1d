"""The bar of `fit`, `evaluate` and `predict`."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import numpy as np

from keras2torch.callbacks.printing import print_msg, redraws

BOLD, GREEN, WHITE, PLAIN = "\x1b[1m", "\x1b[32m", "\x1b[37m", "\x1b[0m"


class Progbar:
    """Displays a progress bar; ``keras.utils.Progbar``.

    Parameters
    ----------
    target
        Number of steps, ``None`` if unknown.
    width
        Characters of the bar.
    verbose
        0: silent. 1: a bar that is drawn over while it grows; the finished line alone,
        without colours, where standard output cannot be drawn over (a file, a pipe).
        2: the finished line alone.
    interval
        Seconds between two drawings, at least.
    stateful_metrics
        Names whose values are shown as they are; all others are averaged.
    stateless_metrics
        Names that are averaged; all others are shown as they are.
    unit_name
        ``"step"`` or ``"sample"``.

    Raises
    ------
    ValueError
        If both lists of names are given.

    Notes
    -----
    Source: Keras 3.15, ``utils/progbar.py``. There every system with the module
    ``posix`` counts as a terminal, and a log file holds each drawing.
    """

    def __init__(
        self,
        target: int | None,
        width: int = 20,
        verbose: int = 1,
        interval: float = 0.05,
        stateful_metrics: Iterable[str] | None = None,
        stateless_metrics: Iterable[str] | None = None,
        unit_name: str = "step",
    ) -> None:
        if stateful_metrics is not None and stateless_metrics is not None:
            raise ValueError(
                "Only one of `stateful_metrics` or `stateless_metrics` "
                "can be provided. `stateful_metrics` is used to make metrics "
                "stateless by default (with an exclusion list), while "
                "`stateless_metrics` is used to make metrics stateful by "
                "default (with an exclusion list)."
            )
        self.target = target
        self.width = width
        self.verbose = verbose
        self.interval = interval
        self.unit_name = unit_name
        self.stateful_metrics: set[str] | None = None
        self.stateless_metrics: set[str] | None = None
        if stateless_metrics is not None:
            self.stateless_metrics = set(stateless_metrics)
        else:
            self.stateful_metrics = set(stateful_metrics or ())

        self._dynamic_display = redraws()
        self._seen_so_far = 0
        # Name → sum and count, in the order in which they came.
        self._values: dict[str, list[Any]] = {}
        self._start = time.time()
        self._last_update = 0.0
        self._time_after_first_step: float | None = None
        self._prev_total_width = 0

    def due(self) -> bool:
        """Return whether an update that does not end the bar would be drawn now."""
        return (
            self.verbose == 1
            and self._dynamic_display
            and time.time() - self._last_update >= self.interval
        )

    def update(
        self,
        current: int,
        values: Iterable[tuple[str, Any]] | None = None,
        finalize: bool | None = None,
    ) -> None:
        """Move the bar.

        Parameters
        ----------
        current
            Steps done.
        values
            Pairs of name and value of the last step.
        finalize
            Whether this is the last update; if not given, ``current >= target``.
        """
        if finalize is None:
            finalize = self.target is not None and current >= self.target
        for name, value in values or ():
            self._keep(name, value, current, finalize)
        self._seen_so_far = current
        now = time.time()
        per_unit = self._estimate_step_duration(current, now)
        if self.verbose == 1:
            if not finalize and not self.due():
                return
            self._draw(current, now, per_unit, finalize)
        elif self.verbose == 2 and finalize and self.target:
            digits = len(str(self.target))
            line = f"{current:{digits}d}/{self.target} - {now - self._start:.0f}s -"
            line += self._format_time(per_unit, self.unit_name)
            for name in self._values:
                shown = self._average(name)
                line += f" - {name}:" + _number(shown, shown > 1e-3)
            print_msg(line)
        self._last_update = now

    def add(self, n: int, values: Iterable[tuple[str, Any]] | None = None) -> None:
        """Move the bar by ``n`` steps."""
        self.update(self._seen_so_far + n, values)

    def _keep(self, name: str, value: Any, current: int, finalize: bool) -> None:
        if self.stateful_metrics is not None:
            averaged = name not in self.stateful_metrics
        else:
            averaged = name in (self.stateless_metrics or ())
        if not averaged or finalize:
            self._values[name] = [value, 1]
            return
        # At least 1: without a target the end of an epoch repeats its last step.
        count = max(current - self._seen_so_far, 1)
        kept = self._values.setdefault(name, [0, 0])
        kept[0] += value * count
        kept[1] += count

    def _average(self, name: str) -> float:
        total, count = self._values[name]
        if not isinstance(total, float):
            total = np.mean(total)
        return float(total / max(1, count))

    def _draw(self, current: int, now: float, per_unit: float, finalize: bool) -> None:
        coloured = self._dynamic_display

        def style(code: str, text: str) -> str:
            return f"{code}{text}{PLAIN}" if coloured and text else text

        if self.target:
            digits = len(str(self.target))
            count = f"{current:{digits}d}/{self.target}"
            done = min(int(self.width * current / self.target), self.width)
            left = self.width - done
            parts = [style(BOLD, count) + " "]
            parts += [style(GREEN, "━" * done), style(WHITE, "━" * left)]
            plain_width = len(count) + 1 + self.width
        else:
            parts = [f"{current:7d}/Unknown"]
            plain_width = len(parts[0])
        if self.target and not finalize:
            clock = _eta(per_unit * (self.target - current))
        else:
            clock = f"{now - self._start:.0f}s"
        info = self._format_time(per_unit, self.unit_name)
        for name in self._values:
            shown = self._average(name)
            info += f" - {name}:" + _number(shown, abs(shown) > 1e-3)
        parts += [" ", style(BOLD, clock), info]
        plain_width += 1 + len(clock) + len(info)
        message = "".join(parts)
        if coloured:
            message = f"\r{message}" + " " * (self._prev_total_width - plain_width)
        self._prev_total_width = plain_width
        print_msg(message, line_break=finalize)

    def _format_time(self, time_per_unit: float, unit_name: str) -> str:
        if time_per_unit >= 1 or time_per_unit == 0:
            return f" {time_per_unit:.0f}s/{unit_name}"
        if time_per_unit >= 1e-3:
            return f" {time_per_unit * 1e3:.0f}ms/{unit_name}"
        return f" {time_per_unit * 1e6:.0f}us/{unit_name}"

    def _estimate_step_duration(self, current: int, now: float) -> float:
        """Return seconds a step, without the first, which also warms up."""
        if not current:
            return 0.0
        if self._time_after_first_step is not None and current > 1:
            duration = (now - self._time_after_first_step) / (current - 1)
        else:
            duration = (now - self._start) / current
        if current == 1:
            self._time_after_first_step = now
        return duration


def _number(value: float, plain: bool) -> str:
    return f" {value:.4f}" if plain else f" {value:.4e}"


def _eta(seconds: float) -> str:
    whole = int(seconds)
    if seconds > 3600:
        return f"{whole // 3600}:{whole % 3600 // 60:02d}:{whole % 60:02d}"
    if seconds > 60:
        return f"{whole // 60}:{whole % 60:02d}"
    return f"{whole}s"
