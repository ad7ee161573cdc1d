"""What goes around a branch is ``x`` and the branch ``y``, as a person writes them."""

from __future__ import annotations

from keras2torch.layers.core import Dense
from keras2torch.layers.merging import Add, Concatenate
from keras2torch.program import write
from tests.program.graphs import Graph


def _forward(source: str) -> list[str]:
    lines = source[source.index("def forward(") :].splitlines()[1:]
    return [line.strip() for line in lines[: lines.index("")]]


def test_residual_branches_are_y() -> None:
    graph = Graph("residual")
    x = graph.input("given", (None, 4))
    [x] = graph.call(Dense(4, name="stem"), [x])
    for name in ("first", "second"):
        [y] = graph.call(Dense(8, name=f"{name}_up"), [x])
        [y] = graph.call(Dense(4, name=f"{name}_down"), [y])
        [x] = graph.call(Add(name=f"{name}_add"), [x, y])
    assert _forward(write(graph.filled(x), flat=True).source) == [
        "x = self.stem(x)",
        "y = self.first_up(x)",
        "y = self.first_down(y)",
        "x = x + y",
        "y = self.second_up(x)",
        "y = self.second_down(y)",
        "return x + y",
    ]


def test_what_is_read_beyond_its_branch_keeps_its_name() -> None:
    graph = Graph("skips")
    x = graph.input("given", (None, 4))
    [first] = graph.call(Dense(4, name="first"), [x])
    [second] = graph.call(Dense(4, name="second"), [first])
    [x] = graph.call(Dense(4, name="deepest"), [second])
    [x] = graph.call(Concatenate(name="join_second"), [x, second])
    [x] = graph.call(Concatenate(name="join_first"), [x, first])
    assert _forward(write(graph.filled(x), flat=True).source) == [
        "first = self.first(x)",
        "x = self.second(first)",
        "y = self.deepest(x)",
        "x = torch.cat([y, x], dim=-1)",
        "return torch.cat([x, first], dim=-1)",
    ]
