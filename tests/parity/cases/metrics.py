"""Every metric, through ``compile(metrics=[…])``: curves of training and validation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from parity.recording import Arrays, floats, integers, one_hot, start, train
from parity.table import add, case

N = 22
X = floats(1, N, 5)
WEIGHT = np.abs(floats(2, N)) + 0.1
SHARE = np.exp(floats(7, N, 3))
SHARE /= SHARE.sum(1, keepdims=True)
TARGETS = {
    "real": floats(3, N, 3),
    "positive": np.abs(floats(4, N, 3)) + 0.2,
    "bits": integers(5, 2, N, 3).astype("float32"),
    "bit": integers(5, 2, N, 1).astype("float32"),
    "hot": one_hot(integers(6, 3, N), 3),
    "labels": integers(6, 3, N),
    "share": SHARE,
}
# Keras fails on a weight per sample where a sample has many bits.
UNWEIGHTED = {"BinaryIoU"}
# Metric, its settings. All of one output are compiled together: one training.
Wanted = list[tuple[str, dict[str, Any]]]
TABLE: dict[str, tuple[str, str, str, Wanted]] = {
    "regression": (
        "linear",
        "mse",
        "real",
        [
            ("MeanSquaredError", {}),
            ("RootMeanSquaredError", {}),
            ("MeanAbsoluteError", {}),
            ("MeanAbsolutePercentageError", {}),
            ("LogCoshError", {}),
            ("CosineSimilarity", {}),
            ("CosineSimilarity", {"axis": 1, "name": "cosine_1"}),
            ("R2Score", {}),
            ("R2Score", {"class_aggregation": None, "name": "r2_each"}),
            (
                "R2Score",
                {
                    "class_aggregation": "variance_weighted_average",
                    "name": "r2_variance",
                },
            ),
            ("PearsonCorrelation", {}),
            ("ConcordanceCorrelation", {}),
        ],
    ),
    "positive": (
        "softplus",
        "mse",
        "positive",
        [("MeanSquaredLogarithmicError", {}), ("Poisson", {})],
    ),
    "share": ("softmax", "kl_divergence", "share", [("KLDivergence", {})]),
    "binary": (
        "sigmoid",
        "binary_crossentropy",
        "bits",
        [
            ("BinaryAccuracy", {}),
            ("BinaryAccuracy", {"threshold": 0.3, "name": "accuracy_3"}),
            ("BinaryCrossentropy", {"label_smoothing": 0.1}),
            ("BinaryIoU", {}),
            (
                "BinaryIoU",
                {"target_class_ids": [1], "threshold": 0.4, "name": "iou_1"},
            ),
            ("AUC", {}),
            ("AUC", {"curve": "PR", "name": "pr"}),
            ("AUC", {"summation_method": "minoring", "name": "minoring"}),
            ("AUC", {"thresholds": [0.2, 0.45, 0.7], "name": "by_hand"}),
            ("AUC", {"num_thresholds": 11, "multi_label": True, "name": "multi"}),
            ("Precision", {}),
            ("Precision", {"thresholds": 0.4, "name": "precision_4"}),
            ("Precision", {"class_id": 1, "name": "precision_class"}),
            ("Recall", {}),
            ("Recall", {"thresholds": [0.3, 0.6], "name": "recall_two"}),
            ("TruePositives", {}),
            ("TrueNegatives", {}),
            ("FalsePositives", {}),
            ("FalseNegatives", {"thresholds": 0.6}),
            ("PrecisionAtRecall", {"recall": 0.6}),
            ("RecallAtPrecision", {"precision": 0.5}),
            ("SensitivityAtSpecificity", {"specificity": 0.5}),
            ("SpecificityAtSensitivity", {"sensitivity": 0.5, "num_thresholds": 20}),
            ("F1Score", {"threshold": 0.5}),
            ("FBetaScore", {"beta": 2.0, "average": "micro", "threshold": 0.4}),
            ("Hinge", {}),
            ("SquaredHinge", {}),
        ],
    ),
    "categorical": (
        "softmax",
        "categorical_crossentropy",
        "hot",
        [
            ("CategoricalAccuracy", {}),
            ("TopKCategoricalAccuracy", {"k": 2}),
            ("CategoricalCrossentropy", {"label_smoothing": 0.1}),
            ("CategoricalHinge", {}),
            ("F1Score", {"average": "macro"}),
            ("FBetaScore", {"beta": 0.5, "average": "weighted"}),
            ("OneHotIoU", {"num_classes": 3, "target_class_ids": [0, 2]}),
            ("OneHotMeanIoU", {"num_classes": 3}),
            ("Precision", {"top_k": 1, "name": "precision_top"}),
            ("Recall", {"top_k": 2, "class_id": 1, "name": "recall_top"}),
            ("AUC", {}),
        ],
    ),
    "sparse": (
        "softmax",
        "sparse_categorical_crossentropy",
        "labels",
        [
            ("SparseCategoricalAccuracy", {}),
            ("SparseTopKCategoricalAccuracy", {"k": 2}),
            ("SparseCategoricalCrossentropy", {}),
            (
                "SparseCategoricalCrossentropy",
                {"ignore_class": 1, "name": "ignoring"},
            ),
            ("MeanIoU", {"num_classes": 3, "sparse_y_pred": False}),
            (
                "IoU",
                {
                    "num_classes": 3,
                    "target_class_ids": [0, 1],
                    "sparse_y_pred": False,
                },
            ),
        ],
    ),
}


def model_for(keras: Any, end: str, width: int = 3) -> Any:
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((5,)),
            layers.Dense(4, activation="tanh"),
            layers.Dense(width, activation=end),
        ]
    )
    return start(model)


def objects(row: str, weighted: bool) -> Callable[[Any], Arrays]:
    end, loss, target, wanted = TABLE[row]

    def run(keras: Any) -> Arrays:
        model = model_for(keras, end)
        made = [
            getattr(keras.metrics, kind)(**config)
            for kind, config in wanted
            if not (weighted and kind in UNWEIGHTED)
        ]
        model.compile(
            keras.optimizers.SGD(0.1),
            loss,
            **{"weighted_metrics" if weighted else "metrics": made},
        )
        y = TARGETS[target]
        more: dict[str, Any] = {"validation_data": (X[::-1], y)}
        if weighted:
            more = {
                "sample_weight": WEIGHT,
                "validation_data": (X[::-1], y, WEIGHT[::-1]),
            }
        return train(model, X, y, batch_size=8, **more)

    return run


for name in TABLE:
    add(f"metrics/objects/{name}", objects(name, False))
    add(f"metrics/weighted/{name}", objects(name, True))

STRINGS: dict[str, tuple[str, str, str, list[str]]] = {
    "regression": (
        "linear",
        "mse",
        "real",
        "mse MAE mape root_mean_squared_error RootMeanSquaredError "
        "cosine_similarity r2_score".split(),
    ),
    "accuracy-bits": ("sigmoid", "binary_crossentropy", "bits", ["accuracy", "AUC"]),
    "accuracy-hot": (
        "softmax",
        "categorical_crossentropy",
        "hot",
        ["acc", "CategoricalCrossentropy"],
    ),
    "accuracy-labels": (
        "softmax",
        "sparse_categorical_crossentropy",
        "labels",
        [
            "accuracy",
            "sparse_categorical_crossentropy",
            "sparse_top_k_categorical_accuracy",
        ],
    ),
    "bits": (
        "sigmoid",
        "binary_crossentropy",
        "bits",
        ["binary_accuracy", "Precision", "Recall", "bce", "hinge", "TruePositives"],
    ),
    "hot": (
        "softmax",
        "categorical_crossentropy",
        "hot",
        "categorical_accuracy kl_divergence top_k_categorical_accuracy F1Score "
        "poisson".split(),
    ),
}


def strings(row: str) -> Callable[[Any], Arrays]:
    end, loss, target, wanted = STRINGS[row]

    def run(keras: Any) -> Arrays:
        model = model_for(keras, end)
        model.compile(keras.optimizers.SGD(0.1), loss, metrics=wanted)
        y = TARGETS[target]
        return train(model, X, y, batch_size=8, validation_split=0.3)

    return run


for name in STRINGS:
    add(f"metrics/strings/{name}", strings(name))


@case("metrics/accuracy-one-bit")
def one_bit(keras: Any) -> Arrays:
    model = model_for(keras, "sigmoid", 1)
    model.compile(
        keras.optimizers.SGD(0.1),
        "binary_crossentropy",
        metrics=["accuracy", "AUC"],
        weighted_metrics=["accuracy"],
    )
    y = TARGETS["bit"]
    return train(model, X, y, batch_size=8, sample_weight=WEIGHT)


@case("metrics/counts-at-two-thresholds")
def counts(keras: Any) -> Arrays:
    # Without validation: what Keras 3.15 keeps in the history is the variable itself,
    # and validation writes over it.
    model = model_for(keras, "sigmoid")
    names = "TruePositives TrueNegatives FalsePositives FalseNegatives".split()
    made = [getattr(keras.metrics, n)(thresholds=[0.3, 0.6]) for n in names]
    model.compile(keras.optimizers.SGD(0.1), "binary_crossentropy", metrics=made)
    return train(model, X, TARGETS["bits"], batch_size=8, epochs=1)


@case("metrics/function")
def function(keras: Any) -> Arrays:
    def largest(y_true: Any, y_pred: Any) -> Any:
        return (y_true - y_pred) ** 2

    model = model_for(keras, "linear")
    model.compile(
        keras.optimizers.SGD(0.1),
        "mse",
        metrics=[largest, keras.metrics.mean_absolute_error],
        weighted_metrics=[largest],
    )
    return train(model, X, TARGETS["real"], batch_size=8, sample_weight=WEIGHT)


@case("metrics/own-mean-metric-wrapper")
def wrapper(keras: Any) -> Arrays:
    def cubed(y_true: Any, y_pred: Any, factor: float) -> Any:
        return factor * (y_true - y_pred) ** 3

    model = model_for(keras, "linear")
    made = keras.metrics.MeanMetricWrapper(cubed, name="cubed", factor=2.0)
    model.compile(keras.optimizers.SGD(0.1), "mse", metrics=[made])
    return train(model, X, TARGETS["real"], batch_size=8)


@case("metrics/loss-object-as-metric")
def loss_object(keras: Any) -> Arrays:
    model = model_for(keras, "linear")
    model.compile(
        keras.optimizers.SGD(0.1), "mse", metrics=[keras.losses.Huber(delta=0.3)]
    )
    return train(model, X, TARGETS["real"], batch_size=8)


def two_headed(keras: Any) -> Any:
    layers = keras.layers
    x = keras.Input((5,))
    y = layers.Dense(4, activation="tanh")(x)
    a = layers.Dense(3, activation="softmax", name="kind")(y)
    b = layers.Dense(1, name="size")(y)
    return start(keras.Model(x, {"kind": a, "size": b}))


@case("metrics/dict-per-output")
def per_output(keras: Any) -> Arrays:
    model = two_headed(keras)
    model.compile(
        keras.optimizers.SGD(0.1),
        {"kind": "sparse_categorical_crossentropy", "size": "mse"},
        metrics={"kind": ["accuracy", "sparse_categorical_crossentropy"]},
        weighted_metrics={"size": keras.metrics.MeanAbsoluteError()},
    )
    target = {"kind": TARGETS["labels"], "size": TARGETS["real"][:, :1]}
    return train(
        model,
        X,
        target,
        batch_size=8,
        sample_weight={"kind": WEIGHT, "size": WEIGHT[::-1]},
        validation_data=(X[:9], {k: v[:9] for k, v in target.items()}),
    )


@case("metrics/list-per-output")
def list_output(keras: Any) -> Arrays:
    layers = keras.layers
    x = keras.Input((5,))
    a = layers.Dense(3, activation="softmax", name="a")(x)
    b = layers.Dense(1, name="b")(x)
    model = start(keras.Model(x, [a, b]))
    model.compile(
        keras.optimizers.SGD(0.1),
        ["categorical_crossentropy", "mae"],
        metrics=[["accuracy"], ["mse", keras.metrics.RootMeanSquaredError()]],
    )
    y = [TARGETS["hot"], TARGETS["real"][:, :1]]
    found = train(model, X, y, batch_size=8)
    asked = model.evaluate(X, y, verbose=0, return_dict=True)
    return found | {f"evaluate/{k}": v for k, v in asked.items()}


@case("metrics/evaluate-keeps-order")
def order(keras: Any) -> Arrays:
    model = model_for(keras, "sigmoid")
    model.compile(
        keras.optimizers.SGD(0.1),
        "binary_crossentropy",
        metrics=["accuracy", keras.metrics.AUC(), keras.metrics.Precision()],
        weighted_metrics=["mse"],
    )
    y = TARGETS["bits"]
    found = model.evaluate(X, y, batch_size=8, sample_weight=WEIGHT, verbose=0)
    return {"evaluate": found, "names": model.metrics_names}


@case("metrics/by-hand")
def by_hand(keras: Any) -> Arrays:
    metrics = keras.metrics
    mean, total = metrics.Mean(), metrics.Sum()
    for value, weight in ((1.0, 0.5), ([2.0, 3.0], [1.0, 0.25]), ([[4.0]], None)):
        mean.update_state(value, sample_weight=weight)
        total.update_state(value, sample_weight=weight)
    same = metrics.Accuracy()
    same.update_state([[1], [2], [3]], [[1], [0], [3]], sample_weight=[1, 1, 2])
    found = {
        "mean": float(mean.result()),
        "sum": float(total.result()),
        "accuracy": float(same.result()),
    }
    mean.reset_state()
    return found | {"reset": float(mean.result())}


@case("metrics/own-class")
def own_class(keras: Any) -> Arrays:
    class Seen(keras.metrics.Metric):
        """How many numbers it saw, and their mean of squares."""

        def __init__(self, name: str = "seen", **kwargs: Any) -> None:
            super().__init__(name=name, **kwargs)
            self.total = self.add_weight(name="total", initializer="zeros")
            self.inner = keras.metrics.Mean(name="inner")

        def update_state(
            self, y_true: Any, y_pred: Any, sample_weight: Any = None
        ) -> None:
            self.inner.update_state((y_true - y_pred) ** 2)
            self.total.assign(self.total + 1.0)

        def result(self) -> Any:
            return self.inner.result() + self.total

        def reset_state(self) -> None:
            self.total.assign(0.0)
            self.inner.reset_state()

    model = model_for(keras, "linear")
    model.compile(keras.optimizers.SGD(0.1), "mse", metrics=[Seen()])
    y = TARGETS["real"]
    return train(model, X, y, batch_size=8, validation_data=(X[:9], y[:9]))
