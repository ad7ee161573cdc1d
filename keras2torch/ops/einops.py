"""Rearranging by a pattern, as the library einops does.

Source: ``keras/src/ops/einops.py`` (3.15).
"""

from __future__ import annotations

import re
from math import prod
from typing import Any

from keras2torch.ops.base import operation
from keras2torch.ops.promotion import tensor as as_tensor


@operation("Rearrange", "tensor pattern")
def rearrange(tensor: Any, pattern: str, **axes_lengths: Any) -> Any:
    """Split, move and join axes.

    Parameters
    ----------
    tensor
        Any shape.
    pattern
        ``"b (h p) w -> b h (p w)"``: what the axes are called before and after, joined
        ones in parentheses.
    axes_lengths
        Sizes of parts; of each axis one may be left open.
    """
    x = as_tensor(tensor)
    before, arrow, after = pattern.partition("->")
    groups, wanted = _groups(before), _groups(after)
    names = [n for group in groups for n in group]
    if not arrow or sorted(names) != sorted(n for group in wanted for n in group):
        raise ValueError(
            f"rearrange: both sides of {pattern!r} must name the same axes."
        )
    if len(groups) != x.ndim:
        raise ValueError(
            f"rearrange: {pattern!r} names {len(groups)} axes of a tensor of shape "
            f"{tuple(x.shape)}."
        )
    sizes = {name: int(size) for name, size in axes_lengths.items()}
    for group, size in zip(groups, x.shape, strict=True):
        left = [n for n in group if n not in sizes]
        if len(left) > 1:
            raise ValueError(
                f"rearrange: {pattern!r} leaves the sizes of {left} open: give all "
                "but one."
            )
        for name in left:
            sizes[name] = size // prod(sizes[n] for n in group if n in sizes)
    apart = x.reshape([sizes[n] for n in names])
    moved = apart.permute([names.index(n) for group in wanted for n in group])
    return moved.reshape([prod(sizes[n] for n in group) for group in wanted])


def _groups(side: str) -> list[list[str]]:
    parts = re.findall(r"\(([^)]*)\)|(\w+)", side)
    return [(inner or alone).split() for inner, alone in parts]


__all__ = ["rearrange"]
