"""Activations by name, by layer and by function, with Keras' defaults."""

import numpy as np
import tensorflow as tf
from keras import layers, ops
from sklearn.datasets import load_digits

# %% data: digits as sequences, and logits of three classes for every pixel
digits = load_digits().images[:4].astype("float32") / 16
rng = np.random.default_rng(0)
pixels = rng.normal(size=(4, 8, 8, 3)).astype("float32")
kernel, bias = rng.normal(size=(8, 6)), rng.normal(size=6)


def dense(activation):
    layer = layers.Dense(6, activation=activation)
    layer.build((None, 8))
    layer.set_weights([kernel, bias])
    return layer(digits)


# %% as an argument
results = {"relu": dense("relu"), "swish": dense("swish")}

# %% leaky_relu: the name and the layer have two slopes
results["leaky_relu"] = dense("leaky_relu")
results["LeakyReLU"] = layers.LeakyReLU()(dense(None))

# %% gelu: the activation and the function have two formulas
results["gelu"] = dense("gelu")
results["ops.gelu"] = ops.gelu(dense(None))

# %% hard_sigmoid: Keras 3 and Keras 2 have two slopes
results["hard_sigmoid"] = dense("hard_sigmoid")
old = tf.keras.backend.hard_sigmoid
results["hard_sigmoid of Keras 2"] = old(dense(None))

# %% softmax: the last axis
results["softmax of steps"] = dense("softmax")
results["softmax of pixels"] = layers.Softmax()(pixels)

# %% PReLU: one slope for each channel, at first zero
results["PReLU"] = layers.PReLU(shared_axes=[1, 2])(pixels)

# %% results
print({name: float(ops.min(value)) for name, value in results.items()})
