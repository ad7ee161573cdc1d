"""Many inputs and outputs, shared and frozen layers, models within models."""

from __future__ import annotations

from typing import Any

import numpy as np
from parity.recording import (
    Arrays,
    floats,
    integers,
    start,
    train,
    train_and_ask,
)
from parity.table import case

N = 17
A, B = floats(1, N, 4), floats(2, N, 6, 6, 2)
LABELS, SIZES = integers(3, 3, N), floats(4, N, 2)
WEIGHT = np.abs(floats(5, N))


def two_by_two(keras: Any) -> Any:
    layers = keras.layers
    a, b = keras.Input((4,), name="row"), keras.Input((6, 6, 2), name="image")
    y = layers.Conv2D(3, 3, strides=2, padding="same", activation="tanh")(b)
    y = layers.GlobalAveragePooling2D()(y)
    y = layers.Concatenate()([layers.Dense(3, activation="tanh")(a), y])
    kind = layers.Dense(3, activation="softmax", name="kind")(y)
    size = layers.Dense(2, name="size")(y)
    return start(keras.Model([a, b], [kind, size]))


@case("models/lists")
def lists(keras: Any) -> Arrays:
    model = two_by_two(keras)
    model.compile(
        keras.optimizers.SGD(0.1),
        ["sparse_categorical_crossentropy", "mse"],
        loss_weights=[0.3, 1.5],
        metrics=[["accuracy"], ["mae"]],
    )
    return train_and_ask(model, [A, B], [LABELS, SIZES], batch_size=6)


@case("models/dicts-by-layer-name")
def dicts(keras: Any) -> Arrays:
    model = two_by_two(keras)
    model.compile(
        keras.optimizers.SGD(0.1),
        {"kind": "sparse_categorical_crossentropy", "size": "mae"},
        loss_weights={"size": 0.5, "kind": 2.0},
        metrics={"size": ["mse"], "kind": "accuracy"},
    )
    x, y = {"row": A, "image": B}, {"size": SIZES, "kind": LABELS}
    return train_and_ask(
        model, x, y, batch_size=6, validation_data=(x, y), validation_batch_size=5
    )


@case("models/one-loss-for-all")
def one_loss(keras: Any) -> Arrays:
    layers = keras.layers
    x = keras.Input((4,))
    model = start(keras.Model(x, [layers.Dense(2)(x), layers.Dense(3)(x)]))
    model.compile(keras.optimizers.SGD(0.1), ["mse", "mse"], loss_weights=[1.0, 0.1])
    return train(model, A, [SIZES, floats(6, N, 3)], batch_size=6)


@case("models/sample-weight-per-output")
def weighted(keras: Any) -> Arrays:
    model = two_by_two(keras)
    model.compile(
        keras.optimizers.SGD(0.1),
        ["sparse_categorical_crossentropy", "mse"],
        weighted_metrics=[["accuracy"], ["mae"]],
    )
    return train(
        model,
        [A, B],
        [LABELS, SIZES],
        batch_size=6,
        sample_weight=[WEIGHT, WEIGHT[::-1]],
    )


@case("models/output-without-loss")
def without(keras: Any) -> Arrays:
    layers = keras.layers
    x = keras.Input((4,))
    y = layers.Dense(3, activation="tanh", name="code")(x)
    model = start(keras.Model(x, {"code": y, "size": layers.Dense(2, name="size")(y)}))
    model.compile(keras.optimizers.SGD(0.1), {"size": "mse", "code": None})
    return train(model, A, {"size": SIZES, "code": floats(6, N, 3)}, batch_size=6)


@case("models/shared-layers")
def shared(keras: Any) -> Arrays:
    layers = keras.layers
    a, b = keras.Input((5, 3)), keras.Input((5, 3))
    read = layers.LSTM(4)
    narrow = layers.Dense(3, activation="tanh")
    y = layers.Concatenate()([narrow(read(a)), narrow(read(b))])
    model = start(keras.Model([a, b], layers.Dense(2)(y)))
    model.compile(keras.optimizers.Adam(0.05), "mse")
    x = [floats(7, N, 5, 3), floats(8, N, 5, 3)]
    return train_and_ask(model, x, SIZES, batch_size=6) | {
        "count": len(model.get_weights())
    }


