"""Trainings in other dtypes, asked of Keras and of the shim.

``python precision_cases.py keras|keras2torch OUT.npz``
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

N = 22


def data() -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(N, 5)), rng.integers(0, 3, N)


def stack(keras: Any, *dtypes: Any) -> Any:
    layers = keras.layers
    first, second, third = [{"dtype": d} if d else {} for d in dtypes]
    return keras.Sequential(
        [
            keras.Input((5,)),
            layers.Dense(7, activation="tanh", **first),
            layers.LayerNormalization(**second),
            layers.Dense(3, activation="softmax", **third),
        ]
    )


def trained(keras: Any, model: Any) -> dict[str, Any]:
    rng = np.random.default_rng(1)
    model.set_weights([rng.normal(size=w.shape) * 0.5 for w in model.get_weights()])
    model.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy")
    x, y = data()
    history = model.fit(x, y, batch_size=8, epochs=3, shuffle=False, verbose=0)
    found = {f"weight/{i}": w for i, w in enumerate(model.get_weights())}
    found["predict"] = np.asarray(model.predict(x, verbose=0))
    dtype = model(x).dtype
    found["call"] = np.array(str(getattr(dtype, "name", dtype)).removeprefix("torch."))
    return found | {"loss": np.array(history.history["loss"])}


def settings(keras: Any, model: Any) -> dict[str, Any]:
    layer = model.layers[0]
    found = [layer.dtype, layer.compute_dtype, layer.variable_dtype]
    found += [layer.dtype_policy.name, model.dtype_policy.name]
    found += [str(layer.get_config()["dtype"]["config"]["name"])]
    return {"settings": np.array(found)}


def floatx(keras: Any) -> dict[str, Any]:
    keras.config.set_floatx("float64")
    try:
        model = stack(keras, None, None, None)
        return trained(keras, model) | settings(keras, model)
    finally:
        keras.config.set_floatx("float32")


def of_policy(name: str) -> Any:
    def case(keras: Any) -> dict[str, Any]:
        keras.config.set_dtype_policy(name)
        try:
            model = stack(keras, None, None, None)
            return trained(keras, model) | settings(keras, model)
        finally:
            keras.config.set_dtype_policy("float32")

    return case


def of_layers(*dtypes: Any) -> Any:
    def case(keras: Any) -> dict[str, Any]:
        model = stack(keras, *dtypes)
        return trained(keras, model) | settings(keras, model)

    return case


def last_in_float32(keras: Any) -> dict[str, Any]:
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        model = stack(keras, None, None, "float32")
        return trained(keras, model) | settings(keras, model)
    finally:
        keras.mixed_precision.set_global_policy("float32")


CASES = {
    "floatx": floatx,
    "policy-float64": of_policy("float64"),
    "layers-float64": of_layers("float64", "float64", "float64"),
    "float64-between": of_layers(None, "float64", None),
    "float32-before-float64": of_layers("float32", "float32", "float64"),
    "mixed-bfloat16": of_policy("mixed_bfloat16"),
    "mixed-float16": of_policy("mixed_float16"),
    "mixed-layers": of_layers("mixed_bfloat16", "float32", "float32"),
    "mixed-last-float32": last_in_float32,
}


def main() -> None:
    keras = importlib.import_module(sys.argv[1])
    found: dict[str, Any] = {}
    for name, case in CASES.items():
        for key, value in case(keras).items():
            kind = "float32" if str(value.dtype) == "bfloat16" else value.dtype
            found[f"{name}/{key}"] = np.asarray(value).astype(kind)
            found[f"{name}/{key}/dtype"] = np.array(str(value.dtype))
    np.savez(sys.argv[2], **found)


if __name__ == "__main__":
    main()
