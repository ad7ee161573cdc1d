"""Keras models with layers of their own, made once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from keras2torch.tracing import KerasProcess

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def own_models(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return a function: ``"keras"`` or ``"tf_keras"`` → a folder of saved models."""
    made: dict[str, Path] = {}

    def folder(flavour: str) -> Path:
        if flavour not in made:
            made[flavour] = tmp_path_factory.mktemp(flavour)
            text = (HERE / "keras_layers.py").read_text()
            text = text.replace("import keras\n", f"import {flavour} as keras\n", 1)
            (made[flavour] / "keras_layers.py").write_text(text)
            quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
            done = subprocess.run(
                [sys.executable, HERE / "make_models.py", made[flavour]],
                env={**os.environ, **quiet},
                capture_output=True,
                text=True,
                timeout=300,
                check=False,
            )
            assert done.returncode == 0, done.stderr[-3000:]
        return made[flavour]

    return folder


@pytest.fixture(scope="session")
def keras_process() -> Iterator[KerasProcess]:
    """Return one Keras process for all conversions."""
    with KerasProcess() as process:
        yield process
