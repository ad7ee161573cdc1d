"""Convert every file under ``../shared/models`` and print what came of it.

Usage: ``python -m tests.shared_models.table [--tier real] [--jobs 2] [--match TEXT]``

Each file goes the whole way: reading, writing, executing, and comparing with Keras in
its own process. Files with recorded predictions are also compared with those, which
the original Keras made.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np

SHARED = Path(__file__).resolve().parents[3] / "shared" / "models"
TIERS = ("real", "recorded", "pairs", "suite")


@dataclass
class Row:
    """What came of one file."""

    file: str
    tier: str
    keras: str
    verdict: str
    diff: float | None = None
    float64: float | None = None
    recorded: float | None = None
    reference: str = ""
    trainable_equal: bool | None = None
    gradients: float | None = None
    permutes: int | None = None
    error: str = ""
    seconds: float = 0.0
    layers: dict[str, int] = field(default_factory=dict)

    @property
    def right(self) -> bool:
        """Whether it converts and its numbers are Keras'."""
        if self.recorded is not None and self.recorded > 1e-5:
            return False
        return self.verdict == "exact"


def entries(tiers: tuple[str, ...], match: str = "") -> list[dict[str, Any]]:
    """Return the manifest's entries of these tiers."""
    manifest = json.loads((SHARED / "manifest.json").read_text())
    for entry in manifest:
        entry["tier"] = entry["file"].partition("/")[0]
    return [e for e in manifest if e["tier"] in tiers and match in e["file"]]


def paths(entry: dict[str, Any]) -> tuple[Path, Path | None]:
    """Return a file, or an architecture and its weights."""
    path = SHARED / entry["file"]
    if path.is_dir() or entry["tier"] == "pairs":
        folder = path if path.is_dir() else path.parent
        found = sorted(folder.iterdir())
        arch = next(p for p in found if p.suffix in (".json", ".yml", ".yaml"))
        return arch, next(p for p in found if p != arch)
    return path, None


_process: Any = None


def _start() -> None:
    import torch

    torch.set_num_threads(1)
    global _process
    from keras2torch.tracing.client import KerasProcess

    _process = KerasProcess()


def convert_one(entry: dict[str, Any]) -> Row:
    """Convert one file and compare."""
    from keras2torch.conversion import convert_file
    from keras2torch.errors import Keras2TorchError

    source, weights = paths(entry)
    print(entry["file"], file=sys.stderr, flush=True)
    row = Row(entry["file"], entry["tier"], str(entry["keras_version"]), "error")
    row.layers = entry["layer_histogram"]
    start = time.perf_counter()
    try:
        made = convert_file(source, weights, process=_process)
    except Keras2TorchError as error:
        row.verdict, row.error = "refused", str(error)
        return row
    except Exception as error:
        row.verdict, row.error = "CRASH", f"{type(error).__name__}: {error}"
        return row
    finally:
        row.seconds = time.perf_counter() - start
    report = made.report
    row.verdict = report.verdict
    row.diff, row.float64 = report.max_rel_diff, report.float64_rel_diff
    row.reference = report.reference
    row.gradients = report.gradient_rel_diff
    row.permutes = made.program.plan.permutes()
    found = report.parameters
    row.trainable_equal = found["keras_trainable"] == found["torch_trainable"]
    if entry["tier"] == "recorded":
        row.recorded = recorded_difference(made, source)
    return row


def recorded_difference(made: Any, source: Path) -> float:
    """Return the largest difference to the predictions that were recorded."""
    import torch

    file = source.with_name(source.name.replace("_model.h5", "_io.h5"))
    with h5py.File(file) as io:
        inputs = [np.asarray(v) for v in io["inputs"].values()]
        expected = [np.asarray(v) for v in io["predictions"].values()]
    with torch.no_grad():
        given = [
            torch.from_numpy(a.transpose(t.layout.axes))
            for a, (_, t) in zip(inputs, made.program.inputs, strict=True)
        ]
        result = made.module(*given)
    results = result if isinstance(result, tuple) else (result,)
    worst = 0.0
    for r, t, e in zip(results, made.program.outputs, expected, strict=True):
        array = r.numpy().transpose(np.argsort(t.layout.axes))
        worst = max(worst, float(np.abs(array - e).max()))
    return worst


def run(tiers: tuple[str, ...], match: str = "", jobs: int = 1) -> list[Row]:
    """Convert the files of these tiers."""
    found = entries(tiers, match)
    if jobs == 1:
        _start()
        return [convert_one(e) for e in found]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, _start) as pool:
        return list(pool.map(convert_one, found))


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.1e}"


def show(rows: list[Row]) -> None:
    """Print the table and the counts."""
    print("| file | Keras | verdict | diff | float64 | grad | recorded | reference |")
    print("|---|---|---|--:|--:|--:|--:|---|")
    for r in rows:
        same = {True: "", False: " TRAINABLE DIFFERS", None: ""}[r.trainable_equal]
        cells = [
            r.file,
            r.keras,
            r.verdict + same,
            _number(r.diff),
            _number(r.float64),
            _number(r.gradients),
            _number(r.recorded),
            r.error or r.reference,
        ]
        print("| " + " | ".join(cells) + " |")
    for tier in TIERS:
        of = [r for r in rows if r.tier == tier]
        if of:
            counts = dict(Counter(r.verdict for r in of))
            print(f"{tier}: {sum(r.right for r in of)} of {len(of)} right, {counts}")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tier", choices=TIERS, action="append")
    parser.add_argument("--match", default="")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if not SHARED.is_dir():
        print(f"skipped: there is no {SHARED}")
        return
    rows = run(tuple(options.tier or TIERS), options.match, options.jobs)
    show(rows)
    if options.json:
        options.json.write_text(json.dumps([asdict(r) for r in rows], indent=1))
    sys.exit(any(r.verdict == "CRASH" for r in rows))


if __name__ == "__main__":
    main()
