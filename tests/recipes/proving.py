"""Running the sides of many recipes: Keras in one process, PyTorch in another."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from keras2torch.recipes import Recipe

RUNNER = Path(__file__).with_name("run.py")
LONGEST = 900

Answers = dict[str, dict[str, Any]]


def jobs(recipe: Recipe) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """What Keras runs for a recipe, and what torch runs."""
    left, right = (
        {
            "key": f"{recipe.name}/{side.path.stem}",
            "path": str(side.path),
            "text": side.text,
        }
        for side in recipe.sides
    )
    broken = [
        right
        | {
            "key": f"{recipe.name}/without {i}",
            "text": right["text"].replace(without.line, without.becomes),
        }
        for i, without in enumerate(recipe.without)
    ]
    if recipe.is_pitfall:
        return [], [left, right, *broken]
    return [left], [right, *broken]


def answers(recipes: list[Recipe], folder: Path) -> Answers:
    """What every side of some recipes answers."""
    found: Answers = {}
    together: dict[str, list[dict[str, str]]] = {"keras": [], "torch": []}
    for recipe in recipes:
        for side, work in zip(together, jobs(recipe), strict=True):
            if recipe.processes == 1:
                together[side] += work
                continue
            # What begins a group of processes, or makes devices, does so only once.
            for number, job in enumerate(work):
                stem = folder / f"{side}-{recipe.name}-{number}"
                processes = recipe.processes if side == "torch" else 1
                found |= ask(side, [job], stem, processes)
    for side, work in together.items():
        if work:
            found |= ask(side, work, folder / side, 1)
    return found


def ask(side: str, work: list[dict[str, str]], stem: Path, processes: int) -> Answers:
    """Run some jobs in one process, or in several under torchrun."""
    given, out = stem.with_suffix(".jobs.json"), stem.with_suffix(".json")
    given.write_text(json.dumps(work))
    start = [sys.executable]
    if processes > 1:
        start += ["-m", "torch.distributed.run", "--standalone"]
        start += [f"--nproc-per-node={processes}"]
    done = subprocess.run(
        [*start, str(RUNNER), side, str(given), str(out)],
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
        env={**os.environ, "PYTHONPATH": ""},
    )
    assert done.returncode == 0, f"{stem.name}: {done.stderr[-4000:]}"
    answered: Answers = json.loads(out.read_text())
    return answered


def difference(expected: Any, got: Any) -> float:
    """The largest difference, as a share of the largest expected value.

    What has another shape, other keys or other words differs without bound.
    """
    apart, largest = _apart(expected, got)
    return apart / largest if largest else apart


def _apart(expected: Any, got: Any) -> tuple[float, float]:
    if isinstance(expected, dict) and isinstance(got, dict):
        if expected.keys() != got.keys():
            return np.inf, 0.0
        pairs = [(expected[k], got[k]) for k in expected]
    elif isinstance(expected, list) and isinstance(got, list):
        if len(expected) != len(got):
            return np.inf, 0.0
        pairs = list(zip(expected, got, strict=True))
    elif isinstance(expected, int | float) and isinstance(got, int | float):
        if np.isfinite(expected) and np.isfinite(got):
            return abs(float(expected) - float(got)), abs(float(expected))
        same = expected == got or (np.isnan(expected) and np.isnan(got))
        return (0.0 if same else np.inf), 0.0
    else:
        return (0.0 if expected == got else np.inf), 0.0
    each = [_apart(a, b) for a, b in pairs] or [(0.0, 0.0)]
    return max(e[0] for e in each), max(e[1] for e in each)
