"""Normalisation in training: moving statistics are compared with the weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from parity.recording import Arrays, floats, start, train, train_and_ask
from parity.table import add, case

N = 14
SHAPES = {"2d": (5,), "3d": (6, 5), "4d": (4, 3, 5)}


def one(
    shape: tuple[int, ...], make: Callable[[Any], Any], frozen: bool = False
) -> Callable[[Any], Arrays]:
    def run(keras: Any) -> Arrays:
        layers = keras.layers
        head = [] if len(shape) == 1 else [layers.Flatten()]
        model = keras.Sequential(
            [keras.Input(shape), make(layers), *head, layers.Dense(2)]
        )
        start(model)
        model.layers[0].trainable = not frozen
        model.compile(keras.optimizers.SGD(0.05, momentum=0.5), "mse")
        x = floats(1, N, *shape) * 2 + 1
        return train_and_ask(
            model,
            x,
            floats(2, N, 2),
            batch_size=5,
            validation_data=(x[:6], floats(3, 6, 2)),
        )

    return run


for name, shape in SHAPES.items():
    add(f"normalization/batch/{name}", one(shape, lambda la: la.BatchNormalization()))
    add(
        f"normalization/batch-momentum/{name}",
        one(shape, lambda la: la.BatchNormalization(momentum=0.6, epsilon=0.01)),
    )
    add(
        f"normalization/batch-frozen/{name}",
        one(shape, lambda la: la.BatchNormalization(), frozen=True),
    )
    add(f"normalization/layer/{name}", one(shape, lambda la: la.LayerNormalization()))

MORE: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "batch-no-scale": (
        "4d",
        lambda la: la.BatchNormalization(scale=False, center=False),
    ),
    "batch-axis-1": ("4d", lambda la: la.BatchNormalization(axis=1)),
    "batch-axis-1-3d": ("3d", lambda la: la.BatchNormalization(axis=1)),
    "layer-axes": ("4d", lambda la: la.LayerNormalization(axis=[1, 2, 3])),
    "layer-axis-1": ("3d", lambda la: la.LayerNormalization(axis=1)),
    "layer-no-scale": ("3d", lambda la: la.LayerNormalization(scale=False)),
    "rms": ("3d", lambda la: la.RMSNormalization()),
    "group": ("4d", lambda la: la.GroupNormalization(groups=5)),
    "group-one": ("4d", lambda la: la.GroupNormalization(groups=1)),
    "instance": ("4d", lambda la: la.GroupNormalization(groups=-1)),
    "unit": ("2d", lambda la: la.UnitNormalization()),
    "spectral": ("2d", lambda la: la.SpectralNormalization(la.Dense(4))),
    "batch-renorm": (
        "4d",
        lambda la: la.BatchNormalization(
            renorm=True, renorm_momentum=0.8, renorm_clipping={"rmax": 2.0, "dmax": 1.0}
        ),
    ),
}
for name, (dims, make) in MORE.items():
    add(f"normalization/{name}", one(SHAPES[dims], make))


@case("normalization/batch-in-cnn")
def cnn(keras: Any) -> Arrays:
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((7, 6, 2)),
            layers.Conv2D(3, 3, use_bias=False),
            layers.BatchNormalization(momentum=0.8),
            layers.ReLU(),
            layers.Conv2D(4, 3, strides=2, padding="same"),
            layers.BatchNormalization(),
            layers.GlobalAveragePooling2D(),
            layers.Dense(2),
        ]
    )
    start(model)
    model.compile(keras.optimizers.SGD(0.05), "mse")
    return train(model, floats(1, N, 7, 6, 2), floats(2, N, 2), batch_size=5)


@case("normalization/batch-shared-twice")
def shared(keras: Any) -> Arrays:
    # Called twice in a step, its statistics move twice.
    layers = keras.layers
    a, b = keras.Input((4,)), keras.Input((4,))
    norm = layers.BatchNormalization(momentum=0.7)
    y = layers.Add()([norm(a), norm(b)])
    model = start(keras.Model([a, b], layers.Dense(2)(y)))
    model.compile(keras.optimizers.SGD(0.05), "mse")
    x = [floats(1, N, 4), floats(2, N, 4) * 3]
    return train(model, x, floats(3, N, 2), batch_size=5)


@case("normalization/batch-training-false")
def called_frozen(keras: Any) -> Arrays:
    layers = keras.layers
    x = keras.Input((5,))
    y = layers.BatchNormalization()(x, training=False)
    model = start(keras.Model(x, layers.Dense(2)(y)))
    model.compile(keras.optimizers.SGD(0.05), "mse")
    return train(model, floats(1, N, 5), floats(2, N, 2), batch_size=5)


@case("normalization/batch-training-true")
def called_training(keras: Any) -> Arrays:
    layers = keras.layers
    x = keras.Input((5,))
    y = layers.BatchNormalization()(x, training=True)
    model = start(keras.Model(x, layers.Dense(2)(y)))
    model.compile(keras.optimizers.SGD(0.05), "mse")
    return train_and_ask(model, floats(1, N, 5), floats(2, N, 2), batch_size=5)


@case("normalization/batch-frozen-in-model")
def frozen_model(keras: Any) -> Arrays:
    layers = keras.layers
    base = keras.Sequential(
        [keras.Input((5,)), layers.Dense(4), layers.BatchNormalization()]
    )
    base.trainable = False
    x = keras.Input((5,))
    model = start(keras.Model(x, layers.Dense(2)(base(x))))
    model.compile(keras.optimizers.Adam(0.05), "mse")
    return train(model, floats(1, N, 5), floats(2, N, 2), batch_size=5)


@case("normalization/batch-masked")
def masked(keras: Any) -> Arrays:
    # Masked steps do not count in the statistics.
    layers = keras.layers
    x = floats(1, N, 6, 4)
    x[::2, 4:] = 0
    x[1::3, 1:] = 0
    model = keras.Sequential(
        [
            keras.Input((6, 4)),
            layers.Masking(),
            layers.BatchNormalization(momentum=0.7),
            layers.LSTM(3),
            layers.Dense(2),
        ]
    )
    start(model)
    model.compile(keras.optimizers.SGD(0.05), "mse")
    return train(model, x, floats(2, N, 2), batch_size=5)


@case("normalization/adapted")
def adapted(keras: Any) -> Arrays:
    layers = keras.layers
    x = floats(1, N, 5) * 3 + 2
    norm = layers.Normalization()
    norm.adapt(x)
    model = keras.Sequential([keras.Input((5,)), norm, layers.Dense(2)])
    dense = model.layers[-1]
    dense.set_weights([floats(5, 5, 2), floats(6, 2)])
    model.compile(keras.optimizers.SGD(0.05), "mse")
    found = train(model, x, floats(2, N, 2), batch_size=5)
    # Its count is an integer that Keras keeps at 0.
    return {k: v for k, v in found.items() if k != "weights/2"}
