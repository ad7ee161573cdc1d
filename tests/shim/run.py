"""Run the cases in one process: ``python -m shim.run SIDE OUT.npz [CASE…]``.

SIDE is ``keras`` (on torch: no TensorFlow in this process) or ``keras2torch``.
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback
import warnings

import numpy as np

os.environ["KERAS_BACKEND"] = "torch"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"


def main(side: str, out: str, *names: str) -> None:
    from shim.custom import CASES

    warnings.simplefilter("ignore")
    keras = importlib.import_module(side)
    found = {}
    for name in names or CASES:
        try:
            arrays = {k: np.asarray(v) for k, v in CASES[name](keras).items()}
        except Exception:
            arrays = {"error": np.asarray(traceback.format_exc())}
        found |= {f"{name}|{k}": v for k, v in arrays.items()}
    np.savez(out, **found)  # type: ignore[arg-type]


if __name__ == "__main__":
    main(*sys.argv[1:])
