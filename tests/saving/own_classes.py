"""Classes of a user's own, written once with ``keras.ops``, and models of them.

``python -m saving.own_classes FOLDER``: Keras opens the files ``ours-KIND.keras``,
writes ``keras-KIND.keras``, and notes in ``keras.json`` what it computes.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

KINDS = ("functional", "subclass", "own-compile-config")
RNG = np.random.RandomState(0)
X = RNG.normal(size=(14, 5)).astype("float32")
Y = RNG.normal(size=(14, 2)).astype("float32")


def parts(keras: Any) -> SimpleNamespace:
    """A constraint, a regularizer, an activation, a loss … of one's own."""
    ops = keras.ops
    register = keras.saving.register_keras_serializable("own")

    @register
    class Shrink(keras.constraints.Constraint):  # type: ignore[name-defined,misc]
        def __init__(self, factor: float) -> None:
            self.factor = factor

        def __call__(self, w: Any) -> Any:
            return w * self.factor

        def get_config(self) -> Any:
            return {"factor": self.factor}

    @keras.saving.register_keras_serializable("own", name="Sum")
    class SumOf(keras.regularizers.Regularizer):  # type: ignore[name-defined,misc]
        def __init__(self, scale: float) -> None:
            self.scale = scale

        def __call__(self, x: Any) -> Any:
            return self.scale * ops.sum(ops.abs(x))

        def get_config(self) -> Any:
            return {"scale": self.scale}

    @register
    class Filled(keras.initializers.Initializer):  # type: ignore[name-defined,misc]
        def __init__(self, value: float) -> None:
            self.value = value

        def __call__(self, shape: Any, dtype: Any = None, **kwargs: Any) -> Any:
            return ops.full(shape, self.value, dtype=dtype)

        def get_config(self) -> Any:
            return {"value": self.value}

    @register
    def half_tanh(x: Any) -> Any:
        return ops.tanh(x) * 0.5

    @register
    class Weighted(keras.losses.Loss):  # type: ignore[name-defined,misc]
        def __init__(self, weight: float, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.weight = weight

        def call(self, y_true: Any, y_pred: Any) -> Any:
            return self.weight * ops.mean(ops.abs(y_true - y_pred), axis=-1)

        def get_config(self) -> Any:
            return {**super().get_config(), "weight": self.weight}

    @register
    class Distance(keras.metrics.Metric):  # type: ignore[name-defined,misc]
        def __init__(self, name: str = "distance", **kwargs: Any) -> None:
            super().__init__(name=name, **kwargs)
            self.total = self.add_weight(name="total", initializer="zeros")
            self.count = self.add_variable((), "zeros", name="count")

        def update_state(self, y: Any, y_pred: Any, sample_weight: Any = None) -> None:
            self.total.assign_add(ops.sum(ops.abs(y - y_pred)))
            self.count.assign(self.count + ops.cast(ops.size(y), "float32"))

        def result(self) -> Any:
            return self.total / self.count

    @register
    class Rooted(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[name-defined,misc]
        def __init__(self, rate: float) -> None:
            self.rate = rate

        def __call__(self, step: Any) -> Any:
            return self.rate / ops.sqrt(ops.cast(step, "float32") + 1.0)

        def get_config(self) -> Any:
            return {"rate": self.rate}

    @register
    class Signed(keras.optimizers.Optimizer):  # type: ignore[name-defined,misc]
        def __init__(self, learning_rate: Any, beta: float = 0.9, **kwargs: Any):
            super().__init__(learning_rate=learning_rate, **kwargs)
            self.beta = beta

        def build(self, variables: Any) -> None:
            if self.built:
                return
            super().build(variables)
            self.m = [self.add_variable_from_reference(v, name="m") for v in variables]

        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            rate = ops.cast(learning_rate, variable.dtype)
            m = self.m[self._get_variable_index(variable)]
            self.assign(m, ops.add(ops.multiply(m, self.beta), gradient))
            self.assign_sub(variable, ops.multiply(rate, ops.sign(m) * 0.1 + m))

        def get_config(self) -> Any:
            return {**super().get_config(), "beta": self.beta}

    return SimpleNamespace(**{k: v for k, v in locals().items() if k != "keras"})


def models(keras: Any) -> SimpleNamespace:
    """A layer with weights, a state and a loss of its own; models of it."""
    ops, layers, own = keras.ops, keras.layers, parts(keras)
    register = own.register

    @register
    class Block(layers.Layer):  # type: ignore[name-defined,misc]
        def __init__(
            self, units: int, penalty: Any = None, activation: Any = None, **kwargs: Any
        ) -> None:
            super().__init__(**kwargs)
            self.units = units
            self.penalty = keras.regularizers.get(penalty)
            self.activation = keras.activations.get(activation)
            self.dense = layers.Dense(units, kernel_constraint=own.Shrink(0.9))

        def build(self, input_shape: Any) -> None:
            self.k = self.add_weight(
                shape=(input_shape[-1], self.units),
                initializer=own.Filled(0.1),
                regularizer=self.penalty,
                name="k",
            )
            self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False)
            self.dense.build(input_shape)

        def call(self, x: Any, training: Any = None) -> Any:
            if training:
                self.calls.assign(self.calls + 1.0)
            self.add_loss(0.01 * ops.mean(ops.square(x)))
            return self.activation(ops.matmul(x, self.k) + self.dense(x))

        def compute_output_shape(self, shape: Any) -> Any:
            return (*shape[:-1], self.units)

        def get_config(self) -> Any:
            return {
                **super().get_config(),
                "units": self.units,
                "penalty": keras.regularizers.serialize(self.penalty),
                "activation": keras.activations.serialize(self.activation),
            }

    @register
    class Net(keras.Model):  # type: ignore[name-defined,misc]
        def __init__(self, width: int, inner: Any = None, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.width = width
            self.block = Block(width, "l2", own.half_tanh)
            self.inner = inner or layers.Dense(2, activity_regularizer=own.SumOf(0.01))
            self.more = [layers.Dense(2, activation=own.half_tanh) for _ in range(2)]
            self.tracker = keras.metrics.Mean(name="tracked")

        def call(self, x: Any, training: Any = None) -> Any:
            x = self.inner(self.block(x, training=training))
            for layer in self.more:
                x = x + layer(x)
            return x

        def compute_loss(self, x: Any, y: Any, y_pred: Any, *rest: Any, **kw: Any):  # type: ignore[no-untyped-def]
            loss = super().compute_loss(x, y, y_pred, *rest, **kw)
            self.tracker.update_state(loss)
            return loss

        def get_config(self) -> Any:
            inner = keras.saving.serialize_keras_object(self.inner)
            return {**super().get_config(), "width": self.width, "inner": inner}

        @classmethod
        def from_config(cls, config: Any) -> Any:
            inner = keras.saving.deserialize_keras_object(config.pop("inner"))
            return cls(inner=inner, **config)

    @register
    class Compiled(Net):
        def get_compile_config(self) -> Any:
            written = keras.saving.serialize_keras_object(self.optimizer)
            return {"how": written, "weight": 3.0}

        def compile_from_config(self, config: Any) -> None:
            optimizer = keras.saving.deserialize_keras_object(config["how"])
            self.compile(optimizer, own.Weighted(config["weight"]))
            self.optimizer.build(self.trainable_variables)

    def functional() -> Any:
        x = keras.Input((5,))
        y = Block(4, own.SumOf(0.02), "relu")(x)
        y = layers.Dense(
            3,
            activation=own.half_tanh,
            kernel_initializer=own.Filled(0.2),
            kernel_regularizer=own.SumOf(0.03),
            kernel_constraint=own.Shrink(0.8),
        )(y)
        return keras.Model(x, layers.Dense(2)(y))

    def made(kind: str) -> Any:
        model = functional()
        if kind != "functional":
            model = (Net if kind == "subclass" else Compiled)(4)
            model(X[:2])
        values = [np.random.RandomState(n) for n in range(len(model.get_weights()))]
        model.set_weights(
            [
                r.uniform(0.1, 0.5, w.shape).astype(w.dtype)
                for r, w in zip(values, model.get_weights(), strict=True)
            ]
        )
        given = {"metrics": [own.Distance(), "mae"]}
        if kind == "own-compile-config":
            given = {}
        model.compile(own.Signed(own.Rooted(0.05)), own.Weighted(3.0), **given)
        return model

    return SimpleNamespace(made=made)


def trained(model: Any) -> dict[str, Any]:
    """What two epochs leave: curves, predictions, the optimizer's count."""
    told = {"batch_size": 5, "shuffle": False, "verbose": 0}
    found = dict(model.fit(X, Y, epochs=2, **told).history)
    found["predict"] = model.predict(X, verbose=0).tolist()
    found["evaluate"] = model.evaluate(X, Y, verbose=0, return_dict=True)
    found["iterations"] = int(model.optimizer.iterations)
    return found


def written(keras: Any, model: Any, path: Path) -> dict[str, Any]:
    """Train, save, train on; what is found before and after."""
    before = trained(model)
    model.save(path)
    return {"before": before, "after": trained(model)}


def main(folder: Path) -> None:
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import keras

    own, found = models(keras), {}
    for kind in KINDS:
        opened = keras.saving.load_model(folder / f"ours-{kind}.keras")
        found[f"{kind}/opened"] = trained(opened)
        path = folder / f"keras-{kind}.keras"
        found[kind] = written(keras, own.made(kind), path)
    (folder / "keras.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
