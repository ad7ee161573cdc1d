"""What follows from other arguments is computed by the class, not told."""

from __future__ import annotations

import numpy as np
import pytest

from keras2torch.layers.definitions import (
    Add,
    BatchNormalization,
    Conv2D,
    DepthwiseConv2D,
    ReLU,
)
from keras2torch.program import write
from keras2torch.program.columns import Column
from keras2torch.program.derived import derived, put_derived
from keras2torch.verification.torch_side import run

from .graphs import Graph, classes

IN, HIDDEN, OUT = "in_channels", "hidden_channels", "out_channels"
PADS = {"0 if pad else {}": [True, False, False]}


def _columns(**values: str) -> list[Column]:
    """Return arguments of one call; values of instances are parted by blanks."""
    return [
        Column([None if v == "-" else v for v in text.split()], [(0, 0, name)], name)
        for name, text in values.items()
    ]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({IN: "8 16 8", HIDDEN: "48 96 48"}, {HIDDEN: "6 * in_channels"}),
        ({HIDDEN: "64 128 128", OUT: "256 512 512"}, {HIDDEN: "out_channels // 4"}),
        # Of the inside first what goes in.
        ({IN: "8 9 8", HIDDEN: "32 36 32", OUT: "8 9 8"}, {HIDDEN: "4 * in_channels"}),
        (
            {HIDDEN: "24 48 48", OUT: "4 8 8", "se_channels": "6 12 12"},
            {HIDDEN: "6 * out_channels", "se_channels": "hidden_channels // 4"},
        ),
        # Other multiples are an accident, as are those of few, and of one number.
        ({HIDDEN: "120 240 240", "se_channels": "5 10 10"}, {}),
        ({IN: "8 16", HIDDEN: "32 64"}, {}),
        ({IN: "8 8 8", HIDDEN: "32 32 32"}, {}),
        ({IN: "8 16 16", HIDDEN: "32 64 60"}, {}),
        # Who calls a block knows what goes in and comes out.
        ({IN: "8 16 32", OUT: "16 32 64"}, {}),
        ({OUT: "8 16 32", "skip_in_channels": "16 32 64"}, {}),
        ({IN: "8 16 32", "stride": "16 32 64"}, {}),
        ({"kernel_size": "3 5", "padding": "1 2"}, {"padding": "kernel_size // 2"}),
        ({"kernel_size": "3 5 1", "padding": "1 2 1"}, {}),
        ({"kernel_size": "3 4 5", "padding": "1 2 2"}, {}),
        ({"kernel_size": "(3,1) 3 3", "padding": "(1,0) 1 1"}, {}),
        (
            {"kernel_size": "(1,7) (7,1)", "padding": "(0,3) (3,0)"},
            {"padding": "(kernel_size[0] // 2, kernel_size[1] // 2)"},
        ),
        ({"kernel_size": "(1,7) (7,2)", "padding": "(0,3) (3,1)"}, {}),
        ({"kernel_size": "(1,7) (7,1)", "padding": "(0,3) (0,3)"}, {}),
        # A class that pads by itself where its convolution does not.
        (
            {"kernel_size": "3 5 3", "padding": "0 2 1"},
            {"padding": "0 if pad else kernel_size // 2"},
        ),
        ({"padding": "0 1 1", OUT: "8 16 16"}, {"padding": "0 if pad else 1"}),
        ({"padding": "0 1 2", OUT: "8 16 16"}, {}),
        ({"padding": "1 0 0", OUT: "8 16 16"}, {}),
        (
            {OUT: "8 16", "shape": "(8,1,1) (16,1,1)"},
            {"shape": "(out_channels, 1, 1)"},
        ),
        ({OUT: "8 16", "shape": "(8,1,1) (16,1,2)"}, {}),
        ({OUT: "8 16", "shape": "(1,1) (1,1,16)"}, {}),
        # What only some instances have is the same rule in those.
        (
            {OUT: "8 16 4", "shape": "(8,1,1) - (4,1,1)"},
            {"shape": "(out_channels, 1, 1)"},
        ),
    ],
)
def test_what_follows(values: dict[str, str], expected: dict[str, str]) -> None:
    found = _columns(**values)
    meanings = {key: c.name for c in found for key in c.keys}
    pads = PADS if len(found[0].values) == 3 else {}
    assert derived(found, meanings, pads) == expected


def test_the_padding_of_another_call() -> None:
    found = _columns(kernel_size="3 5 3", padding="1 2 1")
    found[1].keys = [(0, 0, "padding"), (1, 0, "padding")]
    meanings = {key: c.name for c in found for key in c.keys}
    assert derived(found, meanings, {}) == {}


def test_what_is_used_twice_is_computed_before() -> None:
    lines = [
        "self.a = nn.Conv2d(out_channels, hidden_channels, 3, padding=padding)  # why",
        "self.b = nn.Conv2d(hidden_channels, out_channels, 3)",
    ]
    follows = {HIDDEN: "4 * out_channels", "padding": "kernel_size // 2"}
    made, first = put_derived(lines, follows)
    assert first == ["hidden_channels = 4 * out_channels"]
    assert made == [lines[0].replace("=padding", "=kernel_size // 2"), lines[1]]


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        # Expanded, kernel, stride, filters.
        (
            [(20, 3, 1, 5), (20, 5, 1, 5), (20, 3, 1, 5)],
            ["padding=kernel_size // 2", "(kernel_size) for kernel_size in (3, 5, 3)"],
        ),
        (
            [(30, 3, 2, 5), (30, 3, 1, 5), (36, 3, 2, 6), (36, 3, 1, 6)],
            ["padding=0 if pad else 1", "hidden_channels = 6 * out_channels"],
        ),
        (
            [(20, 3, 2, 5), (20, 5, 1, 5), (24, 5, 2, 6), (24, 3, 1, 6)],
            ["padding=kernel_size // 2 if pad is None else 0", "4 * out_channels"],
        ),
    ],
)
def test_blocks(blocks: list[tuple[int, int, int, int]], expected: list[str]) -> None:
    graph = Graph("net")
    y = graph.input("x", (None, 24, 24, 5))
    for i, (expanded, kernel, stride, filters) in enumerate(blocks):
        x = y
        for layer in (
            Conv2D(expanded, 1, name=f"block{i}_expand"),
            ReLU(name=f"block{i}_expand_relu"),
            DepthwiseConv2D(kernel, stride, padding="same", name=f"block{i}_deep"),
            BatchNormalization(name=f"block{i}_deep_bn"),
            ReLU(name=f"block{i}_deep_relu"),
            Conv2D(filters, 1, name=f"block{i}_project"),
        ):
            [y] = graph.call(layer, [y])
        if stride == 1:
            [y] = graph.call(Add(name=f"block{i}_add"), [x, y])
    model = graph.filled(y)
    folded, flat = write(model), write(model, flat=True)
    assert len(classes(folded)) == 2
    for text in expected:
        assert text in folded.source
    assert "padding: int" not in folded.source
    given = np.random.default_rng(0).normal(size=(2, 24, 24, 5)).astype("float32")
    one, other = (run(p, [[given]], p.module) for p in (folded, flat))
    np.testing.assert_array_equal(one.outputs[0][0], other.outputs[0][0])
