"""Networks of Keras' own making: ``python keras_side.py keras JOB FOLDER``.

Each of the jobs names a builder and its arguments; its weights and statistics are drawn
anew as ``tests/applications/make.py`` does, and left in a file beside what the network
computes of the images of the job.
"""

from __future__ import annotations

import gc
import inspect
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

# It reads which Keras is asked for from the command line, too.
sys.path.insert(0, str(Path(__file__).parents[1] / "applications"))
from make import keras, redraw


def made(job: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Write one network's weights and answers; return what it says of itself."""
    keras.config.set_floatx(job["dtype"])
    builder = getattr(keras.applications, job["builder"])
    began = time.perf_counter()
    model = builder(weights=None, **job["arguments"])
    seconds = time.perf_counter() - began
    images = np.load(folder / f"{job['name']}_images.npy")
    redraw(model, images)
    answers = np.asarray(model(images, training=False))
    np.save(folder / f"{job['name']}_answers.npy", answers)
    model.save_weights(folder / f"{job['name']}.weights.h5")
    return {
        "name": job["name"],
        "model": model.name,
        "layers": [(type(x).__name__, x.name) for x in model.layers],
        "weights": [list(w.shape) for w in model.get_weights()],
        "trained": len(model.trainable_weights),
        "parameters": model.count_params(),
        "seconds": seconds,
    }


def signatures() -> dict[str, dict[str, Any]]:
    """Return module → name → signature of everything that Keras has there."""
    root = keras.applications
    modules = {"": root, **{k: v for k, v in vars(root).items() if inspect.ismodule(v)}}
    return {
        home: {
            name: str(inspect.signature(value))
            for name, value in vars(module).items()
            if callable(value)
        }
        for home, module in modules.items()
        if not home.startswith("_")
    }


def preprocessed(folder: Path) -> None:
    """Leave what becomes of images in each mode and format."""
    from keras.applications.imagenet_utils import preprocess_input

    given = dict(np.load(folder / "images.npz"))
    found = {}
    for key, images in given.items():
        _, data_format, mode, kind = key.split("|")
        value = keras.ops.convert_to_tensor(images) if kind == "tensor" else images
        found[key] = np.asarray(preprocess_input(value, data_format, mode))
    np.savez(folder / "preprocessed.npz", **found)


def main() -> None:
    """Do all jobs."""
    folder = Path(sys.argv[3])
    found = []
    for job in json.loads(Path(sys.argv[2]).read_text()):
        found.append(made(job, folder))
        keras.backend.clear_session()
        gc.collect()
    if (folder / "images.npz").exists():
        preprocessed(folder)
    told = {"networks": found, "signatures": signatures()}
    (folder / "told.json").write_text(json.dumps(told))


if __name__ == "__main__":
    main()
