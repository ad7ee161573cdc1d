"""Convolutions with kernels that are tensors, and the patches that they see.

Tensors are channels last unless told; kernels are as Keras has them, channels behind.
Source: ``keras/src/ops/nn.py`` and ``keras/src/backend/tensorflow/nn.py`` (3.15).
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from keras2torch.configuration import standardize_data_format
from keras2torch.models.symbolic import KerasTensor
from keras2torch.ops.base import operation
from keras2torch.ops.promotion import tensor, tensors
from keras2torch.program.helpers.convolution import same_padding

_CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
_TRANSPOSE = {
    1: F.conv_transpose1d,
    2: F.conv_transpose2d,
    3: F.conv_transpose3d,
}


def each(value: Any, count: int) -> tuple[int, ...]:
    """Return a number for each spatial axis."""
    if isinstance(value, (list, tuple)):
        found = tuple(int(v) for v in value)
        return found * count if len(found) == 1 else found
    return (int(value),) * count


def channels_first(x: torch.Tensor, data_format: Any) -> torch.Tensor:
    """Return a tensor as torch has it."""
    last = standardize_data_format(data_format) == "channels_last"
    return x.movedim(-1, 1) if last else x


def channels_back(x: torch.Tensor, data_format: Any) -> torch.Tensor:
    """Return a tensor of torch's as the user has it."""
    last = standardize_data_format(data_format) == "channels_last"
    return x.movedim(1, -1) if last else x


def is_same(padding: str) -> bool:
    """Whether the result has the size of what goes in, but for the strides."""
    if padding.lower() not in ("valid", "same"):
        raise ValueError(
            f"`padding` must be 'valid' or 'same'. Received: padding={padding!r}"
        )
    return padding.lower() == "same"


def spatial_axes(x: torch.Tensor, ranks: tuple[int, ...] = (1, 2, 3)) -> int:
    """Return how many axes are neither of the batch nor of the channels."""
    if x.ndim - 2 not in ranks:
        raise ValueError(
            f"a tensor of rank {' or '.join(str(n + 2) for n in ranks)} is wanted "
            f"(batch, sizes, channels), not one of shape {tuple(x.shape)}."
        )
    return x.ndim - 2


def _convolved(
    x: torch.Tensor,
    weight: torch.Tensor,
    strides: Any,
    padding: str,
    dilation_rate: Any,
    groups: int,
) -> torch.Tensor:
    """Convolve channels first, with a weight as torch has it."""
    count = x.ndim - 2
    steps, rates = each(strides, count), each(dilation_rate, count)
    if is_same(padding):
        sizes = torch.Size(weight.shape[2:])
        x = F.pad(x, same_padding(torch.Size(x.shape[2:]), sizes, steps, rates))
    found = _CONV[count](x, weight, None, steps, 0, rates, groups)
    return found


