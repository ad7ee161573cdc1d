"""The seam between the trainer and the processes: what it asks where it has several."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from keras2torch.callbacks.logs import LazyLogs, pythonify_logs
from keras2torch.distribution import losses
from keras2torch.distribution.batch_norm import take_whole_batches, watch_batch_norms
from keras2torch.distribution.cut import is_cut
from keras2torch.distribution.gradients import watch_optimizers
from keras2torch.distribution.parts import Part, bounds_of, working_on
from keras2torch.distribution.processes import Group, joined

_engine: Engine | None = None


def several() -> Engine | None:
    """Return the engine of several processes; None in a process that is alone."""
    global _engine
    group = joined()
    if group is None:
        return None
    if _engine is None or _engine.group is not group:
        watch_optimizers()
        watch_batch_norms()
        _engine = Engine(group)
    return _engine


class Engine:
    """What a trainer asks where it is one of several.

    Attributes
    ----------
    group
        The processes.
    """

    def __init__(self, group: Group) -> None:
        self.group = group
        self._unbuilt: nn.Module | None = None

    # -- models
    def place(self, model: Any) -> None:
        """Give a model the first process' weights, once."""
        state = _state(model)
        known = tuple(map(id, state))
        if vars(model).get("_same_in_all") == known:
            return
        take_whole_batches(model)
        self._check_same(state)
        self.group.same(state)
        vars(model)["_same_in_all"] = known

    def _check_same(self, state: list[torch.Tensor]) -> None:
        shapes = [tuple(t.shape) for t in state]
        if self.group.any(self.group.told(shapes) != shapes):
            raise ValueError(
                "the processes have models of different weights: every process has to "
                "make the same model."
            )

    @contextmanager
    def training(self, model: Any) -> Iterator[None]:
        """Train a model: from the same weights, each process with chance of its own."""
        vars(model).pop("_same_in_all", None)
        self.place(model)
        self.group.share_chance()
        self.group.own_chance()
        built = all(getattr(m, "built", True) for m in model.modules())
        self._unbuilt = None if built else model
        try:
            yield
        finally:
            self._unbuilt = None

    def settle(self, model: Any) -> None:
        """Give all processes what layers of the first one keep of batches."""
        self.group.same([t for t in _state(model) if not t.requires_grad])

    # -- batches
    def each(self, batches: Iterable[Any]) -> Iterator[Any]:
        """Give one batch after the other, as the part that is computed."""
        for batch in batches:
            with self._computing(batch.part):
                yield batch

    @contextmanager
    def _computing(self, part: Part) -> Iterator[None]:
        first = self._unbuilt
        with working_on(part):
            if first is None:
                self.group.swap_chance()
            try:
                yield
            finally:
                if first is None:
                    self.group.swap_chance()
        if first is not None:
            # Weights were made in this step, by the chance that all share.
            self._unbuilt = None
            self.place(first)

    def shard(self, model: Any) -> None:
        """Cut the weights of a model among the processes, if that was asked for."""
        from keras2torch.distribution.strategies import distribution

        strategy = distribution()
        asked = strategy is not None and strategy.shards_weights
        if asked or model.distribute == "fsdp":
            from keras2torch.distribution import fsdp

            fsdp.shard(model, self.group)

    def sharing(self) -> Any:
        """Return how a data set is shared out."""
        from keras2torch.distribution.sharing import Shared
        from keras2torch.distribution.strategies import distribution

        # What a generator draws first, and weights that wait for it, are the same.
        self.group.share_chance()
        strategy = distribution()
        each = strategy is not None and not strategy.auto_shard_dataset
        return Shared(self, each_its_own=each)

    def shared(self, rows: int) -> Part:
        """Return this process' part of so many rows."""
        return Part(self.group, bounds_of(rows, self.group.world))

    def check_samples(self, samples: int) -> None:
        """Refuse arrays of another length in each process."""
        least, most = self.group.least(samples, -samples)
        if least != -most:
            raise ValueError(
                f"the processes were given between {least} and {-most} samples: each "
                "is given all of them, and takes its part of every batch."
            )

    # -- logs
    def results(self, model: Any) -> dict[str, Any]:
        """Return what the metrics of a model are over all processes."""
        with losses.of_all(model.metrics, self.group):
            found = model.get_metrics_result()
        # Read before the states are a part's again.
        return pythonify_logs(found)

    def logs(self, model: Any, own: Any, part: Part | None) -> dict[str, Any]:
        """Return the logs of a step, whose own were about a part.

        Metrics are those of all processes; what a step of a user's own names otherwise
        is a mean over samples.
        """
        metrics = self.results(model)
        metrics_alone = isinstance(own, LazyLogs) and own.is_of(
            model.get_metrics_result
        )
        if own is None or metrics_alone or part is None:
            return metrics
        found = pythonify_logs(own)
        return {
            name: metrics.get(name, value)
            for name, value in self._means(found, part).items()
        }

    def _means(self, logs: dict[str, Any], part: Part) -> dict[str, Any]:
        names = [n for n, v in logs.items() if isinstance(v, float)]
        values = torch.tensor([logs[n] for n in names], dtype=torch.float64)
        values = values * part.share if part.rows else torch.zeros_like(values)
        self.group.sum(values)
        return {**logs, **dict(zip(names, values.tolist(), strict=True))}

    # -- agreement
    def callbacks(self, given: Any) -> Any:
        """Return the callbacks of this process: one process writes and prints."""
        from keras2torch import callbacks as known

        if self.group.is_main:
            return given
        writers = (
            known.CSVLogger,
            known.ProgbarLogger,
            known.RemoteMonitor,
            known.TensorBoard,
        )
        if isinstance(given, known.CallbackList):
            given.callbacks[:] = [c for c in given.callbacks if self.callbacks(c)]
            return given
        if isinstance(given, (list, tuple)):
            return [self.callbacks(c) for c in given]
        return [] if isinstance(given, writers) else given


def _state(model: nn.Module) -> list[torch.Tensor]:
    """Return the weights of a model that processes keep alike."""
    found = {id(t): t for t in (*model.parameters(), *model.buffers())}
    return [t for t in found.values() if not is_cut(t)]
