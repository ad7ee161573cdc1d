"""Losses and metrics against Keras 3 and tf_keras, on the same numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from keras2torch.training import losses, metrics
from keras2torch.training.compile_config import Version, named
from keras2torch.training.objectives import (
    Output,
    accuracy_of,
    is_sparse,
    loss_text,
    metric_text,
)
from keras2torch.training.text import NoRule
from tests.training.asking import ask

pytestmark = pytest.mark.needs_keras
RNG = np.random.default_rng(3)


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


LOGITS = RNG.normal(size=(12, 5)) * 3
PROBABILITIES = softmax(LOGITS)
# What Keras clips: certain, wrong, and not summing to 1.
PROBABILITIES[0] = [1.0, 0.0, 0.0, 0.0, 0.0]
PROBABILITIES[1] = [0.5, 0.5, 0.5, 0.5, 0.5]
CLASSES = RNG.integers(0, 5, 12)
CLASSES[0] = 3
ONE_HOT = np.eye(5)[CLASSES]
REAL = RNG.normal(size=(12, 5)) * 4
REAL[2, 3] = 0.0
OTHER = RNG.normal(size=(12, 5)) * 4
COUNTS = RNG.poisson(3.0, size=(12, 5)).astype(float)
POSITIVE = np.abs(OTHER) + 0.01
BITS = RNG.integers(0, 2, size=(12, 5)).astype(float)
UNIT = RNG.uniform(size=(12, 5))
UNIT[0, 0], UNIT[0, 1], UNIT[1, 0] = 0.0, 1.0, 0.5
SEQUENCE = softmax(RNG.normal(size=(12, 7, 5)))
STEPS = RNG.integers(0, 5, (12, 7))


def o(kind: str, **config: Any) -> dict[str, Any]:
    """Keras 3's form of a serialized object."""
    return {
        "module": "keras.losses",
        "class_name": kind,
        "config": config,
        "registered_name": None,
    }


SPARSE = "sparse_categorical_crossentropy"
LOSSES: list[tuple[Any, np.ndarray, np.ndarray]] = [
    ("mse", REAL, OTHER),
    ("MSE", REAL, OTHER),
    ("mean_squared_error", REAL, OTHER),
    ("MeanSquaredError", REAL, OTHER),
    (o("MeanSquaredError", reduction="sum"), REAL, OTHER),
    (o("MeanSquaredError", name="mean_squared_error"), REAL, OTHER),
    ("mae", REAL, OTHER),
    ("mean_absolute_error", REAL, OTHER),
    ("mape", REAL, OTHER),
    ("msle", np.abs(REAL), OTHER),
    ("binary_crossentropy", BITS, UNIT),
    (o("BinaryCrossentropy", label_smoothing=0.2), BITS, UNIT),
    (o("BinaryCrossentropy", from_logits=True), BITS, LOGITS),
    ("categorical_crossentropy", ONE_HOT, PROBABILITIES),
    (o("CategoricalCrossentropy", label_smoothing=0.1), ONE_HOT, PROBABILITIES),
    (o("CategoricalCrossentropy", from_logits=True), ONE_HOT, LOGITS),
    (
        o("CategoricalCrossentropy", from_logits=True, label_smoothing=0.3),
        ONE_HOT,
        LOGITS,
    ),
    ("sparse_categorical_crossentropy", CLASSES, PROBABILITIES),
    ("sparse_categorical_crossentropy", CLASSES[:, None], PROBABILITIES),
    (o("SparseCategoricalCrossentropy", from_logits=True), CLASSES, LOGITS),
    ("sparse_categorical_crossentropy", STEPS, SEQUENCE),
    ("hinge", BITS, REAL),
    ("hinge", 2 * BITS - 1, REAL),
    ("squared_hinge", BITS, REAL),
    ("categorical_hinge", ONE_HOT, REAL),
    ("huber", REAL, OTHER),
    (o("Huber", delta=2.5), REAL, OTHER),
    ("log_cosh", REAL, OTHER),
    ("kl_divergence", ONE_HOT, PROBABILITIES),
    ("KLD", PROBABILITIES, softmax(OTHER)),
    ("poisson", COUNTS, POSITIVE),
    ("cosine_similarity", REAL, OTHER),
    ("CosineSimilarity", REAL, OTHER),
]


def k2(kind: str, **config: Any) -> dict[str, Any]:
    """Keras 2's form."""
    return {"class_name": kind, "config": config}


# What tf.keras 2 calls otherwise.
LOSSES_2: list[tuple[Any, np.ndarray, np.ndarray]] = [
    ("logcosh", REAL, OTHER),
    ("kullback_leibler_divergence", PROBABILITIES, softmax(OTHER)),
    (k2("MeanSquaredError", reduction="auto", name="x"), REAL, OTHER),
    (k2("BinaryCrossentropy", reduction="auto", from_logits=True), BITS, LOGITS),
    (k2("Huber", delta=0.5, reduction="sum_over_batch_size"), REAL, OTHER),
]

