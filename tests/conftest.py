"""What every test may ask for."""

from __future__ import annotations

import importlib.metadata
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


# The Keras whose numbers are expected; the last one for Python 3.10 is 3.12.
KERAS = (3, 15)


def _why_not_keras() -> str:
    """Return why Keras is not asked; looked for, not imported: torch is here."""
    if importlib.util.find_spec("tensorflow") is None:
        return "TensorFlow is not installed"
    version = importlib.metadata.version("keras")
    if tuple(int(n) for n in version.split(".")[:2]) < KERAS:
        return f"Keras {version} is installed: what is expected is Keras 3.15's"
    return ""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if why := _why_not_keras():
        skip = pytest.mark.skip(reason=why)
        for item in items:
            if item.get_closest_marker("needs_keras"):
                item.add_marker(skip)
