"""What Keras says to the mistakes, in a process of its own: ``… OUT``."""

from __future__ import annotations

import json
import os
import sys
import warnings
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import keras
from bad_inputs import MISTAKES


def raised_by(run) -> str:
    keras.utils.clear_session()
    try:
        run(keras)
    except Exception as error:
        return type(error).__name__
    return ""


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    found = {name: raised_by(run) for name, run in MISTAKES.items()}
    Path(sys.argv[1]).write_text(json.dumps(found))
