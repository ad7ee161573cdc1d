"""What Keras answers to the cases here: ``keras_side.py ROOT OUT``, both folders."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import boxes
import folders
import keras
import numpy as np
import objects
import pipelines
import settings
import tensorflow as tf
import trees


def main():
    root, out = Path(sys.argv[1]), Path(sys.argv[2])
    np.savez(out / "folders.npz", **folders.answers(keras, root))
    np.savez(out / "boxes.npz", **boxes.answers(keras))
    texts = {
        "trees": trees.answers(keras.tree),
        "settings": settings.answers(keras),
        "objects": objects.answers(keras),
        "pipelines": pipelines.answers(tf.data.Dataset),
    }
    (out / "answers.json").write_text(json.dumps(texts))


if __name__ == "__main__":
    main()
