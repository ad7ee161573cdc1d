"""Asking Keras, which never shares a process with torch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

SCRIPT = Path(__file__).with_name("keras_side.py")


def ask(jobs: list[dict[str, Any]], folder: Path) -> list[dict[str, Any]]:
    """Run jobs in one Keras process and return what each found."""
    job, out = folder / "job.json", folder / "out.npz"
    job.write_text(json.dumps(jobs))
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(job), str(out)],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    found: list[dict[str, Any]] = json.loads((folder / "out.npz.json").read_text())
    with np.load(out) as arrays:
        for key in arrays:
            number, name = key.split("/", 1)
            found[int(number)][name] = arrays[key]
    return found
