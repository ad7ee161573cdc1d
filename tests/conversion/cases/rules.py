"""Regularizers and constraints, on every weight that can have one.

These models are trained too: what comes out of two epochs lies beside the files.
"""

from __future__ import annotations

from typing import Any

from conversion.cases import Table

TABLE = Table()
TRAINED = True


def _compiled(keras: Any, inputs: Any, x: Any) -> Any:
    made = keras.Model(inputs, x)
    made.compile(keras.optimizers.SGD(0.05), "mse")
    return made


@TABLE.model()
def dense_regularizers(keras: Any) -> Any:
    layers, r = keras.layers, keras.regularizers
    inputs = keras.Input((6,))
    x = layers.Dense(
        7,
        activation="tanh",
        kernel_regularizer=r.L1(0.02),
        bias_regularizer=r.L2(0.05),
    )(inputs)
    x = layers.Dense(6, kernel_regularizer=r.L1L2(0.01, 0.02))(x)
    x = layers.Dense(5, kernel_regularizer="l2", bias_regularizer="l1")(x)
    x = layers.Dense(4, kernel_regularizer=r.OrthogonalRegularizer(0.03))(x)
    x = layers.Dense(
        3, kernel_regularizer=r.OrthogonalRegularizer(0.04, mode="columns")
    )(x)
    return _compiled(keras, inputs, x)


@TABLE.model()
def dense_constraints(keras: Any) -> Any:
    layers, c = keras.layers, keras.constraints
    inputs = keras.Input((6,))
    x = layers.Dense(
        7,
        activation="tanh",
        kernel_constraint=c.MaxNorm(0.6),
        bias_constraint=c.NonNeg(),
    )(inputs)
    x = layers.Dense(6, kernel_constraint=c.UnitNorm(axis=1))(x)
    x = layers.Dense(5, kernel_constraint=c.MinMaxNorm(0.2, 0.5, rate=0.7))(x)
    x = layers.Dense(4, kernel_constraint="non_neg", bias_constraint="unit_norm")(x)
    return _compiled(keras, inputs, x)


@TABLE.model()
def images(keras: Any) -> Any:
    layers, c = keras.layers, keras.constraints
    inputs = keras.Input((8, 7, 3))
    x = layers.Conv2D(
        4,
        3,
        padding="same",
        kernel_constraint=c.MaxNorm(0.5, axis=[0, 1, 2]),
        kernel_regularizer="l2",
    )(inputs)
    x = layers.BatchNormalization(
        gamma_regularizer="l1",
        beta_constraint="non_neg",
        gamma_constraint=c.MaxNorm(0.9),
    )(x)
    x = layers.SeparableConv2D(
        5,
        2,
        depthwise_regularizer="l2",
        pointwise_regularizer="l1",
        depthwise_constraint=c.MaxNorm(0.5, axis=[0, 1]),
        pointwise_constraint=c.UnitNorm(axis=2),
    )(x)
    x = layers.DepthwiseConv2D(
        2,
        depthwise_regularizer=keras.regularizers.L1L2(0.01, 0.01),
        depthwise_constraint="non_neg",
    )(x)
    x = layers.Conv2DTranspose(
        3, 2, kernel_regularizer="l2", kernel_constraint=c.MaxNorm(0.4, axis=[0, 1])
    )(x)
    x = layers.PReLU(alpha_regularizer="l2", alpha_constraint="non_neg")(x)
    return _compiled(keras, inputs, layers.Dense(2)(layers.Flatten()(x)))


@TABLE.model()
def recurrent(keras: Any) -> Any:
    layers, c = keras.layers, keras.constraints
    rules = {
        "kernel_regularizer": "l2",
        "recurrent_regularizer": keras.regularizers.L1(0.005),
        "bias_regularizer": "l2",
    }
    limits = {
        "kernel_constraint": c.MaxNorm(0.7),
        "recurrent_constraint": c.MaxNorm(0.8),
        "bias_constraint": "non_neg",
    }
    inputs = keras.Input((5, 4))
    x = layers.Bidirectional(layers.LSTM(3, return_sequences=True, **rules))(inputs)
    x = layers.LSTM(4, return_sequences=True, **rules, **limits)(x)
    x = layers.SimpleRNN(3, return_sequences=True, **rules, **limits)(x)
    x = layers.TimeDistributed(
        layers.Dense(3, kernel_regularizer="l2", kernel_constraint="non_neg")
    )(x)
    x = layers.GRU(3, **{k: v for k, v in rules.items() if "bias" not in k})(x)
    return _compiled(keras, inputs, layers.Dense(2)(x))


@TABLE.model()
def shared_and_nested(keras: Any) -> Any:
    """A shared layer counts once; so does one in a model that is called twice."""
    layers = keras.layers
    inner_in = keras.Input((6,))
    inner = keras.Model(
        inner_in,
        layers.Dense(6, kernel_regularizer="l2", kernel_constraint="non_neg")(inner_in),
        name="inner",
    )
    inputs = keras.Input((6,))
    shared = layers.Dense(6, kernel_regularizer="l1", activation="tanh")
    x = layers.Add()([shared(inputs), shared(inner(inputs))])
    x = layers.Add()([x, inner(x)])
    return _compiled(keras, inputs, layers.Dense(2)(x))


@TABLE.model("keras")
def frozen_layers(keras: Any) -> Any:
    """Keras 3 leaves the penalties of frozen weights out of the loss."""
    layers = keras.layers
    base = keras.Sequential(
        [
            layers.Input((6,)),
            layers.Dense(5, kernel_regularizer="l2", kernel_constraint="non_neg"),
        ],
        name="base",
    )
    base.trainable = False
    inputs = keras.Input((6,))
    x = layers.Dense(5, kernel_regularizer="l2", trainable=False)(base(inputs))
    return _compiled(keras, inputs, layers.Dense(2, kernel_regularizer="l2")(x))


@TABLE.model()
def attention(keras: Any) -> Any:
    layers = keras.layers
    inputs = keras.Input((5, 8))
    x = layers.MultiHeadAttention(2, 4, kernel_regularizer="l2", bias_regularizer="l1")(
        inputs, inputs
    )
    x = layers.LayerNormalization(gamma_regularizer="l2", beta_constraint="non_neg")(x)
    x = layers.GlobalAveragePooling1D()(x)
    return _compiled(keras, inputs, layers.Dense(2)(x))


@TABLE.model()
def mixed_precision(keras: Any) -> Any:
    """A mixed model trains under autocast."""
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    layers = keras.layers
    inputs = keras.Input((6,))
    x = layers.Dense(8, activation="tanh", kernel_regularizer="l2")(inputs)
    return _compiled(keras, inputs, layers.Dense(2, dtype="float32")(x))


@TABLE.model()
def scaled_loss(keras: Any) -> Any:
    """mixed_float16 scales its loss."""
    keras.mixed_precision.set_global_policy("mixed_float16")
    layers = keras.layers
    inputs = keras.Input((6,))
    x = layers.Dense(8, activation="tanh")(inputs)
    return _compiled(keras, inputs, layers.Dense(2, dtype="float32")(x))
