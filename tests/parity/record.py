"""Ask Keras on TensorFlow and store its answers: ``python -m parity.record [GROUP…]``.

Without groups: those whose cases changed since they were recorded. From the root of
the repository, with ``PYTHONPATH=.:tests``.
"""

from __future__ import annotations

import argparse
import tempfile
from importlib.metadata import version
from pathlib import Path

from parity.asking import ask, read
from parity.stored import (
    RECORDED,
    Answers,
    OutdatedError,
    fingerprint,
    groups,
    recorded,
    save,
)


def asked(group: str) -> Answers:
    """What Keras answers now."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / f"{group}.npz"
        ask("keras", [f"{group}/"], out)
        return read(out)


def record(group: str) -> Path:
    """Store what Keras answers to a group; an error is no answer."""
    source = fingerprint(group)
    found = asked(group)
    for case, answer in found.items():
        if "error" in answer:
            raise SystemExit(f"Keras itself fails in {case}:\n{answer['error']}")
    made_by = f"Keras {version('keras')} on TensorFlow {version('tensorflow')}"
    RECORDED.mkdir(exist_ok=True)
    path = RECORDED / f"{group}.xz"
    save(path, found, {"made by": made_by, "source": source})
    return path


def is_outdated(group: str) -> bool:
    try:
        recorded(group)
    except OutdatedError:
        return True
    return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("group", nargs="*", choices=[[], *groups()])
    given = parser.parse_args()
    for group in given.group or filter(is_outdated, groups()):
        path = record(group)
        print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB", flush=True)


if __name__ == "__main__":
    main()
