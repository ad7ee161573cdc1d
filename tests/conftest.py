"""What every test may ask for."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest

# Set before anything imports torch, and inherited by every Keras process: a sum over
# one thread ends in the same bit every time, and many tests run beside each other.
for variable in (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
):
    os.environ.setdefault(variable, "1")

# Keras files that others made. They stay beside the checkout: their licences differ.
SHARED_MODELS = Path(__file__).resolve().parents[2] / "shared" / "models"


@pytest.fixture(scope="session")
def shared_models() -> Path:
    """The folder of published Keras files (`real`, `suite`, `recorded`, `pairs`)."""
    if not SHARED_MODELS.is_dir():
        pytest.skip("no ../shared/models beside the checkout")
    return SHARED_MODELS


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # Looked for, not imported: torch and TensorFlow cannot share this process.
    if importlib.util.find_spec("tensorflow") is not None:
        return
    skip = pytest.mark.skip(reason="TensorFlow is not installed")
    for item in items:
        if item.get_closest_marker("needs_keras"):
            item.add_marker(skip)
