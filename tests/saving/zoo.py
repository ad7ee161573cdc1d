"""Models that Keras and keras2torch build from the same lines: ``build(keras)``."""

from __future__ import annotations

import inspect

import numpy as np
import zoo_own

_REQUIRED = {
    "activation": "relu",
    "axes": 1,
    "factor": 0.2,
    "height_factor": 0.2,
    "width_factor": 0.2,
    "rate": 0.5,
    "stddev": 0.1,
    "value_range": (0, 1),
}
_NOT_OF_NUMBERS = {
    "CategoryEncoding": lambda L: L.CategoryEncoding(4),
    "Discretization": lambda L: L.Discretization([0.0, 1.0]),
    "SpectralNormalization": lambda L: L.SpectralNormalization(L.Dense(2)),
    "Bidirectional": lambda L: L.Bidirectional(L.LSTM(2)),
    "GroupQueryAttention": lambda L: L.GroupQueryAttention(2, 2, 1),
    "MultiHeadAttention": lambda L: L.MultiHeadAttention(2, 2),
    "Permute": lambda L: L.Permute((2, 1)),
    "RNN": lambda L: L.RNN(L.LSTMCell(2)),
    # Keras draws a seed where none is given.
    "RandomCrop": lambda L: L.RandomCrop(2, 2, seed=1),
    "RandomPosterization": lambda L: L.RandomPosterization(3),
    "Reshape": lambda L: L.Reshape((2, 2)),
    "StackedRNNCells": lambda L: L.StackedRNNCells([L.LSTMCell(2)]),
    "TimeDistributed": lambda L: L.TimeDistributed(L.Dense(2)),
    "ZeroPadding3D": lambda L: L.ZeroPadding3D((1, 2, 3)),
    "UpSampling2D": lambda L: L.UpSampling2D(3),
    "Conv2D": lambda L: L.Conv2D(
        2, 3, kernel_constraint="max_norm", bias_regularizer="l1"
    ),
}


def layer(keras, kind):
    """Return a layer of a kind with the arguments that it must have, if it is known."""
    made = getattr(keras.layers, kind, None)
    if made is None:
        return None
    if kind in _NOT_OF_NUMBERS:
        return _NOT_OF_NUMBERS[kind](keras.layers)
    wanted = {}
    for parameter in list(inspect.signature(made).parameters.values()):
        named = parameter.kind in (
            parameter.POSITIONAL_OR_KEYWORD,
            parameter.KEYWORD_ONLY,
        )
        if named and parameter.default is parameter.empty:
            wanted[parameter.name] = _REQUIRED.get(parameter.name, 2)
    return made(**wanted)


def data(shapes, rows=12, seed=0, whole=()):
    rng = np.random.default_rng(seed)
    found = {}
    for name, shape in shapes.items():
        if name in whole:
            found[name] = rng.integers(0, 7, (rows, *shape)).astype("int32")
        else:
            found[name] = rng.normal(size=(rows, *shape)).astype("float32")
    return found


def cnn(keras):
    L = keras.layers
    model = keras.Sequential(
        [
            L.Input((8, 8, 3)),
            L.Conv2D(4, 3, padding="same", use_bias=False, kernel_regularizer="l2"),
            L.BatchNormalization(),
            L.ReLU(),
            L.MaxPooling2D(),
            L.Conv2D(5, 3, activation="relu", kernel_constraint="non_neg"),
            L.Flatten(),
            L.Dense(3, activation="softmax", kernel_initializer="he_normal"),
        ],
        name="cnn",
    )
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=0.1)
    model.compile(keras.optimizers.Adam(0.01), loss, metrics=["accuracy"])
    return model


def bilstm(keras):
    L = keras.layers
    x = keras.Input((6,), dtype="int32", name="words")
    y = L.Embedding(7, 5, mask_zero=True)(x)
    y = L.Bidirectional(L.LSTM(3, return_sequences=True), merge_mode="sum")(y)
    y = L.Bidirectional(L.LSTM(2))(y)
    model = keras.Model(x, L.Dense(2)(y), name="bilstm")
    model.compile(keras.optimizers.RMSprop(0.01, momentum=0.5), "mse")
    return model


