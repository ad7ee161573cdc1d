"""Keras' answers in the repository: ``recorded/GROUP.xz``.

An xz file of one line of JSON (versions, what the answers were made from, and each
array's case, name, type and shape) and the bytes of the arrays. Thousands of small
arrays that resemble each other take a tenth of what an .npz of them would.
"""

from __future__ import annotations

import ast
import hashlib
import json
import lzma
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from parity.cases import CASES

Answers = dict[str, dict[str, np.ndarray]]
RECORDED = Path(__file__).resolve().parent / "recorded"
# Arguments of a case that say how it is judged, not what is asked.
JUDGEMENT = ("rtol", "why", "missing")


class OutdatedError(AssertionError):
    """A recording was made from other cases than there are now."""


def groups() -> list[str]:
    """The names of all groups."""
    return sorted({case.group for case in CASES.values()})


def sources(group: str) -> list[str]:
    """The modules that decide what is asked in a group, and what they import."""
    found: set[str] = set()
    new = {case.run.__module__ for case in CASES.values() if case.group == group}
    while new:
        found |= new
        values = [v for name in new for v in vars(sys.modules[name]).values()]
        modules = {str(getattr(v, "__module__", "")) for v in values}
        new = {m for m in modules if m.startswith("parity.")} - found
    # It says what a case is and how it is judged, not what is asked.
    return sorted(found - {"parity.table"})


def fingerprint(group: str) -> str:
    """A hash of the code that decides Keras' answers to a group.

    Comments, formatting, tolerances and reasons do not.
    """
    texts = [Path(str(sys.modules[name].__file__)) for name in sources(group)]
    trees = [outline(ast.parse(path.read_text())) for path in texts]
    return hashlib.sha256(json.dumps(trees).encode()).hexdigest()


def outline(node: Any) -> Any:
    """A syntax tree as lists, the same in every version of Python."""
    if isinstance(node, list):
        kept = [n for n in node if getattr(n, "arg", "") not in JUDGEMENT]
        return [outline(n) for n in kept]
    if not isinstance(node, ast.AST):
        return repr(node)
    # Newer versions have fields that are empty: they do not count.
    fields = [(k, outline(v)) for k, v in ast.iter_fields(node) if v is not None]
    return [type(node).__name__, *[[k, v] for k, v in fields if v != []]]


@cache
def recorded(group: str) -> Answers:
    """What Keras answered to the cases of a group.

    Raises
    ------
    OutdatedError
        If these cases were changed since.
    """
    path = RECORDED / f"{group}.xz"
    again = f"run `PYTHONPATH=.:tests python -m parity.record {group}` with Keras"
    if not path.exists():
        raise OutdatedError(f"no answers of Keras to {group}/: {again}")
    about, answers = load(path)
    if about["source"] != fingerprint(group):
        raise OutdatedError(
            f"{', '.join(sources(group))} changed since {path.name} was made: {again}"
        )
    return answers


def save(path: Path, answers: Answers, about: dict[str, str]) -> None:
    """Write answers and what they were made from."""
    index, numbers = [], []
    for case, arrays in answers.items():
        for name, array in arrays.items():
            index.append([case, name, array.dtype.str, list(array.shape)])
            numbers.append(np.ascontiguousarray(array).tobytes())
    head = json.dumps({**about, "arrays": index}).encode()
    content = head + b"\n" + b"".join(numbers)
    path.write_bytes(lzma.compress(content, preset=9 | lzma.PRESET_EXTREME))


def load(path: Path) -> tuple[dict[str, str], Answers]:
    """Read what :func:`save` wrote."""
    content = lzma.decompress(path.read_bytes())
    head, _, numbers = content.partition(b"\n")
    about = json.loads(head)
    answers: Answers = {}
    begin = 0
    for case, name, kind, shape in about.pop("arrays"):
        dtype = np.dtype(kind)
        count = int(np.prod(shape, dtype=int))
        array = np.frombuffer(numbers, dtype, count, begin).reshape(shape)
        answers.setdefault(case, {})[name] = array
        begin += array.nbytes
    assert begin == len(numbers), f"{path.name} is not whole"
    return about, answers
