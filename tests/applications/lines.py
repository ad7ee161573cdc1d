"""Write the source of every model of ``keras.applications`` and print how long it is.

Usage: ``python -m tests.applications.lines [--match TEXT] [--sources FOLDER]``

The 40 models at the size that Keras gives them. Only their structure is asked for, so
``outline.py`` makes files without numbers, each deleted when its source is written.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from keras2torch.program import write
from keras2torch.reading import read
from tests.applications.cases import SIZES
from tests.applications.table import longest_forward, running
from tests.compared import cells, one_thread

MAKER = Path(__file__).with_name("outline.py")
# What a person still reads as one file, and as one function.
MOST_LINES = 300
LONGEST_FORWARD = 25
FEWER = {"ResNet50": 150}


@dataclass(frozen=True)
class Length:
    """How long the source of one model is.

    Attributes
    ----------
    lines
        Of ``model.py``.
    classes
        How many it has, helpers among them.
    longest
        The lines of the longest ``forward``.
    flat
        Lines of the form with one line a layer.
    """

    name: str
    lines: int
    classes: int
    longest: int
    flat: int

    def faults(self) -> list[str]:
        """What is longer than a person would have written."""
        most = FEWER.get(self.name, MOST_LINES)
        found = []
        if self.lines > most:
            found.append(f"{self.lines} lines, not {most}")
        if self.longest > LONGEST_FORWARD:
            found.append(f"a forward of {self.longest} lines, not {LONGEST_FORWARD}")
        return found


def measured(names: Sequence[str], sources: Path | None = None) -> Iterator[Length]:
    """Write the source of one model after the other.

    Parameters
    ----------
    sources
        A folder that keeps them.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for told in running([str(MAKER), str(folder)], names):
            path = folder / f"{told['name']}.h5"
            yield _measured(path, sources)
            path.unlink()


def _measured(path: Path, sources: Path | None) -> Length:
    graph = read(path)
    source = write(graph, name=path.stem).source
    if sources is not None:
        sources.mkdir(parents=True, exist_ok=True)
        (sources / f"{path.stem}.py").write_text(source, encoding="utf-8")
    return Length(
        path.stem,
        len(source.splitlines()),
        len(re.findall(r"^class ", source, re.MULTILINE)),
        longest_forward(source),
        len(write(graph, name=path.stem, flat=True).source.splitlines()),
    )


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--match", default="", help="a regular expression")
    parser.add_argument("--sources", type=Path)
    options = parser.parse_args()
    one_thread()
    print("| model | lines | classes | longest forward | lines of --flat |")
    print("|---|--:|--:|--:|--:|")
    names = sorted(name for name in SIZES if re.search(options.match, name))
    found = []
    for row in measured(names, options.sources):
        found.append(row)
        columns = (row.name, row.lines, row.classes, row.longest, row.flat)
        print(cells(*columns), flush=True)
    print()
    for row in found:
        for fault in row.faults():
            print(f"{row.name}: {fault}")
    print(f"\n{sum(not row.faults() for row in found)} of {len(found)} short enough")
    sys.exit(any(row.faults() for row in found))


if __name__ == "__main__":
    main()
