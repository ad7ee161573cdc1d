"""Every loss of ``keras.losses``, trained with and without sample weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from parity.recording import Arrays, floats, integers, one_hot, start, train
from parity.table import add, case

N = 14
X = floats(1, N, 5)
WEIGHT = np.abs(floats(2, N)) + 0.1
TARGETS = {
    "real": floats(3, N, 3),
    "positive": np.abs(floats(4, N, 3)) + 0.2,
    "bits": integers(5, 2, N, 3).astype("float32"),
    "signs": integers(5, 2, N, 3).astype("float32") * 2 - 1,
    "hot": one_hot(integers(6, 3, N), 3),
    "labels": integers(6, 3, N),
    "share": np.exp(floats(7, N, 3)) / np.exp(floats(7, N, 3)).sum(1, keepdims=True),
}
# What ends the model, by what the loss asks of its input.
Row = tuple[str, dict[str, Any], str, str]
LOSSES: dict[str, Row] = {
    "mse": ("MeanSquaredError", {}, "linear", "real"),
    "mae": ("MeanAbsoluteError", {}, "linear", "real"),
    "mape": ("MeanAbsolutePercentageError", {}, "linear", "positive"),
    "msle": ("MeanSquaredLogarithmicError", {}, "softplus", "positive"),
    "huber": ("Huber", {"delta": 0.5}, "linear", "real"),
    "log-cosh": ("LogCosh", {}, "linear", "real"),
    "cosine": ("CosineSimilarity", {}, "linear", "real"),
    "poisson": ("Poisson", {}, "softplus", "positive"),
    "kld": ("KLDivergence", {}, "softmax", "share"),
    "hinge": ("Hinge", {}, "tanh", "signs"),
    "hinge-bits": ("Hinge", {}, "tanh", "bits"),
    "squared-hinge": ("SquaredHinge", {}, "tanh", "signs"),
    "categorical-hinge": ("CategoricalHinge", {}, "softmax", "hot"),
    "bce": ("BinaryCrossentropy", {}, "sigmoid", "bits"),
    "bce-logits": (
        "BinaryCrossentropy",
        {"from_logits": True, "label_smoothing": 0.1},
        "linear",
        "bits",
    ),
    "bce-hard-sigmoid": ("BinaryCrossentropy", {}, "hard_sigmoid", "bits"),
    "focal": (
        "BinaryFocalCrossentropy",
        {"apply_class_balancing": True},
        "sigmoid",
        "bits",
    ),
    "focal-logits": (
        "BinaryFocalCrossentropy",
        {"from_logits": True, "gamma": 1.5, "label_smoothing": 0.1},
        "linear",
        "bits",
    ),
    "cce": ("CategoricalCrossentropy", {}, "softmax", "hot"),
    "cce-smooth": (
        "CategoricalCrossentropy",
        {"label_smoothing": 0.2},
        "softmax",
        "hot",
    ),
    "cce-logits": ("CategoricalCrossentropy", {"from_logits": True}, "linear", "hot"),
    "cce-unnormalised": ("CategoricalCrossentropy", {}, "softplus", "share"),
    "cce-focal": ("CategoricalFocalCrossentropy", {}, "softmax", "hot"),
    "cce-focal-logits": (
        "CategoricalFocalCrossentropy",
        {"from_logits": True, "alpha": 0.4, "label_smoothing": 0.1},
        "linear",
        "hot",
    ),
    "generalized": ("CategoricalGeneralizedCrossEntropy", {}, "softmax", "labels"),
    "scce": ("SparseCategoricalCrossentropy", {}, "softmax", "labels"),
    "scce-logits": (
        "SparseCategoricalCrossentropy",
        {"from_logits": True},
        "linear",
        "labels",
    ),
    "scce-ignore": (
        "SparseCategoricalCrossentropy",
        {"ignore_class": 1},
        "softmax",
        "labels",
    ),
    "dice": ("Dice", {}, "sigmoid", "bits"),
    "dice-axis": ("Dice", {"axis": (1,)}, "sigmoid", "bits"),
    "tversky": ("Tversky", {"alpha": 0.3, "beta": 0.7}, "sigmoid", "bits"),
    "tversky-axis": ("Tversky", {"axis": (1,)}, "sigmoid", "bits"),
}
# One number for the whole batch: Keras cannot weigh that by sample.
WHOLE = {"dice", "tversky"}


def model_for(keras: Any, end: str) -> Any:
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((5,)),
            layers.Dense(4, activation="tanh"),
            layers.Dense(3, activation=end),
        ]
    )
    return start(model)


def one(row: Row, **fit: Any) -> Callable[[Any], Arrays]:
    kind, config, end, target = row

    def run(keras: Any) -> Arrays:
        model = model_for(keras, end)
        made = getattr(keras.losses, kind)(**config)
        model.compile(keras.optimizers.SGD(0.1), made)
        return train(model, X, TARGETS[target], batch_size=6, **fit)

    return run


for name, row in LOSSES.items():
    add(f"losses/{name}/plain", one(row))
    if name not in WHOLE:
        add(f"losses/{name}/weighted", one(row, sample_weight=WEIGHT))


def circle(**fit: Any) -> Callable[[Any], Arrays]:
    def run(keras: Any) -> Arrays:
        layers = keras.layers
        model = keras.Sequential(
            [keras.Input((5,)), layers.Dense(4), layers.UnitNormalization()]
        )
        start(model)
        made = keras.losses.Circle(gamma=8.0, margin=0.3)
        model.compile(keras.optimizers.SGD(0.05), made)
        return train(model, X, TARGETS["labels"], batch_size=7, **fit)

    return run


add("losses/circle/plain", circle())
add("losses/circle/weighted", circle(sample_weight=WEIGHT))


def ctc(**fit: Any) -> Callable[[Any], Arrays]:
    def run(keras: Any) -> Arrays:
        layers = keras.layers
        model = start(
            keras.Sequential(
                [
                    keras.Input((8, 3)),
                    layers.Dense(4, activation="tanh"),
                    layers.Dense(5),
                ]
            )
        )
        model.compile(keras.optimizers.SGD(0.05), keras.losses.CTC())
        target = integers(9, 4, N, 3) + 1
        target[::3, 2] = 0
        return train(model, floats(8, N, 8, 3), target, batch_size=6, **fit)

    return run


add("losses/ctc/plain", ctc())
add("losses/ctc/weighted", ctc(sample_weight=WEIGHT))

REDUCTIONS = ("sum", "sum_over_batch_size", "mean", "mean_with_sample_weight")


def reduction(how: str) -> Callable[[Any], Arrays]:
    def run(keras: Any) -> Arrays:
        model = model_for(keras, "linear")
        made = keras.losses.MeanSquaredError(reduction=how)
        model.compile(keras.optimizers.SGD(0.02), made)
        target = TARGETS["real"]
        return train(model, X, target, batch_size=6, sample_weight=WEIGHT)

    return run


for how in REDUCTIONS:
    add(f"losses/reduction/{how}", reduction(how))

STRINGS: dict[str, tuple[str, str]] = {
    "mse": ("linear", "real"),
    "MAE": ("linear", "real"),
    "mean_squared_logarithmic_error": ("softplus", "positive"),
    "binary_crossentropy": ("sigmoid", "bits"),
    "categorical_crossentropy": ("softmax", "hot"),
    "sparse_categorical_crossentropy": ("softmax", "labels"),
    "CategoricalCrossentropy": ("softmax", "hot"),
    "huber": ("linear", "real"),
    "log_cosh": ("linear", "real"),
    "kl_divergence": ("softmax", "share"),
    "cosine_similarity": ("linear", "real"),
    "poisson": ("softplus", "positive"),
    "hinge": ("tanh", "bits"),
    "binary_focal_crossentropy": ("sigmoid", "bits"),
}


def by_string(name: str, end: str, target: str) -> Callable[[Any], Arrays]:
    def run(keras: Any) -> Arrays:
        model = model_for(keras, end)
        model.compile(keras.optimizers.SGD(0.1), name)
        return train(model, X, TARGETS[target], batch_size=6)

    return run


for name, (end, target) in STRINGS.items():
    add(f"losses/by-string/{name}", by_string(name, end, target))


def mean_of_three(values: Any) -> Any:
    """The mean over the last axis, by operators that every tensor has."""
    return (values[:, 0] + values[:, 1] + values[:, 2]) / 3.0


@case("losses/own-function")
def own_function(keras: Any) -> Arrays:
    def half(y_true: Any, y_pred: Any) -> Any:
        return mean_of_three((y_true - y_pred) ** 2) * 0.5

    model = model_for(keras, "linear")
    model.compile(keras.optimizers.SGD(0.1), half)
    return train(model, X, TARGETS["real"], batch_size=6, sample_weight=WEIGHT)


@case("losses/own-class")
def own_class(keras: Any) -> Arrays:
    class Fourth(keras.losses.Loss):
        def call(self, y_true: Any, y_pred: Any) -> Any:
            return mean_of_three((y_true - y_pred) ** 4)

    model = model_for(keras, "linear")
    model.compile(keras.optimizers.SGD(0.01), Fourth(name="fourth"))
    return train(model, X, TARGETS["real"], batch_size=6, sample_weight=WEIGHT)


@case("losses/saturated-logits")
def saturated(keras: Any) -> Arrays:
    # Keras goes back to the logits behind a softmax: no probability is clipped.
    model = model_for(keras, "softmax")
    model.compile(keras.optimizers.SGD(0.01), "sparse_categorical_crossentropy")
    return train(model, X * 60, TARGETS["labels"], batch_size=6)


@case("losses/saturated-sigmoid-layer")
def saturated_layer(keras: Any) -> Arrays:
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((5,)), layers.Dense(3), layers.Activation("sigmoid")]
    )
    start(model)
    model.compile(keras.optimizers.SGD(0.01), "binary_crossentropy")
    return train(model, X * 60, TARGETS["bits"], batch_size=6)


@case("losses/targets-of-other-rank")
def squeezed(keras: Any) -> Arrays:
    layers = keras.layers
    model = keras.Sequential([keras.Input((5,)), layers.Dense(1)])
    start(model)
    model.compile(keras.optimizers.SGD(0.1), "mse", metrics=["mae"])
    return train(model, X, TARGETS["real"][:, 0], batch_size=6)


@case("losses/labels-as-column")
def labels_column(keras: Any) -> Arrays:
    model = model_for(keras, "softmax")
    model.compile(
        keras.optimizers.SGD(0.1),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return train(model, X, TARGETS["labels"][:, None], batch_size=6)


@case("losses/images")
def images(keras: Any) -> Arrays:
    # The loss sees images as Keras has them: channels last.
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((5, 4, 2)),
            layers.Conv2D(3, 3, padding="same", activation="softmax"),
        ]
    )
    start(model)
    model.compile(
        keras.optimizers.SGD(0.1),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    weight = np.abs(floats(12, 9, 5, 4))
    return train(
        model,
        floats(10, 9, 5, 4, 2),
        integers(11, 3, 9, 5, 4),
        batch_size=4,
        sample_weight=weight,
    )
