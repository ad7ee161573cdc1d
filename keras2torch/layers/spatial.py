"""What convolutions, pooling and padding share: sizes, and how ``same`` pads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras2torch.layers.base import Layer, Shape, Tensor

Ints = int | Sequence[int]
Pads = tuple[tuple[int, int], ...]


def ints(value: Any, count: int) -> tuple[int, ...]:
    """Return ``count`` integers, from one that stands for all or from a sequence."""
    if isinstance(value, int):
        return (value,) * count
    found = tuple(int(v) for v in value)
    # Keras 1 and 2 keep the arguments of 1D layers both as 3 and as (3,).
    if len(found) != count:
        raise ValueError(f"{value!r} are not {count} numbers")
    return found


def pairs(value: Any, count: int) -> Pads:
    """Return ``count`` pairs (before, after), as Keras' padding and cropping go."""
    if isinstance(value, int):
        return ((value, value),) * count
    if count == 1:
        before, after = ints(value, 2)
        return ((before, after),)
    if len(value) != count:
        raise ValueError(f"{value!r} are not {count} pairs")
    return tuple((a, b) for a, b in (ints(v, 2) for v in value))


def is_first(layer: Layer) -> bool:
    """Whether Keras itself keeps the channels at position 1."""
    return getattr(layer, "data_format", None) == "channels_first"


def split(layer: Layer, shape: Shape) -> tuple[tuple[int | None, ...], int | None]:
    """Return the spatial sizes and the channels of a Keras shape."""
    if is_first(layer):
        return shape[2:], shape[1]
    return shape[1:-1], shape[-1]


def joined(
    layer: Layer, batch: int | None, sizes: Sequence[int | None], channels: int | None
) -> Shape:
    """Return the Keras shape of spatial sizes and channels."""
    if is_first(layer):
        return (batch, channels, *sizes)
    return (batch, *sizes, channels)


def channels_of(layer: Layer, shape: Shape, rank: int) -> int:
    """Return the number of channels; an error where there is no such number."""
    if len(shape) != rank + 2:
        raise layer.unsupported(f"its input has {len(shape)} axes, not {rank + 2}")
    channels = split(layer, shape)[1]
    if channels is None:
        raise layer.unsupported("the channel axis of its input has no size")
    return channels


def same_out(size: int | None, stride: int) -> int | None:
    """Return the output size of ``same``: ``ceil(size / stride)``."""
    return None if size is None else -(-size // stride)


def valid_out(size: int | None, extent: int, stride: int) -> int | None:
    """Return the output size without padding."""
    return None if size is None else (size - extent) // stride + 1


def same_pad(size: int | None, extent: int, stride: int) -> tuple[int, int] | None:
    """Return what ``same`` pads before and after one axis; ``None`` if that varies.

    TensorFlow pads as little as the output size needs, the odd one after:
    https://www.tensorflow.org/api_docs/python/tf/nn#notes_on_padding_2
    """
    if stride == 1 or extent == 1:
        total = extent - 1
    elif size is None:
        return None
    else:
        out = -(-size // stride)
        total = max((out - 1) * stride + extent - size, 0)
    return total // 2, total - total // 2


def torch_sizes(tensor: Tensor) -> tuple[int | None, ...]:
    """Return the spatial sizes of a tensor that has its channels at position 1."""
    return tensor.torch_shape[2:]


def pad_text(x: str, pads: Sequence[tuple[int, int]], value: str | None = None) -> str:
    """Return ``F.pad(x, …)`` for pairs per axis; torch counts from the last axis."""
    flat = [n for before, after in reversed(list(pads)) for n in (before, after)]
    while len(flat) > 2 and flat[-2:] == [0, 0]:
        del flat[-2:]
    extra = f", value={value}" if value is not None else ""
    return f"F.pad({x}, ({', '.join(map(str, flat))}){extra})"


__all__ = [
    "Ints",
    "Pads",
    "channels_of",
    "ints",
    "is_first",
    "joined",
    "pad_text",
    "pairs",
    "same_out",
    "same_pad",
    "split",
    "torch_sizes",
    "valid_out",
]
