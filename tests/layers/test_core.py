"""Dense, Embedding, Masking and models in models against Keras."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir
import pytest

from keras2torch.dialect import GraphBuilder
from keras2torch.errors import UnsupportedLayer
from keras2torch.layers.activation import Activation
from keras2torch.layers.convolution import Conv2D
from keras2torch.layers.definitions import (
    LSTM,
    Dense,
    Embedding,
    Functional,
    GlobalAveragePooling1D,
    Masking,
    ReversibleEmbedding,
    Sequential,
)
from keras2torch.layers.merging import Add, Concatenate
from keras2torch.layers.normalization import BatchNormalization
from keras2torch.layers.regularization import Dropout
from keras2torch.layers.reshaping import Flatten
from keras2torch.program import write
from tests.layers.harness import Row, check, graph, rows, stack

pytestmark = pytest.mark.needs_keras


def flatten_dense(*between: object) -> object:
    def build(b: GraphBuilder) -> Sequence[ir.Value]:
        [x] = b.call(Conv2D(3, 2, name="conv"), [b.input("image", (None, 5, 4, 2))])
        [x] = b.call(Flatten(name="flatten"), [x])
        for i, layer in enumerate(between):
            layer.name = f"between{i}"
            [x] = b.call(layer, [x])
        return b.call(Dense(3, name="dense"), [x])

    return build


def two_readers(b: GraphBuilder) -> Sequence[ir.Value]:
    """A flattened image that a Dense and the outside read."""
    [x] = b.call(Conv2D(3, 2, name="conv"), [b.input("image", (None, 5, 4, 2))])
    [x] = b.call(Flatten(name="flatten"), [x])
    return [*b.call(Dense(3, name="dense"), [x]), x]


def shared(b: GraphBuilder) -> Sequence[ir.Value]:
    """A Dense called on two inputs and on its own output."""
    x, y = b.input("x", (None, 4)), b.input("y", (None, 4))
    dense = Dense(4, activation="tanh", name="dense")
    [a] = b.call(dense, [x])
    [c] = b.call(dense, [y])
    [d] = b.call(dense, [a])
    [z] = b.call(Add(name="add"), [c, d])
    return [z, a]


def frozen(b: GraphBuilder) -> Sequence[ir.Value]:
    [x] = b.call(Dense(4, trainable=False, name="frozen"), [b.input("x", (None, 4))])
    return b.call(Dense(2, name="free"), [x])


def nested(kind: type[Functional], inner: str = "inner") -> object:
    """A model in a model, with weights, statistics and a model of its own."""

    def build(b: GraphBuilder) -> Sequence[ir.Value]:
        x = b.input("image", (None, 5, 4, 2))
        n = b.nested(inner)
        i = n.input("inside", (None, 5, 4, 2))
        [y] = n.call(Conv2D(3, 2, name="conv"), [i])
        [y] = n.call(BatchNormalization(name="norm"), [y])
        deep = n.nested("deep")
        j = deep.input("deeper", (None, 4, 3, 3))
        [w] = deep.call(Conv2D(3, 2, padding="same", name="conv"), [j])
        [y] = n.call_model(kind(name="deep"), deep, [y], [w])
        [z] = b.call_model(kind(name=inner), n, [x], [y])
        [z] = b.call(Flatten(name="flatten"), [z])
        return b.call(Dense(3, name="dense"), [z])

    return build


def several(b: GraphBuilder) -> Sequence[ir.Value]:
    """A model inside with two inputs and two outputs."""
    x, y = b.input("x", (None, 4)), b.input("y", (None, 3))
    n = b.nested("inner")
    i, j = n.input("left", (None, 4)), n.input("right", (None, 3))
    [p] = n.call(Dense(5, name="first"), [i])
    [q] = n.call(Concatenate(name="join"), [p, j])
    outs = b.call_model(Functional(name="inner"), n, [x, y], [q, p])
    [z] = b.call(Concatenate(name="join"), outs)
    return [z, outs[1]]


def slashes(b: GraphBuilder) -> Sequence[ir.Value]:
    """Names that Keras 2 took and Keras 3 does not."""
    [x] = b.call(Dense(4, name="conv1/bn"), [b.input("x", (None, 4))])
    return b.call(Dense(4, name="conv1_bn"), [x])


def masked_twice(b: GraphBuilder) -> Sequence[ir.Value]:
    """Masking behind Masking, before an LSTM."""
    x = b.input("steps", (None, 5, 3))
    [x] = b.call(Masking(-1.0, name="first"), [x])
    [x] = b.call(Masking(name="second"), [x])
    [y] = b.call(LSTM(3, name="lstm"), [x])
    return [x, y]


def steps() -> np.ndarray:
    array = np.random.default_rng(0).standard_normal((3, 5, 3)).astype("float32")
    array[0, 1] = -1.0
    array[1, 3:] = 0.0
    array[2, 0, 1] = 0.0
    return array


ROWS = [
    stack("dense", [Dense(3)], (None, 5), contains=("nn.Linear(5, 3)",)),
    stack("dense_no_bias", [Dense(3, use_bias=False)], (None, 5)),
    stack("dense_relu", [Dense(3, "relu")], (None, 5), contains=("F.relu(self.",)),
    stack("dense_one", [Dense(1)], (None, 1)),
    stack("dense_rank3", [Dense(3)], (None, 4, 5)),
    stack("dense_rank4", [Dense(3)], (None, 2, 4, 5)),
    stack("dense_open_steps", [Dense(3)], (None, None, 5)),
    stack(
        "dense_integers",
        [Embedding(7, 3), Flatten(), Dense(2)],
        (None, 4),
        dtype="int32",
    ),
    Row(
        "dense_after_conv",
        lambda b: b.call(
            Dense(3, name="dense"),
            b.call(Conv2D(4, 2, name="conv"), [b.input("x", (None, 5, 4, 2))]),
        ),
    ),
    Row("flatten_dense", flatten_dense(), permutes=0),
    Row("flatten_relu_dense", flatten_dense(Activation("relu")), permutes=0),
    Row("flatten_dropout_dense", flatten_dense(Dropout(0.3)), permutes=0),
    Row("flatten_softmax_dense", flatten_dense(Activation("softmax"))),
    Row("flatten_two_readers", two_readers),
    Row("shared", shared),
    Row("frozen", frozen, contains=("requires_grad_(False)",)),
    # -- Embedding
    stack("embedding", [Embedding(7, 3)], (None, 5), dtype="int32"),
    stack(
        "embedding_floats",
        [Embedding(7, 3)],
        (None, 5),
        inputs={"in_x": np.array([[1, 2, 0, 4, 6]] * 3, "float32")},
    ),
    stack("embedding_rank3", [Embedding(7, 3)], (None, 4, 5), dtype="int32"),
    stack("embedding_one", [Embedding(7, 3)], (None, 1), dtype="int64"),
    stack(
        "embedding_masked",
        [Embedding(7, 3, mask_zero=True), LSTM(2)],
        (None, 5),
        dtype="int32",
    ),
    # -- Masking
    stack("masking", [Masking()], (None, 5, 3), inputs={"in_x": steps()}),
    stack(
        "masking_value",
        [Masking(-1.0), LSTM(2)],
        (None, 5, 3),
        inputs={"in_x": steps()},
    ),
    stack(
        "masking_dense",
        [Masking(), Dense(3), LSTM(2)],
        (None, 5, 3),
        inputs={"in_x": steps()},
    ),
    Row("masking_twice", masked_twice, inputs={"steps": steps()}),
    # -- models
    Row("nested_functional", nested(Functional)),
    Row("nested_sequential", nested(Sequential)),
    Row("nested_slash", nested(Functional, "block/one")),
    Row("nested_several", several),
    Row("slashes", slashes),
]


@rows(ROWS)
def test_like_keras(row, keras):
    check(row, keras)


def test_what_has_no_rule_is_named():
    with pytest.raises(UnsupportedLayer, match="'my_layer'"):
        Dense(3, name="my_layer").weights((None, None))


# ------------------------------------------------------------- embeddings both ways
def both_ways(**given):
    def build(b):
        layer = ReversibleEmbedding(7, 4, name="embed", **given)
        [x] = b.call(layer, [b.input("words", (None, 5), "int32")])
        [h] = b.call(Dense(4, name="dense", activation="tanh"), [x])
        [y] = b.call(layer, [h], options={"reverse": True})
        [z] = b.call(GlobalAveragePooling1D(name="mean"), [h])
        return [y, z]

    return build


REVERSIBLE = [
    Row("tied", both_ways(), contains=("F.linear(", "nn.Embedding(7, 4)")),
    Row("untied", both_ways(tie_weights=False), contains=("TwoWayEmbedding(7, 4)",)),
    Row("capped", both_ways(logit_soft_cap=0.5), contains=("torch.tanh(",)),
    Row("capped_untied", both_ways(logit_soft_cap=30.0, tie_weights=False)),
    Row("masked", both_ways(mask_zero=True)),
    Row("half", both_ways(reverse_dtype="float64"), contains=("torch.float64",)),
]


@rows(REVERSIBLE)
def test_reversible_embedding_like_keras(row, keras):
    check(row, keras)


def test_a_reverse_dtype_that_is_none_is_named():
    row = Row("row", both_ways(reverse_dtype="complex64"))
    with pytest.raises(UnsupportedLayer, match="reverse_dtype"):
        write(graph(row))
