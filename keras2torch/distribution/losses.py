"""Losses and metrics of a batch that several processes compute."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from keras2torch.distribution import parts
from keras2torch.distribution.parts import Part

# One number of a whole batch, not one a sample.
_OF_BATCHES = ("dice", "tversky")


def loss_of(
    loss: Any, y_true: Any, y_pred: Any, sample_weight: Any, part: Part
) -> torch.Tensor:
    """Return a loss of which ``share`` times its value, over the processes, is Keras'.

    Losses of Keras' are means over samples, and each process takes that of its part. A
    user's own may compare samples with each other: it sees the outputs of all.
    """
    if _is_by_sample(loss):
        part.divides = True
        try:
            value: torch.Tensor = loss(y_true, y_pred, sample_weight)
        finally:
            part.divides = False
        if loss.reduction == "sum":
            return value / part.share if part.rows else value * 0.0
        return value
    true, pred, weight = part.whole((y_true, y_pred, sample_weight))
    with parts.working_on(None):
        found: torch.Tensor = loss(true, pred, weight)
    return found


def _is_by_sample(loss: Any) -> bool:
    kind = type(loss)
    if not kind.__module__.startswith("keras2torch.losses") or hasattr(loss, "module"):
        return False
    fn = getattr(loss, "fn", None)
    if fn is None:
        return True
    home = getattr(fn, "__module__", "") or ""
    name = getattr(fn, "__name__", "")
    return home.startswith("keras2torch.losses") and name not in _OF_BATCHES


def is_summable(metric: Any) -> bool:
    """Whether the states of a metric over all rows are the sums of those of parts."""
    kind = type(metric)
    home = kind.__module__
    if not home.startswith("keras2torch.metrics") or home.endswith(".foreign"):
        return False
    fn = getattr(metric, "_fn", None)
    if fn is None:
        return True
    home = getattr(fn, "__module__", None) or type(fn).__module__
    name = getattr(fn, "__name__", "")
    return home.startswith("keras2torch.") and name not in _OF_BATCHES


def count(metric: Any, part: Part, *given: Any) -> None:
    """Update a metric of ``compile``; a user's own sees the outputs of all processes.

    It is the same in all of them then, and is not summed when it is read.
    """
    if is_summable(metric):
        metric.update_state(*given)
        return
    metric._sees_all = True
    inner = getattr(metric, "metric", None)
    if hasattr(inner, "sync_on_compute"):
        inner.sync_on_compute = False  # type: ignore[union-attr]
    whole = part.whole(given)
    with parts.working_on(None):
        metric.update_state(*whole)


@contextmanager
def of_all(metrics: Sequence[Any], group: Any) -> Iterator[None]:
    """Have metrics hold what all processes counted; every process enters at once."""
    from keras2torch.metrics.base import Borrowed

    states = [
        state
        for metric in _each(metrics)
        if not getattr(metric, "_sees_all", False)
        for state in metric.variables
    ]
    states = list({id(s): s for s in states}.values())
    values = [s.detach().clone() for s in states]
    kinds: dict[Any, list[int]] = {}
    for place, value in enumerate(values):
        kinds.setdefault((value.device, value.dtype), []).append(place)
    for places in kinds.values():
        flat = torch.cat([values[p].reshape(-1) for p in places])
        group.sum(flat)
        for p, piece in zip(
            places, flat.split([values[p].numel() for p in places]), strict=True
        ):
            values[p] = piece.reshape(values[p].shape)
    with Borrowed(states, values):
        yield


def _each(metrics: Sequence[Any]) -> Iterator[Any]:
    for metric in metrics:
        # What compile() was given holds the metrics of all outputs.
        inner = getattr(metric, "metrics", None)
        if isinstance(inner, list) and not hasattr(metric, "_variables"):
            yield from inner
        else:
            yield metric
