"""What the names of layers say about which of them belong together."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest

from keras2torch.layers.definitions import (
    Add,
    Concatenate,
    Conv2D,
    Conv2DTranspose,
    Dense,
    MaxPooling2D,
    ReLU,
)
from keras2torch.program import write
from keras2torch.program.words import numbered
from keras2torch.verification.torch_side import run

from .graphs import Array, Graph, classes, dense

# Stage, letter and number of each block.
_BLOCKS = [(2, "a", 0), (2, "b", 1), (3, "a", 2), (3, "b", 3), (3, "c", 4)]
# Names of two layers and of the sum, what they are called in the class, and the stacks.
_STYLES = [
    # Keras' own ResNet50 until 2.2.
    ("res{0}{1}_branch2a", "bn{0}{1}_branch2b", "add_{2}",
     ("res_branch2a", "bn_branch2b"), ("res2", "res3")),
    ("fc{0}{1}", "out{0}{1}", "sum{0}{1}", ("fc", "out"), ("fc2", "fc3")),
    ("ff{2}a", "ff{2}b", "plus{2}", ("ff_a", "ff_b"), ("ff",)),
    ("Block{2}Wide", "Block{2}Back", "Block{2}Sum", ("wide", "back"), ("blocks",)),
    ("Unit-{2}-Wide", "Unit-{2}-Back", "Unit-{2}-Sum", ("wide", "back"), ("units",)),
    # Nothing in common with each other, and little with the next.
    ("e1{2}", "d2{2}", "s{2}", ("fc1", "fc2"), ()),
]  # fmt: skip


@pytest.mark.parametrize("style", _STYLES, ids=lambda style: style[0])
def test_numbers_within_words(
    style: tuple[str, str, str, tuple[str, ...], tuple[str, ...]],
) -> None:
    """Blocks that only a number in the first word tells apart, or only their wiring."""
    first, second, joined, attributes, stacks = style
    graph = Graph("net")
    y = graph.input("x", (None, 5))
    [y] = graph.call(Dense(5, name="start"), [y])
    for of in _BLOCKS:
        x = y
        [y] = graph.call(Dense(8, name=first.format(*of)), [x])
        [y] = graph.call(ReLU(name=f"re_lu_{of[2]}"), [y])
        [y] = graph.call(Dense(5, name=second.format(*of)), [y])
        [y] = graph.call(Add(name=joined.format(*of)), [y, x])
    [y] = graph.call(Dense(2, name="head"), [y])
    program = write(graph.filled(y))
    assert classes(program) == ["ResidualBlock", "Net"]
    for name in attributes:
        assert f"self.{name} = nn.Linear(" in program.source
    for name in stacks:
        assert f"self.{name} = nn.Sequential(" in program.source
    given = np.random.default_rng(0).normal(size=(3, 5)).astype("float32")
    expected = dense(graph, "start", given)
    for of in _BLOCKS:
        inside = np.maximum(dense(graph, first.format(*of), expected), 0)
        expected = expected + dense(graph, second.format(*of), inside)
    seen = run(program, [[given]], program.module)
    expected = dense(graph, "head", expected)
    np.testing.assert_allclose(seen.outputs[0][0], expected, rtol=1e-3, atol=1e-3)


def test_the_number_of_a_word() -> None:
    said = [numbered(word) for word in ("res2a", "bn", "2a", "conv10")]
    assert said == [("res", "2a"), ("bn", ""), ("", "2a"), ("conv", "10")]


def _u_net(graph: Graph, levels: int) -> ir.Value:
    """Ronneberger et al. 2015 with names of a letter and numbers."""
    y = graph.input("x", (None, 16, 24, 3))
    skips = []

    def convolved(y: ir.Value, letter: str, k: int) -> ir.Value:
        for n in (1, 2):
            conv = Conv2D(2 + k, 3, padding="same", name=f"{letter}{k}{n}")
            [y] = graph.call(conv, [y])
            [y] = graph.call(ReLU(name=f"{letter}a{k}{n}"), [y])
        return y

    for k in range(1, levels + 1):
        y = convolved(y, "e", k)
        skips.append(y)
        [y] = graph.call(MaxPooling2D(2, name=f"p{k}"), [y])
    for n in (1, 2):
        [y] = graph.call(Conv2D(9, 3, padding="same", name=f"b{n}"), [y])
        [y] = graph.call(ReLU(name=f"ba{n}"), [y])
    for k in range(levels, 0, -1):
        up = Conv2DTranspose(2 + k, 2, strides=2, name=f"u{k}")
        [y] = graph.call(up, [y])
        [y] = graph.call(Concatenate(name=f"c{k}"), [y, skips[k - 1]])
        y = convolved(y, "d", k)
    return y


def test_what_waits_for_a_larger_image_is_no_shortcut() -> None:
    """The innermost level of a U-Net is as long as a residual block."""
    graph = Graph("net")
    model = graph.filled(_u_net(graph, 3))
    folded, flat = write(model), write(model, flat=True)
    assert 'class UpBlock(nn.Module):\n    """A block that is 3' in folded.source
    assert "A block that is 4 times in the model." in folded.source
    assert "torch.cat" not in folded.source.partition("class Net")[2]
    given: Array = np.random.default_rng(0).normal(size=(2, 16, 24, 3))
    given = given.astype("float32")
    one, other = (run(p, [[given]], p.module) for p in (folded, flat))
    np.testing.assert_array_equal(one.outputs[0][0], other.outputs[0][0])
    for path in ("e11", "u3", "d12"):
        found, expected = one.layers[path, 0][0], other.layers[path, 0][0]
        np.testing.assert_array_equal(found, expected)
