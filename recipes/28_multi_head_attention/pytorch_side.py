"""Attention between the rows of digits: three projections in one weight, or apart."""

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

# %% data: rows of images, and fewer, narrower ones to look at
images = torch.tensor(load_digits().images / 16, dtype=torch.float32)
x, keys, values = images[:4], images[4:8, :6, :5], images[8:12, :6, :5]
valid = torch.arange(8) < torch.tensor([[3], [5], [7], [4]])  # the rest is padding
rng = np.random.default_rng(0)


def draw(*shapes):
    return [torch.from_numpy(rng.normal(size=shape)) for shape in shapes]


# %% self-attention, heads * key_dim is the width
attention = nn.MultiheadAttention(8, num_heads=2, batch_first=True)
q, q_bias, k, k_bias, v, v_bias = draw(*[(8, 2, 4), (2, 4)] * 3)
out, out_bias = draw((2, 4, 8), (8,))
with torch.no_grad():
    attention.in_proj_weight.copy_(torch.cat([w.flatten(1).T for w in (q, k, v)]))
    attention.in_proj_bias.copy_(torch.cat([q_bias, k_bias, v_bias]).flatten())
    attention.out_proj.weight.copy_(out.flatten(0, 1).T)
    attention.out_proj.bias.copy_(out_bias)
plain, scores = attention(x, x, x, average_attn_weights=False)

# %% masks
padding, causal = ~valid, torch.ones(8, 8, dtype=torch.bool).triu(1)
masked = {
    "padding": attention(x, x, x, key_padding_mask=padding)[0],
    "causal": attention(x, x, x, attn_mask=causal)[0],
    "both": attention(x, x, x, key_padding_mask=padding, attn_mask=causal)[0],
}


# %% any number of heads, any width
class CrossAttention(nn.Module):
    def __init__(self, width, key_width, value_width, heads, key_dim, value_dim):
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, heads * key_dim)
        self.key = nn.Linear(key_width, heads * key_dim)
        self.value = nn.Linear(value_width, heads * value_dim)
        self.out = nn.Linear(heads * value_dim, width)

    def forward(self, query, key, value, mask=None):
        q, k, v = self.query(query), self.key(key), self.value(value)
        q, k, v = (t.unflatten(-1, (self.heads, -1)).transpose(1, 2) for t in (q, k, v))
        heads = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.out(heads.transpose(1, 2).flatten(2))


cross = CrossAttention(8, 5, 5, heads=3, key_dim=6, value_dim=7)
shapes = [(8, 3, 6), (3, 6), (5, 3, 6), (3, 6), (5, 3, 7), (3, 7), (21, 8), (8,)]
with torch.no_grad():
    for weight, value in zip(cross.parameters(), draw(*shapes), strict=True):
        weight.copy_(value.reshape(weight.shape[::-1]).t())
crossed = cross(x, keys, values)

# %% without heads: no 1 / sqrt(d)
queries, mask = x[..., :5], valid[:, None, :6]
bare = F.scaled_dot_product_attention(queries, keys, values, scale=1.0)
bare_masked = F.scaled_dot_product_attention(queries, keys, values, mask, scale=1.0)

# %% without heads, a sum instead of a product
(scale,) = draw((5,))
sums = torch.tanh(queries.unsqueeze(2) + keys.unsqueeze(1)) * scale.float()
added = sums.sum(dim=-1).softmax(dim=-1) @ values

# %% results
results = {"plain": plain, "scores": scores, **masked, "cross": crossed, "bare": bare}
results |= {"bare, masked": bare_masked, "additive": added}
print({name: tuple(value.shape) for name, value in results.items()})
