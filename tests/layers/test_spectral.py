"""SpectralNormalization against Keras: at inference, and what a step leaves."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from keras2torch.errors import UnsupportedLayer
from keras2torch.layers.definitions import (
    LSTM,
    Conv1D,
    Conv2D,
    Conv2DTranspose,
    Dense,
    DepthwiseConv2D,
    Embedding,
    Flatten,
    SeparableConv2D,
    SpectralNormalization,
    TimeDistributed,
)
from keras2torch.layers.einsum import EinsumDense
from keras2torch.program import write
from tests.layers.harness import Row, check, graph, named, rows, stack

IMAGE = (None, 6, 5, 2)


def spectral(layer, **given):
    return SpectralNormalization(named(layer, "inner"), **given)


INSIDE = {
    "dense": (lambda: Dense(3, activation="relu"), (None, 4), 0),
    "dense_steps": (lambda: Dense(3), (None, None, 4), 0),
    "conv1d": (lambda: Conv1D(3, 2, padding="causal"), (None, 5, 2), 0),
    "conv2d": (lambda: Conv2D(3, 3, padding="same", strides=2), IMAGE, 0),
    "conv2d_groups": (lambda: Conv2D(4, 3, groups=2, use_bias=False), IMAGE, 0),
    "conv_open": (
        lambda: Conv2D(3, 3, padding="same", strides=2),
        (None, None, None, 2),
        0,
    ),
    "transpose": (lambda: Conv2DTranspose(3, 3, strides=2), IMAGE, 0),
    "depthwise": (lambda: DepthwiseConv2D(2, depth_multiplier=3), IMAGE, 0),
    "einsum": (lambda: EinsumDense("abc,cd->abd", (None, 3)), (None, 5, 2), 0),
    "einsum_turned": (lambda: EinsumDense("abc,dc->abd", (None, 3)), (None, 5, 2), 1),
    "einsum_heads": (
        lambda: EinsumDense("abc,cde->abde", (None, 2, 3)),
        (None, 5, 2),
        0,
    ),
    "einsum_steps": (lambda: EinsumDense("abc,bd->adc", (4, 2)), (None, 5, 2), 1),
}
ROWS = [
    *(stack(n, [spectral(make())], shape) for n, (make, shape, _) in INSIDE.items()),
    stack("flat", [Flatten(), spectral(Dense(3))], IMAGE, permutes=0),
    stack("iterations", [spectral(Dense(3), power_iterations=4)], (None, 4)),
    stack("distributed", [TimeDistributed(spectral(Dense(3)))], (None, 5, 4)),
    stack("words", [spectral(Embedding(7, 3))], (None, 5), dtype="float32"),
]
ROWS[-1] = Row(
    "words",
    ROWS[-1].build,
    inputs={"in_x": np.array([[1.0, 2, 6, 0, 0], [0, 3, 3, 1, 5]], "float32")},
)


@pytest.mark.needs_keras
@rows(ROWS)
def test_like_keras(row, keras):
    check(row, keras)


@pytest.mark.needs_keras
def test_whole_numbers_stay_whole(keras):
    # Keras 3 casts the result to what went in, of an Embedding too.
    row = stack("cut", [spectral(Embedding(7, 3))], (None, 5), dtype="int32")
    row = Row(
        "cut",
        row.build,
        weights={"spectralnormalization_0/embeddings": np.arange(21) - 9.5},
        gradients=False,
    )
    check(row, keras)


def stepped(kernel, vector, iterations):
    """The lines of ``normalized_weights`` in Keras 3.15, in numpy."""
    rows_ = kernel.reshape(-1, kernel.shape[-1])
    for _ in range(iterations):
        v = vector @ rows_.T
        v = v / np.linalg.norm(v)
        vector = v @ rows_
        vector = vector / np.linalg.norm(vector)
    return kernel / (v @ rows_ @ vector.T), vector


@pytest.mark.parametrize("name", INSIDE)
@pytest.mark.parametrize("iterations", [1, 3])
def test_a_step_divides_the_kernel(name, iterations):
    make, shape, _ = INSIDE[name]
    layer = spectral(make(), power_iterations=iterations)
    model = graph(stack(name, [layer], shape))
    program = write(model)
    module = program.module().double()
    values = {v.name.rpartition("/")[2]: v for v in model.graph.initializers.values()}
    kernel = values["kernel"].const_value.numpy().astype("float64")
    vector = values["vector_u"].const_value.numpy().astype("float64")
    [layer_name] = dict(module.named_children())
    inside = getattr(module, layer_name)
    inside.normalize()
    kernel, vector = stepped(kernel, vector, iterations)
    np.testing.assert_allclose(inside.u.numpy(), vector, rtol=1e-9)
    source = next(w for w in program.weights if w.name.endswith("layer.weight"))
    weight = inside.layer.weight.detach().numpy()
    np.testing.assert_allclose(weight, source.source(kernel), rtol=1e-9)
    # And only while training.
    size = [2, *(n or 5 for n in program.inputs[0][1].shape[1:])]
    x = torch.randn(size, dtype=torch.float64)
    x = x.permute(program.inputs[0][1].layout.axes)
    before = inside.layer.weight.detach().clone()
    module.eval()(x)
    assert torch.equal(inside.layer.weight, before)
    module.train()(x)
    assert not torch.equal(inside.layer.weight, before)


def test_a_kernel_of_zeros_stays():
    row = stack("zeros", [spectral(Dense(3))], (None, 4))
    module = write(graph(row)).module()
    inside = next(module.children())
    torch.nn.init.zeros_(inside.layer.weight)
    vector = inside.u.clone()
    inside.normalize()
    assert not inside.layer.weight.any()
    assert torch.equal(inside.u, vector)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (LSTM(3), (None, 5, 2)),
        (SeparableConv2D(3, 2), IMAGE),
        (Embedding(7, 3, mask_zero=True), (None, 5)),
    ],
)
def test_what_has_no_rule_is_named(layer, shape):
    with pytest.raises(UnsupportedLayer, match="'my_norm'"):
        SpectralNormalization(layer, name="my_norm").weights(shape)
