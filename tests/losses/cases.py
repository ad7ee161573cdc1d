"""What both sides compute: numbers alone, neither torch nor Keras is imported."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

REDUCTIONS = (
    "sum_over_batch_size",
    "sum",
    "mean",
    "mean_with_sample_weight",
    "none",
    None,
)
SHAPES = {
    "2-D": (6, 5),
    "3-D": (4, 3, 5),
    "4-D": (2, 3, 4, 5),
    "column": (6, 1),
}


@dataclass(frozen=True)
class Loss:
    """A class of losses with arguments, and the kind of data that it is of."""

    name: str
    kind: str
    arguments: dict[str, Any] = field(default_factory=dict)
    shapes: tuple[str, ...] = ("2-D", "3-D", "4-D", "column")
    reductions: tuple[str | None, ...] = ("sum_over_batch_size", None)
    activation: str | None = None  # y_pred comes out of it
    tolerance: float = 1e-5

    def __str__(self) -> str:
        arguments = ", ".join(f"{k}={v}" for k, v in self.arguments.items())
        after = f" after {self.activation}" if self.activation else ""
        return f"{self.name}({arguments}){after}"


@dataclass(frozen=True)
class Case:
    """One call."""

    loss: Loss
    label: str
    y_true: np.ndarray
    y_pred: np.ndarray
    weight: np.ndarray | None
    mask: np.ndarray | None
    reduction: str | None

    def __str__(self) -> str:
        weight = None if self.weight is None else self.weight.shape
        mask = None if self.mask is None else self.mask.shape
        return f"{self.label}, weight {weight}, mask {mask}, {self.reduction}"


ALL = {"reductions": REDUCTIONS}
NO_COLUMN = ("2-D", "3-D", "4-D")
LOSSES = [
    Loss("MeanSquaredError", "real", **ALL),
    Loss("MeanAbsoluteError", "real", **ALL),
    Loss("MeanAbsolutePercentageError", "real"),
    Loss("MeanSquaredLogarithmicError", "real"),
    Loss("CosineSimilarity", "real", shapes=NO_COLUMN),
    Loss("CosineSimilarity", "real", {"axis": 1}, shapes=NO_COLUMN),
    Loss("Huber", "real", **ALL),
    Loss("Huber", "real", {"delta": 2.5}),
    Loss("LogCosh", "real"),
    Loss("Hinge", "bits"),
    Loss("Hinge", "signs"),
    Loss("Hinge", "at the margin"),
    Loss("SquaredHinge", "bits"),
    Loss("CategoricalHinge", "one-hot scores"),
    Loss("KLDivergence", "one-hot"),
    Loss("KLDivergence", "soft"),
    Loss("KLDivergence", "saturated"),
    Loss("Poisson", "counts"),
    Loss("BinaryCrossentropy", "bits of probabilities", **ALL),
    Loss("BinaryCrossentropy", "bits", {"from_logits": True}, **ALL),
    Loss("BinaryCrossentropy", "bits", activation="sigmoid", **ALL),
    Loss("BinaryCrossentropy", "bits", {"from_logits": True}, activation="sigmoid"),
    Loss("BinaryCrossentropy", "bits of probabilities", {"label_smoothing": 0.2}),
    Loss("BinaryCrossentropy", "bits", {"axis": 0, "from_logits": True}),
    Loss("BinaryCrossentropy", "saturated"),
    Loss("BinaryFocalCrossentropy", "bits of probabilities"),
    Loss("BinaryFocalCrossentropy", "bits", {"from_logits": True, "gamma": 3.0}),
    Loss("BinaryFocalCrossentropy", "bits", activation="sigmoid"),
    Loss(
        "BinaryFocalCrossentropy",
        "bits of probabilities",
        {"apply_class_balancing": True, "alpha": 0.4, "label_smoothing": 0.1},
    ),
    Loss("CategoricalCrossentropy", "one-hot", **ALL),
    Loss("CategoricalCrossentropy", "one-hot scores", {"from_logits": True}, **ALL),
    Loss("CategoricalCrossentropy", "one-hot scores", activation="softmax", **ALL),
    Loss("CategoricalCrossentropy", "multi-hot", {"from_logits": True}),
    Loss("CategoricalCrossentropy", "multi-hot", activation="softmax"),
    Loss("CategoricalCrossentropy", "one-hot", {"label_smoothing": 0.1}),
    Loss(
        "CategoricalCrossentropy",
        "one-hot scores",
        {"label_smoothing": 0.3, "from_logits": True, "axis": 1},
        shapes=NO_COLUMN,
    ),
    Loss("CategoricalCrossentropy", "one-hot", {"axis": 1}, shapes=("3-D", "4-D")),
    Loss("CategoricalFocalCrossentropy", "one-hot"),
    Loss("CategoricalFocalCrossentropy", "one-hot scores", {"from_logits": True}),
    Loss("CategoricalFocalCrossentropy", "one-hot scores", activation="softmax"),
    Loss(
        "CategoricalFocalCrossentropy",
        "one-hot",
        {"alpha": [0.1, 0.2, 0.3, 0.4, 0.5], "gamma": 1.5, "label_smoothing": 0.1},
        shapes=NO_COLUMN,
    ),
    Loss("SparseCategoricalCrossentropy", "classes", **ALL),
    Loss("SparseCategoricalCrossentropy", "classes", activation="softmax", **ALL),
    Loss("SparseCategoricalCrossentropy", "float classes", {"from_logits": True}),
    Loss("SparseCategoricalCrossentropy", "classes (1)", {"from_logits": True}, **ALL),
    Loss("SparseCategoricalCrossentropy", "classes", {"ignore_class": 2}, **ALL),
    Loss(
        "SparseCategoricalCrossentropy",
        "classes",
        {"ignore_class": 2, "from_logits": True},
    ),
    Loss(
        "SparseCategoricalCrossentropy",
        "classes",
        {"ignore_class": 2},
        activation="softmax",
    ),
    Loss("CategoricalGeneralizedCrossEntropy", "classes", {"q": 0.3}),
    Loss("CategoricalGeneralizedCrossEntropy", "classes (1)", shapes=("2-D",)),
    Loss("Dice", "bits of probabilities", **ALL),
    Loss("Dice", "bits of probabilities", {"axis": (1, 2)}, shapes=("3-D", "4-D")),
    Loss("Tversky", "bits of probabilities", {"alpha": 0.3, "beta": 0.8}),
    Loss("Tversky", "bits of probabilities", {"axis": (1,)}, shapes=NO_COLUMN),
    Loss("Circle", "embeddings", shapes=("2-D",), **ALL),
    Loss(
        "Circle",
        "embeddings",
        {"gamma": 20.0, "margin": 0.2, "remove_diagonal": False},
        shapes=("2-D",),
    ),
    Loss("CTC", "sequences", shapes=("3-D",), **ALL),
    # TensorFlow adds 707 in float32 there.
    Loss("CTC", "too long sequences", shapes=("3-D",), tolerance=5e-4),
]


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def data(kind: str, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return targets and predictions with the corners in that a kind has."""
    rng = np.random.default_rng(sum(map(ord, kind)) + sum(shape))
    scores = (rng.normal(size=shape) * 3).astype("float32")
    classes = rng.integers(0, shape[-1], shape[:-1])
    one_hot = np.eye(shape[-1], dtype="float32")[classes]
    bits = rng.integers(0, 2, shape)
    if kind == "saturated":  # at the bounds of what is clipped, and beside them
        p = np.ones(shape, "float32")
        p.flat[::3], p.flat[1::3] = np.float32(1.0 - 1e-7), np.float32(1e-7)
        return bits, p
    if kind == "at the margin":
        scores = np.sign(scores)
        return np.where(bits == 1, scores, -scores), scores
    if kind == "real":
        real = rng.normal(size=shape).astype("float32") * 4
        real.flat[2] = 0.0
        real.flat[3] = scores.flat[3]
        return real, scores
    if kind in ("bits", "signs"):
        scores.flat[1] = 30.0
        return (bits if kind == "bits" else 2 * bits - 1), scores
    if kind == "bits of probabilities":
        p = rng.uniform(size=shape).astype("float32")
        p.flat[:3] = [0.0, 1.0, 0.5]
        return bits, p
    if kind == "counts":
        return rng.poisson(3.0, shape), np.abs(scores) + 0.01
    if kind == "soft":
        return softmax(rng.normal(size=shape)).astype("float32"), softmax(scores)
    if kind == "one-hot":
        p = softmax(scores)
        p.reshape(-1, shape[-1])[0] = 0.5  # does not sum to 1
        if shape[-1] > 1:
            p.reshape(-1, shape[-1])[1] = [1.0] + [0.0] * (shape[-1] - 1)
        return one_hot, p
    if kind == "one-hot scores":
        return one_hot, scores
    if kind == "multi-hot":  # the first of no class at all
        bits.reshape(-1, shape[-1])[0] = 0
        return bits, scores
    if kind == "classes":
        p = softmax(scores)
        p.flat[0] = 0.0
        return classes, p
    if kind == "classes (1)":
        return classes[..., None], softmax(scores)
    if kind == "float classes":
        return classes.astype("float32") + 0.25, scores
    if kind == "embeddings":
        unit = scores / np.linalg.norm(scores, axis=-1, keepdims=True)
        return np.array([0, 1, 0, 2, 1, 0]), unit.astype("float32")
    assert "sequences" in kind
    y_true = np.array([[1, 2, 0, 0], [3, 3, 0, 0], [0, 0, 0, 0], [4, 0, 0, 0]])
    if kind.startswith("too"):
        y_true = np.array([[1, 1, 2, 0], [3, 3, 3, 4], [2, 0, 0, 0], [4, 1, 2, 3]])
    return y_true, scores


