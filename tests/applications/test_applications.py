"""Models of ``keras.applications`` as trained: exact, no permute, blocks as classes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from keras2torch.tracing import KerasProcess
from tests.applications.cases import CASES, SIZES, SMALL, Case
from tests.applications.table import Row, convert_one, make_models

pytestmark = pytest.mark.needs_keras

QUICK = [*SMALL, CASES["MobileNetV3Small"]]
SMALLEST = [CASES[name] for name in list(SIZES)[:20]]
# Keras casts the factor of a rescaling, and the root of 2 of its gelu, to float32.
FLOAT32_CONSTANTS = ("Efficient", "MobileNetV3", "ConvNeXt")
# A forward of more lines is no text that a person would have written.
LONGEST_FORWARD = 130


@pytest.fixture(scope="module")
def keras_process() -> Iterator[KerasProcess]:
    """Return one Keras process for all conversions."""
    with KerasProcess() as process:
        yield process


@pytest.fixture(scope="module")
def quick_models(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, dict[str, dict[str, Any]]]:
    """Return a folder with the small models, and what is known of them."""
    folder = tmp_path_factory.mktemp("applications")
    return folder, make_models(QUICK, folder, "keras", "keras")


def _check(row: Row, case: Case) -> None:
    assert row.faults() == []
    assert row.float64 is not None
    rough = case.builder.startswith(FLOAT32_CONSTANTS)
    assert row.float64 <= (1e-6 if rough else 1e-9)
    assert row.longest is not None
    assert row.longest <= LONGEST_FORWARD


@pytest.mark.parametrize("case", QUICK, ids=lambda case: case.file)
def test_quick(
    case: Case,
    quick_models: tuple[Path, dict[str, dict[str, Any]]],
    keras_process: KerasProcess,
) -> None:
    folder, told = quick_models
    path = folder / f"{case.file}.keras"
    _check(convert_one(path, told[case.name], keras_process), case)


@pytest.mark.slow
@pytest.mark.parametrize("case", SMALLEST, ids=lambda case: case.file)
def test_smallest(case: Case, tmp_path: Path, keras_process: KerasProcess) -> None:
    told = make_models([case], tmp_path, "keras", "keras")
    path = tmp_path / f"{case.file}.keras"
    _check(convert_one(path, told[case.name], keras_process), case)
