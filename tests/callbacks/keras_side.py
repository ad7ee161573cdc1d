"""What Keras' callbacks do, in their own process: ``keras_side.py JOBS OUT FOLDER``."""

from __future__ import annotations

import json
import os
import sys
from types import SimpleNamespace

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import keras
import numpy as np
from driver import PLAYS


def hits(y_true, y_pred):
    return keras.ops.mean(y_true * y_pred)


def model_of(job):
    model = keras.Sequential(
        [keras.Input((1,)), keras.layers.Dense(1, use_bias=False, name="dense")],
        name="model",
    )
    model.compile(
        keras.optimizers.SGD(0.1, use_ema=job["do"] == "swap"),
        "mse",
        metrics=["mse", "accuracy", hits],
    )
    model.evaluate(np.ones((1, 1)), np.ones((1, 1)), verbose=0)  # builds the metrics
    model.optimizer.build(model.trainable_variables)
    return model


def main():
    jobs, out, folder = sys.argv[1:]
    library = SimpleNamespace(**vars(keras.callbacks), Progbar=keras.utils.Progbar)
    with open(jobs) as file:
        given = json.load(file)
    models = {}
    found = []
    for number, job in enumerate(given):
        do = job["do"]
        if do not in models or do in ("swap", "events"):
            models[do] = model_of(job)
        here = os.path.join(folder, str(number))
        found.append(PLAYS[do](job, library, models[do], here))
    with open(out, "w") as file:
        json.dump(found, file)


if __name__ == "__main__":
    main()
