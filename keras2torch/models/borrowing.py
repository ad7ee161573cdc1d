"""A module whose tensors are another's, in another order.

A layer that was called by itself, or that two models share, holds its weights once. A
program may want other axes: the statistics of a Normalization before a convolution
are ``(3, 1, 1)``, by themselves ``(3,)``. There the module holds none of its own: its
attributes are computed from the layer's, so that what trains or adapts one is seen by
all.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from keras2torch.layers.base import Array


class Borrowed:
    """One tensor of a module, taken from another module each time it is read.

    Parameters
    ----------
    owner, leaf
        The module that holds it, and its name there.
    shape
        What the borrower wants.
    places
        For each element its place in the owner's tensor; None for the same order.
    """

    def __init__(
        self, owner: nn.Module, leaf: str, shape: tuple[int, ...], places: Array | None
    ) -> None:
        self.owner, self.leaf, self.shape = owner, leaf, shape
        self.places = None if places is None else torch.from_numpy(places)

    def __call__(self) -> torch.Tensor:
        """Return it as it is now, for gradients to go to the owner."""
        flat: torch.Tensor = getattr(self.owner, self.leaf).reshape(-1)
        if self.places is not None:
            flat = flat[self.places.to(flat.device)]
        return flat.reshape(self.shape)


def borrow(
    module: nn.Module,
    leaf: str,
    theirs: tuple[nn.Module, str],
    order: Array,
    held: Array,
) -> None:
    """Let an attribute of a module be computed from another module's tensor.

    Parameters
    ----------
    module, leaf
        Who borrows, and the name of the parameter or buffer.
    theirs
        Who holds the tensor, and its name there.
    order, held
        For each element of both tensors its place in the Keras weight.
    """
    place = np.empty(held.size, np.int64)
    place[held.reshape(-1)] = np.arange(held.size)
    places = place[order.reshape(-1)]
    same = np.array_equal(places, np.arange(places.size))
    shape = tuple(getattr(module, leaf).shape)
    found = Borrowed(*theirs, shape, None if same else places)
    module._parameters.pop(leaf, None)
    module._buffers.pop(leaf, None)
    # Known to torch under a name of its own, for parameters(), state_dict() and to().
    module._modules.setdefault("held", theirs[0])
    cls = type(module)
    names: dict[str, Any] = {leaf: property(lambda self: found())}
    module.__class__ = type(
        cls.__name__, (cls,), {"__module__": cls.__module__, **names}
    )
