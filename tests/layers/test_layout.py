"""Which layouts meet without a permute, against Keras."""

from __future__ import annotations

import pytest

from keras2torch.layers.activation import LeakyReLU
from keras2torch.layers.convolution import Conv1D, Conv2D
from keras2torch.layers.convolution_transpose import Conv2DTranspose
from keras2torch.layers.core import Dense
from keras2torch.layers.merging import Add, Concatenate, Multiply
from keras2torch.layers.normalization import BatchNormalization, LayerNormalization
from keras2torch.layers.pooling import GlobalAveragePooling2D
from keras2torch.layers.preprocessing import Normalization, Rescaling
from keras2torch.layers.regularization import Dropout, SpatialDropout1D
from keras2torch.layers.reshaping import Flatten, Reshape
from keras2torch.program import write
from tests.layers.harness import Row, check, graph, rows, stack

pytestmark = pytest.mark.needs_keras

IMAGE = (None, 5, 6, 3)


def gated(b):
    """Squeeze and excite: the Reshape alone cannot know that an image meets it."""
    x = b.input("in_x", IMAGE)
    [x] = b.call(Conv2D(4, 2, name="conv"), [x])
    [y] = b.call(GlobalAveragePooling2D(name="squeeze"), [x])
    [y] = b.call(Dense(4, activation="sigmoid", name="excite"), [y])
    [y] = b.call(Reshape((1, 1, 4), name="reshape"), [y])
    [x] = b.call(Multiply(name="multiply"), [x, y])
    [x] = b.call(Add(name="add"), [x, x])
    return b.call(GlobalAveragePooling2D(name="pool"), [x])


def read_twice(b):
    """A vector that is an image to one reader stays in Keras' order."""
    x = b.input("in_x", (None, 5))
    [code] = b.call(Dense(24, name="code"), [x])
    [y] = b.call(Reshape((2, 3, 4), name="reshape"), [code])
    [y] = b.call(Conv2D(2, 2, name="conv"), [y])
    [z] = b.call(Dense(2, name="dense"), [code])
    return [y, z, code]


def called_twice(b):
    """The units of a shared Dense have one order for all of its calls."""
    shared = Dense(24, name="shared")
    made = []
    for name in "xy":
        [y] = b.call(shared, [b.input(f"in_{name}", (None, 5))])
        made.append(y)
    [y] = b.call(Reshape((2, 3, 4), name="reshape"), [made[0]])
    [y] = b.call(Conv2D(2, 2, name="conv"), [y])
    return [y, made[1]]


def constants_called_twice(b):
    """What has constants or axes and no weights is one module in one order, too."""
    [x] = b.call(Conv1D(4, 1, name="conv"), [b.input("in_x", (None, 6, 4))])
    [y] = b.call(Reshape((6, 4), name="rows"), [b.input("in_y", (None, 24))])
    numbers = [0.5, 1.0, 1.5, 2.0]
    for layer in (
        Rescaling(numbers, name="rescaling"),
        Normalization(mean=numbers, variance=numbers, name="normalization"),
        SpatialDropout1D(0.2, name="maps"),
        Dropout(0.2, noise_shape=(None, 1, 4), name="dropout"),
    ):
        [x], [y] = b.call(layer, [x]), b.call(layer, [y])
    [x] = b.call(Conv1D(2, 2, name="last"), [x])
    return [x, *b.call(Dense(3, name="dense"), [y])]


def joined(b):
    """A flattened image beside other features, normalized and read by two Dense."""
    x, facts = b.input("in_x", IMAGE), b.input("in_facts", (None, 4))
    [x] = b.call(Conv2D(3, 2, name="conv"), [x])
    [x] = b.call(Flatten(name="flatten"), [x])
    [x] = b.call(Concatenate(name="concatenate"), [facts, x])
    [x] = b.call(BatchNormalization(name="norm"), [x])
    return [b.call(Dense(2, name=f"dense_{i}"), [x])[0] for i in range(2)]


def joined_and_returned(b):
    """Who reads the joined vector outside gets Keras' order."""
    [x] = b.call(Conv2D(3, 2, name="conv"), [b.input("in_x", IMAGE)])
    [flat] = b.call(Flatten(name="flatten"), [x])
    [x] = b.call(Concatenate(name="concatenate"), [flat, flat])
    return [x, b.call(Dense(2, name="dense"), [x])[0]]


def normalized_for_dense(b):
    """ConvNeXt's block."""
    x = b.input("in_x", IMAGE)
    [y] = b.call(Conv2D(3, 3, padding="same", name="conv"), [x])
    [y] = b.call(LayerNormalization(name="norm"), [y])
    [y] = b.call(Dense(3, name="dense"), [y])
    [y] = b.call(Add(name="add"), [x, y])
    return b.call(Conv2D(2, 2, name="last"), [y])


ROWS = [
    Row("gated", gated, permutes=0, contains=("[:, :, None, None]",)),
    stack(
        "vector_to_image",
        [
            Dense(24),
            BatchNormalization(),
            LeakyReLU(0.25),
            Reshape((2, 3, 4)),
            Conv2DTranspose(2, 3, strides=2, padding="same"),
        ],
        (None, 5),
        permutes=0,
        contains=(".reshape(-1, 4, 2, 3)",),
    ),
    stack(
        "vector_without_bias",
        [Dense(24, use_bias=False, activation="softmax"), Reshape((6, 4)), Flatten()],
        (None, 5),
        permutes=0,
    ),
    Row("read_twice", read_twice, permutes=1),
    Row("called_twice", called_twice, permutes=1),
    Row("constants_called_twice", constants_called_twice),
    Row("joined", joined, permutes=0),
    Row("joined_and_returned", joined_and_returned),
    Row(
        "normalized_for_dense",
        normalized_for_dense,
        permutes=0,
        contains=("nn.Conv2d(3, 3, kernel_size=1)",),
    ),
]


@rows(ROWS)
def test_like_keras(row, keras):
    check(row, keras)


def test_branches_do_not_alternate():
    def build(b):
        x = b.input("in_x", (None, 5))
        ends = []
        # Keras runs by depth: both first layers before both second ones.
        first = [b.call(Dense(4, name=f"{n}_1"), [x])[0] for n in "ab"]
        for name, value in zip("ab", first, strict=True):
            ends += b.call(Dense(3, name=f"{name}_2"), [value])
        return b.call(Add(name="add"), ends)

    source = write(graph(Row("branches", build))).source
    order = [source.index(f"self.{n}(") for n in ("a_1", "a_2", "b_1", "b_2")]
    assert order == sorted(order)


def test_the_encoder_stands_before_the_decoder_that_reads_it():
    def build(b):
        source = b.input("in_source", (None, 5))
        target = b.input("in_target", (None, 5))
        [query] = b.call(Dense(4, name="decoder_in"), [target])
        [memory] = b.call(Dense(4, name="encoder"), [source])
        [x] = b.call(Concatenate(name="attend"), [query, memory])
        return b.call(Dense(3, name="decoder_out"), [x])

    source = write(graph(Row("encoder_decoder", build))).source
    names = ("encoder", "decoder_in", "decoder_out")
    order = [source.index(f"self.{n}(") for n in names]
    assert order == sorted(order)
