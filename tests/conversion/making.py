"""Has each Keras write the models of a table."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

import pytest

from keras2torch.conversion import Conversion, convert_file
from keras2torch.tracing import KerasProcess
from tests.compared import QUIET

TESTS = Path(__file__).parents[1]
LIBRARIES = ("keras", "tf_keras")


def in_keras(*arguments: str) -> str:
    """Run Python in a process of its own, and return what it prints."""
    done = subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, **QUIET, "PYTHONPATH": str(TESTS)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def made_by_keras(
    tmp_path_factory: pytest.TempPathFactory,
    table: str,
    only_keras: Collection[str] = (),
) -> dict[str, Path]:
    """Return library → the folder with its files, one process for each.

    ``only_keras``: models that Keras 3 writes as .keras and not as HDF5.
    """
    folders = {}
    for library in LIBRARIES:
        folder = tmp_path_factory.mktemp(f"{table}_{library}")
        in_keras("-m", "conversion.make_cases", library, str(folder), table)
        failed = json.loads((folder / "failed.json").read_text(encoding="utf-8"))
        unwritten = set(only_keras) if library == "keras" else set()
        assert failed.keys() == unwritten, failed
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
