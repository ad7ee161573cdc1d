"""Both answers to the cases of a group, each side in a process of its own.

Asked once for a whole test run, also with many workers: the first that needs a group
asks, the others read its files.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from functools import cache
from pathlib import Path

import numpy as np
from parity.cases import CASES

Answers = dict[str, dict[str, np.ndarray]]
SIDES = ("keras", "keras2torch")
TESTS = Path(__file__).resolve().parents[1]
LONGEST = 900


@cache
def answers(
    groups: tuple[str, ...], folder: Path, slow: bool = False
) -> tuple[Answers, Answers]:
    """The answers of Keras and of keras2torch to all cases of some groups.

    The slow cases are asked apart: whoever leaves them out does not wait for them.
    """
    stem = f"parity-{'-'.join(groups)}{'-slow' * slow}"
    wishes = [c.name for c in CASES.values() if c.group in groups and c.slow == slow]
    outs = [folder / f"{stem}-{side}.npz" for side in SIDES]
    try:
        os.close(os.open(folder / f"{stem}.asked", os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        wait(outs, folder / f"{stem}.failed")
    else:
        try:
            ask(wishes, outs)
        except BaseException as error:
            (folder / f"{stem}.failed").write_text(str(error))
            raise
    keras, ours = (read(out) for out in outs)
    return keras, ours


def ask(wishes: list[str], outs: list[Path]) -> None:
    paths = [str(TESTS.parent), str(TESTS), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "parity.run", side, *wishes, "--out", str(out)],
            stdout=out.with_suffix(".seconds").open("w"),
            stderr=out.with_suffix(".stderr").open("w"),
            env=environment,
        )
        for side, out in zip(SIDES, outs, strict=True)
    ]
    try:
        for process, out in zip(running, outs, strict=True):
            status = process.wait(timeout=LONGEST)
            text = out.with_suffix(".stderr").read_text()
            assert status == 0, f"{out.stem} ended with {status}:\n{text[-4000:]}"
    finally:
        for process in running:
            process.kill()


def wait(outs: list[Path], failed: Path) -> None:
    for _ in range(LONGEST * 10):
        if all(out.exists() for out in outs):
            return
        assert not failed.exists(), failed.read_text()
        time.sleep(0.1)
    raise TimeoutError(f"{outs[0].stem} was asked elsewhere and never came")


def read(path: Path) -> Answers:
    found: Answers = {}
    with np.load(path) as arrays:
        for key in arrays:
            case, name = key.split("|", 1)
            found.setdefault(case, {})[name] = arrays[key]
    return found