def pairs(loss: Loss) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Yield targets and predictions in every shape; without a last axis of 1 too."""
    for label in loss.shapes:
        y_true, y_pred = data(loss.kind, SHAPES[label])
        yield label, y_true, y_pred
        if label == "column" and y_true.ndim == 2:
            yield "(N,) and (N, 1)", y_true[:, 0], y_pred
            if loss.activation is None:
                yield "(N, 1) and (N,)", y_true, y_pred[:, 0]
                yield "(N,) and (N,)", y_true[:, 0], y_pred[:, 0]
    if "column" in loss.shapes and loss.kind in ("real", "bits"):
        y_true, y_pred = data(loss.kind, (4, 3, 1))
        yield "(N, T) and (N, T, 1)", y_true[..., 0], y_pred
        if loss.activation is None:
            yield "(N, T, 1) and (N, T)", y_true, y_pred[..., 0]
        yield "shapes that do not fit", y_true[:3], y_pred


def cases(loss: Loss) -> Iterator[Case]:
    """Yield every call of a loss."""
    for label, y_true, y_pred in pairs(loss):
        rng = np.random.default_rng(7)
        n = y_pred.shape[0]
        weights = [None, rng.uniform(0.5, 2.0, n), rng.uniform(0.5, 2.0, (n, 1))]
        masks = [None, np.arange(n) % 3 != 1]
        if y_pred.ndim > 2:
            weights += [rng.uniform(0.0, 2.0, y_pred.shape[:2])]
            masks += [rng.uniform(size=y_pred.shape[:-1]) > 0.4]
        weights += [np.zeros(n)] if label == "2-D" else []
        masks += [np.zeros(n, bool)] if label == "2-D" else []
        several = loss.reductions is REDUCTIONS and label in ("2-D", "3-D")
        reductions = loss.reductions if several else ("sum_over_batch_size", None)
        if label not in ("2-D", "3-D"):
            weights, masks = [None, weights[-1]], [None, masks[-1]]
        for weight in weights:
            for mask in masks:
                whole = weight is weights[-1] and mask is masks[-1]
                if not (several or whole or weight is None or mask is None):
                    continue
                for reduction in reductions:
                    given = None if weight is None else weight.astype("float32")
                    yield Case(loss, label, y_true, y_pred, given, mask, reduction)


def cotangent(shape: tuple[int, ...]) -> np.ndarray:
    """Weights by which values become one number, to take its gradient."""
    return np.linspace(0.5, 1.5, int(np.prod(shape))).reshape(shape).astype("float32")
