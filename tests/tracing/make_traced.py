"""Makes the models of ``traced_users.py`` (runs in a Keras process).

Usage: ``python make_traced.py keras|tf_keras FOLDER [NAME …]``: the user's file, for
this Keras, and ``NAME.keras`` with random weights and statistics.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import sys
import traceback
import warnings
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ["KERAS_BACKEND"] = "tensorflow"

import numpy as np

USERS = Path(__file__).with_name("traced_users.py")


def redraw(model: Any, rng: np.random.Generator) -> None:
    """Give every weight and statistic a value that is not its initial one."""
    for variable in model.weights:
        shape = tuple(variable.shape)
        if np.asarray(variable).dtype.kind != "f":  # a seed generator's state
            continue
        name = getattr(variable, "path", variable.name)
        spread = 0.3 if len(shape) < 2 else 1.0 / np.sqrt(np.prod(shape[:-1]))
        value = rng.normal(0.0, spread, shape)
        if "variance" in name or "gamma" in name:
            value = rng.uniform(0.5, 1.5, shape)
        variable.assign(np.asarray(value, "float32"))


def main() -> None:
    keras, folder, names = sys.argv[1], Path(sys.argv[2]) / sys.argv[1], sys.argv[3:]
    folder.mkdir(parents=True, exist_ok=True)
    text = USERS.read_text(encoding="utf-8")
    if keras == "tf_keras":
        text = text.replace("import keras\n", "import tf_keras as keras\n")
        text = text.replace("from keras import", "from tf_keras import")
    (folder / "traced_users.py").write_text(text, encoding="utf-8")
    sys.path.insert(0, str(folder))
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    users: Any = importlib.import_module("traced_users")
    rng = np.random.default_rng(11)
    failed = {}
    for name, function in users.CASES.items():
        if names and name not in names:
            continue
        try:
            model, inputs, *how = function()
            model(*inputs) if how else model(inputs)
            redraw(model, rng)
            model.save(str(folder / f"{name}.keras"))
        except Exception as error:
            traceback.print_exc()
            failed[name] = " ".join(f"{type(error).__name__}: {error}".split())
    (folder / "failed.json").write_text(json.dumps(failed))


if __name__ == "__main__":
    main()
