"""Operators without a rule here, for which onnx2torch has one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from keras2torch.layers.base import Call, Forward, Module
from keras2torch.layers.text import call as call_text
from keras2torch.operators.base import Operator, operators


@operators("onnx2torch")
class Foreign(Operator):
    """A module that onnx2torch makes of a one-node model, kept as a file."""

    layout = "keras"
    results = 1 << 16

    def module(self, call: Call) -> Module:
        """``OnnxOperator("wobble.onnx")``."""
        file = self.attributes["file"]
        note = f"runs as onnx2torch's {self.attributes['op_type']}, kept in {file}"
        return Module(
            call_text("OnnxOperator", file),
            helpers=("OnnxOperator",),
            notes=(note,),
            files={file: self.attributes["model"]},
        )

    def forward(self, call: Call, module: str) -> Forward:
        """``self.wobble(x)``."""
        names = ", ".join(t.name for t in call.inputs)
        return Forward(f"{module}({names})", unpack=len(call.outputs) > 1)


def is_known(op_type: str, opset: int) -> bool:
    """Whether onnx2torch has a converter; it and torch are imported here."""
    from onnx2torch.node_converters.registry import get_converter

    try:
        get_converter(op_type, opset)
    except NotImplementedError:
        return False
    return True


def one_node_model(
    node: ir.Node, constants: Mapping[str, npt.NDArray[Any]], opset: int
) -> bytes:
    """Return the model that is this node, its constants inside.

    Parameters
    ----------
    node
        Whose inputs and outputs have shapes and dtypes.
    constants
        Input name → data of those that no tensor brings.
    opset
        The version that the node is written in.
    """
    import onnx
    from onnx import helper, numpy_helper

    names = [_plain(i, v) for i, v in enumerate(node.inputs)]
    outputs = [f"y{i}" for i in range(len(node.outputs))]
    proto = ir.to_proto(node)
    proto.name = node.op_type
    proto.ClearField("metadata_props")
    proto.ClearField("doc_string")
    del proto.input[:], proto.output[:]
    proto.input.extend(names)
    proto.output.extend(outputs)
    held = {
        n: constants[v.name]
        for n, v in zip(names, node.inputs, strict=True)
        if v is not None and v.name is not None and v.name in constants
    }
    graph = helper.make_graph(
        [proto],
        node.op_type,
        [
            _info(n, v)
            for n, v in zip(names, node.inputs, strict=True)
            if v is not None and n not in held
        ],
        [_info(n, v) for n, v in zip(outputs, node.outputs, strict=True)],
        [numpy_helper.from_array(np.asarray(a), n) for n, a in held.items()],
    )
    opsets = [helper.make_opsetid("", opset)]
    model: onnx.ModelProto = helper.make_model(
        graph, opset_imports=opsets, producer_name="keras2torch"
    )
    return bytes(model.SerializeToString(deterministic=True))


def _plain(i: int, value: ir.Value | None) -> str:
    return "" if value is None else f"x{i}"


def _info(name: str, value: ir.Value) -> Any:
    from onnx import helper

    sizes = (
        None
        if value.shape is None
        else [d if isinstance(d, int) else None for d in value.shape]
    )
    kind = 0 if value.dtype is None else int(value.dtype)
    return helper.make_tensor_value_info(name, kind, sizes)


def file_name(name: str, taken: Sequence[str]) -> str:
    """Return the name of the file that a node's model is kept in."""
    plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:60] or "operator"
    found, n = f"{plain}.onnx", 1
    while found in taken or plain == "model":
        found, n = f"{plain}_{n}.onnx", n + 1
        if found not in taken:
            break
    return found