METRICS: list[tuple[Any, np.ndarray, np.ndarray]] = [
    ("binary_accuracy", BITS, UNIT),
    (o("BinaryAccuracy", threshold=0.3), BITS, UNIT),
    ("categorical_accuracy", ONE_HOT, PROBABILITIES),
    ("sparse_categorical_accuracy", CLASSES, LOGITS),
    ("sparse_categorical_accuracy", STEPS, SEQUENCE),
    (o("TopKCategoricalAccuracy", k=2), ONE_HOT, LOGITS),
    (o("SparseTopKCategoricalAccuracy", k=3), CLASSES, LOGITS),
    ("mse", REAL, OTHER),
    ("mean_absolute_error", REAL, OTHER),
    ("mape", REAL, OTHER),
    ("msle", np.abs(REAL), OTHER),
    ("binary_crossentropy", BITS, UNIT),
    ("categorical_crossentropy", ONE_HOT, PROBABILITIES),
    ("hinge", BITS, REAL),
    ("poisson", COUNTS, POSITIVE),
    ("kl_divergence", PROBABILITIES, softmax(OTHER)),
    (o("CosineSimilarity"), REAL, OTHER),
    (o("RootMeanSquaredError"), REAL, OTHER),
    (o("Precision"), BITS[:, :1], UNIT[:, :1]),
    (o("Precision", thresholds=0.7), BITS, UNIT),
    (o("Recall"), BITS, UNIT),
    (o("AUC"), BITS[:, :1], UNIT[:, :1]),
    (o("AUC", num_thresholds=20), BITS, UNIT),
    (o("Accuracy", name="accuracy"), BITS, np.roll(BITS, 1)),
]


def job(do: str, row: tuple[Any, np.ndarray, np.ndarray]) -> dict[str, Any]:
    config, y_true, y_pred = row
    whole = y_true.dtype.kind in "iu"
    return {
        "do": do,
        "config": config,
        "t": y_true.tolist(),
        "p": y_pred.tolist(),
        "t_dtype": "int64" if whole else "float32",
        "batch": 5,
    }


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> list[float]:
    jobs = [job("loss", row) for row in LOSSES]
    jobs += [{**job("loss", row), "keras": "tf_keras"} for row in LOSSES_2]
    jobs += [job("metric", row) for row in METRICS]
    folder: Path = tmp_path_factory.mktemp("objectives")
    return [float(found["value"]) for found in ask(jobs, folder)]


def tensors(row: tuple[Any, np.ndarray, np.ndarray]) -> dict[str, torch.Tensor]:
    _, y_true, y_pred = row
    whole = y_true.dtype.kind in "iu"
    true = torch.tensor(y_true, dtype=torch.int64 if whole else torch.float32)
    return {"y": true, "p": torch.tensor(y_pred, dtype=torch.float32)}


def ids(rows: list[tuple[Any, np.ndarray, np.ndarray]]) -> list[str]:
    return [
        c if isinstance(c, str) else c["class_name"] + str(sorted(c["config"].items()))
        for c, _, _ in rows
    ]


def computed_loss(row: tuple[Any, np.ndarray, np.ndarray], version: str) -> float:
    made = named(row[0])
    assert made is not None
    output = Output("out", row[2].shape)
    text = loss_text(made, output, Version.parse(version), "y", "p").text
    return float(eval(text, {**vars(losses), **tensors(row)}))


@pytest.mark.parametrize("n", range(len(LOSSES)), ids=ids(LOSSES))
def test_loss_of_keras_3(n: int, expected: list[float]) -> None:
    value = computed_loss(LOSSES[n], "3.15.0")
    assert value == pytest.approx(expected[n], rel=1e-5)


@pytest.mark.parametrize("n", range(len(LOSSES_2)), ids=ids(LOSSES_2))
def test_loss_of_keras_2(n: int, expected: list[float]) -> None:
    value = computed_loss(LOSSES_2[n], "2.15.0")
    assert value == pytest.approx(expected[len(LOSSES) + n], rel=1e-5)


@pytest.mark.parametrize("n", range(len(METRICS)), ids=ids(METRICS))
def test_metric_is_a_mean_over_samples(n: int, expected: list[float]) -> None:
    row = METRICS[n]
    made = named(row[0])
    assert made is not None
    output = Output("out", row[2].shape)
    loss = named(
        "sparse_categorical_crossentropy" if row[1].ndim != row[2].ndim else "mse"
    )
    text = metric_text(made, loss, output, Version.parse("3.15.0")).text
    metric = eval(text, {**vars(losses), **vars(metrics)})
    given = tensors(row)
    # Batches of 5, 5 and 2: a mean of their means would be another number.
    for y, p in zip(given["y"].split(5), given["p"].split(5), strict=True):
        metric.update(y, p)
    assert metric.result() == pytest.approx(
        expected[len(LOSSES) + len(LOSSES_2) + n], rel=1e-5, abs=1e-7
    )


