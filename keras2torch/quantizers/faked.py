"""Numbers as they come back from integers, with gradients for the range.

Source: ``keras/src/quantizers/quantizers.py`` (Keras 3.15).
"""

from __future__ import annotations

from typing import Any

import torch

from keras2torch.tensors import as_tensor


def fake_quant_with_min_max_vars(
    inputs: Any,
    min_vals: Any,
    max_vals: Any,
    num_bits: int = 8,
    narrow_range: bool = False,
    axis: int | None = None,
) -> torch.Tensor:
    """Round numbers to the steps that integers of some bits have in a range.

    Parameters
    ----------
    inputs
        Floats.
    min_vals, max_vals
        The range, of all or of each channel; gradients reach it from what lies beyond.
    num_bits
        Of the integers.
    narrow_range
        Whether the integers begin with 1, not with 0.
    axis
        Of the channels.
    """
    x: torch.Tensor = as_tensor(inputs)
    shape = [1] * x.ndim
    if axis is not None:
        shape[axis] = x.shape[axis]
    low, high = (
        as_tensor(v).to(torch.float32).reshape(shape) for v in (min_vals, max_vals)
    )
    first, last = int(narrow_range), (1 << int(num_bits)) - 1
    made: torch.Tensor = _Faked.apply(x.to(torch.float32), low, high, first, last)
    return made.to(x.dtype)


class _Faked(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        low: torch.Tensor,
        high: torch.Tensor,
        first: int,
        last: int,
    ) -> torch.Tensor:
        step = (high - low) / (last - first)
        each = (last - first) / (high - low)
        # The range is moved so that zero is one of the steps.
        zero = (first - low / step).clamp(first, last)
        zero = (zero + 0.5).floor()
        bottom, top = (first - zero) * step, (last - zero) * step
        ctx.save_for_backward(x, bottom, top)
        ctx.shapes = low.shape
        shift = (-bottom * each + 0.5).floor()
        moved = x.clamp(bottom, top) - bottom
        return ((moved * each - shift + 0.5).floor()) * step

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> Any:
        (upstream,) = grads
        x, bottom, top = ctx.saved_tensors
        below, above = x < bottom, x > top
        nothing = torch.zeros_like(upstream)

        def summed(where: torch.Tensor) -> torch.Tensor:
            return torch.where(where, upstream, nothing).sum_to_size(ctx.shapes)

        inside = torch.where(below | above, nothing, upstream)
        return inside, summed(below), summed(above), None, None
