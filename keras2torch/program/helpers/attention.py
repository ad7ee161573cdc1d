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


def attend_in_heads(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    heads: int,
    mask: torch.Tensor | None,
    dropout: float,
    zero_empty: bool,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Attend with projections that hold all heads; also return the scores.

    A row with nothing to attend to is a mean or zero, as in Keras, and not NaN. A mask
    of floats is added to the scores.
    """
    q, k, v = (x.unflatten(-1, (heads, -1)).transpose(-3, -2) for x in (q, k, v))
    scores = (q @ k.transpose(-2, -1)) * k.shape[-1] ** -0.5
    if mask is not None:
        while mask.dim() < scores.dim():
            mask = mask.unsqueeze(-3)
        if mask.is_floating_point():
            scores = scores + mask.to(scores.dtype)
        else:
            scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
    scores = torch.softmax(scores, dim=-1)
    if mask is not None and zero_empty:
        scores = scores.masked_fill(~mask, 0.0)
    x = F.dropout(scores, dropout) @ v
    return x.transpose(-3, -2).flatten(-2), scores


def masked_attention(
    attention: nn.MultiheadAttention,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    mask: torch.Tensor,
    zero_empty: bool = False,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Call an nn.MultiheadAttention with a mask under which a row may be empty."""
    weights = attention.in_proj_weight.chunk(3)
    bias = attention.in_proj_bias
    biases = (None, None, None) if bias is None else bias.chunk(3)
    q, k, v = map(F.linear, (query, key, value), weights, biases)
    heads, dropout = attention.num_heads, attention.dropout if attention.training else 0
    x, scores = attend_in_heads(q, k, v, heads, mask, dropout, zero_empty)
    return attention.out_proj(x), scores


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
        zero_empty: bool = False,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        q, k, v = self.query(query), self.key(key), self.value(value)
        dropout = self.dropout if self.training else 0.0
        x, scores = attend_in_heads(q, k, v, self.heads, mask, dropout, zero_empty)
        if self.gate is not None:
            x = x * torch.sigmoid(self.gate(query))
        return self.output(x), scores


class GroupedQueryAttention(nn.Module):
    """Multi-head attention with fewer heads of keys and values than of queries.

    ``widths`` are those of query, key and value.
    """

    def __init__(
        self,
        widths: tuple[int, int, int],
        heads: int,
        groups: int,
        head_dim: int,
        dropout: float = 0.0,
        bias: bool = True,
        gate: bool = False,
    ) -> None:
        super().__init__()
        self.heads, self.groups, self.dropout = heads, groups, dropout
        self.query = nn.Linear(widths[0], heads * head_dim, bias)
        self.key = nn.Linear(widths[1], groups * head_dim, bias)
        self.value = nn.Linear(widths[2], groups * head_dim, bias)
        self.gate = nn.Linear(widths[0], heads * head_dim, bias) if gate else None
        self.output = nn.Linear(heads * head_dim, widths[0], bias)

    def repeated(self, x: torch.Tensor) -> torch.Tensor:
        """Give each head the keys or values of its group."""
        x = x.unflatten(-1, (self.groups, -1))
        return x.repeat_interleave(self.heads // self.groups, dim=-2).flatten(-2)

    def forward(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        mask: torch.Tensor | None = None,
        zero_empty: bool = False,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        q = self.query(query)
        k, v = self.repeated(self.key(key)), self.repeated(self.value(value))
        dropout = self.dropout if self.training else 0.0
        x, scores = attend_in_heads(q, k, v, self.heads, mask, dropout, zero_empty)
        if self.gate is not None:
            x = x * torch.sigmoid(self.gate(query))
        return self.output(x), scores


class AxisAttention(MultiHeadAttention):
    """The same along some axes of inputs that have more; the others are like samples.

    Scores and masks have the query's axes, then the key's, behind those of samples.
    """

    def __init__(
        self,
        widths: tuple[int, int, int, int],
        heads: int,
        key_dim: int,
        axes: tuple[int, ...],
        value_dim: int | None = None,
        dropout: float = 0.0,
        bias: bool = True,
        gate: bool = False,
    ) -> None:
        super().__init__(widths, heads, key_dim, value_dim, dropout, bias, gate)
        self.axes = axes

    def forward(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        mask: torch.Tensor | None = None,
        zero_empty: bool = False,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        count, last = len(self.axes), query.dim() - 1
        rows = [query.shape[a] for a in self.axes]
        columns = [key.shape[a] for a in self.axes]
        samples = [a for a in range(last) if a not in self.axes]
        order = [*samples, *self.axes, last]
        q, k, v = self.query(query), self.key(key), self.value(value)
        q, k, v = (x.permute(order).flatten(-count - 1, -2) for x in (q, k, v))
        if mask is not None:
            mask = mask.expand(*mask.shape[: -2 * count], *rows, *columns)
            mask = mask.flatten(-count).flatten(-count - 1, -2)
        dropout = self.dropout if self.training else 0.0
        x, scores = attend_in_heads(q, k, v, self.heads, mask, dropout, zero_empty)
        back = [order.index(i) for i in range(last + 1)]
        x = x.unflatten(-2, rows).permute(back)
        if self.gate is not None:
            x = x * torch.sigmoid(self.gate(query))
        scores = scores.unflatten(-1, columns).unflatten(-count - 1, rows)
        return self.output(x), scores


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
        self.scale = nn.Parameter(torch.ones(1)) if use_scale else None
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
        self.scale = nn.Parameter(torch.ones(1)) if use_scale else None
        self.concat_score_weight = nn.Parameter(torch.ones(1))
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
