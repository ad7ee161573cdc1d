"""Merges of masked tensors, as Keras 3 computes them."""

import torch


def multiply_masked(
    tensors: list[torch.Tensor], masks: list[torch.Tensor | None]
) -> torch.Tensor:
    """Multiply; Keras 3 takes masked entries as 1, and as 0 where all are masked."""
    result = torch.ones_like(tensors[0])
    for x, mask in zip(tensors, masks, strict=True):
        result = result * (x if mask is None else x.masked_fill(~mask[..., None], 1))
    given = [mask for mask in masks if mask is not None]
    if len(given) == len(masks):
        nowhere = ~torch.stack(given).any(dim=0)
        result = result.masked_fill(nowhere[..., None], 0)
    return result


def maximum_masked(
    tensors: list[torch.Tensor], masks: list[torch.Tensor | None]
) -> torch.Tensor:
    """Take the maximum; in Keras 3 a masked entry takes the other's value."""
    result, known = tensors[0], masks[0]
    for x, mask in zip(tensors[1:], masks[1:], strict=True):
        if mask is not None:
            x = torch.where(mask[..., None], x, result)
        if known is not None:
            result = torch.where(known[..., None], result, x)
        known = None if known is None or mask is None else known | mask
        result = torch.maximum(result, x)
    return result


def minimum_masked(
    tensors: list[torch.Tensor], masks: list[torch.Tensor | None]
) -> torch.Tensor:
    """Take the minimum; in Keras 3 a masked entry takes the other's value."""
    return -maximum_masked([-x for x in tensors], masks)


def l2_normalize(x: torch.Tensor, dim: int) -> torch.Tensor:
    """Scale to length 1; Keras caps the factor at 1e7, also for a zero vector."""
    scale = x.square().sum(dim=dim, keepdim=True).rsqrt().clamp(max=1e7)
    return x * scale
