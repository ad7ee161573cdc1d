"""Keras in a process of its own: ``python files_side.py FOLDER``.

It opens the models that lie there (``torch_NAME.keras``), writes its own
(``keras_NAME.keras``), and leaves what it computed in ``files.npz``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import calls
import file_models
import keras
import numpy as np

folder = Path(sys.argv[1])
found, x = {}, file_models.images()
for name, model in file_models.models(keras).items():
    model.save(folder / f"keras_{name}.keras")
    read = keras.models.load_model(folder / f"torch_{name}.keras")
    for side, made in (("keras", model(x)), ("torch", read(x))):
        for i, value in enumerate(calls.flat(made)):
            found[f"{side}_{name}/{i}"] = np.asarray(value)
entry = keras.Input((3,))
doubled = keras.Model(entry, keras.ops.map(lambda v: v * 2, entry))
doubled.save(folder / "lambda.keras")
np.savez(folder / "files.npz", **found)
