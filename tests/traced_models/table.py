"""Convert every model of ``cases.py`` and print what came of it.

Usage: ``python -m tests.traced_models.table [--models FOLDER] [--form keras]
[--match TEXT] [--jobs 2] [--sources FOLDER] [--json FILE]``

The models are made first, by ``make.py``, unless ``--models`` holds them already. Each
goes the whole way: tracing, writing, executing, comparing with Keras; and what the
module computes is compared once more with what Keras had recorded. ``--sources`` keeps
what was written, to be read.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tests.compared import (
    QUIET,
    THREADS,
    Compared,
    cells,
    converted,
    difference,
    number,
    one_thread,
)
from tests.traced_models.cases import BOTH, Made, made

if TYPE_CHECKING:
    from keras2torch.conversion import Conversion
    from keras2torch.tracing import KerasProcess

MAKER = Path(__file__).with_name("make.py")


@dataclass
class Row(Compared):
    """What came of one file.

    Attributes
    ----------
    recorded
        The difference to what Keras recorded.
    lint
        What ruff says of the source.
    lost
        Layers that were not converted.
    """

    recorded: float | None = None
    lint: str = ""
    lost: list[str] = field(default_factory=list)

    def faults(self) -> list[str]:
        """What is not as it has to be, in words."""
        found = super().faults()
        if self.recorded is not None and not self.recorded <= 1e-5:
            found.append(f"{self.recorded:.1e} from what Keras recorded")
        if self.lint:
            found.append(f"ruff: {self.lint}")
        return found + [f"lost: {name}" for name in self.lost]


def make_models(folder: Path, names: Sequence[str] = ()) -> None:
    """Make the files in Keras' own processes, Keras 3 beside tf_keras.

    Raises
    ------
    RuntimeError
        If one could not be made.
    """
    environment = {**os.environ, **QUIET, **dict.fromkeys(THREADS, "1")}
    running = [
        subprocess.Popen(
            [sys.executable, str(MAKER), keras, str(folder), *names],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for keras in BOTH
    ]
    errors = [process.communicate()[1] for process in running]
    if any(process.returncode for process in running):
        raise RuntimeError("\n".join(error[-3000:] for error in errors))


def convert_one(
    one: Made, folder: Path, process: KerasProcess, sources: Path | None = None
) -> Row:
    """Convert a file and compare."""
    row = Row(one.name)
    custom = None if one.form == "module" else one.custom_objects(folder)
    made = row.convert(
        one.path(folder), trust=True, custom_objects=custom, process=process
    )
    if made is None:
        return row
    if sources is not None:
        made.save(sources / one.name)
    row.lint = lint(made.source)
    row.lost = list(made.report.not_converted)
    try:
        row.recorded = from_recorded(made, one.recorded(folder))
    except Exception as error:
        row.error = f"module fails: {' '.join(f'{error}'.split())}"
    return row


def lint(source: str) -> str:
    """What ruff says of a source, its check and its format; empty if nothing."""
    for command in (["check", "--no-cache", "--output-format=concise"], ["format"]):
        check = [] if command[0] == "check" else ["--check", "--no-cache"]
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, *check, "--isolated", "-"],
            input=source,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            return " ".join((done.stdout + done.stderr).split())[:300]
    return ""


def from_recorded(made: Conversion, file: Path) -> float | None:
    """The largest difference to the recorded outputs, by the largest of each.

    ``None`` where Keras recorded none, since the model draws numbers.
    """
    with np.load(file) as arrays:
        given = {k[2:]: arrays[k] for k in arrays if k.startswith("i/")}
        expected = {k[2:]: arrays[k] for k in arrays if k.startswith("o/")}
    return difference(made, given, expected) if expected else None


def _convert(task: tuple[Made, Path, Path | None], process: KerasProcess) -> Row:
    one, folder, sources = task
    print(one.name, file=sys.stderr, flush=True)
    return convert_one(one, folder, process, sources)


def show(rows: list[Row]) -> None:
    """Print the table, what is at fault, and the counts."""
    print(
        "| model | verdict | float32 | float64 | recorded | gradients | trainable "
        "Keras | PyTorch | permutes | lines |"
    )
    print("|---|---|--:|--:|--:|--:|--:|--:|--:|--:|")
    for row in rows:
        numbers = (row.float32, row.float64, row.recorded, row.gradient)
        counts = (row.keras_trainable, row.torch_trainable, row.permutes, row.lines)
        print(cells(row.name, row.verdict, *map(number, numbers), *counts))
    print()
    for row in rows:
        for fault in row.faults():
            print(f"{row.name}: {fault}")
    right = sum(not row.faults() for row in rows)
    print(f"\n{right} of {len(rows)} files right")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path)
    parser.add_argument("--form", action="append")
    parser.add_argument("--match", default="")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--sources", type=Path)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    one_thread()
    found = [one for one in made() if re.search(options.match, one.name)]
    if options.form:
        found = [one for one in found if one.form.partition("@")[0] in options.form]
    with contextlib.ExitStack() as stack:
        folder = options.models
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        missing = sorted({o.case.name for o in found if not o.path(folder).exists()})
        if missing:
            make_models(folder, missing)
        tasks = [(one, folder, options.sources) for one in found]
        rows = list(converted(_convert, tasks, options.jobs))
    show(rows)
    if options.json:
        options.json.write_text(json.dumps([asdict(r) for r in rows], indent=1))
    sys.exit(any(row.faults() for row in rows))


if __name__ == "__main__":
    main()
