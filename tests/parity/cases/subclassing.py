"""Layers and models that a user writes: where weights, modes, masks and losses go."""

from __future__ import annotations

from typing import Any

import numpy as np
from parity.recording import (
    Arrays,
    floats,
    integers,
    named,
    padded_tokens,
    start,
    train,
    train_and_ask,
    weights,
)
from parity.table import case

N = 14
X, Y, LABELS = floats(1, N, 5), floats(2, N, 2), integers(3, 3, N)
IMAGES = floats(4, N, 6, 6, 2)
TOKENS = padded_tokens(5, N, 6, 7)


def order(model: Any) -> Arrays:
    """Names, shapes and kinds of the weights, in their order."""
    return {
        "weights/names": np.array([w.name for w in model.weights]),
        "weights/shapes": np.array([str(tuple(w.shape)) for w in model.weights]),
        "weights/trainable": np.array([w.name for w in model.trainable_weights]),
        "weights/others": np.array([w.name for w in model.non_trainable_weights]),
        "layers": np.array([kind(la) for la in model.layers]),
        "parameters": model.count_params(),
    }


def trained(
    keras: Any, model: Any, x: Any = X, y: Any = Y, loss: Any = "mse", **given: Any
) -> Arrays:
    """Make the weights, train, and say what there is."""
    model(first(x))
    start(model)
    model.compile(keras.optimizers.SGD(0.1, momentum=0.5), loss, **given)
    return order(model) | train_and_ask(model, x, y, batch_size=5)


def numbers(value: Any) -> Any:
    """An array of a tensor of any backend, with a gradient or without."""
    return (value.detach() if hasattr(value, "detach") else value).numpy()


def kind(layer: Any) -> str:
    name = type(layer).__name__
    return {
        "Model": "Functional",
        "OwnCellRNN": "RNN",
        "OwnTimeDistributed": "TimeDistributed",
    }.get(name, name)


def first(x: Any) -> Any:
    if isinstance(x, dict):
        return {k: v[:2] for k, v in x.items()}
    if isinstance(x, list):
        return [v[:2] for v in x]
    return x[:2]


