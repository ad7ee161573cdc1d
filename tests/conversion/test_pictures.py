"""Files with images and sounds, as Keras 3 and tf_keras write them, the whole way."""

from __future__ import annotations

from pathlib import Path

import pytest
from conversion.cases.pictures import TABLE
from conversion.making import made_by_keras

from keras2torch.conversion import convert_file

pytestmark = pytest.mark.needs_keras
# Keras 3 cannot write HDF5 of layers with a seed: "cannot pickle 'module' object".
ONLY_KERAS = {"always", "augmented", "colours", "pixels"}
ROWS = [
    (library, name, ending)
    for library, name in TABLE.rows()
    for ending in ("keras", "h5")
    if (library, ending) != ("keras", "h5") or name not in ONLY_KERAS
]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The models, each Keras' in a folder of its own."""
    return made_by_keras(tmp_path_factory, "pictures", ONLY_KERAS)


@pytest.mark.parametrize(("library", "name", "ending"), ROWS)
def test_converts_exactly(library, name, ending, folders, keras_process):
    path = folders[library] / f"{name}.{ending}"
    made = convert_file(path, process=keras_process)
    assert made.report.verdict == "exact", made.report.sentence()
    assert made.report.same_trainable


@pytest.mark.parametrize(
    ("library", "text"),
    [
        ("keras", "RandomContrast((1.0, 1.2))"),
        ("tf_keras", "RandomContrast((0.8, 1.2), shared=True)"),
    ],
)
def test_one_number_means_what_it_did(library, text, folders):
    made = convert_file(folders[library] / "augmented.keras", verify="never")
    assert text in made.source
    assert "RandomBrightness((-0.1, 0.3), value_range=(0, 1))" in made.source
