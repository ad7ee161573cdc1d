"""What a layer puts out is seen while the generated forward runs."""

from __future__ import annotations

import numpy as np
import torch

from keras2torch.dialect import GraphBuilder
from keras2torch.layers.definitions import Dense, Layout
from keras2torch.program import write
from keras2torch.verification.axes import to_keras, to_torch
from keras2torch.verification.watching import watching

from .conftest import Layers, graph


def test_axes_there_and_back() -> None:
    array = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    layout = Layout.channels_first(4)
    assert to_torch(array, layout).shape == (2, 5, 3, 4)
    assert np.array_equal(to_keras(to_torch(array, layout), layout), array)


def test_a_flattened_axis_there_and_back() -> None:
    image = np.random.default_rng(0).normal(size=(2, 3, 4, 5))
    layout = Layout((0, 1), flat=(((3, 4, 5), (2, 0, 1)),))
    flattened = image.transpose(0, 3, 1, 2).reshape(2, -1)
    assert np.array_equal(to_keras(flattened, layout), image.reshape(2, -1))
    assert np.array_equal(to_torch(image.reshape(2, -1), layout), flattened)


def test_one_channel_leaves_ordinary_strides() -> None:
    # With the strides of a view torch 2.15 crashes in the backward pass of a Conv2d.
    image = to_torch(np.zeros((3, 8, 8, 1), "float32"), Layout.channels_first(4))
    assert torch.from_numpy(image).stride() == (64, 64, 8, 1)


def test_every_layer_is_seen_in_keras_axes() -> None:
    def build(b: GraphBuilder):
        values = [b.input("x", (None, 6, 7, 2))]
        for layer in (
            Layers["Conv2D"](filters=3, kernel_size=3, activation="relu", name="conv"),
            Layers["Activation"](activation="tanh", name="tanh"),
            Layers["Flatten"](name="flat"),
            Dense(4, name="dense"),
        ):
            values = b.call(layer, values)
        return values

    program = write(graph(build))
    module = program.module()
    x = torch.randn(2, 2, 6, 7)
    with torch.no_grad(), watching(module, program.captures) as seen:
        y = module(x)
        conv = module.conv(x).relu()
    shapes = {path: seen.layers[path, 0][0].shape for path, _ in seen.layers}
    assert shapes == {
        "conv": (2, 4, 5, 3),
        "tanh": (2, 4, 5, 3),
        "flat": (2, 60),
        "dense": (2, 4),
    }
    assert np.array_equal(seen.layers["dense", 0][0], y.numpy())
    in_keras = conv.permute(0, 2, 3, 1).numpy()
    assert np.array_equal(seen.layers["conv", 0][0], in_keras)
    flat = np.tanh(in_keras).reshape(2, -1)
    np.testing.assert_allclose(seen.layers["flat", 0][0], flat, rtol=1e-6)


def test_shared_layers_and_nested_models_are_numbered_by_call() -> None:
    def build(b: GraphBuilder):
        x = b.input("x", (None, 4))
        shared = Dense(4, name="shared")
        inner = b.nested("block")
        i = inner.input("i", (None, 4))
        [o] = inner.call(Dense(4, name="inside"), [i])
        block = Layers["Functional"](name="block")
        [once] = b.call(shared, [x])
        [twice] = b.call(shared, [once])
        [y] = b.call_model(block, inner, [twice], [o])
        return b.call(Layers["Add"](name="add"), [y, once])

    program = write(graph(build))
    module = program.module()
    x = torch.randn(2, 4)
    with torch.no_grad(), watching(module, program.captures) as seen:
        module(x)
    assert {("shared", 0), ("shared", 1), ("block", 0), ("block/inside", 0)} <= set(
        seen.layers
    )
    with torch.no_grad():
        once = module.shared(x)
        twice = module.shared(once)
    assert np.array_equal(seen.layers["shared", 0][0], once.numpy())
    assert np.array_equal(seen.layers["shared", 1][0], twice.numpy())
