"""Merge layers against Keras: layouts, broadcasting, masks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import onnx_ir as ir
import pytest

from keras2torch.dialect import GraphBuilder
from keras2torch.errors import UnsupportedLayer
from keras2torch.layers.convolution import Conv2D
from keras2torch.layers.definitions import LSTM, Dense, Embedding, Layer
from keras2torch.layers.merging import (
    Add,
    Average,
    Concatenate,
    Dot,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
)
from keras2torch.layers.pooling import GlobalAveragePooling1D, GlobalAveragePooling2D
from keras2torch.layers.regularization import Dropout
from keras2torch.layers.reshaping import Flatten, Reshape
from tests.layers.harness import Row, check, rows, stack

pytestmark = pytest.mark.needs_keras
IMAGE = (None, 5, 4, 3)
MERGES = [Add, Subtract, Multiply, Average, Maximum, Minimum]
Build = Callable[[GraphBuilder], Sequence[ir.Value]]
# Each pair of masks meets all four ways.
WORDS = {
    "words0": [[1, 2, 3, 0, 0], [4, 0, 5, 6, 0], [1, 2, 3, 4, 5]],
    "words1": [[3, 0, 1, 0, 2], [1, 6, 0, 5, 0], [0, 2, 2, 0, 1]],
    "words2": [[0, 0, 1, 5, 0], [1, 0, 0, 5, 2], [2, 2, 0, 0, 1]],
}


def two_convs(merge: Layer, *, then: Layer | None = None) -> Build:
    """Two convolutions of one image, merged, and a third one behind."""

    def build(b: GraphBuilder) -> Sequence[ir.Value]:
        x = b.input("image", (None, 7, 5, 3))
        [left] = b.call(Conv2D(4, 3, padding="same", name="left"), [x])
        [right] = b.call(Conv2D(4, 1, name="right"), [x])
        [y] = b.call(merge, [left, right])
        return b.call(then or Conv2D(2, 2, name="last"), [y])

    return build


def squeeze_excite(b: GraphBuilder) -> Sequence[ir.Value]:
    x = b.input("image", (None, 7, 5, 3))
    [x] = b.call(Conv2D(4, 3, name="conv"), [x])
    [s] = b.call(GlobalAveragePooling2D(name="squeeze"), [x])
    [s] = b.call(Dense(2, activation="relu", name="reduce"), [s])
    [s] = b.call(Dense(4, activation="sigmoid", name="expand"), [s])
    [s] = b.call(Reshape((1, 1, 4), name="reshape"), [s])
    [y] = b.call(Multiply(name="scale"), [x, s])
    return b.call(Conv2D(2, 2, name="last"), [y])


def lower_rank(merge: Layer, swap: bool, *shape: int) -> Build:
    """Merge an image of a convolution with a tensor of fewer axes."""

    def build(b: GraphBuilder) -> Sequence[ir.Value]:
        x = b.input("image", (None, 7, 5, 3))
        s = b.input("side", (None, *shape))
        [x] = b.call(Conv2D(4, 3, name="conv"), [x])
        [y] = b.call(merge, [s, x] if swap else [x, s])
        return b.call(Conv2D(2, 2, name="last"), [y])

    return build


def flattened(merge: Layer) -> Build:
    """Merge what two convolutions give after Flatten: the order must be Keras'."""

    def build(b: GraphBuilder) -> Sequence[ir.Value]:
        x = b.input("image", (None, 5, 4, 3))
        parts = []
        for i in range(2):
            [p] = b.call(Conv2D(2, 2, name=f"conv{i}"), [x])
            parts += b.call(Flatten(name=f"flatten{i}"), [p])
        [y] = b.call(merge, parts)
        return b.call(Dense(3, name="dense"), [y])

    return build


def masked(
    merge: Layer, which: Sequence[bool], last: Layer | None = None, steps: int = 5
) -> Build:
    """Merge embeddings of which some have a mask; an LSTM reads the mask behind."""

    def build(b: GraphBuilder) -> Sequence[ir.Value]:
        parts = []
        for i, has in enumerate(which):
            x = b.input(f"words{i}", (None, steps), "int32")
            parts += b.call(Embedding(7, 4, mask_zero=has, name=f"embed{i}"), [x])
        [y] = b.call(merge, parts)
        [z] = b.call(last or LSTM(3, name="lstm"), [y])
        return [y, z]

    return build


def gated(b: GraphBuilder) -> Sequence[ir.Value]:
    """Attention by hand: steps with a mask times weights without one."""
    x = b.input("words", (None, 5), "int32")
    w = b.input("weights", (None, 5, 4))
    [x] = b.call(Embedding(7, 4, mask_zero=True, name="embed"), [x])
    [y] = b.call(Multiply(name="times"), [x, w])
    [z] = b.call(GlobalAveragePooling1D(name="mean"), [y])
    return [z]


def shared(b: GraphBuilder) -> Sequence[ir.Value]:
    """The same tensor twice, and a merge called twice."""
    x = b.input("x", (None, 5))
    merge = Add(name="add")
    [y] = b.call(merge, [x, x])
    [z] = b.call(merge, [y, x])
    return [y, z]


