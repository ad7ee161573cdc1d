"""Keras in a process of its own: ``python keras_side.py keras JOB FOLDER``.

It makes the networks of the job and leaves their weights, drawn anew as
``tests/applications/make.py`` does, beside what they compute of the images there. And
it does the same scripts, opens what was saved here, and says what names it has.
"""

from __future__ import annotations

import gc
import inspect
import json
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import numpy as np
import scripts
from digest import described
from keras.src.applications import imagenet_utils
from make import keras, redraw  # it reads which Keras from the command line, too


def arguments(job: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a builder as a script gives them."""
    found = dict(job["arguments"])
    if "input_shape" in found:
        found["input_shape"] = tuple(found["input_shape"])
    return found


def made(job: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Write one network's weights and answers; return what it says of itself."""
    keras.config.set_floatx(job["dtype"])
    builder = getattr(keras.applications, job["builder"])
    began = time.perf_counter()
    model = builder(weights=None, **arguments(job))
    seconds = time.perf_counter() - began
    images = np.load(folder / f"{job['name']}_images.npy")
    redraw(model, images)
    np.save(folder / f"{job['name']}.npy", np.asarray(model(images, training=False)))
    model.save_weights(folder / f"{job['name']}.weights.h5")
    for ending in job.get("also", ()):
        model.save(folder / f"{job['name']}.{ending}")
    return {
        "model": model.name,
        "layers": described(model, lambda la: [list(w.shape) for w in la.weights]),
        "trained": len(model.trainable_weights),
        "parameters": model.count_params(),
        "seconds": seconds,
    }


def signatures() -> dict[str, dict[str, str]]:
    """Return module → name → signature of everything that Keras has there."""
    root = keras.applications
    homes = {"": root} | {k: v for k, v in vars(root).items() if inspect.ismodule(v)}
    return {
        home: {
            name: str(inspect.signature(value))
            for name, value in vars(module).items()
            if callable(value)
        }
        for home, module in homes.items()
    }


def preprocessed(folder: Path) -> None:
    """Leave what becomes of images in each mode and format."""
    found = {}
    for key, images in dict(np.load(folder / "images.npz")).items():
        kind, mode, data_format, _ = key.split("-")
        value = keras.ops.convert_to_tensor(images) if kind == "tensor" else images
        made = keras.applications.imagenet_utils.preprocess_input(
            value, data_format, mode
        )
        found[key] = np.asarray(made)
    np.savez(folder / "preprocessed.npz", **found)


def decoded(folder: Path) -> list[Any]:
    """Return what scores mean, by the class index of the folder."""
    imagenet_utils.CLASS_INDEX = json.loads((folder / "index.json").read_text())
    scores = np.load(folder / "scores.npy")
    found = keras.applications.imagenet_utils.decode_predictions(scores, top=3)
    return [[[a, b, float(c)] for a, b, c in row] for row in found]


def refused(cases: list[dict[str, Any]]) -> list[str]:
    """Return the class of error that each of some wrong calls raises."""
    found = []
    for case in cases:
        try:
            getattr(keras.applications, case["builder"])(**arguments(case))
            found.append("")
        except Exception as error:
            found.append(type(error).__name__)
    return found


def ran(folder: Path) -> None:
    """Run the scripts on the network whose weights are ``base.weights.h5``."""
    weights = folder / "base.weights.h5"

    def base() -> Any:
        keras.backend.clear_session()
        return keras.applications.MobileNetV2(
            weights=weights, include_top=False, input_shape=scripts.SIZE, alpha=0.35
        )

    np.savez(folder / "transfer.npz", **scripts.transfer(keras, base()))
    np.savez(folder / "features.npz", **scripts.features(keras, base()))
    np.savez(folder / "begun_inside.npz", **scripts.begun_inside(keras, weights))


def opened(folder: Path) -> dict[str, str]:
    """Open what was saved here; return what went wrong by file."""
    failures = {}
    for path in sorted(folder.glob("ours_*.keras")):
        try:
            model = keras.models.load_model(path)
            images = np.load(path.with_suffix(".npy"))
            np.save(folder / f"read_{path.stem}.npy", np.asarray(model(images)))
        except Exception:
            failures[path.name] = traceback.format_exc()[-2000:]
    return failures


def main() -> None:
    """Do all of it."""
    folder = Path(sys.argv[3])
    jobs = json.loads(Path(sys.argv[2]).read_text())
    told: dict[str, Any] = {"networks": {}}
    for job in jobs["networks"]:
        told["networks"][job["name"]] = made(job, folder)
        keras.backend.clear_session()
        gc.collect()
    keras.config.set_floatx("float32")
    if "refused" in jobs:
        told["signatures"] = signatures()
        told["refused"] = refused(jobs["refused"])
        told["decoded"] = decoded(folder)
        preprocessed(folder)
        ran(folder)
    told["failures"] = opened(folder)
    (folder / "told.json").write_text(json.dumps(told))


if __name__ == "__main__":
    main()
