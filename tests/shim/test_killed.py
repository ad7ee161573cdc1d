"""A training is killed; the next process ends with the unbroken one's weights."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

SCRIPT = Path(__file__).with_name("killed_fit.py")
STEPS = 7  # an epoch


def run(*arguments: Any) -> int:
    root = str(SCRIPT.parents[2])
    paths = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode


def numbers(path: Path) -> dict[str, Any]:
    with np.load(path) as file:
        return dict(file)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("unbroken")
    out = folder / "out.npz"
    assert run(folder / "backup", "epoch", out) == 0
    return numbers(out)


def same(found: dict[str, Any], expected: dict[str, Any], epochs: int) -> None:
    for name in expected.keys() - {"loss"}:
        np.testing.assert_array_equal(found[name], expected[name])
    np.testing.assert_array_equal(found["loss"], expected["loss"][-epochs:])


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_killed_in_the_midst_of_an_epoch(
    seed: int, unbroken: dict[str, Any], tmp_path: Path
) -> None:
    # Anywhere between the first backup and the last step.
    at = int(np.random.default_rng(seed).integers(STEPS + 1, 5 * STEPS))
    backup, out = tmp_path / "backup", tmp_path / "out.npz"
    assert run(backup, "epoch", out, at, "after") == -signal.SIGKILL
    assert (backup / "training_metadata.json").exists()
    assert not out.exists()
    assert run(backup, "epoch", out) == 0
    same(numbers(out), unbroken, 5 - (at - 1) // STEPS)
    assert not backup.exists()


def test_killed_twice_and_while_the_backup_is_written(
    unbroken: dict[str, Any], tmp_path: Path
) -> None:
    backup, out = tmp_path / "backup", tmp_path / "out.npz"
    # Of the third epoch's backup half is written; the second's stands.
    assert run(backup, "epoch", out, 2, "writing") == -signal.SIGKILL
    assert list(backup.glob("*.part"))
    assert run(backup, "epoch", out, 4, "after") == -signal.SIGKILL
    assert run(backup, "epoch", out) == 0
    same(numbers(out), unbroken, 3)


@pytest.mark.slow
def test_killed_before_the_first_backup(
    unbroken: dict[str, Any], tmp_path: Path
) -> None:
    backup, out = tmp_path / "backup", tmp_path / "out.npz"
    assert run(backup, "epoch", out, 0, "writing") == -signal.SIGKILL
    assert run(backup, "epoch", out) == 0
    same(numbers(out), unbroken, 5)


@pytest.mark.slow
def test_backups_within_an_epoch(tmp_path: Path) -> None:
    # As in Keras the epoch begins anew, with the weights of its midst: training goes
    # on, and ends elsewhere than the unbroken one.
    backup, out = tmp_path / "backup", tmp_path / "out.npz"
    assert run(backup, 3, out, 2 * STEPS + 5, "after") == -signal.SIGKILL
    assert run(backup, 3, out) == 0
    found = numbers(out)
    assert len(found["loss"]) == 3
    assert np.isfinite(found["loss"]).all()
