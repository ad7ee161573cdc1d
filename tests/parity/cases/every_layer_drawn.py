"""What layers do in training that is drawn, by its statistics; and what is adapted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from parity.cases.every_layer import array
from parity.recording import Arrays, floats, start
from parity.table import add, case

BIG = (40, 50, 8, 6)
DRAWN: dict[str, tuple[Callable[[Any], Any], tuple[int, ...]]] = {
    "dropout": (lambda la: la.Dropout(0.3), BIG),
    "dropout-noise": (lambda la: la.Dropout(0.3, noise_shape=(None, 1, 8, 6)), BIG),
    "alpha-dropout": (lambda la: la.AlphaDropout(0.3), BIG),
    "alpha-noise": (lambda la: la.AlphaDropout(0.3, (None, None, 1, 6)), BIG),
    "gaussian-dropout": (lambda la: la.GaussianDropout(0.3), BIG),
    "gaussian-noise": (lambda la: la.GaussianNoise(0.3), BIG),
    "spatial-dropout1d": (lambda la: la.SpatialDropout1D(0.3), (400, 5, 60)),
    "spatial-dropout2d": (lambda la: la.SpatialDropout2D(0.3), (200, 3, 4, 80)),
    "spatial-dropout3d": (lambda la: la.SpatialDropout3D(0.3), (200, 2, 3, 2, 80)),
    "frozen": (lambda la: la.Dropout(0.3, trainable=False), BIG),
}


def drawn(make: Callable[[Any], Any], shape: tuple[int, ...]) -> Callable[[Any], Any]:
    def run(keras: Any) -> Arrays:
        layer = make(keras.layers)
        x = np.full(shape, 2.0, "float32")
        y = array(layer(x, training=True)).astype("float64")
        again = array(layer(x, training=True))
        spread = [y.mean(axis=i).std() for i in range(y.ndim)]
        return {
            "mean": y.mean(),
            "deviation": y.std(),
            "least": np.quantile(y, 0.01),
            "most": np.quantile(y, 0.99),
            "zeros": (y == 0).mean(),
            "values": min(len(np.unique(y.round(4))), 3),
            # A draw that is shared along an axis is as large in its mean.
            "along": spread,
            "changes": bool((again != y).any()),
            "at rest": array(layer(x)),
        }

    return run


for name, (make, shape) in DRAWN.items():
    add(
        f"every/drawn/{name}",
        drawn(make, shape),
        rtol=0.1,
        why="two generators: what is drawn agrees in its statistics only",
    )

WAYS: dict[str, Callable[[Any, np.ndarray], Any]] = {
    "array": lambda keras, x: x,
    "doubles": lambda keras, x: x.astype("float64"),
    "integers": lambda keras, x: x.astype("int64"),
    "list": lambda keras, x: [x[:4], x[4:8], x[8:]],
    "pairs": lambda keras, x: ((x[i : i + 3], 0) for i in range(0, 9, 3)),
    "one-batch": lambda keras, x: [x],
}


@case("every/adapted/ways")
def ways(keras: Any) -> Arrays:
    found: Arrays = {}
    x = floats(1, 9, 4, 3) * 3 + 1
    for axis in (-1, None, 1, (1, 2), (2,)):
        for way, made in WAYS.items():
            layer = keras.layers.Normalization(axis=axis)
            layer.adapt(made(keras, x))
            key = f"{axis}/{way}"
            found[f"{key}/out"] = array(layer(x))
            found |= {f"{key}/{i}": w for i, w in enumerate(layer.get_weights())}
            found[f"{key}/names"] = str([v.name for v in layer.weights])
    return found


@case("every/adapted/in-a-model")
def in_a_model(keras: Any) -> Arrays:
    la = keras.layers
    x = floats(1, 9, 4, 3) * 3 + 1
    norm, back = la.Normalization(), la.Normalization(invert=True)
    i = keras.Input((4, 3))
    model = keras.Model(i, back(la.Dense(3)(norm(i))))
    start(model)
    norm.adapt(x)
    back.adapt(x * 2)
    model.compile(keras.optimizers.SGD(0.01), "mse", run_eagerly=True)
    found = {"before": model.predict(x, verbose=0)}
    found["loss"] = model.fit(x, x, batch_size=4, verbose=0, shuffle=False).history[
        "loss"
    ]
    norm.adapt(x + 1)
    found["after"] = model.predict(x, verbose=0)
    found["count"] = model.count_params()
    return found


@case("every/adapted/mistakes")
def mistakes(keras: Any) -> Arrays:
    la = keras.layers
    x = floats(1, 9, 4, 3)
    layer = la.Normalization()
    layer.adapt(x)
    tried: dict[str, Callable[[], Any]] = {
        "width": lambda: layer.adapt(x[:, :, :2]),
        "nothing": lambda: la.Normalization().adapt([]),
        "number": lambda: la.Normalization().adapt(3.0),
        "rows": lambda: la.Normalization().adapt([[1.0, 2.0]]),
        "uneven": lambda: la.Normalization().adapt([x, x[:, :, :2]]),
    }
    found: Arrays = {}
    for name, run in tried.items():
        try:
            run()
        except (ValueError, TypeError) as error:
            found[name] = type(error).__name__
        else:
            found[name] = "none"
    return found


@case("every/stateful")
def stateful(keras: Any) -> Arrays:
    la = keras.layers
    found: Arrays = {}
    for name, make in {
        "lstm": lambda: la.LSTM(3, stateful=True),
        "gru": lambda: la.GRU(3, stateful=True, return_sequences=True),
        "simple": lambda: la.SimpleRNN(3, stateful=True),
        "both": lambda: la.Bidirectional(la.LSTM(3, stateful=True)),
        "cells": lambda: la.RNN([la.LSTMCell(3), la.GRUCell(2)], stateful=True),
    }.items():
        x = keras.Input(batch_shape=(4, 5, 2))
        layer = make()
        model = keras.Model(x, la.Dense(2)(la.Flatten()(layer(x))))
        start(model)
        model.compile(keras.optimizers.SGD(0.05), "mse", run_eagerly=True)
        data, y = floats(1, 12, 5, 2), floats(2, 12, 2)
        fit = model.fit(data, y, batch_size=4, verbose=0, shuffle=False)
        found[f"{name}/loss"] = fit.history["loss"]
        found[f"{name}/first"] = model.predict(data, batch_size=4, verbose=0)
        found[f"{name}/then"] = model.predict(data, batch_size=4, verbose=0)
        if name not in ("both", "cells"):
            layer.reset_state()
            found[f"{name}/reset"] = model.predict(data, batch_size=4, verbose=0)
    return found