def test_channels_first_outputs_are_reduced_along_keras_last_axis() -> None:
    image = torch.softmax(torch.tensor(RNG.normal(size=(2, 3, 4, 4))), 1).float()
    classes = torch.tensor(RNG.integers(0, 3, (2, 4, 4)))
    for config in ("sparse_categorical_crossentropy", "categorical_crossentropy"):
        made = named(config)
        assert made is not None
        y = classes
        if not is_sparse(made):
            y = torch.eye(3)[classes].permute(0, 3, 1, 2)
        output = Output("out", (None, 4, 4, 3), 1)
        text = loss_text(made, output, Version(), "y", "p").text
        assert "dim=1" in text
        value = eval(text, {**vars(losses), "y": y, "p": image})
        right = image.gather(1, classes.unsqueeze(1)).log().neg().mean()
        assert float(value) == pytest.approx(float(right), rel=1e-5)


def test_targets_without_the_last_axis_do_not_broadcast() -> None:
    y, p = torch.randn(8), torch.randn(8, 1)
    value = losses.mean_squared_error(y, p).mean()
    assert float(value) == pytest.approx(float((y - p[:, 0]).square().mean()))
    with pytest.raises(ValueError, match="differ"):
        losses.mean_squared_error(torch.randn(8, 2), torch.randn(8, 3))


@pytest.mark.parametrize(
    ("loss", "shape", "version", "accuracy"),
    [
        ("mse", (None, 1), "3.9.2", "binary_accuracy"),
        ("binary_crossentropy", (None, 4), "3.9.2", "categorical_accuracy"),
        ("binary_crossentropy", (None, 4), "2.3.1", "binary_accuracy"),
        ("binary_crossentropy", (None, 4), "2.2.4-tf", "binary_accuracy"),
        ("binary_crossentropy", (None, 4), "2.3.0-tf", "categorical_accuracy"),
        ("binary_crossentropy", (None, 4), "2.4.0", "categorical_accuracy"),
        (
            "sparse_categorical_crossentropy",
            (None, 4),
            "2.4.0",
            "sparse_categorical_accuracy",
        ),
        ("mse", (None, 4), "3.9.2", "categorical_accuracy"),
    ],
)
def test_what_accuracy_means(
    loss: str, shape: tuple[int | None, ...], version: str, accuracy: str
) -> None:
    output = Output("out", shape)
    assert accuracy_of(named(loss), output, Version.parse(version)) == accuracy


@pytest.mark.parametrize(
    ("function", "name", "loss", "used"),
    [
        ("categorical_accuracy", "accuracy", SPARSE, "sparse_categorical_accuracy"),
        ("categorical_accuracy", "acc", SPARSE, "sparse_categorical_accuracy"),
        ("categorical_crossentropy", "crossentropy", SPARSE, SPARSE),
        ("categorical_accuracy", "accuracy", "mse", "categorical_accuracy"),
        ("binary_accuracy", "accuracy", "mse", "binary_accuracy"),
        ("mean_absolute_error", "accuracy", SPARSE, "mean_absolute_error"),
        ("accuracy", "accuracy", "mse", "accuracy"),
    ],
)
def test_a_wrapper_is_its_function_or_the_word_it_stands_for(
    function: str, name: str, loss: str, used: str
) -> None:
    made = named(k2("MeanMetricWrapper", fn=function, name=name, dtype="float32"))
    assert made is not None
    piece = metric_text(made, named(loss), Output("out", (None, 3)), Version((2, 15)))
    assert piece.text == f"Mean({used})"


def test_a_wrapper_of_another_name_wants_what_its_function_wants() -> None:
    made = named(k2("MeanMetricWrapper", fn="categorical_accuracy", name="mine"))
    assert made is not None
    with pytest.raises(NoRule, match="one-hot"):
        metric_text(made, named(SPARSE), Output("out", (None, 3)), Version((2, 15)))


@pytest.mark.parametrize(
    "config",
    [
        "loss_fn",
        o("MeanSquaredError", reduction="none"),
        o("BinaryCrossentropy", axis=0),
        o("BinaryFocalCrossentropy"),
        o("Huber", delta="import os"),
        o("Huber", delta=[1.0, {}]),
        {"class_name": "Huber", "config": {}, "module": "my.losses"},
        {"class_name": "__lambda__", "config": {"code": "4wEA"}},
    ],
)
def test_loss_without_a_rule(config: Any) -> None:
    made = named(config)
    assert made is not None
    with pytest.raises(NoRule):
        loss_text(made, Output("out", (None, 3)), Version(), "y", "p")


@pytest.mark.parametrize(
    "config",
    [
        "r2_keras",
        o("AUC", curve="PR"),
        o("AUC", multi_label=True),
        o("Precision", top_k=3),
        o("Precision", thresholds=[0.1, 0.2]),
        o("MeanIoU", num_classes=2),
    ],
)
def test_metric_without_a_rule(config: Any) -> None:
    made = named(config)
    assert made is not None
    with pytest.raises(NoRule):
        metric_text(made, named("mse"), Output("out", (None, 3)), Version())
