"""Long forwards are parted; what is called twice stays where both calls see it."""

from __future__ import annotations

import numpy as np
import pytest

from keras2torch.layers.definitions import Add, Dense, ReLU, Subtract
from keras2torch.program import write
from keras2torch.verification.torch_side import run

from .graphs import Graph, data


def test_a_shared_tower_is_held_once() -> None:
    graph = Graph("siamese")
    ends = []
    layers = [Dense(4, name=f"tower_{name}") for name in "abcdefghijklmnop"]
    for side in ("left", "right"):
        y = graph.input(side, (None, 4))
        for layer in layers:
            [y] = graph.call(layer, [y])
        ends.append(y)
    [y] = graph.call(Subtract(name="difference"), ends)
    program = write(graph.filled(y))
    assert len(program.weights) == 2 * len(layers)
    random = np.random.default_rng(0)
    given = [random.normal(size=(3, 4)).astype("float32") for _ in range(2)]
    expected = []
    for value in given:
        for layer in layers:
            kernel, bias = graph.layers[layer.name].values
            value = value @ data(kernel) + data(bias)
        expected.append(value)
    [[found]] = run(program, [given], program.module).outputs
    np.testing.assert_allclose(found, expected[0] - expected[1], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("after", "name"), [(1, "blocks"), (9, "stem")])
def test_what_a_network_begins_with_is_its_stem(after: int, name: str) -> None:
    """Unless there is not much else."""
    graph = Graph("net")
    y = graph.input("x", (None, 4))
    for i in range(3):
        x = y
        [y] = graph.call(Dense(6, name=f"dense_{2 * i}"), [x])
        [y] = graph.call(ReLU(name=f"re_lu_{i}"), [y])
        [y] = graph.call(Dense(4, name=f"dense_{2 * i + 1}"), [y])
        [y] = graph.call(Add(name=f"add_{i}"), [x, y])
    for i in range(after):
        [y] = graph.call(Dense(4 + i, name=f"last_{i}"), [y])
    source = write(graph.filled(y)).source
    assert f"self.{name} = nn.Sequential(" in source
