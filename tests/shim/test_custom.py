"""Steps and loops that Keras' guides write for torch: the numbers of Keras on torch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from parity.asking import read
from parity.compare import complaints
from shim.custom import CASES

pytestmark = [pytest.mark.needs_keras, pytest.mark.xdist_group("shim-custom")]
TESTS = Path(__file__).resolve().parents[1]
Answers = dict[str, dict[str, np.ndarray]]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> tuple[Answers, Answers]:
    """What both say to all cases, each in a process without TensorFlow."""
    folder = tmp_path_factory.mktemp("shim")
    paths = [str(TESTS.parent), str(TESTS), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    sides = ("keras", "keras2torch")
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "shim.run", side, str(folder / f"{side}.npz")],
            stdout=subprocess.DEVNULL,
            stderr=(folder / f"{side}.stderr").open("w"),
            env=environment,
        )
        for side in sides
    ]
    try:
        for process, side in zip(running, sides, strict=True):
            status = process.wait(timeout=600)
            assert status == 0, (folder / f"{side}.stderr").read_text()[-4000:]
    finally:
        for process in running:
            process.kill()
    keras, ours = (read(folder / f"{side}.npz") for side in sides)
    return keras, ours


@pytest.mark.parametrize("name", CASES)
def test_same_numbers(name: str, answers: tuple[Answers, Answers]) -> None:
    keras, ours = (found[name] for found in answers)
    assert "error" not in keras, f"Keras itself fails:\n{keras['error']}"
    assert "error" not in ours, str(ours["error"])
    lines = complaints(keras, ours, 1e-5)
    assert not lines, f"{name} differs:\n" + "\n".join(lines)
