"""Models of what the releases of Keras 3 computed or wrote in different ways."""

import keras
import numpy as np

L, ops = keras.layers, keras.ops
Model, Sequential, Input = keras.Model, keras.Sequential, keras.Input
MODELS = []


def model(function):
    MODELS.append(function)
    return function


def tokens(*sizes):
    """Rows of words that end in padding, one of them with a hole."""
    rng = np.random.RandomState(1)
    found = []
    for size in sizes:
        made = rng.randint(1, 9, (4, size)).astype("int32")
        for row in range(1, 4):
            made[row, size - row :] = 0
        made[2, 1] = 0
        found.append(made)
    return found


def kept():
    """What is masked and what is not, one row wholly so."""
    rows = [[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [0, 1, 1, 0, 0], [1, 0, 1, 0, 1]]
    return np.array([*rows, [0, 0, 0, 0, 0], [1, 0, 0, 0, 1]], "bool")


def numbers(*shape):
    return np.random.RandomState(7).normal(size=shape).astype("float32")


@model
def merges_masked():
    a, b = Input((6,), dtype="int32"), Input((6,), dtype="int32")
    x = L.Embedding(9, 4, mask_zero=True)(a)
    y = L.Embedding(9, 4, mask_zero=True)(b)
    found = []
    for name in ("Add", "Multiply", "Average", "Maximum", "Minimum"):
        z = getattr(L, name)()([x, y])
        found += [z, L.GlobalAveragePooling1D()(z)]
    made = Model([a, b], found)
    made.given = [tokens(6)[0], tokens(6)[0][::-1].copy()]
    return made


@model
def merges_half_masked():
    a, b = Input((6,), dtype="int32"), Input((6, 4))
    x = L.Embedding(9, 4, mask_zero=True)(a)
    found = []
    for name in ("Multiply", "Maximum", "Subtract", "Concatenate"):
        found.append(L.GRU(3, return_sequences=True)(getattr(L, name)()([x, b])))
    made = Model([a, b], found)
    made.given = [tokens(6)[0], numbers(4, 6, 4)]
    return made


@model
def attended_masked():
    a = Input((6,), dtype="int32")
    x = L.Embedding(9, 4, mask_zero=True)(a)
    y = L.Attention(use_scale=True)([x, x], use_causal_mask=True)
    made = Model(a, [y, L.LSTM(3)(y)])
    made.given = tokens(6)
    return made


@model
def keys_masked():
    x, mask = Input((5, 3)), Input((5,), dtype="bool")
    made = Model(
        [x, mask],
        [
            L.MultiHeadAttention(2, 2)(x, x, key_mask=mask),
            L.MultiHeadAttention(2, 2)(x, x, value_mask=mask),
            L.MultiHeadAttention(2, 2)(x, x, query_mask=mask),
        ],
    )
    made.given = [numbers(6, 5, 3), kept()]
    return made


@model
def softmax_masked():
    x, mask = Input((5,)), Input((5,), dtype="bool")
    made = Model([x, mask], L.Softmax()(x, mask=mask))
    made.given = [numbers(6, 5), kept()]
    return made


@model
def steps_normalized():
    a = Input((6,), dtype="int32")
    x = L.Embedding(9, 4, mask_zero=True)(a)
    made = Model(a, L.TimeDistributed(L.BatchNormalization())(x))
    made.given = tokens(6)
    return made


@model
def one_of_six():
    x = Input((1,), dtype="int32")
    made = Model(x, L.CategoryEncoding(6, output_mode="one_hot")(x))
    # ``predict`` of Keras 3.1 makes floats of integers, which it then refuses.
    made.called = True
    made.given = [np.array([[3], [0], [5], [3]], "int32")]
    return made


@model
def listed_axes():
    x = Input((4, 3, 5))
    axes = ([1, 2], [2, 1], [3, 1, 2], [-1, 1])
    return Model(x, [L.LayerNormalization(axis=a)(x) for a in axes])


@model
def in_float64():
    keras.config.set_dtype_policy("float64")
    try:
        x = Input((6, 6, 2), dtype="float32")
        y = L.BatchNormalization()(L.Conv2D(3, 2)(x))
        other = Input((4,), dtype="float32")
        z = L.Concatenate()([L.GlobalAveragePooling2D()(y), L.Dense(2)(other)])
        made = Model([x, other], L.Dense(2)(z * 2.0 + 1.0))
    finally:
        keras.config.set_dtype_policy("float32")
    return made


@model
def newer_activations():
    x = Input((4, 3))
    names = ("squareplus", "sparse_plus", "sparse_sigmoid", "sparsemax")
    return Model(x, [L.LSTM(3, activation=name)(x) for name in names])


@model
def operations():
    x, y = Input((5, 3)), Input((5, 3))
    found = [x + y, x * 2.0 - y / 3.0, -x, x @ ops.transpose(y, (0, 2, 1))]
    found += [x[:, 1:], x[:, -1], x**2, ops.mean(x, axis=1), ops.where(x > y, x, y)]
    found += [ops.softmax(x, axis=1), ops.concatenate([x, y], axis=-1)]
    return Model([x, y], found)


@model
def low_rank():
    made = Sequential([Input((6,)), L.Dense(5), L.Dense(4)])
    made.layers[0].enable_lora(2)
    return made