# ------------------------------------------------------------------ where layers are
@case("subclassing/layers-in-lists-and-dicts")
def containers(keras: Any) -> Arrays:
    layers = keras.layers

    class Net(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.row = [layers.Dense(4, activation="tanh"), layers.Dense(3)]
            self.by_name = {"b": layers.Dense(3), "a": layers.Dense(3)}
            self.deep = [[layers.Dense(3)], {"x": [layers.Dense(3)]}]
            self.pair = (layers.LayerNormalization(), layers.Dense(2))

        def call(self, x: Any) -> Any:
            for layer in self.row:
                x = layer(x)
            x = self.by_name["a"](x) + self.by_name["b"](x)
            x = self.deep[1]["x"][0](self.deep[0][0](x))
            return self.pair[1](self.pair[0](x))

    return trained(keras, Net())


@case("subclassing/layers-appended-later")
def appended(keras: Any) -> Arrays:
    layers = keras.layers

    class Net(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.blocks = []
            self.out = layers.Dense(2)
            for _ in range(3):
                self.blocks.append(layers.Dense(4, activation="tanh"))
            self.heads = {}
            for n in range(2):
                self.heads[f"head_{n}"] = layers.Dense(4)
            self.more = [layers.Dense(4)]
            self.more += [layers.Dense(4)]
            self.more.insert(0, layers.Dense(4))

        def call(self, x: Any) -> Any:
            for block in self.blocks:
                x = block(x)
            for head in self.heads.values():
                x = keras.activations.tanh(x + head(x))
            for layer in self.more:
                x = keras.activations.tanh(layer(x))
            return self.out(x)

    return trained(keras, Net())


@case("subclassing/layers-made-by-setattr")
def by_setattr(keras: Any) -> Arrays:
    layers = keras.layers

    class Net(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            for n in range(3):
                setattr(self, f"dense_{n}", layers.Dense(4, activation="tanh"))
            self._hidden = layers.Dense(3)
            self._list = [layers.Dense(3)]
            self.out = layers.Dense(2)

        def call(self, x: Any) -> Any:
            for n in range(3):
                x = getattr(self, f"dense_{n}")(x)
            for layer in self._list:
                x = layer(self._hidden(x))
            return self.out(x)

    return trained(keras, Net())


@case("subclassing/layer-replaced")
def replaced(keras: Any) -> Arrays:
    layers = keras.layers

    class Net(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.body = layers.Dense(3)
            self.out = layers.Dense(2)
            self.body = layers.Dense(4, activation="tanh")
            self.spare = None

        def call(self, x: Any) -> Any:
            return self.out(self.body(x))

    found = trained(keras, Net())
    del found["layers"]  # Keras goes on listing the layer that was replaced
    return found


@case("subclassing/sequential-within")
def sequential_within(keras: Any) -> Arrays:
    layers = keras.layers

    class Net(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = keras.Sequential(
                [layers.Dense(4, activation="tanh"), layers.Dense(3)]
            )
            self.decoder = keras.Sequential([keras.Input((3,)), layers.Dense(2)])

        def call(self, x: Any) -> Any:
            return self.decoder(self.encoder(x))

    return trained(keras, Net())


@case("subclassing/functional-within")
def functional_within(keras: Any) -> Arrays:
    layers = keras.layers
    row = keras.Input((5,))
    y = layers.Dense(4, activation="tanh")(row)
    y = layers.BatchNormalization(momentum=0.5)(y)
    inner = keras.Model(row, [y, layers.Dense(4)(y)])

    class Net(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.inner = inner
            self.out = layers.Dense(2)

        def call(self, x: Any, training: Any = None) -> Any:
            a, b = self.inner(x, training=training)
            return self.out(a * b)

    return trained(keras, Net())


@case("subclassing/model-within-functional")
def within_functional(keras: Any) -> Arrays:
    layers = keras.layers

    class Inner(keras.Model):
        def __init__(self, units: int) -> None:
            super().__init__()
            self.a = layers.Dense(units, activation="tanh")
            self.norm = layers.BatchNormalization(momentum=0.5)
            self.drop = layers.Dropout(0.0)

        def call(self, x: Any, training: Any = False) -> Any:
            return self.drop(self.norm(self.a(x), training=training))

    x = keras.Input((5,))
    inner = Inner(5)
    y = layers.Dense(2)(Inner(3)(inner(inner(x))))
    return trained(keras, keras.Model(x, y))


@case("subclassing/models-three-deep")
def three_deep(keras: Any) -> Arrays:
    layers = keras.layers

    class Unit(layers.Layer):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.dense = layers.Dense(width)
            self.norm = layers.BatchNormalization(momentum=0.5)

        def call(self, x: Any, training: Any = None) -> Any:
            return keras.activations.relu(self.norm(self.dense(x), training=training))

    class Stage(layers.Layer):
        def __init__(self, width: int, count: int) -> None:
            super().__init__()
            self.units = [Unit(width) for _ in range(count)]

        def call(self, x: Any) -> Any:
            for unit in self.units:
                x = unit(x)
            return x

    class Net(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.stages = [Stage(4, 2), Stage(3, 1)]
            self.out = layers.Dense(2)

        def call(self, x: Any) -> Any:
            for stage in self.stages:
                x = stage(x)
            return self.out(x)

    return trained(keras, Net())


@case("subclassing/residual-images")
def residual(keras: Any) -> Arrays:
    layers = keras.layers

    class Residual(layers.Layer):
        def __init__(self, filters: int, strides: int = 1, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.main = [
                layers.Conv2D(filters, 3, strides, padding="same", use_bias=False),
                layers.BatchNormalization(momentum=0.5),
                layers.Activation("relu"),
                layers.Conv2D(filters, 3, padding="same", use_bias=False),
                layers.BatchNormalization(momentum=0.5),
            ]
            self.skip = []
            if strides > 1:
                self.skip = [
                    layers.Conv2D(filters, 1, strides, padding="same", use_bias=False),
                    layers.BatchNormalization(momentum=0.5),
                ]

        def call(self, inputs: Any) -> Any:
            z = inputs
            for layer in self.main:
                z = layer(z)
            skip = inputs
            for layer in self.skip:
                skip = layer(skip)
            return keras.activations.relu(z + skip)

    model = keras.Sequential([keras.Input((6, 6, 2)), Residual(2), Residual(3, 2)])
    model.add(layers.GlobalAveragePooling2D())
    model.add(layers.Dense(3, activation="softmax"))
    return trained(keras, model, IMAGES, LABELS, "sparse_categorical_crossentropy")


# -------------------------------------------------------------------------- building
@case("subclassing/build-makes-layers")
def made_in_build(keras: Any) -> Arrays:
    layers = keras.layers

    class Block(layers.Layer):
        def build(self, input_shape: Any) -> None:
            self.first = layers.Dense(input_shape[-1] * 2, activation="tanh")
            self.first.build(input_shape)
            self.second = layers.Dense(input_shape[-1])
            self.second.build((*input_shape[:-1], input_shape[-1] * 2))
            self.gain = self.add_weight(shape=(input_shape[-1],), initializer="ones")
            self.built = True

        def call(self, x: Any) -> Any:
            return x + self.gain * self.second(self.first(x))

    x = keras.Input((5,))
    return trained(keras, keras.Model(x, layers.Dense(2)(Block()(Block()(x)))))


@case("subclassing/model-build")
def model_build(keras: Any) -> Arrays:
    layers = keras.layers

    class Net(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.out = layers.Dense(2)
            self.norm = layers.BatchNormalization()
            self.body = layers.Dense(4, activation="relu")

        def call(self, x: Any) -> Any:
            return self.out(self.norm(self.body(x)))

    model = Net()
    model.build((None, 5))
    model.summary(print_fn=lambda line, **_: None)
    model(X[:2])
    start(model)
    return order(model) | weights(model) | {"predict": model.predict(X, verbose=0)}


@case("subclassing/model-build-of-its-own")
def own_build(keras: Any) -> Arrays:
    layers = keras.layers

    class Net(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.out = layers.Dense(2)

        def build(self, input_shape: Any) -> None:
            self.w = self.add_weight(
                shape=(input_shape[-1], 3), initializer="ones", name="w"
            )
            self.out.build((None, 3))

        def call(self, x: Any) -> Any:
            return self.out(x @ self.w)

    return trained(keras, Net())


@case("subclassing/weights-in-init")
def in_init(keras: Any) -> Arrays:
    layers = keras.layers

    class Scale(layers.Layer):
        def __init__(self, size: int, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.shift = self.add_weight(
                shape=(size,), initializer="zeros", trainable=False, name="shift"
            )
            self.gain = self.add_weight((size,), "ones", name="gain", regularizer="l2")
            self.steps = self.add_weight(
                shape=(),
                initializer="zeros",
                dtype="int32",
                trainable=False,
                name="steps",
            )
            self.limit = self.add_weight(
                shape=(size,),
                initializer=keras.initializers.Constant(0.3),
                constraint=keras.constraints.MaxNorm(0.5),
                name="limit",
            )

        def call(self, x: Any, training: bool = False) -> Any:
            if training:
                self.steps.assign(self.steps + 1)
                self.shift.assign_add(self.gain * 0.1)
            return x * self.gain * self.limit + self.shift

    model = keras.Sequential([keras.Input((5,)), Scale(5), layers.Dense(2)])
    model.layers[-1].set_weights([floats(6, 5, 2), floats(7, 2)])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    found = order(model) | train_and_ask(model, X, Y, batch_size=5)
    return found | {
        "dtype": np.array([str(w.dtype).split(".")[-1] for w in model.weights]),
        "steps": int(model.layers[0].steps),
        "losses": np.array([float(v) for v in model.losses]),
    }


@case("subclassing/model-with-weights-of-its-own")
def own_weights(keras: Any) -> Arrays:
    layers = keras.layers

    class Net(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = layers.Dense(2)
            self.gain = self.add_weight(shape=(2,), initializer="ones", name="gain")
            self.body = layers.Dense(4)
            self.shift = self.add_weight(
                shape=(2,), trainable=False, initializer="zeros", name="shift"
            )

        def call(self, x: Any) -> Any:
            return self.gain * self.dense(self.body(x)) + self.shift

    return trained(keras, Net())


@case("subclassing/no-weights")
def no_weights(keras: Any) -> Arrays:
    class Net(keras.Model):
        def call(self, x: Any) -> Any:
            return x * 2.0 - 1.0

    model = Net()
    model.compile(loss="mse", metrics=["mae"])
    found = named("evaluate", model.evaluate(X, X, verbose=0, batch_size=5))
    return found | {
        "predict": model.predict(X, verbose=0),
        "parameters": model.count_params(),
        "weights": len(model.weights),
    }


# -------------------------------------------------------------------------- training
@case("subclassing/training-passed-on")
def modes(keras: Any) -> Arrays:
    layers = keras.layers
    seen: list[str] = []

    class Spy(layers.Layer):
        def __init__(self, label: str) -> None:
            super().__init__()
            self.label = label

        def call(self, x: Any, training: Any = None) -> Any:
            seen.append(f"{self.label}:{bool(training)}")
            return x

    class Outer(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.follows, self.never = Spy("follows"), Spy("never")
            self.always = Spy("always")
            self.deep = Middle()

        def call(self, x: Any) -> Any:
            x = self.never(self.follows(x), training=False)
            return self.always(self.deep(x), training=True)

    class Middle(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.spy = Spy("deep")

        def call(self, x: Any) -> Any:
            return self.spy(x)

    outer = Outer()
    outer(X[:2])  # builds it: Keras may call it more than once
    seen.clear()
    outer(X[:2])
    outer_seen = [*seen]
    x = keras.Input((5,))
    model = keras.Model(x, outer(x))
    seen.clear()
    for training in (True, False):
        model(X[:2], training=training)
    model(X[:2])
    called = [*seen]
    seen.clear()
    model.compile("sgd", "mse", run_eagerly=True)
    model.evaluate(X[:4], X[:4], verbose=0)
    model.predict(X[:4], verbose=0)
    model.train_on_batch(X[:4], X[:4])
    return {
        "outer": np.array(outer_seen),
        "called": np.array(called),
        "steps": np.array(seen),
    }


@case("subclassing/training-default-true")
def default_true(keras: Any) -> Arrays:
    layers = keras.layers

    class Noise(layers.Layer):
        def call(self, x: Any, training: bool = True) -> Any:
            return x * 3.0 if training else x

    model = keras.Sequential([keras.Input((5,)), Noise(), layers.Dense(2)])
    start(model)
    return {
        "plain": numbers(model(X)),
        "layer": numbers(Noise()(X)),
        "predict": model.predict(X, verbose=0),
    }


@case("subclassing/batch-norm-frozen-by-call")
def frozen_by_call(keras: Any) -> Arrays:
    layers = keras.layers
    base = keras.Sequential(
        [
            keras.Input((6, 6, 2)),
            layers.Conv2D(3, 3, use_bias=False),
            layers.BatchNormalization(momentum=0.5),
            layers.GlobalAveragePooling2D(),
        ]
    )
    base.trainable = False
    x = keras.Input((6, 6, 2))
    y = layers.Dropout(0.0)(base(x, training=False))
    model = keras.Model(x, layers.Dense(2)(y))
    start(model)
    model.compile(keras.optimizers.SGD(0.1), "mse")
    found = order(model) | train(model, IMAGES, Y, batch_size=5)
    base.trainable = True
    model.compile(keras.optimizers.SGD(0.05), "mse")
    tuned = train_and_ask(model, IMAGES, Y, batch_size=5) | order(model)
    return found | {f"tuned/{k}": v for k, v in tuned.items()}


@case("subclassing/freeze-some")
def freeze_some(keras: Any) -> Arrays:
    layers = keras.layers

    class Net(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.body = [layers.Dense(4, activation="tanh") for _ in range(3)]
            self.norm = layers.BatchNormalization(momentum=0.5)
            self.out = layers.Dense(2)

        def call(self, x: Any) -> Any:
            for layer in self.body:
                x = layer(x)
            return self.out(self.norm(x))

    model = Net()
    model(X[:2])
    model.body[1].trainable = False
    found = trained(keras, model)
    model.trainable = False
    found["all-frozen"] = len(model.trainable_weights)
    model.out.trainable = True
    found["one-thawed"] = np.array([w.name for w in model.trainable_weights])
    model.trainable = True
    model.norm.trainable = False
    model.compile(keras.optimizers.SGD(0.1), "mse")
    again = order(model) | train_and_ask(model, X, Y, batch_size=5)
    return found | {f"again/{k}": v for k, v in again.items()}


@case("subclassing/trainable-false-given")
def given_frozen(keras: Any) -> Arrays:
    layers = keras.layers

    class Block(layers.Layer):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.dense = layers.Dense(4)
            self.gain = self.add_weight(shape=(4,), initializer="ones", name="gain")

        def call(self, x: Any) -> Any:
            return self.dense(x) * self.gain

    x = keras.Input((5,))
    y = Block(trainable=False, name="frozen")(x)  # but not the layer in it
    model = keras.Model(x, layers.Dense(2)(Block()(y)))
    return trained(keras, model)


# ---------------------------------------------------------------------------- losses
@case("subclassing/add-loss")
def add_loss(keras: Any) -> Arrays:
    layers = keras.layers

    class Penalty(layers.Layer):
        def __init__(self, rate: float) -> None:
            super().__init__()
            self.rate = rate

        def call(self, x: Any) -> Any:
            self.add_loss(keras.regularizers.L2(self.rate)(x))
            return x

    class Net(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.a = layers.Dense(4, activation="tanh", kernel_regularizer="l2")
            self.penalty = Penalty(0.01)
            self.b = layers.Dense(2, activity_regularizer=keras.regularizers.L1(0.02))

        def call(self, x: Any) -> Any:
            y = self.penalty(self.a(x))
            self.add_loss(keras.regularizers.L1(0.01)(y))
            return self.b(y)

    model = Net()
    found = trained(keras, model)
    for _ in range(3):
        model(X)
    found["losses"] = np.sort([float(v) for v in model.losses])
    found["of-layer"] = np.array([float(v) for v in model.penalty.losses])
    return found


@case("subclassing/add-loss-functional")
def add_loss_functional(keras: Any) -> Arrays:
    layers = keras.layers

    class Activity(layers.Layer):
        def call(self, x: Any) -> Any:
            self.add_loss(keras.regularizers.L2(0.01)(x))
            return x

    x = keras.Input((5,))
    layer = Activity()
    y = layer(layers.Dense(4, activation="tanh")(x))
    y = layer(layers.Dense(4)(y))
    model = keras.Model(x, layers.Dense(2)(y))
    found = trained(keras, model)
    model(X)
    model(X)
    found["losses"] = np.array([float(v) for v in model.losses])
    return found


@case("subclassing/add-loss-alone")
def add_loss_alone(keras: Any) -> Arrays:
    # No loss is compiled: a model that only adds its own, as autoencoders do.
    layers = keras.layers

    class Auto(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.down = layers.Dense(2, activation="tanh")
            self.up = layers.Dense(5)

        def call(self, x: Any) -> Any:
            y = self.up(self.down(x))
            self.add_loss(keras.regularizers.L2(0.1)(y - x))
            return y

    model = Auto()
    model(X[:2])
    start(model)
    model.compile(keras.optimizers.SGD(0.02))
    found = train(model, X, batch_size=5)
    found |= named("evaluate", model.evaluate(X, verbose=0, batch_size=5))
    return found | {"predict": model.predict(X, verbose=0)}


@case("subclassing/logistic-endpoint")
def endpoint(keras: Any) -> Arrays:
    layers = keras.layers

    class Endpoint(layers.Layer):
        def __init__(self, name: str) -> None:
            super().__init__(name=name)
            self.loss_fn = keras.losses.BinaryCrossentropy(from_logits=True)
            self.accuracy = keras.metrics.BinaryAccuracy(name="hits")

        def call(self, targets: Any, logits: Any, sample_weight: Any = None) -> Any:
            self.add_loss(self.loss_fn(targets, logits, sample_weight))
            self.accuracy.update_state(targets, logits, sample_weight)
            return keras.activations.sigmoid(logits)

    inputs = keras.Input((5,), name="inputs")
    targets = keras.Input((2,), name="targets")
    logits = layers.Dense(2)(inputs)
    made = Endpoint("predictions")(targets, logits)
    model = keras.Model([inputs, targets], made)
    model({"inputs": X[:2], "targets": Y[:2] * 0})
    start(model)
    model.compile(keras.optimizers.SGD(0.1))
    data = {"inputs": X, "targets": (Y > 0).astype("float32")}
    return train(model, data, batch_size=5)


@case("subclassing/activity-regularizer-after-init")
def activity(keras: Any) -> Arrays:
    layers = keras.layers

    class Own(layers.Layer):
        def __init__(self, units: int) -> None:
            super().__init__(activity_regularizer=keras.regularizers.L2(0.05))
            self.dense = layers.Dense(units)

        def call(self, x: Any) -> Any:
            return {"a": self.dense(x), "b": x * 2.0}

    x = keras.Input((5,))
    y = Own(4)(x)
    model = keras.Model(x, layers.Dense(2)(layers.Concatenate()([y["a"], y["b"]])))
    return trained(keras, model)


@case("subclassing/metric-of-a-layer")
def metric_of_layer(keras: Any) -> Arrays:
    layers = keras.layers

    class Watch(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.size = keras.metrics.Mean(name="size")

        def call(self, x: Any) -> Any:
            self.size.update_state(x * x)
            return x

    class Net(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.watch = layers.Dense(4), Watch()
            self.b = layers.Dense(2)

        def call(self, x: Any) -> Any:
            return self.b(self.watch(self.a(x)))

    model = Net()
    found = trained(keras, model, metrics=["mae"])
    found["names"] = np.array(list(model.evaluate(X, Y, verbose=0, return_dict=True)))
    return found


# ----------------------------------------------------------------------------- masks
@case("subclassing/mask-taken-and-handed-on")
def masks(keras: Any) -> Arrays:
    layers = keras.layers
    seen: list[Any] = []

    class Double(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.supports_masking = True

        def call(self, x: Any, mask: Any = None) -> Any:
            seen.append(mask is not None)
            return x * 2.0

    class Halve(layers.Layer):
        def call(self, x: Any) -> Any:
            return x * 0.5

        def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
            return mask

    class Net(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.embed = layers.Embedding(7, 3, mask_zero=True)
            self.double, self.halve = Double(), Halve()
            self.read = layers.LSTM(4)
            self.out = layers.Dense(2)

        def call(self, x: Any) -> Any:
            return self.out(self.read(self.halve(self.double(self.embed(x)))))

    found = trained(keras, Net(), TOKENS)
    return found | {"seen": np.array([all(seen)])}


@case("subclassing/mask-functional")
def mask_functional(keras: Any) -> Arrays:
    layers = keras.layers

    class Shift(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.supports_masking = True

        def call(self, x: Any) -> Any:
            return x + 1.0

    class MeanOf(layers.Layer):
        """Average over steps that are there."""

        def __init__(self) -> None:
            super().__init__()
            self.pool = layers.GlobalAveragePooling1D()

        def call(self, x: Any, mask: Any = None) -> Any:
            return self.pool(x, mask=mask)

    x = keras.Input((6,), dtype="int32")
    y = Shift()(layers.Embedding(7, 3, mask_zero=True)(x))
    y = layers.concatenate([MeanOf()(y), layers.GRU(3)(y)])
    return trained(keras, keras.Model(x, layers.Dense(2)(y)), TOKENS)


@case("subclassing/mask-made")
def mask_made(keras: Any) -> Arrays:
    layers = keras.layers

    class Skip(layers.Layer):
        """Skips steps whose first number is negative."""

        def call(self, x: Any) -> Any:
            return x

        def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
            return inputs[:, :, 0] > 0

    x = keras.Input((6, 3))
    y = layers.LSTM(4, return_sequences=True)(Skip()(x))
    model = keras.Model(x, layers.Dense(2)(layers.LSTM(3)(y)))
    return trained(keras, model, floats(8, N, 6, 3))


@case("subclassing/mask-as-argument")
def mask_argument(keras: Any) -> Arrays:
    layers = keras.layers
    lstm = layers.LSTM(4)
    x, mask = floats(8, N, 6, 3), TOKENS != 0
    mask[:, 0] = True
    lstm(x)
    start(lstm)
    dense = layers.Embedding(7, 3, mask_zero=True)
    return {
        "masked": numbers(lstm(x, mask=mask)),
        "plain": numbers(lstm(x)),
        "computed": numbers(dense.compute_mask(TOKENS)),
    }


# -------------------------------------------------------------- inputs and outputs
@case("subclassing/several-inputs-and-outputs")
def several(keras: Any) -> Arrays:
    layers = keras.layers

    class Mix(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.left, self.right = layers.Dense(4), layers.Dense(4)

        def call(self, inputs: Any, scale: float = 1.0) -> Any:
            a, b = inputs
            left, right = self.left(a), self.right(b)
            return left + right * scale, left - right

    a, b = keras.Input((5,)), keras.Input((3,))
    plus, minus = Mix()([a, b], scale=2.0)
    model = keras.Model([a, b], [layers.Dense(2)(plus), layers.Dense(2)(minus)])
    x = [X, floats(9, N, 3)]
    model(first(x))
    start(model)
    model.compile(keras.optimizers.SGD(0.1), ["mse", "mae"], loss_weights=[1.0, 0.5])
    found = order(model) | train_and_ask(model, x, [Y, Y * 2], batch_size=5)
    return found | {"shape": np.array([str(plus.shape), str(minus.shape)])}


@case("subclassing/dicts-in-and-out")
def dicts(keras: Any) -> Arrays:
    layers = keras.layers

    class Heads(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.made = {"size": layers.Dense(2), "kind": layers.Dense(3)}

        def call(self, inputs: Any) -> Any:
            x = inputs["row"] + inputs["other"]
            return {k: layer(x) for k, layer in self.made.items()}

    ins = {
        "row": keras.Input((5,), name="row"),
        "other": keras.Input((5,), name="other"),
    }
    outs = Heads()(ins)
    kind = layers.Softmax(name="kind")(outs["kind"])
    model = keras.Model(ins, {"size": outs["size"], "kind": kind})
    x = {"row": X, "other": floats(9, N, 5)}
    model(first(x))
    start(model)
    model.compile(
        keras.optimizers.SGD(0.1),
        loss={"size": "mse", "kind": "sparse_categorical_crossentropy"},
        metrics={"kind": ["accuracy"], "size": ["mae"]},
    )
    return train_and_ask(model, x, {"size": Y, "kind": LABELS}, batch_size=5)


@case("subclassing/keyword-tensors")
def keywords(keras: Any) -> Arrays:
    layers = keras.layers

    class Attend(layers.Layer):
        def build(
            self, query_shape: Any, key_shape: Any, value_shape: Any = None
        ) -> None:
            self.q = self.add_weight(shape=(query_shape[-1], 4), name="q")
            self.k = self.add_weight(shape=(key_shape[-1], 4), name="k")

        def call(self, query: Any, key: Any, value: Any = None) -> Any:
            y = keras.activations.tanh(query @ self.q + key @ self.k)
            return y if value is None else y * value

    x, z = keras.Input((5,)), keras.Input((3,))
    y = Attend()(x, key=z)
    y = Attend()(y, z, value=y)
    model = keras.Model([x, z], layers.Dense(2)(y))
    return trained(keras, model, [X, floats(9, N, 3)])


@case("subclassing/two-positional-tensors")
def positional(keras: Any) -> Arrays:
    layers = keras.layers

    class Film(layers.Layer):
        def __init__(self, width: int, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.gain, self.shift = layers.Dense(width), layers.Dense(width)

        def call(self, x: Any, condition: Any, *, scale: float = 1.0) -> Any:
            return x * self.gain(condition) * scale + self.shift(condition)

    class Net(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.film, self.out = layers.Dense(4), Film(4), layers.Dense(2)

        def call(self, inputs: Any, training: Any = None) -> Any:
            x, z = inputs
            return self.out(self.film(self.body(x), z, scale=0.5))

    return trained(keras, Net(), [X, floats(9, N, 3)])


@case("subclassing/nested-structures")
def nested(keras: Any) -> Arrays:
    layers = keras.layers

    class Net(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = layers.Dense(2, name="a"), layers.Dense(3, name="b")

        def call(self, inputs: Any) -> Any:
            x = inputs["pair"][0] + inputs["pair"][1]
            return [self.a(x), {"b": self.b(x), "size": inputs["pair"][0] * 2.0}]

    model = Net()
    x = {"pair": [X, floats(9, N, 5)]}
    model({"pair": [v[:2] for v in x["pair"]]})
    start(model)
    y, _ = model(x)
    made, more = model.predict(x, verbose=0, batch_size=5)
    return order(model) | {
        "y": np.asarray(
            y.numpy()
            if hasattr(y, "numpy") and not hasattr(y, "detach")
            else y.detach()
        ),
        "b": made,
        "size": more["size"],
        "more": more["b"],
    }


@case("subclassing/list-outputs")
def list_outputs(keras: Any) -> Arrays:
    layers = keras.layers

    class Net(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.body = layers.Dense(4, activation="tanh")
            self.heads = [layers.Dense(2), layers.Dense(3, activation="softmax")]

        def call(self, x: Any) -> Any:
            y = self.body(x)
            return [head(y) for head in self.heads]

    model = Net()
    model(X[:2])
    start(model)
    model.compile(
        keras.optimizers.SGD(0.1),
        ["mse", "sparse_categorical_crossentropy"],
        metrics=[["mae"], ["accuracy"]],
    )
    found = order(model) | train(model, X, [Y, LABELS], batch_size=5)
    return found | named("evaluate", model.evaluate(X, [Y, LABELS], verbose=0))


@case("subclassing/layer-reused")
def reused(keras: Any) -> Arrays:
    layers = keras.layers

    class Step(layers.Layer):
        def build(self, input_shape: Any) -> None:
            self.w = self.add_weight(shape=(input_shape[-1],) * 2, name="w")

        def call(self, x: Any) -> Any:
            return keras.activations.tanh(x @ self.w)

    x = keras.Input((5,))
    step = Step()
    y = x
    for _ in range(3):
        y = step(y) + y
    model = keras.Model(x, layers.Dense(2)(y))
    found = trained(keras, model)
    again = keras.Model(x, step(x))
    return found | {"shared": again.predict(X, verbose=0)}


@case("subclassing/python-control-flow")
def control_flow(keras: Any) -> Arrays:
    layers = keras.layers

    class Net(keras.Model):
        def __init__(self, depth: int, residual: bool) -> None:
            super().__init__()
            self.depth, self.residual = depth, residual
            self.layer = layers.Dense(5, activation="tanh")
            self.out = layers.Dense(2)

        def call(self, x: Any, training: Any = None) -> Any:
            for n in range(self.depth):
                y = self.layer(x)
                x = x + y if self.residual and n % 2 else y
            if x.shape[-1] == 5 and len(x.shape) == 2:
                x = x[:, 1:4] * 2.0 - 1.0
            return self.out(x)

    return trained(keras, Net(3, True))


@case("subclassing/operators")
def operators(keras: Any) -> Arrays:
    layers = keras.layers

    class Odd(layers.Layer):
        def call(self, x: Any) -> Any:
            y = (x**2 + 1.0) / (2.0 - x * 0.1) - (-x)
            return abs(y) * 0.3 + 1.0 / (1.0 + x * x) + y[:, :1] * x[..., -1:]

    class Integers(layers.Layer):
        def call(self, x: Any) -> Any:
            return x + 1

    x = keras.Input((5,))
    n = keras.Input((6,), dtype="int32")
    y = layers.Flatten()(layers.Embedding(9, 2)(Integers()(n)))
    y = layers.concatenate([Odd()(x), y, keras.activations.gelu(x)])
    model = keras.Model([x, n], layers.Dense(2)(y))
    found = trained(keras, model, [X, TOKENS.astype("int32")])
    del found["layers"]  # an activation is no layer there
    return found


# ------------------------------------------------------------- built-in, subclassed
@case("subclassing/dense-with-own-call")
def own_dense(keras: Any) -> Arrays:
    layers = keras.layers

    class Doubled(layers.Dense):
        def call(self, x: Any) -> Any:
            return super().call(x) * 2.0

    class Named(layers.Dense):
        def __init__(self, units: int, factor: float = 0.5, **kwargs: Any) -> None:
            super().__init__(units, activation="tanh", **kwargs)
            self.factor = factor

        def call(self, inputs: Any, training: Any = None) -> Any:
            return super().call(inputs) * self.factor

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "factor": self.factor}

    model = keras.Sequential([keras.Input((5,)), Doubled(4), Named(3), Doubled(2)])
    return trained(keras, model)


@case("subclassing/dense-with-own-build")
def own_dense_build(keras: Any) -> Arrays:
    layers = keras.layers

    class Gained(layers.Dense):
        def build(self, input_shape: Any) -> None:
            super().build(input_shape)
            self.gain = self.add_weight(
                shape=(self.units,), initializer="ones", name="gain"
            )

        def call(self, inputs: Any) -> Any:
            return super().call(inputs) * self.gain

    x = keras.Input((5,))
    model = keras.Model(x, Gained(2)(Gained(4, kernel_regularizer="l2")(x)))
    return trained(keras, model)


@case("subclassing/conv-with-own-call")
def own_conv(keras: Any) -> Arrays:
    layers = keras.layers

    class Normal(layers.Conv2D):
        """Convolves with a kernel of its own making, then adds."""

        def call(self, inputs: Any) -> Any:
            return keras.activations.tanh(super().call(inputs)) + 0.1

    class Pool(layers.MaxPooling2D):
        def call(self, inputs: Any) -> Any:
            return super().call(inputs) * 0.5

    model = keras.Sequential(
        [keras.Input((6, 6, 2)), Normal(3, 3, padding="same"), Pool(2)]
    )
    model.add(layers.Flatten())
    model.add(layers.Dense(2))
    return trained(keras, model, IMAGES)


@case("subclassing/kernel-read-in-call")
def kernel_read(keras: Any) -> Arrays:
    layers = keras.layers

    class Reads(layers.Layer):
        """Computes with weights of another layer, as tied autoencoders do."""

        def __init__(self, other: Any, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.other = other

        def build(self, input_shape: Any) -> None:
            rows = self.other.kernel.shape[0]
            self.w = self.add_weight(shape=(4, rows), initializer="ones", name="w")

        def call(self, x: Any) -> Any:
            kernel, bias = self.other.kernel, self.other.bias
            mixed = (x + kernel[0] * 2.0 - bias) @ self.w
            return mixed @ kernel + (1.0 - bias**2) / 2.0

    x = keras.Input((5,))
    first_layer = layers.Dense(4)
    y = first_layer(x)
    model = keras.Model(x, layers.Dense(2)(Reads(first_layer)(y)))
    return trained(keras, model)


@case("subclassing/recurrent-cells")
def cells(keras: Any) -> Arrays:
    layers = keras.layers

    class Minimal(layers.Layer):
        def __init__(self, units: int, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.units, self.state_size = units, [units, units]
            self.output_size = units
            self.inner = layers.Dense(units)

        def build(self, input_shape: Any) -> None:
            self.w = self.add_weight(shape=(input_shape[-1], self.units), name="w")
            self.u = self.add_weight(shape=(self.units, self.units), name="u")
            self.inner.build((input_shape[0], self.units))
            self.built = True

        def call(self, x: Any, states: Any, training: Any = None) -> Any:
            h, c = states
            gate = keras.activations.sigmoid(x @ self.w + h @ self.u)
            c = gate * c + (1.0 - gate) * self.inner(h + 1.0)
            h = keras.activations.tanh(c)
            return h, [h, c]

    x = keras.Input((4, 3))
    y = layers.RNN(Minimal(4), return_sequences=True)(x)
    y = layers.RNN(Minimal(3), go_backwards=True)(y)
    return trained(keras, keras.Model(x, layers.Dense(2)(y)), floats(6, N, 4, 3))


@case("subclassing/recurrent-cell-of-built-in")
def own_lstm_cell(keras: Any) -> Arrays:
    layers = keras.layers

    class Own(layers.SimpleRNNCell):
        def call(self, inputs: Any, states: Any, training: Any = None) -> Any:
            out, made = super().call(inputs, states, training=training)
            return out * 0.5, made

    model = keras.Sequential([keras.Input((4, 3)), layers.RNN(Own(4)), layers.Dense(2)])
    return trained(keras, model, floats(6, N, 4, 3))


@case("subclassing/wrapper")
def wrapper(keras: Any) -> Arrays:
    layers = keras.layers

    class Scaled(layers.Wrapper):
        def __init__(self, layer: Any, **kwargs: Any) -> None:
            super().__init__(layer, **kwargs)

        def build(self, input_shape: Any = None) -> None:
            super().build(input_shape)
            self.g = self.add_weight(shape=(), initializer="ones", name="g")

        def call(self, x: Any) -> Any:
            return self.layer(x) * self.g

    model = keras.Sequential(
        [
            keras.Input((5,)),
            Scaled(layers.Dense(4, activation="tanh")),
            Scaled(layers.Dense(2)),
        ]
    )
    return trained(keras, model)


@case("subclassing/own-layer-in-wrappers")
def in_wrappers(keras: Any) -> Arrays:
    layers = keras.layers

    class Own(layers.Layer):
        def __init__(self, units: int, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.units = units
            self.dense = layers.Dense(units)

        def call(self, x: Any) -> Any:
            return keras.activations.tanh(self.dense(x))

        def compute_output_shape(self, input_shape: Any) -> Any:
            return (*input_shape[:-1], self.units)

    x = keras.Input((4, 3))
    y = layers.TimeDistributed(Own(4))(x)
    model = keras.Model(x, layers.Dense(2)(layers.GlobalMaxPooling1D()(y)))
    return trained(keras, model, floats(6, N, 4, 3))


@case("subclassing/lambda-layers")
def lambdas(keras: Any) -> Arrays:
    layers = keras.layers
    a, b = keras.Input((5,)), keras.Input((5,))
    apart = layers.Lambda(lambda pair: abs(pair[0] - pair[1]), output_shape=(5,))
    y = layers.Lambda(lambda v, k: v * k, arguments={"k": 0.5}, name="by")(
        apart([a, b])
    )
    model = keras.Model([a, b], layers.Dense(2)(y))
    return trained(keras, model, [X, floats(9, N, 5)])


@case("subclassing/siamese")
def siamese(keras: Any) -> Arrays:
    layers = keras.layers
    row = keras.Input((5,))
    tower = keras.Model(
        row,
        layers.Dense(3)(
            layers.BatchNormalization(momentum=0.5)(
                layers.Dense(4, activation="tanh")(row)
            )
        ),
    )

    class Distance(layers.Layer):
        def call(self, a: Any, b: Any) -> Any:
            return (a - b) ** 2

    def contrastive(y_true: Any, y_pred: Any) -> Any:
        near = y_true * y_pred
        far = (1.0 - y_true) * keras.activations.relu(1.0 - y_pred)
        return (near + far)[:, 0]

    a, b = keras.Input((5,)), keras.Input((5,))
    y = layers.Dense(1, activation="sigmoid")(Distance()(tower(a), tower(b)))
    model = keras.Model([a, b], y)
    same = (LABELS > 0).astype("float32").reshape(-1, 1)
    return trained(
        keras, model, [X, floats(9, N, 5)], same, contrastive, metrics=["accuracy"]
    )


# ------------------------------------------------------------ pieces of one's own
@case("subclassing/own-loss-and-metric")
def loss_and_metric(keras: Any) -> Arrays:
    class Weighted(keras.losses.Loss):
        def __init__(self, factor: float = 0.3, name: str = "weighted") -> None:
            super().__init__(name=name)
            self.factor = factor

        def call(self, y_true: Any, y_pred: Any) -> Any:
            return keras.losses.mean_squared_error(y_true, y_pred) + (
                self.factor * (0.5 - y_pred[:, 0]) ** 2
            )

    class Count(keras.metrics.Metric):
        def __init__(self, name: str = "far", **kwargs: Any) -> None:
            super().__init__(name=name, **kwargs)
            self.total = self.add_weight(name="total", initializer="zeros")
            self.rows = self.add_variable(shape=(), initializer="zeros", name="rows")

        def update_state(
            self, y_true: Any, y_pred: Any, sample_weight: Any = None
        ) -> None:
            apart = keras.losses.mean_absolute_error(y_true, y_pred)
            self.total.assign_add(keras.regularizers.L1(1.0)(apart))
            self.rows.assign(self.rows + 1.0)

        def result(self) -> Any:
            return self.total / self.rows

        def reset_state(self) -> None:
            self.total.assign(0.0)
            self.rows.assign(0.0)

    def half(y_true: Any, y_pred: Any) -> Any:
        return 0.5 * keras.losses.mean_absolute_error(y_true, y_pred)

    layers = keras.layers
    model = keras.Sequential([keras.Input((5,)), layers.Dense(2)])
    start(model)
    model.compile(
        keras.optimizers.SGD(0.1),
        Weighted(),
        metrics=[Count(), half],
        weighted_metrics=[Count(name="far_too")],
    )
    return train_and_ask(model, X, Y, batch_size=5) | train(
        model, X, Y, batch_size=5, sample_weight=np.arange(N, dtype="float32") / N
    )


@case("subclassing/own-pieces")
def pieces(keras: Any) -> Arrays:
    class Decay(keras.optimizers.schedules.LearningRateSchedule):
        def __init__(self, rate: float) -> None:
            self.rate = rate

        def __call__(self, step: Any) -> Any:
            inner = keras.optimizers.schedules.InverseTimeDecay(self.rate, 1, 1.0)
            return inner(step) * 0.9

        def get_config(self) -> dict[str, Any]:
            return {"rate": self.rate}

    class Ridge(keras.regularizers.Regularizer):
        def __init__(self, rate: float) -> None:
            self.rate = rate

        def __call__(self, x: Any) -> Any:
            return self.rate * keras.regularizers.L2(1.0)(x)

        def get_config(self) -> dict[str, Any]:
            return {"rate": self.rate}

    log: list[str] = []

    class Log(keras.callbacks.Callback):
        def on_train_begin(self, logs: Any = None) -> None:
            log.append(f"begin {self.params['epochs']} {self.params['steps']}")

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            log.append(f"epoch {epoch}")

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            log.append(f"batch {batch} {sorted(logs)}")

        def on_test_begin(self, logs: Any = None) -> None:
            log.append("test")

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            log.append(f"end {sorted(logs)}")
            if epoch == 1:
                self.model.stop_training = True

        def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
            log.append(f"predicted {sorted(logs)}")

    layers = keras.layers
    dense = layers.Dense(
        4,
        kernel_regularizer=Ridge(0.05),
        bias_regularizer=lambda w: keras.regularizers.L2(0.1)(w),
        kernel_constraint=lambda w: w * 0.99,
        activation=lambda v: keras.activations.tanh(v) * 1.5,
        bias_initializer=lambda shape, dtype=None: np.full(shape, 0.25, "float32"),
    )
    model = keras.Sequential([keras.Input((5,)), dense, layers.Dense(2)])
    bias = model.get_weights()[1]
    start(model)
    model.compile(keras.optimizers.SGD(Decay(0.2)), "mse", metrics=["mae"])
    found = train(
        model, X, Y, batch_size=5, epochs=5, validation_split=0.3, callbacks=[Log()]
    )
    model.predict(X, verbose=0, callbacks=[Log()])
    return found | {"log": np.array(log), "bias": bias}


@case("subclassing/eager")
def eager(keras: Any) -> Arrays:
    layers = keras.layers
    sizes: list[int] = []

    class Net(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.out = layers.Dense(2)

        def call(self, x: Any, training: Any = None) -> Any:
            if training:
                sizes.append(len(np.asarray(x)))
            return self.out(x)

    model = Net()
    model(X[:2])
    start(model)
    model.compile(keras.optimizers.SGD(0.1), "mse", run_eagerly=True)
    return train_and_ask(model, X, Y, batch_size=5) | {"sizes": np.array(sizes)}


@case("subclassing/clone-and-configs")
def configs(keras: Any) -> Arrays:
    layers = keras.layers

    class Linear(layers.Layer):
        def __init__(self, units: int = 3, scale: float = 1.0, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.units, self.scale = units, scale

        def build(self, input_shape: Any) -> None:
            self.w = self.add_weight(
                shape=(input_shape[-1], self.units), initializer="ones", name="w"
            )

        def call(self, x: Any) -> Any:
            return (x @ self.w) * self.scale

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "units": self.units, "scale": self.scale}

    x = keras.Input((5,))
    model = keras.Model(x, layers.Dense(2)(Linear(4, 0.5, name="mine")(x)))
    start(model)
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    again = keras.Model.from_config(
        model.get_config(), custom_objects={"Linear": Linear}
    )
    again.set_weights(model.get_weights())
    layer = Linear.from_config(model.get_layer("mine").get_config())
    config = layer.get_config()
    return {
        "same": model.predict(X, verbose=0),
        "clone": clone.predict(X, verbose=0),
        "again": again.predict(X, verbose=0),
        "config": np.array(
            [config["name"], str(config["units"]), str(config["scale"])]
        ),
        "names": np.array([la.name for la in again.layers[1:]][:1]),
    }


@case("subclassing/automatic-config")
def automatic(keras: Any) -> Arrays:
    # Keras keeps what __init__ was given where get_config is not written.
    layers = keras.layers

    class Scale(layers.Layer):
        def __init__(self, factor: float, power: int = 1, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.factor, self.power = factor, power

        def call(self, x: Any) -> Any:
            return x**self.power * self.factor

    layer = Scale(0.5, power=2, name="mine")
    config = layer.get_config()
    again = Scale.from_config(config)
    return {
        "keys": np.array(sorted(config)),
        "made": np.asarray(again(X)),
        "factor": config["factor"],
    }


@case("subclassing/names")
def names(keras: Any) -> Arrays:
    layers = keras.layers
    keras.backend.clear_session()

    class MyBlock(layers.Layer):
        def call(self, x: Any) -> Any:
            return x

    class HTTPNet2D(keras.Model):
        def call(self, x: Any) -> Any:
            return x

    made = [MyBlock(), MyBlock(), layers.Dense(2), HTTPNet2D(), layers.Dense(2)]
    found = [la.name for la in made]
    keras.backend.clear_session()
    return {
        "names": np.array([*found, MyBlock().name, layers.Dense(1).name]),
        "epsilon": keras.backend.epsilon(),
        "floatx": np.array([keras.backend.floatx()]),
        "repr": np.array([repr(layers.Dense(2, name="d"))]),
    }


@case("subclassing/calls-and-predictions")
def calls(keras: Any) -> Arrays:
    layers = keras.layers

    class Net(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.norm = layers.BatchNormalization(momentum=0.5)
            self.out = layers.Dense(2)

        def call(self, x: Any, training: Any = None) -> Any:
            return self.out(self.norm(x, training=training))

    model = Net()
    model(X[:2])
    start(model)
    found: Arrays = {}
    for name, given in {
        "plain": {},
        "train": {"training": True},
        "test": {"training": False},
    }.items():
        made = model(X, **given)
        found[name] = (
            made.numpy() if not hasattr(made, "detach") else made.detach().numpy()
        )
    found["predict"] = model.predict(X, verbose=0, batch_size=4)
    found["predict-on-batch"] = model.predict_on_batch(X)
    return found | weights(model)


@case("subclassing/save-and-load")
def saved(keras: Any) -> Arrays:
    import os
    import tempfile

    layers = keras.layers

    class Block(layers.Layer):
        def __init__(self, units: int, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.units = units
            self.steps = [layers.Dense(units, activation="tanh"), layers.Dense(units)]
            self.gain = self.add_weight(shape=(units,), initializer="ones", name="gain")

        def call(self, x: Any) -> Any:
            for step in self.steps:
                x = step(x)
            return x * self.gain

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "units": self.units}

    class Net(keras.Model):
        def __init__(self, units: int = 3, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.units = units
            self.block, self.out = Block(units), layers.Dense(2)

        def call(self, x: Any) -> Any:
            return self.out(self.block(x))

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "units": self.units}

    x = keras.Input((5,))
    models = {"net": Net(4), "graph": keras.Model(x, layers.Dense(2)(Block(3)(x)))}
    found: Arrays = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, model in models.items():
            model(X[:2])
            start(model)
            model.compile(keras.optimizers.SGD(0.1), "mse")
            model.fit(X, Y, verbose=0, batch_size=5, shuffle=False)
            model.save(os.path.join(folder, f"{name}.keras"))
            given = {"Block": Block, "Net": Net}
            again = keras.models.load_model(
                os.path.join(folder, f"{name}.keras"), custom_objects=given
            )
            found[f"{name}/again"] = again.predict(X, verbose=0)
            again.fit(X, Y, verbose=0, batch_size=5, shuffle=False)
            found |= {f"{name}/{k}": v for k, v in weights(again).items()}
            model.save_weights(os.path.join(folder, f"{name}.weights.h5"))
            again.load_weights(os.path.join(folder, f"{name}.weights.h5"))
            found[f"{name}/weights"] = again.predict(X, verbose=0)
    return found


@case("subclassing/training-forgotten")
def forgotten(keras: Any) -> Arrays:
    # A call without `training` hears of none: what is within runs as in inference.
    layers = keras.layers

    class Block(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.norm = layers.BatchNormalization(momentum=0.5)
            self.drop = layers.Dropout(0.5)

        def call(self, x: Any, training: Any = None) -> Any:
            return self.drop(self.norm(x), training=training)

    class Net(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.block, self.out = Block(), layers.Dense(2)

        def call(self, x: Any) -> Any:
            return self.out(self.block(x))

    return trained(keras, Net())


@case("subclassing/training-leaks")
def leaks(keras: Any) -> Arrays:
    # What one layer is told, those called after it inherit.
    layers = keras.layers

    class Net(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.frozen = layers.BatchNormalization(momentum=0.5)
            self.moving = layers.BatchNormalization(momentum=0.5)
            self.out = layers.Dense(2)

        def call(self, x: Any, training: Any = None) -> Any:
            x = self.frozen(x, training=False)
            return self.out(self.moving(x))

    return trained(keras, Net())


@case("subclassing/training-fixed-in-a-graph")
def fixed_in_graph(keras: Any) -> Arrays:
    layers = keras.layers
    x = keras.Input((5,))
    y = layers.BatchNormalization(momentum=0.5)(x, training=True)
    y = layers.BatchNormalization(momentum=0.5)(y, training=False)
    model = start(keras.Model(x, layers.Dense(2)(y)))
    return trained(keras, model)


@case("subclassing/attributes-that-torch-has-too")
def clashing(keras: Any) -> Arrays:
    layers = keras.layers

    class Block(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.type = layers.Dense(4)
            self.half = layers.Dense(4)
            self.float = [layers.Dense(4)]
            self.state = layers.Dense(4)
            self.nodes = [layers.Dense(4)]
            self.variable = layers.LayerNormalization()

        def build(self, input_shape: Any) -> None:
            self.cpu = self.add_weight(shape=(4,), initializer="ones", name="b")

        def call(self, x: Any) -> Any:
            x = self.state(self.half(self.type(x)))
            return self.variable(self.nodes[0](self.float[0](x))) * self.cpu

    class Net(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.network = keras.Sequential(
                [layers.Dense(4, activation="tanh"), Block()]
            )
            self.source = layers.Dense(3)
            self.device = layers.Dense(3)
            self.scale = layers.Dense(2)
            self.mode, self.units, self.config = "a", 3, {"b": 1}

        def call(self, inputs: Any, training: Any = None) -> Any:
            x = self.network(inputs, training=training)
            return self.scale(self.device(self.source(x)))

    return trained(keras, Net())


# ---------------------------------------------------------------------------- guides
@case("subclassing/guide-features-of-a-model")
def features(keras: Any) -> Arrays:
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((6, 6, 2)),
            layers.Conv2D(3, 3, activation="relu", name="one"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(2, name="last"),
        ]
    )
    start(model)
    several = keras.Model(model.inputs, [layer.output for layer in model.layers])
    one = keras.Model(inputs=model.inputs, outputs=model.get_layer(name="one").output)
    model.compile(keras.optimizers.SGD(0.001), "mse")
    found = train(model, IMAGES, Y, batch_size=5)
    found |= named("several", several.predict(IMAGES, verbose=0))
    return found | {"one": one.predict(IMAGES, verbose=0)}


@case("subclassing/guide-autoencoder-of-shared-graph")
def shared_graph(keras: Any) -> Arrays:
    layers = keras.layers
    x = keras.Input((6, 6, 2), name="img")
    y = layers.Conv2D(3, 3, activation="relu")(x)
    y = layers.GlobalMaxPooling2D()(y)
    encoder = keras.Model(x, y, name="encoder")
    z = layers.Reshape((1, 1, 3))(y)
    z = layers.Conv2DTranspose(2, 6, activation="sigmoid")(z)
    auto = keras.Model(x, z, name="autoencoder")
    start(auto)
    auto.compile(keras.optimizers.Adam(0.01), "binary_crossentropy")
    found = train(auto, IMAGES, (IMAGES > 0).astype("float32"), batch_size=5)
    return found | {"code": encoder.predict(IMAGES, verbose=0)}


@case("subclassing/guide-ensemble")
def ensemble(keras: Any) -> Arrays:
    layers = keras.layers

    def get_model() -> Any:
        x = keras.Input((5,))
        return keras.Model(x, layers.Dense(2)(x))

    models = [get_model() for _ in range(3)]
    x = keras.Input((5,))
    model = keras.Model(x, layers.average([m(x) for m in models]))
    return trained(keras, model)


@case("subclassing/guide-tickets")
def tickets(keras: Any) -> Arrays:
    layers = keras.layers
    title = keras.Input((None,), name="title", dtype="int32")
    tags = keras.Input((5,), name="tags")
    y = layers.LSTM(3)(layers.Embedding(7, 4)(title))
    y = layers.concatenate([y, tags])
    priority = layers.Dense(1, name="priority")(y)
    department = layers.Dense(3, name="department")(y)
    model = keras.Model(
        inputs=[title, tags],
        outputs={"priority": priority, "department": department},
    )
    x = {"title": TOKENS, "tags": X}
    model(first(x))
    start(model)
    model.compile(
        optimizer=keras.optimizers.RMSprop(1e-2),
        loss={
            "priority": keras.losses.BinaryCrossentropy(from_logits=True),
            "department": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        },
        loss_weights={"priority": 1.0, "department": 0.2},
    )
    y = {"priority": (LABELS > 1).astype("float32")[:, None], "department": LABELS}
    return order(model) | train(model, x, y, batch_size=5)


@case("subclassing/guide-functional-subclass")
def functional_subclass(keras: Any) -> Arrays:
    layers = keras.layers

    class MLP(keras.Model):
        def __init__(self, width: int, **kwargs: Any) -> None:
            x = keras.Input((5,))
            hidden = layers.Dense(width, activation="tanh")
            y = layers.Dense(2)(hidden(x))
            super().__init__(inputs=x, outputs=y, **kwargs)
            self.width = width
            self.hidden = hidden
            self.extra = layers.Dense(2)

        def score(self, x: Any) -> Any:
            return self.extra(self(x))

    model = MLP(4, name="mlp")
    model.score(X[:2])
    found = trained(keras, model)
    return found | {"score": numbers(model.score(X))}


@case("subclassing/guide-early-stopping-of-its-own")
def stopping(keras: Any) -> Arrays:
    class EarlyStoppingAtMinLoss(keras.callbacks.Callback):
        def __init__(self, patience: int = 0) -> None:
            super().__init__()
            self.patience = patience
            self.best_weights: Any = None

        def on_train_begin(self, logs: Any = None) -> None:
            self.wait = 0
            self.stopped_epoch = 0
            self.best = np.inf

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            current = logs.get("loss")
            if np.less(current, self.best):
                self.best = current
                self.wait = 0
                self.best_weights = self.model.get_weights()
            else:
                self.wait += 1
                if self.wait >= self.patience:
                    self.stopped_epoch = epoch
                    self.model.stop_training = True
                    self.model.set_weights(self.best_weights)

    class Scheduler(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            rate = float(self.model.optimizer.learning_rate)
            self.model.optimizer.learning_rate = rate * (0.3 if epoch % 2 else 4.0)

    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((5,)), layers.Dense(4, activation="tanh"), layers.Dense(2)]
    )
    start(model)
    model.compile(keras.optimizers.SGD(0.05), "mse", metrics=["mae"])
    stop = EarlyStoppingAtMinLoss(patience=1)
    found = train(model, X, Y, batch_size=5, epochs=9, callbacks=[stop, Scheduler()])
    return found | {"stopped": stop.stopped_epoch, "best": float(stop.best)}


@case("subclassing/guide-hypernetwork")
def hypernetwork(keras: Any) -> Arrays:
    layers = keras.layers

    class Linear(layers.Layer):
        """Computes with weights that another layer makes."""

        def __init__(self) -> None:
            super().__init__()
            self.maker = layers.Dense(5 * 2 + 2)
            self.shape = layers.Reshape((5, 2))

        def call(self, x: Any) -> Any:
            made = self.maker(x)
            kernel = self.shape(made[:, :10])
            row = x[:, None, :]
            return (row @ kernel)[:, 0] + made[:, 10:]

    class Net(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.body = Linear()

        def call(self, inputs: Any) -> Any:
            return self.body(inputs)

    return trained(keras, Net())


@case("subclassing/guide-mixed-inputs-to-fit")
def fit_inputs(keras: Any) -> Arrays:
    layers = keras.layers

    class Rows(keras.utils.PyDataset):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)

        def __len__(self) -> int:
            return 3

        def __getitem__(self, index: int) -> Any:
            at = slice(index * 5, index * 5 + 5)
            return X[at], Y[at], np.ones(len(X[at]), "float32") * (index + 1.0)

    class Net(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.out = layers.Dense(2)

        def call(self, x: Any) -> Any:
            return self.out(x)

    model = Net()
    model(X[:2])
    start(model)
    model.compile(keras.optimizers.SGD(0.1), "mse", weighted_metrics=["mae"])
    found = train(model, Rows(), validation_data=Rows())
    found |= named("evaluate", model.evaluate(Rows(), verbose=0, return_dict=True))
    return found | {"predict": model.predict(X, batch_size=3, verbose=0)}


@case("subclassing/add-metric-and-loss-of-a-model-property")
def metrics_property(keras: Any) -> Arrays:
    layers = keras.layers

    class Net(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.out = layers.Dense(4), layers.Dense(2)
            self.sizes = [keras.metrics.Mean(name="a"), keras.metrics.Mean(name="b")]
            self.by_name = {"c": keras.metrics.Mean(name="c")}

        def call(self, x: Any) -> Any:
            y = self.body(x)
            self.sizes[1].update_state(y * y)
            self.by_name["c"].update_state(y)
            return self.out(y)

    model = Net()
    found = trained(keras, model, metrics=["mae"])
    found["names"] = np.array(sorted(model.evaluate(X, Y, verbose=0, return_dict=True)))
    return found


@case("subclassing/masks-of-several-inputs")
def several_masks(keras: Any) -> Arrays:
    layers = keras.layers
    seen: list[str] = []

    class Both(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.supports_masking = True

        def call(self, inputs: Any, mask: Any = None) -> Any:
            seen.append(str([m is not None for m in mask]) if mask is not None else "-")
            return inputs[0] + inputs[1]

        def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
            return mask[0]

    class Named(layers.Layer):
        def call(
            self, query: Any, value: Any, query_mask: Any = None, value_mask: Any = None
        ) -> Any:
            seen.append(f"{query_mask is not None} {value_mask is not None}")
            return query * value

    class Net(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.embed = layers.Embedding(7, 3, mask_zero=True)
            self.plain = layers.Embedding(7, 3)
            self.both, self.named = Both(), Named()
            self.read, self.out = layers.GRU(3), layers.Dense(2)

        def call(self, x: Any) -> Any:
            a, b = self.embed(x), self.plain(x)
            y = self.both([a, b])
            return self.out(self.read(y) + self.read(self.named(y, b)))

    found = trained(keras, Net(), TOKENS)
    return found | {"seen": np.array(sorted(set(seen)))}
