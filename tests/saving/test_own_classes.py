"""Models of a user's own classes, saved on one side and trained on on the other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from saving.own_classes import KINDS, models, trained, written

import keras2torch as keras

pytestmark = pytest.mark.needs_keras
TESTS = Path(__file__).resolve().parents[1]
Found = dict[str, Any]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("own")


@pytest.fixture(scope="module")
def ours(folder: Path) -> Found:
    own = models(keras)
    return {
        kind: written(keras, own.made(kind), folder / f"ours-{kind}.keras")
        for kind in KINDS
    }


@pytest.fixture(scope="module")
def theirs(folder: Path, ours: Found) -> Found:
    """What Keras finds, which opens our files in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "saving.own_classes", str(folder)],
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    found: Found = json.loads((folder / "keras.json").read_text())
    return found


def compare(found: Found, expected: Found) -> None:
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        if isinstance(value, dict):
            compare(found[key], value)
        else:
            np.testing.assert_allclose(found[key], value, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_both_train_them_alike(kind: str, ours: Found, theirs: Found) -> None:
    compare(ours[kind], theirs[kind])


@pytest.mark.parametrize("kind", KINDS)
def test_keras_goes_on_with_our_file(kind: str, theirs: Found) -> None:
    compare(theirs[f"{kind}/opened"], theirs[kind]["after"])


@pytest.mark.parametrize("kind", KINDS)
def test_we_go_on_with_keras_file(kind: str, folder: Path, theirs: Found) -> None:
    model = keras.saving.load_model(folder / f"keras-{kind}.keras")
    compare(trained(model), theirs[kind]["after"])
