"""Small embedding models trained by Keras: ``python slices_side.py FOLDER``.

FOLDER has ``rows.json`` (optimizers, and how the table is used) and ``arrays.npz``
(weights and batches); ``out.npz`` comes, with the weights and what optimizers keep.
"""

from __future__ import annotations

import json
import os
import sys
import warnings

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import keras
import numpy as np
from keras import layers

sys.path.insert(0, os.path.dirname(__file__))
from keras_side import optimizer


def model(row, arrays):
    table = arrays["table"]
    embedding = layers.Embedding(
        *table.shape,
        name="embedding",
        embeddings_regularizer=keras.regularizers.L2(0.01)
        if row.get("regularizer")
        else None,
    )
    ids = keras.Input((arrays["ids"].shape[-1],), dtype="int32")
    x = embedding(ids)
    if row.get("twice"):
        x = x + 0.5 * embedding(layers.Lambda(lambda i: i[:, ::-1])(ids))
    x = layers.Flatten()(x)
    made = keras.Model(ids, layers.Dense(arrays["kernel"].shape[1], name="dense")(x))
    made.set_weights([table, arrays["kernel"], arrays["bias"]])
    return made


def main(folder):
    warnings.simplefilter("ignore")
    with open(os.path.join(folder, "rows.json")) as file:
        rows = json.load(file)
    arrays = dict(np.load(os.path.join(folder, "arrays.npz")))
    out = {}
    for number, row in enumerate(rows):
        made = model(row, arrays)
        # The same operations, sooner there; a graph for some, where XLA joins in.
        made.compile(optimizer(row), "mse", run_eagerly=not row.get("graph"))
        try:
            for ids, y in zip(arrays["ids"], arrays["y"], strict=True):
                made.train_on_batch(ids, y)
        except Exception as error:  # what Keras cannot is for the test to see
            out[f"{number}/error"] = np.asarray(str(error))
        for n, w in enumerate(made.get_weights()):
            out[f"{number}/w/{n}"] = w
        for n, v in enumerate(made.optimizer.variables):
            out[f"{number}/v/{n}"] = np.asarray(v)
    np.savez(os.path.join(folder, "out.npz"), **out)


if __name__ == "__main__":
    main(sys.argv[1])
