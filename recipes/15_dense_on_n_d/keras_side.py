"""A Dense layer on sequences and on images: it acts on the last axis."""

import keras
import numpy as np
from sklearn.datasets import load_digits

# %% data: digits as eight steps of eight pixels, and as images of eight channels
digits = load_digits().images[:64].astype("float32") / 16
levels = (digits[..., None] > np.arange(8) / 8).astype("float32")
print(digits.shape, levels.shape)

# %% the same weights on both sides
rng = np.random.default_rng(0)
kernel, bias = rng.normal(size=(8, 8)), rng.normal(size=8)
dense = keras.layers.Dense(8)
dense.build((None, 8))
dense.set_weights([kernel, bias])

# %% on a sequence, step by step
logits = dense(digits)

# %% on an image, pixel by pixel
mixed = dense(levels)

# %% over two axes at once
both = keras.layers.EinsumDense("btf,tfu->bu", output_shape=3, bias_axes="u")
both.build((None, 8, 8))
both.set_weights([rng.normal(size=(8, 8, 3)), rng.normal(size=3)])
summed = both(digits)

# %% a loss for every step: which pixel of the row is the brightest?
brightest = digits.argmax(axis=-1)
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(brightest, logits)
accuracy = keras.metrics.SparseCategoricalAccuracy()(brightest, logits)
print("loss", float(loss), "accuracy", float(accuracy))

# %% results
results = {
    "sequence": logits[:4],
    "image": mixed[:2],
    "two axes": summed[:4],
    "loss": loss,
    "accuracy": accuracy,
}
