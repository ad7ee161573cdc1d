"""Tensors that are cut among processes: DTensors, which FSDP makes of weights."""

from __future__ import annotations

from typing import Any

import torch


def is_cut(tensor: Any) -> bool:
    """Whether each process holds a part of it."""
    return hasattr(tensor, "full_tensor")


def full(tensor: torch.Tensor) -> torch.Tensor:
    """Return a whole tensor; every process has to ask for one that is cut."""
    if not is_cut(tensor):
        return tensor
    from torch.distributed.tensor import Partial

    # What each process makes of it adds up to its gradient.
    made: torch.Tensor = tensor.full_tensor(grad_placements=[Partial()])  # type: ignore[attr-defined]
    return made


def put(tensor: torch.Tensor, value: torch.Tensor) -> None:
    """Copy a whole value into a tensor, however that is cut."""
    mesh = getattr(tensor, "device_mesh", None)
    if mesh is not None:
        from torch.distributed.tensor import distribute_tensor

        value = distribute_tensor(value.contiguous(), mesh, tensor.placements)  # type: ignore[attr-defined]
    tensor.copy_(value)
