"""Blocks that are never alone are one class, those that sometimes are stay parted."""

from __future__ import annotations

import numpy as np
import pytest

from keras2torch.layers.definitions import Activation, Concatenate, Dense, ReLU
from keras2torch.program import write
from keras2torch.verification.torch_side import run

from .graphs import Graph, classes, dense


@pytest.mark.parametrize(
    ("rows", "inside"),
    [
        ([2] * 6, 2),
        ([3] * 5, 3),
        ([2] * 6 + [1], 1),
        ([2] * 4 + [3] * 2, 1),
        ([4] * 4, 1),
    ],
    ids=["pairs", "threes", "one alone", "pairs and threes", "too long"],
)
def test_what_is_never_alone(rows: list[int], inside: int) -> None:
    graph = Graph("net")
    x = graph.input("x", (None, 3))
    ends = []
    for i, count in enumerate(rows):
        y = x
        for j in range(count):
            [y] = graph.call(Dense(3 + i, name=f"dense_{4 * i + j}"), [y])
            [y] = graph.call(Activation("softsign", name=f"activation_{i}_{j}"), [y])
            [y] = graph.call(ReLU(name=f"re_lu_{4 * i + j}"), [y])
        ends.append(y)
    [y] = graph.call(Concatenate(name="joined"), ends)
    program = write(graph.filled(y))
    assert len(classes(program)) == 2
    block = program.source.partition("class Net(")[0]
    assert block.count("nn.Linear(") == inside
    given = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
    parts = []
    for i, count in enumerate(rows):
        y = given
        for j in range(count):
            y = dense(graph, f"dense_{4 * i + j}", y)
            y = np.maximum(y / (1 + np.abs(y)), 0)
        parts.append(y)
    [[found]] = run(program, [[given]], program.module).outputs
    np.testing.assert_allclose(found, np.concatenate(parts, -1), rtol=1e-3, atol=1e-4)