def gru(keras):
    L = keras.layers
    x = keras.Input((6, 4))
    y = L.GRU(3, return_sequences=True)(x)
    y = L.GRU(3, reset_after=False, recurrent_activation="hard_sigmoid")(y)
    model = keras.Model(x, L.Dense(2)(y), name="grus")
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True), "mae")
    return model


def attention(keras):
    L = keras.layers
    x = keras.Input((6, 4))
    y = L.MultiHeadAttention(2, 3, value_dim=2)(x, x)
    y = L.LayerNormalization()(L.Add()([x, y]))
    y = L.Attention(use_scale=True)([y, x])
    y = L.GlobalAveragePooling1D()(y)
    model = keras.Model(x, L.Dense(2)(y), name="attention")
    schedule = keras.optimizers.schedules.ExponentialDecay(0.01, 2, 0.5)
    model.compile(
        keras.optimizers.AdamW(schedule, weight_decay=0.01, clipnorm=1.0),
        keras.losses.Huber(),
        metrics=[keras.metrics.MeanAbsoluteError(name="off")],
    )
    return model


def nested(keras):
    L = keras.layers
    inner = keras.Sequential(
        [L.Input((4,)), L.Dense(4, use_bias=False), L.BatchNormalization()]
    )
    a = keras.Input((4,), name="left")
    b = keras.Input((4,), name="right")
    pair = keras.Model([a, b], [L.Add()([inner(a), b]), a], name="pair")
    x = keras.Input((4,))
    y, z = pair([x, L.Dense(4, name="turn")(x)])
    y = L.Concatenate()([L.Dense(2)(y), z])
    frozen = keras.Sequential([L.Dense(3, activation="tanh")], name="frozen")
    frozen.trainable = False
    model = keras.Model(x, L.Dense(2)(frozen(y)), name="nested")
    model.compile(keras.optimizers.Nadam(0.01), "mse")
    return model


def ends(keras):
    L = keras.layers
    x = keras.Input((4,))
    inner = keras.Model(x, [L.Dense(2)(x), L.Dense(3)(x)], name="two")
    y = keras.Input((4,), name="y")
    model = keras.Model(y, inner(y), name="ends")
    model.compile("adam", ["mse", "mae"], loss_weights=[1.0, 0.5])
    return model


def shared(keras):
    L = keras.layers
    dense = L.Dense(4, activation="relu", name="both")
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    y = L.Subtract()([dense(a), dense(b)])
    y = dense(y)
    model = keras.Model([a, b], L.Dense(1, activation="sigmoid")(y), name="shared")
    model.compile("adam", "binary_crossentropy", metrics=["accuracy", "AUC"])
    return model


def across(keras):
    """A stack within a model and beside it: Keras cannot read its own file of it."""
    L = keras.layers
    inner = keras.Sequential([L.Input((4,)), L.Dense(4)], name="inner")
    x = keras.Input((4,))
    held = keras.Model(x, L.ReLU()(inner(x)), name="held")
    y = keras.Input((4,))
    model = keras.Model(y, L.Dense(2)(held(inner(y))), name="across")
    model.compile("adam", "mse")
    return model


def dicts(keras):
    L = keras.layers
    inputs = {"p": keras.Input((4,), name="p"), "q": keras.Input((3,), name="q")}
    y = L.Concatenate()([inputs["p"], inputs["q"]])
    y = L.Dense(5, activation="tanh")(y)
    outputs = {"v": L.Dense(1, name="v")(y), "u": L.Dense(2, name="u")(y)}
    model = keras.Model(inputs, outputs, name="dicts")
    model.compile(
        "adagrad", {"u": "mse", "v": "mae"}, metrics={"u": ["mae"], "v": ["mse"]}
    )
    return model


