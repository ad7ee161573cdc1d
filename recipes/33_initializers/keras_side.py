"""What Keras draws weights from: spread, largest value, orthogonality."""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(0)


# %% what is compared: each in units of its own size
def spread(kernel, fan):
    kernel = np.asarray(kernel) * fan**0.5
    return [kernel.std(), np.abs(kernel).max()]


def products(rows):
    return (rows @ rows.T)[:4, :4]


def build(layer, *shape):
    layer.build((None, *shape))
    return layer.get_weights()


# %% the default of Dense and Conv2D: glorot_uniform, and no bias
dense, bias = build(layers.Dense(1250), 800)
conv, _ = build(layers.Conv2D(400, 3), 16, 16, 200)
default = {
    "Dense": spread(dense, 800),
    "bias": spread(bias, 800),
    "Conv2D": spread(conv, 9 * 200),
}

# %% he, lecun and glorot, uniform
uniform = {}
for name in ("he_uniform", "lecun_uniform"):
    kernel, _ = build(layers.Dense(1250, kernel_initializer=name), 800)
    uniform[name] = spread(kernel, 800)

# %% he, lecun and glorot, normal: cut at two sigma, and widened again
normal = {}
for name in ("he_normal", "lecun_normal", "glorot_normal"):
    kernel, _ = build(layers.Dense(1250, kernel_initializer=name), 800)
    normal[name] = spread(kernel, 800)

# %% the default of Embedding
(table,) = build(layers.Embedding(2000, 500))
embedding = {"Embedding": spread(table, 1)}

# %% orthogonal: a matrix, a convolution, the gates of a recurrent layer
matrix, _ = build(layers.Dense(60, kernel_initializer="orthogonal"), 200)
kernel, _ = build(layers.Conv2D(8, 3, kernel_initializer="orthogonal"), 9, 9, 4)
_, recurrent, _ = build(layers.LSTM(32), 10, 5)
orthogonal = {
    "orthogonal": products(matrix.T),
    "orthogonal, Conv2D": products(kernel.reshape(36, 8).T),
    "orthogonal, LSTM": products(recurrent),
}

# %% what that does to a signal: ten wide layers with relu
signal = np.random.default_rng(0).normal(size=(64, 800)).astype("float32")
for _ in range(10):
    signal = layers.Dense(800, activation="relu")(signal)
print("spread over the samples behind ten layers:", np.std(signal, axis=0).mean())

# %% results
results = {**default, **uniform, **normal, **embedding, **orthogonal}
