"""Cells that read the two before: one class, one list, one loop."""

from __future__ import annotations

import re

import numpy as np
import onnx_ir as ir
import pytest

from keras2torch.layers.definitions import Concatenate, Dense, ReLU
from keras2torch.program import write
from keras2torch.verification.torch_side import run

from .graphs import Array, Graph, dense

_CELLS = 9
_ENDS = 8


def _dense(graph: Graph, name: str, x: ir.Value, units: int = 3) -> ir.Value:
    [y] = graph.call(Dense(units, name=name), [x])
    return y


def _adjusted(graph: Graph, i: int, x: ir.Value, *, forks: bool) -> ir.Value:
    [y] = graph.call(ReLU(name=f"adjust_relu_{i}"), [x])
    if not forks:
        return _dense(graph, f"adjust_b_{i}", _dense(graph, f"adjust_a_{i}", y))
    ends = [_dense(graph, f"adjust_{side}_{i}", y) for side in "ab"]
    [y] = graph.call(Concatenate(name=f"adjust_concat_{i}"), ends)
    return _dense(graph, f"adjust_c_{i}", y)


def _adjusted_by_hand(graph: Graph, i: int, x: Array, *, forks: bool) -> Array:
    x = np.maximum(x, 0)
    if not forks:
        return dense(graph, f"adjust_b_{i}", dense(graph, f"adjust_a_{i}", x))
    ends = [dense(graph, f"adjust_{side}_{i}", x) for side in "ab"]
    return dense(graph, f"adjust_c_{i}", np.concatenate(ends, axis=-1))


@pytest.mark.parametrize("skips", [(), (4,)], ids=["one loop", "two"])
@pytest.mark.parametrize(
    "forks", [(), (0, 3, 6), (1, 3, 6)], ids=["alike", "forks", "forks later"]
)
def test_cells_in_a_loop(forks: tuple[int, ...], skips: tuple[int, ...]) -> None:
    """``skips``: the next cell reads what these cells read as well."""
    graph = Graph("net")
    before = _dense(graph, "start", graph.input("x", (None, 5)), 4)
    last = _dense(graph, "stem", before, 4)
    for i in range(_CELLS):
        near = _adjusted(graph, i, before, forks=i in forks)
        ends = []
        for j in range(_ENDS):
            y = _dense(graph, f"left_{j}_cell_{i}", (near, last)[j % 2], 3 + i % 2)
            [y] = graph.call(ReLU(name=f"relu_{j}_cell_{i}"), [y])
            ends.append(_dense(graph, f"right_{j}_cell_{i}", y, 2))
        before = before if i in skips else last
        [last] = graph.call(Concatenate(name=f"concat_{i}"), ends)
    program = write(graph.filled(last))
    source = program.source
    loop = r"for cell in self\.(\w+):\n +before, x = x, cell\(before, x\)"
    assert re.findall(loop, source) == (["cells1", "cells2"] if skips else ["cells"])
    assert source.count("def forward(self, x: torch.Tensor, y: torch.Tensor)") == 1
    assert source.count("=True)") == len(forks)
    given = np.random.default_rng(0).normal(size=(3, 5)).astype("float32")
    seen = run(program, [[given]], program.module)
    before = dense(graph, "start", given)
    expected = dense(graph, "stem", before)
    for i in range(_CELLS):
        near = _adjusted_by_hand(graph, i, before, forks=i in forks)
        parts = []
        for j in range(_ENDS):
            y = dense(graph, f"left_{j}_cell_{i}", (near, expected)[j % 2])
            found = seen.layers[f"left_{j}_cell_{i}", 0][0]
            np.testing.assert_allclose(found, y, rtol=1e-2, atol=1e-2)
            parts.append(dense(graph, f"right_{j}_cell_{i}", np.maximum(y, 0)))
        before = before if i in skips else expected
        expected = np.concatenate(parts, axis=-1)
    np.testing.assert_allclose(seen.outputs[0][0], expected, rtol=1e-2, atol=1e-2)
