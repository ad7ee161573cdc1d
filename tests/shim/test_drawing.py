"""``plot_model``: a graph in Graphviz' language, and no end of a script without it."""

from pathlib import Path

import pytest

import keras2torch as keras
from keras2torch import layers


def branched() -> keras.Model:
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    dense = layers.Dense(3, name="shared")
    y = layers.Dense(1, name="out")(layers.Add(name="sum")([dense(a), dense(b)]) * 2.0)
    return keras.Model([a, b], y)


def test_every_call_is_an_edge(tmp_path: Path) -> None:
    path = tmp_path / "model.dot"
    keras.utils.plot_model(branched(), to_file=str(path), show_shapes=True)
    text = path.read_text()
    assert text.count(" -> ") == 5  # a, b → shared → sum → multiply → out
    assert "(None, 3)" in text
    assert "Multiply" in text


def test_without_graphviz_a_script_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.warns(UserWarning, match="`dot` is not installed"):
        keras.utils.plot_model(branched(), "model.png")


def test_a_model_without_a_graph_is_told() -> None:
    class Own(keras.Model):
        pass

    with pytest.raises(ValueError, match="no graph to draw"):
        keras.utils.model_to_dot(Own())


def test_a_model_within_is_a_box_or_a_frame() -> None:
    inner = branched()
    inner.trainable = False
    a, b = keras.Input((4,)), keras.Input((4,))
    outer = keras.Model([a, b], layers.Dense(2, "relu", name="last")(inner([b, a])))
    closed = keras.utils.model_to_dot(outer)
    assert closed.count(" -> ") == 3
    assert "cluster" not in closed
    options = {"show_layer_activations": True, "show_trainable": True, "dpi": 50}
    text = keras.utils.model_to_dot(outer, expand_nested=True, **options)
    # a, b → the inputs within → five edges as before → last
    assert text.count(" -> ") == 8
    assert "Activation: relu" in text
    assert text.count("Non-trainable") == 2
    assert "dpi=50" in text
    [place] = [i for i, line in enumerate(text.splitlines()) if "cluster" in line]
    assert inner.name in text.splitlines()[place + 1]
    with pytest.raises(ValueError, match="wobble"):
        keras.utils.model_to_dot(outer, wobble=1)
