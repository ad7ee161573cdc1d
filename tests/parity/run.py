"""Run many cases in one process: ``python -m parity.run SIDE CASES… --out FILE.npz``.

SIDE is ``keras`` (on TensorFlow) or ``keras2torch``. A case is a name, or the start of
many that ends in a slash (``losses/``). FILE gets ``case|name`` arrays, and
``case|error`` where it raised.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import time
import traceback
import warnings
from typing import Any

import numpy as np

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"


def chosen(names: list[str]) -> list[Any]:
    from parity.cases import CASES

    found = [
        case
        for name, case in CASES.items()
        # A whole name is one case, "losses/" is many.
        if name in names or any(w.endswith("/") and name.startswith(w) for w in names)
    ]
    if not found:
        raise SystemExit(f"no case is called {names}")
    return found


def run(side: str, names: list[str]) -> dict[str, np.ndarray]:
    keras = importlib.import_module(side)
    found: dict[str, np.ndarray] = {}
    for case in chosen(names):
        began = time.process_time()
        try:
            arrays = {k: np.asarray(v) for k, v in case.run(keras).items()}
        except Exception:
            # An error is a result: the other side may well raise none.
            found[f"{case.name}|error"] = np.asarray(traceback.format_exc())
            arrays = {}
        for name, array in arrays.items():
            found[f"{case.name}|{name}"] = array
        print(f"{time.process_time() - began:7.2f} s  {case.name}", flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("side", choices=["keras", "keras2torch"])
    parser.add_argument("cases", nargs="+")
    parser.add_argument("--out", required=True)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    found = run(given.side, given.cases)
    # Written beside and renamed: nobody reads half a file.
    np.savez(given.out + ".part.npz", **found)  # type: ignore[arg-type]
    os.replace(given.out + ".part.npz", given.out)


if __name__ == "__main__":
    sys.exit(main())
