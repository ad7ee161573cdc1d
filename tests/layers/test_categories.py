"""CategoryEncoding, Discretization, Hashing and HashedCrossing against Keras."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from keras2torch.dialect import GraphBuilder
from keras2torch.errors import UnsupportedLayer
from keras2torch.layers.categories import (
    CategoryEncoding,
    Discretization,
    HashedCrossing,
    Hashing,
)
from keras2torch.layers.definitions import Dense
from keras2torch.program import write
from keras2torch.program.helpers.hashing import hash_integers, hash_words
from tests.layers.harness import Row, check, graph, rows, stack

pytestmark = pytest.mark.needs_keras

MODES = ("one_hot", "multi_hot", "count")
RANDOM = np.random.default_rng(0)
INDICES = {
    (None, 4): [[0, 1, 1, 4], [2, 2, 2, 2], [4, 3, 7, 0]],
    (None, 1): [[0], [4], [3]],
    (None,): [0, 4, 3],
    (None, 2, 3): RANDOM.integers(0, 5, (3, 2, 3)),
    (None, 2, 1): RANDOM.integers(0, 5, (3, 2, 1)),
}
NUMBERS = {
    (None, 4): [[0.5, 1.49, 1.5, 9.0], [-3.0, -1.0, 0.0, -1.01], [1e9, 1.0, 2.0, 3.0]],
    (None, 1): [[0.5], [-1.0], [7.0]],
    (None,): [0.5, -1.0, 7.0],
    (None, 2, 3): RANDOM.standard_normal((3, 2, 3)),
}
BOUNDS = [-1.0, 0.5, 1.5, 2.75]
WORDS = [
    ["a", "b", "", "Zürich"],
    ["mm", "a much longer word than that", "", "日本語"],
    ["0", "x" * 33, "y" * 64, "z" * 201],
]
BIG = [[0, 1, -1, 10**18], [2**62, -(2**63), 77, 42], [5, 6, 7, -1234567]]


def named(shape: tuple) -> str:
    """A shape in the name of a row."""
    return "x".join(map(str, shape[1:])) or "scalar"


def one(name, layer, shape, values, dtype="int64", **options) -> Row:
    """A row of one layer."""
    inputs = {"in_x": np.asarray(values, dtype=None if dtype == "string" else dtype)}
    return stack(
        name, [layer], shape, dtype=dtype, inputs=inputs, gradients=False, **options
    )


def weighted(mode: str, shape: tuple):
    """Return a model that counts with weights."""

    def build(b: GraphBuilder):
        x, w = b.input("in_x", shape, "int64"), b.input("in_w", shape)
        layer = CategoryEncoding(5, mode, name="layer")
        return b.call(layer, [x], named={"count_weights": w})

    return build


ENCODINGS = [
    *[
        one(f"{mode}_{named(shape)}", CategoryEncoding(5, mode), shape, values)
        for mode in MODES
        for shape, values in INDICES.items()
    ],
    one("int32", CategoryEncoding(5), (None, 4), INDICES[None, 4], "int32"),
    one("sparse", CategoryEncoding(5, sparse=True), (None, 4), INDICES[None, 4]),
    one("binary", CategoryEncoding(5, "binary"), (None, 4), INDICES[None, 4]),
    Row(
        "weights",
        weighted("count", (None, 4)),
        inputs={"in_x": INDICES[None, 4]},
        gradients=False,
    ),
    stack(
        "dense",
        [CategoryEncoding(5, "one_hot"), Dense(2)],
        (None, 1),
        dtype="int64",
        inputs={"in_x": INDICES[None, 1]},
    ),
]
BINS = [
    *[
        one(
            f"{mode}_{named(shape)}",
            Discretization(BOUNDS, output_mode=mode),
            shape,
            values,
            "float32",
        )
        for mode in ("int", *MODES)
        for shape, values in NUMBERS.items()
    ],
    one("whole", Discretization([1.0, 3.0]), (None, 4), INDICES[None, 4], "int32"),
    one(
        "many",
        Discretization([i / 7 - 5 for i in range(70)]),
        (None, 30),
        RANDOM.standard_normal((3, 30)),
        "float32",
    ),
    one(
        "thirds",
        Discretization([1 / 3]),
        (None, 2),
        [[1 / 3, 0.3333333]] * 2,
        "float32",
    ),
]
HASHES = [
    *[
        one(f"words_{m}", Hashing(7, output_mode=m), (None, 4), WORDS, "string")
        for m in ("int", *MODES)
    ],
    *[
        one(f"integers_{m}", Hashing(7, output_mode=m), (None, 4), BIG)
        for m in ("int", *MODES)
    ],
    *[
        one(
            f"one_{m}",
            Hashing(7, output_mode=m),
            (None, 1),
            [r[:1] for r in WORDS],
            "string",
        )
        for m in ("int", *MODES)
    ],
    one("words_mask", Hashing(7, mask_value=""), (None, 4), WORDS, "string"),
    one("words_salt", Hashing(1000, salt=137), (None, 4), WORDS, "string"),
    one("words_salts", Hashing(1000, salt=[1, -2]), (None, 4), WORDS, "string"),
    one("words_large", Hashing(10**12), (None, 4), WORDS, "string"),
    one("integers_mask", Hashing(7, mask_value=77), (None, 4), BIG),
    one("integers_salt", Hashing(1000, mask_value=42, salt=[5, 6]), (None, 4), BIG),
    one("integers_large", Hashing(10**12), (None, 4), BIG),
    one("one_bin", Hashing(1, mask_value=77), (None, 4), BIG),
    one("scalars", Hashing(9), (None,), BIG[1]),
    one("int32", Hashing(9), (None, 2), [[5, -6], [0, 100]], "int32"),
]


def crossing(layer: HashedCrossing, *kinds: str, shape=(None, 1)):
    """Return a model that crosses features."""

    def build(b: GraphBuilder):
        layer.name = "layer"
        found = [b.input(f"in_{i}", shape, k) for i, k in enumerate(kinds)]
        return b.call(layer, found)

    return build


def crossed(name: str, layer: HashedCrossing, *kinds: str, shape=(None, 1)) -> Row:
    """A row of one HashedCrossing."""
    table = {
        "string": ["a", "Zürich", "a much longer word than that"],
        "int64": [1, -1, 2**62],
        "int32": [4, 0, 7],
    }
    inputs = {
        f"in_{i}": np.asarray(table[k]).reshape([-1, *shape[1:]])
        for i, k in enumerate(kinds)
    }
    return Row(
        name, crossing(layer, *kinds, shape=shape), inputs=inputs, gradients=False
    )


CROSSINGS = [
    crossed("words", HashedCrossing(10), "string", "string"),
    crossed("both", HashedCrossing(1000), "string", "int64"),
    crossed("integers", HashedCrossing(1000), "int64", "int32"),
    crossed("one_hot", HashedCrossing(6, "one_hot"), "string", "int64"),
    crossed("scalars", HashedCrossing(60), "string", "int64", shape=(None,)),
    crossed(
        "scalars_hot", HashedCrossing(6, "one_hot"), "string", "int64", shape=(None,)
    ),
]


@rows(ENCODINGS)
def test_encodings_like_keras(row, keras):
    check(row, keras)


@rows(BINS)
def test_bins_like_keras(row, keras):
    check(row, keras)


@rows(HASHES)
def test_hashes_like_keras(row, keras):
    check(row, keras)


@rows(CROSSINGS)
def test_crossings_like_keras(row, keras):
    check(row, keras)


@pytest.mark.parametrize(
    ("layer", "dtype", "why"),
    [
        (CategoryEncoding(), "int64", "num_tokens=None"),
        (CategoryEncoding(4, "int"), "int64", "output_mode='int'"),
        (CategoryEncoding(4, "tf_idf"), "int64", "output_mode='tf_idf'"),
        (Discretization(num_bins=4), "float32", "no bin_boundaries"),
        (Discretization([2.0, 1.0]), "float32", "not in order"),
        (Hashing(0), "string", "num_bins=0"),
        (Hashing(4, salt=[1, 2, 3]), "string", "salt="),
        (Hashing(4, mask_value=3), "string", "mask_value=3"),
        (Hashing(4, mask_value="a"), "int64", "mask_value='a'"),
        (HashedCrossing(4, "count"), "string", "output_mode='count'"),
        (HashedCrossing(4), "float32", "a crossing of float32"),
    ],
)
def test_what_has_no_rule_is_named(layer, dtype, why):
    layer.name = "my_layer"
    with pytest.raises(UnsupportedLayer, match=f"'my_layer'.*{re.escape(why)}"):
        write(graph(stack("bad", [layer], (None, 1), dtype=dtype)))


@pytest.mark.parametrize(("dtype", "told"), [("int64", True), ("float32", False)])
def test_bins_of_whole_numbers_in_predict_are_told(dtype, told):
    # Until 3.13 the dtype of bins was int64, to which a graph casts what goes in.
    layer = Discretization(BOUNDS, dtype=dtype, name="bins")
    notes = dict(write(graph(stack("bins", [layer], (None, 4)))).notes)
    assert ("whole numbers" in notes.get("bins", "")) is told


def test_hashes_of_whole_numbers_are_of_their_digits():
    numbers = [0, 7, -7, 10, -100, 2**63 - 1, -(2**63), 1234567890123456789]
    words = hash_words([str(n) for n in numbers])
    assert hash_integers(torch.tensor(numbers)).tolist() == words.tolist()
    salted = hash_words([str(n) for n in numbers], (3, -4))
    assert hash_integers(torch.tensor(numbers), (3, -4)).tolist() == salted.tolist()
