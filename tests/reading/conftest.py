"""Model files made once by a real Keras, and small ones made by hand."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

Config = dict[str, Any]


@pytest.fixture(scope="session")
def keras_files(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return a function: ``"keras"`` or ``"tf_keras"`` → a folder of saved models."""
    made: dict[str, Path] = {}

    def folder(flavour: str) -> Path:
        if flavour not in made:
            made[flavour] = tmp_path_factory.mktemp(flavour)
            script = Path(__file__).with_name("make_models.py")
            done = subprocess.run(
                [sys.executable, script, flavour, made[flavour]],
                capture_output=True,
                text=True,
                timeout=300,
                check=False,
            )
            assert done.returncode == 0, done.stderr[-3000:]
        return made[flavour]

    return folder


def dense(name: str, units: int, **config: Any) -> Config:
    """Return a serialized Dense layer."""
    return {"class_name": "Dense", "config": {"name": name, "units": units} | config}


def write_h5(
    path: Path,
    model: Config,
    weights: dict[str, dict[str, np.ndarray[Any, Any]]],
    version: str = "2.3.1",
    backend: str | None = "tensorflow",
) -> Path:
    """Write a legacy HDF5 file: layer name → weight name → array."""
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = version
        file.attrs["model_config"] = json.dumps(model)
        write_weights(file.create_group("model_weights"), weights, version, backend)
    return path


def write_weights(
    group: h5py.Group,
    weights: dict[str, dict[str, np.ndarray[Any, Any]]],
    version: str = "2.3.1",
    backend: str | None = "tensorflow",
) -> None:
    """Write what `save_weights` writes; Keras 1 says nothing of version or backend."""
    if not version.startswith("1"):
        group.attrs["keras_version"] = version
        group.attrs["backend"] = backend
    group.attrs["layer_names"] = [name.encode() for name in weights]
    for name, arrays in weights.items():
        here = group.create_group(name)
        here.attrs["weight_names"] = [n.encode() for n in arrays]
        for weight, array in arrays.items():
            here[weight] = array


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """An HDF5 file of one Dense layer."""
    layer = dense("d", 2, batch_input_shape=[None, 3])
    model = {"class_name": "Sequential", "config": {"name": "s", "layers": [layer]}}
    arrays = {"d/kernel:0": np.ones((3, 2), "f4"), "d/bias:0": np.zeros(2, "f4")}
    return write_h5(tmp_path / "small.h5", model, {"d": arrays})
