"""What ``train.py`` makes of regularizers, constraints and mixed precision."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conversion.cases.rules import TABLE
from conversion.making import made_by_keras
from safetensors.torch import load_file
from training import scripts

from keras2torch.conversion import convert_file

pytestmark = pytest.mark.needs_keras


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return a folder for each Keras."""
    return made_by_keras(tmp_path_factory, "rules")


@pytest.mark.parametrize(("library", "name"), TABLE.rows())
def test_train_py_follows_keras(
    folders: dict[str, Path],
    library: str,
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ending = ".keras" if library == "keras" else ".h5"
    made = convert_file(folders[library] / f"{name}{ending}", verify="never")
    assert made.train_script is not None
    assert "not applied" not in made.train_script, made.train_script
    assert "not carried over" not in str(made.report.notes)
    folder = scripts.lay_out(made.program, made.train_script, tmp_path / "out")
    recorded = np.load(folders[library] / f"{name}.npz")
    tensors = [
        scripts.to_torch(recorded["x"], made.program.inputs[0][1]),
        torch.from_numpy(recorded["y"]),
    ]
    history = scripts.train(folder, monkeypatch, tensors, epochs=2, batch_size=8)
    losses = [*(h["loss"] for h in history), history[-1]["val_loss"]]
    half = made.program.precision.autocast is not None
    np.testing.assert_allclose(losses, recorded["losses"], rtol=2e-2 if half else 2e-4)
    trained: Any = made.module
    trained.load_state_dict(load_file(folder / "trained.safetensors"))
    with torch.no_grad():
        predicted = trained(tensors[0]).numpy()
    scale = np.abs(recorded["predicted"]).max()
    difference = np.abs(predicted - recorded["predicted"]).max() / scale
    assert difference <= (3e-2 if half else 1e-3)
