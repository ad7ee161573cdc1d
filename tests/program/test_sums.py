"""Two calls and their sum are one line, where nobody else reads what they make."""

from __future__ import annotations

import numpy as np
import pytest

from keras2torch.layers.definitions import (
    Add,
    AveragePooling2D,
    Conv2D,
    MaxPooling2D,
    Multiply,
)
from keras2torch.program import write
from keras2torch.program.classtext import Attribute, ClassText
from keras2torch.program.docstrings import Docstring
from keras2torch.program.sums import join_sums
from keras2torch.verification.torch_side import run

from .graphs import Graph

_FIRST, _SECOND = "x = self.left(u)", "y = self.right(v)"


@pytest.mark.parametrize(
    ("lines", "joined"),
    [
        ([_FIRST, _SECOND, "return x + y"], ["return self.left(u) + self.right(v)"]),
        ([_FIRST, _SECOND, "x = y + x"], ["x = self.right(v) + self.left(u)"]),
        ([_FIRST, _SECOND, "z = x + y", "x = z"], ["z = self.left(u) + self.right(v)"]),
        ([_FIRST, _SECOND, "z = x + y", "x = x * z"], None),
        ([_FIRST, _SECOND, "z = x + y", "for n in self.ns:", "    z = n(x)"], None),
        ([_FIRST, "y = self.right(x)", "return x + y"], None),
        ([_FIRST, _SECOND, "return x * y"], None),
        ([_FIRST, _SECOND, "return x + y + z"], None),
        ([_FIRST, "y = self.other(v)", "return x + y"], None),
    ],
)
def test_lines(lines: list[str], joined: list[str] | None) -> None:
    text = ClassText("Cell", "", Docstring("", False, ""), forward=list(lines))
    for name in ("left", "right"):
        made = Attribute(name, name, "nn.MaxPool2d(2)", {}, True)
        text.attributes[name] = made
    text.attributes["other"] = Attribute("other", "other", "nn.Dropout(0.5)", {}, True)
    join_sums(text)
    expected = lines if joined is None else [*joined, *lines[3:]]
    assert text.forward == expected


def test_what_is_joined_is_seen_none_the_less() -> None:
    graph = Graph("net")
    x = graph.input("x", (None, 4, 4, 3))
    [left] = graph.call(AveragePooling2D(2, name="left"), [x])
    [right] = graph.call(MaxPooling2D(2, name="right"), [x])
    [y] = graph.call(Add(name="both"), [left, right])
    [z] = graph.call(Conv2D(3, 1, name="conv"), [y])
    [y] = graph.call(Multiply(name="scaled"), [y, z])
    program = write(graph.filled(y))
    assert "self.left(x) + self.right(x)" in program.source
    given = np.random.default_rng(0).normal(size=(2, 4, 4, 3)).astype("float32")
    # Channels last, as Keras has them.
    parts = given.reshape(2, 2, 2, 2, 2, 3)
    average, most = parts.mean(axis=(2, 4)), parts.max(axis=(2, 4))
    seen = run(program, [[given]], program.module)
    for name, expected in (
        ("left", average),
        ("right", most),
        ("both", average + most),
    ):
        found = seen.layers[name, 0][0]
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
