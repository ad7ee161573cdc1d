"""Functional graphs with keras.ops between layers (Keras 3)."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops


def ops_graph():
    image = keras.Input((16, 13, 3), name="image")
    x = layers.Conv2D(8, 3, padding="same")(image)
    mean = ops.mean(x, axis=(1, 2), keepdims=True)
    x = ops.relu(x - mean) * 0.5 + ops.sigmoid(x)
    x = ops.concatenate([x, ops.max(x, axis=-1, keepdims=True)], axis=-1)
    x = ops.reshape(x, (-1, 16 * 13 * 9))
    x = ops.expand_dims(layers.Dense(6)(x), 1)
    x = ops.squeeze(ops.tile(x, (1, 1, 2)), axis=1)
    x = ops.where(x > 0.0, x, ops.exp(x) - 1.0)
    return keras.Model(image, layers.Dense(3)(x))


def ops_slicing():
    series = keras.Input((14, 6), name="series")
    last = series[:, -1]
    every = layers.LSTM(5, return_sequences=True)(series[:, ::2, 1:4])
    x = ops.concatenate([every[:, -1, :], last], axis=1)
    gate, value = ops.split(layers.Dense(8)(x), 2, axis=-1)
    return keras.Model(series, [ops.sigmoid(gate) * value, abs(last[:, :3] - 1.5)])


def ops_attention():
    """Attention spelled with ops: einsum, softmax, transposes, a causal mask."""
    sequence = keras.Input((10, 12), name="sequence")
    query, key, value = (layers.Dense(12, name=n)(sequence) for n in "qkv")

    def heads(x):
        return ops.transpose(ops.reshape(x, (-1, 10, 3, 4)), (0, 2, 1, 3))

    scores = ops.einsum("bhqd,bhkd->bhqk", heads(query), heads(key)) / 2.0
    weights = ops.softmax(scores, axis=-1)
    x = ops.transpose(ops.matmul(weights, heads(value)), (0, 2, 1, 3))
    x = layers.Dense(5)(ops.reshape(x, (-1, 10, 12)))
    return keras.Model(sequence, x + ops.cumsum(x, axis=1))


@keras.saving.register_keras_serializable(package="Seeded")
class SeededSampling(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seed_generator = keras.random.SeedGenerator(1337)

    def call(self, inputs):
        z_mean, z_log_var = inputs
        batch = ops.shape(z_mean)[0]
        dim = ops.shape(z_mean)[1]
        epsilon = keras.random.normal(shape=(batch, dim), seed=self.seed_generator)
        return z_mean + ops.exp(0.5 * z_log_var) * epsilon


def seeded_sampling():
    features = keras.Input((14,), name="features")
    x = layers.Dense(10, activation="relu")(features)
    z = SeededSampling()([layers.Dense(4)(x), layers.Dense(4)(x)])
    return keras.Model(features, layers.Dense(14)(z))


@keras.saving.register_keras_serializable(package="Ops")
class RMSNorm(layers.Layer):
    def __init__(self, epsilon=1e-6, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def build(self, input_shape):
        self.scale = self.add_weight(shape=(input_shape[-1],), initializer="ones")

    def call(self, x):
        power = ops.mean(ops.square(x), axis=-1, keepdims=True)
        return x * ops.rsqrt(power + self.epsilon) * self.scale

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon}


@keras.saving.register_keras_serializable(package="Ops")
class SwiGLU(layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        size = input_shape[-1]
        self.up = layers.Dense(self.units, use_bias=False)
        self.gate = layers.Dense(self.units, use_bias=False)
        self.down = layers.Dense(size, use_bias=False)
        self.up.build(input_shape)
        self.gate.build(input_shape)
        self.down.build((*input_shape[:-1], self.units))

    def call(self, x):
        return self.down(ops.silu(self.gate(x)) * self.up(x))

    def get_config(self):
        return {**super().get_config(), "units": self.units}


def rotary(x):
    """Rotary positions as a function of the model's file."""
    steps, dim = x.shape[1], x.shape[2]
    rates = ops.power(10000.0, -ops.arange(0, dim // 2, dtype="float32") / (dim // 2))
    angles = ops.outer(ops.arange(steps, dtype="float32"), rates)
    sin, cos = ops.cast(ops.sin(angles), x.dtype), ops.cast(ops.cos(angles), x.dtype)
    a, b = ops.split(x, 2, axis=-1)
    return ops.concatenate([a * cos - b * sin, a * sin + b * cos], axis=-1)


def llama_block():
    sequence = keras.Input((9, 8), name="sequence")
    h = RMSNorm()(sequence)
    q = layers.Lambda(rotary, name="rotate_q")(layers.Dense(8, use_bias=False)(h))
    k = layers.Lambda(rotary, name="rotate_k")(layers.Dense(8, use_bias=False)(h))
    v = layers.Dense(8, use_bias=False)(h)
    x = sequence + layers.Attention(use_scale=True)([q, v, k], use_causal_mask=True)
    x = x + SwiGLU(20)(RMSNorm()(x))
    return keras.Model(sequence, x, name="block")


class StepMask(layers.Layer):
    """Steps whose sum is not positive are no steps."""

    def compute_mask(self, inputs, previous_mask=None):
        return ops.sum(inputs, axis=-1) > 0.0

    def call(self, inputs):
        return inputs * 1.0


def ops_mask():
    series = keras.Input((11, 4), name="series")
    x = StepMask()(series)
    x = layers.GRU(5, return_sequences=True)(x)
    return keras.Model(series, layers.Dense(2)(layers.GlobalAveragePooling1D()(x)))


class OwnVariable(layers.Layer):
    """A variable of TensorFlow's, not trained by Keras 3; H and h are two axes."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.scale = tf.Variable(
            np.linspace(0.5, 1.5, 4, dtype="float32"), name="scale"
        )
        self.mix = layers.Dense(4)

    def build(self, input_shape):
        self.mix.build(input_shape)
        super().build(input_shape)

    def call(self, x):
        scores = ops.einsum("bhwc,bHWc->bhwHW", x * self.scale, self.mix(x))
        return ops.einsum("bhwHW,bHWc->bhwc", ops.tanh(scores), x)


def own_variable():
    image = keras.Input((5, 3, 4), name="image")
    return keras.Model(
        image, layers.Dense(2)(OwnVariable()(image)), name="own_variable"
    )
