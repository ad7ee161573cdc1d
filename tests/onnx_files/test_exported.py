"""Whole models of PyTorch's exporter, tf2onnx and Keras, judged by ONNX Runtime."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from keras2torch.conversion import convert_file

# Name → modules, and by how many parameters the exporter left less than there were:
# PyTorch's folds a BatchNorm into the convolution before it.
OF_TORCH = {
    "resnet": ({"Conv2d": 6, "MaxPool2d": 1, "Linear": 1}, 40),
    "resnet_kept": (
        {"Conv2d": 6, "BatchNorm2d": 4, "MaxPool2d": 1, "Linear": 1},
        0,
    ),
    "mobile": (
        {
            **{"Conv2d": 1, "PReLU": 2, "InstanceNorm2d": 1, "GroupNorm": 1},
            **{"AvgPool2d": 1, "Linear": 1},
        },
        0,
    ),
    "unet": ({"Conv2d": 5, "ConvTranspose2d": 1, "MaxPool2d": 2}, 0),
    "unet_11": ({"Conv2d": 5, "ConvTranspose2d": 1, "MaxPool2d": 2}, 0),
    "conv1d3d": ({"Conv1d": 1, "ConvTranspose1d": 1, "Conv3d": 1, "MaxPool3d": 1}, 12),
    "lstm": ({"LSTM": 2, "Linear": 1}, 0),
    "gru": ({"GRU": 1, "RNN": 1}, 0),
    "encoder": ({"Embedding": 1, "Linear": 5, "LayerNorm": 2}, 0),
    "attention": ({"Embedding": 1, "Linear": 2, "LayerNorm": 1}, 0),
    "mlp": ({"Linear": 3, "LayerNorm": 1}, 0),
    "mlp_13": ({"Linear": 3, "LayerNorm": 1}, 0),
}
# Of Keras the statistics of a BatchNormalization are folded, gamma and beta stay.
OF_KERAS = {
    "tf_cnn": ({"Conv2d": 4, "MaxPool2d": 1, "Linear": 1}, 0),
    "keras_cnn": ({"Conv2d": 4, "MaxPool2d": 1, "Linear": 1}, 0),
    "tf_resnet": ({"Conv2d": 5, "AvgPool2d": 1, "Linear": 1}, 0),
    "tf_unet": ({"Conv2d": 5, "ConvTranspose2d": 1, "MaxPool2d": 2}, 0),
    "keras_unet": ({"Conv2d": 5, "ConvTranspose2d": 1, "MaxPool2d": 2}, 0),
    "tf_conv1d": ({"Conv1d": 2, "Linear": 1}, 0),
    "tf_recurrent": ({"LSTM": 3, "Linear": 1}, 0),
    "tf_transformer": ({"Embedding": 1, "Linear": 7, "LayerNorm": 2}, 0),
    "keras_transformer": ({"Embedding": 1, "Linear": 7, "LayerNorm": 2}, 0),
    "tf_mlp": ({"Linear": 3, "LayerNorm": 1}, 0),
}
# The reference has no relu in recurrent layers, and fails on one of a Squeeze.
NO_FLOAT64 = {"gru", "tf_conv1d"}
# What runs over images: nothing is permuted within.
IMAGES = ("resnet", "mobile", "unet", "cnn", "conv1d")


def _modules(source: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for kind in re.findall(r"nn\.([A-Z]\w+)\(", source):
        if kind != "Parameter":
            found[kind] = found.get(kind, 0) + 1
    return found


def _check(folder: Path, name: str, modules: dict[str, int], folded: int) -> str:
    trainable = json.loads((folder / "trainable.json").read_text())[name]
    made = convert_file(folder / f"{name}.onnx")
    report = made.report
    assert report.verdict == "exact", report.sentence()
    assert report.reference.startswith("ONNX Runtime 1.")
    assert (report.float64_rel_diff is None) == (name in NO_FLOAT64)
    assert report.float64_rel_diff is None or report.float64_rel_diff < 1e-6
    assert len(report.batches) == 2
    assert _modules(made.source) == modules
    assert report.same_trainable
    assert report.parameters["torch_trainable"] == trainable - folded
    judged = [row for row in report.layers if row.verdict != "unverified"]
    assert all(row.verdict == "exact" for row in judged), judged
    assert judged
    if any(kind in name for kind in IMAGES):
        assert report.permutes == 0
        assert "permute" not in made.source
        assert ".transpose(" not in made.source
    return made.source


@pytest.mark.parametrize("name", OF_TORCH)
def test_torch(of_torch: Path, name: str) -> None:
    _check(of_torch, name, *OF_TORCH[name])


@pytest.mark.needs_keras
@pytest.mark.parametrize("name", OF_KERAS)
def test_keras(of_keras: Path, name: str) -> None:
    source = _check(of_keras, name, *OF_KERAS[name])
    if "cnn" in name or "resnet" in name:
        # Keras' images have their channels last; here they come first.
        assert "channels first" in source


@pytest.mark.needs_keras
def test_keras_layout(of_keras: Path) -> None:
    """On demand the boundary stays as the file has it."""
    made = convert_file(of_keras / "tf_cnn.onnx", layout="keras")
    assert made.report.verdict == "exact"
    assert made.report.inputs[0].shape == [None, 17, 19, 3]
    assert made.report.inputs[0].axes == [0, 1, 2, 3]


def test_batch_first(of_torch: Path) -> None:
    """The transposes of time and batch around PyTorch's layers are no transposes."""
    source = convert_file(of_torch / "lstm.onnx", verify="never").source
    assert "nn.LSTM(5, 6, batch_first=True, bidirectional=True)" in source
    assert "transpose" not in source
    assert "nn.GRU(5, 4)" in convert_file(of_torch / "gru.onnx", verify="never").source


