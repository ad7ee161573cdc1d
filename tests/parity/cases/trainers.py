"""What a trainer says to callbacks, and what calls say to layers."""

from __future__ import annotations

from typing import Any

import numpy as np
from parity.recording import Arrays, floats, start
from parity.table import case

N = 14
X, Y = floats(1, N, 5), floats(2, N, 2)


def numbers(value: Any) -> Any:
    return np.asarray(value.detach() if hasattr(value, "detach") else value)


def two_layers(keras: Any) -> Any:
    layers = keras.layers
    hidden = layers.Dense(4, activation="tanh")
    return start(keras.Sequential([keras.Input((5,)), hidden, layers.Dense(2)]))


def watch(keras: Any) -> tuple[Any, list[Any]]:
    """A callback that notes the batches that it hears of, and the logs it gets."""
    seen: list[Any] = []

    class Watch(keras.callbacks.Callback):  # type: ignore[name-defined,misc]
        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            seen.append([0, batch, 0.0])

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            seen.append([1, batch, logs["loss"]])

        def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
            seen.append([2, batch, 0.0])

        def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
            seen.append([3, batch, logs["loss"]])

        def on_predict_batch_begin(self, batch: int, logs: Any = None) -> None:
            seen.append([4, batch, 0.0])

        def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
            seen.append([5, batch, np.abs(np.asarray(logs["outputs"])).sum()])

    return Watch(), seen


@case("trainers/steps-per-execution")
def executions(keras: Any) -> Arrays:
    found: Arrays = {}
    for size in (1, 2, 3, 7):
        model = two_layers(keras)
        model.compile(keras.optimizers.SGD(0.1), "mse", steps_per_execution=size)
        callback, seen = watch(keras)
        told = {"callbacks": [callback], "verbose": 0, "batch_size": 3}
        model.fit(X, Y, shuffle=False, validation_data=(X[:7], Y[:7]), **told)
        model.evaluate(X, Y, **told)
        found[f"{size}/predict"] = model.predict(X, **told)
        found[f"{size}/seen"] = np.array(seen, "float64")
        found[f"{size}/last"] = model.get_weights()[-1]
    return found


def mode_of(keras: Any) -> Any:
    class Mode(keras.layers.Layer):  # type: ignore[name-defined,misc]
        def call(self, x: Any, training: bool = False) -> Any:
            return x * 0 + (1.0 if training else 0.0)

    class Outer(keras.layers.Layer):  # type: ignore[name-defined,misc]
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.mode = Mode()

        def call(self, x: Any, training: Any = None) -> Any:
            return self.mode(x)

    return Mode, Outer


@case("trainers/training-told-to-a-symbolic-call")
def told(keras: Any) -> Arrays:
    Mode, Outer = mode_of(keras)

    def model_of(layer: Any, training: Any) -> Any:
        x = keras.Input((5,))
        given = {} if training is None else {"training": training}
        return keras.Model(x, layer(x, **given))

    def modes(model: Any) -> Any:
        calls = ({}, {"training": False}, {"training": True})
        found = [numbers(model(X, **given))[0, 0] for given in calls]
        return np.array([*found, model.predict(X, verbose=0)[0, 0]])

    found: Arrays = {}
    for training in (None, True, False):
        built = {
            "layer": Mode(),
            "layer-in-layer": Outer(),
            "sequential": keras.Sequential([Mode()]),
            "model": model_of(Mode(), None),
            "model-of-told": model_of(Mode(), True),
            "three-deep": model_of(model_of(Mode(), False), None),
            "normalization": keras.layers.BatchNormalization(),
            "stack-of-normalization": keras.Sequential(
                [keras.layers.BatchNormalization()]
            ),
        }
        for name, layer in built.items():
            found[f"{training}/{name}"] = modes(model_of(layer, training))
    return found


@case("trainers/training-told-comes-back-from-a-config")
def told_in_config(keras: Any) -> Arrays:
    x = keras.Input((5,))
    y = keras.layers.BatchNormalization(name="a")(x, training=True)
    inner = keras.Sequential([keras.layers.BatchNormalization(name="b")], name="s")
    y = keras.layers.Concatenate()([y, inner(x, training=True)])
    model = keras.Model(x, y)
    again = keras.Model.from_config(model.get_config())
    return {"first": numbers(model(X)), "again": numbers(again(X))}


@case("trainers/shared-layers-in-two-modes")
def shared(keras: Any) -> Arrays:
    x = keras.Input((5,))
    y = keras.layers.BatchNormalization(momentum=0.5)(x)
    model = start(keras.Model(x, keras.layers.Dense(2)(y)))
    features = keras.Model(x, y)
    found: Arrays = {}
    model(X, training=False)
    for n, (called, training) in enumerate(
        ((features, True), (model, False), (features, False), (model, True))
    ):
        found[f"{n}/made"] = numbers(called(X, training=training))
        found[f"{n}/mean"] = model.get_weights()[2]
    model.layers[1].trainable = False
    found["frozen"] = numbers(model(X, training=True))
    return found
