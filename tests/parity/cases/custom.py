"""Subclassed models, own layers and what may be overridden without a backend."""

from __future__ import annotations

from typing import Any

from parity.recording import Arrays, floats, integers, start, train, train_and_ask
from parity.table import case

N = 14
X, Y, LABELS = floats(1, N, 5), floats(2, N, 2), integers(3, 3, N)


@case("custom/subclassed-model")
def subclassed(keras: Any) -> Arrays:
    layers = keras.layers

    class Net(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.first = layers.Dense(4, activation="tanh")
            self.norm = layers.BatchNormalization(momentum=0.7)
            self.last = layers.Dense(2)

        def call(self, x: Any, training: bool = False) -> Any:
            y = self.norm(self.first(x), training=training)
            return self.last(y + 0.5 * self.first(x))

    model = Net()
    model(X[:2])
    start(model)
    model.compile(keras.optimizers.SGD(0.1), "mse", metrics=["mae"])
    return train_and_ask(model, X, Y, batch_size=5)


@case("custom/subclassed-unbuilt")
def unbuilt(keras: Any) -> Arrays:
    # Built by its first batch; its own weights are overwritten by the next line.
    layers = keras.layers

    class Net(keras.Model):
        def __init__(self, width: int) -> None:
            super().__init__(name="net")
            self.hidden = [layers.Dense(width, activation="tanh") for _ in range(2)]
            self.out = layers.Dense(2)

        def call(self, x: Any) -> Any:
            for layer in self.hidden:
                x = layer(x)
            return self.out(x)

    model = Net(3)
    model.compile(keras.optimizers.SGD(0.0), "mse")
    model.fit(X, Y, verbose=0)
    start(model)
    model.compile(keras.optimizers.SGD(0.1), "mse")
    return train_and_ask(model, X, Y, batch_size=5) | {
        "parameters": model.count_params()
    }


@case("custom/subclassed-dict-outputs")
def dict_outputs(keras: Any) -> Arrays:
    layers = keras.layers

    class Net(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.body = layers.Dense(4, activation="tanh")
            self.kind = layers.Dense(3, activation="softmax")
            self.size = layers.Dense(2)

        def call(self, inputs: Any) -> Any:
            y = self.body(inputs["row"])
            return {"kind": self.kind(y), "size": self.size(y)}

    model = Net()
    model({"row": X[:2]})
    start(model)
    model.compile(
        keras.optimizers.SGD(0.1),
        {"kind": "sparse_categorical_crossentropy", "size": "mse"},
        metrics={"kind": "accuracy"},
    )
    return train(model, {"row": X}, {"kind": LABELS, "size": Y}, batch_size=5)


@case("custom/subclassed-recurrent")
def recurrent(keras: Any) -> Arrays:
    layers = keras.layers

    class Tagger(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.embed = layers.Embedding(7, 3, mask_zero=True)
            self.read = layers.Bidirectional(layers.LSTM(3, return_sequences=True))
            self.tag = layers.Dense(3, activation="softmax")

        def call(self, x: Any) -> Any:
            return self.tag(self.read(self.embed(x)))

    model = Tagger()
    x = integers(4, 7, N, 6)
    model(x[:2])
    start(model)
    model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
    return train_and_ask(model, x, integers(5, 3, N, 6), batch_size=5)


def linear(keras: Any) -> Any:
    class Linear(keras.layers.Layer):
        def __init__(self, units: int, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.units = units

        def build(self, input_shape: Any) -> None:
            self.w = self.add_weight(
                shape=(input_shape[-1], self.units),
                initializer="glorot_uniform",
                regularizer=keras.regularizers.L2(0.02),
                name="w",
            )
            self.b = self.add_weight(shape=(self.units,), initializer="zeros", name="b")

        def call(self, x: Any) -> Any:
            return x @ self.w + self.b

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "units": self.units}

    return Linear


@case("custom/layer")
def layer(keras: Any) -> Arrays:
    own = linear(keras)
    model = keras.Sequential(
        [keras.Input((5,)), own(4), keras.layers.Activation("tanh"), own(2)]
    )
    start(model)
    model.compile(keras.optimizers.Adam(0.05), "mse")
    return train_and_ask(model, X, Y, batch_size=5) | {
        "parameters": model.count_params()
    }


@case("custom/layer-functional")
def functional(keras: Any) -> Arrays:
    own = linear(keras)
    x = keras.Input((5,))
    y = keras.activations.relu(own(4)(x))
    model = start(keras.Model(x, own(2)(y)))
    model.compile(keras.optimizers.SGD(0.1), "mse")
    return train_and_ask(model, X, Y, batch_size=5)


@case("custom/layer-of-layers")
def block(keras: Any) -> Arrays:
    layers = keras.layers

    class Block(layers.Layer):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.inner = layers.Dense(width, activation="gelu")
            self.norm = layers.LayerNormalization()
            self.drop = layers.Dropout(0.0)

        def build(self, input_shape: Any) -> None:
            self.outer = layers.Dense(input_shape[-1])
            self.scale = self.add_weight(shape=(), initializer="ones", name="scale")
            super().build(input_shape)

        def call(self, x: Any, training: bool | None = None) -> Any:
            y = self.drop(self.inner(x), training=training)
            return self.norm(x + self.outer(y) * self.scale)

    x = keras.Input((5,))
    y = Block(7)(Block(3)(x))
    model = keras.Model(x, layers.Dense(2)(y))
    model(X[:2])
    # Sub-layers made late are built by the first call: the order is told apart.
    made = [
        (floats(k, *w.shape) * 0.3 if w.ndim else w * 0 + 0.5)
        for k, w in enumerate(model.get_weights())
    ]
    model.set_weights(made)
    model.compile(keras.optimizers.SGD(0.1), "mse")
    return train_and_ask(model, X, Y, batch_size=5)


@case("custom/layer-with-state")
def stateful(keras: Any) -> Arrays:
    class Counting(keras.layers.Layer):
        """Divides by how often it was trained, and keeps the count."""

        def build(self, input_shape: Any) -> None:
            self.count = self.add_weight(
                shape=(), initializer="zeros", trainable=False, name="count"
            )

        def call(self, x: Any, training: bool = False) -> Any:
            if training:
                self.count.assign(self.count + 1.0)
            return x / (1.0 + 0.1 * self.count)

    layers = keras.layers
    model = keras.Sequential([keras.Input((5,)), Counting(), layers.Dense(2)])
    dense = model.layers[-1]
    dense.set_weights([floats(4, 5, 2), floats(5, 2)])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    return train_and_ask(model, X, Y, batch_size=5)


@case("custom/layer-activity-regularizer")
def activity(keras: Any) -> Arrays:
    own = linear(keras)
    made = own(4, activity_regularizer=keras.regularizers.L1(0.1))
    model = keras.Sequential([keras.Input((5,)), made, keras.layers.Dense(2)])
    start(model)
    model.compile(keras.optimizers.SGD(0.1), "mse")
    return train_and_ask(model, X, Y, batch_size=5)


@case("custom/compute-loss")
def compute_loss(keras: Any) -> Arrays:
    layers = keras.layers

    class Net(keras.Model):
        def compute_loss(
            self,
            x: Any = None,
            y: Any = None,
            y_pred: Any = None,
            sample_weight: Any = None,
            training: bool = True,
        ) -> Any:
            found = super().compute_loss(x, y, y_pred, sample_weight, training)
            return 0.5 * found

    x = keras.Input((5,))
    model = start(Net(x, layers.Dense(2, kernel_regularizer="l2")(x)))
    model.compile(keras.optimizers.SGD(0.1), "mse")
    return train_and_ask(model, X, Y, batch_size=5)


@case("custom/compute-metrics")
def compute_metrics(keras: Any) -> Arrays:
    layers = keras.layers

    class Net(keras.Model):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.largest = keras.metrics.Mean(name="size")

        @property
        def metrics(self) -> list[Any]:
            own = super().metrics
            return own if self.largest in own else [*own, self.largest]

        def compute_metrics(
            self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None
        ) -> dict[str, Any]:
            self.largest.update_state(y_pred * y_pred)
            found = super().compute_metrics(x, y, y_pred, sample_weight)
            return {**found, "size": self.largest.result()}

    x = keras.Input((5,))
    model = start(Net(x, layers.Dense(2)(x)))
    model.compile(keras.optimizers.SGD(0.1), "mse", metrics=["mae"])
    return train(model, X, Y, batch_size=5, validation_data=(X[:6], Y[:6]))


@case("custom/registered-and-reloaded-config")
def registered(keras: Any) -> Arrays:
    own = linear(keras)
    model = keras.Sequential([keras.Input((5,)), own(4), keras.layers.Dense(2)])
    again = keras.Sequential.from_config(
        model.get_config(), custom_objects={"Linear": own}
    )
    start(again)
    again.compile(keras.optimizers.SGD(0.1), "mse")
    return train(again, X, Y, batch_size=5)


@case("custom/lambda-layer")
def lambda_layer(keras: Any) -> Arrays:
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((5,)),
            layers.Lambda(lambda x: x * 2.0 + 1.0),
            layers.Dense(2),
        ]
    )
    start(model)
    model.compile(keras.optimizers.SGD(0.05), "mse")
    return train(model, X, Y, batch_size=5)


@case("custom/cell")
def cell(keras: Any) -> Arrays:
    class Cell(keras.layers.Layer):
        def __init__(self, units: int) -> None:
            super().__init__()
            self.units = self.state_size = units

        def build(self, input_shape: Any) -> None:
            self.w = self.add_weight(
                shape=(input_shape[-1], self.units), name="w", initializer="ones"
            )
            self.u = self.add_weight(
                shape=(self.units, self.units), name="u", initializer="ones"
            )

        def call(self, x: Any, states: Any) -> Any:
            y = keras.activations.tanh(x @ self.w + states[0] @ self.u)
            return y, [y]

    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((4, 3)), layers.RNN(Cell(4)), layers.Dense(2)]
    )
    start(model)
    model.compile(keras.optimizers.SGD(0.1), "mse")
    return train_and_ask(model, floats(6, N, 4, 3), Y, batch_size=5)


@case("custom/own-constraint-and-initializer")
def own_pieces(keras: Any) -> Arrays:
    class Half(keras.constraints.Constraint):
        def __call__(self, w: Any) -> Any:
            return w * 0.9

    class Steps(keras.initializers.Initializer):
        def __call__(self, shape: Any, dtype: Any = None) -> Any:
            import numpy as np

            size = int(np.prod(shape))
            return np.linspace(-1, 1, size, dtype="float32").reshape(shape)

    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((5,)),
            layers.Dense(2, kernel_constraint=Half(), kernel_initializer=Steps()),
        ]
    )
    model.compile(keras.optimizers.SGD(0.1), "mse")
    return train(model, X, Y, batch_size=5)
