"""Asking Keras, which never shares a process with torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).with_name("keras_side.py")


def ask(jobs: list[dict[str, Any]], folder: Path) -> list[Any]:
    """Run jobs in one Keras process and return what each recorded."""
    given, out = folder / "jobs.json", folder / "out.json"
    given.write_text(json.dumps(jobs))
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(given), str(out), str(folder / "files")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    found: list[Any] = json.loads(out.read_text())
    return found
