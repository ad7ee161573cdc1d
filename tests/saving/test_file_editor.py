"""A file adapted to a model whose architecture has changed."""

from __future__ import annotations

import numpy as np
import pytest

import keras2torch as keras

L = keras.layers


def old():
    return keras.Sequential(
        [L.Input((5, 4)), L.LSTM(3), L.Dense(2), L.Dense(6)], name="old"
    )


@pytest.fixture
def editor(tmp_path):
    model = old()
    model.compile("adam", "mse")
    model.save(tmp_path / "m.keras")
    model.save_weights(tmp_path / "m.weights.h5")
    made = keras.saving.KerasFileEditor(str(tmp_path / "m.weights.h5"))
    made.of = model
    return made


def test_edited_weights_fit_another_model(editor, tmp_path, capsys):
    kernel = np.ones((3, 2), "float32")
    editor.delete_object("layers/dense_1")
    editor.rename_object("dense", "einsum_dense")
    editor.add_object("layers/dense", {"0": kernel})
    editor.add_weights("layers/dense", {"1": np.zeros(7), "2": np.zeros(2)})
    editor.add_weights("layers/dense", {"1": np.full(2, 5.0)})
    editor.delete_weight("layers/dense", "2")
    new = keras.Sequential(
        [
            L.Input((5, 4)),
            L.LSTM(3),
            L.EinsumDense("ab,bc->ac", 2, bias_axes="c"),
            L.Dense(2),
        ]
    )
    editor.delete_object("optimizer")
    with pytest.raises(ValueError, match="more than once"):
        editor.delete_object("0")
    report = editor.compare(new)
    assert report["status"] == "error"  # its Dense takes two numbers, not three
    assert report["error_count"] == 1
    assert "mismatch for /layers/dense/0" in capsys.readouterr().out
    editor.add_weights("layers/dense", {"0": kernel[:2]})
    assert editor.compare(new) == {
        "status": "success",
        "error_count": 0,
        "match_count": 7,
    }
    editor.resave_weights(tmp_path / "new.weights.h5")
    new.load_weights(tmp_path / "new.weights.h5")
    for i in (0, 1):
        for a, b in zip(
            new.layers[i].get_weights(), editor.of.layers[i].get_weights(), strict=True
        ):
            np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(new.layers[2].get_weights()[1], [5.0, 5.0])


def test_summary(tmp_path, capsys, editor):
    editor = keras.saving.KerasFileEditor(str(tmp_path / "m.keras"))
    assert editor.config["config"]["name"] == "old"
    assert "3.15" in capsys.readouterr().out
    editor.summary()
    said = capsys.readouterr().out
    for line in ("> layers", "dense_1", "cell", "0: shape=(4, 12), dtype=float32"):
        assert line in said


@pytest.mark.parametrize(
    ("act", "says"),
    [
        (lambda e: e.delete_object("nothing"), "does not appear"),
        (lambda e: e.delete_object("layers/nothing"), "not found in model"),
        (lambda e: e.rename_object("dense", "a/b"), "leaf name"),
        (lambda e: e.add_object("a/b", {}), "Path 'a' not found"),
        (lambda e: e.add_object("a", [1]), "should be a dict"),
        (lambda e: e.delete_weight("dense", "7"), "Weight 7 not found"),
        (lambda e: e.save("m.h5"), "weights.h5"),
        (lambda e: keras.saving.KerasFileEditor("m.h5"), "Invalid filename"),
    ],
)
def test_refusals(editor, act, says):
    with pytest.raises(ValueError, match=says):
        act(editor)