def operations(keras):
    L = keras.layers
    x = keras.Input((6, 4))
    y = (x * 2.0 - 1.0) / 3.0 + x[:, 0:1, :]
    y = L.Dense(4)(-y) ** 2
    y = y[:, 1] + 1.5 * L.Flatten()(x)[:, :4]
    model = keras.Model(x, L.Dense(2)(y), name="operations")
    model.compile(keras.optimizers.Adamax(0.01), "mse")
    return model


def separable(keras):
    L = keras.layers
    x = keras.Input((9, 9, 3))
    y = L.SeparableConv2D(4, 3, strides=2, padding="same", depth_multiplier=2)(x)
    y = L.DepthwiseConv2D(3, padding="same")(y)
    y = L.Conv2DTranspose(3, 2, strides=2)(y)
    y = L.PReLU(shared_axes=[1, 2])(y)
    y = L.GroupNormalization(3)(y)
    y = L.UpSampling2D(2, interpolation="bilinear")(y)
    y = L.ZeroPadding2D(((1, 0), (0, 1)))(y)
    y = L.GlobalMaxPooling2D()(y)
    model = keras.Model(x, L.Dense(2)(y), name="separable")
    model.compile(keras.optimizers.Adadelta(0.5), "mse")
    return model


def own_layer(keras):
    L = keras.layers
    Scale = own_class(keras)
    x = keras.Input((4,))
    y = Scale(2.0, L.Dense(3), name="first")(x)
    y = L.Dense(3, activation=own_function(keras))(y)
    model = keras.Model(x, Scale(0.5, L.Dense(2))(y), name="own")
    model.compile("adam", "mse")
    return model


_made = {}


def own_class(keras):
    """Return a registered layer, the same class each time."""
    if keras.__name__ in _made:
        return _made[keras.__name__]

    @keras.saving.register_keras_serializable("zoo")
    class Scale(keras.layers.Layer):
        def __init__(self, factor, inner, **kwargs):
            super().__init__(**kwargs)
            self.factor, self.inner = factor, inner
            self.more = [keras.layers.Dense(3), keras.layers.Dense(2, name="last")]

        def build(self, input_shape):
            shape = tuple(input_shape)
            self.gain = self.add_weight(
                shape=(shape[-1],), initializer="ones", name="gain"
            )
            self.count = self.add_weight(
                shape=(), initializer="zeros", trainable=False, name="count"
            )
            if not self.inner.built:
                self.inner.build(shape)
            self.more[0].build((*shape[:-1], self.inner.units))
            self.more[1].build((*shape[:-1], 3))
            super().build(input_shape)

        def call(self, inputs):
            y = self.inner(inputs * self.gain) * self.factor
            return self.more[1](self.more[0](y))

        def compute_output_shape(self, input_shape):
            return (*input_shape[:-1], 2)

        def get_config(self):
            inner = keras.saving.serialize_keras_object(self.inner)
            return {**super().get_config(), "factor": self.factor, "inner": inner}

        @classmethod
        def from_config(cls, config):
            config = dict(config)
            config["inner"] = keras.saving.deserialize_keras_object(config["inner"])
            return cls(**config)

    _made[keras.__name__] = Scale
    return Scale


def own_function(keras):
    key = f"{keras.__name__} function"
    if key not in _made:

        @keras.saving.register_keras_serializable("zoo")
        def doubled(x):
            return x * 2.0

        _made[key] = doubled
    return _made[key]


def late(keras):
    L = keras.layers
    model = keras.Sequential(
        [
            L.Conv1D(4, 3, padding="causal"),
            L.AveragePooling1D(2),
            L.Flatten(),
            L.Dense(2),
        ]
    )
    model.compile(keras.optimizers.Lion(0.01), "mse")
    model(np.zeros((2, 8, 3), "float32"))
    return model


def steps(keras):
    L = keras.layers
    inner = keras.Sequential([L.Input((5,)), L.Dense(4), L.LayerNormalization()])
    x = keras.Input((6, 5))
    y = L.TimeDistributed(L.Dense(5, activation="relu"))(x)
    y = L.TimeDistributed(inner)(y)
    y = L.Conv1D(3, 2, dilation_rate=2)(y)
    y = L.RNN([L.LSTMCell(3), L.GRUCell(2)])(y)
    model = keras.Model(x, L.Dense(2)(y), name="steps")
    model.compile("adam", "mse")
    return model