@case("models/siamese")
def siamese(keras: Any) -> Arrays:
    layers = keras.layers
    encoder = keras.Sequential(
        [
            keras.Input((6, 6, 2)),
            layers.Conv2D(3, 3),
            layers.BatchNormalization(),
            layers.Flatten(),
            layers.Dense(3),
        ]
    )
    a, b = keras.Input((6, 6, 2)), keras.Input((6, 6, 2))
    y = layers.Subtract()([encoder(a), encoder(b)])
    model = start(keras.Model([a, b], layers.Dense(1, activation="sigmoid")(y)))
    model.compile(
        keras.optimizers.SGD(0.1), "binary_crossentropy", metrics=["accuracy"]
    )
    y = (LABELS > 0).astype("float32")[:, None]
    return train_and_ask(model, [B, B[::-1]], y, batch_size=6)


@case("models/nested")
def nested(keras: Any) -> Arrays:
    layers = keras.layers
    inner = keras.Sequential(
        [keras.Input((4,)), layers.Dense(3, activation="tanh"), layers.Dense(4)]
    )
    x = keras.Input((4,))
    block = keras.Model(x, layers.Add()([x, layers.BatchNormalization()(inner(x))]))
    model = keras.Sequential([keras.Input((4,)), block, layers.Dense(2)])
    start(model)
    model.compile(keras.optimizers.SGD(0.1), "mse")
    found = train_and_ask(model, A, SIZES, batch_size=6)
    return found | {"parameters": model.count_params(), "layers": len(model.layers)}


@case("models/frozen-layers")
def frozen(keras: Any) -> Arrays:
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(3, activation="tanh", trainable=False),
            layers.Dense(3),
            layers.BatchNormalization(),
            layers.Dense(2),
        ]
    )
    start(model)
    model.layers[1].trainable = False
    model.compile(keras.optimizers.AdamW(0.05), "mse")
    found = train(model, A, SIZES, batch_size=6)
    return found | {
        "trainable": len(model.trainable_weights),
        "fixed": len(model.non_trainable_weights),
        "order": [str(tuple(w.shape)) for w in model.weights],
    }


@case("models/residual-cnn")
def residual(keras: Any) -> Arrays:
    layers = keras.layers
    x = keras.Input((6, 6, 2))
    y = layers.Conv2D(3, 1, use_bias=False)(x)
    for _ in range(2):
        z = layers.Conv2D(3, 3, padding="same")(y)
        z = layers.BatchNormalization()(z)
        y = layers.Activation("relu")(layers.Add()([y, z]))
    y = layers.GlobalAveragePooling2D()(y)
    model = start(keras.Model(x, layers.Dense(3, activation="softmax")(y)))
    model.compile(
        keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return train_and_ask(model, B, LABELS, batch_size=6)


@case("models/unbuilt-sequential")
def unbuilt(keras: Any) -> Arrays:
    layers = keras.layers
    model = keras.Sequential([layers.Dense(3, activation="tanh"), layers.Dense(2)])
    model.build((None, 4))
    start(model)
    model.compile(keras.optimizers.SGD(0.1), "mse")
    return train_and_ask(model, A, SIZES, batch_size=6)


@case("models/add-and-pop")
def add_pop(keras: Any) -> Arrays:
    layers = keras.layers
    model = keras.Sequential()
    model.add(keras.Input((4,)))
    model.add(layers.Dense(3, activation="tanh"))
    model.add(layers.Dense(5))
    model.pop()
    model.add(layers.Dense(2))
    start(model)
    model.compile(keras.optimizers.SGD(0.1), "mse")
    return train_and_ask(model, A, SIZES, batch_size=6)


@case("models/part-of-a-trained-model")
def part(keras: Any) -> Arrays:
    layers = keras.layers
    x = keras.Input((4,))
    y = layers.Dense(3, activation="tanh", name="code")(x)
    model = start(keras.Model(x, layers.Dense(2)(y)))
    model.compile(keras.optimizers.SGD(0.1), "mse")
    found = train(model, A, SIZES, batch_size=6)
    encoder = keras.Model(model.input, model.get_layer("code").output)
    return found | {"code": encoder.predict(A, verbose=0)}


@case("models/clone")
def clone(keras: Any) -> Arrays:
    layers = keras.layers
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3), layers.Dense(2)])
    start(model)
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    copy.compile(keras.optimizers.SGD(0.1), "mse")
    found = train(copy, A, SIZES, batch_size=6)
    return found | {f"kept/{n}": w for n, w in enumerate(model.get_weights())}


@case("models/from-config")
def from_config(keras: Any) -> Arrays:
    model = two_by_two(keras)
    again = keras.Model.from_config(model.get_config())
    again.set_weights(model.get_weights())
    again.compile(keras.optimizers.SGD(0.1), ["sparse_categorical_crossentropy", "mse"])
    return train(again, [A, B], [LABELS, SIZES], batch_size=6)
