"""Every optimizer with a constant and with a scheduled rate, and what all share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from parity.recording import Arrays, floats, integers, padded_tokens, start, train
from parity.table import add, case

X, LABELS = floats(1, 20, 6), integers(2, 3, 20)


def classifier(keras: Any) -> Any:
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(5, activation="tanh"),
            layers.Dense(3, activation="softmax"),
        ]
    )
    return start(model)


def trained(keras: Any, optimizer: Any, eagerly: bool = False) -> Arrays:
    model = classifier(keras)
    model.compile(
        optimizer=optimizer,
        loss="sparse_categorical_crossentropy",
        run_eagerly=eagerly,
    )
    found = train(model, X, LABELS, batch_size=8, epochs=3)
    return found | {"iterations": int(optimizer.iterations)}


SETTINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "sgd": ("SGD", {}),
    "momentum": ("SGD", {"momentum": 0.9}),
    "nesterov": ("SGD", {"momentum": 0.9, "nesterov": True}),
    "rmsprop": ("RMSprop", {}),
    "rmsprop-momentum": ("RMSprop", {"momentum": 0.5, "rho": 0.8}),
    "rmsprop-centered": ("RMSprop", {"centered": True, "epsilon": 1e-3}),
    "adam": ("Adam", {}),
    "amsgrad": ("Adam", {"amsgrad": True, "beta_2": 0.9}),
    "adamw": ("AdamW", {"weight_decay": 0.02}),
    "adadelta": ("Adadelta", {}),
    "adagrad": ("Adagrad", {}),
    "adamax": ("Adamax", {}),
    "adafactor": ("Adafactor", {}),
    "adafactor-absolute": ("Adafactor", {"relative_step": False}),
    "nadam": ("Nadam", {}),
    "ftrl": ("Ftrl", {}),
    "ftrl-all": (
        "Ftrl",
        {
            "learning_rate_power": -0.6,
            "l1_regularization_strength": 0.01,
            "l2_regularization_strength": 0.02,
            "l2_shrinkage_regularization_strength": 0.03,
            "beta": 0.1,
        },
    ),
    "lion": ("Lion", {}),
    "lamb": ("Lamb", {}),
    "muon": ("Muon", {}),
    "schedule-free": ("ScheduleFreeAdamW", {"warmup_steps": 3}),
}


def rate_of(keras: Any) -> Any:
    return keras.optimizers.schedules.ExponentialDecay(0.05, 3, 0.6, staircase=False)


def one(kind: str, config: dict[str, Any], scheduled: bool) -> Callable[[Any], Arrays]:
    def run(keras: Any) -> Arrays:
        rate = rate_of(keras) if scheduled else 0.02
        made = getattr(keras.optimizers, kind)(learning_rate=rate, **config)
        # Compiled, Keras 3.15 loses the first value of this one's averages: what its
        # `build` assigns is part of a graph that tf.function throws away. It starts
        # from 0 instead of the weights, and forgets them.
        return trained(keras, made, eagerly=kind == "ScheduleFreeAdamW")

    return run


TOLERANCE: dict[str, Any] = {
    "ftrl-all": {"rtol": 1e-4, "why": "a power of -0.6 of sums, and weights near 0"}
}
for name, (kind, config) in SETTINGS.items():
    add(
        f"optimizers/{name}/constant",
        one(kind, config, False),
        **TOLERANCE.get(name, {}),
    )
    add(
        f"optimizers/{name}/scheduled",
        one(kind, config, True),
        **TOLERANCE.get(name, {}),
    )


def by_string(name: str) -> Callable[[Any], Arrays]:
    def run(keras: Any) -> Arrays:
        model = classifier(keras)
        model.compile(name, "sparse_categorical_crossentropy")
        return train(model, X, LABELS, batch_size=8)

    return run


for spelled in ("sgd", "RMSprop", "adam", "AdamW", "nadam"):
    add(f"optimizers/by-string/{spelled}", by_string(spelled))

SCHEDULES: dict[str, tuple[str, tuple[Any, ...], dict[str, Any]]] = {
    "exponential-staircase": ("ExponentialDecay", (0.1, 4, 0.5), {"staircase": True}),
    "inverse-time": ("InverseTimeDecay", (0.1, 4, 0.5), {}),
    "piecewise": ("PiecewiseConstantDecay", ([2, 5], [0.1, 0.05, 0.01]), {}),
    "polynomial": ("PolynomialDecay", (0.1, 6, 0.01), {"power": 2.0}),
    "polynomial-cycle": ("PolynomialDecay", (0.1, 4, 0.01), {"cycle": True}),
    "cosine": ("CosineDecay", (0.1, 7), {"alpha": 0.1}),
    "cosine-warmup": (
        "CosineDecay",
        (0.0, 5),
        {"warmup_target": 0.1, "warmup_steps": 3},
    ),
    "cosine-restarts": ("CosineDecayRestarts", (0.1, 3), {"m_mul": 0.7}),
}


def schedule(
    kind: str, given: tuple[Any, ...], config: dict[str, Any]
) -> Callable[[Any], Arrays]:
    def run(keras: Any) -> Arrays:
        rate = getattr(keras.optimizers.schedules, kind)(*given, **config)
        return trained(keras, keras.optimizers.SGD(rate, momentum=0.5))

    return run


for name, (kind, given, config) in SCHEDULES.items():
    add(f"optimizers/schedule/{name}", schedule(kind, given, config))

SHARED: dict[str, tuple[str, dict[str, Any]]] = {
    "weight-decay": ("SGD", {"learning_rate": 0.1, "weight_decay": 0.1}),
    "weight-decay-adam": ("Adam", {"learning_rate": 0.1, "weight_decay": 0.1}),
    "clipnorm": ("SGD", {"learning_rate": 0.5, "clipnorm": 0.05}),
    "clipvalue": ("SGD", {"learning_rate": 0.5, "clipvalue": 0.01}),
    "global-clipnorm": ("SGD", {"learning_rate": 0.5, "global_clipnorm": 0.05}),
    "ema": (
        "SGD",
        {"learning_rate": 0.2, "use_ema": True, "ema_momentum": 0.8},
    ),
    "ema-overwrite": (
        "Adam",
        {
            "learning_rate": 0.05,
            "use_ema": True,
            "ema_momentum": 0.7,
            "ema_overwrite_frequency": 2,
        },
    ),
    "accumulation": (
        "Adam",
        {"learning_rate": 0.05, "gradient_accumulation_steps": 2},
    ),
    "accumulation-clipnorm": (
        "SGD",
        {
            "learning_rate": 0.5,
            "momentum": 0.9,
            "clipnorm": 0.1,
            "gradient_accumulation_steps": 4,
        },
    ),
    "accumulation-ema-decay": (
        "AdamW",
        {
            "learning_rate": 0.05,
            "gradient_accumulation_steps": 2,
            "use_ema": True,
            "ema_momentum": 0.5,
            "ema_overwrite_frequency": 3,
        },
    ),
    "loss-scale-factor": ("Adam", {"learning_rate": 0.05, "loss_scale_factor": 64.0}),
}


def shared(kind: str, config: dict[str, Any]) -> Callable[[Any], Arrays]:
    return lambda keras: trained(keras, getattr(keras.optimizers, kind)(**config))


for name, (kind, config) in SHARED.items():
    add(f"optimizers/{name}", shared(kind, config))


@case("optimizers/accumulation/scheduled")
def accumulation_scheduled(keras: Any) -> Arrays:
    made = keras.optimizers.SGD(
        rate_of(keras), momentum=0.9, gradient_accumulation_steps=2
    )
    return trained(keras, made)


@case("optimizers/loss-scale/constant")
def loss_scale(keras: Any) -> Arrays:
    optimizers = keras.optimizers
    inner = optimizers.Adam(0.05)
    made = optimizers.LossScaleOptimizer(
        inner, initial_scale=1024.0, dynamic_growth_steps=2
    )
    return trained(keras, made) | {"scale": float(made.dynamic_scale)}


@case("optimizers/loss-scale/scheduled")
def loss_scale_scheduled(keras: Any) -> Arrays:
    optimizers = keras.optimizers
    return trained(keras, optimizers.LossScaleOptimizer(optimizers.SGD(rate_of(keras))))


@case("optimizers/loss-scale/overflow")
def loss_scale_overflow(keras: Any) -> Arrays:
    # The first scales make float32 overflow: those steps are left out.
    optimizers = keras.optimizers
    made = optimizers.LossScaleOptimizer(optimizers.Adam(0.05), initial_scale=2.0**127)
    x = X * 100
    model = classifier(keras)
    model.compile(optimizer=made, loss="sparse_categorical_crossentropy")
    found = train(model, x, LABELS, batch_size=8, epochs=4)
    return found | {"scale": float(made.dynamic_scale)}


@case("optimizers/exclude-from-weight-decay")
def exclude(keras: Any) -> Arrays:
    made = keras.optimizers.AdamW(0.05, weight_decay=0.2)
    made.exclude_from_weight_decay(var_names=["bias"])
    return trained(keras, made)


@case("optimizers/rate-set-by-hand")
def rate_set(keras: Any) -> Arrays:
    model = classifier(keras)
    model.compile(
        keras.optimizers.SGD(0.1, momentum=0.9), "sparse_categorical_crossentropy"
    )
    train(model, X, LABELS, batch_size=8)
    model.optimizer.learning_rate = 0.01
    found = train(model, X, LABELS, batch_size=8)
    return found | {"rate": float(model.optimizer.learning_rate)}


@case("optimizers/clipnorm/lstm")
def clipnorm_lstm(keras: Any) -> Arrays:
    # Norms are per Keras variable: all four gates of an LSTM are one.
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((5, 3)), layers.LSTM(4), layers.Dense(3, activation="softmax")]
    )
    start(model)
    model.compile(
        keras.optimizers.SGD(0.5, clipnorm=0.02), "sparse_categorical_crossentropy"
    )
    return train(model, floats(3, 12, 5, 3), integers(4, 3, 12), batch_size=5)


@case("optimizers/clipnorm/gru")
def clipnorm_gru(keras: Any) -> Arrays:
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((5, 3)), layers.GRU(4), layers.Dense(3, activation="softmax")]
    )
    start(model)
    model.compile(
        keras.optimizers.Adam(0.05, clipnorm=0.02), "sparse_categorical_crossentropy"
    )
    return train(model, floats(3, 12, 5, 3), integers(4, 3, 12), batch_size=5)


@case("optimizers/clipnorm/attention")
def clipnorm_attention(keras: Any) -> Arrays:
    # Query, key and value have a norm each, though torch keeps them in one matrix.
    layers = keras.layers
    x = keras.Input((4, 6))
    y = layers.MultiHeadAttention(2, 3)(x, x)
    y = layers.GlobalAveragePooling1D()(y)
    model = start(keras.Model(x, layers.Dense(2)(y)))
    model.compile(keras.optimizers.SGD(0.5, clipnorm=0.02), "mse")
    return train(model, floats(5, 11, 4, 6), floats(6, 11, 2), batch_size=4)


@case("optimizers/weight-decay/lstm-embedding")
def weight_decay_lstm(keras: Any) -> Arrays:
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Embedding(7, 3, mask_zero=True),
            layers.LSTM(4),
            layers.Dense(3, activation="softmax"),
        ]
    )
    start(model)
    model.compile(keras.optimizers.AdamW(0.01), "sparse_categorical_crossentropy")
    return train(model, padded_tokens(3, 12, 6, 7), integers(4, 3, 12), batch_size=5)


@case("optimizers/muon/cnn")
def muon_cnn(keras: Any) -> Arrays:
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((6, 6, 2)),
            layers.Conv2D(3, 3, activation="tanh"),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    start(model)
    model.compile(keras.optimizers.Muon(0.01), "sparse_categorical_crossentropy")
    return train(model, floats(3, 12, 6, 6, 2), integers(4, 3, 12), batch_size=5)


@case("optimizers/lamb/bn-embedding")
def lamb_cnn(keras: Any) -> Arrays:
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Embedding(7, 3),
            layers.GlobalAveragePooling1D(),
            layers.BatchNormalization(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    start(model)
    model.compile(keras.optimizers.Lamb(0.01), "sparse_categorical_crossentropy")
    return train(model, integers(3, 7, 12, 6), integers(4, 3, 12), batch_size=5)


@case("optimizers/adafactor/embedding-lstm")
def adafactor(keras: Any) -> Arrays:
    # Factored second moments: the shape that Keras gives a weight decides.
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Embedding(7, 3),
            layers.LSTM(4),
            layers.Dense(3, activation="softmax"),
        ]
    )
    start(model)
    model.compile(keras.optimizers.Adafactor(0.05), "sparse_categorical_crossentropy")
    return train(model, integers(3, 7, 12, 6), integers(4, 3, 12), batch_size=5)


@case("optimizers/adafactor/conv")
def adafactor_conv(keras: Any) -> Arrays:
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((6, 6, 2)),
            layers.Conv2D(3, 3, activation="tanh"),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    start(model)
    model.compile(keras.optimizers.Adafactor(0.05), "sparse_categorical_crossentropy")
    return train(model, floats(3, 12, 6, 6, 2), integers(4, 3, 12), batch_size=5)
