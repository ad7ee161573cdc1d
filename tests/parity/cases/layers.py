"""Small models around one kind of layer, trained."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from parity.recording import Arrays, floats, integers, start, train, train_and_ask
from parity.table import add, case

N = 11
Body = Callable[[Any], list[Any]]
IMAGE, ROWS, STEPS = (6, 5, 2), (5,), (6, 3)
# Input shape, layers; a Flatten where needed and a Dense end it.
TABLE: dict[str, tuple[tuple[int, ...], Body]] = {
    "conv-same": (IMAGE, lambda la: [la.Conv2D(3, 3, padding="same")]),
    "conv-same-stride": (
        IMAGE,
        lambda la: [la.Conv2D(3, 3, strides=2, padding="same", activation="relu")],
    ),
    "conv-same-even": (
        IMAGE,
        lambda la: [la.Conv2D(3, (2, 4), strides=2, padding="same")],
    ),
    "conv-dilated": (
        IMAGE,
        lambda la: [la.Conv2D(3, 2, dilation_rate=2, padding="same")],
    ),
    "conv-groups": (IMAGE, lambda la: [la.Conv2D(4, 3, groups=2, use_bias=False)]),
    "conv-flatten-dense": (
        IMAGE,
        lambda la: [
            la.Conv2D(3, 3, activation="tanh"),
            la.Flatten(),
            la.Dense(4, activation="tanh"),
        ],
    ),
    "conv-1d": (STEPS, lambda la: [la.Conv1D(4, 3, padding="same", strides=2)]),
    "conv-1d-causal": (
        STEPS,
        lambda la: [la.Conv1D(4, 3, padding="causal", dilation_rate=2)],
    ),
    "conv-3d": ((4, 4, 3, 2), lambda la: [la.Conv3D(3, 2, padding="same")]),
    "depthwise": (
        IMAGE,
        lambda la: [la.DepthwiseConv2D(3, depth_multiplier=2, padding="same")],
    ),
    "separable": (
        IMAGE,
        lambda la: [la.SeparableConv2D(3, 3, depth_multiplier=2, activation="tanh")],
    ),
    "separable-1d": (STEPS, lambda la: [la.SeparableConv1D(4, 3)]),
    "transpose-same": (
        IMAGE,
        lambda la: [la.Conv2DTranspose(3, 3, strides=2, padding="same")],
    ),
    "transpose-valid": (IMAGE, lambda la: [la.Conv2DTranspose(3, 2, strides=3)]),
    "transpose-1d": (STEPS, lambda la: [la.Conv1DTranspose(3, 3, strides=2)]),
    "max-pool": (
        IMAGE,
        lambda la: [la.Conv2D(3, 2), la.MaxPooling2D(2, padding="same")],
    ),
    "average-pool": (
        IMAGE,
        lambda la: [la.Conv2D(3, 2), la.AveragePooling2D(3, 2, padding="same")],
    ),
    "global-pool": (IMAGE, lambda la: [la.Conv2D(3, 2), la.GlobalMaxPooling2D()]),
    "up-sampling": (
        IMAGE,
        lambda la: [la.Conv2D(2, 3), la.UpSampling2D(2, interpolation="bilinear")],
    ),
    "padding-cropping": (
        IMAGE,
        lambda la: [
            la.ZeroPadding2D(((1, 0), (0, 2))),
            la.Conv2D(3, 3),
            la.Cropping2D(1),
        ],
    ),
    "reshape-permute": (
        IMAGE,
        lambda la: [
            la.Conv2D(4, 3, activation="tanh"),
            la.Reshape((6, 8)),
            la.Permute((2, 1)),
            la.Dense(3),
        ],
    ),
    "repeat-vector": (
        ROWS,
        lambda la: [la.RepeatVector(4), la.LSTM(3, return_sequences=True)],
    ),
    "lstm": (STEPS, lambda la: [la.LSTM(4)]),
    "lstm-odd": (
        STEPS,
        lambda la: [
            la.LSTM(
                4,
                activation="relu",
                recurrent_activation="hard_sigmoid",
                use_bias=False,
            )
        ],
    ),
    "lstm-backwards": (
        STEPS,
        lambda la: [la.LSTM(4, go_backwards=True, return_sequences=True)],
    ),
    "gru": (STEPS, lambda la: [la.GRU(4)]),
    "gru-reset-before": (STEPS, lambda la: [la.GRU(4, reset_after=False)]),
    "simple-rnn": (STEPS, lambda la: [la.SimpleRNN(4, return_sequences=True)]),
    "bidirectional": (STEPS, lambda la: [la.Bidirectional(la.LSTM(3))]),
    "bidirectional-ave": (
        STEPS,
        lambda la: [la.Bidirectional(la.GRU(3), merge_mode="ave")],
    ),
    "bidirectional-two": (
        STEPS,
        lambda la: [
            la.Bidirectional(la.LSTM(3), backward_layer=la.GRU(3, go_backwards=True))
        ],
    ),
    "rnn-cells": (
        STEPS,
        lambda la: [la.RNN([la.LSTMCell(3), la.GRUCell(2), la.SimpleRNNCell(4)])],
    ),
    "conv-lstm": ((3, 5, 4, 2), lambda la: [la.ConvLSTM2D(2, 2, padding="same")]),
    "time-distributed": (
        (3, 5, 5, 2),
        lambda la: [
            la.TimeDistributed(la.Conv2D(2, 3)),
            la.TimeDistributed(la.Flatten()),
        ],
    ),
    "dense-3d": (STEPS, lambda la: [la.Dense(4, activation="gelu")]),
    "einsum-dense": (
        STEPS,
        lambda la: [la.EinsumDense("abc,cd->abd", (6, 4), bias_axes="d")],
    ),
    "prelu": (IMAGE, lambda la: [la.Conv2D(3, 2), la.PReLU(shared_axes=[1, 2])]),
    "prelu-all": (IMAGE, lambda la: [la.Conv2D(3, 2), la.PReLU()]),
    "leaky-relu": (
        ROWS,
        lambda la: [la.Dense(4), la.LeakyReLU(), la.Dense(3), la.ELU()],
    ),
    "softmax-axis": (IMAGE, lambda la: [la.Conv2D(3, 2), la.Softmax(axis=1)]),
    "dropout-zero": (ROWS, lambda la: [la.Dense(4), la.Dropout(0.0), la.Dense(3)]),
    "rescaling": (IMAGE, lambda la: [la.Rescaling(0.5, 1.0), la.Conv2D(2, 2)]),
    "locally-named": (ROWS, lambda la: [la.Dense(4, name="first"), la.Dense(3)]),
}


def one(shape: tuple[int, ...], body: Body) -> Callable[[Any], Arrays]:
    def run(keras: Any) -> Arrays:
        layers = keras.layers
        model = keras.Sequential(
            [keras.Input(shape), *body(layers), layers.Flatten(), layers.Dense(2)]
        )
        start(model)
        model.compile(keras.optimizers.SGD(0.01, momentum=0.5), "mse")
        found = train(model, floats(1, N, *shape), floats(2, N, 2), batch_size=4)
        return found | {"parameters": model.count_params()}

    return run


for name, (shape, body) in TABLE.items():
    add(f"layers/{name}", one(shape, body))

ACTIVATIONS = (
    "relu relu6 sigmoid tanh softplus softsign elu selu gelu silu swish mish celu "
    "hard_sigmoid hard_silu leaky_relu exponential linear log_sigmoid softmax "
    "log_softmax hard_tanh tanh_shrink soft_shrink hard_shrink squareplus glu "
    "sparse_plus threshold"
)


@case("layers/activations")
def activations(keras: Any) -> Arrays:
    found: Arrays = {}
    layers = keras.layers
    for name in ACTIVATIONS.split():
        if name == "threshold":
            continue
        first = layers.Dense(4)
        model = keras.Sequential([keras.Input((5,)), first, layers.Activation(name)])
        start(model)
        model.compile(keras.optimizers.SGD(0.1), "mse")
        width = 2 if name == "glu" else 4
        found[f"{name}/loss"] = model.train_on_batch(
            floats(1, N, 5), floats(2, N, width)
        )
        found[f"{name}/kernel"] = first.get_weights()[0]
    return found


@case("layers/embedding")
def embedding(keras: Any) -> Arrays:
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((6,)), layers.Embedding(9, 3), layers.Flatten(), layers.Dense(2)]
    )
    start(model)
    # Rows that no batch asks for still move: the momenta do.
    model.compile(keras.optimizers.Adam(0.05), "mse")
    return train(model, integers(1, 7, N, 6), floats(2, N, 2), batch_size=4)


def attention(**given: Any) -> Callable[[Any], Arrays]:
    def run(keras: Any) -> Arrays:
        layers = keras.layers
        x = keras.Input((4, 6))
        y = layers.MultiHeadAttention(**given)(x, x)
        model = start(keras.Model(x, layers.Dense(2)(layers.Flatten()(y))))
        model.compile(keras.optimizers.SGD(0.1, momentum=0.5), "mse")
        return train(model, floats(1, N, 4, 6), floats(2, N, 2), batch_size=4)

    return run


ATTENTION: dict[str, dict[str, Any]] = {
    "square": {"num_heads": 2, "key_dim": 3},
    "narrow": {"num_heads": 3, "key_dim": 4, "value_dim": 2, "use_bias": False},
    "output-shape": {"num_heads": 2, "key_dim": 3, "output_shape": 5},
}
for name, given in ATTENTION.items():
    add(f"layers/multi-head-attention/{name}", attention(**given))


@case("layers/multi-head-attention/cross-causal")
def cross(keras: Any) -> Arrays:
    layers = keras.layers
    q, v = keras.Input((4, 6)), keras.Input((5, 3))
    y = layers.MultiHeadAttention(2, 3)(q, v)
    y = layers.MultiHeadAttention(2, 3)(y, y, use_causal_mask=True)
    model = start(keras.Model([q, v], layers.Dense(2)(layers.Flatten()(y))))
    model.compile(keras.optimizers.SGD(0.1), "mse")
    x = [floats(1, N, 4, 6), floats(3, N, 5, 3)]
    return train(model, x, floats(2, N, 2), batch_size=4)


@case("layers/grouped-query-attention")
def grouped(keras: Any) -> Arrays:
    layers = keras.layers
    x = keras.Input((4, 6))
    y = layers.GroupQueryAttention(3, 4, 2)(x, x)
    model = start(keras.Model(x, layers.Dense(2)(layers.Flatten()(y))))
    model.compile(keras.optimizers.SGD(0.1), "mse")
    return train(model, floats(1, N, 4, 6), floats(2, N, 2), batch_size=4)


@case("layers/dot-attention")
def dot_attention(keras: Any) -> Arrays:
    layers = keras.layers
    x = keras.Input((4, 6))
    y = layers.Dense(3)(x)
    y = layers.Attention(use_scale=True)([y, y])
    y = layers.AdditiveAttention()([y, y])
    model = start(keras.Model(x, layers.Dense(2)(layers.Flatten()(y))))
    model.compile(keras.optimizers.SGD(0.1), "mse")
    return train(model, floats(1, N, 4, 6), floats(2, N, 2), batch_size=4)


@case("layers/merging")
def merging(keras: Any) -> Arrays:
    layers = keras.layers
    x = keras.Input((5,))
    a = layers.Dense(4, activation="tanh")(x)
    b = layers.Dense(4, activation="sigmoid")(x)
    parts = [
        layers.Add()([a, b]),
        layers.Subtract()([a, b]),
        layers.Multiply()([a, b]),
        layers.Average()([a, b]),
        layers.Maximum()([a, b]),
        layers.Minimum()([a, b]),
        layers.Dot(axes=1, normalize=True)([a, b]),
    ]
    y = layers.Concatenate()(parts)
    model = start(keras.Model(x, layers.Dense(2)(y)))
    model.compile(keras.optimizers.SGD(0.1), "mse")
    return train_and_ask(model, floats(1, N, 5), floats(2, N, 2), batch_size=4)


@case("layers/operators-between-layers")
def operators(keras: Any) -> Arrays:
    layers = keras.layers
    x = keras.Input((5,))
    a = layers.Dense(4, activation="tanh")(x)
    b = layers.Dense(4)(x)
    y = a * b + 0.5 * a - b / 2.0
    y = layers.Dense(2)(y[:, 1:])
    model = start(keras.Model(x, y))
    model.compile(keras.optimizers.SGD(0.1), "mse")
    return train_and_ask(model, floats(1, N, 5), floats(2, N, 2), batch_size=4)


@case("layers/lstm-states")
def states(keras: Any) -> Arrays:
    layers = keras.layers
    x, z = keras.Input(STEPS), keras.Input((4, 2))
    y, h, c = layers.LSTM(4, return_state=True, return_sequences=True)(x)
    d = layers.LSTM(4)(z, initial_state=[h, c])
    y = layers.Concatenate()([layers.Flatten()(y), d])
    model = start(keras.Model([x, z], layers.Dense(2)(y)))
    model.compile(keras.optimizers.SGD(0.1), "mse")
    data = [floats(1, N, *STEPS), floats(3, N, 4, 2)]
    return train(model, data, floats(2, N, 2), batch_size=4)


@case("layers/stateful")
def stateful(keras: Any) -> Arrays:
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input(batch_shape=(4, *STEPS)),
            layers.LSTM(3, stateful=True),
            layers.Dense(2),
        ]
    )
    start(model)
    model.compile(keras.optimizers.SGD(0.1), "mse")
    x, y = floats(1, 12, *STEPS), floats(2, 12, 2)
    found = train_and_ask(model, x, y, batch_size=4)
    model.layers[0].reset_state()
    return found | {"again": model.predict(x, batch_size=4, verbose=0)}
