"""Attention, and what else ``keras.ops.nn`` has of its own.

Source: ``keras/src/ops/nn.py`` and ``keras/src/backend/tensorflow/nn.py`` (3.15).
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from keras2torch.ops.base import operation
from keras2torch.ops.promotion import (
    common_dtype,
    floats,
    kind,
    promoted,
    tensor,
    tensors,
)


@operation("DotProductAttention", "query key value bias mask scale")
def dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    bias: Any = None,
    mask: Any = None,
    scale: Any = None,
    is_causal: bool = False,
    flash_attention: bool | None = None,
    attn_logits_soft_cap: float | None = None,
) -> Any:
    """Attend in heads.

    Parameters
    ----------
    query
        (batch, steps, heads, size).
    key, value
        (batch, steps, heads, size); fewer heads serve several of the query's.
    bias
        Added to the scores (batch, heads, steps, steps).
    mask
        Where the scores count.
    scale
        Of the scores; one over the root of the size unless given.
    is_causal
        Whether a step attends to none after it.
    flash_attention
        torch chooses its kernel; true is refused, as Keras does on TensorFlow.
    attn_logits_soft_cap
        Refused, as Keras does.
    """
    if attn_logits_soft_cap is not None:
        raise ValueError(
            "attn_logits_soft_cap is only supported for JAX on TPU. "
            "Set attn_logits_soft_cap=None when not using JAX on TPU."
        )
    if flash_attention:
        raise ValueError(
            "flash_attention=True is not supported: leave it None, and torch chooses."
        )
    q, k, v = promoted(query, key, value)
    if q.ndim != 4:
        raise ValueError(
            "`dot_product_attention` only supports 4D inputs. Received: "
            f"query.shape={tuple(q.shape)}, key.shape={tuple(k.shape)}, "
            f"value.shape={tuple(v.shape)}."
        )
    q, k, v = (x.transpose(1, 2) for x in (q, k, v))
    if q.shape[1] > k.shape[1]:
        k, v = (x.repeat_interleave(q.shape[1] // k.shape[1], 1) for x in (k, v))
    if torch.is_tensor(scale):
        q, scale = q * scale.to(q), 1.0
    if bias is None and mask is None:
        made = F.scaled_dot_product_attention(
            q, k, v, None, 0.0, is_causal, scale=scale
        )
        return made.transpose(1, 2)
    wide = common_dtype(kind(q), "float32")
    scores = (q @ k.mT).to(wide) * (k.shape[-1] ** -0.5 if scale is None else scale)
    if bias is not None:
        scores = scores + tensor(bias).to(scores)
    seen = torch.ones(scores.shape[2:], dtype=torch.bool, device=q.device)
    seen = seen.tril() if is_causal else seen
    seen = seen if mask is None else seen & tensor(mask).to(q.device, torch.bool)
    # Not -inf: of a row with nothing to attend to Keras takes the mean.
    scores = torch.where(seen, scores, -0.7 * 3.38953e38)
    return (scores.softmax(-1).to(k.dtype) @ v).transpose(1, 2)


@operation("PSNR", "x1 x2")
def psnr(x1: Any, x2: Any, max_val: Any) -> Any:
    """Peak signal-to-noise ratio of two tensors, in decibels.

    Parameters
    ----------
    x1, x2
        Of one shape.
    max_val
        The largest value that there can be.
    """
    one, other = tensors(x1, x2)
    if one.shape != other.shape:
        raise ValueError(
            f"Input shapes {tuple(one.shape)} and {tuple(other.shape)} must match for "
            "PSNR calculation."
        )
    most = tensor(max_val).to(other)
    error = (one - other).square().mean()
    return 20 * most.log10() - 10 * error.log10()


@operation("Polar", "abs_ angle")
def polar(abs_: Any, angle: Any) -> Any:
    """Complex numbers of this size and angle."""
    size, turn = (floats(x) for x in tensors(abs_, angle))
    return torch.complex(size * turn.cos(), size * turn.sin())


__all__ = ["dot_product_attention", "polar", "psnr"]
