"""A table of scripts under Keras and under keras2torch: ``python -m scripts.table``.

``--match TEXT`` picks some of the list, ``--also FOLDER`` runs every script of a folder
that imports Keras and not TensorFlow, too. From the root: ``PYTHONPATH=tests python -m
scripts.table``; see :mod:`scripts.catalogue` for where the scripts are looked for.
"""

from __future__ import annotations

import argparse
import re
import tempfile
import time
from pathlib import Path

from scripts.catalogue import HOME, SCRIPTS, found
from scripts.running import Failed, apart, losses, ran

_OTHERS = re.compile(r"^\s*(import|from) (tensorflow|tf_keras|jax|keras_\w+)", re.M)
_KERAS = re.compile(r"^\s*(import|from) keras\b", re.M)


def in_folder(folder: Path) -> list[Path]:
    """The scripts in a folder that need Keras and no other framework."""
    paths = []
    for path in sorted(folder.rglob("*.py")):
        text = path.read_text(encoding="utf-8", errors="replace")
        if _KERAS.search(text) and not _OTHERS.search(text):
            paths.append(path)
    return paths


def row(path: Path) -> str:
    """What became of one script, as a row of the table."""
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        try:
            ours = ran(path, "keras2torch", Path(folder))
        except Failed as error:
            return f"| {path.stem} | fails: {str(error).splitlines()[-1][:120]} | | |"
        middle = time.perf_counter()
        try:
            keras = ran(path, "keras", Path(folder))
        except Failed as error:
            said = str(error).splitlines()[-1][:80]
            return f"| {path.stem} | runs | Keras fails: {said} | |"
        end = time.perf_counter()
    difference = f"{apart(ours, keras):.1e}" if losses(keras) else "no fit"
    times = f"{middle - begun:.0f} s, Keras {end - middle:.0f} s"
    return f"| {path.stem} | runs | {difference} | {times} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--match", default="")
    parser.add_argument("--also", type=Path)
    options = parser.parse_args()
    paths = [p for name in SCRIPTS if (p := found(name)) is not None]
    if not paths:
        print(f"no scripts in {HOME}: set KERAS_IO to a checkout of keras-io")
    if options.also is not None:
        paths += [p for p in in_folder(options.also) if p not in paths]
    print("| script | keras2torch | losses differ from Keras' | seconds |")
    print("|---|---|---|---|")
    for path in paths:
        if options.match in str(path):
            print(row(path), flush=True)


if __name__ == "__main__":
    main()
