"""Files of augmented classifiers, as Keras 3 and tf_keras write them, the whole way."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from conversion.cases.augmentations import TABLE
from conversion.making import made_by_keras

from keras2torch.conversion import convert_file

pytestmark = pytest.mark.needs_keras
# What is drawn in each call is compared with nothing.
COMPARED = [row for row in TABLE.rows() if row[1] != "always"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The models, each Keras' in a folder of its own."""
    return made_by_keras(tmp_path_factory, "augmentations")


@pytest.mark.parametrize(("library", "name"), COMPARED)
def test_converts_exactly(library, name, folders, keras_process):
    made = convert_file(folders[library] / f"{name}.keras", process=keras_process)
    assert made.report.verdict == "exact", made.report.sentence()
    assert made.report.same_trainable
    assert made.report.permutes == 0


@pytest.mark.parametrize("name", [n for lib, n in TABLE.rows() if lib == "tf_keras"])
def test_hdf5_gives_the_same_source(name, folders):
    made, other = (
        convert_file(folders["tf_keras"] / f"{name}.{ending}", verify="never")
        for ending in ("keras", "h5")
    )
    assert made.source == other.source


@pytest.mark.parametrize(
    ("library", "text"),
    [
        ("keras", 'RandomFlip("horizontal_and_vertical")'),
        ("tf_keras", 'RandomFlip("horizontal_and_vertical", separately=True)'),
    ],
)
def test_the_front_reads_like_the_model(library, text, folders):
    source = convert_file(folders[library] / "front.keras", verify="never").source
    assert text in source
    assert '(-0.1, 0.1), padding_mode="border", wrap=Wrap()' in source
    assert 'RandomZoom((-0.2, 0.1), (-0.3, 0.3), mode="nearest")' in source
    assert "permute" not in source


def test_a_call_of_training_always_acts(folders):
    made = convert_file(folders["tf_keras"] / "always.keras", verify="never")
    assert ".augment(x)" in made.source
    images = torch.rand(32, 3, 12, 11)
    torch.manual_seed(0)
    with torch.no_grad():
        assert not torch.equal(made.module(images), made.module(images))


def test_flips_of_keras_2_are_drawn_for_each_axis(folders):
    """Keras 3 flips along both axes or along none."""
    torch.manual_seed(0)
    images = torch.arange(12.0).view(1, 1, 3, 4).expand(400, 3, 3, 4)
    kinds = {}
    for library in ("keras", "tf_keras"):
        made = convert_file(folders[library] / "front.keras", verify="never")
        flip = made.module.data_augmentation.random_flip.train()
        corners = flip(images)[:, 0, 0, 0].tolist()
        kinds[library] = {v: corners.count(v) for v in sorted(set(corners))}
    assert list(kinds["keras"]) == [0.0, 11.0]
    assert list(kinds["tf_keras"]) == [0.0, 3.0, 8.0, 11.0]
    assert all(150 < n < 250 for n in kinds["keras"].values())
    assert all(60 < n < 140 for n in kinds["tf_keras"].values())
