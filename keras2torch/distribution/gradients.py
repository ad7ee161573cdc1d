"""Gradients of all processes, added up before an optimizer moves the weights."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch.optim.optimizer import register_optimizer_step_pre_hook

from keras2torch.distribution import parts
from keras2torch.distribution.cut import is_cut
from keras2torch.distribution.parts import Part

Gradients = list[torch.Tensor | None]

# What a weight's gradient is: none, of rows as embeddings have it, or a whole tensor.
_NONE, _ROWS, _WHOLE = 0, 1, 2
# Elements that are sent at once: one message for many small weights.
BUCKET = 1 << 24


def summed(
    tensors: Sequence[torch.Tensor], grads: Sequence[Any], part: Part
) -> Gradients:
    """Return the gradients of the whole batch.

    Parameters
    ----------
    tensors
        The weights, the same in every process and in the same order.
    grads
        The gradient of each that this process' part gave; ``None`` where it gave none.
        What no process has a gradient of keeps none.

    Raises
    ------
    ValueError
        If FSDP added them up already, and parts are not equally large.
    """
    group = part.group
    kinds = group.least(*(-_kind(g) for g in grads)) if grads else []
    found: Gradients = [None] * len(grads)
    factor = 1.0 if part.scaled else part.share
    whole: list[int] = []
    for place, kind in enumerate(kinds):
        if is_cut(tensors[place]):
            found[place] = _added_up(grads[place], part)
        elif kind == -_ROWS:
            found[place] = _rows(tensors[place], grads[place], part, factor)
        elif kind == -_WHOLE:
            whole.append(place)
    for places in _buckets(tensors, whole):
        flat = torch.cat([_flat(tensors[p], grads[p]) for p in places])
        if factor != 1.0:
            flat *= factor
        group.sum(flat)
        pieces = flat.split([tensors[p].numel() for p in places])
        for p, piece in zip(places, pieces, strict=True):
            found[p] = piece.view(tensors[p].shape)
    return found


def sum_of(parameters: Iterable[torch.Tensor], part: Part) -> None:
    """Put the gradients of the whole batch in the place of this part's."""
    tensors = [p for p in parameters if not is_cut(p)]
    for tensor, grad in zip(
        tensors, summed(tensors, [t.grad for t in tensors], part), strict=True
    ):
        if grad is None or grad.is_sparse or grad.stride() == tensor.stride():
            tensor.grad = grad
        else:
            tensor.grad = torch.empty_like(tensor).copy_(grad)


def _added_up(grad: Any, part: Part) -> Any:
    """Return a gradient that FSDP added up while a step of a user's own computed it."""
    if len(set(part.sizes)) > 1:
        raise ValueError(
            f"a batch of {part.total} rows does not divide by {part.group.world} "
            "processes. With FSDP a train_step of your own needs one that does."
        )
    return None if grad is None else grad * part.share


def backward(
    loss: torch.Tensor, parameters: Iterable[torch.Tensor], part: Part
) -> None:
    """Put the gradients of the whole batch's loss into the weights."""
    part.scaled = True
    try:
        (loss * part.share).backward()
        sum_of(parameters, part)
    finally:
        part.scaled = False


def _kind(grad: Any) -> int:
    if grad is None:
        return _NONE
    is_rows = isinstance(grad, torch.Tensor) and grad.is_sparse
    return _ROWS if is_rows and grad.sparse_dim() == 1 else _WHOLE


def _flat(tensor: torch.Tensor, grad: Any) -> torch.Tensor:
    if grad is None:
        return torch.zeros_like(tensor).reshape(-1)
    dense: torch.Tensor = grad.to_dense() if grad.is_sparse else grad
    return dense.detach().to(tensor.dtype).reshape(-1)


def _buckets(
    tensors: Sequence[torch.Tensor], places: Iterable[int]
) -> Iterable[list[int]]:
    """Yield places of weights of one device and dtype, up to a number of elements."""
    open_: dict[Any, list[int]] = {}
    sizes: dict[Any, int] = {}
    for place in places:
        tensor = tensors[place]
        key = (tensor.device, tensor.dtype)
        open_.setdefault(key, []).append(place)
        sizes[key] = sizes.get(key, 0) + tensor.numel()
        if sizes[key] >= BUCKET:
            yield open_.pop(key)
            sizes[key] = 0
    yield from open_.values()


def _rows(
    tensor: torch.Tensor, grad: torch.Tensor | None, part: Part, factor: float
) -> torch.Tensor:
    """Return the rows of all processes side by side: each look-up stays one."""
    indices = torch.empty(0, dtype=torch.int64, device=tensor.device)
    values = tensor.new_zeros((0, *tensor.shape[1:]))
    if grad is not None and part.rows:
        indices, values = grad._indices()[0], grad._values().detach() * factor
    sizes = [-n for n in _each(part, len(indices))]
    indices = part.group.gather(indices.contiguous(), sizes)
    values = part.group.gather(values.contiguous(), sizes)
    return torch.sparse_coo_tensor(
        indices[None], values, tensor.shape, check_invariants=False
    )


def _each(part: Part, number: int) -> list[int]:
    """Return minus the number of each process."""
    own = [0] * part.group.world
    own[part.group.rank] = -number
    return part.group.least(*own)


# ------------------------------------------------------------ optimizers of torch
def _before_step(optimizer: Any, args: Any, kwargs: Any) -> None:
    """Add up what ``backward`` of a user's own step left in the weights."""
    from keras2torch.optimizers import Optimizer

    if parts.now is not None and not isinstance(optimizer, Optimizer):
        moved = [p for g in optimizer.param_groups for p in g["params"]]
        sum_of(moved, parts.now)


def watch_optimizers() -> None:
    """Have every optimizer of ``torch.optim`` move weights by the whole batch."""
    register_optimizer_step_pre_hook(_before_step)
