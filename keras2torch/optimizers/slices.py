"""Gradients of embeddings: a row for every look-up, and equal rows not yet added up.

In Keras on TensorFlow such a gradient is an ``IndexedSlices``, in torch a sparse tensor
that nobody coalesced. What is linear in the gradient cannot tell; squares and absolute
values are those of each look-up, added up afterwards.

Source: ``keras/src/backend/tensorflow/sparse.py`` (3.15), and the operations that each
optimizer chains.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from keras2torch.optimizers.layout import Chosen, Tensors

Rows = dict[int, torch.Tensor]


class Summed(list[torch.Tensor]):
    """Gradients of which some came by rows: here they are added up.

    Attributes
    ----------
    rows
        For the places of those that did: which row each of the values is of.
    values
        The gradients as they came.
    """

    def __init__(self, sums: Tensors, rows: Rows, values: Sequence[torch.Tensor]):
        super().__init__(sums)
        self.rows = rows
        self.values = {place: values[place] for place in rows}

    def times(self, factors: Tensors) -> Summed:
        """Return every gradient times a tensor of its weight's shape."""
        values = list(self)
        for place, rows in self.rows.items():
            values[place] = self.values[place] * factors[place][rows]
        return Summed(list(torch._foreach_mul(self, factors)), self.rows, values)


def has_rows(gradient: torch.Tensor) -> bool:
    """Return whether a gradient is one of rows, as embeddings have it."""
    return gradient.is_sparse and gradient.sparse_dim() == 1


def taken(grads: Tensors, places: Sequence[int]) -> Tensors:
    """Return some of the gradients."""
    found = [grads[p] for p in places]
    if not isinstance(grads, Summed):
        return found
    rows = {n: grads.rows[p] for n, p in enumerate(places) if p in grads.rows}
    values = [grads.values.get(p, grads[p]) for p in places]
    return Summed(found, rows, values) if rows else found


def summed(tensors: Tensors, grads: Tensors, rows: Rows) -> Tensors:
    """Add up the rows of the gradients at these places, and keep what they were."""
    if not rows:
        return grads
    found = list(grads)
    for place, of in rows.items():
        found[place] = torch.zeros_like(tensors[place]).index_add_(0, of, grads[place])
    return Summed(found, rows, grads)


def add_squares(totals: Tensors, grads: Tensors, amount: float = 1.0) -> None:
    """Add the squares of the gradients, of each look-up its own."""
    if not isinstance(grads, Summed):
        torch._foreach_addcmul_(totals, grads, grads, value=amount)
        return
    plain = [place for place in range(len(grads)) if place not in grads.rows]
    if plain:
        given = [grads[p] for p in plain]
        torch._foreach_addcmul_([totals[p] for p in plain], given, given, value=amount)
    for place, rows in grads.rows.items():
        totals[place].index_add_(0, rows, grads.values[place].square(), alpha=amount)


def square(grads: Tensors, place: int) -> torch.Tensor:
    """Return the squares of one of the gradients, of each look-up its own."""
    if not isinstance(grads, Summed) or place not in grads.rows:
        return grads[place].square()
    found = torch.zeros_like(grads[place])
    return found.index_add_(0, grads.rows[place], grads.values[place].square())


def magnitudes(grads: Tensors) -> Tensors:
    """Return the absolute values of the gradients, of each look-up its own."""
    found = list(torch._foreach_abs(grads))
    if isinstance(grads, Summed):
        for place, rows in grads.rows.items():
            found[place].zero_().index_add_(0, rows, grads.values[place].abs())
    return found


def by_kind(chosen: Chosen, grads: Tensors) -> list[tuple[Chosen, Tensors]]:
    """Split by device and dtype, and what came by rows from what did not."""
    if not isinstance(grads, Summed):
        return chosen.kinds(grads)
    groups: dict[tuple[torch.device, torch.dtype, bool], list[int]] = {}
    for place, tensor in enumerate(chosen.tensors):
        key = (tensor.device, tensor.dtype, place in grads.rows)
        groups.setdefault(key, []).append(place)
    choose = chosen.layout.choose
    return [
        (choose(chosen.numbers[p] for p in places), taken(grads, places))
        for places in groups.values()
    ]