def cells(keras):
    L = keras.layers
    x, h, c, g = (keras.Input((n,)) for n in (4, 3, 3, 2))
    y, (hidden, carried) = L.LSTMCell(3)(x, [h, c])
    stack = L.StackedRNNCells([L.LSTMCell(3), L.GRUCell(2)])
    z, states = stack(y, [[hidden, carried], [g]])
    w, _ = L.SimpleRNNCell(2)(z, [states[1][0]])
    model = keras.Model([x, h, c, g], L.Dense(2)(w), name="cells")
    model.compile("adam", "mse")
    return model


def frames(keras):
    L = keras.layers
    x = keras.Input((4, 5, 6, 2))
    y = L.ConvLSTM2D(3, 2, padding="same", return_sequences=True, name="film")(x)
    y = L.Bidirectional(L.ConvLSTM2D(2, 3, activation="relu"), "sum")(y)
    model = keras.Model(x, L.Dense(2)(L.Flatten()(y)), name="frames")
    model.compile("adam", "mse")
    return model


def random(keras):
    L = keras.layers
    model = keras.Sequential(
        [
            L.Input((8, 8, 2)),
            L.Rescaling(0.5, offset=0.1),
            L.SpatialDropout2D(0.3),
            L.Conv2D(3, 3, data_format="channels_last", groups=1),
            L.LeakyReLU(negative_slope=0.1),
            L.Reshape((6, 18)),
            L.GaussianNoise(0.1),
            L.LSTM(4, dropout=0.2, recurrent_dropout=0.1),
            L.Dropout(0.5, seed=3),
            L.UnitNormalization(),
            L.Dense(2),
        ],
        name="random",
    )
    model.compile("adam", "mse")
    return model


def uncompiled(keras):
    L = keras.layers
    x = keras.Input((4,))
    y = L.Dense(3, dtype="float32", trainable=False)(x)
    y = L.Dense(2, use_bias=False, activation="gelu")(y)
    return keras.Model([x], [y], name="uncompiled")


def own_model(keras):
    key = f"{keras.__name__} model"
    if key not in _made:

        @keras.saving.register_keras_serializable("zoo")
        class Net(keras.Model):
            def __init__(self, units, **kwargs):
                super().__init__(**kwargs)
                self.units = units
                self.blocks = [keras.layers.Dense(units) for _ in range(2)]
                self._last = keras.layers.Dense(2)
                self.zero = keras.layers.Dense(4, use_bias=False)
                self.tracker = keras.metrics.Mean(name="tracker")
                self.bank = {"norm": keras.layers.LayerNormalization()}

            def call(self, inputs, training=False):
                inputs = self.zero(inputs)
                for block in self.blocks:
                    inputs = self.bank["norm"](block(inputs))
                return self._last(inputs)

            def get_config(self):
                return {"units": self.units, "name": self.name}

        _made[key] = Net
    model = _made[key](8)
    model.compile("adam", "mse")
    model(np.zeros((2, 4), "float32"))
    return model


def older(keras):
    """What tf_keras trains: each of its two families of optimizers."""
    old = getattr(keras.optimizers, "legacy", keras.optimizers)
    return {
        "adam": old.Adam(0.01),
        "amsgrad": old.Adam(0.01, amsgrad=True),
        "momentum": old.SGD(0.01, momentum=0.9),
        "sgd": old.SGD(0.01),
        "rmsprop": old.RMSprop(0.01, rho=0.8),
        "nadam": old.Adamax(0.01),
        "new_adam": keras.optimizers.Adam(0.01),
        "new_momentum": keras.optimizers.SGD(0.01, momentum=0.9),
    }


def stack(keras):
    L = keras.layers
    return keras.Sequential(
        [
            L.Input((4,)),
            L.Dense(6, "tanh"),
            L.Dense(3, use_bias=False),
            L.LayerNormalization(),
            L.Dense(2),
        ]
    )


