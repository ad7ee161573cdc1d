"""The part of a batch that one of several processes computes.

A batch of 32 rows means 32 rows of all processes together. Each computes a *part*,
whose ``share`` is its number of rows by that of the batch. What a process finds, a loss
or a gradient, is that of its part alone; the batch's is the sum of ``share * value``
over the processes. So an uneven batch counts each row once, and a process that got none
counts nothing: it computes a row of another one, because layers want at least one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

from keras2torch import tree

if TYPE_CHECKING:
    from keras2torch.distribution.processes import Group


class Part:
    """What a process knows of the batch at hand.

    Parameters
    ----------
    group
        The processes.
    bounds
        Where each part begins, and at last where the batch ends.
    """

    __slots__ = ("bounds", "divides", "group", "rows", "scaled", "share", "total")

    def __init__(self, group: Group, bounds: list[int]) -> None:
        self.group, self.bounds = group, bounds
        self.total = bounds[-1]
        self.rows = bounds[group.rank + 1] - bounds[group.rank]
        self.share = self.rows / self.total
        # Whether the loss that is differentiated was multiplied by the share.
        self.scaled = False
        # Whether a loss divides by weights or masks of the whole batch.
        self.divides = False

    @property
    def sizes(self) -> list[int]:
        """How many rows each process has."""
        return [b - a for a, b in zip(self.bounds, self.bounds[1:], strict=False)]

    @property
    def taken(self) -> tuple[int, int]:
        """First row and number of the rows to compute, which are at least one."""
        start = min(self.bounds[self.group.rank], self.total - 1)
        return start, max(self.rows, 1)

    def of(self, structure: Any) -> Any:
        """Return this process' rows of whatever a batch is made of."""
        start, length = self.taken

        def rows(value: Any) -> Any:
            if value is None or not getattr(value, "ndim", 0):
                return value
            if len(value) != self.total:
                raise ValueError(
                    f"a batch of {self.total} rows has a part of shape "
                    f"{tuple(value.shape)}, which cannot be shared among processes."
                )
            return value.narrow(0, start, length)

        return tree.map_structure(rows, structure)

    def whole(self, structure: Any) -> Any:
        """Return the rows of all processes, in their order; gradients go back."""
        return tree.map_structure(
            lambda t: t if t is None else _gathered(t, self), structure
        )

    def summed(self, *numbers: torch.Tensor) -> list[torch.Tensor]:
        """Return sums over all rows of numbers about this part's."""
        stacked = torch.stack([n.detach().double() for n in numbers])
        if not self.rows:
            stacked.zero_()
        self.group.sum(stacked)
        return [s.to(n.dtype) for s, n in zip(stacked, numbers, strict=True)]

    def mean(self, total: torch.Tensor, number: torch.Tensor) -> torch.Tensor:
        """Return this part's value of the sum over the number of all parts."""
        if not self.rows or not bool(number):
            return total * 0.0
        return total / (number * self.share)


class Portion(tuple[Any, ...]):
    """Rows of a batch, and the part of it that they are."""

    part: Part

    def __new__(cls, batch: Iterable[Any], part: Part) -> Portion:
        made = super().__new__(cls, batch)
        made.part = part
        return made

    def __getnewargs__(self) -> tuple[Any, ...]:
        return tuple(self), self.part


# The part at hand; None in a process that is alone.
now: Part | None = None


@contextmanager
def working_on(part: Part | None) -> Iterator[None]:
    """Compute a part of a batch; with ``None`` what is computed is whole."""
    global now
    before, now = now, part
    try:
        yield
    finally:
        now = before


def share() -> float:
    """Return what a number about the part at hand counts for."""
    return 1.0 if now is None else now.share


def dividing() -> Part | None:
    """Return the part at hand where sums of the whole batch are to be divided by."""
    return now if now is not None and now.divides else None


def bounds_of(total: int, world: int) -> list[int]:
    """Return where the parts of so many rows begin, and where the last one ends."""
    return [rank * total // world for rank in range(world + 1)]


class _Whole(torch.autograd.Function):
    """All processes' rows; what comes back is of the rows of this one."""

    @staticmethod
    def forward(ctx: Any, tensor: torch.Tensor, part: Part) -> torch.Tensor:
        ctx.part = part
        return part.group.gather(tensor, part.sizes)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None]:
        part: Part = ctx.part
        start, length = part.taken
        own = grads[0].narrow(0, start, length)
        # Every process computed the same; only the sum over the parts is to come out.
        return (own / part.share if part.rows else torch.zeros_like(own)), None


def _gathered(tensor: Any, part: Part) -> Any:
    if not isinstance(tensor, torch.Tensor):
        return tensor
    made: torch.Tensor = _Whole.apply(tensor, part)
    mask = getattr(tensor, "_keras_mask", None)
    if mask is not None:
        made._keras_mask = part.group.gather(mask, part.sizes)  # type: ignore[attr-defined]
    return made


class _Summed(torch.autograd.Function):
    """A sum over the processes; gradients are summed, too."""

    @staticmethod
    def forward(ctx: Any, tensor: torch.Tensor, part: Part) -> torch.Tensor:
        ctx.part = part
        made = tensor.detach().clone()
        part.group.sum(made)
        return made

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None]:
        part: Part = ctx.part
        given = grads[0].clone() if part.scaled else grads[0] * part.share
        part.group.sum(given)
        if part.scaled:
            return given, None
        return (given / part.share if part.rows else torch.zeros_like(given)), None


def summed(tensor: torch.Tensor, part: Part) -> torch.Tensor:
    """Return the sum over the processes, through which gradients go back."""
    made: torch.Tensor = _Summed.apply(tensor, part)
    return made
