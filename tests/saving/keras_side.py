"""Keras in a process of its own: ``python keras_side.py FOLDER``.

It reads what keras2torch wrote there (``torch_NAME.keras``), writes its own
(``keras_NAME.keras``), and leaves what it saw as ``*.npz``.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import keras
import numpy as np
import tf_keras
import zoo_own
from zoo import (
    NOT_IN_H5,
    ZOO,
    batch,
    layer,
    observed,
    older,
    own_class,
    own_function,
    own_model,
    stack,
    trained,
)


def main(folder):
    own_class(keras), own_function(keras), own_model(keras), zoo_own.register(keras)
    keras.utils.set_random_seed(7)
    failures, helpless = {}, {}
    for name in ZOO:
        for ending in ("keras", "h5"):
            path = folder / f"torch_{name}.{ending}"
            if not path.exists():
                continue
            try:
                # Of an .h5, Keras 3.15 reads neither "mse" nor optimizers that train.
                model = keras.models.load_model(path, compile=ending == "keras")
                said = keras.saving.serialize_keras_object(model)
                (folder / f"read_{name}_{ending}.json").write_text(json.dumps(said))
                found = observed(model, name, further=ending == "keras")
                np.savez(folder / f"read_{name}_{ending}.npz", **found)
            except Exception:
                failures[f"{name}.{ending}"] = traceback.format_exc()[-1500:]
        path = folder / f"torch_{name}.weights.h5"
        if path.exists():
            try:
                model = ZOO[name][0](keras)
                model.load_weights(path)
                found = observed(model, name, further=False)
                np.savez(folder / f"read_{name}_weights.npz", **found)
                if (shards := folder / f"torch_{name}.weights.json").exists():
                    model = ZOO[name][0](keras)
                    model.load_weights(shards)
                    again = observed(model, name, further=False)
                    assert all(np.array_equal(again[k], v) for k, v in found.items())
                    whole = keras.models.load_model(folder / f"torch_{name}_folder")
                    again = observed(whole, name, further=False)
                    assert all(np.array_equal(again[k], v) for k, v in found.items())
                    model.save(folder / f"keras_{name}_folder", zipped=False)
                    model.save_weights(
                        folder / f"keras_{name}.weights.json", max_shard_size=1e-6
                    )
            except Exception:
                failures[f"{name}.weights.h5"] = traceback.format_exc()[-1500:]
    for name in ZOO:
        model = trained(keras, name)
        said = keras.saving.serialize_keras_object(model)
        (folder / f"keras_{name}.json").write_text(json.dumps(said))
        model.save(folder / f"keras_{name}.keras")
        if name not in NOT_IN_H5:
            model.save(folder / f"keras_{name}.h5")
        model.save_weights(folder / f"keras_{name}.weights.h5")
        for ending in ("keras", "h5"):
            path = folder / f"keras_{name}.{ending}"
            if path.exists():
                try:
                    keras.models.load_model(path, compile=ending == "keras")
                except Exception as error:
                    helpless[path.name] = str(error)[-300:]
        np.savez(folder / f"keras_{name}.npz", **observed(model, name))
    layers = json.loads((folder / "layers.json").read_text())
    configs = {}
    for kind in layers:
        if (made := layer(keras, kind)) is not None:
            said = keras.saving.serialize_keras_object(made)
            configs[kind] = said | {"built": made.built}
    (folder / "layers_of_keras.json").write_text(json.dumps(configs))
    for name, optimizer in older(tf_keras).items():
        model = stack(tf_keras)
        model.compile(optimizer, "mse", metrics=["mae"])
        x, t = batch("own_model")
        model.fit(x, t, batch_size=5, shuffle=False, verbose=0)
        model.save(folder / f"older_{name}.h5")
        model.save(folder / f"older_{name}.keras")
        model.fit(x, t, batch_size=5, shuffle=False, verbose=0)
        later = {f"later{i}": w for i, w in enumerate(model.get_weights())}
        np.savez(folder / f"older_{name}.npz", **later)
    (folder / "failures.json").write_text(json.dumps(failures))
    (folder / "helpless.json").write_text(json.dumps(helpless))


main(Path(sys.argv[1]))
