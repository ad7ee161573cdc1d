"""Scripts run in one process, and by ``torchrun`` in two."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
RECORDED = HERE / "recorded.npz"
ROOT = HERE.parents[1]
TORCHRUN = [
    *("-m", "torch.distributed.run", "--nproc_per_node=2"),
    # A port that is free, so that runs do not meet.
    *("--rdzv_backend=c10d", "--rdzv_endpoint=localhost:0", "--local_addr=localhost"),
]


def started(arguments, *, several, timeout=240):
    """Run a script to its end and return what it said."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "-1"}
    return subprocess.run(
        [sys.executable, *(TORCHRUN if several else []), *map(str, arguments)],
        capture_output=True,
        text=True,
        env=environment,
        timeout=timeout,
        check=False,
    )


def found(kind, out, names, *, several=False):
    """Return what cases give in each process: ``case/name`` → array."""
    done = started([HERE / "run.py", kind, out, *names], several=several)
    assert done.returncode == 0, done.stderr[-6000:]
    return [loaded(f"{out}.{n}.npz") for n in range(2 if several else 1)]


def loaded(path):
    with np.load(path) as arrays:
        return dict(arrays)


def fingerprint():
    """What Keras was asked, in short."""
    return hashlib.sha256((HERE / "cases.py").read_bytes()).hexdigest()[:16]


def recorded():
    """What Keras answered to the cases as they are."""
    answers = loaded(RECORDED)
    assert str(answers.pop("source")) == fingerprint(), (
        "the cases changed: PYTHONPATH=.:tests python -m distribution.record"
    )
    return answers
