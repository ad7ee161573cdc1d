"""Six whole trainings: three epochs each, with the loss of every step."""

from __future__ import annotations

from typing import Any

import numpy as np
from parity.recording import (
    Arrays,
    curves,
    floats,
    integers,
    named,
    padded_tokens,
    start,
    weights,
)
from parity.table import case

SPARSE = "sparse_categorical_crossentropy"
EPOCHS = 3
# A loss is a mean over some hundred sums, taken forward and back sixty times.
WHY = "the curves of a whole training, to the 1e-4 that is promised for them"


def steps_of(keras: Any) -> Any:
    class Steps(keras.callbacks.Callback):
        """The loss of each batch, by itself: what Keras shows is a running mean."""

        def __init__(self) -> None:
            super().__init__()
            self.losses: list[float] = []

        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            self.model.reset_metrics()

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.losses.append(float(logs["loss"]))

    return Steps()


def whole(keras: Any, model: Any, compile: dict[str, Any], x: Any, y: Any) -> Arrays:
    """Train twice from the same weights: for the curves, and step by step.

    ``compile`` holds what makes the optimizer: each training has one of its own.
    """
    first = model.get_weights()
    make, rest = compile["optimizer"], {**compile}
    model.compile(**{**rest, "optimizer": make()})
    history = model.fit(
        x,
        y,
        batch_size=16,
        epochs=EPOCHS,
        shuffle=False,
        verbose=0,
        validation_split=0.25,
    )
    found = {**curves(history), **weights(model)}
    found |= named("predict", model.predict(x, batch_size=16, verbose=0))
    model.set_weights(first)
    model.compile(**{**rest, "optimizer": make()})
    steps = steps_of(keras)
    model.fit(
        x,
        y,
        batch_size=16,
        epochs=EPOCHS,
        shuffle=False,
        verbose=0,
        callbacks=[steps],
    )
    return found | {"steps": steps.losses}


@case("trainings/mlp", rtol=1e-4, why=WHY)
def mlp(keras: Any) -> Arrays:
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((12,)),
            layers.Dense(24, activation="relu"),
            layers.Dropout(0.0),
            layers.Dense(16, activation="gelu"),
            layers.Dense(4, activation="softmax"),
        ]
    )
    x = floats(1, 200, 12)
    labels = np.argmax(x @ floats(2, 12, 4), axis=1)
    compile = {
        "optimizer": lambda: keras.optimizers.Adam(0.01),
        "loss": SPARSE,
        "metrics": ["accuracy"],
    }
    return whole(keras, start(model), compile, x, labels)


@case("trainings/cnn-batch-normalization", rtol=1e-4, why=WHY)
def cnn(keras: Any) -> Arrays:
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((10, 10, 1)),
            layers.Conv2D(6, 3, padding="same", use_bias=False),
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
            layers.MaxPooling2D(2),
            layers.Conv2D(8, 3, strides=2, padding="same", activation="relu"),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    labels = integers(3, 3, 160)
    x = floats(4, 160, 10, 10, 1)
    x += floats(5, 3, 10, 10, 1)[labels]
    compile = {
        "optimizer": lambda: keras.optimizers.SGD(0.02, momentum=0.9, nesterov=True),
        "loss": SPARSE,
        "metrics": ["accuracy"],
    }
    return whole(keras, start(model), compile, x, labels)


@case("trainings/bilstm-mask", rtol=1e-4, why=WHY)
def bilstm(keras: Any) -> Arrays:
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((9,)),
            layers.Embedding(12, 6, mask_zero=True),
            layers.Bidirectional(layers.LSTM(6, return_sequences=True)),
            layers.Bidirectional(layers.LSTM(5)),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    x = padded_tokens(6, 120, 9, 12)
    y = ((x > 6).sum(1) > (x > 0).sum(1) / 2).astype("float32")[:, None]
    compile = {
        "optimizer": lambda: keras.optimizers.Adam(0.02, clipnorm=0.5),
        "loss": "binary_crossentropy",
        "metrics": ["accuracy"],
    }
    return whole(keras, start(model), compile, x, y)


@case("trainings/transformer", rtol=1e-4, why=WHY)
def transformer(keras: Any) -> Arrays:
    layers = keras.layers
    tokens = keras.Input((8,))
    x = layers.Embedding(10, 8)(tokens)
    y = layers.MultiHeadAttention(num_heads=2, key_dim=4, dropout=0.0)(x, x)
    x = layers.LayerNormalization()(layers.Add()([x, y]))
    y = layers.Dense(8)(layers.Dense(16, activation="gelu")(x))
    x = layers.LayerNormalization()(layers.Add()([x, y]))
    out = layers.Dense(3, activation="softmax")(layers.GlobalAveragePooling1D()(x))
    model = keras.Model(tokens, out)
    x = integers(7, 10, 150, 8)
    labels = x.sum(1) % 3
    # Not Adam: the bias of the keys has no gradient but rounding, and Adam divides
    # it by its own size.
    compile = {
        "optimizer": lambda: keras.optimizers.SGD(
            keras.optimizers.schedules.CosineDecay(0.2, 25), momentum=0.9
        ),
        "loss": SPARSE,
        "metrics": ["accuracy"],
    }
    return whole(keras, start(model), compile, x, labels)


@case("trainings/two-in-two-out", rtol=1e-4, why=WHY)
def two(keras: Any) -> Arrays:
    layers = keras.layers
    image, row = keras.Input((8, 8, 2), name="image"), keras.Input((5,), name="row")
    y = layers.Conv2D(6, 3, activation="relu")(image)
    y = layers.GlobalAveragePooling2D()(y)
    y = layers.Concatenate()([y, layers.Dense(6, activation="tanh")(row)])
    y = layers.Dense(8, activation="tanh")(y)
    kind = layers.Dense(3, activation="softmax", name="kind")(y)
    size = layers.Dense(1, name="size")(y)
    model = keras.Model([image, row], {"kind": kind, "size": size})
    x = {"image": floats(8, 140, 8, 8, 2), "row": floats(9, 140, 5)}
    target = {
        "kind": np.argmax(x["row"][:, :3], axis=1),
        "size": x["row"].sum(1, keepdims=True),
    }
    compile = {
        "optimizer": lambda: keras.optimizers.RMSprop(0.01),
        "loss": {"kind": SPARSE, "size": "mse"},
        "loss_weights": {"kind": 1.0, "size": 0.3},
        "metrics": {"kind": ["accuracy"], "size": ["mae"]},
    }
    return whole(keras, start(model), compile, x, target)


@case("trainings/autoencoder", rtol=1e-4, why=WHY)
def autoencoder(keras: Any) -> Arrays:
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(4, 3, strides=2, padding="same", activation="relu"),
            layers.Flatten(),
            layers.Dense(6, activation="tanh", kernel_regularizer="l2"),
            layers.Dense(64, activation="relu"),
            layers.Reshape((4, 4, 4)),
            layers.Conv2DTranspose(3, 3, strides=2, padding="same", activation="relu"),
            layers.Conv2D(1, 3, padding="same", activation="sigmoid"),
        ]
    )
    x = 1 / (1 + np.exp(-floats(10, 140, 1, 1, 1) * floats(11, 8, 8, 1) * 2))
    x = x.astype("float32")
    compile = {
        "optimizer": lambda: keras.optimizers.AdamW(0.01),
        "loss": "binary_crossentropy",
        "metrics": ["mse"],
    }
    return whole(keras, start(model), compile, x, x)
