"""One-node ONNX models, through ONNX Runtime and through what is written of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper, shape_inference
from onnx.reference import ReferenceEvaluator

from keras2torch.program import write


@dataclass(frozen=True)
class X:
    """An input that the model is given: drawn between two numbers."""

    shape: tuple[int, ...]
    low: float = -2.0
    high: float = 2.0
    dtype: str = "float32"

    def drawn(self, rng: np.random.Generator) -> Any:
        if self.dtype == "bool":
            return rng.integers(0, 2, self.shape).astype(bool)
        if "int" in self.dtype:
            drawn = rng.integers(int(self.low), int(self.high) + 1, self.shape)
            return drawn.astype(self.dtype)
        return rng.uniform(self.low, self.high, self.shape).astype(self.dtype)


@dataclass(frozen=True, eq=False)
class Case:
    """One node.

    ``inputs`` are :class:`X`, arrays (constants) and ``None`` (not given).
    """

    op: str
    inputs: tuple[Any, ...]
    attributes: dict[str, Any] = field(default_factory=dict)
    opset: int = 21
    outputs: int = 1
    atol: float = 1e-5

    def __str__(self) -> str:
        shapes = "-".join(
            "x".join(map(str, i.shape)) or "s" if i is not None else "none"
            for i in self.inputs
        )
        said = "-".join(f"{k}{v}" for k, v in self.attributes.items())
        return f"{self.op}-{shapes}-{said}-{self.opset}".replace(" ", "")[:90]


def c(value: Any, dtype: str = "int64") -> Any:
    """Return a constant."""
    return np.asarray(value, dtype=dtype)


def made(case: Case, how: str) -> tuple[onnx.ModelProto, dict[str, Any]]:
    """Return the model and what it is given.

    ``how``: "fixed" sizes, "open": the first of several axes is not known;
    "moved": the first input comes from a convolution with its channels moved.
    """
    rng = np.random.default_rng(7)
    nodes, given, infos, names = [], {}, [], []
    for i, value in enumerate(case.inputs):
        name = f"x{i}"
        if value is None:
            names.append("")
            continue
        names.append(name)
        if isinstance(value, np.ndarray):
            tensor = numpy_helper.from_array(value)
            nodes.append(helper.make_node("Constant", [], [name], value=tensor))
            continue
        given[name] = value.drawn(rng)
        kind = helper.np_dtype_to_tensor_dtype(given[name].dtype)
        sizes: list[Any] = list(value.shape)
        if how != "fixed" and len(sizes) > 1:
            sizes[0] = f"N{i}"
        infos.append(helper.make_tensor_value_info(name, kind, sizes))
        if how == "moved" and i == 0:
            nodes += _convolved(name, value)
            names[0] = f"{name}_last"
    outputs = [f"y{i}" for i in range(case.outputs)]
    nodes.append(helper.make_node(case.op, names, outputs, **case.attributes))
    graph = helper.make_graph(
        nodes,
        "model",
        infos,
        [
            helper.make_tensor_value_info(o, TensorProto.UNDEFINED, None)
            for o in outputs
        ],
    )
    for info in graph.output:
        info.ClearField("type")
    opsets = [helper.make_opsetid("", case.opset)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    return shape_inference.infer_shapes(model, data_prop=True), given


def _convolved(name: str, x: X) -> list[onnx.NodeProto]:
    """Return what moves channels to the front, convolves by 1, and moves them back."""
    rank, channels = len(x.shape), x.shape[-1]
    first = [0, rank - 1, *range(1, rank - 1)]
    last = [0, *range(2, rank), 1]
    eye = np.eye(channels, dtype="float32").reshape(
        channels, channels, *[1] * (rank - 2)
    )
    kernel = numpy_helper.from_array(eye)
    return [
        helper.make_node("Constant", [], [f"{name}_w"], value=kernel),
        helper.make_node("Transpose", [name], [f"{name}_first"], perm=first),
        helper.make_node("Conv", [f"{name}_first", f"{name}_w"], [f"{name}_conv"]),
        helper.make_node("Transpose", [f"{name}_conv"], [f"{name}_last"], perm=last),
    ]


RUNTIME = tuple(int(n) for n in onnxruntime.__version__.split(".")[:2])


def expected(model: onnx.ModelProto, given: dict[str, Any]) -> list[Any]:
    """Return what ONNX Runtime makes, or the reference where it has no kernel."""
    options = onnxruntime.SessionOptions()
    # Its fusion of Transpose and MatMul gives wrong numbers for a vector.
    level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.graph_optimization_level = level
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), options)
        return list(session.run(None, given))
    except Exception as error:
        missing = "NOT_IMPLEMENTED" in str(error) or "NotImplemented" in str(error)
        if not missing and RUNTIME >= (1, 24):
            raise
        return _by_reference(model, given)


def _by_reference(model: onnx.ModelProto, given: dict[str, Any]) -> list[Any]:
    try:
        return list(ReferenceEvaluator(model).run(None, given))
    except Exception:
        if RUNTIME >= (1, 24):
            raise
        # 1.23, the last for Python 3.10, refuses more than the reference can do.
        pytest.skip("this ONNX Runtime is too old for the operator")


def converted(model: onnx.ModelProto, given: dict[str, Any]) -> tuple[list[Any], str]:
    """Return what the written program makes, in ONNX' order of axes, and its text."""
    program = write(ir.from_proto(model), tidy=False)
    inputs = [
        torch.from_numpy(given[name].transpose(tensor.layout.axes).copy())
        for name, tensor in program.inputs
    ]
    with torch.no_grad():
        made = program.module()(*inputs)
    results = made if isinstance(made, tuple) else (made,)
    return [
        r.numpy().transpose(np.argsort(t.layout.axes))
        for r, t in zip(results, program.outputs, strict=True)
    ], program.source


def compare(got: list[Any], want: list[Any], atol: float) -> None:
    """Shapes, dtypes and values."""
    for g, w in zip(got, want, strict=True):
        assert g.shape == w.shape
        assert g.dtype == w.dtype
        np.testing.assert_allclose(g, w, rtol=1e-4, atol=atol)
