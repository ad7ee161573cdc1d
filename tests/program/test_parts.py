"""Results that stand in what a statement binds get no name of their own."""

from __future__ import annotations

import pytest

from keras2torch.layers.definitions import Tensor
from keras2torch.program.parts import holders, parts_of

BOUND = ["out, (h, c) = self.encoder(x)"]


@pytest.mark.parametrize(
    ("before", "results", "found"),
    [
        (BOUND, ["out", "h[-1]", "c[-1]"], {0: "out", 1: "h", 2: "c"}),
        (BOUND, ["out[:, -1]", "h[0]", "c[1]"], {1: "h", 2: "c"}),
        (BOUND, ["x", "h + c"], {}),
        # What an earlier statement binds may be bound anew.
        (["a, b = f(x)", "b, c = g(a)"], ["a", "b"], {1: "b"}),
        ([], ["h[0]"], {}),
    ],
)
def test_parts(before: list[str], results: list[str], found: dict[int, str]) -> None:
    assert parts_of(before, results) == found


def test_a_variable_is_read_when_any_of_its_parts_is() -> None:
    outputs = [Tensor((None, 3)) for _ in range(4)]
    uses = {id(outputs[0]): [4], id(outputs[1]): [2, 9], id(outputs[2]): [6]}
    found = holders({0: "out", 1: "h", 2: "h", 3: "c"}, outputs, uses)
    assert {name: uses[id(tensor)] for name, tensor in found.items()} == {
        "out": [4],
        "h": [2, 6, 9],
    }
