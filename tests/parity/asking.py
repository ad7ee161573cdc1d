"""What keras2torch, or Keras, answers to cases: asked in a process of its own.

keras2torch is asked once for a whole test run, also with many workers: the first that
needs a group asks, the others read its file.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from functools import cache
from pathlib import Path

import numpy as np
from parity.stored import Answers

TESTS = Path(__file__).resolve().parents[1]
LONGEST = 900


@cache
def ours(groups: tuple[str, ...], folder: Path) -> Answers:
    """What keras2torch answers to the cases of some groups."""
    stem = f"parity-{'-'.join(groups)}"
    out, failed = folder / f"{stem}.npz", folder / f"{stem}.failed"
    try:
        os.close(os.open(folder / f"{stem}.asked", os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        wait(out, failed)
    else:
        try:
            ask("keras2torch", [f"{group}/" for group in groups], out)
        except BaseException as error:
            failed.write_text(str(error))
            raise
    return read(out)


def ask(side: str, wishes: list[str], out: Path) -> None:
    """Run cases under ``keras`` or ``keras2torch`` and leave the answers in a file."""
    paths = [str(TESTS.parent), str(TESTS), os.environ.get("PYTHONPATH", "")]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        # A sum over one thread ends in the same bit every time.
        "OMP_NUM_THREADS": "1",
        "TF_NUM_INTRAOP_THREADS": "1",
        "TF_NUM_INTEROP_THREADS": "1",
    }
    with (
        out.with_suffix(".seconds").open("w") as seconds,
        out.with_suffix(".stderr").open("w") as complaints,
    ):
        status = subprocess.run(
            [sys.executable, "-m", "parity.run", side, *wishes, "--out", str(out)],
            stdout=seconds,
            stderr=complaints,
            env=environment,
            timeout=LONGEST,
            check=False,
        ).returncode
    text = out.with_suffix(".stderr").read_text()
    assert status == 0, f"{out.stem} ended with {status}:\n{text[-4000:]}"


def wait(out: Path, failed: Path) -> None:
    for _ in range(LONGEST * 10):
        if out.exists():
            return
        assert not failed.exists(), failed.read_text()
        time.sleep(0.1)
    raise TimeoutError(f"{out.stem} was asked elsewhere and never came")


def read(path: Path) -> Answers:
    """Answers by case and name."""
    found: Answers = {}
    with np.load(path) as arrays:
        for key in arrays:
            case, name = key.split("|", 1)
            found.setdefault(case, {})[name] = arrays[key]
    return found
