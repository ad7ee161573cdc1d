"""Has each Keras write the models of a table."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from keras2torch.conversion import Conversion, convert_file
from keras2torch.tracing import KerasProcess

LIBRARIES = ("keras", "tf_keras")


def made_by_keras(
    tmp_path_factory: pytest.TempPathFactory, table: str
) -> dict[str, Path]:
    """Return library → the folder with its files, one process for each."""
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    root = str(Path(__file__).parents[1])
    folders = {}
    for library in LIBRARIES:
        folder = tmp_path_factory.mktemp(f"{table}_{library}")
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "conversion.make_cases",
                library,
                str(folder),
                table,
            ],
            env={**os.environ, **quiet, "PYTHONPATH": root},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        failed = json.loads((folder / "failed.json").read_text(encoding="utf-8"))
        assert not failed, failed
        folders[library] = folder
    return folders


def judged(
    folders: dict[str, Path], library: str, name: str, keras: KerasProcess
) -> Conversion:
    """Convert a model: it is exact, layer by layer, and trains what Keras trains."""
    ending = ".keras" if library == "keras" else ".h5"
    made = convert_file(folders[library] / f"{name}{ending}", process=keras)
    report = made.report
    assert report.verdict == "exact", (report.sentence(), report.remarks)
    assert report.same_trainable, report.parameters
    assert report.gradients.verdict in ("exact", "unverified")
    assert not report.gradients.missing
    assert {r.verdict for r in report.layers} <= {"exact", "unverified"}, report.layers
    return made
