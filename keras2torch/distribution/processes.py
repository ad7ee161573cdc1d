"""The processes that ``torchrun`` started, found by the environment it gave them.

Plain ``torch.distributed``: gloo between CPUs, NCCL between GPUs. What processes agree
on, numbers and texts, always goes by gloo, so that no GPU is waited for.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import distributed as dist

_group: Group | None = None


def is_several() -> bool:
    """Whether this process is one of several, whoever started them."""
    if _group is not None:
        return True
    names = ("RANK", "WORLD_SIZE", "MASTER_ADDR")
    if all(name in os.environ for name in names):
        return int(os.environ["WORLD_SIZE"]) > 1
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def is_main() -> bool:
    """Whether this process is the one that writes and prints."""
    if dist.is_available() and dist.is_initialized():
        return dist.get_rank() == 0
    return not is_several() or os.environ["RANK"] == "0"


def local_device() -> torch.device | None:
    """Return the GPU of one of several processes; None if it is alone, or has none."""
    if not is_several() or not torch.cuda.is_available():
        return None
    number = int(os.environ.get("LOCAL_RANK", 0)) % torch.cuda.device_count()
    return torch.device("cuda", number)


def joined() -> Group | None:
    """Return the processes, of which this one is; None if it is alone.

    The process group is initialized if nobody did.
    """
    global _group
    if _group is None and is_several():
        _group = _joined()
    return _group


def _joined() -> Group:
    device = local_device()
    if device is not None:
        torch.cuda.set_device(device)
    if not dist.is_initialized():
        local = int(os.environ.get("LOCAL_WORLD_SIZE", 1))
        # NCCL takes no GPU twice.
        own = device is not None and local <= torch.cuda.device_count()
        dist.init_process_group("cpu:gloo,cuda:nccl" if own else "gloo")
        atexit.register(_leave)
    by_cpu = "gloo" in str(dist.get_backend_config())
    control = None if by_cpu else dist.new_group(backend="gloo")
    return Group(control)


def _leave() -> None:
    global _group
    _group = None
    if dist.is_initialized():
        dist.destroy_process_group()


class Group:
    """All processes of a training.

    Attributes
    ----------
    rank, world
        The number of this process, and how many there are.
    control
        The group that carries numbers on the CPU; None is torch's default one.
    """

    def __init__(self, control: Any) -> None:
        self.rank, self.world = dist.get_rank(), dist.get_world_size()
        self.control = control
        self._own: torch.Tensor | None = None
        self._trainings = 0

    @property
    def is_main(self) -> bool:
        """Whether this process is the one that writes and prints."""
        return self.rank == 0

    # -- numbers on the CPU
    def least(self, *numbers: int) -> list[int]:
        """Return of each number the least that any process has."""
        found = torch.tensor(numbers, dtype=torch.int64)
        dist.all_reduce(found, dist.ReduceOp.MIN, group=self.control)
        return [int(n) for n in found]

    def any(self, flag: bool) -> bool:
        """Whether it is so in any process."""
        return self.least(-int(bool(flag)))[0] < 0

    def told(self, value: Any) -> Any:
        """Return what the first process has."""
        box = [value]
        dist.broadcast_object_list(box, src=0, group=self.control)
        return box[0]

    def all(self, value: Any) -> list[Any]:
        """Return what each process has."""
        found: list[Any] = [None] * self.world
        dist.all_gather_object(found, value, group=self.control)
        return found

    # -- tensors where they are
    def sum(self, tensor: torch.Tensor) -> None:
        """Put the sum over the processes in its place."""
        dist.all_reduce(tensor, group=self._of(tensor))

    def _of(self, tensor: torch.Tensor) -> Any:
        return self.control if tensor.device.type == "cpu" else None

    def gather(self, tensor: torch.Tensor, sizes: Sequence[int]) -> torch.Tensor:
        """Return the rows of all processes, of which each has so many."""
        most = max(*sizes, 1)
        own = sizes[self.rank]
        given = tensor.detach()[:own]
        padded = tensor.new_zeros((most, *tensor.shape[1:]))
        padded[:own] = given
        # As bytes: not every backend takes every dtype.
        flat = padded.reshape(-1).view(torch.uint8)
        parts = [torch.empty_like(flat) for _ in sizes]
        dist.all_gather(parts, flat, group=self._of(tensor))
        rows = [
            part.view(tensor.dtype).reshape(padded.shape)[:size]
            for part, size in zip(parts, sizes, strict=True)
        ]
        return torch.cat(rows)

    def same(self, tensors: Sequence[torch.Tensor]) -> None:
        """Give all processes the first one's values."""
        kinds: dict[Any, list[torch.Tensor]] = {}
        for tensor in tensors:
            kinds.setdefault((tensor.device, tensor.dtype), []).append(tensor)
        with torch.no_grad():
            for alike in kinds.values():
                flat = torch.cat([t.detach().reshape(-1) for t in alike])
                dist.broadcast(flat, src=0, group=self._of(flat))
                pieces = flat.split([t.numel() for t in alike])
                for tensor, piece in zip(alike, pieces, strict=True):
                    tensor.copy_(piece.reshape(tensor.shape))

    # -- chance
    def share_chance(self) -> None:
        """Give all processes the first one's random state: data come in one order."""
        state = (random.getstate(), np.random.get_state(), torch.get_rng_state())
        python, numpy, torch_state = self.told(state)
        random.setstate(python)
        np.random.set_state(numpy)
        torch.set_rng_state(torch_state)

    def own_chance(self) -> None:
        """Give this process random numbers of its own, for what layers draw."""
        self._trainings += 1
        state = torch.get_rng_state().numpy().tobytes() + bytes([self._trainings % 256])
        seed = int.from_bytes(hashlib.sha256(state).digest()[:6], "big") + self.rank
        self._own = torch.Generator().manual_seed(seed).get_state()
        if torch.cuda.is_available():
            torch.cuda.manual_seed(seed)

    def swap_chance(self) -> None:
        """Change between the random numbers that all share and this process' own."""
        if self._own is not None:
            kept = torch.get_rng_state()
            torch.set_rng_state(self._own)
            self._own = kept
