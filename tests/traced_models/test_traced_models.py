"""Every model of the table: exact, trainable as in Keras, and readable by ruff."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from keras2torch.tracing import KerasProcess
from tests.traced_models.cases import Made, made
from tests.traced_models.table import convert_one, make_models

pytestmark = pytest.mark.needs_keras

# One of each road: a Lambda's body, a subclassed model, ops, a SavedModel.
QUICK = {
    "keras/lambda_arguments.keras",
    "tf_keras/tf_slicing.h5",
    "keras/resnet.keras",
    "tf_keras/dict_outputs",
    "tf_keras/conv_net",
}


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
    [
        pytest.param(
            one, id=one.name, marks=[] if one.name in QUICK else [pytest.mark.slow]
        )
        for one in made()
    ],
)
def test_model(one: Made, models: Path, keras_process: KerasProcess) -> None:
    row = convert_one(one, models, keras_process, None)
    assert row.faults() == []
