"""Activations: every name, objects in place of names, in every layer that has one."""

from __future__ import annotations

from typing import Any

from conversion.cases import Table

TABLE = Table()

BOTH = (
    "elu exponential gelu hard_sigmoid leaky_relu linear mish relu relu6 selu sigmoid "
    "silu softmax softplus softsign swish tanh log_softmax"
).split()
KERAS_3 = (
    "celu hard_shrink hard_silu hard_swish hard_tanh log_sigmoid soft_shrink "
    "sparse_plus sparse_sigmoid sparsemax squareplus tanh_shrink"
).split()


def _named(name: str) -> Any:
    """Return the builder in which one activation stands wherever it can."""

    def build(keras: Any) -> Any:
        layers = keras.layers
        inputs = keras.Input((6, 5, 4))
        x = layers.Conv2D(6, 2, activation=name)(inputs)
        x = layers.DepthwiseConv2D(2, activation=name)(x)
        x = layers.Activation(name)(x)
        x = layers.Flatten()(x)
        return keras.Model(inputs, layers.Dense(4, activation=name)(x))

    return build


for _name in BOTH:
    TABLE.add(_name, _named(_name))
for _name in KERAS_3:
    TABLE.add(_name, _named(_name), "keras")


def _recurrent(name: str) -> Any:
    def build(keras: Any) -> Any:
        layers = keras.layers
        both = {"activation": name, "recurrent_activation": name}
        inputs = keras.Input((5, 4))
        x = layers.LSTM(4, return_sequences=True, **both)(inputs)
        x = layers.GRU(4, return_sequences=True, **both)(x)
        x = layers.Bidirectional(layers.GRU(3, reset_after=False, **both))(x)
        x = layers.RepeatVector(3)(x)
        x = layers.SimpleRNN(3, activation=name)(x)
        return keras.Model(inputs, x)

    return build


for _name in ("relu", "hard_sigmoid", "linear", "softsign", "gelu", "softmax"):
    TABLE.add(f"recurrent_{_name}", _recurrent(_name))


@TABLE.model()
def layers_as_activations(keras: Any) -> Any:
    """Layer instances and functions of the module as activation=."""
    layers, functions = keras.layers, keras.activations
    inputs = keras.Input((9, 8, 3))
    x = layers.Conv2D(4, 2, activation=layers.LeakyReLU(0.13))(inputs)
    x = layers.Conv2D(4, 2, activation=layers.ReLU(max_value=2.5))(x)
    x = layers.Conv2D(4, 2, activation=functions.gelu)(x)
    x = layers.Conv2D(4, 2, activation=layers.ELU(0.7))(x)
    x = layers.Activation(layers.Softmax(axis=-1))(x)
    x = layers.Conv2D(4, 1, activation=functions.relu)(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dense(5, activation=functions.hard_sigmoid)(x)
    return keras.Model(inputs, layers.Dense(5, activation=layers.LeakyReLU())(x))


@TABLE.model()
def weighted_activation(keras: Any) -> Any:
    """A PReLU, which has weights of its own, as activation=."""
    layers = keras.layers
    inputs = keras.Input((6, 4))
    x = layers.Dense(5)(inputs)
    return keras.Model(inputs, layers.PReLU(alpha_initializer="uniform")(x))


@TABLE.model()
def tensorflow_functions(keras: Any) -> Any:
    """tf.nn functions, which are saved by their names."""
    import tensorflow as tf

    layers = keras.layers
    inputs = keras.Input((6,))
    x = inputs
    for function in (
        tf.nn.relu,
        tf.nn.leaky_relu,
        tf.nn.swish,
        tf.nn.relu6,
        tf.nn.selu,
        tf.nn.elu,
        tf.nn.gelu,
        tf.nn.tanh,
        tf.nn.softmax,
        tf.nn.sigmoid,
        tf.math.softplus,
        tf.nn.softsign,
    ):
        x = layers.Dense(7, activation=function)(x)
    return keras.Model(inputs, x)


@TABLE.model()
def everywhere_else(keras: Any) -> Any:
    """The other layers with an activation: EinsumDense, separable, transposed."""
    layers = keras.layers
    einsum = getattr(layers, "EinsumDense", None)
    inputs = keras.Input((8, 6, 3))
    x = layers.SeparableConv2D(4, 2, activation="swish")(inputs)
    x = layers.Conv2DTranspose(4, 2, activation="elu")(x)
    x = layers.ConvLSTM1D(3, 2, activation="relu", recurrent_activation="sigmoid")(x)
    x = einsum("abc,cd->abd", output_shape=(None, 5), activation="softplus")(x)
    x = layers.TimeDistributed(layers.Dense(4, activation="selu"))(x)
    x = layers.Conv1DTranspose(4, 2, activation="softmax")(x)
    return keras.Model(inputs, layers.SeparableConv1D(3, 2, activation="tanh")(x))


@TABLE.model()
def layers_of_functions(keras: Any) -> Any:
    """The activation layers with their arguments."""
    layers = keras.layers
    inputs = keras.Input((7, 6))
    x = layers.ReLU(max_value=3.0, negative_slope=0.1, threshold=0.2)(inputs)
    x = layers.LeakyReLU(0.05)(x)
    x = layers.ELU(alpha=1.3)(x)
    x = layers.Softmax(axis=1)(x)
    x = layers.PReLU(alpha_initializer="uniform", shared_axes=[1])(x)
    return keras.Model(inputs, x)


@TABLE.model("keras")
def glu_and_threshold(keras: Any) -> Any:
    """Functions with arguments, called in a functional model."""
    layers, functions = keras.layers, keras.activations
    inputs = keras.Input((7, 6))
    x = functions.glu(layers.Dense(8)(inputs))
    x = functions.leaky_relu(layers.Dense(5)(x), negative_slope=0.3)
    x = functions.gelu(layers.Dense(5)(x), approximate=True)
    x = functions.threshold(layers.Dense(5)(x), 0.1, 0.5)
    x = functions.celu(layers.Dense(5)(x), alpha=0.4)
    x = functions.hard_shrink(x, threshold=0.05)
    x = functions.squareplus(x, b=3)
    x = functions.relu(x, negative_slope=0.1, max_value=2.0, threshold=0.3)
    return keras.Model(inputs, functions.softmax(x, axis=1))


@TABLE.model("tf_keras")
def thresholded(keras: Any) -> Any:
    """Layers that Keras 3 left behind."""
    layers = keras.layers
    inputs = keras.Input((7, 6))
    x = layers.ThresholdedReLU(theta=0.4)(inputs)
    return keras.Model(inputs, layers.Dense(3)(x))
