"""Names and configs of metrics.

Source: ``keras/src/metrics/__init__.py`` (3.15).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keras2torch import serialization
from keras2torch.losses import functions as losses
from keras2torch.metrics import (
    accuracy,
    base,
    confusion,
    correlation,
    curves,
    f_score,
    foreign,
    hinges,
    iou,
    probabilistic,
    reductions,
    regression,
)

CLASSES: tuple[type[base.Metric], ...] = (
    base.Metric,
    reductions.Mean,
    reductions.Sum,
    reductions.MeanMetricWrapper,
    regression.MeanSquaredError,
    regression.RootMeanSquaredError,
    regression.MeanAbsoluteError,
    regression.MeanAbsolutePercentageError,
    regression.MeanSquaredLogarithmicError,
    regression.CosineSimilarity,
    regression.LogCoshError,
    regression.R2Score,
    curves.AUC,
    confusion.FalseNegatives,
    confusion.FalsePositives,
    confusion.Precision,
    curves.PrecisionAtRecall,
    confusion.Recall,
    curves.RecallAtPrecision,
    curves.SensitivityAtSpecificity,
    curves.SpecificityAtSensitivity,
    confusion.TrueNegatives,
    confusion.TruePositives,
    correlation.ConcordanceCorrelation,
    correlation.PearsonCorrelation,
    hinges.Hinge,
    hinges.SquaredHinge,
    hinges.CategoricalHinge,
    probabilistic.KLDivergence,
    probabilistic.Poisson,
    probabilistic.BinaryCrossentropy,
    probabilistic.CategoricalCrossentropy,
    probabilistic.SparseCategoricalCrossentropy,
    accuracy.Accuracy,
    accuracy.BinaryAccuracy,
    accuracy.CategoricalAccuracy,
    accuracy.SparseCategoricalAccuracy,
    accuracy.TopKCategoricalAccuracy,
    accuracy.SparseTopKCategoricalAccuracy,
    f_score.F1Score,
    f_score.FBetaScore,
    iou.IoU,
    iou.BinaryIoU,
    iou.MeanIoU,
    iou.OneHotIoU,
    iou.OneHotMeanIoU,
)
# What keras.metrics has beside classes. A name of theirs alone means the class.
FUNCTIONS = (
    accuracy.accuracy,
    accuracy.binary_accuracy,
    accuracy.categorical_accuracy,
    accuracy.sparse_categorical_accuracy,
    accuracy.top_k_categorical_accuracy,
    accuracy.sparse_top_k_categorical_accuracy,
    correlation.pearson_correlation,
    correlation.concordance_correlation,
    regression.cosine_similarity,
)
_SHORT: dict[str, type[base.Metric]] = {
    "bce": probabilistic.BinaryCrossentropy,
    "mse": regression.MeanSquaredError,
    "mae": regression.MeanAbsoluteError,
    "mape": regression.MeanAbsolutePercentageError,
    "msle": regression.MeanSquaredLogarithmicError,
}
ALL_OBJECTS = serialization.offer(
    "keras.metrics", CLASSES, **_SHORT, **{k.upper(): v for k, v in _SHORT.items()}
)


def serialize(metric: Any) -> Any:
    """Return the config of a metric or of a function, as Keras writes it."""
    return serialization.serialize_keras_object(metric)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Return the metric or function of a config or name.

    Parameters
    ----------
    config
        What :func:`serialize` gives.
    custom_objects
        Name → class or function, besides what is registered.

    Raises
    ------
    ValueError
        If nothing has that name.
    """
    if isinstance(config, Mapping) and config.get("class_name") == "function":
        return function_of(config, custom_objects)
    return serialization.deserialize_keras_object(
        config, custom_objects, module_objects=ALL_OBJECTS, kind="metric"
    )


def function_of(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Return the function, or the loss, that a wrapper's config names."""
    if not isinstance(config, (str, Mapping)):
        return config
    functions = {f.__name__: f for f in FUNCTIONS}
    known = {**vars(losses), **functions}
    named = {k: v for k, v in known.items() if callable(v) and not k.startswith("_")}
    return serialization.deserialize_keras_object(
        config, custom_objects, module_objects=named, kind="function of a metric"
    )


def get(identifier: Any) -> Any:
    """Return the metric that something means.

    Parameters
    ----------
    identifier
        ``None``, a name, a config, a metric, its class, a function of targets and
        predictions, or a metric of torchmetrics, which comes back wrapped.

    Raises
    ------
    ValueError
        If it means none, with the names that come near.
    """
    found = identifier
    if not foreign.is_torchmetric(identifier):
        found = serialization.resolve(identifier, "metric", ALL_OBJECTS)
    return foreign.TorchMetric(found) if foreign.is_torchmetric(found) else found
