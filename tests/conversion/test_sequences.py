"""Sequence, attention and tabular models of both Keras, judged by Keras."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conversion.making import in_keras

from keras2torch.conversion import Conversion, convert, convert_file
from keras2torch.tracing import KerasProcess

pytestmark = pytest.mark.needs_keras

MAKER = Path(__file__).with_name("make_sequences.py")
FIXED = (
    "masked_states tower_with_and_without_mask joined_masks scores between_layers "
    "whole_numbers"
).split()
SEEDS = 6
DRAWN = [
    f"{kind}_{seed}"
    for kind in ("text", "translator", "transformer", "table")
    for seed in range(SEEDS)
]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the folder of each Keras with the models of make_sequences.py."""
    folders = {}
    for flavour in ("keras", "tf_keras"):
        folders[flavour] = tmp_path_factory.mktemp(flavour)
        in_keras(str(MAKER), flavour, str(folders[flavour]), str(SEEDS))
    return folders


def judged(models: dict[str, Path], flavour: str, name: str, keras: KerasProcess):
    """Convert a model and compare all that can be compared."""
    ending = ".keras" if flavour == "keras" else ".h5"
    made = convert_file(models[flavour] / f"{name}{ending}", process=keras)
    report = made.report
    assert report.verdict == "exact", report.sentence()
    assert not report.rebuilt
    assert report.same_trainable
    assert report.gradients.verdict == "exact"
    assert not report.gradients.missing
    assert {r.verdict for r in report.layers} <= {"exact", "unverified"}, report.layers
    return made


def same_from_graph(made: Conversion, folder: Path) -> None:
    """Read the kept graph back: the same source comes out."""
    made.save(folder, keep_onnx=True)
    again = convert(folder / "model.onnx", verify="never", name=made.program.name)
    assert again.source == made.source


@pytest.mark.parametrize("flavour", ["keras", "tf_keras"])
@pytest.mark.parametrize("name", FIXED)
def test_what_once_went_wrong(models, flavour, name, keras_process, tmp_path):
    same_from_graph(judged(models, flavour, name, keras_process), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("flavour", ["keras", "tf_keras"])
@pytest.mark.parametrize("name", DRAWN)
def test_drawn_at_random(models, flavour, name, keras_process, tmp_path):
    same_from_graph(judged(models, flavour, name, keras_process), tmp_path)


def test_states_are_called_by_their_names(models):
    path = models["keras"] / "translator_0.keras"
    source = convert_file(path, verify="never").source
    # One layer's state goes to the next as torch has it, with its axis for layers.
    assert "_h[" not in source
    assert re.search(r"self\.decoder\(\w+, \(?\w+_h\b", source)
    assert "decoder_out" not in source
    assert "return_state" not in source
