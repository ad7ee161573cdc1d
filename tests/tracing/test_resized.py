"""A resize of a trace has the size that TensorFlow gives it, to the pixel."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from keras2torch.tracing.resized import with_sizes


def resize(old: int, new: int) -> onnx.ModelProto:
    """As tf2onnx writes it: the scale is a quotient in float32."""
    scales = np.array([1, 1, new / old, 2], np.float32)
    node = helper.make_node("Resize", ["x", "", "scales"], ["y"], mode="linear")
    image = TensorProto.FLOAT
    graph = helper.make_graph(
        [node],
        "resized",
        [helper.make_tensor_value_info("x", image, ["batch", 3, old, 4])],
        [helper.make_tensor_value_info("y", image, ["batch", 3, "rows", 8])],
        [numpy_helper.from_array(scales, "scales")],
    )
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8
    )


@pytest.mark.parametrize(("old", "new"), [(9, 17), (7, 31), (7, 62), (33, 129), (6, 5)])
def test_a_rounded_scale_is_a_size(old: int, new: int) -> None:
    import onnxruntime as ort

    model = resize(old, new)
    assert with_sizes(model)
    onnx.checker.check_model(model)
    session = ort.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    x = np.zeros((2, 3, old, 4), np.float32)
    assert session.run(None, {"x": x})[0].shape == (2, 3, new, 8)
    assert not with_sizes(model)


def test_a_whole_scale_stays_one() -> None:
    model = resize(9, 27)
    before = model.SerializeToString()
    assert not with_sizes(model)
    assert model.SerializeToString() == before
