"""Batches, shared out among processes.

Every process reads the same batches and takes its rows of each. So the batches are
those of one process, whatever kind of data they come from, and all processes have
equally many steps. Before each step they tell each other how many rows there are: none
waits for one whose data ended sooner, or failed. Arrays have a length that is known.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from keras2torch import tree
from keras2torch.distribution.engine import Engine
from keras2torch.distribution.parts import Part, Portion

_FAILED, _ENDED = -1, 0


class Shared:
    """How the batches of one data set are shared out.

    Parameters
    ----------
    engine
        Of the processes.
    each_its_own
        Whether each process has data of its own, of which all rows are its part:
        ``auto_shard_dataset=False``.

    Attributes
    ----------
    device
        Where the rows are computed.
    """

    def __init__(self, engine: Engine, *, each_its_own: bool = False) -> None:
        self.engine, self.each_its_own = engine, each_its_own
        self.device = torch.device("cpu")
        self._cut = False

    def check_samples(self, samples: int) -> None:
        """Take arrays, which are cut as they are read.

        Raises
        ------
        ValueError
            If they are of another length in each process.
        """
        self._cut = True
        self.engine.check_samples(samples)

    def part_of(self, rows: int) -> Part:
        """Return this process' part of so many rows of arrays."""
        return self.engine.shared(rows)

    def portion(self, batch: Any, part: Part) -> Portion:
        """Return rows of arrays with the part of the batch that they are."""
        return Portion(batch, part)

    def batches(self, batches: Iterator[Any]) -> Iterator[Portion]:
        """Yield this process' rows of each batch, and what part of it they are."""
        self.engine.group.share_chance()
        if self._cut:
            yield from batches
            return
        while True:
            batch, rows = self._next(batches)
            if rows == _ENDED:
                return
            part = self._part(rows)
            own = batch if self.each_its_own else part.of(batch)
            yield Portion(self._moved(own), part)

    def _next(self, batches: Iterator[Any]) -> tuple[Any, int]:
        """Return the next batch and its rows; 0 once any process has none left."""
        batch, rows, error = None, _ENDED, None
        try:
            batch = next(batches)
            rows = _rows(batch)
        except StopIteration:
            pass
        except Exception as raised:
            error, rows = raised, _FAILED
        least, most = self.engine.group.least(rows, -rows)
        if error is not None:
            raise error
        if least == _FAILED:
            raise RuntimeError("another process failed to read its data.")
        if least == _ENDED:
            return None, _ENDED
        if least != -most and not self.each_its_own:
            raise ValueError(
                f"the processes read batches of {least} to {-most} rows: each is given "
                "the same data, and takes its part of every batch. Where each has data "
                "of its own, say so by keras.distribution.set_distribution("
                "DataParallel(auto_shard_dataset=False))."
            )
        return batch, rows

    def _part(self, rows: int) -> Part:
        engine = self.engine
        if not self.each_its_own:
            return engine.shared(rows)
        bounds = [0]
        for number in engine.group.all(rows):
            bounds.append(bounds[-1] + number)
        return Part(engine.group, bounds)

    def _moved(self, structure: Any) -> Any:
        return tree.map_structure(
            lambda t: t if t is None else t.to(self.device), structure
        )


def _rows(batch: Any) -> int:
    return next(len(t) for t in tree.flatten(batch) if t is not None and t.ndim)
