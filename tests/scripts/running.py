"""Running a script under a library, and comparing what two libraries found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

RUN = Path(__file__).with_name("run_script.py")
ROOT = Path(__file__).resolve().parents[2]
SECONDS = 600

Calls = list[dict[str, Any]]


class Failed(Exception):
    """A script that did not come to its end."""


def ran(script: Path, library: str, folder: Path) -> Calls:
    """What the script's calls returned under a library, run in its own folder."""
    here = folder / library
    here.mkdir(parents=True)
    out = here / "out.json"
    try:
        done = subprocess.run(
            [sys.executable, str(RUN), str(script), library, str(out)],
            capture_output=True,
            text=True,
            cwd=here,
            env={**os.environ, "PYTHONPATH": str(ROOT), "KERAS_HOME": str(here)},
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Failed(f"{library}: more than {SECONDS} s") from None
    if done.returncode:
        raise Failed(f"{library}: {done.stderr[-4000:].strip()}")
    found: Calls = json.loads(out.read_text())
    return found


def losses(calls: Calls) -> list[tuple[str, list[float]]]:
    """Every loss of every fit, training and validation, epoch by epoch."""
    fits = [c["value"] for c in calls if c["call"] == "fit"]
    return [(k, fit[k]) for fit in fits for k in sorted(fit) if k.endswith("loss")]


def apart(ours: Calls, keras: Calls) -> float:
    """The largest difference of a loss, relative to Keras' loss."""
    found, wanted = losses(ours), losses(keras)
    assert [k for k, _ in found] == [k for k, _ in wanted]
    worst = 0.0
    for (_, a), (_, b) in zip(found, wanted, strict=True):
        differs = np.abs(np.subtract(a, b)) / np.abs(b)
        # Not a number on one side alone is as far apart as can be.
        alone = np.isnan(a) != np.isnan(b)
        differs = np.where(alone, np.inf, np.nan_to_num(differs, nan=0.0))
        worst = max(worst, float(np.max(differs)))
    return worst
