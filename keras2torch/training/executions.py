"""How many steps go between two looks of the callbacks: ``steps_per_execution``.

Sources: ``keras/src/trainers/epoch_iterator.py`` and the trainers of its backends
(3.15).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import torch

from keras2torch import tree
from keras2torch.callbacks.logs import LazyLogs
from keras2torch.data.packing import unpack_x_y_sample_weight
from keras2torch.distribution import parts
from keras2torch.training.foreign import told_of_tensorflow
from keras2torch.training.steps import Steps, _step

Batch = tuple[Any, ...]


class Executions(Steps):
    """The part of a trainer that takes a group of batches at once.

    ``make_train_function`` and its like may be overridden, as in Keras: what they keep
    in ``train_function`` is called with a list of batches and returns the logs.
    """

    train_function: Any = None
    test_function: Any = None
    predict_function: Any = None

    def make_train_function(self, force: bool = False) -> Any:
        """Return what trains on a list of batches; kept in ``train_function``."""
        if self.train_function is None or force:
            self.train_function = self._train_on
        return self.train_function

    def make_test_function(self, force: bool = False) -> Any:
        """Return what evaluates a list of batches; kept in ``test_function``."""
        if self.test_function is None or force:
            self.test_function = self._test_on
        return self.test_function

    def make_predict_function(self, force: bool = False) -> Any:
        """Return what predicts a list of batches; kept in ``predict_function``."""
        if self.predict_function is None or force:
            self.predict_function = self._predict_on
        return self.predict_function

    @told_of_tensorflow()
    def _train_on(self, data: list[Batch]) -> Any:
        logs: Any = None
        if self._is_plain("train_step"):
            for batch in self._each(data):
                self._train(*unpack_x_y_sample_weight(batch))
            return LazyLogs(self.get_metrics_result)
        for batch in self._each(data):
            with _step():
                logs = self.train_step(batch)
        return logs

    @told_of_tensorflow()
    def _test_on(self, data: list[Batch]) -> Any:
        logs: Any = None
        with torch.no_grad():
            if self._is_plain("test_step"):
                for batch in self._each(data):
                    self._test(*unpack_x_y_sample_weight(batch))
                return LazyLogs(self.get_metrics_result)
            for batch in self._each(data):
                with _step():
                    logs = self.test_step(batch)
        return logs

    @told_of_tensorflow()
    def _predict_on(self, data: list[Batch]) -> Any:
        with torch.no_grad(), _step():
            return joined([self._predicted(batch) for batch in self._each(data)])

    def _predicted(self, batch: Batch) -> Any:
        made = self.predict_step(batch)
        return made if parts.now is None else parts.now.whole(made)

    def _check_functions(self) -> None:
        """Refuse functions of a user's own, which would train on a part alone."""
        if self._engine is None:
            return
        for kind, ours in (
            ("train", self._train_on),
            ("test", self._test_on),
            ("predict", self._predict_on),
        ):
            if getattr(self, f"{kind}_function") not in (None, ours):
                raise ValueError(
                    f"make_{kind}_function is overridden, which several processes do "
                    f"not carry: override {kind}_step, which each calls with its part."
                )

    def _each(self, data: list[Batch]) -> Iterable[Batch]:
        """Give one batch after the other, of which this process computes a part."""
        return data if self._engine is None else self._engine.each(data)

    def _executions(self, batches: Iterable[Any]) -> Iterator[tuple[int, int, Any]]:
        """Give the first step, the last, and the batches of each execution.

        The last step of an epoch that does not divide is the one that would have been,
        as in Keras.
        """
        self._check_functions()
        size = int(self.steps_per_execution)
        left = iter(batches)
        first = 0
        while data := [packed(batch) for batch in islice(left, size)]:
            yield first, first + size - 1, data
            first += size


def packed(batch: tuple[Any, Any, Any]) -> Batch:
    """Return a batch as a step of a user's own expects it."""
    x, y, sample_weight = batch
    made: Batch = (x, y, sample_weight)
    if sample_weight is None:
        made = (x,) if y is None else (x, y)
    part = getattr(batch, "part", None)
    return made if part is None else parts.Portion(made, part)


def joined(parts: list[Any]) -> Any:
    """Return the outputs of several batches as one."""
    if len(parts) == 1:
        return parts[0]
    return tree.map_structure(
        lambda *p: torch.cat([torch.as_tensor(t) for t in p]), *parts
    )
