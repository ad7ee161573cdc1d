"""Convert every file under ``../shared/models`` and print what came of it.

Usage: ``python -m tests.shared_models.table [--tier real] [--jobs 2] [--match TEXT]``

Each file goes the whole way: reading, writing, executing, and comparing with Keras in
its own process. Files with recorded predictions are also compared with those, which
the original Keras made.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from tests.compared import Compared, cells, converted, difference, number, one_thread

if TYPE_CHECKING:
    from keras2torch.tracing import KerasProcess

SHARED = Path(__file__).resolve().parents[3] / "shared" / "models"
TIERS = ("real", "recorded", "pairs", "suite")


@dataclass
class Row(Compared):
    """What came of one file.

    Attributes
    ----------
    keras
        The version that wrote it.
    recorded
        The difference to the recorded predictions.
    layers
        How many of each kind.
    """

    tier: str = ""
    keras: str = ""
    recorded: float | None = None
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


def convert_one(entry: dict[str, Any], process: KerasProcess) -> Row:
    """Convert one file and compare."""
    source, weights = paths(entry)
    print(entry["file"], file=sys.stderr, flush=True)
    row = Row(entry["file"], tier=entry["tier"], keras=str(entry["keras_version"]))
    row.layers = entry["layer_histogram"]
    made = row.convert(source, weights, process=process)
    if made is not None and entry["tier"] == "recorded":
        file = source.with_name(source.name.replace("_model.h5", "_io.h5"))
        with h5py.File(file) as io:
            given, expected = (
                {str(i): np.asarray(v) for i, v in enumerate(io[side].values())}
                for side in ("inputs", "predictions")
            )
        row.recorded = difference(made, given, expected)
    return row


def show(rows: list[Row]) -> None:
    """Print the table and the counts."""
    print("| file | Keras | verdict | diff | float64 | grad | recorded | reference |")
    print("|---|---|---|--:|--:|--:|--:|---|")
    for r in rows:
        same = "" if r.error or r.same_trainable else " TRAINABLE DIFFERS"
        numbers = (r.float32, r.float64, r.gradient, r.recorded)
        said = r.error or r.reference
        print(cells(r.name, r.keras, r.verdict + same, *map(number, numbers), said))
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
    one_thread()
    found = entries(tuple(options.tier or TIERS), options.match)
    rows = list(converted(convert_one, found, options.jobs))
    show(rows)
    if options.json:
        options.json.write_text(json.dumps([asdict(r) for r in rows], indent=1))
    sys.exit(any(r.verdict == "CRASH" for r in rows))


if __name__ == "__main__":
    main()
