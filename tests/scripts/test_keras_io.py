"""Scripts of keras.io under keras2torch: what Keras finds, but for the import lines.

The scripts are others' work and are not part of the project: they are looked for in
``$KERAS_IO`` (the ``examples`` of a checkout of keras-io) or ``../shared/keras-io``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scripts.run_script import rewritten

RUN = Path(__file__).with_name("run_script.py")
ROOT = Path(__file__).resolve().parents[2]
HOME = Path(os.environ.get("KERAS_IO") or ROOT.parent / "shared" / "keras-io")

SCRIPTS = [
    "vision/mnist_convnet.py",
    "vision/autoencoder.py",
    "structured_data/imbalanced_classification.py",
    "timeseries/timeseries_classification_from_scratch.py",
]

# Relative to the value. Three scripts stay below 1e-6. In the time series Keras differs
# from itself, with oneDNN and without, by 4e-4 in the validation loss: weights end up
# to one of Adam's steps apart, which divide the smallest gradient by its own size.
# Counts of samples follow a threshold, at which rounding moves one sample.
LIMIT = 1e-3
SAMPLES = 2
COUNTS = ("fn", "fp", "tn", "tp")


def ran(script: Path, library: str, folder: Path) -> list[dict]:
    """What the script's calls returned under a library, run in its own folder."""
    here = folder / library
    here.mkdir()
    out = here / "out.json"
    done = subprocess.run(
        [sys.executable, str(RUN), str(script), library, str(out)],
        capture_output=True,
        text=True,
        cwd=here,
        env={**os.environ, "PYTHONPATH": str(ROOT), "KERAS_HOME": str(here)},
        check=False,
    )
    assert done.returncode == 0, f"{library}: {done.stderr[-4000:]}"
    return json.loads(out.read_text())


def losses(calls: list[dict]) -> np.ndarray:
    """Every loss of every fit, training and validation, epoch by epoch."""
    fits = [c["value"] for c in calls if c["call"] == "fit"]
    return np.array([fit[k] for fit in fits for k in sorted(fit) if k.endswith("loss")])


def apart(a: list[float], b: list[float]) -> float:
    """Largest difference, relative to the largest value."""
    a, b = np.asarray(a), np.asarray(b)
    return float(np.abs(a - b).max() / np.abs(b).max())


@pytest.mark.slow
@pytest.mark.needs_keras
@pytest.mark.parametrize("name", SCRIPTS)
def test_like_keras(name, tmp_path, record_property):
    script = HOME / name
    if not script.is_file():
        pytest.skip(f"no {script}")
    keras = ran(script, "keras", tmp_path)
    ours = ran(script, "keras2torch", tmp_path)
    assert [c["call"] for c in ours] == [c["call"] for c in keras]

    # Trained at all, so that equal losses say something.
    wanted, found = losses(keras), losses(ours)
    assert wanted.shape == found.shape
    assert np.isfinite(wanted).all()
    assert wanted[0, -1] < 0.99 * wanted[0, 0]
    worst = float(np.max(np.abs(found - wanted) / np.abs(wanted)))
    record_property("loss", worst)
    print(f"{name}: losses differ by {worst:.1e} at most")
    assert worst < LIMIT

    for a, b in zip(ours, keras, strict=True):
        if a["call"] == "fit":
            assert a["value"].keys() == b["value"].keys()
            for key in b["value"]:
                if key.removeprefix("val_") in COUNTS:
                    gap = np.subtract(a["value"][key], b["value"][key])
                    assert np.abs(gap).max() <= SAMPLES, key
        else:
            assert a["value"]["shape"] == b["value"]["shape"]
            gap = apart(a["value"]["values"], b["value"]["values"])
            print(f"{name}: {a['call']} differs by {gap:.1e}")
            # An accuracy beside a loss moves by whole samples.
            assert gap < (LIMIT if len(b["value"]["values"]) > 2 else 1e-2)


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
