"""How a model was compiled → as Keras writes it, and back.

Sources: ``keras/src/trainers/trainer.py``, ``get_compile_config``, and
``keras/src/legacy/saving/saving_utils.py`` (Keras 3.15).
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from keras2torch import serialization

Config = dict[str, Any]


def compile_config(model: Any) -> Config:
    """Return the arguments of ``compile``; empty if it was not, or with torch's own."""
    given = model._compile_config
    if not model.compiled or given is None:
        return {}
    from keras2torch import optimizers

    found = dict(given)
    optimizer = model.optimizer
    try:
        found["optimizer"] = None
        if optimizer is not None:
            found["optimizer"] = optimizers.serialize(optimizer)
        for key in ("loss", "metrics", "weighted_metrics", "loss_weights"):
            found[key] = _written(found[key])
    except (AttributeError, TypeError, ValueError) as error:
        warnings.warn(
            f"How the model was compiled cannot be saved: {error}", stacklevel=2
        )
        return {}
    found["jit_compile"] = found["jit_compile"] is True
    return found


def _written(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _written(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_written(v) for v in value]
    return serialization.serialize_keras_object(value)


def compile_arguments(config: Mapping[str, Any]) -> Config:
    """Return the arguments of ``compile`` for what a file says.

    Parameters
    ----------
    config
        Of a ``.keras`` file, or ``training_config`` of an ``.h5`` of any version.
    """
    from keras2torch import losses, metrics, optimizers

    written = config.get("optimizer_config") or config.get("optimizer")
    found: Config = {"optimizer": None}
    if isinstance(written, str):
        found["optimizer"] = optimizers.get(written)
    elif written is not None:
        written = dict(written)
        written["class_name"] = str(
            written.get("registered_name") or written["class_name"]
        )
        found["optimizer"] = optimizers.deserialize(written)
    found["loss"] = _each(config.get("loss"), losses.deserialize)
    for key in ("metrics", "weighted_metrics"):
        found[key] = _each(config.get(key), lambda m: _metric(m, metrics.deserialize))
        if _is_list_of_one_list(found[key]):
            found[key] = found[key][0]  # tf.keras: a list for each output
    if config.get("loss_weights"):
        found["loss_weights"] = config["loss_weights"]
    for key in ("run_eagerly", "steps_per_execution"):
        if config.get(key):
            found[key] = config[key]
    return found


def _is_list_of_one_list(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 1 and isinstance(value[0], list)


def _each(value: Any, read: Any) -> Any:
    """Read each object or name in a structure."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        if "class_name" in value:
            return read(value)
        return {k: _each(v, read) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_each(v, read) for v in value]
    return value


def _metric(value: Mapping[str, Any], read: Any) -> Any:
    config = value.get("config")
    if value["class_name"] == "MeanMetricWrapper" and isinstance(config, Mapping):
        # tf.keras wraps what was given by name; the name says what it is called.
        function = config.get("fn")
        if isinstance(function, Mapping):
            function = function.get("config")
        if isinstance(function, str):
            from keras2torch import metrics

            wrapped = metrics.MeanMetricWrapper
            made = metrics.get(function)
            if isinstance(made, metrics.Metric):
                return made
            return wrapped(made, name=config.get("name") or function)
    return read(value)
