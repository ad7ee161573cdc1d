"""What an ONNX file draws at random is converted, and not said to be compared."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from keras2torch.conversion import convert_file
from keras2torch.errors import VerificationUnavailable

SHAPE = ["batch", 5]


def noisy(path: Path) -> Path:
    weight = np.arange(15, dtype=np.float32).reshape(3, 5)
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["mean"]),
        helper.make_node("RandomNormalLike", ["mean"], ["noise"], dtype=1),
        helper.make_node("Add", ["mean", "noise"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "noisy",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, SHAPE)],
        [numpy_helper.from_array(weight, "w")],
    )
    opset = [helper.make_opsetid("", 18)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    return path


def test_it_is_not_called_different(tmp_path: Path) -> None:
    made = convert_file(noisy(tmp_path / "noisy.onnx"))
    assert made.report.verdict == "unverified"
    assert "draws random numbers" in made.report.reason
    assert "torch.randn_like(" in made.source


def test_who_insists_is_told(tmp_path: Path) -> None:
    with pytest.raises(VerificationUnavailable, match="draws random numbers"):
        convert_file(noisy(tmp_path / "noisy.onnx"), verify="always")
