"""Zeros around an image belong to the layer that reads them, where that is the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import onnx_ir as ir
import pytest

from keras2torch.dialect import GraphBuilder
from keras2torch.layers.definitions import (
    Activation,
    Add,
    AveragePooling2D,
    BatchNormalization,
    Conv1D,
    Conv2D,
    Conv3D,
    DepthwiseConv2D,
    Layer,
    MaxPooling2D,
    ReLU,
    SeparableConv2D,
    ZeroPadding1D,
    ZeroPadding2D,
    ZeroPadding3D,
)
from keras2torch.program import write
from keras2torch.tracing.client import KerasProcess
from keras2torch.verification.describe import describe
from tests.layers.harness import Row, check, graph, rows, stack

IMAGE = (None, 9, 8, 3)


def _joined(name: str, *layers: Layer, to: str, shape: tuple[int | None, ...]) -> Row:
    return stack(name, layers, shape, contains=(to,), lacks=("F.pad",))


def _apart(name: str, *layers: Layer) -> Row:
    return stack(name, layers, IMAGE, contains=("F.pad",), lacks=("padding",))


def _read_twice(b: GraphBuilder) -> Sequence[ir.Value]:
    padded = b.call(ZeroPadding2D(1, name="pad"), [b.input("in_x", IMAGE)])
    [y] = b.call(Conv2D(3, 1, name="conv"), padded)
    return b.call(Add(name="add"), [y, *padded])


def _put_out(b: GraphBuilder) -> Sequence[ir.Value]:
    padded = b.call(ZeroPadding2D(1, name="pad"), [b.input("in_x", IMAGE)])
    return [*b.call(Conv2D(3, 1, name="conv"), padded), *padded]


def _called_twice(b: GraphBuilder) -> Sequence[ir.Value]:
    """Of one convolution's two calls only one is padded."""
    convolution = Conv2D(3, 3, name="conv")
    x = b.input("in_x", IMAGE)
    [y] = b.call(convolution, b.call(ZeroPadding2D(1, name="pad"), [x]))
    return b.call(convolution, [y])


def _unknown_size(b: GraphBuilder) -> Sequence[ir.Value]:
    x = b.input("in_x", (None, None, None, 3))
    return b.call(Conv2D(3, 3, 2, name="conv"), b.call(ZeroPadding2D(name="pad"), [x]))


def _first(layer: Layer) -> Layer:
    layer.data_format = "channels_first"  # type: ignore[attr-defined]
    return layer


JOINED = [
    _joined(
        "stem",
        ZeroPadding2D(3),
        Conv2D(4, 7, 2, activation="relu"),
        ZeroPadding2D(1),
        MaxPooling2D(3, 2),
        to="kernel_size=7, stride=2, padding=3)",
        shape=(None, 15, 18, 3),
    ),
    _joined(
        "relu_before_maximum",
        ReLU(max_value=1.0),
        ZeroPadding2D((1, 2)),
        MaxPooling2D((2, 4), 1),
        to="nn.MaxPool2d((2, 4), stride=1, padding=(1, 2))",
        shape=IMAGE,
    ),
    _joined(
        "mean_with_zeros",
        ZeroPadding2D((1, 0)),
        AveragePooling2D((3, 2), (1, 2)),
        to="nn.AvgPool2d((3, 2), stride=(1, 2), padding=(1, 0))",
        shape=IMAGE,
    ),
    _joined(
        "depthwise",
        ZeroPadding2D(((2, 2), (1, 1))),
        DepthwiseConv2D(3, 2, dilation_rate=1),
        to="padding=(2, 1)",
        shape=IMAGE,
    ),
    _joined(
        "separable",
        ZeroPadding2D(2),
        SeparableConv2D(4, 3),
        to="padding=2",
        shape=IMAGE,
    ),
    _joined(
        "steps", ZeroPadding1D(2), Conv1D(4, 3, 2), to="padding=2", shape=(None, 7, 3)
    ),
    _joined(
        "volume",
        ZeroPadding3D((1, 2, 0)),
        Conv3D(2, 3),
        to="padding=(1, 2, 0)",
        shape=(None, 4, 3, 5, 2),
    ),
    _joined(
        "channels_first",
        _first(ZeroPadding2D((2, 1))),
        _first(Conv2D(5, 3, 2)),
        to="padding=(2, 1)",
        shape=(None, 3, 9, 8),
    ),
    _joined(
        "dilated",
        ZeroPadding2D(2),
        Conv2D(4, 3, dilation_rate=2),
        to="padding=2",
        shape=IMAGE,
    ),
    Row("unknown_size", _unknown_size, contains=("padding=1",), lacks=("F.pad",)),
]
APART = [
    _apart("uneven", ZeroPadding2D(((0, 1), (0, 1))), Conv2D(4, 3, 2)),
    _apart("maximum_of_anything", ZeroPadding2D(1), MaxPooling2D(3, 2)),
    _apart(
        "maximum_behind_a_norm",
        Activation("relu"),
        BatchNormalization(),
        ZeroPadding2D(1),
        MaxPooling2D(3, 2),
    ),
    _apart(
        "maximum_behind_a_slope",
        ReLU(negative_slope=0.2),
        ZeroPadding2D(1),
        MaxPooling2D(3, 2),
    ),
    _apart("more_than_half", ReLU(), ZeroPadding2D(2), MaxPooling2D(3, 2)),
    _apart("norm_between", ZeroPadding2D(1), BatchNormalization(), Conv2D(4, 3)),
    Row("read_twice", _read_twice, contains=("F.pad",)),
    Row("put_out", _put_out, contains=("F.pad",)),
    Row("called_twice", _called_twice, contains=("F.pad",)),
]


@pytest.fixture(scope="module")
def keras() -> Iterator[KerasProcess]:
    with KerasProcess(timeout=120) as process:
        yield process


@pytest.mark.needs_keras
@rows(JOINED + APART)
def test_like_keras(row: Row, keras: KerasProcess) -> None:
    check(row, keras)


def test_the_report_says_where_a_padding_is() -> None:
    layers = [ZeroPadding2D(1, name="pad"), Conv2D(4, 3, name="conv")]
    model = graph(stack("net", layers, IMAGE))
    how = {row.name: row.how for row in describe(write(model), model).layers}
    assert how["pad"] == "part of conv"


def test_one_line_a_layer_keeps_them() -> None:
    layers = [ZeroPadding2D(1), Conv2D(4, 3)]
    source = write(graph(stack("net", layers, IMAGE)), flat=True).source
    assert "F.pad(x, (1, 1, 1, 1))" in source
