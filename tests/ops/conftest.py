"""What Keras answers to the calls of all tables, asked in one process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))


@pytest.fixture(scope="session")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What Keras gives for each case, by table and name."""
    out = tmp_path_factory.mktemp("ops") / "answers.npz"
    tables = sorted(p.stem for p in HERE.glob("table_*.py"))
    done = subprocess.run(
        [sys.executable, str(HERE / "answering.py"), str(out), *tables],
        capture_output=True,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    arrays = np.load(out)

    def filled(value: Any) -> Any:
        if isinstance(value, dict):
            if set(value) == {"$"}:
                return arrays[value["$"]]
            return {k: filled(v) for k, v in value.items()}
        return [filled(v) for v in value] if isinstance(value, list) else value

    found: dict[str, Any] = filled(json.loads(Path(f"{out}.json").read_text()))
    return found
