"""Settings and dtypes, for Keras and for us."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

DTYPES = (
    "bool uint8 uint16 uint32 uint64 int8 int16 int32 int64 bfloat16 float16 float32 "
    "float64".split()
)
ODD = [None, int, float, bool, str, "int", np.float32, np.dtype("int8"), "half", "q"]


def answers(keras: Any) -> dict[str, Any]:
    """Return what settings and dtypes give, by case."""
    found: dict[str, Any] = {}
    backend = keras.backend

    def ask(name: str, function: Any, *args: Any) -> None:
        try:
            found[name] = function(*args)
        except (ValueError, TypeError) as error:
            found[name] = type(error).__name__

    kinds = {**{n: n for n in DTYPES}, "python int": int, "python float": float}
    for one, a in kinds.items():
        ask(f"result {one}", backend.result_type, a)
        for other, b in kinds.items():
            ask(f"result {one} {other}", backend.result_type, a, b)
    ask("result of none", backend.result_type)
    ask("result of three", backend.result_type, "int8", float, "uint8")
    ask("result float8", backend.result_type, "float8_e4m3fn", "int8")
    for n, dtype in enumerate([*DTYPES, *ODD]):
        ask(f"standardized {n}", backend.standardize_dtype, dtype)
        ask(f"float {n}", backend.is_float_dtype, dtype)
        ask(f"int {n}", backend.is_int_dtype, dtype)
    found |= epsilons(keras)
    found |= formats(keras)
    found |= limits(keras)
    config = keras.utils.Config(rate=0.1)
    config.units = 3
    config.freeze()
    ask("frozen", setattr, config, "units", 4)
    ask("unfrozen", config.as_dict)
    found["config"] = [config.to_json(), list(config), len(config), "rate" in config]
    keras.utils.disable_interactive_logging()
    found["logging"] = keras.config.is_interactive_logging_enabled()
    keras.utils.enable_interactive_logging()
    found["flash"] = keras.config.is_flash_attention_enabled()
    return found


def numbers(value: Any) -> list[float]:
    """Return a tensor's numbers."""
    value = value.detach() if hasattr(value, "detach") else value
    return np.asarray(value, dtype="float64").reshape(-1).tolist()


def epsilons(keras: Any) -> dict[str, Any]:
    """Return losses, metrics and constraints with another epsilon."""
    y = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]], dtype="float32")
    p = np.array([[0.0, 1.0, 0.0], [0.2, 0.3, 0.5]], dtype="float32")
    found: dict[str, Any] = {}
    keras.config.set_epsilon(1e-2)
    try:
        found["epsilon"] = keras.config.epsilon()
        for name in (
            "binary_crossentropy categorical_crossentropy kl_divergence poisson dice "
            "tversky mean_absolute_percentage_error mean_squared_logarithmic_error "
            "binary_focal_crossentropy categorical_focal_crossentropy"
        ).split():
            found[f"epsilon {name}"] = numbers(getattr(keras.losses, name)(y, p))
        sparse = keras.losses.sparse_categorical_crossentropy
        found["epsilon sparse"] = numbers(sparse(np.array([0, 2]), p))
        for metric in (keras.metrics.F1Score(), keras.metrics.PearsonCorrelation()):
            metric.update_state(y, p)
            found[f"epsilon {type(metric).__name__}"] = numbers(metric.result())
        norm = keras.constraints.UnitNorm(axis=0)
        found["epsilon UnitNorm"] = numbers(norm(p))
    finally:
        keras.config.set_epsilon(1e-7)
    return found


def formats(keras: Any) -> dict[str, Any]:
    """Return what layers and functions do with channels first."""
    found: dict[str, Any] = {}
    keras.config.set_image_data_format("channels_first")
    try:
        found["format"] = keras.config.image_data_format()
        layers = keras.layers
        x = layers.Input((3, 8, 6))
        for layer in (
            layers.ZeroPadding2D(1),
            layers.MaxPooling2D(2),
            layers.GlobalAveragePooling2D(),
            layers.Conv2D(5, 3),
            layers.Flatten(),
        ):
            shape = [n for n in layer(x).shape]
            config = layer.get_config()["data_format"]
            found[f"format {type(layer).__name__}"] = [shape, config]
        array = keras.utils.img_to_array(np.zeros((4, 5, 3)))
        found["format img_to_array"] = list(array.shape)
    finally:
        keras.config.set_image_data_format("channels_last")
    found["format of a layer"] = keras.layers.Conv2D(1, 1).get_config()["data_format"]
    return found


def limits(keras: Any) -> dict[str, Any]:
    """Return how long fit trains under limits."""
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.ones((20, 2), dtype="float32")
    seen: list[int] = []
    count = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(batch)
    )
    keras.config.set_max_epochs(2)
    keras.config.set_max_steps_per_epoch(3)
    try:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            history = model.fit(
                x, x[:, :1], epochs=5, batch_size=4, verbose=0, callbacks=[count]
            )
            made = model.predict(x, batch_size=4, verbose=0)
    finally:
        keras.config.set_max_epochs(None)
        keras.config.set_max_steps_per_epoch(None)
    lines = sorted({str(w.message) for w in told if "Limiting" in str(w.message)})
    return {
        "limits": [len(history.epoch), seen, list(made.shape)],
        "limits told": lines,
    }
