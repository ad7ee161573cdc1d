"""Tensors that are cut among processes: DTensors, which FSDP makes of weights."""

from __future__ import annotations

from collections.abc import Sequence
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


def local(tensor: torch.Tensor) -> torch.Tensor:
    """Return the part of a tensor that this process holds: it shares its memory."""
    if not is_cut(tensor):
        return tensor
    with torch.no_grad():
        made: torch.Tensor = tensor.detach().to_local()  # type: ignore[attr-defined]
    return made


def cut_as(value: torch.Tensor, tensor: torch.Tensor) -> torch.Tensor:
    """Return a whole value, cut as a tensor is."""
    if not is_cut(tensor):
        return value
    from torch.distributed.tensor import distribute_tensor

    mesh, placements = tensor.device_mesh, tensor.placements  # type: ignore[attr-defined]
    made: torch.Tensor = distribute_tensor(value.contiguous(), mesh, placements)
    return made


def put(tensor: torch.Tensor, value: torch.Tensor) -> None:
    """Copy a whole value into a tensor, however that is cut."""
    tensor.copy_(cut_as(value, tensor))


def sum_parts(value: torch.Tensor, tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    """Add up what each process computed from its parts of tensors, if they are cut."""
    cut = next((t for t in tensors if is_cut(t)), None)
    if cut is not None:
        from torch.distributed import all_reduce

        all_reduce(value, group=cut.device_mesh.get_group())  # type: ignore[attr-defined]
    return value
