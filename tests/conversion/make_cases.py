"""Makes the models of a table (runs in a Keras process).

Usage: ``python -m conversion.make_cases keras|tf_keras FOLDER TABLE``: writes
``NAME.keras`` and ``NAME.h5`` of each case of ``conversion.cases.TABLE``. Where that
module says ``TRAINED``, also ``NAME.npz``: inputs, targets, the loss of two epochs, and
what the trained model predicts.
"""

import importlib
import json
import sys
from pathlib import Path

import numpy as np


def randomize(made, rng):
    """Give every weight random values; variances and scales stay positive."""
    seen = set()
    for weight in made.weights:
        name = getattr(weight, "path", weight.name)
        if id(weight) in seen or "seed" in name or not weight.shape:
            continue
        seen.add(id(weight))
        last = name.rpartition("/")[2]
        if str(getattr(weight.dtype, "name", weight.dtype)).startswith(("int", "uint")):
            continue
        if "variance" in last or "gamma" in last or "scale" in last:
            value = rng.uniform(0.5, 1.5, weight.shape)
        else:
            value = rng.normal(0, 0.3, weight.shape)
        weight.assign(value.astype("float32"))


def trained(made, folder, name):
    """Train a model for two epochs and keep what went in and what came out."""
    rng = np.random.default_rng(3)
    size = 24
    x = rng.normal(size=(size, *made.input_shape[1:])).astype("float32")
    y = rng.normal(size=(size, *made.output_shape[1:])).astype("float32")
    history = made.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0)
    after = made.evaluate(x, y, batch_size=8, verbose=0)
    losses = np.array([*history.history["loss"], after])
    predicted = made.predict(x, verbose=0).astype("float32")
    np.savez(folder / f"{name}.npz", x=x, y=y, losses=losses, predicted=predicted)


def main():
    """Write the models."""
    library, folder, table = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    keras = importlib.import_module(library)
    module = importlib.import_module(f"conversion.cases.{table}")
    cases = module.TABLE
    failed = {}
    only = sys.argv[4:]
    for name, (build, libraries) in cases.items():
        if library not in libraries or (only and name not in only):
            continue
        keras.backend.clear_session()
        keras.mixed_precision.set_global_policy("float32")
        keras.backend.set_image_data_format("channels_last")
        keras.utils.set_random_seed(7)
        try:
            made = build(keras)
            randomize(made, np.random.default_rng(len(name)))
            if getattr(made, "optimizer", None) is None:
                made.compile("adam", "mse")
            made.save(folder / f"{name}.keras")
            made.save(folder / f"{name}.h5")
            if getattr(module, "TRAINED", False):
                trained(made, folder, name)
        except Exception as error:
            failed[name] = f"{type(error).__name__}: {str(error)[:300]}"
    (folder / "failed.json").write_text(json.dumps(failed))


if __name__ == "__main__":
    main()
