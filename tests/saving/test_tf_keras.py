"""Files of tf_keras in the shim compute what tf_keras did, not what Keras 3 does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import keras2torch as keras

SCRIPT = Path(__file__).with_name("tf_keras_side.py")
NAMES = "lstm gru gru_old simple cell both_ways translated_lstm translated_gru".split()

pytestmark = pytest.mark.needs_keras


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("tf_keras")
    command = [sys.executable, str(SCRIPT), str(made)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return made


@pytest.mark.parametrize("ending", ["h5", "keras"])
@pytest.mark.parametrize("name", NAMES)
def test_states_beside_a_mask(name: str, ending: str, folder: Path) -> None:
    with np.load(folder / "out.npz") as wanted:
        steps, state, expected = (wanted[k] for k in ("steps", "state", name))
    second = steps[::-1].copy() if name.startswith("translated") else state
    model = keras.saving.load_model(folder / f"{name}.{ending}")
    found = model.predict([steps, second], verbose=0)
    np.testing.assert_allclose(found, expected, atol=2e-6)
