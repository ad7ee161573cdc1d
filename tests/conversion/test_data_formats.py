"""Channels first, channels last, and both in one model."""

from __future__ import annotations

from pathlib import Path

import pytest
from conversion.cases.formats import TABLE
from conversion.making import judged, made_by_keras

from keras2torch.tracing import KerasProcess

pytestmark = pytest.mark.needs_keras
ROWS = [
    pytest.param(*row, marks=pytest.mark.slow if "rank_3" in row[1] else ())
    for row in TABLE.rows()
]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return a folder for each Keras."""
    return made_by_keras(tmp_path_factory, "formats")


@pytest.mark.parametrize(("library", "name"), ROWS)
def test_both_formats(
    folders: dict[str, Path], library: str, name: str, keras_process: KerasProcess
) -> None:
    judged(folders, library, name, keras_process)