ROWS = [
    *(stack(f"{m.__name__}_2d", [m()], (None, 5), (None, 5)) for m in MERGES),
    *(
        Row(f"{m.__name__}_convs", two_convs(m(name="merge")), permutes=0)
        for m in [*MERGES, Concatenate]
    ),
    *(
        stack(f"{m.__name__}_three", [m()], IMAGE, IMAGE, IMAGE)
        for m in MERGES
        if m is not Subtract
    ),
    *(
        stack(f"{m.__name__}_broadcast", [m()], (None, 1, 4, 3), (None, 5, 4, 1))
        for m in MERGES
    ),
    stack("one_input", [Add()], (None, 5)),
    stack("add_integers", [Add()], (None, 5), (None, 5), dtype="int32"),
    Row("shared", shared),
    Row("squeeze_excite", squeeze_excite, permutes=0),
    Row("channels_to_image", lower_rank(Multiply(name="m"), False, 4), permutes=0),
    Row("image_to_channels", lower_rank(Subtract(name="m"), True, 4), permutes=0),
    Row("column_to_image", lower_rank(Add(name="m"), False, 3, 4)),
    Row("rank3_one_to_image", lower_rank(Maximum(name="m"), False, 1, 4)),
    stack("ranks_2_and_3", [Subtract()], (None, 4), (None, 5, 4)),
    stack("ranks_3_and_2", [Average()], (None, 5, 4), (None, 4)),
    # -- Concatenate
    stack("concat", [Concatenate()], (None, 5), (None, 2)),
    stack("concat_three", [Concatenate()], (None, 4, 5), (None, 4, 1), (None, 4, 2)),
    stack("concat_time", [Concatenate(axis=1)], (None, 4, 5), (None, 3, 5)),
    stack("concat_minus_2", [Concatenate(axis=-2)], (None, 4, 5), (None, 3, 5)),
    Row("concat_rows", two_convs(Concatenate(axis=1, name="m")), permutes=0),
    Row("concat_columns", two_convs(Concatenate(axis=2, name="m")), permutes=0),
    Row("concat_channels", two_convs(Concatenate(axis=3, name="m")), permutes=0),
    Row(
        "concat_dropout_flatten",
        two_convs(Concatenate(name="m"), then=Flatten(name="f")),
    ),
    Row("concat_flattened", flattened(Concatenate(name="m"))),
    Row("concat_axis1_flattened", flattened(Concatenate(axis=1, name="m"))),
    Row("add_flattened", flattened(Add(name="m"))),
    # -- Dot
    stack("dot", [Dot(axes=1)], (None, 5), (None, 5)),
    stack("dot_normalized", [Dot(axes=-1, normalize=True)], (None, 5), (None, 5)),
    stack("dot_matrix", [Dot(axes=2)], (None, 4, 5), (None, 3, 5)),
    stack("dot_inner", [Dot(axes=[1, 1])], (None, 5, 4), (None, 5, 3)),
    stack("dot_product", [Dot(axes=[2, 1])], (None, 4, 5), (None, 5, 3)),
    stack("dot_3_2", [Dot(axes=[2, 1])], (None, 4, 5), (None, 5)),
    stack("dot_2_3", [Dot(axes=[1, 2])], (None, 5), (None, 4, 5)),
    stack("dot_4_3", [Dot(axes=[3, 1])], (None, 2, 4, 5), (None, 5, 3)),
    stack("dot_4_4", [Dot(axes=[2, 3])], (None, 2, 5, 3), (None, 4, 2, 5)),
    stack(
        "dot_matrix_normalized",
        [Dot(axes=[2, 1], normalize=True)],
        (None, 4, 5),
        (None, 5, 3),
    ),
    # -- masks
    *(
        Row(
            f"{m.__name__}_masks_{''.join(str(int(w)) for w in which)}",
            masked(m(name="merge"), which),
            inputs=WORDS,
        )
        for m in [*MERGES, Concatenate]
        for which in [(True, True), (True, False), (False, True)]
    ),
    *(
        Row(f"{m.__name__}_masks_three", masked(m(name="merge"), which), inputs=WORDS)
        for m in (Multiply, Maximum, Minimum, Add, Concatenate)
        for which in [(True, False, True)]
    ),
    Row(
        "concat_time_masks",
        masked(Concatenate(axis=1, name="m"), (True, True)),
        inputs=WORDS,
    ),
    Row(
        "concat_time_mask",
        masked(Concatenate(axis=1, name="m"), (False, True)),
        inputs=WORDS,
    ),
    Row(
        "concat_time_mask_first",
        masked(Concatenate(axis=1, name="m"), (True, False)),
        inputs=WORDS,
    ),
    Row("weighted_by_hand", gated),
]

# As Keras ≤ 2 has it: masks are joined with "and" and change no value.
KERAS2 = [
    *(
        Row(
            f"{m.__name__}_masks_{''.join(str(int(w)) for w in which)}",
            masked(m(name="merge", keras2=True), which),
            inputs=WORDS,
        )
        for m in [Subtract, Multiply, Maximum, Concatenate]
        for which in [(True, True), (True, False), (False, True)]
    ),
    Row(
        "concat_time_masks",
        masked(Concatenate(axis=1, keras2=True, name="m"), (True, True)),
        inputs=WORDS,
    ),
    Row(
        "dot",
        masked(
            Dot(axes=[1, 1], keras2=True, name="m"),
            (True, True),
            Dropout(0.2, name="d"),
        ),
    ),
]


@rows(ROWS)
def test_like_keras(row, keras):
    check(row, keras)


@rows(KERAS2)
def test_like_keras_2(row, keras):
    check(row, keras)


@pytest.mark.parametrize(
    ("layer", "shapes"),
    [
        (Subtract(name="s"), [(None, 3)] * 3),
        (Dot(axes=0, name="d"), [(None, 3)] * 2),
        (Dot(axes=1, name="d"), [(None, 3)] * 3),
        (Concatenate(axis=4, name="c"), [(None, 3)] * 2),
        (Concatenate(name="c"), [(None, 3), (None, 3, 3)]),
        (Add(name="a"), [(2, 3), (3, 3)]),
    ],
)
def test_what_has_no_rule_is_named(layer, shapes):
    with pytest.raises(UnsupportedLayer, match=repr(layer.name)):
        layer.output_shapes(*shapes)
