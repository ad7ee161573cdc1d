"""Models with code of their own, traced: exact, trainable as in Keras, gradients too.

The models are those of ``traced_users.py``; Keras makes the files in a process of its
own, and computes what is expected.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from keras2torch.conversion import convert_file
from keras2torch.errors import Keras2TorchError
from keras2torch.tracing import KerasProcess

pytestmark = pytest.mark.needs_keras

HERE = Path(__file__).parent
BOTH = ("keras", "tf_keras")
THREADS = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")

# What cannot be, and what the error names. tf_keras does not read its own files of
# nested inputs; of several arguments no Keras writes down the shapes.
REFUSED = {
    ("keras", "own_activation_lstm"): "'lstm' (LSTM): activation 'shifted_relu'",
    ("tf_keras", "own_activation_lstm"): "'lstm' (LSTM): activation 'shifted_relu'",
    ("keras", "two_arguments"): "several arguments (x, y)",
    ("tf_keras", "two_arguments"): "arguments that are not inputs",
    ("tf_keras", "nested_inputs"): "TensorShape",
}
# tf_keras' own SpectralNormalization fails where it is not called tf.keras.
NOT_MADE = {("tf_keras", "spectral")}
# No code of the file runs for these: every class is Keras' own.
WITHOUT_TRUST = {"attention_rank_4", "einsum_dense", "spectral", "keras_own"}
# What a layer does otherwise in training, told by layer. Of a dropout that the user's
# call says nothing to, Keras 3 makes none in training.
LOST = "which the module does not do"
NOTES = {
    "noises": {"stochastic_depth": f"draws random numbers in training, {LOST}"},
    "held": {"statistics": f"its mean is updated in training, {LOST}"},
    "trains_otherwise": {
        "trains_otherwise": f"computes something else in training, {LOST}"
    },
    "called_in_two_ways": {
        "norm": "(BatchNormalization) is called with training=False in training too"
    },
    "branch": {"branch": "both sides of its branch are computed"},
    "adds_loss": {"divergence": "it adds a loss of its own (add_loss)"},
    "own_step": {"": f"draws random numbers in training, {LOST}"},
    "shared_child": {},
    "own_cell_masked": {},
    "sampling": {},
}
# One of each road.
QUICK = {"sampling", "own_activation", "own_cell_masked", "shared_child", "branch"}


def names() -> list[str]:
    """Return the models' names, read from the file."""
    tree = ast.parse((HERE / "traced_users.py").read_text(encoding="utf-8"))
    return [
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.decorator_list
    ]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder with all files of both Keras."""
    folder = tmp_path_factory.mktemp("traced")
    environment = {**os.environ, **dict.fromkeys(THREADS, "1")}
    running = [
        subprocess.Popen(
            [sys.executable, str(HERE / "make_traced.py"), keras, str(folder)],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for keras in BOTH
    ]
    for process in running:
        assert process.wait() == 0
    for keras in BOTH:
        failed = json.loads((folder / keras / "failed.json").read_text())
        assert set(failed) == {name for k, name in NOT_MADE if k == keras}
    return folder


@pytest.fixture(scope="module")
def process() -> Iterator[KerasProcess]:
    with KerasProcess() as running:
        yield running


@pytest.mark.parametrize("keras", BOTH)
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in QUICK else [pytest.mark.slow])
        for name in names()
    ],
)
def test_model(name: str, keras: str, models: Path, process: KerasProcess) -> None:
    if (keras, name) in NOT_MADE:
        pytest.skip("this Keras does not make it")
    path = models / keras / f"{name}.keras"
    custom = None if name in WITHOUT_TRUST else models / keras / "traced_users.py"

    def made() -> object:
        return convert_file(path, custom_objects=custom, process=process)

    if (keras, name) in REFUSED:
        with pytest.raises(Keras2TorchError) as error:
            made()
        assert REFUSED[keras, name] in str(error.value)
        return
    report = made().report  # type: ignore[attr-defined]
    assert report.verdict == "exact", report.reason
    assert report.gradients.verdict == "exact", report.gradients.worst
    assert report.gradients.missing == []
    counts = report.parameters
    assert counts["keras_trainable"] == counts["torch_trainable"]
    assert report.first_different is None
    if name in NOTES:
        told = [
            (note["layer"], note["note"])
            for note in report.notes
            # That holds of every Embedding.
            if "squares each row" not in note["note"]
        ]
        for layer, text in NOTES[name].items():
            assert any(at == layer and text in said for at, said in told), told
        assert bool(NOTES[name]) == bool(told)


@pytest.mark.parametrize("keras", ["keras", "tf_keras"])
def test_what_is_frozen_can_be_thawed(
    keras: str, models: Path, process: KerasProcess
) -> None:
    """A frozen weight is a parameter, what never trains a buffer; as the code says."""
    path = models / keras / "frozen_own.keras"
    custom = models / keras / "traced_users.py"
    made = convert_file(path, custom_objects=custom, process=process)
    parts = dict(made.module.named_modules())
    for name in ("frozen", "free"):
        own = dict(parts[name].named_parameters())
        assert list(own) == ["gain"]
        assert own["gain"].requires_grad == (name == "free")
        assert list(dict(parts[name].named_buffers())) == ["shift"]
