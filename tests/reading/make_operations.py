"""Run by a Keras process: one model file a case, and what Keras answers.

``make_operations.py keras FOLDER`` or ``tf_keras`` or ``nodes``: TensorFlow's functions
between layers as TFOpLambda, or as TensorFlowOpLayer, which tf_keras still writes in
graph mode, as TensorFlow 2.0 to 2.3 did.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
from entry_cases import ENTRIES
from network_cases import NETWORKS
from operation_cases import dtype_of, inputs
from shape_cases import SHAPES
from tensorflow_cases import CASES, NODES


def main(flavour: str, folder: Path, only: list[str]) -> None:
    """Write ``<case>.keras`` and ``.h5``, and inputs and outputs as ``<case>.npz``."""
    if flavour == "keras":
        import keras

        space, table, endings = keras.ops, ENTRIES | SHAPES | NETWORKS, ("keras", "h5")
    else:
        import tensorflow as tf
        import tf_keras as keras

        space, table, endings = tf, CASES, ("h5",)
        if flavour == "nodes":
            tf.compat.v1.disable_eager_execution()
            table = NODES
    failed: dict[str, str] = {}
    for name, case in table.items():
        if only and name not in only:
            continue
        try:
            made(keras, space, name, case, folder, endings)
        except Exception:
            failed[name] = traceback.format_exc()[-1500:]
    (folder / "failed.json").write_text(json.dumps(failed))


def made(
    keras: Any, space: Any, name: str, case: Any, folder: Path, endings: Any
) -> None:
    """Make one model, save it and ask it."""
    if keras.__name__ == "tf_keras":
        # In Keras 3 this collects garbage, which takes a quarter of a second.
        keras.backend.clear_session()
    arrays = inputs(name, case)
    tensors = []
    for i, array in enumerate(arrays):
        kind = dtype_of(case.dtypes[min(i, len(case.dtypes) - 1)])
        shape = array.shape if case.whole else (None, *array.shape[1:])
        tensors.append(keras.Input(batch_shape=shape, dtype=kind, name=f"x{i}"))
    outputs = case.made(space, *tensors)
    flat = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
    model = keras.Model(tensors, flat)
    for ending in endings:
        model.save(folder / f"{name}.{ending}")
    given = arrays if len(arrays) > 1 else arrays[0]
    if keras.__name__ == "tf_keras" and not space.executing_eagerly():
        got = model.predict_on_batch(given)
    else:
        got = model(given)
    got = list(got) if isinstance(got, (list, tuple)) else [got]
    held = {f"x{i}": a for i, a in enumerate(arrays)}
    held |= {f"y{i}": np.asarray(a) for i, a in enumerate(got)}
    np.savez(folder / f"{name}.npz", **held)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
