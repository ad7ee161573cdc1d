"""The batches of ``fit``, ``evaluate`` and ``predict``, epoch by epoch.

A *source* yields ``(x, y, sample_weight)`` in torch tensors; ``Batches`` cuts that into
epochs by the rules of Keras 3.15 (trainers/epoch_iterator.py).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any, Protocol

from keras2torch.data.tensors import add_note

Triple = tuple[Any, Any, Any]


class Source(Protocol):
    """Where batches come from."""

    kind: str
    one_pass: bool  # whether what was yielded once is gone
    batch_size: int | None
    num_samples: int | None

    @property
    def num_batches(self) -> int | None:
        """How many batches an epoch has, where that is known."""

    def epoch(self) -> Iterator[Triple]:
        """Return the batches of one pass, or what is left where there is one pass."""

    def on_epoch_begin(self) -> None:
        """Tell the data that an epoch begins."""

    def on_epoch_end(self) -> None:
        """Tell the data that an epoch has ended."""


class Batches:
    """Batches of one epoch each time it is iterated.

    ``on_epoch_begin`` and ``on_epoch_end`` are called by iterating; calling them by
    hand as well, before and after the loop, does not call them twice.

    Attributes
    ----------
    num_batches
        How many an epoch has, ``None`` where that is not known before its end.
    batch_size, num_samples
        ``None`` where the data decides.
    shared
        How several processes share the batches out; ``None`` where there is one.
    exhausted
        Whether a generator has ended, so that no further epoch has a batch.
    """

    def __init__(
        self,
        source: Source,
        steps_per_epoch: int | None = None,
        shared: Any = None,
    ) -> None:
        if steps_per_epoch is not None and steps_per_epoch < 1:
            raise ValueError(
                f"steps_per_epoch is a positive number, not {steps_per_epoch}."
            )
        self.source = source
        self.shared = shared
        self.steps_per_epoch = steps_per_epoch
        self.exhausted = False
        self.epochs_begun = 0
        self._within_epoch = False
        self._running = False
        self._current: Iterator[Triple] | None = None
        self._seen = 0  # batches taken from `_current`
        self._counted: int | None = None

    @property
    def num_batches(self) -> int | None:
        """How many batches an epoch has."""
        return self.steps_per_epoch or self.source.num_batches or self._counted

    @property
    def batch_size(self) -> int | None:
        """How many samples a full batch has."""
        return self.source.batch_size

    @property
    def num_samples(self) -> int | None:
        """How many samples there are."""
        return self.source.num_samples

    def on_epoch_begin(self) -> None:
        """Tell the data that an epoch begins, unless it knows."""
        if not self._within_epoch:
            self._within_epoch = True
            self.epochs_begun += 1
            self.source.on_epoch_begin()

    def on_epoch_end(self) -> None:
        """Tell the data that the epoch has ended, unless it knows."""
        if self._within_epoch:
            self._within_epoch = False
            self.source.on_epoch_end()

    def reset(self) -> None:
        """Begin anew. Keras' ``fit`` and ``evaluate`` do so before the first epoch.

        The data's ``on_epoch_end`` is called then too, as Keras does: a ``PyDataset``
        that shuffles there has shuffled once when training begins.
        """
        self._current, self._seen, self._counted = None, 0, None
        self._within_epoch = self._running = False
        self.source.on_epoch_end()

    def __iter__(self) -> Iterator[Triple]:
        if self._running:  # the last epoch was left by `break`
            self.on_epoch_end()
        self._running = True
        self.on_epoch_begin()
        known = self.source.num_batches
        steps = self.steps_per_epoch or known
        if self._current is None or self.steps_per_epoch is None:
            self._current, self._seen = self._begun(), 0
        taken = 0
        while steps is None or taken < steps:
            if known is not None and self._seen >= known:
                # Only steps that do not divide the data's batches come here.
                _warn_no_more()
                break
            try:
                batch = next(self._current)
            except StopIteration:
                self._ended(taken)
                break
            except Exception as error:
                add_note(
                    error,
                    f"Raised by the {self.source.kind} given as x, for epoch "
                    f"{self.epochs_begun}, batch {taken + 1}, both counted from 1.",
                )
                raise
            taken += 1
            self._seen += 1
            yield batch
        if known is not None and self._seen >= known:
            self._current = None
        self._running = False
        self.on_epoch_end()

    def _begun(self) -> Iterator[Any]:
        batches = self.source.epoch()
        return batches if self.shared is None else self.shared.batches(batches)

    def _ended(self, taken: int) -> None:
        """Decide what the end of the data before the end of the epoch means."""
        none_ever = self._seen == 0 and not self.exhausted
        self._current = None
        if none_ever:
            raise ValueError(
                f"the {self.source.kind} given as x yields no batch: there is "
                "nothing to compute on."
            )
        self.exhausted = self.source.one_pass
        if self.steps_per_epoch is None and not self.source.one_pass:
            self._counted = taken  # its natural end: the next epoch begins anew
        else:
            _warn_no_more()


def _warn_no_more() -> None:
    warnings.warn(
        "Your input ran out of data; interrupting training. Make sure that your "
        "dataset or generator can generate at least `steps_per_epoch * epochs` "
        "batches.",
        stacklevel=3,
    )
