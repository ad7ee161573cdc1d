"""Keras classes of a user's own; a copy for tf_keras names that in the next line."""

import contextlib

import keras

layers = keras.layers
register = keras.utils.register_keras_serializable


def backend():
    """Return what has mean, square, sqrt …, in Keras 3 and in tf_keras."""
    return keras.ops if hasattr(keras, "ops") else keras.backend


class InstanceNormalization(layers.Layer):
    """As in keras_contrib (layers/normalization/instancenormalization.py)."""

    def __init__(
        self,
        axis=None,
        epsilon=1e-3,
        center=True,
        scale=True,
        beta_initializer="zeros",
        gamma_initializer="ones",
        beta_regularizer=None,
        gamma_regularizer=None,
        beta_constraint=None,
        gamma_constraint=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.axis, self.epsilon = axis, epsilon
        self.center, self.scale = center, scale
        self.beta_initializer = keras.initializers.get(beta_initializer)
        self.gamma_initializer = keras.initializers.get(gamma_initializer)

    def build(self, input_shape):
        """Make gamma and beta."""
        shape = (1,) if self.axis is None else (input_shape[self.axis],)
        self.gamma = self.beta = None
        if self.scale:
            self.gamma = self.add_weight(
                shape=shape, name="gamma", initializer=self.gamma_initializer
            )
        if self.center:
            self.beta = self.add_weight(
                shape=shape, name="beta", initializer=self.beta_initializer
            )
        self.built = True

    def call(self, inputs):
        """Normalize over all axes but the batch and ``axis``."""
        ops, rank = backend(), len(inputs.shape)
        axes = list(range(1, rank))
        broadcast = [1] * rank
        if self.axis is not None:
            del axes[self.axis % rank - 1]
            broadcast[self.axis] = inputs.shape[self.axis]
        mean = ops.mean(inputs, axis=axes, keepdims=True)
        deviation = ops.std(inputs, axis=axes, keepdims=True) + self.epsilon
        normed = (inputs - mean) / deviation
        if self.scale:
            normed = normed * ops.reshape(self.gamma, broadcast)
        if self.center:
            normed = normed + ops.reshape(self.beta, broadcast)
        return normed

    def get_config(self):
        """Return the arguments."""
        serialize = keras.initializers.serialize
        own = {
            "axis": self.axis,
            "epsilon": self.epsilon,
            "center": self.center,
            "scale": self.scale,
            "beta_initializer": serialize(self.beta_initializer),
            "gamma_initializer": serialize(self.gamma_initializer),
            "beta_regularizer": None,
            "gamma_regularizer": None,
            "beta_constraint": None,
            "gamma_constraint": None,
        }
        return {**super().get_config(), **own}


@register("Mine")
class Gated(layers.Layer):
    """Holds layers, a weight and a statistic of its own, and takes two inputs."""

    def __init__(self, units=4, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.inner = layers.Dense(units, name="inner")
        self.gate = layers.Dense(units, use_bias=False, name="gate")

    def build(self, input_shape):
        """Make the weights."""
        first, second = input_shape
        # Keras 3 opens the scope of a layer that is built by hand itself.
        old = getattr(keras.backend, "name_scope", contextlib.nullcontext)
        with old("inner"):
            self.inner.build(first)
        with old("gate"):
            self.gate.build(second)
        self.seen = self.add_weight(
            shape=(self.units,), name="seen", trainable=False, initializer="ones"
        )
        self.slope = self.add_weight(shape=(self.units,), name="slope")
        self.built = True

    def call(self, inputs):
        """Return two tensors."""
        x, y = inputs
        x = self.inner(x) * self.gate(y)
        return x * self.slope, x + self.seen

    def compute_output_shape(self, input_shape):
        """Return those of the two."""
        return [(*s[:-1], self.units) for s in (input_shape[0], input_shape[0])]

    def get_config(self):
        """Return the arguments."""
        return {**super().get_config(), "units": self.units}


@register("Mine")
class MaskedMax(layers.Layer):
    """The largest value of the steps that count."""

    def call(self, inputs, mask=None):
        """Leave masked steps out."""
        ops = backend()
        if mask is not None:
            there = ops.cast(ops.expand_dims(mask, -1), "float32")
            inputs = inputs - (1.0 - there) * 1e6
        return ops.max(inputs, axis=1)

    def compute_mask(self, inputs, mask=None):
        """Return none."""
        return None


def l1_distance(tensors):
    """A Lambda of a siamese network."""
    return backend().abs(tensors[0] - tensors[1])
