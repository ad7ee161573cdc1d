"""What ``fit`` takes and gives back, asked of Keras and of the shim.

``python data_cases.py keras|keras2torch OUT.json``; nothing here names a framework.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Iterator
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

N = 21
RNG = np.random.default_rng(0)
A = RNG.normal(size=(N, 4)).astype("float32")
B = RNG.normal(size=(N, 2)).astype("float32")
SIZE = RNG.normal(size=(N, 1)).astype("float32")
KIND = RNG.integers(0, 3, N)


def model(keras: Any, outputs: str = "list") -> Any:
    layers = keras.layers
    a, b = keras.Input((4,), name="a"), keras.Input((2,), name="b")
    x = layers.Concatenate()([layers.Dense(3, activation="tanh")(a), b])
    size = layers.Dense(1, name="size")(x)
    kind = layers.Dense(3, activation="softmax", name="kind")(x)
    out: Any = [size, kind]
    if outputs == "dict":
        out = {"size": size, "kind": kind}
    made = keras.Model([a, b], out)
    rng = np.random.default_rng(3)
    made.set_weights([rng.normal(size=w.shape) for w in made.get_weights()])
    loss = {"size": "mse", "kind": "sparse_categorical_crossentropy"}
    made.compile("adam", loss, metrics={"size": ["mae"], "kind": ["accuracy"]})
    return made


def rows() -> Iterator[Any]:
    for at in range(0, N, 8):
        here = slice(at, at + 8)
        yield (A[here], B[here]), (SIZE[here], KIND[here])


def forever() -> Iterator[Any]:
    while True:
        yield from rows()


class Again:
    """What can be iterated anew, as a tf.data pipeline."""

    def __iter__(self) -> Iterator[Any]:
        return rows()


def named_rows() -> Iterator[Any]:
    for (a, b), (size, kind) in rows():
        yield {"b": b, "a": a}, {"kind": kind, "size": size}


def told(history: Any) -> dict[str, Any]:
    return {
        "history": {k: [float(x) for x in v] for k, v in history.history.items()},
        "epoch": list(history.epoch),
        "params": {k: v for k, v in history.params.items() if k != "metrics"},
    }


FIT = {"batch_size": 8, "epochs": 2, "shuffle": False, "verbose": 0}
PAIR = ([A, B], [SIZE, KIND])


def fitted(keras: Any, x: Any, y: Any = None, outputs: str = "list", **fit: Any) -> Any:
    made = model(keras, outputs)
    return told(made.fit(x, y, **{**FIT, **fit}))


def sequence(keras: Any) -> Any:
    class Rows(keras.utils.PyDataset):
        def __len__(self) -> int:
            return 3

        def __getitem__(self, index: int) -> Any:
            return list(rows())[index]

    return fitted(keras, Rows(), batch_size=None)


def order(keras: Any) -> Any:
    seen: list[str] = []

    def noted(name: str) -> Any:
        def hook(self: Any, *args: Any, **kwargs: Any) -> None:
            at = [a for a in args if isinstance(a, int)]
            seen.append(f"{self.letter}.{name}{at}")

        return hook

    hooks = [
        f"on_{what}_{when}"
        for what in ("epoch", "train_batch", "test_batch", "train", "test", "predict")
        for when in ("begin", "end")
    ]

    def made(letter: str) -> Any:
        members = {hook: noted(hook) for hook in hooks} | {"letter": letter}
        return type(letter, (keras.callbacks.Callback,), members)()

    made_model = model(keras)
    callbacks = [made("A"), made("B")]
    options = {**FIT, "validation_data": PAIR, "validation_batch_size": 11}
    made_model.fit(*PAIR, callbacks=callbacks, **options)
    made_model.evaluate(*PAIR, verbose=0, callbacks=callbacks, batch_size=21)
    made_model.predict(PAIR[0], verbose=0, callbacks=callbacks)
    return seen


def shapes(keras: Any, outputs: str) -> Any:
    made = model(keras, outputs)
    found = made.predict([A, B], batch_size=8, verbose=0)
    items = found.items() if isinstance(found, dict) else enumerate(found)
    single = made.predict_on_batch([A[:3], B[:3]])
    return {
        "type": type(found).__name__,
        "shapes": {str(k): [list(v.shape), str(v.dtype)] for k, v in items},
        "numpy": all(isinstance(v, np.ndarray) for _, v in items),
        "batch": type(single).__name__,
    }


def evaluated(keras: Any, outputs: str) -> Any:
    made = model(keras, outputs)
    y = {"size": SIZE, "kind": KIND} if outputs == "dict" else [SIZE, KIND]
    listed = made.evaluate([A, B], y, verbose=0, batch_size=8)
    named = made.evaluate([A, B], y, verbose=0, batch_size=8, return_dict=True)
    some = made.evaluate([A, B], y, verbose=0, batch_size=8, steps=2, return_dict=True)
    return {
        "listed": [float(v) for v in listed],
        "named": {k: float(v) for k, v in named.items()},
        "some": {k: float(v) for k, v in some.items()},
        "names": sorted(named),
    }


def generated(keras: Any) -> Any:
    made = model(keras)
    found = made.predict((x for x in [((A[:8], B[:8]),)] * 2), verbose=0)
    return [list(v.shape) for v in found]


CASES = {
    "arrays": lambda k: fitted(k, *PAIR),
    "tuples": lambda k: fitted(k, (A, B), (SIZE, KIND)),
    "names": lambda k: fitted(k, {"b": B, "a": A}, {"kind": KIND, "size": SIZE}),
    "dict outputs": lambda k: fitted(
        k, {"b": B, "a": A}, {"kind": KIND, "size": SIZE}, "dict"
    ),
    "generator": lambda k: fitted(k, forever(), batch_size=None, steps_per_epoch=3),
    "names generated": lambda k: fitted(k, named_rows(), batch_size=None, epochs=1),
    "sequence": sequence,
    "split": lambda k: fitted(k, *PAIR, validation_split=0.3),
    "fewer steps": lambda k: fitted(k, *PAIR, steps_per_epoch=2),
    "later epoch": lambda k: fitted(k, *PAIR, initial_epoch=1, epochs=3),
    "order": order,
    "shapes of a list": lambda k: shapes(k, "list"),
    "shapes of a dict": lambda k: shapes(k, "dict"),
    "evaluate a list": lambda k: evaluated(k, "list"),
    "evaluate a dict": lambda k: evaluated(k, "dict"),
    "predict a generator": generated,
}


def main() -> None:
    keras = importlib.import_module(sys.argv[1])
    found = {}
    for name, case in CASES.items():
        try:
            found[name] = case(keras)
        except Exception as error:
            found[name] = f"{type(error).__name__}: {error}"
    with open(sys.argv[2], "w") as file:
        json.dump(found, file)


if __name__ == "__main__":
    main()