@operation("Conv", "inputs kernel")
def conv(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """Convolve in one, two or three dimensions.

    Parameters
    ----------
    inputs
        (batch, sizes, channels).
    kernel
        (sizes, channels of a group, filters).
    strides, dilation_rate
        A number, or one for each axis.
    padding
        ``"valid"`` or ``"same"``.
    data_format
        ``"channels_first"`` where the inputs are.
    """
    x, k = tensors(inputs, kernel)
    spatial_axes(x)
    x = channels_first(x, data_format)
    if k.ndim != x.ndim or x.shape[1] % k.shape[-2]:
        raise ValueError(
            f"conv: a kernel of shape {tuple(k.shape)} does not fit inputs with "
            f"{x.shape[1]} channels and {x.ndim - 2} spatial axes."
        )
    weight = k.movedim((-1, -2), (0, 1))
    groups = x.shape[1] // k.shape[-2]
    made = _convolved(x, weight, strides, padding, dilation_rate, groups)
    return channels_back(made, data_format)


def _depthwise(
    x: torch.Tensor, k: torch.Tensor, strides: Any, padding: str, rates: Any
) -> torch.Tensor:
    """Convolve each channel by itself, channels first."""
    if x.shape[1] != k.shape[-2]:
        raise ValueError(
            "The number of input channels must match the kernel's input channels. "
            f"Received: input channels={x.shape[1]}, kernel input channels="
            f"{k.shape[-2]}."
        )
    weight = k.movedim((-2, -1), (0, 1)).flatten(0, 1).unsqueeze(1)
    return _convolved(x, weight, strides, padding, rates, x.shape[1])


@operation("DepthwiseConv", "inputs kernel")
def depthwise_conv(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """Convolve each channel by itself, in one or two dimensions.

    Parameters
    ----------
    inputs, strides, padding, data_format, dilation_rate
        As for :func:`conv`.
    kernel
        (sizes, channels, filters of a channel).
    """
    x, k = tensors(inputs, kernel)
    spatial_axes(x, (1, 2))
    x = channels_first(x, data_format)
    return channels_back(_depthwise(x, k, strides, padding, dilation_rate), data_format)


@operation("SeparableConv", "inputs depthwise_kernel pointwise_kernel")
def separable_conv(
    inputs: Any,
    depthwise_kernel: Any,
    pointwise_kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """Convolve each channel by itself, then mix the channels.

    Parameters
    ----------
    inputs, strides, padding, data_format, dilation_rate
        As for :func:`conv`.
    depthwise_kernel
        As for :func:`depthwise_conv`.
    pointwise_kernel
        (1 …, channels, filters).
    """
    x, k, mix = tensors(inputs, depthwise_kernel, pointwise_kernel)
    spatial_axes(x, (1, 2))
    x = channels_first(x, data_format)
    x = _depthwise(x, k, strides, padding, dilation_rate)
    made = _convolved(x, mix.movedim((-1, -2), (0, 1)), 1, "valid", 1, 1)
    return channels_back(made, data_format)


# ----------------------------------------------------------------------- transposed
def _transposed_size(
    size: int | None, kernel: int, stride: int, rate: int, same: bool, extra: int | None
) -> int | None:
    """Return how large the result is along an axis."""
    if size is None:
        return None
    span = (kernel - 1) * rate + 1
    if not same:
        beyond = max(span, stride) - span if extra is None else extra
        return size * stride + span - stride + beyond
    if extra is None:
        return size * stride
    return (size - 1) * stride + span % 2 + extra


def _transposed_sizes(
    sizes: Any, kernel: Any, strides: Any, padding: str, extra: Any, rates: Any
) -> list[int | None]:
    count = len(sizes)
    beyond = [None] * count if extra is None else each(extra, count)
    along = (sizes, kernel, each(strides, count), each(rates, count), beyond)
    same = is_same(padding)
    return [
        _transposed_size(n, k, s, d, same, more)
        for n, k, s, d, more in zip(*along, strict=True)
    ]


def _transposed_spec(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    output_padding: Any = None,
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> KerasTensor:
    """Return what stands for the result of :func:`conv_transpose`."""
    last = standardize_data_format(data_format) == "channels_last"
    shape, k = tuple(inputs.shape), tuple(kernel.shape)
    sizes = _transposed_sizes(
        shape[1:-1] if last else shape[2:],
        k[:-2],
        strides,
        padding,
        output_padding,
        dilation_rate,
    )
    dtype = str(inputs.dtype).removeprefix("torch.")
    filters = k[-2]
    whole = [shape[0], *sizes, filters] if last else [shape[0], filters, *sizes]
    return KerasTensor(whole, dtype)


@operation("ConvTranspose", "inputs kernel", spec=_transposed_spec)
def conv_transpose(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    output_padding: Any = None,
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """Transposed convolution: what the gradient of a convolution computes.

    Parameters
    ----------
    inputs, strides, padding, data_format, dilation_rate
        As for :func:`conv`.
    kernel
        (sizes, filters, channels).
    output_padding
        How much larger the result is than it has to be.
    """
    x, k = tensors(inputs, kernel)
    count = spatial_axes(x)
    x = channels_first(x, data_format)
    if k.ndim != x.ndim or x.shape[1] != k.shape[-1]:
        raise ValueError(
            f"conv_transpose: a kernel of shape {tuple(k.shape)} does not fit inputs "
            f"with {x.shape[1]} channels and {count} spatial axes."
        )
    steps, rates = each(strides, count), each(dilation_rate, count)
    wanted = _transposed_sizes(
        x.shape[2:], k.shape[:-2], steps, padding, output_padding, rates
    )
    weight = k.movedim((-1, -2), (0, 1))
    whole = _TRANSPOSE[count](x, weight, stride=steps, dilation=rates)
    # The convolution that this is the gradient of was padded, more behind than before.
    pads: list[int] = []
    for i, size in enumerate(wanted):
        assert size is not None
        span = (k.shape[i] - 1) * rates[i] + 1
        total = max((x.shape[2 + i] - 1) * steps[i] + span - size, 0)
        before = total // 2 if is_same(padding) else 0
        pads = [-before, size + before - whole.shape[2 + i], *pads]
    return channels_back(F.pad(whole, pads), data_format)


# -------------------------------------------------------------------------- patches
@operation("Unfold")
def unfold(
    x: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Any:
    """Put what lies in each window into a column.

    Parameters
    ----------
    x
        (batch, channels, height, width).
    kernel_size, dilation, padding, stride
        A number, or one for height and one for width.
    """
    x = tensor(x)
    if x.ndim != 4:
        raise ValueError(
            f"Input must be a 4D tensor. Received: input.shape={tuple(x.shape)}"
        )
    return F.unfold(x, kernel_size, dilation, padding, stride)


@operation("Fold")
def fold(
    x: Any,
    output_size: Any,
    kernel_size: Any,
    dilation: Any = 1,
    padding: Any = 0,
    stride: Any = 1,
) -> Any:
    """Add up the columns that :func:`unfold` makes, each in its window's place.

    Parameters
    ----------
    x
        (batch, channels times the size of a window, windows).
    output_size
        Height and width.
    kernel_size, dilation, padding, stride
        As for :func:`unfold`.
    """
    x = tensor(x)
    if x.ndim != 3:
        raise ValueError(
            f"Input must be a 3D tensor. Received: input.shape={tuple(x.shape)}"
        )
    return F.fold(x, each(output_size, 2), kernel_size, dilation, padding, stride)


@operation("DepthToSpace")
def depth_to_space(x: Any, block_size: int, data_format: str = "channels_last") -> Any:
    """Spread the channels over blocks of pixels.

    Parameters
    ----------
    x
        Images.
    block_size
        Height and width of a block.
    data_format
        Where the channels are.
    """
    x = channels_first(_blocks(x, block_size), data_format)
    batch, channels, height, width = x.shape
    if channels % block_size**2:
        raise ValueError(
            f"The number of channels ({channels}) must be divisible by "
            f"block_size**2 ({block_size**2})."
        )
    x = x.reshape(batch, block_size, block_size, -1, height, width)
    x = x.permute(0, 3, 4, 1, 5, 2)
    x = x.reshape(batch, -1, height * block_size, width * block_size)
    return channels_back(x, data_format)


@operation("SpaceToDepth")
def space_to_depth(x: Any, block_size: int, data_format: str = "channels_last") -> Any:
    """Put the pixels of each block into channels; the contrary of the above.

    Parameters
    ----------
    x, block_size, data_format
        As for :func:`depth_to_space`.
    """
    x = channels_first(_blocks(x, block_size), data_format)
    batch, _, height, width = x.shape
    if height % block_size or width % block_size:
        raise ValueError(
            f"Height ({height}) and width ({width}) must be divisible by block_size "
            f"({block_size})."
        )
    rows, columns = height // block_size, width // block_size
    x = x.reshape(batch, -1, rows, block_size, columns, block_size)
    x = x.permute(0, 3, 5, 1, 2, 4).reshape(batch, -1, rows, columns)
    return channels_back(x, data_format)


def _blocks(x: Any, block_size: int) -> torch.Tensor:
    if block_size < 2:
        raise ValueError(
            f"`block_size` must be at least 2. Received: block_size={block_size}"
        )
    found: torch.Tensor = tensor(x)
    if found.ndim != 4:
        raise ValueError(
            f"a 4D tensor of images is wanted, not one of shape {tuple(found.shape)}."
        )
    return found


__all__ = [
    "conv",
    "conv_transpose",
    "depth_to_space",
    "depthwise_conv",
    "fold",
    "separable_conv",
    "space_to_depth",
    "unfold",
]
