"""Regularizers and constraints, on each kind of weight."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from parity.recording import Arrays, floats, integers, start, train, train_and_ask
from parity.table import add, case

N = 13


def dense(keras: Any, **given: Any) -> tuple[Any, Any]:
    layers = keras.layers
    body = [layers.Dense(4, activation="tanh", **given), layers.Dense(2)]
    return keras.Sequential([keras.Input((5,)), *body]), floats(1, N, 5)


def conv(keras: Any, **given: Any) -> tuple[Any, Any]:
    layers = keras.layers
    body = [layers.Conv2D(3, (3, 2), activation="tanh", **given), layers.Flatten()]
    body.append(layers.Dense(2))
    return keras.Sequential([keras.Input((5, 4, 2)), *body]), floats(1, N, 5, 4, 2)


def embedding(keras: Any, **given: Any) -> tuple[Any, Any]:
    layers = keras.layers
    given = {k.replace("kernel", "embeddings"): v for k, v in given.items()}
    given = {k: v for k, v in given.items() if not k.startswith(("bias", "recurrent"))}
    body = [layers.Embedding(6, 4, **given), layers.GlobalAveragePooling1D()]
    body.append(layers.Dense(2))
    return keras.Sequential([keras.Input((7,)), *body]), integers(1, 6, N, 7)


def lstm(keras: Any, **given: Any) -> tuple[Any, Any]:
    layers = keras.layers
    body = [layers.LSTM(3, **given), layers.Dense(2)]
    return keras.Sequential([keras.Input((6, 4)), *body]), floats(1, N, 6, 4)


KINDS: dict[str, Callable[..., tuple[Any, Any]]] = {
    "dense": dense,
    "conv": conv,
    "embedding": embedding,
    "lstm": lstm,
}
# What is made new for every weight: an object may keep what it was first used on.
Make = Callable[[Any], Any]
REGULARIZERS: dict[str, Make] = {
    "l1": lambda k: k.regularizers.L1(0.03),
    "l2": lambda k: k.regularizers.L2(0.05),
    "l1-l2": lambda k: k.regularizers.L1L2(0.01, 0.02),
    "string": lambda k: "l2",
}
CONSTRAINTS: dict[str, Make] = {
    "max-norm": lambda k: k.constraints.MaxNorm(0.4),
    "non-neg": lambda k: k.constraints.NonNeg(),
    "unit-norm": lambda k: k.constraints.UnitNorm(),
    "min-max-norm": lambda k: k.constraints.MinMaxNorm(0.3, 0.6, rate=0.7),
}


def trained(keras: Any, model: Any, x: Any) -> Arrays:
    start(model)
    model.compile(keras.optimizers.SGD(0.1, momentum=0.5), "mse", metrics=["mae"])
    return train(model, x, floats(2, N, 2), batch_size=5)


def one(kind: str, ending: str, make: Make) -> Callable[[Any], Arrays]:
    def run(keras: Any) -> Arrays:
        given = {f"kernel_{ending}": make(keras), f"bias_{ending}": make(keras)}
        if kind == "lstm":
            given[f"recurrent_{ending}"] = make(keras)
        if ending == "constraint" and kind != "dense":
            # A vector has no norm along its only axis but its own.
            del given["bias_constraint"]
        model, x = KINDS[kind](keras, **given)
        return trained(keras, model, x)

    return run


for kind in KINDS:
    for name, make in REGULARIZERS.items():
        add(f"penalties/{name}/{kind}", one(kind, "regularizer", make))
    for name, make in CONSTRAINTS.items():
        add(f"penalties/{name}/{kind}", one(kind, "constraint", make))


def kernel_only(kind: str, ending: str, make: Make) -> Callable[[Any], Arrays]:
    def run(keras: Any) -> Arrays:
        model, x = KINDS[kind](keras, **{f"kernel_{ending}": make(keras)})
        return trained(keras, model, x)

    return run


for kind in ("dense", "embedding", "lstm"):
    for mode in ("rows", "columns"):
        add(
            f"penalties/orthogonal-{mode}/{kind}",
            kernel_only(
                kind,
                "regularizer",
                lambda k, mode=mode: k.regularizers.OrthogonalRegularizer(0.05, mode),
            ),
        )

AXES: dict[str, Any] = {"axis-1": 1, "axes-of-filters": [0, 1, 2]}
for name, axis in AXES.items():
    kind = "dense" if axis == 1 else "conv"
    add(
        f"penalties/max-norm-{name}/{kind}",
        kernel_only(
            kind,
            "constraint",
            lambda k, axis=axis: k.constraints.MaxNorm(0.4, axis=axis),
        ),
    )
    add(
        f"penalties/unit-norm-{name}/{kind}",
        kernel_only(
            kind, "constraint", lambda k, axis=axis: k.constraints.UnitNorm(axis=axis)
        ),
    )


def activity(kind: str) -> Callable[[Any], Arrays]:
    def run(keras: Any) -> Arrays:
        made = keras.regularizers.L1L2(0.02, 0.03)
        model, x = KINDS[kind](keras, activity_regularizer=made)
        start(model)
        model.compile(keras.optimizers.SGD(0.1), "mse")
        return train_and_ask(model, x, floats(2, N, 2), batch_size=5)

    return run


for kind in KINDS:
    add(f"penalties/activity/{kind}", activity(kind))


@case("penalties/activity/layer")
def activity_layer(keras: Any) -> Arrays:
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((5,)),
            layers.Dense(4),
            layers.ActivityRegularization(l1=0.02, l2=0.01),
            layers.Dense(2),
        ]
    )
    return trained(keras, model, floats(1, N, 5))


@case("penalties/batch-normalization")
def normalization(keras: Any) -> Arrays:
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((5,)),
            layers.Dense(4),
            layers.BatchNormalization(
                beta_regularizer="l1",
                gamma_regularizer=keras.regularizers.L2(0.1),
                gamma_constraint=keras.constraints.NonNeg(),
            ),
            layers.Dense(2),
        ]
    )
    return trained(keras, model, floats(1, N, 5))


@case("penalties/more-layers")
def more(keras: Any) -> Arrays:
    layers, l2 = keras.layers, keras.regularizers.L2
    model = keras.Sequential(
        [
            keras.Input((6, 6, 2)),
            layers.SeparableConv2D(
                3,
                3,
                depthwise_regularizer=l2(0.03),
                pointwise_regularizer=l2(0.02),
                depthwise_constraint=keras.constraints.MaxNorm(0.5, axis=[0, 1]),
            ),
            layers.DepthwiseConv2D(2, depthwise_regularizer="l1"),
            layers.Conv2DTranspose(2, 2, kernel_regularizer=l2(0.04)),
            layers.PReLU(alpha_regularizer=l2(0.1)),
            layers.Flatten(),
            layers.Dense(2),
        ]
    )
    return trained(keras, model, floats(1, N, 6, 6, 2))


@case("penalties/gru-bidirectional")
def gru(keras: Any) -> Arrays:
    layers = keras.layers
    inner = layers.GRU(
        3,
        kernel_regularizer="l2",
        recurrent_regularizer=keras.regularizers.L1(0.01),
        bias_regularizer=keras.regularizers.L2(0.1),
        kernel_constraint=keras.constraints.MaxNorm(0.7),
    )
    model = keras.Sequential(
        [keras.Input((6, 4)), layers.Bidirectional(inner), layers.Dense(2)]
    )
    return trained(keras, model, floats(1, N, 6, 4))


@case("penalties/own-regularizer")
def own(keras: Any) -> Arrays:
    class Cubes(keras.regularizers.Regularizer):
        def __call__(self, x: Any) -> Any:
            return 0.05 * (x * x * x * x).sum() if hasattr(x, "sum") else _sum(x)

    def _sum(x: Any) -> Any:
        # A TensorFlow tensor has no method sum: its L2 of the squares is the same.
        return 0.05 * keras.regularizers.L2(1.0)(x * x)

    model, x = dense(keras, kernel_regularizer=Cubes())
    return trained(keras, model, x)


@case("penalties/frozen-layer-still-counts")
def frozen(keras: Any) -> Arrays:
    # Keras adds the penalty of trainable weights only.
    model, x = dense(keras, kernel_regularizer="l2")
    model.layers[0].trainable = False
    return trained(keras, model, x)


@case("penalties/losses-of-a-model")
def losses(keras: Any) -> Arrays:
    model, _ = dense(keras, kernel_regularizer="l2", bias_regularizer="l1")
    start(model)
    return {"losses": [float(v) for v in model.losses]}
