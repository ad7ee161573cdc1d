"""ONNX files of every exporter, made once per session in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def _made(script: str, folder: Path) -> Path:
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    done = subprocess.run(
        [sys.executable, str(HERE / script), str(folder)],
        env={**os.environ, **quiet},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


@pytest.fixture(scope="session")
def of_torch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with what PyTorch exported."""
    return _made("make_torch_models.py", tmp_path_factory.mktemp("of_torch"))


@pytest.fixture(scope="session")
def of_keras(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with what tf2onnx and Keras exported."""
    return _made("make_keras_models.py", tmp_path_factory.mktemp("of_keras"))
