"""Models over the same layers, within each other, cut, grown, named and shown."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
from parity.recording import Arrays, floats, integers, named, start, weights
from parity.table import case

N = 9


def fit(keras: Any, model: Any, x: Any, y: Any = None, rate: float = 0.02) -> Arrays:
    """Compile, train one epoch in uneven batches, and return what it leaves."""
    sgd = keras.optimizers.SGD(rate, momentum=0.5)
    model.compile(sgd, "mse", run_eagerly=True)
    if y is None:
        y = floats(99, len(x), *model.output_shape[1:])
    fit = model.fit(x, y, batch_size=4, epochs=1, verbose=0, shuffle=False)
    return {"loss": fit.history["loss"], **weights(model)}


def ask(model: Any, x: Any) -> Any:
    return model.predict(x, batch_size=4, verbose=0)


def under(prefix: str, found: Arrays) -> Arrays:
    return {f"{prefix}/{k}": v for k, v in found.items()}


# -------------------------------------------------------------------------- sharing
@case("every-model/shared-sizes")
def shared_sizes(keras: Any) -> Arrays:
    la = keras.layers
    conv = la.Conv2D(4, 3, strides=2, padding="same", activation="tanh")
    norm, pool, dense = la.BatchNormalization(), la.GlobalMaxPooling2D(), la.Dense(2)
    models = []
    for size in ((7, 5, 2), (10, 9, 2), (4, 4, 2)):
        x = keras.Input(size)
        models.append(keras.Model(x, dense(pool(norm(conv(x))))))
    start(models[0])
    found: Arrays = {}
    for turn in range(2):
        for i, model in enumerate(models):
            x = floats(turn + 3 * i, N, *model.input_shape[1:])
            found |= under(f"{turn}/{i}", fit(keras, model, x))
            found |= {
                f"{turn}/{i}/ask/{j}": ask(m, floats(j, 3, *m.input_shape[1:]))
                for j, m in enumerate(models)
            }
    return found


@case("every-model/shared-ranks")
def shared_ranks(keras: Any) -> Arrays:
    la = keras.layers
    dense, norm = la.Dense(5, activation="relu"), la.LayerNormalization()
    a, b, c = keras.Input((5,)), keras.Input((4, 5)), keras.Input((2, 3, 5))
    models = [keras.Model(t, norm(dense(t))) for t in (a, b, c)]
    start(models[1])
    found: Arrays = {}
    for i, model in enumerate(models):
        x = floats(i, N, *model.input_shape[1:])
        found |= under(str(i), fit(keras, model, x))
    return found | {
        f"ask/{i}": ask(m, floats(i, 3, *m.input_shape[1:]))
        for i, m in enumerate(models)
    }


def flattened(keras: Any, order: str) -> Arrays:
    la = keras.layers
    x = keras.Input((6, 5, 2))
    y = la.Conv2D(3, 2, activation="tanh")(x)
    flat = la.Flatten()(y)
    dense, out = la.Dense(4, activation="tanh"), la.Dense(2)
    z = out(dense(flat))
    code = keras.Input((60,))
    makers: dict[str, Callable[[], Any]] = {
        "whole": lambda: keras.Model(x, z),
        "tail": lambda: keras.Model(flat, z),
        "code": lambda: keras.Model(code, out(dense(code))),
        "dense": lambda: dense,
    }
    models = {}
    found: Arrays = {}
    whole = keras.Model(x, z)
    start(whole)
    for turn, name in enumerate(order.split()):
        if name not in models:
            models[name] = makers[name]()
        model = models[name]
        data = floats(turn, N, *((6, 5, 2) if name == "whole" else (60,)))
        if name == "dense":
            made = model(data)
            value = made.detach() if hasattr(made, "detach") else made
            found[f"{turn}/eager"] = np.asarray(value)
            continue
        found |= under(f"{turn}/{name}", fit(keras, model, data))
        found[f"{turn}/asked"] = ask(model, data)
    return found | {f"end/{i}": w for i, w in enumerate(dense.get_weights())}


for order in (
    "whole tail whole",
    "tail whole tail",
    "whole code whole code",
    "code whole code",
    "dense whole code dense",
    "whole dense tail dense whole",
):
    case(f"every-model/flattened/{order.replace(' ', '-')}")(
        lambda keras, order=order: flattened(keras, order)
    )


@case("every-model/autoencoder")
def autoencoder(keras: Any) -> Arrays:
    la = keras.layers
    x = keras.Input((8, 6, 1))
    y = la.Conv2D(3, 3, strides=2, padding="same", activation="relu")(x)
    shape = y.shape[1:]
    y = la.Flatten()(y)
    code = la.Dense(4, name="code")(y)
    z = keras.Input((4,))
    w = la.Dense(int(np.prod(shape)), activation="relu")(z)
    w = la.Reshape(shape)(w)
    w = la.Conv2DTranspose(2, 3, strides=2, padding="same", activation="relu")(w)
    w = la.Conv2D(1, 3, padding="same", activation="sigmoid")(w)
    encoder = keras.Model(x, code, name="encoder")
    decoder = keras.Model(z, w, name="decoder")
    both = keras.Model(x, decoder(encoder(x)), name="both")
    start(both)
    images, codes = floats(1, N, 8, 6, 1), floats(2, N, 4)
    found = under("both", fit(keras, both, images, images))
    found["code"] = ask(encoder, images)
    found |= under("encoder", fit(keras, encoder, images))
    found["seen"] = ask(both, images)
    found |= under("decoder", fit(keras, decoder, codes))
    found["made"] = ask(decoder, codes)
    found |= under("again", fit(keras, both, images, images))
    encoder.trainable = False
    found |= under("half", fit(keras, both, images, images))
    found["names"] = str([la.name for la in both.layers[1:]])
    found["counts"] = str([len(m.trainable_weights) for m in (both, encoder, decoder)])
    return found


@case("every-model/autoencoder-stack")
def stacks(keras: Any) -> Arrays:
    la = keras.layers
    encoder = keras.Sequential(
        [
            keras.Input((8, 6, 1)),
            la.Conv2D(2, 3),
            la.MaxPooling2D(2),
            la.Flatten(),
            la.Dense(3),
        ]
    )
    decoder = keras.Sequential(
        [
            keras.Input((3,)),
            la.Dense(12, activation="tanh"),
            la.Reshape((3, 2, 2)),
            la.UpSampling2D(2),
            la.Flatten(),
            la.Dense(48),
            la.Reshape((8, 6, 1)),
        ]
    )
    both = keras.Sequential([encoder, decoder])
    start(both)
    images = floats(1, N, 8, 6, 1)
    found = under("both", fit(keras, both, images, images, rate=0.005))
    found["code"] = ask(encoder, images)
    found["made"] = ask(decoder, floats(3, 5, 3))
    found |= under("decoder", fit(keras, decoder, floats(3, N, 3)))
    found["again"] = ask(both, images)
    return found


@case("every-model/twice-in-one")
def twice(keras: Any) -> Arrays:
    la = keras.layers
    inner = keras.Sequential(
        [
            keras.Input((6, 5, 2)),
            la.Conv2D(3, 3),
            la.BatchNormalization(),
            la.Flatten(),
            la.Dense(4),
        ]
    )
    a, b = keras.Input((6, 5, 2)), keras.Input((6, 5, 2))
    y = la.Concatenate()([inner(a), inner(b), la.Subtract()([inner(a), inner(b)])])
    model = start(keras.Model([a, b], la.Dense(2)(y)))
    x = [floats(1, N, 6, 5, 2), floats(2, N, 6, 5, 2)]
    found = fit(keras, model, x, floats(3, N, 2))
    return found | {"inner": ask(inner, x[0]), "ask": ask(model, x)}


# ------------------------------------------------------------------------- nesting
@case("every-model/nested")
def nested(keras: Any) -> Arrays:
    la = keras.layers
    deep = keras.Sequential([keras.Input((5, 2)), la.Conv1D(3, 2), la.Flatten()])
    a = keras.Input((5, 2))
    middle = keras.Model(a, [la.Dense(3)(deep(a)), la.GlobalMaxPooling1D()(a)])
    x = keras.Input((5, 2))
    y, z = middle(x)
    out = keras.Sequential([la.Dense(4, activation="relu"), la.Dense(2)])
    model = start(keras.Model(x, out(la.Concatenate()([y, z]))))
    data = floats(1, N, 5, 2)
    found = fit(keras, model, data)
    found |= named("middle", ask(middle, data)) | {"deep": ask(deep, data)}
    middle.trainable = False
    return found | under("frozen", fit(keras, model, data)) | {"ask": ask(model, data)}


@case("every-model/distributed-models")
def distributed(keras: Any) -> Arrays:
    la = keras.layers
    a = keras.Input((5, 4, 1))
    inner = keras.Model(a, la.Dense(3)(la.Flatten()(la.Conv2D(2, 2)(a))))
    x = keras.Input((3, 5, 4, 1))
    y = la.LSTM(4)(la.TimeDistributed(inner)(x))
    model = start(keras.Model(x, la.Dense(2)(y)))
    data = floats(1, N, 3, 5, 4, 1)
    found = fit(keras, model, data)
    return found | {"ask": ask(model, data), "inner": ask(inner, data[:, 0])}


@case("every-model/own-within")
def own(keras: Any) -> Arrays:
    la = keras.layers

    class Block(keras.layers.Layer):  # type: ignore[misc, name-defined]
        def __init__(self, width: int) -> None:
            super().__init__()
            self.width = width
            self.stack = keras.Sequential([la.Dense(width), la.LeakyReLU()])
            self.norm = la.LayerNormalization()

        def build(self, shape: Any) -> None:
            self.scale = self.add_weight(
                shape=(self.width,), initializer="ones", name="scale"
            )

        def call(self, x: Any) -> Any:
            return self.norm(self.stack(x)) * self.scale

    x = keras.Input((5,))
    y = Block(4)(x)
    model = keras.Model(x, la.Dense(2)(la.Add()([Block(4)(y), y])))
    data = floats(1, N, 5)
    model(data)
    start(model)
    return fit(keras, model, data) | {"ask": ask(model, data)}


# ------------------------------------------------------------- within, cut and grown
@case("every-model/between")
def between(keras: Any) -> Arrays:
    la = keras.layers
    model = keras.Sequential(
        [
            keras.Input((6, 5, 2)),
            la.Conv2D(3, 2, activation="relu", name="first"),
            la.MaxPooling2D(2),
            la.Conv2D(4, 1, name="second"),
            la.Flatten(name="flat"),
            la.Dense(3, name="code"),
            la.Dense(2),
        ]
    )
    start(model)
    x = floats(1, N, 6, 5, 2)
    found = under("model", fit(keras, model, x))
    for name in ("first", "second", "flat", "code"):
        part = keras.Model(model.inputs, model.get_layer(name).output)
        found[name] = ask(part, x)
    third = keras.Model(inputs=model.inputs, outputs=model.layers[3].output)
    found["third"] = ask(third, x)
    every = keras.Model(model.inputs, [layer.output for layer in model.layers])
    found |= named("every", ask(every, x))
    tail = keras.Model(model.get_layer("flat").output, model.outputs[0])
    found["tail"] = ask(tail, ask(keras.Model(model.inputs, model.layers[3].output), x))
    found |= under("later", fit(keras, model, x))
    return found | {"seen": ask(third, x), "tail-later": ask(tail, floats(2, 4, 16))}


@case("every-model/between-functional")
def between_functional(keras: Any) -> Arrays:
    la = keras.layers
    a, b = keras.Input((6, 3), name="a"), keras.Input((4,), name="b")
    y, h, c = la.LSTM(4, return_state=True, return_sequences=True, name="read")(a)
    z = la.Concatenate(name="join")([la.Flatten()(y), la.Dense(3, name="b1")(b)])
    model = start(keras.Model([a, b], la.Dense(2)(z)))
    x = [floats(1, N, 6, 3), floats(2, N, 4)]
    found = fit(keras, model, x, floats(3, N, 2))
    part = keras.Model(model.input, [model.get_layer("join").output, c])
    found |= named("part", ask(part, x))
    one = keras.Model(a, [h, y])
    return found | named("one", ask(one, x[0]))


@case("every-model/pop-and-add")
def grown(keras: Any) -> Arrays:
    la = keras.layers
    model = keras.Sequential(
        [
            keras.Input((6, 5, 2)),
            la.Conv2D(3, 2),
            la.Flatten(),
            la.Dense(4),
            la.Dense(2),
        ]
    )
    start(model)
    x = floats(1, N, 6, 5, 2)
    found = under("first", fit(keras, model, x))
    model.pop()
    found |= {"popped": ask(model, x), "shape": str(model.output_shape)}
    model.add(la.BatchNormalization())
    model.add(la.Dense(3))
    start(model, 5)
    found |= under("second", fit(keras, model, x))
    model.pop()
    model.pop()
    model.pop()
    found |= {"shape-end": str(model.output_shape), "asked": ask(model, x)}
    found["names"] = str([type(layer).__name__ for layer in model.layers])
    return found | {"count": model.count_params()}


@case("every-model/transfer")
def transfer(keras: Any) -> Arrays:
    la = keras.layers
    base = keras.Sequential(
        [
            keras.Input((8, 6, 2)),
            la.Conv2D(4, 3, activation="relu", name="c1"),
            la.BatchNormalization(name="n1"),
            la.Conv2D(4, 3, padding="same", name="c2"),
            la.BatchNormalization(name="n2"),
            la.GlobalAveragePooling2D(),
            la.Dense(3),
        ],
        name="base",
    )
    start(base)
    images = floats(1, N, 8, 6, 2)
    found = under("base", fit(keras, base, images))
    body = keras.Model(base.inputs, base.layers[-2].output, name="body")
    body.trainable = False
    x = keras.Input((8, 6, 2))
    y = la.Dropout(0.0)(body(x, training=False))
    model = keras.Model(x, la.Dense(2, name="head")(y))
    model.get_layer("head").set_weights([floats(5, 4, 2), floats(6, 2)])
    found["trained"] = str([tuple(v.shape) for v in model.trainable_weights])
    found |= under("head", fit(keras, model, images))
    body.trainable = True
    for layer in body.layers[:-2]:
        layer.trainable = False
    found["again"] = str([tuple(v.shape) for v in model.trainable_weights])
    found |= under("some", fit(keras, model, images, rate=0.01))
    found["base-after"] = ask(base, images)
    body.trainable = True
    found |= under("all", fit(keras, model, images, rate=0.01))
    found["flags"] = str([layer.trainable for layer in (*model.layers, *body.layers)])
    return found | {"asked": ask(model, images)}


@case("every-model/frozen-late")
def frozen_late(keras: Any) -> Arrays:
    la = keras.layers
    x = keras.Input((5,))
    first, norm, last = la.Dense(4), la.BatchNormalization(), la.Dense(2)
    model = start(keras.Model(x, last(norm(first(x)))))
    data = floats(1, N, 5)
    found = under("all", fit(keras, model, data))
    for i, layer in enumerate((first, norm, last)):
        for other in model.layers:
            other.trainable = other is not layer
        found |= under(str(i), fit(keras, model, data))
    model.trainable = False
    found["none"] = len(model.trainable_weights)
    model.trainable = True
    found["every"] = len(model.trainable_weights)
    return found


# ------------------------------------------------------------------ sizes not known
@case("every-model/open-steps")
def open_steps(keras: Any) -> Arrays:
    la = keras.layers
    x = keras.Input((None, 3))
    y = la.Conv1D(4, 3, padding="same", activation="relu")(x)
    y = la.Bidirectional(la.GRU(3, return_sequences=True))(y)
    y = la.MultiHeadAttention(2, 3)(y, y)
    y = la.LayerNormalization()(y)
    y = la.TimeDistributed(la.Dense(3))(y)
    z = la.Dense(2)(la.Concatenate()([la.LSTM(4)(y), la.GlobalMaxPooling1D()(y)]))
    model = start(keras.Model(x, z))
    model.compile(keras.optimizers.SGD(0.05), "mse", run_eagerly=True)
    found: Arrays = {"shape": str(model.input_shape)}
    for i, steps in enumerate((5, 8, 3, 1, 5)):
        data = floats(i, 4, steps, 3)
        found[f"loss/{i}"] = model.train_on_batch(data, floats(9, 4, 2))
        found[f"ask/{i}"] = model.predict_on_batch(data)
    return found | weights(model)


@case("every-model/open-tokens")
def open_tokens(keras: Any) -> Arrays:
    la = keras.layers
    model = keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            la.Embedding(9, 4, mask_zero=True),
            la.LSTM(4, return_sequences=True),
            la.Dropout(0.0),
            la.Bidirectional(la.LSTM(3)),
            la.Dense(2),
        ]
    )
    start(model)
    model.compile(keras.optimizers.SGD(0.05), "mse", run_eagerly=True)
    found: Arrays = {}
    for i, steps in enumerate((5, 8, 3, 5)):
        data = integers(i, 9, 4, steps)
        data[:, 0] = 1
        data[:2, steps // 2 + 1 :] = 0
        found[f"loss/{i}"] = model.train_on_batch(data, floats(9, 4, 2))
        found[f"ask/{i}"] = model.predict_on_batch(data)
    return found | weights(model)


@case("every-model/open-images")
def open_images(keras: Any) -> Arrays:
    la = keras.layers
    x = keras.Input((None, None, 3))
    y = la.Conv2D(4, 3, strides=2, padding="same", activation="relu")(x)
    y = la.BatchNormalization()(y)
    y = la.MaxPooling2D(2, padding="same")(y)
    up = la.UpSampling2D(2)(la.SeparableConv2D(4, 3, padding="same")(y))
    up = la.Conv2DTranspose(3, 3, strides=2, padding="same")(up)
    z = la.Dense(2)(la.GlobalAveragePooling2D()(y))
    model = start(keras.Model(x, [up, z]))
    model.compile(keras.optimizers.SGD(0.05), ["mse", "mse"], run_eagerly=True)
    found: Arrays = {"shapes": str(model.output_shape)}
    for i, (h, w) in enumerate(((8, 8), (7, 9), (4, 12), (5, 5), (8, 8), (11, 6))):
        data = floats(i, 4, h, w, 3)
        made = model.predict_on_batch(data)
        found |= named(f"ask/{i}", made)
        wanted = [floats(7, *made[0].shape), floats(8, 4, 2)]
        found[f"loss/{i}"] = model.train_on_batch(data, wanted)
    return found | weights(model)


@case("every-model/open-subclassed")
def open_own(keras: Any) -> Arrays:
    la = keras.layers

    class Own(keras.Model):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.conv = la.Conv2D(4, 3, strides=2, padding="same", activation="relu")
            self.pool = la.GlobalMaxPooling2D()
            self.out = la.Dense(2)

        def call(self, x: Any) -> Any:
            return self.out(self.pool(self.conv(x)))

    model = Own()
    model(floats(0, 1, 6, 6, 3))
    start(model)
    model.compile(keras.optimizers.SGD(0.05), "mse", run_eagerly=True)
    found: Arrays = {}
    for i in range(7):
        data = floats(i, 4, 5 + i, 9 - i, 3)
        found[f"loss/{i}"] = model.train_on_batch(data, floats(8, 4, 2))
        found[f"ask/{i}"] = model.predict_on_batch(data)
    return found | weights(model)


# ------------------------------------------------------------------- names and tables
def clean(keras: Any) -> Any:
    keras.backend.clear_session()
    return keras.layers


@case("every-model/names")
def names(keras: Any) -> Arrays:
    la = clean(keras)
    a = [la.Dense(2), la.Dense(2), la.Dense(2, name="mine"), la.Conv2D(2, 2)]
    a += [la.BatchNormalization(), la.Dense(1), la.MaxPooling2D(), la.LSTM(2)]
    a += [la.GRU(2), la.Conv2DTranspose(2, 2), la.PReLU(), la.ReLU(), la.ELU()]
    a += [la.Bidirectional(la.LSTM(2)), la.TimeDistributed(la.Dense(2)), la.Dense(2)]
    a += [la.Add(), la.Lambda(lambda x: x), la.Activation("relu"), la.SimpleRNN(2)]
    a += [la.GlobalAveragePooling2D(), la.Embedding(2, 2), la.RMSNormalization()]
    a += [la.MultiHeadAttention(1, 1), la.RNN(la.LSTMCell(2)), la.Conv1D(2, 2)]

    class MyOwnBlock(keras.layers.Layer):  # type: ignore[misc, name-defined]
        pass

    class GELUBlock2D(keras.layers.Layer):  # type: ignore[misc, name-defined]
        pass

    a += [MyOwnBlock(), MyOwnBlock(), GELUBlock2D()]
    a += [keras.Sequential(), keras.Sequential([la.Dense(2)]), keras.Sequential()]
    x = keras.Input((3,))
    a += [keras.Model(x, la.Dense(2)(x)), keras.Model(x, la.Dense(2)(x))]

    class MyNet(keras.Model):  # type: ignore[misc, name-defined]
        pass

    a += [MyNet(), MyNet()]
    return {
        "names": str([layer.name for layer in a]),
        "input": x.name,
    }


def looked_at(model: Any) -> Arrays:
    return {
        "layers": str([layer.name for layer in model.layers]),
        # Keras makes another class of a Model of symbolic calls.
        "kinds": str(
            [
                type(layer).__name__.replace("Functional", "Model")
                for layer in model.layers
            ]
        ),
        "input": str(model.input_shape),
        "output": str(model.output_shape),
        "inputs": str([t.name for t in model.inputs]),
        "outputs": str([tuple(t.shape) for t in model.outputs]),
        "counts": str([layer.count_params() for layer in model.layers]),
        "names": str([v.name for v in model.weights]),
    }


@case("every-model/looked-at")
def looked(keras: Any) -> Arrays:
    found: Arrays = {}
    for name, make in MODELS.items():
        model = make(keras)
        if model.built and name != "own":
            found |= under(name, looked_at(model))
    return found


def summary(model: Any, **given: Any) -> str:
    lines: list[str] = []
    model.summary(
        print_fn=lambda *a, **k: lines.append(str(a[0])), line_length=78, **given
    )
    return "\n".join(lines)


def table_rows(text: str) -> list[str]:
    """The words of each row and of each sum, however wide they are printed."""
    rows: list[list[str]] = []
    for line in text.splitlines():
        if re.match(r"^[├┡┏└╞]", line) or not line.strip():
            rows.append([])
            continue
        if line.startswith(("│", "┃")):
            cells = [c.strip() for c in re.split("[│┃]", line)[1:-1]]
            if not rows or not rows[-1]:
                rows.append(cells) if not rows else rows.__setitem__(-1, cells)
            else:
                rows[-1] = [f"{a}{b}" for a, b in zip(rows[-1], cells, strict=True)]
        else:
            rows.append([line.strip()])
    return [re.sub(r"\s+", "", "|".join(r)) for r in rows if any(r)]


def stack(keras: Any) -> Any:
    la = clean(keras)
    return keras.Sequential(
        [
            keras.Input((8, 6, 2)),
            la.Conv2D(4, 3),
            la.BatchNormalization(),
            la.ReLU(),
            la.Flatten(),
            la.Dropout(0.5),
            la.Dense(1000),
            la.Dense(2),
        ]
    )


def deferred(keras: Any) -> Any:
    la = clean(keras)
    return keras.Sequential([la.Dense(3), la.BatchNormalization(), la.Dense(2)])


def trained(keras: Any) -> Any:
    model = stack(keras)
    model.compile("adam", "mse", run_eagerly=True)
    model.train_on_batch(floats(1, 2, 8, 6, 2), floats(1, 2, 2))
    return model


def frozen_stack(keras: Any) -> Any:
    model = stack(keras)
    model.layers[0].trainable = False
    return model


def branches(keras: Any) -> Any:
    la = clean(keras)
    a, b = keras.Input((4,), name="a"), keras.Input((6, 3), name="b")
    y, h, c = la.LSTM(4, return_state=True)(b)
    z = la.Concatenate()([la.Dense(3)(a), y, h])
    z = la.Add()([z, z * 2.0])
    return keras.Model([a, b], [la.Dense(2, name="p")(z), c])


def inside(keras: Any) -> Any:
    la = clean(keras)
    inner = keras.Sequential(
        [keras.Input((5,)), la.Dense(4), keras.Sequential([la.Dense(3), la.ReLU()])],
        name="inner",
    )
    x = keras.Input((5,), name="x")
    z = keras.Model(x, la.Dense(5)(x), name="turn")(x)
    return keras.Model(x, la.Dense(2)(la.Add()([inner(x), inner(z)])), name="all")


def line(keras: Any) -> Any:
    la = clean(keras)
    x = keras.Input((5, 3))
    y = la.TimeDistributed(la.Dense(4))(x)
    y = la.Bidirectional(la.LSTM(3))(y)
    return keras.Model(x, la.Dense(2)(y))


def subclassed(keras: Any) -> Any:
    la = clean(keras)

    class MyNet(keras.Model):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.first = la.Dense(3)
            self.second = la.Dense(2)

        def call(self, x: Any) -> Any:
            return self.second(self.first(x))

    model = MyNet()
    model(floats(1, 2, 5))
    return model


def subclassed_unbuilt(keras: Any) -> Any:
    la = clean(keras)

    class MyNet(keras.Model):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.first = la.Dense(3)

        def call(self, x: Any) -> Any:
            return self.first(x)

    return MyNet()


def built_by_shape(keras: Any) -> Any:
    model = deferred(keras)
    model.build((None, 7))
    return model


MODELS: dict[str, Callable[[Any], Any]] = {
    "stack": stack,
    "deferred": deferred,
    "trained": trained,
    "frozen": frozen_stack,
    "branches": branches,
    "inside": inside,
    "line": line,
    "own": subclassed,
    "own-unbuilt": subclassed_unbuilt,
    "by-shape": built_by_shape,
}


def shown(keras: Any, make: Callable[[Any], Any], **given: Any) -> Arrays:
    rows = table_rows(summary(make(keras), **given))
    return {f"row/{i}": row for i, row in enumerate(rows)}


for key, make in MODELS.items():
    case(f"every-model/summary/{key}")(lambda keras, make=make: shown(keras, make))
    case(f"every-model/summary-all/{key}")(
        lambda keras, make=make: shown(
            keras, make, expand_nested=True, show_trainable=True
        )
    )
