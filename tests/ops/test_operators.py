"""Every operator against ONNX Runtime: fixed sizes, an open batch, moved channels."""

from __future__ import annotations

import pytest

from tests.ops.running import Case, X, compare, converted, expected, made
from tests.ops.table import CASES


def _ways(case: Case) -> list[str]:
    first = case.inputs[0]
    moves = isinstance(first, X) and first.dtype == "float32"
    moves = moves and 3 <= len(first.shape) <= 5
    return ["fixed", "open", *(["moved"] if moves else [])]


@pytest.mark.parametrize(
    ("case", "way"),
    [
        pytest.param(case, way, id=f"{i}-{case}-{way}")
        for i, case in enumerate(CASES)
        for way in _ways(case)
    ],
)
def test_computes_what_onnx_runtime_computes(case: Case, way: str) -> None:
    model, given = made(case, way)
    want = expected(model, given)
    got, _ = converted(model, given)
    compare(got, want, case.atol)
