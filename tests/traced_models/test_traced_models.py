"""Every model of the table: exact, trainable as in Keras, and readable by ruff."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from keras2torch.tracing import KerasProcess
from tests.traced_models.cases import Made, made
from tests.traced_models.table import convert_one, make_models

pytestmark = pytest.mark.needs_keras

# Beside Keras 3's .keras files, one of each other road.
QUICK = {
    "tf_keras/tf_slicing.h5",
    "tf_keras/dict_outputs",
    "tf_keras/conv_net",
}
# What is refused by name, and why.
REFUSED = {
    "spectral_gating": "complex numbers, which tf2onnx does not carry",
    "tf_keras/dict_inputs": "never called, with a build() of its own",
}


def _marks(name: str) -> list[pytest.MarkDecorator]:
    quick = name in QUICK or (name.startswith("keras/") and name.endswith(".keras"))
    marks = [] if quick else [pytest.mark.slow]
    why = next((w for part, w in REFUSED.items() if f"{part}." in f"{name}."), None)
    if why is not None:
        marks.append(pytest.mark.xfail(strict=True, reason=why))
    return marks


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of all files."""
    folder = tmp_path_factory.mktemp("traced_models")
    make_models(folder)
    return folder


@pytest.fixture(scope="session")
def keras_process() -> Iterator[KerasProcess]:
    """Return one Keras process for all conversions."""
    with KerasProcess() as process:
        yield process


@pytest.mark.parametrize(
    "one",
    [pytest.param(one, id=one.name, marks=_marks(one.name)) for one in made()],
)
def test_model(one: Made, models: Path, keras_process: KerasProcess) -> None:
    row = convert_one(one, models, keras_process)
    assert row.faults() == []
