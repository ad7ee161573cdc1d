"""A live model is converted in the user's own Keras session, and left as it was."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from keras2torch import convert

pytestmark = pytest.mark.needs_keras
SESSION = Path(__file__).with_name("live_session.py")
ROOT = Path(__file__).resolve().parents[2]
MODELS = ["plain", "mixed", "subclassed"]


@pytest.fixture(scope="module", params=["keras", "tf_keras"])
def session(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp(request.param)
    done = subprocess.run(
        [sys.executable, os.fspath(SESSION), request.param, os.fspath(folder)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.fspath(ROOT)},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return folder, json.loads((folder / "found.json").read_text())


@pytest.mark.parametrize("name", MODELS)
def test_computes_what_the_session_computed(
    session: tuple[Path, dict[str, Any]], name: str
) -> None:
    import torch

    from keras2torch.program.module import load_folder

    folder, found = session
    told = found[name]
    assert told["verdict"] == "exact", told["reason"]
    assert told["parameters"]["torch_trainable"] == told["trained"]
    assert told["compared"] > 0
    assert not told["missing"]
    module = load_folder(folder / name)
    with np.load(folder / f"{name}.npz") as kept:
        given = torch.from_numpy(kept["data"].transpose(0, 3, 1, 2).copy())
        with torch.no_grad():
            made = module(given).numpy()
        np.testing.assert_allclose(made, kept["output"], rtol=0, atol=2e-5)


@pytest.mark.parametrize("name", MODELS)
def test_session_is_left_as_it_was(
    session: tuple[Path, dict[str, Any]], name: str
) -> None:
    told = session[1][name]
    assert told["weights"]
    assert told["random_state"]
    assert not any(told["calls"])
    assert told["floatx"] == "float32"
    assert not told["torch"]


def test_built_in_layers_read_as_from_a_file(
    session: tuple[Path, dict[str, Any]],
) -> None:
    folder, found = session
    assert (
        convert(folder / "plain.keras", verify="never").source
        == (found["plain"]["source"])
    )


@pytest.mark.parametrize("name", ["mixed", "subclassed"])
def test_own_classes_are_modules(
    session: tuple[Path, dict[str, Any]], name: str
) -> None:
    source = session[1][name]["source"]
    assert "class Block(nn.Module):" in source
    assert "self.conv = nn.Conv2d(8, 8, kernel_size=3, padding=1)" in source
    assert "self.drop = nn.Dropout(0.4)" in source
