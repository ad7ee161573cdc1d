"""Files with cells and LSTMs over images, as Keras 3 and tf_keras write them."""

from __future__ import annotations

from pathlib import Path

import pytest
from conversion.cases.recurrent import TABLE
from conversion.making import made_by_keras

from keras2torch.conversion import convert_file

pytestmark = pytest.mark.needs_keras
# A Reshape makes images of rows, whose channels are not first; so does a Conv1D.
PERMUTES = {"frames_both_ways": 1, "masks_under_spectral_norm": 2}
# Keras' attention takes 1/sqrt(size) in float32 where it fuses.
FLOAT64 = {"one_mask_is_named": 1e-7}
# Both formats of the newest Keras, and HDF5 of the one before.
QUICK = {"cell", "unlike_directions", "frames", "frames_to_frames"}
ROWS = [
    pytest.param(
        library,
        name,
        ending,
        marks=() if name in QUICK else pytest.mark.slow,
    )
    for library, name in TABLE.rows()
    for ending in ("keras", "h5")
]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The models, each Keras' in a folder of its own."""
    return made_by_keras(tmp_path_factory, "recurrent")


@pytest.mark.parametrize(("library", "name", "ending"), ROWS)
def test_converts_exactly(library, name, ending, folders, keras_process):
    path = folders[library] / f"{name}.{ending}"
    report = convert_file(path, process=keras_process).report
    assert report.verdict == "exact", report.sentence()
    assert report.float64_rel_diff is not None
    assert report.float64_rel_diff <= FLOAT64.get(name, 1e-9)
    assert report.same_trainable
    assert report.gradients.verdict == "exact"
    assert report.permutes == PERMUTES.get(name, 0)
