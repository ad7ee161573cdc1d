"""Files of Keras on Theano: what today's Keras computes otherwise is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from keras2torch.conversion import convert_file
from keras2torch.dialect import GraphBuilder
from keras2torch.dialect.files import save
from keras2torch.layers.base import Layer
from keras2torch.layers.cells import serialized
from keras2torch.layers.convolution import Conv2D
from keras2torch.layers.wrappers import TimeDistributed


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
    b = GraphBuilder("model")
    x = b.input("image", (None, 5, 8, 8, 3) if stepwise else (None, 8, 8, 3))
    layer: Layer = Conv2D(4, kernel, strides=strides, padding="same", name="odd_one")
    if stepwise:
        layer = TimeDistributed(serialized(layer), name="odd_one")
    model = b.model(b.call(layer, [x]), **metadata)
    for value in model.graph.initializers.values():
        shape = tuple(int(n) for n in value.shape)
        value.const_value = ir.tensor(np.ones(shape, "float32"), name=value.name)
    save(model, tmp_path / "model.onnx")
    remarks = convert_file(tmp_path / "model.onnx", verify="never").report.remarks
    if said is None:
        assert remarks == []
    else:
        assert said in remarks[0]
        assert "odd_one" in remarks[0]
