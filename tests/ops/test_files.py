"""Models of operations travel in files, both ways."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import calls  # noqa: E402
import file_models  # noqa: E402
import torch_side  # noqa: E402

import keras2torch as keras  # noqa: E402
from keras2torch.errors import Keras2TorchError  # noqa: E402

pytestmark = [pytest.mark.needs_keras, pytest.mark.slow]
NAMES = sorted(file_models.models(keras))


def computed(model: Any) -> list[Any]:
    """Return what a model makes of the images."""
    return [torch_side.numpy(v) for v in calls.flat(model(file_models.images()))]


@pytest.fixture(scope="module")
def exchanged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any, Any]:
    """The folder with the files, what we computed, and what Keras did."""
    folder = tmp_path_factory.mktemp("ops")
    own = {}
    for name, model in file_models.models(keras).items():
        own[name] = computed(model)
        model.save(folder / f"torch_{name}.keras")
    done = subprocess.run(
        [sys.executable, str(HERE / "files_side.py"), str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return folder, own, np.load(folder / "files.npz")


@pytest.mark.parametrize("name", NAMES)
def test_keras_computes_the_same_by_our_file(name: str, exchanged: Any) -> None:
    """Keras opens what we wrote."""
    _, own, theirs = exchanged
    for i, mine in enumerate(own[name]):
        np.testing.assert_allclose(theirs[f"torch_{name}/{i}"], mine, 1e-4, 1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_we_compute_the_same_by_its_file(name: str, exchanged: Any) -> None:
    """We open what Keras wrote, and what we make of it again."""
    folder, _, theirs = exchanged
    model = keras.models.load_model(folder / f"keras_{name}.keras")
    again = keras.models.Model.from_config(model.get_config())
    again.set_weights(model.get_weights())
    for found in (computed(model), computed(again)):
        for i, mine in enumerate(found):
            np.testing.assert_allclose(mine, theirs[f"keras_{name}/{i}"], 1e-4, 1e-4)


def test_a_function_in_a_file_is_not_run(exchanged: Any) -> None:
    """What Keras keeps as bytecode is named, and the way on."""
    with pytest.raises(Keras2TorchError, match="takes a function"):
        keras.models.load_model(exchanged[0] / "lambda.keras")
