"""Attention between the rows of digits: with heads, of any width, and bare."""

import keras
import numpy as np
from sklearn.datasets import load_digits

# %% data: rows of images, and fewer, narrower ones to look at
images = (load_digits().images / 16).astype("float32")
x, keys, values = images[:4], images[4:8, :6, :5], images[8:12, :6, :5]
valid = np.arange(8) < np.array([[3], [5], [7], [4]])  # the rest is padding
rng = np.random.default_rng(0)

# %% self-attention, heads * key_dim is the width
attention = keras.layers.MultiHeadAttention(num_heads=2, key_dim=4)
attention.build(x.shape, x.shape)
attention.set_weights([rng.normal(size=w.shape) for w in attention.get_weights()])
plain, scores = attention(x, x, return_attention_scores=True)

# %% masks
masked = {
    "padding": attention(x, x, attention_mask=valid[:, None, :]),
    "causal": attention(x, x, use_causal_mask=True),
    "both": attention(x, x, attention_mask=valid[:, None, :], use_causal_mask=True),
}

# %% any number of heads, any width
cross = keras.layers.MultiHeadAttention(num_heads=3, key_dim=6, value_dim=7)
cross.build(x.shape, values.shape, keys.shape)
cross.set_weights([rng.normal(size=w.shape) for w in cross.get_weights()])
crossed = cross(x, values, keys)

# %% without heads: no 1 / sqrt(d)
queries = x[..., :5]
bare = keras.layers.Attention()([queries, values, keys])
bare_masked = keras.layers.Attention()(
    [queries, values, keys], mask=[None, valid[:, :6]]
)

# %% without heads, a sum instead of a product
additive = keras.layers.AdditiveAttention()
additive.build([queries.shape, values.shape, keys.shape])
additive.set_weights([rng.normal(size=5)])
added = additive([queries, values, keys])

# %% results
results = {
    "plain": plain,
    "scores": scores,
    **masked,
    "cross": crossed,
    "bare": bare,
    "bare, masked": bare_masked,
    "additive": added,
}
print({name: value.shape for name, value in results.items()})
