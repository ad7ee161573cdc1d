"""Whole conversions: files that Keras wrote, judged by Keras."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest
import torch
from ruff import find_ruff_bin

from keras2torch import convert
from keras2torch.conversion import Conversion, convert_file, verify_folder
from keras2torch.tracing import KerasProcess

pytestmark = pytest.mark.needs_keras

# Changes of layout that are due: between Conv1D and recurrent layers, and where an
# attention or a BatchNormalization reads what a recurrent layer left; before a
# Flatten whose Dense is shared.
MODELS = {
    "cnn": 0,
    "bilstm": 0,
    "unet": 0,
    "siamese": 0,
    "transformer": 0,
    "seq2seq": 0,
    "frozen": 0,
    "squeeze_excite": 0,
    "shared_sizes": 1,
    "conv1d_mixed": 2,
}
# TensorFlow's gelu holds the square root of 2 in float32, also in float64: 5e-9 off.
FLOAT64 = {"transformer": 1e-8}


@pytest.fixture(scope="module")
def converted(keras_models: Path, keras_process: KerasProcess) -> dict[str, Conversion]:
    """Convert every model once, from both formats."""
    return {
        f"{name}.{ending}": convert_file(
            keras_models / f"{name}.{ending}", process=keras_process
        )
        for name in MODELS
        for ending in ("keras", "h5")
    }


@pytest.mark.parametrize("ending", ["keras", "h5"])
@pytest.mark.parametrize("name", MODELS)
def test_exact(converted: dict[str, Conversion], name: str, ending: str) -> None:
    report = converted[f"{name}.{ending}"].report
    assert report.verdict == "exact", report.sentence()
    assert report.float64_rel_diff is not None
    assert report.float64_rel_diff <= FLOAT64.get(name, 1e-9)
    assert report.same_trainable
    assert report.parameters["keras_total"] == report.parameters["torch_total"]
    assert report.gradients.verdict == "exact"
    assert not report.gradients.missing
    assert all(row.verdict == "exact" for row in report.layers), report.layers
    assert report.permutes == MODELS[name]


@pytest.mark.parametrize("name", MODELS)
def test_both_formats_give_the_same_source(
    converted: dict[str, Conversion], name: str
) -> None:
    assert converted[f"{name}.keras"].source == converted[f"{name}.h5"].source


@pytest.mark.parametrize("name", MODELS)
def test_source_is_clean(converted: dict[str, Conversion], name: str) -> None:
    source = converted[f"{name}.keras"].source
    for arguments in (["check", "--select", "E,F,W,I"], ["format", "--check"]):
        done = subprocess.run(
            [find_ruff_bin(), *arguments, "--isolated", "-q", "-"],
            input=source,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + source


@pytest.mark.parametrize("name", MODELS)
def test_the_folder_stands_alone(
    converted: dict[str, Conversion], name: str, tmp_path: Path
) -> None:
    """``model.py`` loads with torch and safetensors, far from this project."""
    made = converted[f"{name}.keras"]
    made.save(tmp_path / "out")
    program = (
        "import sys; sys.modules['keras2torch'] = None\n"
        "import model, torch\n"
        "m = model.load()\n"
        "assert not m.training\n"
        "torch.save({k: v for k, v in m.state_dict().items()}, 'state.pt')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path / "out",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    state = torch.load(tmp_path / "out" / "state.pt", weights_only=True)
    for key, value in made.module.state_dict().items():
        assert torch.equal(state[key], value), key
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["verdict"] == "exact"
    assert (tmp_path / "out" / "train.py").exists()


@pytest.mark.parametrize("name", ["cnn", "siamese", "squeeze_excite", "conv1d_mixed"])
def test_keras_layout(
    keras_models: Path, keras_process: KerasProcess, name: str
) -> None:
    made = convert_file(
        keras_models / f"{name}.keras", layout="keras", process=keras_process
    )
    assert made.report.verdict == "exact", made.report.sentence()
    for row in [*made.report.inputs, *made.report.outputs]:
        assert row.axes == list(range(len(row.axes)))


@pytest.mark.parametrize("name", MODELS)
def test_a_kept_graph_gives_the_same_program(
    converted: dict[str, Conversion], name: str, tmp_path: Path
) -> None:
    made = converted[f"{name}.keras"]
    made.save(tmp_path, keep_onnx=True)
    again = convert(tmp_path / "model.onnx", verify="never", name=made.program.name)
    assert again.source == made.source
    state, expected = again.program.state(), made.program.state()
    assert state.keys() == expected.keys()
    for key, value in expected.items():
        np.testing.assert_array_equal(state[key], value)
    assert all(
        isinstance(v.const_value, ir.TensorProtocol)
        for v in again.graph.graph.initializers.values()
    )


def test_training_keeps_frozen_layers_as_they_are(
    converted: dict[str, Conversion],
) -> None:
    module = converted["frozen.keras"].program.module()
    frozen = {n: p.clone() for n, p in module.named_parameters() if "base" in n}
    statistics = {n: b.clone() for n, b in module.named_buffers()}
    assert frozen
    module.train()
    optimizer = torch.optim.SGD(
        [p for p in module.parameters() if p.requires_grad], lr=0.1
    )
    before = module.fc.weight.clone()
    module(torch.randn(4, 3, 16, 16)).square().sum().backward()
    optimizer.step()
    assert not torch.equal(before, module.fc.weight)
    after = dict(module.named_parameters())
    assert all(torch.equal(after[n], p) for n, p in frozen.items())
    assert all(torch.equal(b, statistics[n]) for n, b in module.named_buffers())


def test_dropout_works_in_training(converted: dict[str, Conversion]) -> None:
    module = converted["cnn.keras"].program.module()
    x = torch.randn(2, 3, 29, 22)
    assert torch.equal(module(x), module(x))
    module.train()
    assert not torch.equal(module(x), module(x))


def test_regularization_is_keras_penalty(converted: dict[str, Conversion]) -> None:
    module = converted["cnn.keras"].module
    weight = module.fc1.weight.detach().numpy().astype("float64")
    penalty = float(module.regularization().detach())
    assert penalty == pytest.approx(0.01 * (weight**2).sum(), rel=1e-5)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("squeeze_excite", {"flat": True, "faithful": True}),
        pytest.param("bilstm", {"flat": True}, marks=pytest.mark.slow),
        pytest.param("unet", {"faithful": True}, marks=pytest.mark.slow),
    ],
)
def test_every_form_is_exact_and_verified_again(
    keras_models: Path,
    keras_process: KerasProcess,
    tmp_path: Path,
    name: str,
    options: dict[str, bool],
) -> None:
    source = keras_models / f"{name}.keras"
    made = convert_file(source, process=keras_process, **options)
    assert made.report.verdict == "exact", made.report.sentence()
    assert made.report.gradients.verdict == "exact"
    out = made.save(tmp_path / "out")
    again = verify_folder(out, source)
    assert again.form == made.report.form
    assert options.items() <= again.form.items()
    assert again.verdict == "exact"
    # The text is recognized: each layer was compared, not the outputs alone.
    assert {row.verdict for row in again.layers} == {"exact"}


def test_verify_finds_what_was_changed(
    converted: dict[str, Conversion], keras_models: Path, tmp_path: Path
) -> None:
    """``verify`` judges the folder as it lies there, edited or not."""
    out = converted["siamese.keras"].save(tmp_path / "out")
    source = keras_models / "siamese.keras"
    untouched = verify_folder(out, source)
    assert untouched.verdict == "exact"
    assert {row.verdict for row in untouched.layers} == {"exact"}
    text = (out / "model.py").read_text()
    (out / "model.py").write_text(text.replace("torch.tanh", "torch.sigmoid"))
    changed = verify_folder(out, source)
    assert changed.verdict == "different"
    assert changed.exit_status(require_verified=True) == 1
