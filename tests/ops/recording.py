"""What Keras answered to the tables, in the repository: ``recorded.xz``.

``PYTHONPATH=.:tests python -m ops.recording`` asks Keras again.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from parity.stored import OutdatedError, load, outline, save

HERE = Path(__file__).resolve().parent
RECORDED = HERE / "recorded.xz"
# Arguments of a case that say how it is judged, not what is asked.
JUDGEMENT = ("differs", "written", "close", "values")


class _Asked(ast.NodeTransformer):
    def visit_Call(self, node: ast.Call) -> Any:
        node.keywords = [k for k in node.keywords if k.arg not in JUDGEMENT]
        return self.generic_visit(node)


def tables() -> list[str]:
    """The modules with cases."""
    return sorted(p.stem for p in HERE.glob("table_*.py"))


def fingerprint() -> str:
    """A hash of the code that decides what is asked."""
    paths = [HERE / f"{name}.py" for name in ("answering", *tables())]
    trees = [outline(_Asked().visit(ast.parse(p.read_text()))) for p in paths]
    return hashlib.sha256(json.dumps(trees).encode()).hexdigest()


def asked() -> tuple[dict[str, Any], dict[str, Any]]:
    """Ask Keras, in a process of its own: its answers, and the arrays in them."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "answers.npz"
        done = subprocess.run(
            [sys.executable, str(HERE / "answering.py"), str(out), *tables()],
            capture_output=True,
            text=True,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
            check=False,
        )
        assert done.returncode == 0, done.stderr[-4000:]
        with np.load(out) as arrays:
            found = {key: arrays[key] for key in arrays}
        return json.loads(Path(f"{out}.json").read_text()), found


def filled(value: Any, arrays: dict[str, Any]) -> Any:
    """Return answers with their arrays in place."""
    if isinstance(value, dict):
        if set(value) == {"$"}:
            return arrays[value["$"]]
        return {k: filled(v, arrays) for k, v in value.items()}
    return [filled(v, arrays) for v in value] if isinstance(value, list) else value


def recorded() -> dict[str, Any]:
    """What Keras answered.

    Raises
    ------
    OutdatedError
        If the cases were changed since.
    """
    about, arrays = load(RECORDED)
    if about["source"] != fingerprint():
        raise OutdatedError(
            "the tables of tests/ops changed since recorded.xz was made: run "
            "`PYTHONPATH=.:tests python -m ops.recording` with Keras"
        )
    answers: dict[str, Any] = filled(json.loads(about["answers"]), arrays["all"])
    return answers


if __name__ == "__main__":
    source, (said, values) = fingerprint(), asked()
    save(RECORDED, {"all": values}, {"source": source, "answers": json.dumps(said)})
