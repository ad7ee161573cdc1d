"""Every public layer class of Keras 3 and tf_keras has a rule, or a reason against one.

Keras' process lists them, so that a layer of a new release fails here by name.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import keras2torch.layers
from keras2torch.errors import UnknownLayers
from keras2torch.layers.definitions import REGISTRY
from keras2torch.layers.names import ABSTRACT, FOREIGN, SAME_CLASS, SECOND_NAMES
from keras2torch.reading.unknown import described

SCRIPT = Path(__file__).with_name("names_of_keras.py")
# Each has a room of its own: inputs are the graph's, a Lambda's body is traced, and so
# are random Fourier features; a Pipeline is read as a Sequential.
ELSEWHERE = {"InputLayer", "Lambda", "Pipeline", "RandomFourierFeatures"}
KNOWN = REGISTRY.keys() | SAME_CLASS.keys() | FOREIGN.keys() | ABSTRACT | ELSEWHERE

pytestmark = pytest.mark.needs_keras


@pytest.fixture(scope="module")
def public(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """Package → public name → the class's own name."""
    out = tmp_path_factory.mktemp("names") / "names.json"
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(out)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    found: dict[str, dict[str, str]] = json.loads(out.read_text())
    return found


@pytest.mark.parametrize("package", ["keras", "tf_keras"])
def test_no_class_is_unknown(package: str, public: dict[str, dict[str, str]]) -> None:
    classes = {SECOND_NAMES.get(name, name) for name in public[package]}
    assert sorted(classes - KNOWN) == []


@pytest.mark.parametrize("package", ["keras", "tf_keras"])
def test_the_names_in_files_are_known(
    package: str, public: dict[str, dict[str, str]]
) -> None:
    """A class may be exported under another name than its own, which files hold."""
    assert sorted(set(public[package].values()) - KNOWN) == []


def test_second_names_are_the_same_classes(public: dict[str, dict[str, str]]) -> None:
    there = public["keras"]
    for other, name in SECOND_NAMES.items():
        assert there[other] == there[name], other
        assert getattr(keras2torch.layers, other) is getattr(keras2torch.layers, name)


def test_nothing_is_listed_that_keras_does_not_have(
    public: dict[str, dict[str, str]],
) -> None:
    there = public["keras"].keys() | public["tf_keras"].keys()
    assert sorted((FOREIGN.keys() | ABSTRACT | SECOND_NAMES.keys()) - there) == []


@pytest.mark.parametrize("kind", sorted(FOREIGN))
def test_another_frameworks_layer_is_refused_with_the_reason(kind: str) -> None:
    refusal = UnknownLayers(described([("outside", kind)], {}), "model.keras")
    assert f"outside  {kind}, {FOREIGN[kind]}" in str(refusal)