F4 = {"x": (4,)}
S64 = {"x": (6, 4)}
# name → (function, shapes of the inputs, shapes of the targets, whether chance plays)
ZOO = {
    "cnn": (cnn, {"x": (8, 8, 3)}, {"t": (3,)}, False),
    "bilstm": (bilstm, {"x": (6,)}, {"t": (2,)}, False),
    "gru": (gru, S64, {"t": (2,)}, False),
    "attention": (attention, S64, {"t": (2,)}, False),
    "nested": (nested, F4, {"t": (2,)}, False),
    "ends": (ends, F4, {"t": (2,), "u": (3,)}, False),
    "shared": (shared, {"a": (4,), "b": (4,)}, {"t": (1,)}, False),
    "dicts": (dicts, {"p": (4,), "q": (3,)}, {"u": (2,), "v": (1,)}, False),
    "operations": (operations, S64, {"t": (2,)}, False),
    "separable": (separable, {"x": (9, 9, 3)}, {"t": (2,)}, False),
    "own_layer": (own_layer, F4, {"t": (2,)}, False),
    "late": (late, {"x": (8, 3)}, {"t": (2,)}, False),
    "steps": (steps, {"x": (6, 5)}, {"t": (2,)}, False),
    "cells": (cells, {"x": (4,), "h": (3,), "c": (3,), "g": (2,)}, {"t": (2,)}, False),
    "frames": (frames, {"x": (4, 5, 6, 2)}, {"t": (2,)}, False),
    "random": (random, {"x": (8, 8, 2)}, {"t": (2,)}, True),
    "uncompiled": (uncompiled, F4, {"t": (2,)}, True),
    "own_model": (own_model, F4, {"t": (2,)}, False),
    **zoo_own.ZOO,
}
# Of a model whose calls are its code, an .h5 has the weights and nothing to build.
NOT_IN_H5 = ("own_model", "two_optimizers")


def batch(name):
    """Return inputs and targets of a model, in its structure."""
    _, inputs, targets, _ = ZOO[name]
    x = data(inputs, whole=inputs if name == "bilstm" else ())
    t = data(targets, seed=1)
    if name in ("cnn", "shared"):
        t = {k: np.eye(max(v.shape[-1], 2))[v.argmax(-1)] for k, v in t.items()}
        t = {k: v[:, : targets[k][0]].astype("float32") for k, v in t.items()}
    if name == "dicts":
        return x, t
    ordered = [*x.values()], [*t.values()]
    return tuple(v[0] if len(v) == 1 else v for v in ordered)


def flat(values):
    """Return the arrays of a structure, dictionaries by key."""
    if isinstance(values, dict):
        return [values[k] for k in sorted(values)]
    return list(values) if isinstance(values, (list, tuple)) else [values]


def observed(model, name, *, further=True):
    """Return what a model predicts, its weights, and the same after an epoch more."""
    x, t = batch(name)
    found = {
        f"y{i}": np.asarray(v) for i, v in enumerate(flat(model.predict(x, verbose=0)))
    }
    found |= {f"w{i}": _plain(w) for i, w in enumerate(model.get_weights())}
    other = getattr(model, "other_optimizer", None)
    for i, v in enumerate(other.variables if other is not None else ()):
        found[f"w_other{i}"] = np.asarray(v.numpy())
    if further and getattr(model, "optimizer", None) is not None:
        found["iterations"] = np.asarray(int(model.optimizer.iterations))
        if not ZOO[name][3]:
            model.fit(x, t, batch_size=5, epochs=1, shuffle=False, verbose=0)
            for i, w in enumerate(model.get_weights()):
                found[f"later{i}"] = np.asarray(w)
    return found


def _plain(array):
    """Return what NumPy writes to a file, which bfloat16 is not."""
    array = np.asarray(array)
    return array.astype("float32") if array.dtype.name == "bfloat16" else array


def trained(keras, name):
    model = ZOO[name][0](keras)
    if getattr(model, "optimizer", None) is not None:
        x, t = batch(name)
        model.fit(x, t, batch_size=5, epochs=1, shuffle=False, verbose=0)
    return model
