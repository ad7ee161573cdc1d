"""Attention against Keras: projections, masks, scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import onnx_ir as ir
import pytest

from keras2torch.dialect import GraphBuilder
from keras2torch.errors import UnsupportedLayer
from keras2torch.layers.attention import AdditiveAttention, Attention
from keras2torch.layers.base import Call, Shape, Tensor
from keras2torch.layers.definitions import Embedding, Layer
from keras2torch.layers.grouped_query import GroupQueryAttention
from keras2torch.layers.merging import Add
from keras2torch.layers.multi_head import MultiHeadAttention
from keras2torch.layers.normalization import LayerNormalization
from keras2torch.layers.pooling import GlobalAveragePooling1D
from tests.layers.harness import Row, check, rows

pytestmark = pytest.mark.needs_keras
Build = Callable[[GraphBuilder], Sequence[ir.Value]]
Q, V, K = (None, 5, 6), (None, 4, 6), (None, 4, 6)


def attend(layer: Layer, *shapes: Shape, **options: Any) -> Build:
    """Call a layer on inputs of these shapes; one shape is self-attention."""

    def build(b: GraphBuilder) -> Sequence[ir.Value]:
        layer.name = "attention"
        values = [b.input(f"in{i}", s) for i, s in enumerate(shapes)]
        named = {}
        if (mask := options.pop("attention_mask", None)) is not None:
            named["attention_mask"] = b.input("mask", mask, "bool")
        inputs = values if len(values) > 1 else values * 2
        return b.call(layer, inputs, named=named, options=options)

    return build


def words(
    layer: Layer, which: Sequence[bool], *, self_: bool = False, mean: bool = True
) -> Build:
    """Call a layer on embeddings, some with a mask."""

    def build(b: GraphBuilder) -> Sequence[ir.Value]:
        layer.name = "attention"
        values = []
        for i, has in enumerate(which):
            x = b.input(f"words{i}", (None, 5 if not i else 4), "int32")
            embed = Embedding(7, 6, mask_zero=has, name=f"embed{i}")
            values += b.call(embed, [x])
        [y] = b.call(layer, values * 2 if self_ else values)
        if not mean:
            return [y]
        [z] = b.call(GlobalAveragePooling1D(name="mean"), [y])
        return [y, z]

    return build


def mha(heads: int = 2, size: int = 3, **options: Any) -> MultiHeadAttention:
    return MultiHeadAttention(heads, size, **options)


def all_masked(row: Row) -> Row:
    """Give a row of words inputs of which one sample holds padding only."""
    first = np.array([[1, 2, 3, 4, 5], [1, 2, 0, 0, 0], [0, 0, 0, 0, 0]])
    second = np.array([[0, 2, 3, 4], [0, 0, 0, 0], [1, 2, 3, 0]])
    return Row(
        f"{row.name}_all_masked",
        row.build,
        inputs={"words0": first, "words1": second},
    )


def two_blocks(b: GraphBuilder) -> Sequence[ir.Value]:
    x = b.input("words", (None, 5), "int32")
    [x] = b.call(Embedding(7, 6, mask_zero=True, name="embed"), [x])
    for i in range(2):
        [y] = b.call(mha(name=f"attention{i}"), [x, x])
        [x] = b.call(Add(name=f"add{i}"), [x, y])
        [x] = b.call(LayerNormalization(name=f"norm{i}"), [x])
    return b.call(GlobalAveragePooling1D(name="mean"), [x])


def block(b: GraphBuilder) -> Sequence[ir.Value]:
    """A transformer block over padded words."""
    x = b.input("words", (None, 5), "int32")
    [x] = b.call(Embedding(7, 6, mask_zero=True, name="embed"), [x])
    [y] = b.call(mha(name="attention"), [x, x])
    [z] = b.call(Add(name="add"), [x, y])
    [z] = b.call(LayerNormalization(name="norm"), [z])
    return b.call(GlobalAveragePooling1D(name="mean"), [z])


AXES = "AxisAttention((6, 6, 6, 6), 2, 3, axes=({}))"
G, H = (None, 5, 2, 6), (None, 4, 2, 6)
S, T = (None, 2, 5, 6), (None, 2, 4, 6)
PLAIN = ("nn.MultiheadAttention(6, 2, batch_first=True)",)
ROWS = [
    Row("self", attend(mha(), Q), contains=PLAIN),
    Row("cross", attend(mha(), Q, V), contains=PLAIN),
    Row("key", attend(mha(), Q, V, K), contains=PLAIN),
    Row("no_bias", attend(mha(use_bias=False), Q, V), contains=("bias=False",)),
    Row("dropout", attend(mha(dropout=0.3), Q, V), contains=("dropout=0.3",)),
    Row("causal", attend(mha(), Q, use_causal_mask=True), contains=PLAIN),
    Row("causal_longer", attend(mha(), Q, V, use_causal_mask=True)),
    Row("causal_shorter", attend(mha(), V, Q, use_causal_mask=True)),
    Row("window", attend(mha(sliding_window=2), Q)),
    Row("causal_window", attend(mha(sliding_window=2), Q, use_causal_mask=True)),
    Row("one_head", attend(mha(1, 6), Q, V)),
    Row("axes", attend(mha(attention_axes=[1]), Q, V), contains=PLAIN),
    # -- head sizes that nn.MultiheadAttention does not take
    Row(
        "small", attend(mha(2, 4), Q, V), contains=("MultiHeadAttention((6, 6, 6, 6)",)
    ),
    Row("three_heads", attend(mha(3, 5, use_bias=False), Q)),
    Row("value_dim", attend(mha(2, 3, value_dim=5), Q, V)),
    Row("output_shape", attend(mha(2, 3, output_shape=7), Q, V)),
    Row("output_tuple", attend(mha(2, 3, output_shape=[7], dropout=0.2), Q, V)),
    Row("widths", attend(mha(2, 3), (None, 5, 6), (None, 4, 7), (None, 4, 8))),
    Row("gate", attend(mha(2, 3, use_gate=True), Q, V)),
    Row("gate_value_dim", attend(mha(2, 3, value_dim=4, use_gate=True), Q)),
    Row("small_causal", attend(mha(2, 4), Q, use_causal_mask=True)),
    Row("small_window", attend(mha(2, 4, sliding_window=2), Q)),
    Row("output_axes", attend(mha(output_shape=(2, 3)), Q, V)),
    # -- more axes: along all of them, along some
    Row("all_axes", attend(mha(), (None, 4, 3, 6)), contains=(AXES.format("1, 2"),)),
    Row("axis_1", attend(mha(attention_axes=1), G, H), contains=(AXES.format("1,"),)),
    Row(
        "axis_2", attend(mha(attention_axes=(2,)), S, T), contains=(AXES.format("2,"),)
    ),
    Row(
        "axis_last", attend(mha(attention_axes=-2), S, T), contains=(AXES.format("2,"),)
    ),
    Row("axes_turned", attend(mha(attention_axes=(2, 1)), S, (*T[:1], 3, 5, 6))),
    Row("axes_open", attend(mha(2, 4, attention_axes=(1, 2)), (None, None, None, 6))),
    Row("axes_of_5", attend(mha(attention_axes=(1, 3)), (None, 3, 2, 4, 6))),
    Row("axis_of_5", attend(mha(attention_axes=[2]), (None, 3, 4, 2, 6))),
    Row(
        "axes_options",
        attend(
            mha(3, 2, value_dim=5, use_bias=False, use_gate=True, output_shape=[7]),
            S,
            T,
        ),
    ),
    Row("axes_key", attend(mha(attention_axes=2), S, (*T[:-1], 7), (*T[:-1], 8))),
    Row("axes_output", attend(mha(attention_axes=2, output_shape=(2, 3)), S, T)),
    Row("axes_dropout", attend(mha(attention_axes=2, dropout=0.4), S, T)),
    Row(
        "axes_mask",
        attend(mha(attention_axes=2), S, T, attention_mask=(None, 2, 1, 5, 4)),
    ),
    Row("axes_mask3", attend(mha(attention_axes=2), S, T, attention_mask=(None, 5, 4))),
    Row(
        "axes_masks",
        attend(mha(), (None, 2, 3, 6), attention_mask=(None, 2, 3, 2, 3)),
    ),
    Row(
        "axes_mask_heads",
        attend(mha(), (None, 2, 3, 6), attention_mask=(None, 2, 2, 3, 2, 3)),
    ),
    Row("axes_causal", attend(mha(attention_axes=1), G, H, use_causal_mask=True)),
    Row("axes_window", attend(mha(attention_axes=1, sliding_window=2), G)),
    # -- masks
    *(
        Row(f"{kind}_mask{rank}", attend(mha(2, size), Q, V, attention_mask=shape))
        for kind, size in (("plain", 3), ("small", 4))
        for rank, shape in (
            (3, (None, 5, 4)),
            ("3_rows", (None, 1, 4)),
            ("3_columns", (None, 5, 1)),
            (4, (None, 2, 5, 4)),
            ("4_samples", (None, 1, 5, 4)),
            ("4_heads", (None, 2, 1, 4)),
        )
    ),
    Row(
        "mask4_and_causal",
        attend(mha(), Q, V, attention_mask=(None, 2, 5, 4), use_causal_mask=True),
    ),
    Row(
        "mask_and_causal",
        attend(mha(), Q, V, attention_mask=(None, 5, 4), use_causal_mask=True),
    ),
    *(
        Row(
            f"{kind}_words_{''.join(str(int(w)) for w in which)}",
            words(mha(2, size), which),
        )
        for kind, size in (("plain", 3), ("small", 4))
        for which in ((True, True), (True, False), (False, True))
    ),
    Row("words_self", words(mha(), (True,), self_=True)),
    Row("words_self_dropout", words(mha(dropout=0.1), (True,), self_=True)),
    all_masked(Row("plain", words(mha(), (True, True), mean=False))),
    all_masked(Row("small", words(mha(2, 4), (True, True), mean=False))),
    all_masked(
        Row("small_dropout", words(mha(2, 4, dropout=0.1), (True, True), mean=False))
    ),
    Row("block", block),
    # -- as Keras 2 has it
    Row("keras2", words(mha(2, 4, keras2=True), (True, True))),
    Row("keras2_plain", attend(mha(keras2=True), Q, V, K, use_causal_mask=True)),
    all_masked(
        Row("keras2", words(mha(dropout=0.1, keras2=True), (True, True), mean=False))
    ),
]

DOT = [
    Row("dot", attend(Attention(), Q, V), contains=("scale=1.0",)),
    Row("dot_key", attend(Attention(), Q, V, K), contains=("scale=1.0",)),
    Row("dot_self", attend(Attention(), Q)),
    Row("dot_scale", attend(Attention(use_scale=True), Q, V)),
    Row("dot_dropout", attend(Attention(dropout=0.4), Q, V), contains=("dropout=0.4",)),
    Row("dot_causal", attend(Attention(), Q, V, use_causal_mask=True)),
    Row("dot_rank4", attend(Attention(), (None, 2, 5, 6), (None, 2, 4, 6))),
    Row("concat", attend(Attention(score_mode="concat"), Q, V)),
    Row("concat_scale", attend(Attention(True, "concat"), Q, V, K)),
    Row("additive", attend(AdditiveAttention(), Q, V)),
    Row("additive_key", attend(AdditiveAttention(), Q, V, K)),
    Row("additive_plain", attend(AdditiveAttention(use_scale=False), Q, V)),
    Row("additive_causal", attend(AdditiveAttention(), Q, use_causal_mask=True)),
    *(
        Row(
            f"{type(layer).__name__}_words_{''.join(str(int(w)) for w in which)}",
            words(layer, which),
        )
        for layer in (Attention(), AdditiveAttention(), Attention(True, "concat"))
        for which in ((True, True), (True, False), (False, True))
    ),
    all_masked(Row("dot", words(Attention(), (True, True), mean=False))),
    all_masked(Row("additive", words(AdditiveAttention(), (True, True), mean=False))),
]


# Keras takes 1/sqrt(size) in float32 where it fuses, whatever the dtype.
ROWS = [replace(r, float64=1e-7) for r in ROWS]


@rows(ROWS)
def test_multi_head_like_keras(row, keras):
    check(row, keras)


def test_no_mask_reaches_a_second_block(keras):
    # MultiHeadAttention.call of Keras 3.8 and later deletes the mask of the tensors
    # that it read: the sum behind it has none, and the second block sees the padding.
    check(Row("two_blocks", two_blocks, float64=1e-7), keras)


def test_masks_reach_a_second_block_in_keras_2(keras):
    def build(b: GraphBuilder) -> Sequence[ir.Value]:
        x = b.input("words", (None, 5), "int32")
        [x] = b.call(Embedding(7, 6, mask_zero=True, name="embed"), [x])
        for i in range(2):
            [y] = b.call(mha(keras2=True, name=f"attention{i}"), [x, x])
            [x] = b.call(Add(keras2=True, name=f"add{i}"), [x, y])
            [x] = b.call(LayerNormalization(name=f"norm{i}"), [x])
        return b.call(GlobalAveragePooling1D(name="mean"), [x])

    check(Row("two_blocks", build), keras)


def grouped(size: int = 3, **options: Any) -> GroupQueryAttention:
    return GroupQueryAttention(size, 4, 2, **options)


GROUPED = [
    Row("self", attend(grouped(), Q), contains=("((6, 6, 6), 4, 2, 3)",)),
    Row("cross", attend(grouped(), Q, V)),
    Row("key", attend(grouped(5), Q, V, K)),
    Row("one_group", attend(GroupQueryAttention(3, 4, 1), Q, V)),
    Row("all_groups", attend(GroupQueryAttention(3, 2, 2), Q, V)),
    Row("open", attend(grouped(), (None, None, 6), (None, None, 6))),
    Row("key_width", attend(grouped(), Q, V, (*V[:-1], 7))),
    Row("no_bias", attend(grouped(use_bias=False), Q, V)),
    Row("gate", attend(grouped(use_gate=True), Q, V)),
    Row("gate_no_bias", attend(grouped(use_gate=True, use_bias=False), Q)),
    Row("dropout", attend(grouped(dropout=0.3), Q, V), contains=("dropout=0.3",)),
    Row("window", attend(grouped(sliding_window=2), Q)),
    Row("causal", attend(grouped(), Q, V, use_causal_mask=True)),
    Row("causal_dropout", attend(grouped(dropout=0.3), Q, V, use_causal_mask=True)),
    Row("causal_window", attend(grouped(sliding_window=2), Q, use_causal_mask=True)),
    *(
        Row(f"mask{rank}", attend(grouped(), Q, V, attention_mask=shape))
        for rank, shape in (
            (3, (None, 5, 4)),
            ("3_rows", (None, 1, 4)),
            (4, (None, 4, 5, 4)),
            ("4_samples", (None, 1, 5, 4)),
        )
    ),
    Row(
        "mask_dropout", attend(grouped(dropout=0.3), Q, V, attention_mask=(None, 5, 4))
    ),
    *(
        Row(f"words_{''.join(str(int(w)) for w in which)}", words(grouped(), which))
        for which in ((True, True), (True, False), (False, True))
    ),
    Row("words_self", words(grouped(), (True,), self_=True)),
    Row("words_dropout", words(grouped(dropout=0.1), (True, True))),
    all_masked(Row("grouped", words(grouped(), (True, True), mean=False))),
    all_masked(
        Row("grouped_dropout", words(grouped(dropout=0.1), (True, True), mean=False))
    ),
]


@rows([replace(r, float64=1e-7) for r in GROUPED])
def test_grouped_queries_like_keras(row, keras):
    check(row, keras)


@rows(DOT)
def test_attention_like_keras(row, keras):
    check(row, keras)


def with_scores(layer: Any, *shapes: Shape, **options: Any) -> Build:
    """Ask for the scores, too."""
    return attend(layer, *shapes, return_attention_scores=True, **options)


SCORES = [
    Row("plain", with_scores(mha(), Q, V), contains=PLAIN),
    Row("plain_causal", with_scores(mha(), Q, use_causal_mask=True)),
    Row("small", with_scores(mha(2, 4), Q, V)),
    Row("small_mask", with_scores(mha(2, 4), Q, V, attention_mask=(None, 5, 4))),
    Row("plain_mask", with_scores(mha(), Q, V, attention_mask=(None, 5, 4))),
    Row("grouped", with_scores(grouped(), Q, V)),
    Row("grouped_causal", with_scores(grouped(), Q, use_causal_mask=True)),
    Row("grouped_mask", with_scores(grouped(), Q, V, attention_mask=(None, 5, 4))),
    Row("axes", with_scores(mha(attention_axes=2), S, T)),
    Row("axes_all", with_scores(mha(), S, (*T[:1], 3, 5, 6))),
    Row("axes_turned", with_scores(mha(attention_axes=(2, 1)), S, (None, 3, 4, 6))),
    Row("output_axes", with_scores(mha(output_shape=(2, 3)), Q, V)),
    Row("dot", with_scores(Attention(), Q, V)),
    Row("concat", with_scores(Attention(score_mode="concat"), Q, V, K)),
    Row("additive", with_scores(AdditiveAttention(), Q, V)),
]


# torch rounds the factor of nn.MultiheadAttention's scores otherwise.
SCORES = [replace(r, float64=1e-7) for r in SCORES]


@rows(SCORES)
def test_scores_like_keras(row, keras):
    check(row, keras)


@pytest.mark.parametrize(
    ("layer", "shapes"),
    [
        (mha(attention_axes=[2]), [Q, V]),
        (mha(attention_axes=[0]), [Q, V]),
        (mha(attention_axes=[1, 1]), [S, T]),
        (mha(), [S, V]),
        (mha(), [(None, 6), (None, 6)]),
        (mha(), [(None, 5, None), V]),
        (grouped(), [S, T]),
        (grouped(), [Q, (None, 4, None)]),
        (GroupQueryAttention(2, 3, 2), [Q, V]),
        (Attention(), [(None, 6), (None, 6)]),
        (Attention(), [Q]),
    ],
)
def test_what_has_no_rule_is_named(layer, shapes):
    layer.name = "my_attention"
    with pytest.raises(UnsupportedLayer, match="my_attention"):
        layer.output_shapes(*shapes)


def test_dropout_at_inference_has_no_rule():
    tensors = [Tensor(Q, name="x"), Tensor(V, name="y")]
    call = Call(tensors, [Tensor(Q)], options={"training": True})
    for layer in (mha(dropout=0.5), Attention(dropout=0.5)):
        with pytest.raises(UnsupportedLayer, match="training=True"):
            layer.forward(call, "self.attention")
