"""The models of these tests, by the Keras that is handed in; no torch here."""

from __future__ import annotations


def cnn(lib):
    layers = lib.layers
    return lib.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(6, 3, strides=2, padding="same", activation="relu"),
            layers.Flatten(),
            layers.Dense(16, "relu", kernel_regularizer=lib.regularizers.L2(0.01)),
            layers.Dense(10, "softmax", name="digit"),
        ]
    )


def dense(lib, units, activation):
    layers = lib.layers
    return lib.Sequential(
        [
            layers.Input((6,)),
            layers.Dense(8, "tanh"),
            layers.Dense(units),
            layers.Activation(activation),
        ]
    )


def segmentation(lib):
    layers = lib.layers
    return lib.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(4, 3, padding="same", activation="relu"),
            layers.Conv2D(3, 1, activation="softmax", name="mask"),
        ]
    )


def two_outputs(lib):
    layers = lib.layers
    row = lib.Input((6,), name="row")
    hidden = layers.Dense(6, "relu")(row)
    kind = layers.Dense(4, "softmax", name="kind")(hidden)
    size = layers.Dense(1, name="size")(hidden)
    return lib.Model(row, [kind, size])


# ------------------------------------------------------------------ for twenty steps
def batch_norm_cnn(lib):
    layers = lib.layers
    return lib.Sequential(
        [
            layers.Input((10, 10, 2)),
            layers.Conv2D(6, 3, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Conv2D(8, 3, strides=2, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(12, "relu", kernel_regularizer=lib.regularizers.L2(0.02)),
            layers.Dropout(0.0),
            layers.Dense(3),
        ]
    )


def masked_bilstm(lib):
    layers = lib.layers
    return lib.Sequential(
        [
            layers.Input((9,), dtype="int32"),
            layers.Embedding(20, 6, mask_zero=True),
            layers.Bidirectional(layers.LSTM(5)),
            layers.Dense(3),
        ]
    )


def transformer(lib):
    layers = lib.layers
    x = lib.Input((7, 8))
    attended = layers.MultiHeadAttention(num_heads=2, key_dim=4)(x, x)
    h = layers.LayerNormalization()(layers.Add()([x, attended]))
    wide = layers.Dense(16, "gelu")(h)
    h = layers.LayerNormalization()(layers.Add()([h, layers.Dense(8)(wide)]))
    return lib.Model(x, layers.Dense(3)(layers.GlobalAveragePooling1D()(h)))


def gru(lib):
    layers = lib.layers
    return lib.Sequential(
        [
            layers.Input((7, 4)),
            layers.GRU(6, return_sequences=True),
            layers.GRU(5),
            layers.Dense(3),
        ]
    )


def sparse_code(lib):
    """Penalties on outputs: of a shared layer, of a model inside, of the output."""
    layers, l1, l2 = lib.layers, lib.regularizers.L1, lib.regularizers.L2
    inside = lib.Input((5,))
    body = layers.ActivityRegularization(l2=0.02)(layers.Dense(4, "tanh")(inside))
    x = lib.Input((6,))
    code = layers.Dense(
        5, "relu", activity_regularizer=l1(0.01), kernel_regularizer=l2(0.003)
    )
    back = layers.Dense(6, activity_regularizer=lib.regularizers.L1L2(0.004, 0.003))
    h = code(x)
    both = layers.Add()([h, code(back(h))])
    y = lib.Model(inside, body)(both)
    out = layers.Dense(1, "sigmoid", activity_regularizer=l2(0.05))(y)
    return lib.Model(x, out)


MODELS = {
    "cnn": cnn,
    "linear": lambda lib: dense(lib, 3, "linear"),
    "sigmoid": lambda lib: dense(lib, 1, "sigmoid"),
    "softmax": lambda lib: dense(lib, 4, "softmax"),
    "segmentation": segmentation,
    "two_outputs": two_outputs,
    "batch_norm_cnn": batch_norm_cnn,
    "masked_bilstm": masked_bilstm,
    "transformer": transformer,
    "gru": gru,
    "sparse_code": sparse_code,
}
