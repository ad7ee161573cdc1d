"""Run cases in this process, or in each that torchrun started.

``python run.py KIND OUT CASE…``: KIND is ``keras`` or ``keras2torch``; what the n-th
process finds goes to ``OUT.n.npz`` as ``case/name``.
"""

import os
import sys
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]


def main():
    import numpy as np

    kind, out, *names = sys.argv[1:]
    if kind == "keras":
        import keras
    else:
        import keras2torch as keras
    from distribution.cases import CASES

    cases = dict(CASES)
    if kind != "keras":
        from distribution.torch_cases import TORCH_CASES

        cases |= TORCH_CASES
    found = {}
    for name in names:
        keras.utils.set_random_seed(1)
        for key, value in cases[name](keras).items():
            found[f"{name}/{key}"] = np.asarray(value)
    np.savez(f"{out}.{os.environ.get('RANK', 0)}.npz", **found)


main()
