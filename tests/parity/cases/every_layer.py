"""Every layer that Keras has and this project covers, in four ways each.

A row of the table is a layer with one set of arguments. ``functional`` trains it in a
functional model, ``frozen`` with ``trainable=False``, ``eager`` in the ``call`` of a
model of one's own, and ``config`` makes it once more from its config. Keras runs
without tracing: the numbers are the same, and hundreds of traces take minutes.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from parity.cases.every_layer_rows import Row, plainly, rows
from parity.recording import Arrays, floats, integers, named, start, weights
from parity.table import add

N = 7
BATCH = 4


def data(row: Row, count: int = N) -> Any:
    """Rows for each input; a row that asks for it has steps that are all zero."""
    found = []
    for i, shape in enumerate(row.shapes):
        if row.top:
            found.append(integers(10 + i, row.top, count, *shape).astype("int32"))
            continue
        x = floats(10 + i, count, *shape)
        if row.zeros:
            for n in range(count):
                x[n, 1 + (n + i) % (shape[0] - 1) :] = 0.0
                x[n, n % 2 :: 5] = 0.0 if row.holes else x[n, n % 2 :: 5]
        found.append(x)
    return found if row.listed else found[0]


@dataclass
class Head:
    """What ends each model: all outputs, flat, into two numbers."""

    keras: Any

    def __post_init__(self) -> None:
        self.flat: list[Any] = []
        self.join = self.keras.layers.Concatenate(name="join")
        self.last = self.keras.layers.Dense(2, name="last")

    def __call__(self, found: Any) -> Any:
        values = list(found) if isinstance(found, (list, tuple)) else [found]
        while len(self.flat) < len(values):
            name = f"flat_{len(self.flat)}"
            self.flat.append(self.keras.layers.Flatten(name=name))
        values = [f(v) for f, v in zip(self.flat, values, strict=False)]
        return self.last(self.join(values) if len(values) > 1 else values[0])


def array(value: Any) -> np.ndarray:
    """What comes out of a layer called by itself, a tensor of either side."""
    return np.asarray(value.detach() if hasattr(value, "detach") else value)


def compiled(keras: Any, model: Any) -> Any:
    sgd = keras.optimizers.SGD(0.02, momentum=0.5)
    model.compile(sgd, "mse", run_eagerly=True)
    return model


def fitted(model: Any, row: Row) -> Arrays:
    x, y = data(row), floats(2, N, 2)
    found: Arrays = {}
    if not row.random:
        fit = model.fit(x, y, batch_size=BATCH, epochs=1, verbose=0, shuffle=False)
        found["loss"] = fit.history["loss"]
    found |= weights(model)
    return found | named("after", model.predict(x, batch_size=BATCH, verbose=0))


def functional(keras: Any, row: Row, *, trainable: bool = True) -> tuple[Any, ...]:
    kind = "int32" if row.top else "float32"
    inputs = [keras.Input(s, dtype=kind) for s in row.shapes]
    before = row.before(keras.layers) if row.before else []
    tensors = inputs
    for layer in before:
        tensors = [layer(t) for t in tensors]
    layer = row.layer(keras)
    made = row.call(layer, tensors if row.listed else tensors[0])
    # Once it is built: Keras trains what a layer makes within itself later.
    layer.trainable = trainable
    outputs = Head(keras)(made)
    model = keras.Model(inputs if row.listed else inputs[0], outputs)
    first = layer.get_weights()
    return compiled(keras, start(model)), layer, made, first


def in_a_model(keras: Any, row: Row) -> Arrays:
    model, layer, made, first = functional(keras, row)
    values = made if isinstance(made, (list, tuple)) else [made]
    found = {
        "shapes": str([tuple(w.shape) for w in layer.get_weights()]),
        "names": str([v.name for v in layer.weights]),
        "trained": str([v.name for v in layer.trainable_weights]),
        "parameters": layer.count_params(),
        "made": str([tuple(t.shape) for t in values]),
        "model": model.count_params(),
    }
    if row.call is plainly and not row.listed and not row.before:
        shape = layer.compute_output_shape((None, *row.shapes[0]))
        found["computed"] = str(tuple(shape))
    # What is drawn is nobody's to compare; ones, zeros and identities are.
    found |= {
        f"first/{i}": w if (w == np.rint(w)).all() else np.full_like(w, np.nan)
        for i, w in enumerate(first)
    }
    x = data(row)
    found |= named("before", model.predict(x, batch_size=BATCH, verbose=0))
    return found | fitted(model, row)


def frozen(keras: Any, row: Row) -> Arrays:
    model, layer, *_ = functional(keras, row, trainable=False)
    return {"count": len(layer.trainable_weights)} | fitted(model, row)


def eager(keras: Any, row: Row) -> Arrays:
    class Own(keras.Model):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.before = row.before(keras.layers) if row.before else []
            self.layer = row.layer(keras)
            self.head = Head(keras)
            self.heads = [self.head.join, self.head.last]

        def call(self, x: Any) -> Any:
            values = list(x) if row.listed else [x]
            for layer in self.before:
                values = [layer(v) for v in values]
            return self.head(row.call(self.layer, values if row.listed else values[0]))

    model = Own()
    x = data(row)
    model(x)
    start(model)
    found = {"parameters": model.count_params()}
    if not row.before:
        alone = row.call(model.layer, x)
        values = alone if isinstance(alone, (list, tuple)) else [alone]
        found |= {f"alone/{i}": array(v) for i, v in enumerate(values)}
    return found | fitted(compiled(keras, model), row)


def remade(keras: Any, row: Row) -> Arrays:
    layer = row.layer(keras)
    config = layer.get_config()
    # Keras takes the layers within out of what it is given.
    new = type(layer).from_config(dict(config))
    x = data(row)
    found: Arrays = {}
    for kind, one in (("old", layer), ("new", new)):
        made = row.call(one, x)
        start(one)
        made = row.call(one, x)
        values = made if isinstance(made, (list, tuple)) else [made]
        found |= {f"{kind}/{i}": array(v) for i, v in enumerate(values)}
    found["keys"] = str(sorted(config))
    found["said"] = json.dumps(
        {
            k: v
            for k, v in sorted(config.items())
            if isinstance(v, (bool, int, float, str, list, tuple, type(None)))
            and k != "name"
            and not (isinstance(v, float) and np.isnan(v))
        },
        default=str,
    )
    return found


WAYS: dict[str, Callable[[Any, Row], Arrays]] = {
    "functional": in_a_model,
    "frozen": frozen,
    "eager": eager,
    "config": remade,
}


def way(name: str, row: Row) -> Callable[[Any], Arrays]:
    return lambda keras: WAYS[name](keras, row)


for key, row in rows().items():
    for name in WAYS:
        if name == "config" and not row.has_config:
            continue
        if name in row.skip or (name == "frozen" and row.random):
            continue
        add(f"every/{key}/{name}", way(name, row), missing=row.missing)
