"""SavedModels become PyTorch that computes what TensorFlow computed before saving."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from keras2torch import convert
from keras2torch.conversion import Conversion, verify_folder
from keras2torch.errors import Keras2TorchError, NotTraced, UnusableFile
from tests.compared import NOISE

pytestmark = pytest.mark.needs_keras
MAKE = Path(__file__).with_name("make_saved_models.py")

# Folder → what its source holds: modules with their weights, not loose arrays.
HOLDS = {
    "exported": [
        "self.stem = nn.Conv2d(3, 8, kernel_size=3, padding=1, bias=False)",
        "self.bn = nn.BatchNorm2d(8, eps=0.001)",
        "self.dw = nn.Conv2d(8, 8, kernel_size=3, stride=2, groups=8)",
        "self.c2.requires_grad_(False)",
        "self.fc = nn.Linear(24, 7)",
    ],
    "module": ["self.encoder = nn.Linear(6, 5)", "self.head = nn.Linear(5, 4)"],
    "plain": ["self.stem = nn.Conv2d(3, 8, kernel_size=3)", "self.a = nn.Linear(7, 4)"],
    "custom": ["class Block(nn.Module)", "self.stem = nn.Conv2d(3, 8, kernel_size=3)"],
    "net": ["self.stem = nn.Conv2d(3, 8, kernel_size=3, padding=1)", "nn.Linear(8, 5)"],
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved")
    done = subprocess.run(
        [sys.executable, os.fspath(MAKE), os.fspath(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return folder


def computed(
    found: Conversion, inputs: list[npt.NDArray[Any]]
) -> list[npt.NDArray[Any]]:
    """Run the module on Keras' arrays, with the axes that the report names."""
    import torch

    given = [
        torch.from_numpy(np.ascontiguousarray(array.transpose(told.axes)))
        for array, told in zip(inputs, found.report.inputs, strict=True)
    ]
    with torch.no_grad():
        outputs = found.module(*given)
    return [
        output.numpy()
        for output in (outputs if isinstance(outputs, tuple) else [outputs])
    ]


@pytest.mark.parametrize("name", HOLDS)
def test_computes_what_tensorflow_computed(made: Path, name: str) -> None:
    with np.load(made / "expected.npz") as expected:
        inputs = [
            expected[f"{name}/i{k}"] for k in range(3) if f"{name}/i{k}" in expected
        ]
        outputs = [
            expected[f"{name}/o{k}"] for k in range(3) if f"{name}/o{k}" in expected
        ]
        trained, total = (int(n) for n in expected[f"{name}/count"])
    found = convert(made / name, trust=True)
    for text in HOLDS[name]:
        assert text in found.source
    results = computed(found, inputs)
    assert len(results) == len(outputs)
    for result, output in zip(results, outputs, strict=True):
        np.testing.assert_allclose(result, output, rtol=0, atol=2e-5)
    report = found.report
    assert report.verdict == "exact", report.reason
    assert not report.gradients.missing
    assert report.gradients.compared > 0
    assert report.gradients.max_rel_diff is not None
    assert report.gradients.max_rel_diff <= NOISE
    counts = report.parameters
    assert counts["keras_trainable"] == counts["torch_trainable"] == trained
    assert counts["torch_total"] == total


def test_nothing_runs_without_trust(made: Path) -> None:
    with pytest.raises(UnusableFile, match="--trust"):
        convert(made / "module")


def test_several_signatures_are_named(made: Path) -> None:
    with pytest.raises(NotTraced, match="first, second"):
        convert(made / "two", trust=True)


def test_a_loop_without_its_layer_is_refused(made: Path) -> None:
    with pytest.raises(Keras2TorchError, match=r"loops over steps.*\.keras"):
        convert(made / "recurrent", trust=True)


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(Keras2TorchError, match="no SavedModel"):
        convert(tmp_path, trust=True)


@pytest.mark.parametrize("name", ["exported", "module"])
def test_kept_graph_gives_the_same_source(
    made: Path, name: str, tmp_path: Path
) -> None:
    found = convert(made / name, trust=True, verify="never")
    assert found.report.verdict == "unverified"
    found.save(tmp_path / "out", keep_onnx=True)
    again = convert(tmp_path / "out" / "model.onnx", verify="never")
    assert again.source == found.source
    report = verify_folder(tmp_path / "out", made / name, trust=True)
    assert report.verdict == "exact", report.reason


def test_an_interpreter_without_keras_is_named(made: Path, tmp_path: Path) -> None:
    bare = tmp_path / "python"
    # Isolated and without site-packages: the standard library alone.
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S "$@"\n')
    bare.chmod(0o755)
    with pytest.raises(NotTraced, match=r"tensorflow.*--keras-python"):
        convert(made / "module", trust=True, keras_python=os.fspath(bare))
