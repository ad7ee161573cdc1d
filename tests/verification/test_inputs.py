"""Random inputs have to mean something to the layers that read them."""

from __future__ import annotations

import numpy as np
import pytest

from keras2torch.dialect import GraphBuilder
from keras2torch.layers.definitions import Dense, Embedding, Layer, Masking
from keras2torch.verification.inputs import attempts, inputs_of, make_batches

from .conftest import Layers, graph


def one(shape, layers: list[Layer], dtype: str = "float32"):
    """Return the graph of a stack and its first batches."""

    def build(b: GraphBuilder):
        values = [b.input("x", shape, dtype)]
        for layer in layers:
            values = b.call(layer, values)
        return values

    inputs = inputs_of(graph(build))
    return inputs, [batch[0] for batch in make_batches(inputs)]


def test_two_batches_of_different_size_from_one_seed() -> None:
    inputs, (first, second) = one((None, 4), [Dense(2, name="d")])
    assert first.shape == (3, 4)
    assert second.shape == (2, 4)
    assert first.dtype == np.float32
    again = make_batches(inputs)
    assert np.array_equal(again[0][0], first)
    assert not np.array_equal(make_batches(inputs, seed=1)[0][0], first)


def test_a_fixed_batch_size_is_kept() -> None:
    _, batches = one((5, 4), [Dense(2, name="d")])
    assert [len(b) for b in batches] == [5, 5]


@pytest.mark.parametrize("dtype", ["float32", "int32"])
def test_indices_stay_below_input_dim(dtype: str) -> None:
    _, batches = one((None, 40), [Embedding(6, 2, name="e")], dtype)
    for batch in batches:
        assert batch.dtype == ("float32" if dtype == "float32" else "int64")
        assert set(np.unique(batch)) == set(range(6))


def test_mask_zero_gets_a_padded_end_and_a_hole() -> None:
    _, (first, _) = one((None, 9), [Embedding(6, 2, mask_zero=True, name="e")], "int32")
    assert (first[0] > 0).all()
    assert (first[1] > 0).tolist() == [True] * 6 + [False] * 3
    assert (first[2] > 0).tolist() == [True] * 3 + [False] * 2 + [True] * 4


def test_padding_is_seen_through_a_reshape() -> None:
    reshape = Layers["Reshape"](target_shape=[2, 6], name="r")
    embedding = Embedding(6, 2, mask_zero=True, name="e")
    _, (first, _) = one((None, 12), [reshape, embedding], "int32")
    rows = first.reshape(3, 2, 6) > 0
    assert rows[0, 0].all()
    assert rows[0, 1].tolist() == [True] * 4 + [False] * 2


def test_masking_finds_its_value_in_whole_steps() -> None:
    _, (first, _) = one((None, 6, 3), [Masking(mask_value=-1.0, name="m")])
    masked = (first == -1.0).all(axis=-1)
    assert masked.sum(axis=1).tolist() == [0, 2, 1]
    assert (first == -1.0).sum() == 3 * masked.sum()


def test_normalization_gets_data_around_its_mean() -> None:
    norm = Layers["BatchNormalization"](name="bn")

    def build(b: GraphBuilder):
        return b.call(norm, [b.input("x", (None, 50, 2))])

    model = graph(build)
    for value in model.graph.initializers.values():
        if value.name == "bn/moving_mean":
            value.const_value = type(value.const_value)(np.array([500.0, -3.0], "f4"))
    [[first], _] = make_batches(inputs_of(model))
    assert first[..., 0].mean() == pytest.approx(500.0, abs=1.0)
    assert first[..., 1].mean() == pytest.approx(-3.0, abs=1.0)


def test_rescaling_gets_pixels() -> None:
    _, (first, _) = one((None, 8, 8, 3), [Layers["Rescaling"](scale=1 / 255, name="r")])
    assert first.min() >= 0
    assert 200 < first.max() <= 255


def test_open_axes_are_odd_unequal_and_the_same_for_every_input() -> None:
    def build(b: GraphBuilder):
        values = [b.input(n, (None, None, None, 3)) for n in "ab"]
        return b.call(Layers["Add"](name="add"), values)

    inputs = inputs_of(graph(build))
    assert attempts(inputs) > 3
    (a, b), _ = make_batches(inputs)
    assert a.shape == b.shape
    _, height, width, _ = a.shape
    assert height % 2 == width % 2 == 1
    assert height != width
    (larger, _), _ = make_batches(inputs, attempt=1)
    assert larger.shape[1] > height


def test_a_mask_that_is_an_input_has_true_entries() -> None:
    def build(b: GraphBuilder):
        x, mask = b.input("x", (None, 7, 2)), b.input("mask", (None, 7), "bool")
        lstm = Layers["LSTM"](units=2, name="lstm")
        return b.call(lstm, [x], masks=[mask])

    [[_, mask], _] = make_batches(inputs_of(graph(build)))
    assert mask.dtype == bool
    assert mask.any(axis=1).all()
    assert not mask.all()


def test_words_are_known_changed_and_strange() -> None:
    lookup = Layers["StringLookup"](vocabulary=["alpha", "beta"], name="lookup")
    _, batches = one((None, 4), [lookup], "string")
    words = {str(word) for batch in batches for word in batch.reshape(-1)}
    assert {"alpha", "beta", "ALPHA!", ""} <= words
    assert any(not word.isascii() for word in words)


def test_words_are_known_where_others_are_refused() -> None:
    given = {"vocabulary": ["alpha", "beta"], "num_oov_indices": 0, "name": "lookup"}
    _, batches = one((None, 4), [Layers["StringLookup"](**given)], "string")
    assert {str(w) for b in batches for w in b.reshape(-1)} == {"alpha", "beta"}


def test_texts_hold_a_word() -> None:
    given = {"vocabulary": ["alpha", "beta"], "name": "text"}
    _, batches = one((None,), [Layers["TextVectorization"](**given)], "string")
    texts = [str(text) for batch in batches for text in batch]
    assert all("alpha" in text.lower() or "beta" in text.lower() for text in texts)
    assert any(len(text.split()) > 2 for text in texts)


def test_integers_are_known_and_unknown() -> None:
    lookup = Layers["IntegerLookup"](vocabulary=[5, 900], name="lookup")
    _, batches = one((None, 40), [lookup], "int64")
    found = {int(n) for batch in batches for n in batch.reshape(-1)}
    assert {5, 900} < found
