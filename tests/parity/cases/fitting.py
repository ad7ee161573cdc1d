"""What ``fit``, ``evaluate``, ``predict`` take: weights, splits, steps, data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from parity.recording import (
    Arrays,
    floats,
    integers,
    named,
    one_hot,
    start,
    train,
    train_and_ask,
    weights,
)
from parity.table import add, case

N = 21
X, LABELS = floats(1, N, 5), integers(2, 3, N)
Y = floats(3, N, 2)
WEIGHT = np.abs(floats(4, N)) + 0.05
VX, VLABELS = floats(5, 10, 5), integers(6, 3, 10)
CLASS_WEIGHT = {0: 0.5, 1: 2.0, 2: 1.0}


def classifier(keras: Any, loss: str = "sparse_categorical_crossentropy") -> Any:
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((5,)),
            layers.Dense(4, activation="tanh"),
            layers.Dense(3, activation="softmax"),
        ]
    )
    start(model)
    model.compile(
        keras.optimizers.Adam(0.05),
        loss,
        metrics=["accuracy"],
        weighted_metrics=["accuracy"],
    )
    return model


TABLE: dict[str, dict[str, Any]] = {
    "uneven-batches": {},
    "sample-weight": {"sample_weight": WEIGHT},
    "class-weight": {"class_weight": CLASS_WEIGHT},
    "validation-split": {"validation_split": 0.25},
    "validation-split-weights": {"validation_split": 0.3, "sample_weight": WEIGHT},
    "validation-data": {"validation_data": (VX, VLABELS)},
    "validation-data-weights": {
        "validation_data": (VX, VLABELS, np.arange(10, dtype="float32")),
        "validation_batch_size": 3,
    },
    "validation-freq": {
        "validation_data": (VX, VLABELS),
        "validation_freq": 2,
        "epochs": 5,
    },
    "validation-freq-list": {
        "validation_data": (VX, VLABELS),
        "validation_freq": [1, 4],
        "epochs": 4,
    },
    "validation-steps": {
        "validation_data": (VX, VLABELS),
        "validation_batch_size": 4,
        "validation_steps": 2,
    },
    "initial-epoch": {"initial_epoch": 2, "epochs": 4},
    "steps-per-epoch": {"steps_per_epoch": 2, "epochs": 3},
    "default-batch-size": {"batch_size": None},
}


def one(**fit: Any) -> Callable[[Any], Arrays]:
    def run(keras: Any) -> Arrays:
        return train(classifier(keras), X, LABELS, **{"batch_size": 8, **fit})

    return run


for name, fit in TABLE.items():
    add(f"fitting/{name}", one(**fit))


@case("fitting/class-weight-one-hot")
def class_weight_hot(keras: Any) -> Arrays:
    model = classifier(keras, "categorical_crossentropy")
    y = one_hot(LABELS, 3)
    return train(model, X, y, batch_size=8, class_weight=CLASS_WEIGHT)


@case("fitting/class-weight-column")
def class_weight_column(keras: Any) -> Arrays:
    model = classifier(keras)
    return train(model, X, LABELS[:, None], batch_size=8, class_weight={0: 3.0})


@case("fitting/evaluate-and-predict")
def ask(keras: Any) -> Arrays:
    model = classifier(keras)
    found = train_and_ask(model, X, LABELS, batch_size=8)
    again = model.evaluate(
        X, LABELS, sample_weight=WEIGHT, verbose=0, return_dict=True, batch_size=5
    )
    found |= {f"weighted/{k}": v for k, v in again.items()}
    return found | {
        "steps": model.evaluate(X, LABELS, batch_size=8, steps=2, verbose=0)
    }


@case("fitting/on-batch")
def on_batch(keras: Any) -> Arrays:
    model = classifier(keras)
    found: Arrays = {}
    for step in range(3):
        part = slice(step * 7, step * 7 + 7)
        got = model.train_on_batch(X[part], LABELS[part], sample_weight=WEIGHT[part])
        found[f"train/{step}"] = got
    kept = model.train_on_batch(X[:5], LABELS[:5], class_weight=CLASS_WEIGHT)
    found["train/class"] = kept
    named_ = model.train_on_batch(X[:5], LABELS[:5], return_dict=True)
    found |= {f"train/{k}": v for k, v in named_.items()}
    found["test/0"] = model.test_on_batch(X[:6], LABELS[:6])
    found["test/1"] = model.test_on_batch(X[6:9], LABELS[6:9], WEIGHT[6:9])
    model.reset_metrics()
    found["test/2"] = model.test_on_batch(X[6:9], LABELS[6:9])
    found["predict"] = model.predict_on_batch(X[:4])
    return found | weights(model)


def source(kind: str, keras: Any, weighted: bool) -> Any:
    def parts() -> Iterator[tuple[np.ndarray, ...]]:
        for begin in range(0, N, 8):
            part = slice(begin, begin + 8)
            row = (X[part], LABELS[part])
            yield (*row, WEIGHT[part]) if weighted else row

    def forever() -> Iterator[tuple[np.ndarray, ...]]:
        while True:
            yield from parts()

    class Rows(keras.utils.PyDataset):
        def __len__(self) -> int:
            return 3

        def __getitem__(self, index: int) -> tuple[np.ndarray, ...]:
            return list(parts())[index]

    return forever() if kind == "generator" else Rows()


def fed(kind: str, weighted: bool) -> Callable[[Any], Arrays]:
    def run(keras: Any) -> Arrays:
        model = classifier(keras)
        data = source(kind, keras, weighted)
        more: dict[str, Any] = {"validation_data": source(kind, keras, weighted)}
        if kind == "generator":
            # No second generator: how far Keras reads one ahead is up to tf.data.
            more = {"validation_data": (VX, VLABELS), "steps_per_epoch": 3}
        found = train(model, data, **more)
        steps = {"steps": 3} if kind == "generator" else {}
        asked = model.evaluate(source(kind, keras, weighted), verbose=0, **steps)
        return found | {"evaluate": asked}

    return run


for kind in ("generator", "py-dataset"):
    add(f"fitting/{kind}", fed(kind, False))
    add(f"fitting/{kind}-weights", fed(kind, True))


@case("fitting/generator-of-one-epoch")
def finite(keras: Any) -> Arrays:
    def parts() -> Iterator[tuple[np.ndarray, ...]]:
        for begin in range(0, N, 8):
            yield X[begin : begin + 8], LABELS[begin : begin + 8]

    return train(classifier(keras), parts(), epochs=1)


@case("fitting/predict-generator")
def predict_generator(keras: Any) -> Arrays:
    model = classifier(keras)
    rows = ((X[k : k + 4],) for k in range(0, N, 4))
    return {"predict": model.predict(rows, verbose=0)}


@case("fitting/kinds-of-numbers")
def kinds(keras: Any) -> Arrays:
    # float64 and integers are taken as float32, labels as what they are.
    model = classifier(keras)
    x = np.round(X * 3).astype("int64")
    found = train(model, x, LABELS.astype("float64"), batch_size=8)
    found |= train(model, X.astype("float64"), LABELS.astype("uint8"), batch_size=8)
    return found | {"predict": model.predict(X[:3].astype("float16"), verbose=0)}


@case("fitting/bits-of-booleans")
def booleans(keras: Any) -> Arrays:
    layers = keras.layers
    model = start(
        keras.Sequential([keras.Input((5,)), layers.Dense(1, activation="sigmoid")])
    )
    model.compile("sgd", "binary_crossentropy", metrics=["accuracy"])
    return train(model, X > 0, LABELS == 1, batch_size=8)


def two_inputs(keras: Any) -> Any:
    layers = keras.layers
    a, b = keras.Input((5,), name="a"), keras.Input((2,), name="b")
    y = layers.Concatenate()([layers.Dense(3, activation="tanh")(a), b])
    out = layers.Dense(3, activation="softmax", name="kind")(y)
    size = layers.Dense(2, name="size")(y)
    return start(keras.Model({"a": a, "b": b}, {"kind": out, "size": size}))


@case("fitting/dict-data")
def dict_data(keras: Any) -> Arrays:
    model = two_inputs(keras)
    model.compile(
        keras.optimizers.Adam(0.05),
        {"kind": "sparse_categorical_crossentropy", "size": "mse"},
        loss_weights={"kind": 0.7, "size": 0.2},
        metrics={"kind": "accuracy", "size": ["mae"]},
    )
    # The order of a dict must not matter.
    x, y = {"b": Y, "a": X}, {"size": Y, "kind": LABELS}
    return train_and_ask(model, x, y, batch_size=8, validation_split=0.2)


@case("fitting/dict-data-generator")
def dict_generator(keras: Any) -> Arrays:
    class Rows(keras.utils.PyDataset):
        def __len__(self) -> int:
            return 3

        def __getitem__(self, index: int) -> Any:
            part = slice(index * 8, index * 8 + 8)
            return {"b": Y[part], "a": X[part]}, {"size": Y[part], "kind": LABELS[part]}

    model = two_inputs(keras)
    model.compile(
        "rmsprop",
        {"kind": "sparse_categorical_crossentropy", "size": "mse"},
        weighted_metrics={"size": ["mae"]},
    )
    return train(model, Rows())


@case("fitting/sample-weight-steps")
def temporal(keras: Any) -> Arrays:
    layers = keras.layers
    model = start(
        keras.Sequential(
            [
                keras.Input((6, 3)),
                layers.SimpleRNN(4, return_sequences=True),
                layers.Dense(3, activation="softmax"),
            ]
        )
    )
    model.compile(
        "adam", "sparse_categorical_crossentropy", weighted_metrics=["accuracy"]
    )
    return train(
        model,
        floats(1, N, 6, 3),
        integers(2, 3, N, 6),
        sample_weight=np.abs(floats(3, N, 6)),
        batch_size=8,
    )


@case("fitting/no-loss-but-add-loss")
def activity_only(keras: Any) -> Arrays:
    # A model may be trained by what its layers add alone.
    layers = keras.layers
    x = keras.Input((5,))
    y = layers.ActivityRegularization(l1=0.05, l2=0.1)(layers.Dense(3)(x))
    model = start(keras.Model(x, y))
    model.compile(keras.optimizers.SGD(0.1))
    return train(model, X, batch_size=8)


@case("fitting/recompile")
def recompile(keras: Any) -> Arrays:
    model = classifier(keras)
    train(model, X, LABELS, batch_size=8)
    model.layers[0].trainable = False
    model.compile(keras.optimizers.SGD(0.3), "sparse_categorical_crossentropy")
    return train(model, X, LABELS, batch_size=8)


@case("fitting/fine-tuning")
def fine_tuning(keras: Any) -> Arrays:
    # The usual two phases: the head alone, then all of it at a small rate.
    layers = keras.layers
    base = start(
        keras.Sequential(
            [
                keras.Input((5,)),
                # A bias before batch statistics has no gradient but rounding, and
                # Adam divides it by its own size.
                layers.Dense(4, use_bias=False),
                layers.BatchNormalization(),
            ],
        )
    )
    base.trainable = False
    x = keras.Input((5,))
    y = layers.Dense(3, activation="softmax")(base(x, training=False))
    model = start(keras.Model(x, y), 3)
    model.compile("adam", "sparse_categorical_crossentropy")
    found = train(model, X, LABELS, batch_size=8)
    base.trainable = True
    model.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy")
    return {f"1/{k}": v for k, v in found.items()} | train(
        model, X, LABELS, batch_size=8
    )


@case("fitting/predict-many-outputs")
def predict_outputs(keras: Any) -> Arrays:
    model = two_inputs(keras)
    return named("predict", model.predict({"a": X, "b": Y}, batch_size=8, verbose=0))


@case("fitting/second-fit-goes-on")
def history_of_model(keras: Any) -> Arrays:
    model = classifier(keras)
    train(model, X, LABELS, batch_size=8, epochs=2)
    found = train(model, X, LABELS, batch_size=8, initial_epoch=2, epochs=5)
    return found | {"epochs": model.history.epoch}
