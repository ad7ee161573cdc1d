"""Each argument of a layer in a file of Keras: exact, or an error that names it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conversion.making import LIBRARIES, in_keras, made_by_keras

from keras2torch.conversion import convert_file
from keras2torch.errors import Keras2TorchError
from keras2torch.reading import read
from keras2torch.tracing import KerasProcess

pytestmark = pytest.mark.needs_keras

FAMILIES = (
    "core activation merging regularization reshaping pooling normalization attention"
).split()
# Keras takes 1/sqrt(size) in float32 where it fuses; functions of TensorFlow hold
# their constants so; bilinear weights are float32.
FLOAT64 = {"activation": 1e-7, "attention": 1e-7, "reshaping": 1e-6}
ASKED = """
import json, keras, tf_keras
from conversion.cases.arguments import unshown
print(json.dumps([unshown(keras), unshown(tf_keras)]))
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return a folder of files by library."""
    return made_by_keras(tmp_path_factory, "arguments")


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return made_by_keras(tmp_path_factory, "refused")


@pytest.mark.parametrize("ending", ["keras", "h5"])
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("library", LIBRARIES)
def test_exact(
    files: dict[str, Path],
    keras_process: KerasProcess,
    library: str,
    family: str,
    ending: str,
) -> None:
    path = files[library] / f"{family}.{ending}"
    read(path)  # by rules alone: nothing is traced
    report = convert_file(path, process=keras_process).report
    assert report.verdict == "exact", report.sentence()
    wrong = [row.name for row in report.layers if row.verdict != "exact"]
    assert not wrong
    assert report.float64_rel_diff is not None
    assert report.float64_rel_diff <= FLOAT64.get(family, 1e-9)
    assert report.same_trainable
    assert report.gradients.verdict in ("exact", "unverified")


def test_every_argument_is_shown() -> None:
    """A new argument of a new Keras is named here."""
    keras, tf_keras = json.loads(in_keras("-c", ASKED).splitlines()[-1])
    assert not keras
    # On a CPU tf_keras has no kernel that pools channels which come first.
    kinds = [f"{kind}Pooling{n}D" for kind in ("Average", "Max") for n in (1, 2, 3)]
    assert sorted(tf_keras) == [f"{kind}.data_format" for kind in kinds]


NAMED = {
    "virtual_batch_size": ("tf_keras", "virtual_batch_size=2", ("keras", "h5")),
    "axes": ("tf_keras", r"axis=\[1, 3\]", ("keras", "h5")),
    "ragged": ("tf_keras", "ragged=True", ("keras", "h5")),
    "quantized": ("keras", "int8_from_float32", ("keras", "h5")),
    "policies_of_parts": ("keras", "mixed_bfloat16", ("keras", "h5")),
    "lora": ("keras", "lora_rank=2", ("h5",)),
}


@pytest.mark.parametrize(
    ("name", "ending"), [(n, e) for n, (_, _, ends) in NAMED.items() for e in ends]
)
def test_what_has_no_rule_is_named(
    refused: dict[str, Path], name: str, ending: str
) -> None:
    library, named, _ = NAMED[name]
    with pytest.raises(Keras2TorchError, match=named):
        read(refused[library] / f"{name}.{ending}")
