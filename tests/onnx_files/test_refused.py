"""What an ONNX file may not be: damaged, hostile, or of operators without a rule."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from click.testing import CliRunner
from onnx import TensorProto, helper, numpy_helper

from keras2torch.cli import main
from keras2torch.errors import Keras2TorchError, UnsupportedLayer, UnusableFile
from keras2torch.reading.onnx_files import read


def _model(
    *nodes: onnx.NodeProto, opset: int = 17, domain: str = ""
) -> onnx.ModelProto:
    weight = numpy_helper.from_array(np.ones((4, 3), "float32"), "w")
    graph = helper.make_graph(
        list(nodes) or [helper.make_node("MatMul", ["x", "w"], ["y"], name="product")],
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 4])],
        [onnx.ValueInfoProto(name="y")],
        [weight],
    )
    imports = [helper.make_opsetid("", opset)]
    if domain:
        imports.append(helper.make_opsetid(domain, 1))
    return helper.make_model(graph, opset_imports=imports, ir_version=8)


def _external(model: onnx.ModelProto, location: str, **entries: int) -> None:
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, **entries}.items():
        tensor.external_data.add(key=key, value=str(value))


def _outside(model: onnx.ModelProto, folder: Path) -> None:
    _external(model, "../secret.bin")
    (folder.parent / "secret.bin").write_bytes(bytes(48))


def _absolute(model: onnx.ModelProto, folder: Path) -> None:
    _external(model, "/etc/passwd")


def _linked(model: onnx.ModelProto, folder: Path) -> None:
    (folder.parent / "secret.bin").write_bytes(bytes(48))
    (folder / "weights.bin").symlink_to(folder.parent / "secret.bin")
    _external(model, "weights.bin")


def _missing(model: onnx.ModelProto, folder: Path) -> None:
    _external(model, "weights.bin")


def _short(model: onnx.ModelProto, folder: Path) -> None:
    (folder / "weights.bin").write_bytes(bytes(44))
    _external(model, "weights.bin")


def _beyond(model: onnx.ModelProto, folder: Path) -> None:
    (folder / "weights.bin").write_bytes(bytes(48))
    _external(model, "weights.bin", offset=16, length=48)


def _bomb(model: onnx.ModelProto, folder: Path) -> None:
    model.graph.initializer[0].dims[:] = [2**40, 2**20]


def _negative(model: onnx.ModelProto, folder: Path) -> None:
    model.graph.initializer[0].dims[:] = [-4, -3]


def _of_constant(model: onnx.ModelProto, folder: Path) -> None:
    tensor = TensorProto(data_type=TensorProto.FLOAT, dims=[3], name="c")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    model.graph.node.insert(0, helper.make_node("Constant", [], ["c"], value=tensor))


HOSTILE: dict[str, tuple[Callable[[onnx.ModelProto, Path], None], str]] = {
    "outside": (_outside, "not in its own folder"),
    "absolute": (_absolute, "not in its own folder"),
    "linked": (_linked, "not in its own folder"),
    "missing": (_missing, "needs the file 'weights.bin'"),
    "short": (_short, "does not fit into"),
    "beyond": (_beyond, "does not fit into"),
    "bomb": (_bomb, "declares .* numbers and holds 12"),
    "negative": (_negative, "makes no sense"),
    "of a constant": (_of_constant, "in another file"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile(tmp_path: Path, what: str) -> None:
    change, why = HOSTILE[what]
    folder = tmp_path / "model"
    folder.mkdir()
    model = _model()
    change(model, folder)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(UnusableFile, match=why):
        read(folder / "model.onnx")


def test_external_data(tmp_path: Path) -> None:
    """Weights in a file beside are read."""
    model = _model()
    array = np.arange(12, dtype="float32").reshape(4, 3)
    (tmp_path / "weights.bin").write_bytes(b"head" + array.tobytes())
    _external(model, "weights.bin", offset=4, length=48)
    path = tmp_path / "model.onnx"
    path.write_bytes(model.SerializeToString())
    (held,) = read(path).graph.initializers.values()
    assert held.const_value is not None
    assert (held.const_value.numpy() == array).all()


def test_constant_bomb(tmp_path: Path) -> None:
    """What would fill the memory is not worked out beforehand."""
    shape = numpy_helper.from_array(np.array([2**33], dtype="int64"))
    value = helper.make_tensor("v", TensorProto.FLOAT, [1], [1.0])
    nodes = [
        helper.make_node("Constant", [], ["s"], value=shape),
        helper.make_node("ConstantOfShape", ["s"], ["big"], value=value),
        helper.make_node("ReduceSum", ["big"], ["one"], keepdims=0),
        helper.make_node("Add", ["x", "one"], ["y"]),
    ]
    path = tmp_path / "model.onnx"
    onnx.save(_model(*nodes), path)
    kinds = [node.op_type for node in read(path).graph]
    assert "ConstantOfShape" in kinds


def _loop() -> onnx.NodeProto:
    body = helper.make_graph(
        [helper.make_node("Identity", ["cond"], ["out"])],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("cond", TensorProto.BOOL, []),
        ],
        [helper.make_tensor_value_info("out", TensorProto.BOOL, [])],
    )
    return helper.make_node("Loop", ["", ""], ["y"], name="again", body=body)


UNSUPPORTED: dict[str, tuple[Callable[[], onnx.ModelProto], str]] = {
    "another domain": (
        lambda: _model(
            helper.make_node("FusedConv", ["x"], ["y"], domain="com.microsoft"),
            domain="com.microsoft",
        ),
        "com.microsoft::FusedConv",
    ),
    "no operator": (lambda: _model(helper.make_node("Erfc", ["x"], ["y"])), "Erfc"),
    "control flow": (lambda: _model(_loop()), r"Loop \('again'\)"),
    "a kernel that is computed": (
        lambda: _model(helper.make_node("Conv", ["x", "x"], ["y"], name="odd")),
        "Conv \\('odd'\\)",
    ),
    "in training": (
        lambda: _model(
            helper.make_node(
                "BatchNormalization",
                ["x", "w", "w", "w", "w"],
                ["y", "m", "v"],
                training_mode=1,
            )
        ),
        "training mode",
    ),
}


@pytest.mark.parametrize("what", UNSUPPORTED)
def test_unsupported(tmp_path: Path, what: str) -> None:
    make, why = UNSUPPORTED[what]
    path = tmp_path / "model.onnx"
    path.write_bytes(make().SerializeToString())
    with pytest.raises(UnsupportedLayer, match=why):
        read(path)


@pytest.mark.parametrize("opset", [5, 99])
def test_opsets(tmp_path: Path, opset: int) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(_model(opset=opset).SerializeToString())
    with pytest.raises(UnusableFile, match=f"opset {opset}"):
        read(path)


@pytest.mark.parametrize("opset", [7, 9, 11, 13, 18, 21, 23])
def test_opsets_that_are_read(tmp_path: Path, opset: int) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(_model(opset=opset).SerializeToString())
    assert [node.op_type for node in read(path).graph] == ["StoredLinear"]


@pytest.mark.parametrize(
    "data",
    [b"\x08\x07\x12\x04abcd", b"\x08\x08:\xff\xff\xff\xff\x0f", b"nothing at all", b""],
)
def test_damaged(tmp_path: Path, data: bytes) -> None:
    """One sentence and exit status 2."""
    path = tmp_path / "model.onnx"
    path.write_bytes(data)
    with pytest.raises(Keras2TorchError):
        read(path)
    done = CliRunner().invoke(main, ["convert", str(path), "-o", str(tmp_path / "out")])
    assert done.exit_code == 2
    assert "Traceback" not in done.output
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("seed", range(40))
def test_bytes_changed(tmp_path: Path, seed: int) -> None:
    """A damaged file is an error of ours, or a graph; never another exception."""
    rng = np.random.default_rng(seed)
    data = bytearray(
        _model(
            helper.make_node("MatMul", ["x", "w"], ["z"]),
            helper.make_node("LSTM", ["z", "w", "w"], ["q"], hidden_size=1),
            helper.make_node("Softmax", ["z"], ["y"], axis=1),
        ).SerializeToString()
    )
    for at in rng.integers(0, len(data), 4):
        data[at] = rng.integers(0, 256)
    path = tmp_path / "model.onnx"
    path.write_bytes(bytes(data))
    with contextlib.suppress(Keras2TorchError):
        read(path)
