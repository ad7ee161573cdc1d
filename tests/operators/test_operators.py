"""Every operator against ONNX Runtime: fixed sizes, an open batch, moved channels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx_ir as ir
import pytest
import torch
from onnx import parser, shape_inference

from keras2torch.errors import UnsupportedLayer
from keras2torch.program import write
from keras2torch.program.check import UnsafeSource, check
from tests.operators.graphs import GRAPHS, Graph
from tests.operators.running import Case, X, c, compare, converted, expected, made
from tests.operators.table import CASES


def _ways(case: Case) -> list[str]:
    first = case.inputs[0]
    moves = isinstance(first, X) and first.dtype == "float32"
    moves = moves and 3 <= len(first.shape) <= 5
    return ["fixed", "open", *(["moved"] if moves else [])]


def _cases() -> Iterator[Any]:
    """Yield every case in every way: the first of an operator, else one at a time."""
    seen: set[str] = set()
    for i, case in enumerate(CASES):
        ways = _ways(case)
        for k, way in enumerate(ways):
            quick = case.op not in seen or k == i % len(ways)
            marks = [] if quick else [pytest.mark.slow]
            yield pytest.param(case, way, id=f"{i}-{case}-{way}", marks=marks)
        seen.add(case.op)


@pytest.mark.parametrize(("case", "way"), list(_cases()))
def test_computes_what_onnx_runtime_computes(case: Case, way: str) -> None:
    model, given = made(case, way)
    want = expected(model, given)
    got, _ = converted(model, given)
    compare(got, want, case.atol)


@pytest.mark.parametrize("graph", GRAPHS, ids=lambda g: g.name)
def test_a_few_nodes_are_one_line(graph: Graph) -> None:
    text = f'<ir_version: 10, opset_import: ["" : 21]> model {graph.text}'
    model = shape_inference.infer_shapes(parser.parse_model(text), data_prop=True)
    rng = np.random.default_rng(3)
    sizes = {"N": 2, "T": 6, "K": 4}
    given = {
        i.name: rng.normal(
            size=[
                d.dim_value or sizes[d.dim_param] for d in i.type.tensor_type.shape.dim
            ]
        ).astype("float32")
        for i in model.graph.input
    }
    want = expected(model, given)
    got, source = converted(model, given)
    compare(got, want, 1e-5)
    forward = source[source.index("def forward") : source.index("def load")]
    for line in graph.lines:
        assert line in forward
    for word in graph.absent:
        assert word not in forward


def test_an_operator_that_nobody_knows_is_named() -> None:
    text = """<ir_version: 10, opset_import: ["" : 21, "my.own" : 1]>
        model (float[N,3] x) => (float[N,3] y) { y = my.own.Wobble(x) }"""
    model = parser.parse_model(text)
    with pytest.raises(UnsupportedLayer, match="Wobble"):
        converted(model, {})


def test_no_name_of_a_node_becomes_code() -> None:
    text = """<ir_version: 10, opset_import: ["" : 21]>
        model (float[N,3] x) => (float[N,3] y) { h = Relu(x)  y = Mul(h, h) }"""
    model = parser.parse_model(text)
    hostile = '"; import os; os.system("touch owned") #\n'
    for value in (model.graph.node[0].output, model.graph.node[1].input):
        for i, name in enumerate(value):
            value[i] = hostile if name == "h" else name
    model.graph.node[0].name = hostile
    given = {"x": np.float32([[1, -2, 3], [4, 5, -6]])}
    got, source = converted(model, given)
    assert "import os" not in source
    np.testing.assert_array_equal(got[0], np.maximum(given["x"], 0) ** 2)


FOREIGN = [
    Case(
        "RoiAlign",
        (
            X((2, 3, 9, 8)),
            c([[0, 0, 4, 4], [1, 2, 7, 6]], "float32"),
            c([0, 1]),
        ),
        {"output_height": 3, "output_width": 2, "sampling_ratio": 2},
    ),
    Case(
        "NonMaxSuppression",
        (X((1, 6, 4), 0, 1), X((1, 2, 6), 0, 1), c([3]), c([0.5], "float32")),
    ),
]


@pytest.mark.parametrize("case", FOREIGN, ids=lambda case: case.op)
def test_what_only_onnx2torch_knows_goes_through_it(case: Case) -> None:
    model, given = made(case, "fixed")
    program = write(ir.from_proto(model))
    (file,) = program.files
    assert file.endswith(".onnx")
    assert f'OnnxOperator("{file}")' in program.source
    assert any(case.op in note for _, note in program.notes)
    got, _ = converted(model, given)
    compare(got, expected(model, given), 1e-5)


def test_only_the_helper_may_import_onnx2torch() -> None:
    source = "import torch\n\n\nclass OnnxOperator:\n    import onnx2torch\n"
    with pytest.raises(UnsafeSource, match="onnx2torch"):
        check(source)


def test_a_file_cannot_ask_for_files() -> None:
    text = """<ir_version: 10, opset_import: ["" : 21]>
        model (float[N,3] x) => (float[N,3] y) {
        y = onnx2torch<file="model.py", model="x", op_type="Relu">(x) }"""
    with pytest.raises(UnsupportedLayer, match="onnx2torch"):
        converted(parser.parse_model(text), {})


@pytest.mark.parametrize(
    ("kind", "mean", "spread"),
    [("RandomNormalLike", 3.0, 2.0), ("RandomUniformLike", 1.5, 0.5 / 3**0.5)],
)
def test_numbers_are_drawn_anew(kind: str, mean: float, spread: float) -> None:
    attributes = "mean=3.0, scale=2.0" if "Normal" in kind else "low=1.0, high=2.0"
    text = f"""<ir_version: 10, opset_import: ["" : 21]>
        model (float[N,64,32] x) => (float[N,64,32] y) {{
        y = {kind}<{attributes}>(x) }}"""
    model = shape_inference.infer_shapes(parser.parse_model(text))
    given = {"x": np.zeros((9, 64, 32), "float32")}
    first, second = (converted(model, given)[0][0] for _ in range(2))
    assert first.shape == given["x"].shape
    assert (first != second).mean() > 0.99
    assert abs(first.mean() - mean) < 0.1
    assert abs(first.std() - spread) < 0.1


def test_no_gradient_goes_back_through_what_stops_it() -> None:
    text = """<ir_version: 10, opset_import: ["" : 21, "keras" : 1]>
        model (float[N,3] x) => (float[N,3] y) {
        h = Sin(x)  s = keras.StopGradient(h)  y = Mul(x, s) }"""
    program = write(ir.from_proto(parser.parse_model(text)))
    assert ".detach()" in program.source
    x = torch.tensor([[0.5, -1.0, 2.0]], requires_grad=True)
    y = program.module()(x)
    y.sum().backward()
    np.testing.assert_allclose(y.detach(), (x * x.sin()).detach())
    np.testing.assert_allclose(x.grad, x.sin().detach())
