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
import multiprocessing
import os
import re
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tests.traced_models.cases import BOTH, Made, made

MAKER = Path(__file__).with_name("make.py")
THREADS = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}


@dataclass
class Row:
    """What came of one file."""

    file: str
    verdict: str = "error"
    error: str = ""
    float32: float | None = None
    float64: float | None = None
    recorded: float | None = None
    gradients: str = ""
    gradient: float | None = None
    keras_trainable: int | None = None
    torch_trainable: int | None = None
    permutes: int | None = None
    lines: int | None = None
    lint: str = ""
    lost: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def faults(self) -> list[str]:
        """What is not as it has to be, in words."""
        if self.error:
            return [self.error]
        found = []
        if self.verdict != "exact":
            found.append(f"verdict {self.verdict}, {self.float32} of the output")
        if self.recorded is not None and not self.recorded <= 1e-5:
            found.append(f"{self.recorded:.1e} from what Keras recorded")
        if self.gradients != "exact":
            found.append(f"gradients {self.gradients}, {self.gradient}")
        if self.keras_trainable != self.torch_trainable:
            counts = f"{self.keras_trainable} in Keras, {self.torch_trainable} here"
            found.append(f"trainable: {counts}")
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


def convert_one(one: Made, folder: Path, process: Any, sources: Path | None) -> Row:
    """Convert a file and compare."""
    from keras2torch.conversion import convert_file
    from keras2torch.errors import Keras2TorchError

    row = Row(one.name)
    custom = None if one.form == "module" else one.custom_objects(folder)
    start = time.perf_counter()
    try:
        converted = convert_file(
            one.path(folder), trust=True, custom_objects=custom, process=process
        )
    except Keras2TorchError as error:
        row.verdict, row.error = "refused", " ".join(str(error).split())
        return row
    except Exception as error:
        row.verdict = "CRASH"
        at = traceback.extract_tb(error.__traceback__)[-1]
        said = " ".join(f"{type(error).__name__}: {error}".split())
        row.error = f"{said} ({Path(at.filename).name}:{at.lineno})"
        return row
    finally:
        row.seconds = time.perf_counter() - start
    if sources is not None:
        converted.save(sources / one.name)
    report = converted.report
    row.verdict = report.verdict
    row.float32, row.float64 = report.max_rel_diff, report.float64_rel_diff
    row.gradients = report.gradients.verdict
    row.gradient = report.gradients.max_rel_diff
    row.keras_trainable = report.parameters.get("keras_trainable")
    row.torch_trainable = report.parameters.get("torch_trainable")
    row.permutes = report.permutes
    row.lines = len(converted.source.splitlines())
    row.lint = lint(converted.source)
    row.lost = list(report.not_converted)
    row.remarks = [*filter(None, [report.reason]), *report.remarks]
    try:
        row.recorded = from_recorded(converted, one.recorded(folder))
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


def from_recorded(converted: Any, file: Path) -> float | None:
    """The largest difference to the recorded outputs, by the largest of each.

    ``None`` where Keras recorded none, since the model draws numbers.
    """
    import torch

    with np.load(file) as arrays:
        given = {k[2:]: arrays[k] for k in arrays if k.startswith("i/")}
        expected = {k[2:]: arrays[k] for k in arrays if k.startswith("o/")}
    if not expected:
        return None
    report = converted.report
    tensors = []
    for key, info in zip(ordered(given, report.inputs), report.inputs, strict=True):
        axes = info.axes or range(given[key].ndim)
        tensors.append(torch.from_numpy(given[key].transpose(axes).copy()))
    with torch.no_grad():
        result = converted.module(*tensors)
    if isinstance(result, dict):
        names = ordered({str(k): None for k in result}, report.outputs)
        results = [result[name] for name in names]
    else:
        results = list(result) if isinstance(result, (tuple, list)) else [result]
    worst = 0.0
    keys = ordered(expected, report.outputs)
    for key, info, tensor in zip(keys, report.outputs, results, strict=True):
        found = tensor.numpy()
        if info.axes:
            found = found.transpose(np.argsort(info.axes))
        wanted = expected[key]
        assert found.shape == wanted.shape, f"{found.shape}, not {wanted.shape}"
        scale = max(float(np.abs(wanted).max()), 1e-12)
        worst = max(worst, float(np.abs(found - wanted).max()) / scale)
    return worst


def ordered(found: dict[str, Any], rows: Sequence[Any]) -> list[str]:
    """The keys in the order of the report: by name, else as Keras sorts them."""
    if all(key.isdigit() for key in found):
        return sorted(found, key=int)
    names = [re.sub(r":\d+$", "", row.name) for row in rows]
    return names if set(names) == set(found) else sorted(found)


_process: Any = None


def _start() -> None:
    import torch

    from keras2torch.tracing import KerasProcess

    torch.set_num_threads(1)
    global _process
    _process = KerasProcess()


def _convert(one: Made, folder: Path, sources: Path | None) -> Row:
    print(one.name, file=sys.stderr, flush=True)
    return convert_one(one, folder, _process, sources)


def run(
    found: list[Made], folder: Path, jobs: int = 1, sources: Path | None = None
) -> list[Row]:
    """Convert these files."""
    if jobs == 1:
        _start()
        return [_convert(one, folder, sources) for one in found]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, _start) as pool:
        rows = [pool.submit(_convert, one, folder, sources) for one in found]
        return [row.result() for row in rows]


def number(value: float | None) -> str:
    """A difference as it stands in the table."""
    return "" if value is None else f"{value:.1e}"


def show(rows: list[Row]) -> None:
    """Print the table, what is at fault, and the counts."""
    print(
        "| model | verdict | float32 | float64 | recorded | gradients | trainable "
        "Keras | PyTorch | permutes | lines |"
    )
    print("|---|---|--:|--:|--:|--:|--:|--:|--:|--:|")
    for row in rows:
        counts = (row.keras_trainable, row.torch_trainable, row.permutes, row.lines)
        cells = [
            row.file,
            row.verdict,
            *map(number, (row.float32, row.float64, row.recorded, row.gradient)),
            *("" if n is None else str(n) for n in counts),
        ]
        print("| " + " | ".join(cells) + " |")
    print()
    for row in rows:
        for fault in row.faults():
            print(f"{row.file}: {fault}")
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
    for name in THREADS:
        os.environ.setdefault(name, "1")
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
        rows = run(found, folder, options.jobs, options.sources)
    show(rows)
    if options.json:
        options.json.write_text(json.dumps([asdict(r) for r in rows], indent=1))
    sys.exit(any(row.faults() for row in rows))


if __name__ == "__main__":
    main()
