"""Convert the models of ``keras.applications`` and print what came of each.

Usage: ``python -m tests.applications.table [--match TEXT] [--smallest N] [--variants]
[--format keras|h5] [--tf-keras] [--jobs 1] [--sources FOLDER] [--json FILE]``

The 40 models, or with ``--variants`` what else can be asked of them (without top,
unknown sizes, odd sizes, widths). Each is made by ``make.py`` with every weight and
statistic drawn anew, and its file goes the whole way: reading, writing, executing,
comparing with Keras. A model has a process of its own, whose memory ends with it; rows
are written to ``--json`` as they come.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import os
import re
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from tests.applications.cases import SIZES, VARIANTS, WHOLE, Case
from tests.compared import QUIET, THREADS, Compared, cells, number, one_thread

if TYPE_CHECKING:
    from keras2torch.tracing import KerasProcess

MAKER = Path(__file__).with_name("make.py")
# From image to image the answers differ at least by this much of their size: less, and
# a comparison would say nothing.
LEAST_SPREAD = 0.01


@dataclass
class Row(Compared):
    """What came of one model.

    Attributes
    ----------
    spread
        How far its answers differ from image to image, by their size.
    layers
        The largest difference of a layer's output, in float64 where that ran.
    total
        All weights and statistics.
    batchnorms
        How many BatchNormalization Keras has, how many the module.
    longest
        The lines of the longest ``forward``.
    stages
        Seconds by stage.
    memory
        The most that the converter and Keras held, in MB.
    """

    spread: float | None = None
    layers: float | None = None
    total: int | None = None
    batchnorms: tuple[int, int] | None = None
    longest: int | None = None
    stages: dict[str, float] = field(default_factory=dict)
    memory: tuple[int, int] = (0, 0)

    GRADIENTS: ClassVar = ("exact", "close")

    def faults(self) -> list[str]:
        """What is not as it has to be, in words."""
        found = super().faults()
        if self.spread is None or self.spread < LEAST_SPREAD:
            found.append(f"its answers hardly differ: {self.spread}")
        if self.permutes:
            found.append(f"{self.permutes} permutes")
        if self.batchnorms is not None and len(set(self.batchnorms)) > 1:
            found.append("BatchNormalization: {} in Keras, {}".format(*self.batchnorms))
        return found


def make_models(
    cases: Sequence[Case], folder: Path, keras: str, suffix: str
) -> dict[str, dict[str, Any]]:
    """Make files in a Keras process; return what it says of each, by name."""
    return {told["name"]: told for told in making(cases, folder, keras, suffix)}


def making(
    cases: Iterable[Case], folder: Path, keras: str, suffix: str
) -> Iterator[dict[str, Any]]:
    """Make one file after the other, each when it is asked for.

    Raises
    ------
    RuntimeError
        If one could not be made.
    """
    command = [str(MAKER), keras, str(folder), suffix]
    yield from running(command, [case.name for case in cases])


def running(command: Sequence[str], names: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Give a script of Keras' side one name after the other; return what it says.

    Raises
    ------
    RuntimeError
        If it fails at one.
    """
    environment = {**os.environ, **QUIET}
    for name in THREADS:
        environment.setdefault(name, "1")
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(
            [sys.executable, *command],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        for name in names:
            process.stdin.write(f"{name}\n")
            process.stdin.flush()
            line = process.stdout.readline()
            if not line:
                process.wait()
                errors.seek(0)
                raise RuntimeError(f"{name}: {errors.read()[-3000:]}")
            yield json.loads(line)
        process.stdin.close()


def convert_one(
    path: Path,
    told: dict[str, Any],
    process: KerasProcess,
    sources: Path | None = None,
) -> Row:
    """Convert a file and compare."""
    row = Row(told["name"], spread=told["spread"])
    made = row.convert(path, verify="always", process=process)
    if made is None:
        return row
    if sources is not None:
        sources.mkdir(parents=True, exist_ok=True)
        (sources / f"{path.stem}.py").write_text(made.source, encoding="utf-8")
    report = made.report
    single = [r.diff for r in report.layers if r.diff is not None]
    double = [r.float64_diff for r in report.layers if r.float64_diff is not None]
    row.layers = max(double or single, default=None)
    row.total = report.parameters.get("torch_total")
    kept = sum("BatchNorm" in type(m).__name__ for m in made.module.modules())
    row.batchnorms = (told["batchnorms"], kept)
    row.longest = longest_forward(made.source)
    row.stages = {k: round(v, 1) for k, v in report.seconds.items()}
    return row


def longest_forward(source: str) -> int:
    """The lines of the longest ``forward`` of a source."""
    found = re.findall(
        r"    def forward\(.*?(?=\n    def |\n\n\n|\Z)", source, re.DOTALL
    )
    return max(len(text.splitlines()) - 1 for text in found)


def _alone(path: Path, told: dict[str, Any], sources: Path | None) -> Row:
    """Convert in this process, which does nothing else, and say what it held."""
    import torch

    from keras2torch.tracing import KerasProcess

    torch.set_num_threads(1)
    with KerasProcess() as process:
        row = convert_one(path, told, process, sources)
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    used = [resource.getrusage(one).ru_maxrss // 1024 for one in who]
    row.memory = (used[0], used[1])
    return row


def run(
    cases: Sequence[Case], options: argparse.Namespace, folder: Path
) -> Iterator[Row]:
    """Make, convert and forget one model after the other."""
    keras = "tf_keras" if options.tf_keras else "keras"
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(options.jobs, context, max_tasks_per_child=1) as pool:
        waiting: list[tuple[Path, Future[Row]]] = []
        for case, told in zip(
            cases, making(cases, folder, keras, options.format), strict=True
        ):
            path = folder / f"{case.file}.{options.format}"
            waiting.append((path, pool.submit(_alone, path, told, options.sources)))
            while len(waiting) >= options.jobs:
                yield _done(*waiting.pop(0))
        for path, future in waiting:
            yield _done(path, future)


def _done(path: Path, future: Future[Row]) -> Row:
    try:
        return future.result()
    finally:
        path.unlink()


HEAD = (
    "| model | verdict | float32 | float64 | layers | gradients | spread | trainable "
    "| total | permutes | BatchNorm | lines | longest forward | seconds | MB |"
)


def line(row: Row) -> str:
    """A row of the table."""
    return cells(
        row.name,
        row.verdict,
        *map(number, (row.float32, row.float64, row.layers, row.gradient)),
        None if row.spread is None else f"{row.spread:.2f}",
        row.torch_trainable if row.same_trainable else "DIFFERS",
        row.total,
        row.permutes,
        "{1} of {0}".format(*row.batchnorms) if row.batchnorms else None,
        row.lines,
        row.longest,
        " + ".join(f"{v:.1f}" for v in row.stages.values()),
        "{} + {}".format(*row.memory),
    )


def chosen(options: argparse.Namespace) -> list[Case]:
    """The cases that the command line asks for."""
    names = list(SIZES)[: options.smallest] if options.smallest else list(SIZES)
    found = VARIANTS if options.variants else WHOLE
    if options.smallest:
        found = [case for case in found if case.builder in names]
    return [case for case in found if re.search(options.match, case.name)]


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--match", default="", help="a regular expression")
    parser.add_argument("--smallest", type=int)
    parser.add_argument("--variants", action="store_true")
    parser.add_argument("--format", choices=("keras", "h5"), default="keras")
    parser.add_argument("--tf-keras", action="store_true")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--sources", type=Path)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    one_thread()
    rows = []
    print(HEAD)
    print("|---|---|" + "--:|" * (HEAD.count("|") - 3))
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for row in run(chosen(options), options, folder):
            rows.append(row)
            print(line(row), flush=True)
            if options.json:
                with options.json.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(asdict(row)) + "\n")
    print("\nseconds: reading, writing, Keras, PyTorch, comparing; MB: here + Keras\n")
    for row in rows:
        for fault in row.faults():
            print(f"{row.name}: {fault}")
    print(f"\n{sum(not row.faults() for row in rows)} of {len(rows)} right")
    sys.exit(any(row.faults() for row in rows))


if __name__ == "__main__":
    main()
