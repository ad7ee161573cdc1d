"""Layers that look up, hash and encode: what they learn, say and compute."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from parity.recording import Arrays, floats, start
from parity.table import add, case

TEXTS = [
    "The cat sat on the mat.",
    "A dog, a DOG and another dog!",
    "Über den Wolken; über den Wolken",
    "the the cat's",
]
COLORS = [["red"], ["green"], ["light blue"], ["Rot"], ["red"], ["green"], ["zinc"]]
ROWS = [["a", "b", "b"], ["c", "a", ""], ["b", "b", "d"]]
IDS = [[3], [-1], [700], [3], [12345678901], [0], [700]]
MODES = ("int", "one_hot", "multi_hot", "count", "tf_idf")


def array(value: Any) -> np.ndarray:
    """What comes out of a layer, a tensor of either side."""
    return np.asarray(value.detach() if hasattr(value, "detach") else value)


def said(layer: Any) -> Arrays:
    return {
        "vocabulary": str([str(t) for t in layer.get_vocabulary()]),
        "terms": str([str(t) for t in layer.get_vocabulary(False)]),
        "size": layer.vocabulary_size(),
    }


def again(keras: Any, layer: Any, x: Any) -> Arrays:
    """What the layer gives, and what one of its config gives once it has the terms."""
    copy = type(layer).from_config(layer.get_config())
    del keras
    return {"y": array(layer(x)), "copy": type(copy).__name__}


def strings(mode: str, **given: Any) -> Callable[[Any], Arrays]:
    def run(keras: Any) -> Arrays:
        layer = keras.layers.StringLookup(output_mode=mode, **given)
        layer.adapt(np.array(ROWS))
        return said(layer) | again(keras, layer, np.array([*ROWS, ["x", "yy", "a"]]))

    return run


def integers(mode: str, **given: Any) -> Callable[[Any], Arrays]:
    def run(keras: Any) -> Arrays:
        layer = keras.layers.IntegerLookup(output_mode=mode, **given)
        layer.adapt(np.array(IDS))
        return said(layer) | again(keras, layer, np.array([*IDS, [8], [-9]]))

    return run


def texts(mode: str, **given: Any) -> Callable[[Any], Arrays]:
    def run(keras: Any) -> Arrays:
        layer = keras.layers.TextVectorization(output_mode=mode, **given)
        layer.adapt(TEXTS)
        return said(layer) | again(keras, layer, np.array([*TEXTS, "no cat", ""]))

    return run


for _mode in MODES:
    add(f"words/strings-{_mode}", strings(_mode))
    add(f"words/strings-{_mode}-mask", strings(_mode, mask_token="", max_tokens=4))
    add(f"words/integers-{_mode}", integers(_mode))
    add(f"words/integers-{_mode}-oov", integers(_mode, num_oov_indices=2, mask_token=0))
    if _mode != "one_hot":
        add(f"words/texts-{_mode}", texts(_mode))
        add(f"words/texts-{_mode}-pairs", texts(_mode, ngrams=2, max_tokens=9))
add("words/strings-hashed", strings("int", num_oov_indices=4))
add("words/texts-length", texts("int", output_sequence_length=3))
add("words/texts-letters", texts("int", split="character", standardize="lower"))
add(
    "words/texts-padded",
    texts("count", max_tokens=40, pad_to_max_tokens=True),
)


@case("words/batches")
def batches(keras: Any) -> Arrays:
    """What yields batches: a batch without rows is one document."""
    lookup = keras.layers.StringLookup(output_mode="tf_idf")
    lookup.adapt(np.array(row) for row in ROWS)
    text = keras.layers.TextVectorization()
    text.adapt((np.array(TEXTS[i : i + 2]) for i in (0, 2)), steps=1)
    bins = keras.layers.Discretization(num_bins=4)
    bins.adapt(iter([floats(1, 30, 1), floats(2, 50, 1), floats(3, 8, 1)]))
    return {
        "lookup": said(lookup)["vocabulary"],
        "y": array(lookup(np.array(ROWS))),
        "text": said(text)["vocabulary"],
        "bins": np.array(bins.bin_boundaries),
    }


@case("words/set")
def set_by_hand(keras: Any) -> Arrays:
    lookup = keras.layers.StringLookup(mask_token="")
    lookup.set_vocabulary(["", "[UNK]", "b", "a"])
    weighted = keras.layers.StringLookup(output_mode="tf_idf")
    weighted.set_vocabulary(["b", "a"], idf_weights=[0.5, 2.0])
    y = array(weighted(np.array(ROWS)))
    other = keras.layers.StringLookup(output_mode="tf_idf")
    other.set_vocabulary(["[UNK]", "a"], idf_weights=[0.25, 3.0])
    return (
        said(lookup)
        | {"places": array(lookup(np.array(ROWS))), "y": y}
        | {"other": array(other(np.array(ROWS)))}
    )


@case("words/bins")
def bins(keras: Any) -> Arrays:
    x, found = floats(5, 200, 1) * 30, {}
    for count in (2, 5, 40):
        layer = keras.layers.Discretization(num_bins=count)
        layer.adapt(x)
        found[f"bounds/{count}"] = np.array(layer.bin_boundaries)
        found[f"y/{count}"] = array(layer(x[:40]))
    large = keras.layers.Discretization(num_bins=3, epsilon=0.1, output_mode="one_hot")
    large.adapt(x)
    return found | {"large": array(large(x[:9]))}


@case("words/hashes")
def hashes(keras: Any) -> Arrays:
    la = keras.layers
    words, ids = np.array(COLORS), np.array(IDS)
    return {
        "words": array(la.Hashing(1000)(words)),
        "integers": array(la.Hashing(1000)(ids)),
        "salted": array(la.Hashing(1000, salt=[3, 4])(words)),
        "masked": array(la.Hashing(9, mask_value="red")(words)),
        "one_hot": array(la.Hashing(9, output_mode="one_hot")(ids)),
        "crossed": array(la.HashedCrossing(1000)([words, ids])),
        "encoded": array(la.CategoryEncoding(5, "count")(np.array([[1, 1], [0, 4]]))),
    }


@case("words/trained")
def trained(keras: Any) -> Arrays:
    """A classifier of texts and a number, trained with the lookup inside."""
    la = keras.layers
    text = la.TextVectorization(output_sequence_length=4)
    text.adapt(TEXTS)
    kind = la.IntegerLookup(output_mode="one_hot")
    kind.adapt(np.array(IDS))
    words = keras.Input((1,), dtype="string", name="words")
    ids = keras.Input((1,), dtype="int64", name="ids")
    number = keras.Input((2,), name="number")
    x = la.GlobalAveragePooling1D()(la.Embedding(20, 3)(text(words)))
    x = la.Concatenate()([x, la.Rescaling(1.0)(kind(ids)), number])
    model = start(keras.Model([words, ids, number], la.Dense(1)(x)))
    model.compile(keras.optimizers.SGD(0.1), "mse")
    count = 7
    rows = [
        np.array([[TEXTS[i % 4]] for i in range(count)]),
        np.array(IDS),
        floats(3, count, 2),
    ]
    before = model.predict_on_batch(rows)
    y = floats(4, count, 1)
    # Keras takes no arrays of strings in fit().
    loss = [model.train_on_batch(rows, y) for _ in range(3)]
    return {
        "before": before,
        "loss": np.array([float(v) for v in loss]),
        "after": model.predict_on_batch(rows),
        "parameters": model.count_params(),
    }
