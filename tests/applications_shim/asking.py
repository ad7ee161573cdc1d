"""Asking Keras for networks, which never shares a process with torch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

SCRIPT = Path(__file__).with_name("keras_side.py")
# They scale images from 0 to 255 themselves.
_SCALING = ("EfficientNet", "MobileNetV3", "ConvNeXt")
BATCH = 4
# What it imports lies here, and beside the converter's tests of these networks.
PLACES = [SCRIPT.parent, SCRIPT.parents[1] / "applications"]
ENVIRONMENT = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "CUDA_VISIBLE_DEVICES": "-1",
    "KERAS_BACKEND": "tensorflow",
    "PYTHONPATH": os.pathsep.join(map(str, PLACES)),
}


def job(builder: str, size: tuple[int, int], how: str = "", **arguments: Any) -> Any:
    """Return what Keras is asked for: a network, and images of a size."""
    also = arguments.pop("also", ())
    given = arguments.pop("given_shape", (*size, 3))
    return {
        "name": f"{builder}{how and '_'}{how}",
        "builder": builder,
        "size": size,
        "dtype": "float64",
        "also": also,
        "arguments": arguments | {"input_shape": given},
    }


def images(asked: dict[str, Any]) -> np.ndarray:
    """Return images as a network wants them."""
    rng = np.random.default_rng(1)
    shape = (BATCH, *asked["size"], 3)
    if asked["builder"].startswith(_SCALING):
        return rng.uniform(0, 255, shape)
    return rng.normal(0, 1, shape)


def ask(folder: Path, networks: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """Have Keras do all that is asked for in one process; return what it told."""
    for asked in networks:
        np.save(folder / f"{asked['name']}_images.npy", images(asked))
    todo = folder / "todo.json"
    todo.write_text(json.dumps({"networks": networks, **more}))
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "keras", str(todo), str(folder)],
        capture_output=True,
        text=True,
        env={**os.environ, **ENVIRONMENT},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    told: dict[str, Any] = json.loads((folder / "told.json").read_text())
    return told
