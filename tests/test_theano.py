"""Files of Keras on Theano: what today's Keras computes otherwise is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from keras2torch.conversion import convert_file
from keras2torch.dialect import GraphBuilder
from keras2torch.dialect.files import save
from keras2torch.layers.base import Layer, Shape
from keras2torch.layers.cells import serialized
from keras2torch.layers.convolution import Conv2D
from keras2torch.layers.convolution_recurrent import ConvLSTM2D
from keras2torch.layers.wrappers import TimeDistributed


def remarks_on(
    layer: Layer, shape: Shape, metadata: dict[str, str], path: Path
) -> list[str]:
    """Return what is remarked on a model of one layer."""
    b = GraphBuilder("model")
    model = b.model(b.call(layer, [b.input("image", shape)]), **metadata)
    for value in model.graph.initializers.values():
        sizes = tuple(int(n) for n in value.shape)
        value.const_value = ir.tensor(np.ones(sizes, "float32"), name=value.name)
    save(model, path)
    return convert_file(path, verify="never").report.remarks


@pytest.mark.parametrize("stepwise", [False, True])
@pytest.mark.parametrize(
    ("metadata", "strides", "kernel", "said"),
    [
        ({"backend": "theano", "keras_version": "2.0.4"}, 2, 3, "was"),
        ({"backend": "theano", "keras_version": "2.0.4"}, 1, 2, "was"),
        ({"backend": "", "keras_version": "1.2.2"}, 2, 3, "may have been"),
        ({"backend": "theano", "keras_version": "2.0.4"}, 1, 3, None),
        ({"backend": "tensorflow", "keras_version": "2.0.4"}, 2, 3, None),
        ({"backend": "", "keras_version": "3.0.0"}, 2, 3, None),
        ({"backend": "", "keras_version": "0.3"}, 1, 3, "mirrored"),
    ],
)
def test_same_padding_of_theano_is_remarked(
    metadata: dict[str, str],
    strides: int,
    kernel: int,
    said: str | None,
    stepwise: bool,
    tmp_path: Path,
) -> None:
    shape = (None, 5, 8, 8, 3) if stepwise else (None, 8, 8, 3)
    layer: Layer = Conv2D(4, kernel, strides=strides, padding="same", name="odd_one")
    if stepwise:
        layer = TimeDistributed(serialized(layer), name="odd_one")
    remarks = remarks_on(layer, shape, metadata, tmp_path / "model.onnx")
    if said is None:
        assert remarks == []
    else:
        assert said in remarks[0]
        assert "odd_one" in remarks[0]


@pytest.mark.parametrize(("kernel", "strides"), [(2, 1), (3, 2)])
def test_states_are_padded_whatever_the_layer_says(
    kernel: int, strides: int, tmp_path: Path
) -> None:
    """The convolution of the states has no strides; those of what comes in count."""
    layer = ConvLSTM2D(4, kernel, strides=strides, padding="valid", name="film")
    about = {"backend": "theano", "keras_version": "1.2.2"}
    found = remarks_on(layer, (None, 5, 8, 8, 3), about, tmp_path / "model.onnx")
    assert ["film" in remark for remark in found] == [True] * (kernel == 2)
