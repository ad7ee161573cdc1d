"""What models say of themselves: weights in order, counts, kinds of results."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from parity.recording import Arrays, floats, integers, start
from parity.table import add, case

Make = Callable[[Any], Any]


def sequential(keras: Any, shape: tuple[int, ...], *body: Any) -> Any:
    return keras.Sequential([keras.Input(shape), *body])


def cnn(keras: Any) -> Any:
    la = keras.layers
    return sequential(
        keras,
        (8, 8, 3),
        la.Conv2D(4, 3),
        la.BatchNormalization(),
        la.DepthwiseConv2D(3),
        la.SeparableConv2D(5, 2, depth_multiplier=2),
        la.Conv2DTranspose(3, 2),
        la.Flatten(),
        la.Dense(2),
    )


def recurrent(keras: Any) -> Any:
    la = keras.layers
    return sequential(
        keras,
        (6, 3),
        la.Bidirectional(la.LSTM(4, return_sequences=True)),
        la.GRU(3, return_sequences=True),
        la.GRU(3, reset_after=False, return_sequences=True),
        la.SimpleRNN(2),
    )


def attention(keras: Any) -> Any:
    la = keras.layers
    x = keras.Input((4, 6))
    y = la.MultiHeadAttention(3, 2)(x, x)
    y = la.LayerNormalization()(la.Add()([x, y]))
    return keras.Model(x, la.Dense(2)(y))


def nested(keras: Any) -> Any:
    la = keras.layers
    inner = sequential(keras, (4,), la.Dense(3), la.BatchNormalization())
    outer = sequential(keras, (4,), inner, la.Dense(4))
    x = keras.Input((4,))
    return keras.Model(x, la.Concatenate()([inner(x), outer(x)]))


def branches(keras: Any) -> Any:
    # Layers made in another order than they are joined.
    la = keras.layers
    x = keras.Input((4,))
    late, early = la.Dense(3, name="late"), la.Dense(2, name="early")
    a = early(x)
    b = la.Dense(5, name="middle")(a)
    return keras.Model(x, [late(b), la.BatchNormalization()(a)])


def partly_frozen(keras: Any) -> Any:
    model = cnn(keras)
    model.layers[0].trainable = False
    model.layers[1].trainable = False
    return model


MODELS: dict[str, Make] = {
    "cnn": cnn,
    "recurrent": recurrent,
    "attention": attention,
    "nested": nested,
    "branches": branches,
    "partly-frozen": partly_frozen,
}


def described(make: Make) -> Callable[[Any], Arrays]:
    def run(keras: Any) -> Arrays:
        model = make(keras)
        lines: list[str] = []
        model.summary(print_fn=lambda line, **_: lines.append(line))
        totals = [
            line.strip() for line in "\n".join(lines).splitlines() if "params:" in line
        ]

        def shapes(found: Any) -> list[str]:
            return [str(tuple(w.shape)) for w in found]

        return {
            "order": shapes(model.get_weights()),
            "weights": shapes(model.weights),
            "trainable": shapes(model.trainable_weights) or ["none"],
            "fixed": shapes(model.non_trainable_weights) or ["none"],
            "names": [w.name for w in model.weights],
            "layers": [type(la).__name__ for la in model.layers],
            "parameters": model.count_params(),
            "totals": totals,
            "output": str(
                [tuple(t.shape) for t in model.outputs],
            ),
        }

    return run


for name, make in MODELS.items():
    add(f"results/{name}", described(make))


@case("results/kinds")
def kinds(keras: Any) -> Arrays:
    """What scripts go on working with: floats, lists and numpy arrays."""
    la = keras.layers
    model = start(sequential(keras, (5,), la.Dense(3, activation="softmax")))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    x, y = floats(1, 10, 5), integers(2, 3, 10)
    history = model.fit(x, y, batch_size=4, verbose=0, validation_split=0.2)
    found = {
        "history": history,
        "curve": history.history["loss"],
        "loss": history.history["loss"][0],
        "val": history.history["val_accuracy"][0],
        "evaluate": model.evaluate(x, y, verbose=0),
        "evaluate/loss": model.evaluate(x, y, verbose=0)[0],
        "evaluate/dict": model.evaluate(x, y, verbose=0, return_dict=True),
        "predict": model.predict(x, verbose=0),
        "predict_on_batch": model.predict_on_batch(x),
        "train_on_batch": model.train_on_batch(x, y),
        "test_on_batch": model.test_on_batch(x, y),
        "weight": model.get_weights()[0],
        "layer-weight": model.layers[0].get_weights()[1],
    }
    kinds = {k: type(v).__name__ for k, v in found.items()}
    kinds["predict/dtype"] = str(found["predict"].dtype)
    kinds["weight/dtype"] = str(found["weight"].dtype)
    kinds["curves"] = ",".join(history.history)
    kinds["epochs"] = str(history.epoch)
    return kinds


@case("results/kinds-of-vectors")
def vectors(keras: Any) -> Arrays:
    la = keras.layers
    model = start(sequential(keras, (5,), la.Dense(3, activation="softmax")))
    model.compile("sgd", "categorical_crossentropy", metrics=[keras.metrics.F1Score()])
    x, y = floats(1, 10, 5), floats(2, 10, 3) > 0
    history = model.fit(x, y, batch_size=4, verbose=0)
    found = {
        "history": history.history["f1_score"][0],
        "evaluate": model.evaluate(x, y, verbose=0)[1],
        "evaluate/dict": model.evaluate(x, y, verbose=0, return_dict=True)["f1_score"],
        "train_on_batch": model.train_on_batch(x, y)[1],
    }
    return {k: type(v).__name__ for k, v in found.items()}


@case("results/called-on-numpy")
def called(keras: Any) -> Arrays:
    la = keras.layers
    model = start(sequential(keras, (5,), la.Dense(3), la.BatchNormalization()))
    x = floats(1, 6, 5)
    out = model(x)
    moved = model(x, training=True)
    return {"shape": list(out.shape), "moved": list(moved.shape)} | {
        f"weights/{n}": w for n, w in enumerate(model.get_weights())
    }


@case("results/layer-weights")
def layer_weights(keras: Any) -> Arrays:
    la = keras.layers
    model = start(
        sequential(
            keras, (6, 6, 2), la.Conv2D(3, 2, name="c"), la.Flatten(), la.Dense(2)
        )
    )
    kernel, bias = model.get_layer("c").get_weights()
    model.get_layer("c").set_weights([kernel * 2, bias + 1])
    return {
        "kernel": model.layers[0].get_weights()[0],
        "bias": model.layers[0].bias.numpy(),
        "dense": model.layers[2].kernel.numpy(),
        "predict": model.predict(floats(1, 3, 6, 6, 2), verbose=0),
    }


@case("results/save-and-load-weights")
def saved(keras: Any) -> Arrays:
    import os
    import tempfile

    one, two = start(cnn(keras), 1), start(cnn(keras), 2)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "one.weights.h5")
        one.save_weights(path)
        two.load_weights(path)
    return {"predict": two.predict(floats(1, 3, 8, 8, 3), verbose=0)}
