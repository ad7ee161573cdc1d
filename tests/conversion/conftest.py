"""Keras models made once per session, and one Keras process to judge them all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from conversion.making import in_keras

from keras2torch.tracing import KerasProcess

MAKER = Path(__file__).with_name("make_models.py")


@pytest.fixture(scope="session")
def keras_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with every model of make_models.py as .keras and .h5."""
    folder = tmp_path_factory.mktemp("keras_models")
    in_keras(str(MAKER), str(folder))
    return folder


@pytest.fixture(scope="session")
def keras_process() -> Iterator[KerasProcess]:
    """Return one Keras process for all conversions."""
    with KerasProcess() as process:
        yield process
