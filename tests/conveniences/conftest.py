"""Keras is asked once for everything here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conveniences import folders

SCRIPT = Path(__file__).with_name("keras_side.py")


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the data sets."""
    found = tmp_path_factory.mktemp("folders")
    folders.make(found)
    folders.colours(found)
    return found


@pytest.fixture(scope="session")
def keras_says(root: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what Keras answers, by kind of question."""
    out = tmp_path_factory.mktemp("keras")
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(root), str(out)],
        capture_output=True,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    found: dict[str, Any] = json.loads((out / "answers.json").read_text())
    for kind in ("folders", "boxes"):
        with np.load(out / f"{kind}.npz") as arrays:
            found[kind] = {k: arrays[k] for k in arrays}
    return found
