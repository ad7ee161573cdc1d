"""Every metric against Keras: its value after each of three uneven batches.

One table. Each row runs without weights, then with each of its weights, on one object
that is reset in between.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from keras2torch import metrics
from keras2torch.models import naming
from keras2torch.spelling import snake_case
from tests.metrics.both_sides import SHAPES, signature

pytestmark = pytest.mark.needs_keras
SIZES = [5, 5, 2]
N = sum(SIZES)
RNG = np.random.default_rng(7)


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def float32(x: np.ndarray) -> np.ndarray:
    return x.astype("float32")


CLASSES = RNG.integers(0, 5, N)
SCORES = float32(RNG.normal(size=(N, 5)) * 2)
SCORES[3] = [1, 1, 0, 1, 0]  # ties
PROBABILITIES = float32(softmax(SCORES))
PROBABILITIES[0] = [1, 0, 0, 0, 0]
PROBABILITIES[1] = 0.5
UNIT = float32(RNG.uniform(size=(N, 5)))
UNIT[0, 0], UNIT[0, 1], UNIT[1, 0], UNIT[2, 2] = 0.0, 1.0, 0.5, 0.5
MASK = RNG.uniform(size=(N, 7)) < 0.6
MASK[:, 0] = True
DATA: dict[str, np.ndarray] = {
    "classes": CLASSES,
    "classes1": CLASSES[:, None],
    "classes_float": float32(CLASSES[:, None]),
    "strange": np.where(RNG.uniform(size=N) < 0.3, 9, CLASSES),
    "onehot": float32(np.eye(5)[CLASSES]),
    "onehot_int": np.eye(5, dtype="int32")[CLASSES],
    "onehot_bool": np.eye(5, dtype="bool")[CLASSES],
    "scores": SCORES,
    "infinite": np.where(np.arange(N)[:, None] == 4, np.float32(np.inf), SCORES),
    "sorted_ids": np.argsort(-SCORES, -1).astype("int64"),
    "p": PROBABILITIES,
    "q": float32(softmax(RNG.normal(size=(N, 5)))),
    "bits": float32(RNG.integers(0, 2, (N, 5))),
    "bits_int": RNG.integers(0, 2, (N, 5)),
    "signs": float32(RNG.integers(0, 2, (N, 5)) * 2 - 1),
    "unit": UNIT,
    "unit64": UNIT.astype("float64"),
    "bit": float32(RNG.integers(0, 2, N)),
    "bit1": RNG.integers(0, 2, (N, 1)),
    "bit_bool": RNG.integers(0, 2, N).astype(bool),
    "one": float32(RNG.uniform(size=N)),
    "one1": float32(RNG.uniform(size=(N, 1))),
    "zeros": np.zeros(N, "float32"),
    "real": float32(RNG.normal(size=(N, 5)) * 4),
    "other": float32(RNG.normal(size=(N, 5)) * 4),
    "real1": float32(RNG.normal(size=(N, 1)) * 4),
    "reals": float32(RNG.normal(size=N) * 4),
    "real64": RNG.normal(size=(N, 5)),
    "whole": RNG.integers(-3, 4, (N, 5)),
    "deep": float32(RNG.normal(size=(N, 7, 5))),
    "deep2": float32(RNG.normal(size=(N, 7, 5))),
    "counts": float32(RNG.poisson(3.0, (N, 5))),
    "rates": float32(np.abs(RNG.normal(size=(N, 5))) + 0.01),
    "steps": RNG.integers(0, 5, (N, 7)),
    "steps_ignored": np.where(MASK, RNG.integers(0, 5, (N, 7)), -1),
    "sequence": float32(softmax(RNG.normal(size=(N, 7, 5)))),
    "pixels": RNG.integers(0, 3, (N, 4, 4)),
    "called": RNG.integers(0, 3, (N, 4, 4)),
    "called_out": RNG.integers(-1, 4, (N, 4, 4)),
    "image": float32(RNG.normal(size=(N, 4, 4, 3))),
    "image_first": float32(RNG.normal(size=(N, 3, 4, 4))),
    "pixels_onehot": np.eye(3, dtype="int32")[RNG.integers(0, 3, (N, 4, 4))],
    "mask": MASK,
    "mask0": RNG.uniform(size=N) < 0.6,
    "w": float32(RNG.uniform(0, 2, N) * (RNG.uniform(size=N) < 0.8)),
    "w_int": RNG.integers(0, 3, N),
    "w1": float32(RNG.uniform(0, 2, (N, 1))),
    "w5": float32(RNG.uniform(0, 2, (N, 5))),
    "w7": float32(RNG.uniform(0, 2, (N, 7))),
    "w64": RNG.uniform(0, 2, N),
    "w_pixels": RNG.integers(0, 3, (N, 4, 4)),
    "w_pixels_float": float32(RNG.uniform(0, 3, (N, 4, 4))),
    "w_bits": RNG.integers(0, 3, (N, 5)),
}
Row = tuple[str, dict[str, Any], str, "str | None", list[str]]


def of(
    kind: str, t: str, p: str | None, *weights: str, mask: str | None = None, **c: Any
) -> dict[str, Any]:
    """A row: the class, its data, its weights, and its config."""
    given = list(weights) or ["w"]
    row = {"class": kind, "config": c, "t": t, "p": p, "weights": given}
    return {**row, "mask": mask, "sizes": SIZES}


ROWS = [
    of("Sum", "real", None, "w", "w5", "w1"),
    of("Sum", "reals", None, dtype="float64"),
    of("Mean", "real", None, "w", "w5", "w1"),
    of("Mean", "deep", None, "w", "w7"),
    of("Mean", "reals", None, "w", "w1", "w64"),
    of("Mean", "whole", None),
    of("Mean", "bit_bool", None),
    of("Mean", "real64", None, dtype="float64"),
    of("MeanMetricWrapper", "bits", "unit", fn="binary_accuracy", threshold=0.3),
    of("MeanMetricWrapper", "real", "other", fn="huber", delta=2.0, name="h"),
    of("MeanMetricWrapper", "bits", "unit", fn="tversky", name="t"),
    # accuracies
    of("Accuracy", "bits", "bits_int", "w", "w5"),
    of("Accuracy", "bit", "bit1"),
    of("BinaryAccuracy", "bits", "unit", "w", "w5"),
    of("BinaryAccuracy", "bits_int", "unit", threshold=0.3),
    of("BinaryAccuracy", "bit", "one1"),
    of("BinaryAccuracy", "bit1", "one"),
    of("BinaryAccuracy", "bit_bool", "one"),
    of("BinaryAccuracy", "deep", "deep2", "w7", mask="mask"),
    of("CategoricalAccuracy", "onehot", "p"),
    of("CategoricalAccuracy", "onehot_int", "scores", "w1"),
    of("CategoricalAccuracy", "onehot_bool", "scores", "w"),
    of("CategoricalAccuracy", "deep", "sequence", "w7", "w"),
    of("SparseCategoricalAccuracy", "classes", "p"),
    of("SparseCategoricalAccuracy", "classes1", "scores", "w", "w1"),
    of("SparseCategoricalAccuracy", "classes_float", "scores"),
    of("SparseCategoricalAccuracy", "steps", "sequence", "w", "w7"),
    of("SparseCategoricalAccuracy", "steps", "sequence", "w", "w7", mask="mask"),
    of("SparseCategoricalAccuracy", "classes", "p", mask="mask0"),
    of("TopKCategoricalAccuracy", "onehot", "scores", k=2),
    of("TopKCategoricalAccuracy", "deep", "sequence", "w7", k=3),
    of("TopKCategoricalAccuracy", "onehot", "infinite"),
    of("TopKCategoricalAccuracy", "onehot_bool", "scores", k=2),
    of("SparseTopKCategoricalAccuracy", "classes", "scores", k=3),
    of("SparseTopKCategoricalAccuracy", "strange", "scores"),
    of("SparseTopKCategoricalAccuracy", "steps", "sequence", "w7", k=2),
    of(
        "SparseTopKCategoricalAccuracy",
        "classes",
        "sorted_ids",
        k=2,
        from_sorted_ids=True,
    ),
    # counts
    *[
        of(kind, t, p, *weights, **config)
        for kind in (
            "TruePositives",
            "FalsePositives",
            "TrueNegatives",
            "FalseNegatives",
        )
        for t, p, weights, config in (
            ("bit", "one", ("w", "w1"), {}),
            ("bits_int", "unit", ("w", "w5"), {"thresholds": 0.7}),
            ("bits", "unit", ("w",), {"thresholds": [0.2, 0.5, 0.9]}),
            ("bits", "unit", ("w",), {"thresholds": [0.0, 0.5, 1.0]}),
            ("bit1", "one", ("w",), {"thresholds": [0.25, 0.5]}),
        )
    ],
    *[
        of(kind, t, p, *weights, **config)
        for kind in ("Precision", "Recall")
        for t, p, weights, config in (
            ("bit", "one", ("w", "w1"), {}),
            ("bit", "zeros", ("w",), {}),
            ("bits_int", "unit64", ("w", "w5", "w1"), {"name": "x"}),
            ("bits", "unit", ("w",), {"thresholds": [0.2, 0.6]}),
            ("bits", "unit", ("w",), {"top_k": 2}),
            ("bits", "scores", ("w",), {"top_k": 3}),
            ("bits", "clipped", ("w",), {"top_k": 2}),  # ties
            ("bits", "unit", ("w",), {"class_id": 3}),
            ("bits", "unit", ("w",), {"top_k": 2, "class_id": 1, "thresholds": 0.4}),
        )
    ],
    # curves
    *[
        of("AUC", t, p, *weights, **config)
        for t, p, weights, config in (
            ("bit", "one", ("w", "w1"), {}),
            ("bits", "unit", ("w", "w5"), {}),
            ("bits", "clipped", ("w",), {}),  # half of it is 0 or 1
            ("bits", "clipped", ("w",), {"curve": "PR"}),
            ("bit1", "one", ("w",), {"num_thresholds": 3}),
            ("bit", "one", ("w",), {"curve": "PR"}),
            ("bit", "one", ("w",), {"curve": "PRGAIN", "num_thresholds": 20}),
            ("bit", "one", ("w",), {"curve": "pr", "summation_method": "minoring"}),
            ("bit", "one", ("w",), {"summation_method": "majoring"}),
            ("bit", "one", ("w",), {"summation_method": "minoring"}),
            ("bit", "one", ("w",), {"thresholds": [0.9, 0.1, 0.35]}),
            ("bit", "one", ("w",), {"thresholds": [0.25, 0.5, 0.75]}),
            ("bits", "scores", ("w",), {"from_logits": True}),
            ("bits", "unit", ("w", "w5"), {"multi_label": True}),
            ("bits", "unit", ("w",), {"multi_label": True, "num_labels": 5}),
            (
                "bits",
                "unit",
                ("w",),
                {"multi_label": True, "label_weights": [1.0, 0.5, 0.0, 2.0, 1.0]},
            ),
            ("bits", "unit", ("w",), {"label_weights": [1.0, 0.5, 0.0, 2.0, 1.0]}),
            (
                "bits",
                "unit",
                ("w",),
                {"thresholds": [0.3, 0.4], "label_weights": [1.0, 0.5, 0.0, 2.0, 1.0]},
            ),
            (
                "bits",
                "unit",
                ("w",),
                {"multi_label": True, "thresholds": [0.2, 0.9], "curve": "PR"},
            ),
        )
    ],
    *[
        of(kind, t, p, *weights, **{value: 0.6}, **config)
        for kind, value in (
            ("SensitivityAtSpecificity", "specificity"),
            ("SpecificityAtSensitivity", "sensitivity"),
            ("PrecisionAtRecall", "recall"),
            ("RecallAtPrecision", "precision"),
        )
        for t, p, weights, config in (
            ("bit", "one", ("w", "w1"), {}),
            ("bits", "unit", ("w", "w5"), {"num_thresholds": 7}),
            ("bits", "unit", ("w",), {"num_thresholds": 1}),
            ("bits", "clipped", ("w",), {}),
            ("bits", "unit", ("w",), {"class_id": 2}),
        )
    ],
    # intersection over union: weights are cut to integers unless said otherwise
    of("IoU", "pixels", "called", "w_pixels", num_classes=3, target_class_ids=[0, 2]),
    of(
        "IoU",
        "pixels",
        "image",
        "w_pixels",
        "w_pixels_float",
        num_classes=3,
        target_class_ids=[1],
        sparse_y_pred=False,
        dtype="float32",
    ),
    of("BinaryIoU", "bits", "unit", "w_bits"),
    of("BinaryIoU", "bits", "unit", "w5", dtype="float32"),
    of("BinaryIoU", "bit1", "one1", "w_int", target_class_ids=[1], threshold=0.3),
    of("MeanIoU", "classes", "steps_one", "w_int", num_classes=5),
    of("MeanIoU", "pixels", "called_out", "w_pixels_float", num_classes=3),
    of("MeanIoU", "pixels", "called", "w_pixels", num_classes=3, ignore_class=1),
    of(
        "MeanIoU",
        "pixels",
        "image",
        "w_pixels",
        num_classes=3,
        sparse_y_pred=False,
        ignore_class=0,
    ),
    of(
        "OneHotIoU",
        "pixels_onehot",
        "image",
        "w_pixels",
        num_classes=3,
        target_class_ids=[0, 1],
    ),
    of(
        "OneHotIoU",
        "pixels_onehot",
        "called",
        "w_pixels",
        num_classes=3,
        target_class_ids=[2],
        sparse_y_pred=True,
    ),
    of("OneHotMeanIoU", "pixels_onehot", "image", "w_pixels", num_classes=3),
    of("OneHotMeanIoU", "onehot", "p", "w_int", num_classes=5, ignore_class=2),
    # regression
    of("MeanSquaredError", "real", "other", "w", "w1"),
    of("MeanSquaredError", "reals", "real1"),
    of("MeanSquaredError", "whole", "other"),
    of("MeanSquaredError", "deep", "deep2", "w", "w7", mask="mask"),
    of("MeanSquaredError", "real64", "real64", dtype="float64"),
    of("MeanAbsoluteError", "real", "other", mask="mask0"),
    of("MeanAbsoluteError", "real64", "other"),
    of("MeanAbsolutePercentageError", "real", "other"),
    of("MeanSquaredLogarithmicError", "rates", "other"),
    of("RootMeanSquaredError", "real", "other", "w", "w5"),
    of("RootMeanSquaredError", "real1", "reals"),
    of("RootMeanSquaredError", "deep", "deep2", "w7"),
    of("CosineSimilarity", "real", "other"),
    of("CosineSimilarity", "deep", "deep2", "w", axis=1),
    of("LogCoshError", "real", "other"),
    of("R2Score", "real", "other", "w", "w5"),
    of("R2Score", "real1", "reals"),
    of("R2Score", "real", "other", class_aggregation=None),
    of("R2Score", "real", "other", class_aggregation="variance_weighted_average"),
    of("R2Score", "real", "other", num_regressors=2),
    of("R2Score", "real1", "real1", num_regressors=4),  # 5 values: not adjusted
    # probabilities
    of("KLDivergence", "q", "p"),
    of("Poisson", "counts", "rates"),
    of("BinaryCrossentropy", "bits", "unit"),
    of("BinaryCrossentropy", "bits_int", "scores", from_logits=True),
    of("BinaryCrossentropy", "bits", "unit", label_smoothing=0.2),
    of("CategoricalCrossentropy", "onehot", "p"),
    of("CategoricalCrossentropy", "onehot", "scores", from_logits=True),
    of("CategoricalCrossentropy", "onehot_int", "q", label_smoothing=0.1, name="z"),
    of("CategoricalCrossentropy", "image_first", "image_first2", axis=1),
    of("SparseCategoricalCrossentropy", "classes", "p"),
    of("SparseCategoricalCrossentropy", "classes1", "scores", from_logits=True),
    of("SparseCategoricalCrossentropy", "steps", "sequence", "w", "w7", mask="mask"),
    of(
        "SparseCategoricalCrossentropy",
        "steps_ignored",
        "sequence",
        "w",
        "w7",
        ignore_class=-1,
    ),
    # hinges
    of("Hinge", "bits", "real"),
    of("Hinge", "signs", "real"),
    of("SquaredHinge", "bits_int", "real"),
    of("CategoricalHinge", "onehot", "scores"),
    # scores
    of("FBetaScore", "onehot", "p", beta=2.0),
    of("FBetaScore", "bits_int", "unit", beta=0.5, average="micro", threshold=0.4),
    of("FBetaScore", "bits", "unit", average="weighted", threshold=0.5),
    of("F1Score", "onehot", "scores", average="macro"),
    of("F1Score", "onehot", "hollow"),  # a sample of zeros is of no class
    of("F1Score", "bits", "unit", threshold=0.5),
    # correlation
    of("PearsonCorrelation", "real", "other"),
    of("PearsonCorrelation", "deep", "deep2", "w", axis=1),
    of("ConcordanceCorrelation", "real", "other"),
    of("ConcordanceCorrelation", "deep", "deep2", "w", axis=[1, 2]),
    # a user's own
    of("Matches", "classes", "p", scale=3.0),
]
DATA["clipped"] = float32(RNG.normal(0.5, 0.7, (N, 5)).clip(0, 1))
DATA["hollow"] = np.where(np.arange(N)[:, None] % 3 == 0, np.float32(0), PROBABILITIES)
DATA["steps_one"] = RNG.integers(0, 5, N)
DATA["image_first2"] = np.abs(float32(RNG.normal(size=(N, 3, 4, 4))))


class Matches(metrics.Metric):
    """What a user writes; the twin of the one in keras_side.py."""

    def __init__(self, name: str = "matches", scale: float = 2.0, **kwargs: Any):
        super().__init__(name=name, **kwargs)
        self.scale = scale
        self.hits = self.add_variable(shape=(), initializer="zeros", name="hits")
        self.by_class = self.add_weight(shape=(5,), initializer="ones", name="by_class")
        self.inner = metrics.Mean(name="inner")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        hit = torch.eq(y_true, y_pred.argmax(-1)).float()
        if sample_weight is not None:
            hit = hit * sample_weight
        self.hits.assign(self.hits + hit.sum())
        self.by_class.assign_add(y_pred.sum(0))
        self.inner.update_state(hit)

    def result(self) -> torch.Tensor:
        whole = torch.sum(self.by_class)
        return torch.stack([self.hits * self.scale, whole - 1, self.inner.result()])


def made(row: dict[str, Any]) -> metrics.Metric:
    config = dict(row["config"])
    if row["class"] == "Matches":
        return Matches(**config)
    if row["class"] == "MeanMetricWrapper":
        from keras2torch import losses

        fn = config.pop("fn")
        where = metrics if hasattr(metrics, fn) else losses
        return metrics.MeanMetricWrapper(getattr(where, fn), **config)
    return getattr(metrics, row["class"])(**config)


@pytest.fixture(scope="module")
def keras(tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    folder: Path = tmp_path_factory.mktemp("metrics")
    jobs, data, out = (folder / n for n in ("jobs.json", "data.npz", "out.npz"))
    jobs.write_text(json.dumps(ROWS))
    np.savez(data, **DATA)
    script = Path(__file__).with_name("keras_side.py")
    done = subprocess.run(
        [sys.executable, str(script), str(jobs), str(data), str(out)],
        capture_output=True,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    with np.load(out) as found:
        return dict(found)


def results(
    metric: metrics.Metric, row: dict[str, Any], weights: str | None
) -> np.ndarray:
    """The values after each batch."""
    found = []
    parts = [
        [None] * len(SIZES) if name is None else torch.tensor(DATA[name]).split(SIZES)
        for name in (row["t"], row["p"], weights, row["mask"])
    ]
    for t, p, w, mask in zip(*parts, strict=True):
        given = [t] if p is None else [t, p.clone()]
        if mask is not None:
            given[-1]._keras_mask = mask
        metric.update_state(*given, sample_weight=w)
        found.append(metric.result().numpy().copy())
    return np.stack(found)


def ids(rows: list[dict[str, Any]]) -> list[str]:
    return [
        "-".join([r["class"], r["t"], str(r["p"]), *map(str, r["config"].values())])
        for r in rows
    ]


@pytest.mark.parametrize("n", range(len(ROWS)), ids=ids(ROWS))
@pytest.mark.filterwarnings("ignore")
def test_values_after_every_batch(n: int, keras: dict[str, np.ndarray]) -> None:
    row = ROWS[n]
    metric = made(row)
    for weights in [None, *row["weights"]]:
        metric.reset_state()
        expected = keras[f"{n}/{weights or 'plain'}"]
        if expected.dtype.kind == "U":
            with pytest.raises((ValueError, RuntimeError)):
                results(metric, row, weights)
            continue
        value = results(metric, row, weights)
        assert value.shape == expected.shape
        np.testing.assert_allclose(
            value, expected, rtol=1e-5, atol=1e-6, err_msg=str(weights)
        )


@pytest.mark.parametrize("n", range(len(ROWS)), ids=ids(ROWS))
@pytest.mark.filterwarnings("ignore")
def test_config_states_and_direction(n: int, keras: dict[str, np.ndarray]) -> None:
    row = ROWS[n]
    naming.clear_session()
    metric = made(row)
    if row["class"] != "Matches":
        config = metrics.serialize(metric)
        assert named(config) == named(json.loads(str(keras[f"{n}/config"])))
        again = metrics.deserialize(json.loads(json.dumps(config)))
        assert type(again) is type(metric)
        assert metrics.serialize(again) == config
    results(metric, row, None)
    states = [
        [v.name, list(v.shape), str(v.dtype).removeprefix("torch.")]
        for v in metric.variables
    ]
    assert states == json.loads(str(keras[f"{n}/variables"]))
    assert str(getattr(metric, "_direction", None)) == str(keras[f"{n}/direction"])


@pytest.mark.parametrize("shapes", SHAPES, ids=str)
def test_which_accuracy_and_crossentropy(
    shapes: tuple[tuple[int, ...], ...], keras: dict[str, np.ndarray]
) -> None:
    accuracy, crossentropy = keras[f"{shapes[0]}/{shapes[1]}"]
    assert metrics.accuracy_for(*shapes).__name__ == accuracy
    found = metrics.crossentropy_for(*shapes).__name__
    assert snake_case(found) == crossentropy


def named(config: dict[str, Any]) -> dict[str, Any]:
    """The config, of a function its name alone: Keras does not say where it lives."""
    inner = dict(config["config"])
    if "fn" in inner:
        inner["fn"] = inner["fn"]["config"]
    return {**config, "config": inner}


def test_signatures(keras: dict[str, np.ndarray]) -> None:
    expected = json.loads(str(keras["signatures"]))
    assert {n: signature(getattr(metrics, n)) for n in expected} == expected


def test_every_name_of_keras(keras: dict[str, np.ndarray]) -> None:
    assert set(json.loads(str(keras["names"]))) <= set(metrics.__all__)
    from keras2torch.metrics.registry import ALL_OBJECTS, CLASSES

    spelt = {k: v.__name__ for k, v in ALL_OBJECTS.items()}
    assert spelt == json.loads(str(keras["spelt"]))
    in_table = {r["class"] for r in ROWS}
    assert {c.__name__ for c in CLASSES} - in_table == {"Metric"}
    assert len(in_table - {"Matches", "MeanMetricWrapper"}) == 44
