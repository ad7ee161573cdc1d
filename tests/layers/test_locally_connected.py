"""Locally connected layers by their definition: Keras 3 has none to compare with.

Published files that hold one are compared with tf_keras in ``tests/shared_models``.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch

from keras2torch.errors import UnsupportedLayer
from keras2torch.layers.locally_connected import LocallyConnected1D, LocallyConnected2D
from keras2torch.program import write
from tests.layers.harness import graph, stack

RNG = np.random.default_rng(0)


def expected(x, kernel, bias, size, stride, first):
    """Return tf_keras' local_conv and bias_add, place by place."""
    n = len(size)
    spatial = x.shape[2:] if first else x.shape[1:-1]
    out = tuple((m - k) // s + 1 for m, k, s in zip(spatial, size, stride, strict=True))
    y = np.zeros((len(x), *out, kernel.shape[-1]))
    for i, place in enumerate(product(*map(range, out))):
        window = tuple(
            slice(p * s, p * s + k) for p, s, k in zip(place, stride, size, strict=True)
        )
        whole = (slice(None), slice(None), *window) if first else (slice(None), *window)
        y[(slice(None), *place)] = x[whole].reshape(len(x), -1) @ kernel[i]
    if first:
        y = y.transpose(0, n + 1, *range(1, n + 1))
        return y + bias.reshape(bias.shape[-1], *bias.shape[:-1])
    return y + bias


def listed(values, out, size, channels, filters, first):
    """Return the kernel of each place of a sparse kernel that is sorted by indices."""
    kernel = np.zeros((int(np.prod(out)), int(np.prod(size)) * channels, filters))
    entries = []
    for i, place in enumerate(np.ndindex(*out)):
        for j, step in enumerate(np.ndindex(*size)):
            for c, f in product(range(channels), range(filters)):
                row = c * int(np.prod(size)) + j if first else j * channels + c
                goes_in = (c, *step) if first else (*step, c)
                comes_out = (f, *place) if first else (*place, f)
                entries.append((comes_out, goes_in, (i, row, f)))
    for (_, _, at), value in zip(sorted(entries), values, strict=True):
        kernel[at] = value
    return kernel


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (LocallyConnected1D(4, 3, 2, implementation=3), (None, 7, 3)),
        (LocallyConnected2D(4, 2, 2, implementation=3), (None, 7, 5, 3)),
        *(
            (kind(4, 2, 2, data_format="channels_first", implementation=3), shape)
            for kind, shape in (
                (LocallyConnected1D, (None, 3, 7)),
                (LocallyConnected2D, (None, 3, 7, 5)),
            )
        ),
        (LocallyConnected1D(4, 3), (None, 7, 3)),
        (LocallyConnected1D(4, [2], [2]), (None, 7, 3)),
        (LocallyConnected1D(4, 3, 2, data_format="channels_first"), (None, 3, 7)),
        (LocallyConnected2D(4, 3), (None, 5, 6, 3)),
        (LocallyConnected2D(4, (1, 2), (2, 3)), (None, 5, 6, 3)),
        (
            LocallyConnected2D(4, (3, 2), (2, 1), data_format="channels_first"),
            (None, 3, 5, 6),
        ),
    ],
)
def test_every_place_has_its_kernel(layer, shape):
    model = graph(stack("local", [layer], shape))
    program = write(model)
    kernel, bias = (v.const_value.numpy() for v in model.graph.initializers.values())
    first = layer.data_format == "channels_first"
    x = RNG.standard_normal((3, *shape[1:])).astype("float32")
    size = np.broadcast_to(layer.kernel_size, len(shape) - 2)
    stride = np.broadcast_to(layer.strides, len(shape) - 2)
    if layer.implementation == 3:
        out = bias.shape[:-1]
        kernel = listed(kernel, out, tuple(size), 3, layer.filters, first)
    wanted = expected(x, kernel, bias, tuple(size), tuple(stride), first)
    [(_, given)] = program.inputs
    [made] = program.outputs
    with torch.no_grad():
        y = program.module()(torch.from_numpy(x.transpose(given.layout.axes).copy()))
    wanted = wanted.transpose(made.layout.axes)
    np.testing.assert_allclose(y.numpy(), wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "layer",
    [
        LocallyConnected2D(4, 3, implementation=2),
        LocallyConnected1D(4, 3, padding="same", implementation=3),
    ],
)
def test_other_ways_to_store_the_kernel_have_no_rule(layer):
    shape = (None, 7, 8, 3) if isinstance(layer, LocallyConnected2D) else (None, 7, 3)
    with pytest.raises(UnsupportedLayer, match="implementation"):
        graph(stack("local", [layer], shape))
