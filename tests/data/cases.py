"""What is given to fit, for Keras and for us: numpy and Python alone, no framework."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

RNG = np.random.default_rng(11)
X = RNG.normal(size=(11, 3))
Y = RNG.integers(0, 3, 11)
W = RNG.uniform(size=11)
IMAGES = RNG.integers(0, 256, (11, 4, 5, 3)).astype("uint8")
ONE_HOT = np.eye(3)[Y]
WEIGHTS = {0: 0.5, 1: 2.0, 2: 3.5}


@dataclass
class Case:
    """Arguments, the same for both; ``data`` makes x anew where it is used up."""

    x: Any = None
    y: Any = None
    w: Any = None
    epochs: int = 1
    more: dict[str, Any] = field(default_factory=dict)
    kind: str = "arrays"


def ramp(batches: int, parts: int = 2) -> Iterator[Any]:
    """Yield batches of 4, or fewer in the last, by which their order can be told."""
    for i in range(batches):
        rows = 4 if i < batches - 1 else 3
        x = np.full((rows, 2), float(i))
        yield (x, x.astype("int64")[:, :1], np.full(rows, 0.5 + i))[:parts]


def case(x: Any, y: Any = None, w: Any = None, epochs: int = 1, **more: Any) -> Case:
    return Case(x, y, w, epochs, more)


def generator(batches: int, parts: int = 2, epochs: int = 1, **more: Any) -> Case:
    return Case((batches, parts), None, None, epochs, more, "generator")


def py_dataset(batches: int, epochs: int = 1, **more: Any) -> Case:
    return Case(batches, None, None, epochs, more, "py_dataset")


def tf_data(batch: int, epochs: int = 1, **more: Any) -> Case:
    return Case(batch, None, None, epochs, more, "tf_data")


CASES = {
    "x alone": case(X),
    "x and y": case(X, Y, batch_size=4),
    "weights": case(X, Y, W, batch_size=4),
    "default batch": case(np.repeat(X, 4, 0), np.repeat(Y, 4)),
    "bytes": case(IMAGES, Y, batch_size=4),
    "booleans": case(X > 0, Y > 1, batch_size=4),
    "float16": case(X.astype("float16"), Y.astype("float64"), batch_size=4),
    "int32": case(Y.astype("int32"), Y.astype("int8"), batch_size=4),
    "reversed view": case(X[::-1], Y[::-1], batch_size=4),
    "one sample": case(X[:1], Y[:1], W[:1]),
    "batch beyond": case(X, Y, batch_size=64),
    "batch divides": case(X[:8], Y[:8], batch_size=4),
    "list": case([X, IMAGES], Y, batch_size=4),
    "tuple": case((X, Y), (X, ONE_HOT), batch_size=4),
    "dict": case({"b": X, "a": IMAGES}, {"out": Y}, batch_size=4),
    "nested": case({"b": [X, Y], "a": (IMAGES,)}, Y, batch_size=4),
    "one weight of two outputs": case(X, [Y, ONE_HOT], W, batch_size=4),
    "a column of weights": case(X, [Y, ONE_HOT], W[:, None], batch_size=4),
    "two weights": case(X, [Y, ONE_HOT], [W, W * 2], batch_size=4),
    "weights by name": case(
        X, {"q": Y, "p": ONE_HOT}, {"p": W, "q": W * 2}, batch_size=4
    ),
    "weights of steps": case(X, X, np.tile(W[:, None], 3), batch_size=4),
    "class weights": case(X, Y, batch_size=4, class_weight=WEIGHTS),
    "class weights, column": case(X, Y[:, None], batch_size=4, class_weight=WEIGHTS),
    "class weights, one-hot": case(X, ONE_HOT, batch_size=4, class_weight=WEIGHTS),
    "class weights, floats": case(
        X, Y + 0.5, batch_size=4, class_weight={0: 4.0, 1: 5.0, **{2: 6.0}}
    ),
    "a class without weight": case(X, Y, batch_size=4, class_weight={1: 5.0}),
    "steps": case(X, Y, epochs=5, batch_size=2, steps_per_epoch=4),
    "too many steps": case(X, Y, epochs=3, batch_size=4, steps_per_epoch=7),
    "steps make the batch": case(X, Y, epochs=3, steps_per_epoch=3),
    "steps that divide": case(X[:8], Y[:8], epochs=4, batch_size=2, steps_per_epoch=2),
    "generator": generator(5),
    "generator of weights": generator(3, 3),
    "generator of x": generator(3, 1),
    "generator goes on": generator(9, epochs=2, steps_per_epoch=4),
    "generator ends early": generator(6, epochs=2, steps_per_epoch=4),
    "generator of fewer": generator(3, epochs=1, steps_per_epoch=4),
    "py_dataset": py_dataset(4, epochs=2),
    "py_dataset of 1": py_dataset(1, epochs=2),
    "py_dataset, steps": py_dataset(5, epochs=4, steps_per_epoch=2),
    "py_dataset, shuffled": py_dataset(9, epochs=2, shuffle=True),
    "py_dataset, class weights": py_dataset(4, class_weight={0: 2.0, 2: 7.0, 1: 3.0}),
    "tf.data": tf_data(4, epochs=2),
    "tf.data, steps": tf_data(4, epochs=3, steps_per_epoch=2),
    "tf.data, class weights": tf_data(4, class_weight=WEIGHTS),
}


def py_dataset_class(base: Any) -> Any:
    """Return a data set over Keras' or our base class; ``calls`` tells of its hooks."""

    class Ramp(base):
        def __init__(self, batches: int, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.batches, self.calls = list(ramp(batches)), []

        def __len__(self) -> int:
            return len(self.batches)

        def __getitem__(self, index: int) -> Any:
            return self.batches[index]

        def on_epoch_begin(self) -> None:
            self.calls.append(1)

        def on_epoch_end(self) -> None:
            self.calls.append(2)

    return Ramp


def leaves(value: Any) -> list[Any]:
    """Flatten as Keras does, on paper: dicts by sorted key."""
    if isinstance(value, dict):
        return [leaf for key in sorted(value) for leaf in leaves(value[key])]
    if isinstance(value, (list, tuple)):
        return [leaf for item in value for leaf in leaves(item)]
    return [] if value is None else [value]


SERIES = np.arange(23.0)
TABLE = RNG.normal(size=(30, 2)).astype("float32")
INTEGERS = [[1], [2, 3], [4, 5, 6], []]

# name in keras.utils, arguments, keyword arguments
HELPERS: dict[str, tuple[str, tuple[Any, ...], dict[str, Any]]] = {
    "classes": ("to_categorical", ([0, 2, 1],), {}),
    "more classes": ("to_categorical", (Y, 5), {}),
    "column": ("to_categorical", (Y[:, None],), {}),
    "square": ("to_categorical", (Y[:9].reshape(3, 3), 4), {}),
    "fractions": ("to_categorical", (Y + 0.9,), {}),
    "scalar": ("to_categorical", (2,), {}),
    "negative": ("to_categorical", ([-1, 0], 3), {}),
    "rows": ("normalize", (X,), {}),
    "columns": ("normalize", (X,), {"axis": 1, "order": 1}),
    "vector": ("normalize", (X[0],), {}),
    "zeros": ("normalize", (np.zeros((2, 3)),), {}),
    "integers": ("normalize", (IMAGES[0, 0],), {}),
    "cube": ("normalize", (X.reshape(11, 3, 1) * np.ones((1, 1, 3)),), {"axis": 1}),
    "square, first axis": ("normalize", (X[:3],), {"axis": 0}),
    "greatest": ("normalize", (X,), {"order": np.inf}),
    "pad": ("pad_sequences", (INTEGERS,), {}),
    "pad after": ("pad_sequences", (INTEGERS,), {"padding": "post", "value": -1}),
    "cut": ("pad_sequences", (INTEGERS,), {"maxlen": 2}),
    "cut after": (
        "pad_sequences",
        (INTEGERS,),
        {"maxlen": 2, "truncating": "post", "padding": "post"},
    ),
    "pad vectors": (
        "pad_sequences",
        ([X[:2], X[:5], X[:1]],),
        {"maxlen": 4, "dtype": "float32", "value": 0.5},
    ),
    "pad wider": ("pad_sequences", (INTEGERS,), {"maxlen": 6}),
    "pad text": (
        "pad_sequences",
        ([["a"], ["b", "cd"]],),
        {"dtype": "U2", "value": "_"},
    ),
    "windows": ("timeseries_dataset_from_array", (SERIES, SERIES * 2, 4), {}),
    "windows alone": ("timeseries_dataset_from_array", (SERIES, None, 4), {}),
    "windows in batches": (
        "timeseries_dataset_from_array",
        (TABLE, TABLE[:, 0], 5),
        {"sequence_stride": 2, "sampling_rate": 3, "batch_size": 4},
    ),
    "windows of a part": (
        "timeseries_dataset_from_array",
        (TABLE, TABLE[:, 0], 3),
        {"start_index": 4, "end_index": 20, "batch_size": 7},
    ),
    "windows, few targets": (
        "timeseries_dataset_from_array",
        (SERIES[:-5], SERIES[5:9], 5),
        {"batch_size": 3},
    ),
    "windows one by one": (
        "timeseries_dataset_from_array",
        (TABLE, None, 26),
        {"batch_size": None},
    ),
    "windows of integers": ("timeseries_dataset_from_array", (Y, Y, 3), {}),
    "split": ("split_dataset", (TABLE,), {"left_size": 0.7}),
    "split by number": ("split_dataset", (TABLE,), {"right_size": 7}),
    "split leaves some": (
        "split_dataset",
        (TABLE,),
        {"left_size": 5, "right_size": 0.2},
    ),
    "split shuffled": (
        "split_dataset",
        (TABLE,),
        {"left_size": 0.5, "shuffle": True, "seed": 3},
    ),
    "unpack": ("unpack_x_y_sample_weight", ((X, Y),), {}),
    "unpack three": ("unpack_x_y_sample_weight", ([X, Y, W],), {}),
    "unpack bare": ("unpack_x_y_sample_weight", (X,), {}),
    "pack": ("pack_x_y_sample_weight", (X, Y), {}),
    "pack x": ("pack_x_y_sample_weight", (X,), {}),
    "pack list": ("pack_x_y_sample_weight", ([X, X],), {}),
}

# Rows that are nearly or wholly zero are where a norm's floor shows.
VECTORS = (ONE_HOT * 3 + X).astype("float32")
VECTORS[1], VECTORS[2] = VECTORS[1] * 1e-9, 0

SPLITS = [(11, 0.2), (10, 0.1), (10, 0.25), (3, 0.5), (100, 0.29), (5, 0.75)]
