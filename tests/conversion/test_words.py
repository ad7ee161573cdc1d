"""Models of both Keras that read words and categories, judged by Keras."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from conversion.making import in_keras

from keras2torch.conversion import convert, convert_file
from keras2torch.errors import Keras2TorchError, UnusableFile
from keras2torch.program.module import load_folder

pytestmark = pytest.mark.needs_keras

MAKER = Path(__file__).with_name("make_words.py")
MODELS = (
    "classifier stacked bag letters places structured shared bins back given deferred"
).split()
# What Keras itself does not load again, so that the graph is built anew to compare:
# a layer shared with a model inside; an empty term at the end; a list of ngrams.
REBUILT = {
    "keras": {"shared", "structured"},
    "tf_keras": {"shared", "structured", "given"},
}
# The vocabulary that adapt() found is in .keras files alone.
IN_HDF5 = ("bins", "back", "given")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the folder of each Keras with the models of make_words.py."""
    folders = {}
    for flavour in ("keras", "tf_keras"):
        folders[flavour] = tmp_path_factory.mktemp(flavour)
        in_keras(str(MAKER), flavour, str(folders[flavour]))
    return folders


def judged(path: Path, keras, *, rebuilt: bool):
    """Convert a model and compare all that can be compared."""
    made = convert_file(path, process=keras)
    report = made.report
    assert report.verdict == "exact", report.sentence()
    assert report.rebuilt == rebuilt
    assert report.same_trainable
    assert report.gradients.verdict == "exact" or not report.gradients.compared
    assert {r.verdict for r in report.layers} <= {"exact", "unverified"}, report.layers
    return made


@pytest.mark.parametrize("flavour", ["keras", "tf_keras"])
@pytest.mark.parametrize("name", MODELS)
def test_keras_files(models, flavour, name, keras_process, tmp_path):
    path = models[flavour] / f"{name}.keras"
    made = judged(path, keras_process, rebuilt=name in REBUILT[flavour])
    made.save(tmp_path, keep_onnx=True)
    again = convert(tmp_path / "model.onnx", verify="never", name=made.program.name)
    assert again.source == made.source
    assert again.program.files == made.program.files
    if made.report.inputs[0].dtype != "string":
        return
    assert made.report.inputs[0].axes is None
    # What lies in the folder computes what the module in memory does.
    words = [["the cat"], ["Zürich"], [""]]
    if len(made.report.inputs) == 1:
        given = words if len(made.report.inputs[0].shape) > 1 else [w for [w] in words]
        there = load_folder(tmp_path)(given)
        for form in (given, np.asarray(given), np.char.encode(given, "utf-8")):
            torch.testing.assert_close(made.module(form), there, equal_nan=True)


def test_a_feature_space(models, keras_process):
    judged(models["keras"] / "space.keras", keras_process, rebuilt=False)


@pytest.mark.parametrize("flavour", ["keras", "tf_keras"])
@pytest.mark.parametrize("name", IN_HDF5)
def test_hdf5_files(models, flavour, name, keras_process):
    path = models[flavour] / f"{name}.h5"
    judged(path, keras_process, rebuilt=name in REBUILT[flavour])


def test_a_vocabulary_that_hdf5_lost_is_told(models):
    with pytest.raises(UnusableFile, match=r"vocabulary of layer 'text_vectorization'"):
        convert_file(models["keras"] / "classifier.h5", verify="never")


def test_a_long_vocabulary_lies_beside_the_model(models, tmp_path):
    made = convert_file(models["keras"] / "classifier.keras", verify="never")
    made.save(tmp_path)
    [(name, content)] = made.program.files.items()
    assert name == "text_vectorization.txt"
    words = content.decode().split("\n")
    assert words[0] == "the"
    assert (tmp_path / name).read_bytes() == content
    assert f'read_words("{name}")' in made.source


# ------------------------------------------------------------------- hostile assets
def changed(source: Path, target: Path, name: str, content: bytes | None) -> Path:
    """Copy an archive with another member of that name; none for ``None``."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for info in old.infolist():
            if not info.filename.endswith(name):
                new.writestr(info, old.read(info))
            elif content is not None:
                new.writestr(info.filename, content, zipfile.ZIP_DEFLATED)
    return target


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (None, "does not hold the vocabulary"),
        (b"\xff\xfe\x00", "is no text"),
        (b"\n" * (1 << 24), "would fill the memory"),
        (b"the\nthe\ncat", "holds a term twice"),
    ],
)
def test_bad_assets_are_refused(models, tmp_path, content, match):
    source = models["keras"] / "classifier.keras"
    path = changed(source, tmp_path / "bad.keras", "vocabulary.txt", content)
    with pytest.raises(Keras2TorchError, match=match):
        convert_file(path, verify="never")


def test_a_vocabulary_elsewhere_is_never_opened(models, tmp_path):
    source = models["keras"] / "given.keras"
    secret = tmp_path / "secret.txt"
    secret.write_text("the\nsecret")
    with zipfile.ZipFile(source) as archive:
        config = archive.read("config.json").decode()
    listed = '"vocabulary": ["the", "cat", "the cat"]'
    assert listed in config
    config = config.replace(listed, f'"vocabulary": "{secret}"')
    path = changed(source, tmp_path / "bad.keras", "config.json", config.encode())
    with pytest.raises(UnusableFile, match="never opened"):
        convert_file(path, verify="never")
