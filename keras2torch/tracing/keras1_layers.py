"""Layers that only Keras 1 had, for tf_keras: a model of an old file is run by them.

The formulas are those of Keras 1.2.2 (``keras/layers/core.py``,
``advanced_activations.py``, ``normalization.py``, ``convolutional.py``) and 0.3.3, on
TensorFlow. The worker loads this file by its path.
"""

from __future__ import annotations

from typing import Any


def classes(keras: Any) -> dict[str, Any]:
    """Return name → class for a Keras 2."""
    import tensorflow as tf

    class Base(keras.layers.Layer):  # type: ignore[misc]
        # Name → default of each argument.
        arguments: Any = {}

        def __init__(self, **kwargs: Any) -> None:
            given = {k: kwargs.pop(k, v) for k, v in self.arguments.items()}
            super().__init__(**kwargs)
            self.given = given
            self.activation = keras.activations.get(given.get("activation"))

        def weight(self, name: str, shape: Any, trainable: bool = True) -> Any:
            return self.add_weight(name=name, shape=shape, trainable=trainable)

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), **self.given}

    class Highway(Base):
        arguments = {"activation": None, "use_bias": True}

        def build(self, shape: Any) -> None:
            size = int(shape[1])
            self.w = self.weight("W", (size, size))
            self.w_carry = self.weight("W_carry", (size, size))
            if self.given["use_bias"]:
                self.b = self.weight("b", (size,))
                self.b_carry = self.weight("b_carry", (size,))
            super().build(shape)

        def call(self, x: Any) -> Any:
            carried, dense = tf.matmul(x, self.w_carry), tf.matmul(x, self.w)
            if self.given["use_bias"]:
                carried, dense = carried + self.b_carry, dense + self.b
            transform_weight = tf.sigmoid(carried)
            act = self.activation(dense) * transform_weight
            return act + (1 - transform_weight) * x

    class MaxoutDense(Base):
        arguments = {"units": 1, "nb_feature": 4, "use_bias": True}

        def build(self, shape: Any) -> None:
            count, units = self.given["nb_feature"], self.given["units"]
            self.w = self.weight("W", (count, int(shape[1]), units))
            if self.given["use_bias"]:
                self.b = self.weight("b", (count, units))
            super().build(shape)

        def call(self, x: Any) -> Any:
            output = tf.tensordot(x, self.w, [[1], [1]])
            if self.given["use_bias"]:
                output += self.b
            return tf.reduce_max(output, axis=1)

    class Learnt(Base):
        names: Any = ()

        def build(self, shape: Any) -> None:
            sizes = list(shape[1:])
            for axis in self.given["shared_axes"] or []:
                sizes[axis - 1] = 1
            self.learnt = [self.weight(name, sizes) for name in self.names]
            super().build(shape)

    class SReLU(Learnt):
        arguments = {"shared_axes": None, "theano": False}
        names = ("t_left", "a_left", "t_right", "a_right")

        def call(self, x: Any) -> Any:
            t_left, a_left, t_right, a_right = self.learnt
            actual = t_left + tf.abs(t_right)

            def relu(x: Any, alpha: Any, maximum: Any) -> Any:
                negative_part = tf.nn.relu(-x)
                if self.given["theano"]:
                    return tf.minimum(tf.where(x > 0, x, alpha * x), maximum)
                x = tf.minimum(tf.nn.relu(x), maximum)
                return x - alpha * negative_part

            left_and_center = t_left + relu(x - t_left, a_left, actual - t_left)
            return left_and_center + tf.nn.relu(x - actual) * a_right

    class ParametricSoftplus(Learnt):
        arguments = {"shared_axes": None, "alpha_init": 0.2, "beta_init": 5.0}
        names = ("alphas", "betas")

        def call(self, x: Any) -> Any:
            alphas, betas = self.learnt
            return tf.nn.softplus(betas * x) * alphas

    class ThresholdedLinear(Base):
        arguments = {"theta": 1.0}

        def call(self, x: Any) -> Any:
            return tf.where(tf.abs(x) < self.given["theta"], tf.zeros_like(x), x)

    class TimeDistributedMerge(Base):
        arguments = {"mode": "sum"}

        def call(self, x: Any) -> Any:
            functions = {
                "sum": tf.reduce_sum,
                "mul": tf.reduce_prod,
                "ave": tf.reduce_mean,
            }
            return functions[self.given["mode"]](x, axis=1)

    class Keras1BatchNormalization(Base):
        arguments = {"axis": -1, "epsilon": 1e-3, "momentum": 0.99, "mode": 1}

        def build(self, shape: Any) -> None:
            size = (int(shape[self.given["axis"]]),)
            self.gamma, self.beta = self.weight("gamma", size), self.weight("b", size)
            self.unused = [self.weight(n, size, False) for n in ("mean", "std")]
            super().build(shape)

        def call(self, x: Any) -> Any:
            epsilon = self.given["epsilon"]
            if self.given["mode"] == 1:
                mean = tf.reduce_mean(x, axis=-1, keepdims=True)
                var = tf.math.reduce_variance(x, axis=-1, keepdims=True)
                normed = (x - mean) / (tf.sqrt(var + epsilon) + epsilon)
                return self.gamma * normed + self.beta
            rank = len(x.shape)
            axis = self.given["axis"] % rank
            axes = [a for a in range(rank) if a != axis]
            sizes = [1] * rank
            sizes[axis] = -1
            mean, var = tf.nn.moments(x, axes, keepdims=True)
            normed = (x - mean) / tf.sqrt(var + epsilon)
            gamma, beta = tf.reshape(self.gamma, sizes), tf.reshape(self.beta, sizes)
            return gamma * normed + beta

    class Keras1Deconvolution2D(keras.layers.Conv2DTranspose):  # type: ignore[misc]
        def __init__(self, sizes: Any, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.sizes = sizes

        def call(self, x: Any) -> Any:
            shape = [tf.shape(x)[0], *self.sizes, self.filters]
            y = tf.nn.conv2d_transpose(
                x, self.kernel, shape, self.strides, self.padding.upper()
            )
            y = tf.nn.bias_add(y, self.bias) if self.use_bias else y
            y = tf.ensure_shape(y, [None, *self.sizes, self.filters])
            return self.activation(y)

        def compute_output_shape(self, shape: Any) -> Any:
            return (shape[0], *self.sizes, self.filters)

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "sizes": self.sizes}

    made = [
        Highway,
        Keras1BatchNormalization,
        Keras1Deconvolution2D,
        MaxoutDense,
        ParametricSoftplus,
        SReLU,
        ThresholdedLinear,
        TimeDistributedMerge,
    ]
    return {cls.__name__: cls for cls in made}
