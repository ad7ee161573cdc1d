"""Attention that torch computes otherwise or not at all."""

import torch
import torch.nn.functional as F
from torch import nn


def causal_mask(query: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
    """Let each step attend to the steps up to its own."""
    size = (query.shape[1], key.shape[1])
    return torch.ones(size, dtype=torch.bool, device=query.device).tril()


def window_mask(query: torch.Tensor, key: torch.Tensor, window: int) -> torch.Tensor:
    """Let each step attend to those less than ``window`` steps away."""
    rows = torch.arange(query.shape[1], device=query.device)
    columns = torch.arange(key.shape[1], device=query.device)
    return (rows[:, None] - columns).abs() < window


def attention_bias(
    mask: torch.Tensor, query: torch.Tensor, key: torch.Tensor, heads: int
) -> torch.Tensor:
    """Turn a mask into what is added to the scores, one for each head.

    Finite, so that a row with nothing to attend to is a mean as in Keras, not NaN.
    """
    if mask.dim() == 3:
        mask = mask[:, None]
    size = (len(query), heads, query.shape[1], key.shape[1])
    lowest = torch.finfo(query.dtype).min / 2
    return query.new_zeros(size).masked_fill(~mask, lowest)


class MultiHeadAttention(nn.Module):
    """Multi-head attention whose head sizes are free, as in Keras.

    ``widths`` are those of query, key, value and output.
    """

    def __init__(
        self,
        widths: tuple[int, int, int, int],
        heads: int,
        key_dim: int,
        value_dim: int | None = None,
        dropout: float = 0.0,
        bias: bool = True,
        gate: bool = False,
    ) -> None:
        super().__init__()
        inner = heads * (value_dim or key_dim)
        self.heads = heads
        self.dropout = dropout
        self.query = nn.Linear(widths[0], heads * key_dim, bias)
        self.key = nn.Linear(widths[1], heads * key_dim, bias)
        self.value = nn.Linear(widths[2], inner, bias)
        self.gate = nn.Linear(widths[0], inner, bias) if gate else None
        self.output = nn.Linear(inner, widths[3], bias)

    def forward(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        mask: torch.Tensor | None = None,
        scores: bool = False,
    ) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
        q, k, v = (
            projected.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for projected in (self.query(query), self.key(key), self.value(value))
        )
        bias = None
        if mask is not None:
            bias = attention_bias(mask, query, key, self.heads)
        dropout = self.dropout if self.training else 0.0
        weights = None
        if scores:
            weights = (q @ k.transpose(-2, -1)) * k.shape[-1] ** -0.5
            weights = torch.softmax(weights if bias is None else weights + bias, dim=-1)
            x = F.dropout(weights, dropout) @ v
        else:
            x = F.scaled_dot_product_attention(q, k, v, bias, dropout)
        x = x.transpose(1, 2).flatten(2)
        if self.gate is not None:
            x = x * torch.sigmoid(self.gate(query))
        x = self.output(x)
        return x if weights is None else (x, weights)


def attend(
    scores: torch.Tensor,
    value: torch.Tensor,
    mask: torch.Tensor | None,
    dropout: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the mean of the values, weighted by the scores, and the weights.

    Masked scores are lowered by 1e9, as in Keras: where all are, the result is a mean.
    """
    if mask is not None:
        scores = torch.where(mask, scores, scores - 1e9)
    weights = F.dropout(torch.softmax(scores, dim=-1), dropout)
    return weights @ value, weights


class DotAttention(nn.Module):
    """Luong attention as in Keras: no division by the root of the width."""

    def __init__(self, use_scale: bool = False, dropout: float = 0.0) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(())) if use_scale else None
        self.dropout = dropout

    def forward(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        mask: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        scores = query @ key.transpose(-2, -1)
        if self.scale is not None:
            scores = scores * self.scale
        return attend(scores, value, mask, self.dropout if self.training else 0.0)


class ConcatAttention(nn.Module):
    """Keras' Attention(score_mode="concat"): scores are sums of tanh(query + key)."""

    def __init__(self, use_scale: bool = False, dropout: float = 0.0) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(())) if use_scale else None
        self.concat_score_weight = nn.Parameter(torch.ones(()))
        self.dropout = dropout

    def forward(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        mask: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        pairs = query[..., :, None, :] + key[..., None, :, :]
        if self.scale is not None:
            pairs = pairs * self.scale
        scores = self.concat_score_weight * torch.tanh(pairs).sum(dim=-1)
        return attend(scores, value, mask, self.dropout if self.training else 0.0)


class AdditiveAttention(nn.Module):
    """Bahdanau attention: scores are (scaled) sums of tanh(query + key)."""

    def __init__(self, width: int | None = None, dropout: float = 0.0) -> None:
        super().__init__()
        self.scale = None if width is None else nn.Parameter(torch.ones(width))
        self.dropout = dropout

    def forward(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        mask: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        pairs = torch.tanh(query[..., :, None, :] + key[..., None, :, :])
        if self.scale is not None:
            pairs = pairs * self.scale
        scores = pairs.sum(dim=-1)
        return attend(scores, value, mask, self.dropout if self.training else 0.0)
