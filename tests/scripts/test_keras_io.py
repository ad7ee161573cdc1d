"""Scripts of keras.io under keras2torch: what Keras finds, but for the import lines."""

from __future__ import annotations

import numpy as np
import pytest
from scripts.catalogue import HOME, SCRIPTS, found
from scripts.run_script import rewritten
from scripts.running import apart, losses, ran

# Counts of samples follow a threshold, at which rounding moves one sample.
SAMPLES = 2
COUNTS = ("fn", "fp", "tn", "tp")


@pytest.mark.slow
@pytest.mark.needs_keras
@pytest.mark.parametrize("name", SCRIPTS)
def test_like_keras(name, tmp_path):
    script = found(name)
    if script is None:
        pytest.skip(f"no {name} in {HOME}")
    ours = ran(script, "keras2torch", tmp_path)
    keras = ran(script, "keras", tmp_path)
    assert [c["call"] for c in ours] == [c["call"] for c in keras]
    assert [k for k, _ in losses(ours)] == [k for k, _ in losses(keras)]
    assert all(np.isfinite(values).all() for _, values in losses(ours))
    limit = SCRIPTS[name]
    if limit is None:
        return
    worst = apart(ours, keras)
    print(f"{name}: losses differ by {worst:.1e} at most")
    # Trained at all, so that equal losses say something.
    assert any(abs(v[-1] / v[0] - 1) > 0.01 for _, v in losses(keras) if len(v) > 1)
    assert worst < limit
    for a, b in zip(ours, keras, strict=True):
        assert a.keys() == b.keys()
        if a["call"] == "fit":
            counts(a["value"], b["value"])
        else:
            values(a["value"], b["value"], limit)


def counts(ours, keras):
    """The metrics of a fit have the same names, those that count the same numbers."""
    assert ours.keys() == keras.keys()
    for key in keras:
        if key.removeprefix("val_") in COUNTS:
            assert np.abs(np.subtract(ours[key], keras[key])).max() <= SAMPLES, key


def values(ours, keras, limit):
    """Predictions agree; an accuracy beside a loss moves by whole samples."""
    assert ours["shape"] == keras["shape"]
    a, b = np.asarray(ours["values"]), np.asarray(keras["values"])
    gap = np.abs(a - b).max() / np.abs(b).max()
    assert gap < (limit if b.size > 2 else 1e-2)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("import keras", "import keras2torch as keras"),
        ("    import keras", "    import keras2torch as keras"),
        ("from tensorflow import keras", "import keras2torch as keras"),
        ("from keras import layers", "from keras2torch import layers"),
        ("from tensorflow.keras import layers", "from keras2torch import layers"),
        (
            "from tensorflow.keras.layers import Conv2D, Input",
            "from keras2torch.layers import Conv2D, Input",
        ),
        ("import tensorflow as tf", "pass"),
        ("import numpy as np", "import numpy as np"),
        ("import keras_tuner", "import keras_tuner"),
        ("x = keras.layers.Dense(1)", "x = keras.layers.Dense(1)"),
        ('print("import keras")', 'print("import keras")'),
    ],
)
def test_only_imports_are_rewritten(line, expected):
    text = f"a = 1\n{line}\nb = 2\n"
    assert rewritten(text, "keras2torch") == f"a = 1\n{expected}\nb = 2\n"
