"""Batch statistics over the rows of all processes.

Keras' ``BatchNormalization`` under ``DataParallel`` normalizes by the whole batch: so
do all of them here, ``synchronized`` or not, and the losses are those of one process.
``nn.SyncBatchNorm`` computes the same, on GPUs alone and with equal parts.
"""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn.modules.module import register_module_module_registration_hook

from keras2torch.distribution import parts
from keras2torch.distribution.parts import Part

_BIASED = ("BiasedBatchNorm", "MaskedBatchNorm")


def watch_batch_norms() -> None:
    """Have batch normalizations that are made from now on take the rows of all."""
    register_module_module_registration_hook(lambda _owner, _name, m: _watch(m))


def take_whole_batches(model: nn.Module) -> None:
    """Have the batch normalizations of a model take the rows of all processes."""
    for module in model.modules():
        _watch(module)


def _watch(module: Any) -> None:
    if type(module).__name__ == "BatchRenorm":
        warnings.warn(
            "BatchNormalization(renorm=True) takes the statistics of each process' own "
            "rows: its numbers are not those of one process.",
            stacklevel=3,
        )
    if _is_known(module):
        vars(module)["forward"] = partial(_forward, module)


def _is_known(module: Any) -> bool:
    kind = type(module)
    own = kind in (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
    known = own or kind.__name__ in _BIASED
    return known and module.running_mean is not None


def _forward(module: Any, x: torch.Tensor, *mask: Any) -> torch.Tensor:
    part = parts.now
    if part is None or not module.training:
        made: torch.Tensor = type(module).forward(module, x, *mask)
        return made
    return _normalized(module, x, mask[0] if mask else None, part)


def _normalized(
    module: Any, x: torch.Tensor, mask: torch.Tensor | None, part: Part
) -> torch.Tensor:
    axes = [0, *range(2, x.ndim)]
    shape = [1, -1] + [1] * (x.ndim - 2)
    given = x.to(torch.promote_types(x.dtype, torch.float32))
    counted = torch.ones((), dtype=given.dtype, device=x.device)
    if mask is not None:
        counted = mask.unsqueeze(1).to(given.dtype)
    if not part.rows:
        counted = counted * 0
    number = counted.expand(given.shape[0], 1, *given.shape[2:]).sum()
    sums = torch.cat([(given * counted).sum(axes), number[None]])
    sums = parts.summed(sums, part)
    count = sums[-1].detach() + (1e-7 if mask is not None else 0.0)
    mean = sums[:-1] / count
    centered = given - mean.view(shape)
    var = parts.summed((centered.square() * counted).sum(axes), part) / count
    with torch.no_grad():
        kept = var
        if type(module).__name__ not in _BIASED:
            kept = var * (count / (count - 1).clamp(min=1))
        module.num_batches_tracked.add_(1)
        module.running_mean.lerp_(mean.to(module.running_mean), module.momentum)
        module.running_var.lerp_(kept.to(module.running_var), module.momentum)
    y = centered * torch.rsqrt(var + module.eps).view(shape)
    y = y if module.weight is None else y * module.weight.view(shape)
    y = y if module.bias is None else y + module.bias.view(shape)
    return y.to(x.dtype)