def test_names(of_torch: Path) -> None:
    """Modules are called as they were in the model that was exported."""
    made = convert_file(of_torch / "resnet_kept.onnx", verify="never")
    state = made.program.state()
    assert "layers_1_conv2.weight" in state
    assert "layers_0_bn1.running_var" in state
    # The operators' names alone tell these: folding has renamed the weights.
    folded = convert_file(of_torch / "resnet.onnx", verify="never").program.state()
    assert "layers_1_conv2.weight" in folded
    assert "fc.bias" in folded


def test_tied(of_torch: Path) -> None:
    """A table that is also the last projection is stored once."""
    made = convert_file(of_torch / "attention.onnx", verify="never")
    assert "self.token.weight" in made.source
    shapes = [array.shape for array in made.program.state().values()]
    assert (12, 19) not in shapes
    assert shapes.count((19, 12)) == 1


def test_kept(of_torch: Path, tmp_path: Path) -> None:
    """A graph that a conversion kept gives the same program."""
    made = convert_file(of_torch / "encoder.onnx", verify="never")
    made.save(tmp_path, keep_onnx=True)
    again = convert_file(tmp_path / "model.onnx", name=made.program.name)
    assert again.source == made.source
    assert again.report.verdict == "unverified"
    assert "kept" in again.report.sentence()
    assert again.report.sentence().startswith("NOT VERIFIED against ONNX Runtime")


def test_without_onnxruntime(of_torch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from keras2torch.verification import onnx_side

    monkeypatch.setattr(onnx_side, "available", lambda: False)
    report = convert_file(of_torch / "mlp.onnx").report
    assert report.sentence().startswith("NOT VERIFIED against ONNX Runtime: ")
    assert "install onnxruntime" in report.sentence()
    assert report.exit_status(require_verified=True) == 1


def test_wrong_weights_are_seen(of_torch: Path, tmp_path: Path) -> None:
    """The judge runs the file itself: another file's numbers are another verdict."""
    import onnx
    from onnx import numpy_helper

    made = convert_file(of_torch / "mlp.onnx", verify="never")
    proto = onnx.load(of_torch / "mlp.onnx")
    (weight,) = [t for t in proto.graph.initializer if t.name == "first.bias"]
    changed = numpy_helper.to_array(weight) + 0.01
    weight.CopyFrom(numpy_helper.from_array(changed, weight.name))
    onnx.save(proto, tmp_path / "other.onnx")
    from keras2torch.verification import OnnxRuntime, verify

    path = tmp_path / "other.onnx"
    report = verify(made.program, made.graph, path, None, OnnxRuntime(made.graph))
    assert report.verdict == "different"
    assert report.first_different == "first"
