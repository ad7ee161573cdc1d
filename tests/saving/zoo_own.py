"""Models with what is a user's own, and what few models have: ``build(keras)``."""

from __future__ import annotations

from pathlib import Path

import numpy as np

_made = {}


def _registered(keras, make):
    """Return a registered class, the same each time."""
    key = keras.__name__, make.__name__
    if key not in _made:
        _made[key] = keras.saving.register_keras_serializable("zoo")(make(keras))
    return _made[key]


def cell_class(keras):
    class Leaky(keras.layers.Layer):
        def __init__(self, units, **kwargs):
            super().__init__(**kwargs)
            self.units = self.state_size = self.output_size = units
            self.inner = keras.layers.Dense(units, activation="tanh")

        def build(self, input_shape):
            self.inner.build(input_shape)
            shape = (self.units,)
            self.rate = self.add_weight(shape=shape, initializer="ones", name="rate")
            self.built = True

        def call(self, inputs, states):
            state = self.inner(inputs) + states[0] * self.rate * 0.5
            return state, [state]

        def get_config(self):
            return {**super().get_config(), "units": self.units}

    return Leaky


def layer_class(keras):
    class Table(keras.layers.Layer):
        """Built its own way; its variables under its own keys; a file beside them."""

        def __init__(self, width, words=(), **kwargs):
            super().__init__(**kwargs)
            self.width, self.words = width, list(words)

        def build(self, input_shape):
            self._make(input_shape[-1])

        def _make(self, size):
            self.size = size
            self.table = self.add_weight(shape=(size, self.width), name="table")
            self.built = True

        def get_build_config(self):
            return {"size": self.size}

        def build_from_config(self, config):
            self._make(config["size"])

        def call(self, inputs):
            return inputs @ self.table * float(1 + len(self.words))

        def compute_output_shape(self, input_shape):
            return (*input_shape[:-1], self.width)

        def save_own_variables(self, store):
            super().save_own_variables(store)
            store["half"] = np.asarray(self.table.numpy()) / 2

        def load_own_variables(self, store):
            self.table.assign(np.asarray(store["half"]) * 2)

        def save_assets(self, path):
            Path(path, "words.txt").write_text("\n".join(self.words))

        def load_assets(self, path):
            self.words = Path(path, "words.txt").read_text().split()

        def get_config(self):
            return {**super().get_config(), "width": self.width}

    return Table


def model_class(keras):
    class Pair(keras.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            L = keras.layers
            self.front = keras.Sequential([L.Dense(4, activation="relu"), L.Dense(3)])
            self.back = {"end": [L.Dense(2)], "more": ([L.Dense(2)],)}
            self.table = _registered(keras, layer_class)(2, words=["a", "b"])
            self.other_optimizer = keras.optimizers.SGD(0.1, momentum=0.9)
            self.count = keras.metrics.Sum(name="count")

        def build(self, input_shape):
            self.front.build(input_shape)
            for layer in (self.back["end"][0], self.back["more"][0][0], self.table):
                layer.build((None, 3))
            # Kept in files, and read where it is built: before them.
            self.other_optimizer.build(self.front.trainable_variables)
            self.built = True

        def call(self, inputs):
            y = self.front(inputs)
            return self.back["end"][0](y) + self.back["more"][0][0](y) + self.table(y)

        def get_config(self):
            return {"name": self.name}

    return Pair


def own_wrappers(keras):
    L = keras.layers
    Leaky, Table = _registered(keras, cell_class), _registered(keras, layer_class)
    x = keras.Input((5, 4))
    y = L.RNN(Leaky(3), return_sequences=True)(x)
    y = L.TimeDistributed(Table(6))(y)
    y = L.TimeDistributed(keras.Sequential([L.Dense(3), L.ReLU()]))(y)
    y = L.GlobalAveragePooling1D()(y)
    model = keras.Model(x, Table(2)(y), name="own_wrappers")
    model.compile(keras.optimizers.Adamax(0.01), "mse")
    return model


def two_optimizers(keras):
    model = _registered(keras, model_class)(name="pair")
    model.compile(keras.optimizers.Adam(0.01, amsgrad=True), "mse", metrics=["mae"])
    model(np.zeros((2, 4), "float32"))
    model.other_optimizer.iterations.assign(7)
    return model


def grouped(keras):
    L = keras.layers
    x, n = keras.Input((6, 8), name="x"), keras.Input((3,), name="n")
    # A bias of keys has no gradient, and Adam takes its rounding for one.
    y = L.GroupQueryAttention(4, 4, 2, use_bias=False)(x, x)
    y = L.GlobalMaxPooling1D()(L.RMSNormalization()(y))
    z = L.Discretization([-1.0, 0.0, 1.0], output_mode="multi_hot")(n)
    model = keras.Model([x, n], L.Dense(2)(L.Concatenate()([y, z])), name="grouped")
    inner = keras.optimizers.Adam(0.01)
    scaled = keras.optimizers.LossScaleOptimizer(inner, 64.0, dynamic_growth_steps=2)
    model.compile(scaled, keras.losses.mean_absolute_error)
    return model


def half(keras):
    L = keras.layers
    model = keras.Sequential(
        [
            L.Input((4,)),
            L.Dense(5, dtype="bfloat16"),
            L.Dense(3, dtype="mixed_bfloat16"),
            L.Dense(2, dtype="float32"),
        ],
        name="half",
    )
    model.compile(keras.optimizers.SGD(0.01, momentum=0.9), "mse")
    return model


F4 = {"x": (4,)}
T2 = {"t": (2,)}
ZOO = {
    "own_wrappers": (own_wrappers, {"x": (5, 4)}, T2, False),
    "two_optimizers": (two_optimizers, F4, T2, False),
    "grouped": (grouped, {"x": (6, 8), "n": (3,)}, T2, False),
    "half": (half, F4, T2, True),
}


def register(keras):
    """Make the classes known, before a file names them."""
    for make in (cell_class, layer_class, model_class):
        _registered(keras, make)
