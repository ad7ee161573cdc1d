"""Operations take tensors, weights, arrays, lists and numbers alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import keras2torch as keras
from keras2torch import ops

IMAGES = np.random.default_rng(0).random((2, 5, 6, 3)).astype("float32")
KERNEL = np.random.default_rng(1).random((3, 2, 3, 4)).astype("float32")
KINDS: dict[str, Callable[[Any], Any]] = {
    "list": lambda a: a.tolist(),
    "tensor": torch.tensor,
    "weight": keras.Variable,
}
CALLS: dict[str, tuple[Callable[..., Any], list[Any]]] = {
    "average_pool": (lambda x: ops.average_pool(x, 2, 1, "same"), [IMAGES]),
    "binary_crossentropy": (ops.binary_crossentropy, [IMAGES, IMAGES]),
    "conv": (lambda x, k: ops.conv(x, k, 2, "same"), [IMAGES, KERNEL]),
    "crop_images": (lambda x: ops.image.crop_images(x, 1, 1, 1, 1), [IMAGES]),
    "cholesky": (ops.cholesky, [np.eye(3, dtype="float32") * 4]),
    "extract_patches": (lambda x: ops.image.extract_patches(x, 2), [IMAGES]),
    "fft": (lambda x, y: ops.fft((x, y)), [IMAGES, IMAGES]),
    "gelu": (ops.gelu, [IMAGES]),
    "layer_normalization": (ops.layer_normalization, [IMAGES]),
    "logsumexp": (ops.logsumexp, [IMAGES]),
    "moments": (lambda x: ops.moments(x, [0, 1]), [IMAGES]),
    "norm": (lambda x: ops.norm(x, axis=1), [IMAGES]),
    "one_hot": (lambda x: ops.one_hot(x, 3), [np.array([[0, 2], [1, 1]], "int32")]),
    "rearrange": (lambda x: ops.rearrange(x, "b h w c -> b (h w) c"), [IMAGES]),
    "resize": (lambda x: ops.image.resize(x, (3, 4)), [IMAGES]),
    "scatter": (
        lambda i, v: ops.scatter(i, v, (4,)),
        [np.array([[0], [2], [0]], "int32"), IMAGES[0, 0, 0]],
    ),
    "segment_sum": (
        lambda x, i: ops.segment_sum(x, i, 3),
        [IMAGES, np.array([2, 0], "int32")],
    ),
    "slice": (lambda x: ops.slice(x, [0, 1, 1, 0], [2, 2, 2, -1]), [IMAGES]),
    "softmax": (ops.softmax, [IMAGES]),
    "top_k": (lambda x: ops.top_k(x, 2), [IMAGES]),
    "unstack": (ops.unstack, [IMAGES]),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", CALLS)
def test_one_kind_is_as_good_as_another(name: str, kind: str) -> None:
    """What comes out is what comes out of arrays, in values and dtype."""
    call, arrays = CALLS[name]
    wanted = keras.tree.flatten(call(*arrays))
    given = [KINDS[kind](a) for a in arrays]
    for found, value in zip(keras.tree.flatten(call(*given)), wanted, strict=True):
        assert found.dtype == value.dtype
        torch.testing.assert_close(found.detach(), value)


@pytest.mark.parametrize("name", ["relu", "sigmoid", "softplus", "erf", "rsqrt"])
def test_numbers_become_tensors(name: str) -> None:
    """A number of Python's is a float32."""
    found = getattr(ops, name)(0.5)
    assert found.dtype is torch.float32
    assert found.shape == ()


def test_what_is_beyond_is_the_nearest() -> None:
    """Keras itself goes around where float32 meets int32: 1e10 becomes -2147483648."""
    found = ops.saturate_cast([1e10, -1e10, 5.7], "int32")
    assert found.tolist() == [2147483520, -2147483648, 5]


def test_a_function_without_its_own_tensors_is_told() -> None:
    """Symbolic tensors of a closure cannot be filled in."""
    x = keras.Input((3,))
    with pytest.raises(ValueError, match="symbolic tensor that is none of its"):
        ops.cond(ops.all(x > 0), lambda: x, lambda: x * 2)


def test_custom_gradient() -> None:
    """The function's gradient is the one that it returns; a weight within is told."""

    @ops.custom_gradient
    def doubled(x: Any) -> Any:
        return x * 2, lambda upstream: upstream * 5

    x = torch.ones(3, requires_grad=True)
    doubled(x).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [5, 5, 5]
    weight = torch.ones(3, requires_grad=True)
    with pytest.raises(TypeError, match="none of its arguments"):
        ops.custom_gradient(lambda v: (v * weight, lambda g: g))(x)
