"""`same` by its definition, for every small size: no Keras needed, so all are tried.

A window starts at ``i * stride - before``; what lies outside the input is nothing for
a maximum or a mean, and zero for a convolution.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from keras2torch.layers.convolution import Conv1D
from keras2torch.layers.convolution_transpose import Conv1DTranspose
from keras2torch.layers.definitions import Call, Layout, Tensor
from keras2torch.layers.pooling import AveragePooling1D, MaxPooling1D
from keras2torch.program.helpers import convolution, pooling

NAMES = {"F": F, "nn": nn, "torch": torch, **vars(convolution), **vars(pooling)}
SIZES = list(product(range(1, 12), range(1, 7), range(1, 5)))


def converted(layer, x, kernel=None, *, known):
    """Return what the generated text makes of ``x``, which is (N, channels, time)."""
    shape = (None, x.shape[2] if known else None, x.shape[1])
    first = Layout.channels_first(3)
    call = Call([Tensor(shape, layout=first, name="x")])
    call.outputs = [Tensor(layer.output_shapes(shape)[0], layout=first)]
    made = layer.module(call)
    module = eval(made.text, dict(NAMES))
    if kernel is not None:
        weight = made.weights["weight"](kernel)
        module.weight = nn.Parameter(torch.from_numpy(weight), requires_grad=False)
    text = layer.forward(call, "module").results
    return eval(text, {**NAMES, "module": module, "x": torch.from_numpy(x)}).numpy()


def windows(n, k, s):
    """Return how many windows there are, and how far the first starts outside."""
    out = -(-n // s)
    return out, max((out - 1) * s + k - n, 0) // 2


def random(*shape):
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype("float32")


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(
    ("kind", "reduce"), [(MaxPooling1D, np.max), (AveragePooling1D, np.mean)]
)
def test_pooling(kind, reduce, known):
    for n, k, s in SIZES:
        x = random(2, 2, n)
        out, before = windows(n, k, s)
        starts = [i * s - before for i in range(out)]
        expected = [reduce(x[:, :, max(i, 0) : i + k], axis=2) for i in starts]
        made = converted(kind(k, s, "same"), x, known=known)
        np.testing.assert_allclose(
            made, np.stack(expected, 2), 1e-5, 1e-6, str((n, k, s))
        )


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("dilation", [1, 2, 3])
def test_convolution(dilation, known):
    for n, k, s in SIZES:
        if dilation > 1 < s:
            continue
        x, kernel = random(2, 2, n), random(k, 2, 3)
        extent = (k - 1) * dilation + 1
        out, before = windows(n, extent, s)
        padded = np.pad(x, ((0, 0), (0, 0), (before, extent + s)))
        expected = np.zeros((2, 3, out), "float32")
        for i, j in product(range(out), range(k)):
            expected[:, :, i] += padded[:, :, i * s + j * dilation] @ kernel[j]
        layer = Conv1D(3, k, s, "same", dilation_rate=dilation, use_bias=False)
        made = converted(layer, x, kernel, known=known)
        np.testing.assert_allclose(made, expected, 1e-4, 1e-5, str((n, k, s)))


@pytest.mark.parametrize("dilation", [1, 2, 3])
def test_transposed_convolution(dilation):
    """The gradient of a `same` convolution over the larger size."""
    for n, k, s in SIZES:
        if dilation > 1 < s:
            continue
        x, kernel = random(2, 2, n), random(k, 3, 2)
        extent = (k - 1) * dilation + 1
        _, before = windows(n * s, extent, s)
        full = np.zeros((2, 3, n * s + extent + s), "float32")
        for i, j in product(range(n), range(k)):
            full[:, :, i * s + j * dilation] += x[:, :, i] @ kernel[j].T
        layer = Conv1DTranspose(3, k, s, "same", dilation_rate=dilation, use_bias=False)
        made = converted(layer, x, kernel, known=True)
        expected = full[:, :, before : before + n * s]
        np.testing.assert_allclose(made, expected, 1e-4, 1e-5, str((n, k, s)))
