"""Ask Keras and the converted model for the same digits, and compare.

    python examples/digits_accuracy.py build/digits_cnn

Exits with 1 where one prediction differs.
"""

from __future__ import annotations

import importlib.util
import multiprocessing
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import digits
import numpy as np


def keras_probabilities() -> np.ndarray:
    os.environ["KERAS_BACKEND"] = "tensorflow"
    # TensorFlow writes about itself before it reads its log level. An exception does
    # not need stderr: it arrives through the pool.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    import keras

    _, images, _, _ = digits.load()
    model = keras.models.load_model(digits.MODEL, compile=False)
    return model.predict(images, verbose=0)


def torch_probabilities(folder: Path) -> np.ndarray:
    import torch

    # The folder is not a package, and need not become one: model.py stands alone.
    spec = importlib.util.spec_from_file_location("model", folder / "model.py")
    assert spec is not None
    assert spec.loader is not None
    converted = importlib.util.module_from_spec(spec)
    # As `import` would leave it: torch looks a class up by the name of its module.
    sys.modules[spec.name] = converted
    spec.loader.exec_module(converted)

    model = converted.load().eval()
    _, images, _, _ = digits.load()
    nchw = torch.from_numpy(images.transpose(0, 3, 1, 2).copy())
    with torch.no_grad():
        return model(nchw).numpy()


def in_own_process(function, *arguments) -> np.ndarray:
    """Call `function` in a new Python: TensorFlow and torch cannot share one."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=context) as pool:
        return pool.submit(function, *arguments).result()


def main(folder: str) -> int:
    _, _, _, labels = digits.load()
    by_keras = in_own_process(keras_probabilities)
    by_torch = in_own_process(torch_probabilities, Path(folder))

    equal = int((by_keras.argmax(1) == by_torch.argmax(1)).sum())
    print(f"Keras    {np.mean(by_keras.argmax(1) == labels):.4f} test accuracy")
    print(f"PyTorch  {np.mean(by_torch.argmax(1) == labels):.4f} test accuracy")
    print(f"{equal} of {len(labels)} predictions are equal,", end=" ")
    print(f"probabilities differ by at most {np.abs(by_keras - by_torch).max():.1e}")
    return 0 if equal == len(labels) else 1


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python examples/digits_accuracy.py FOLDER")
    sys.exit(main(sys.argv[1]))
