"""Patches of images and volumes.

Source: ``keras/src/ops/image.py`` (3.15), where they are convolutions with an identity.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from keras2torch.configuration import standardize_data_format
from keras2torch.models.symbolic import KerasTensor
from keras2torch.ops.base import operation
from keras2torch.ops.convolutions import each, is_same
from keras2torch.ops.promotion import tensor
from keras2torch.program.helpers.convolution import same_padding


def _rank(size: Any) -> int:
    """Return how many axes a patch has."""
    if isinstance(size, int):
        return 2
    if not isinstance(size, (list, tuple)) or len(size) not in (2, 3):
        raise ValueError(
            "Invalid `size` argument. Expected an int or a tuple of length 2 or 3. "
            f"Received: size={size}"
        )
    return len(size)


def _spec(
    images: Any,
    size: Any,
    strides: Any = None,
    dilation_rate: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> KerasTensor:
    """Return what stands for the patches."""
    rank = _rank(size)
    last = standardize_data_format(data_format) == "channels_last"
    shape = tuple(images.shape)
    before, at = shape[: len(shape) - rank - 1], len(shape) - rank - 1
    sizes = shape[at:-1] if last else shape[at + 1 :]
    channels = shape[-1] if last else shape[at]
    found: list[int | None] = []
    window = each(size, rank)
    steps = each(strides or window, rank)
    rates = each(dilation_rate, rank)
    for n, k, s, d in zip(sizes, window, steps, rates, strict=True):
        span = 1 if is_same(padding) else (k - 1) * d + 1
        found.append(None if n is None else (n - span) // s + 1)
        if channels is not None:
            channels *= k
    inner = [*found, channels] if last else [channels, *found]
    return KerasTensor([*before, *inner], images.dtype)


def _patches(
    images: Any,
    size: Any,
    strides: Any,
    dilation_rate: Any,
    padding: str,
    data_format: str | None,
) -> torch.Tensor:
    x = tensor(images)
    rank = _rank(size)
    if x.ndim not in (rank + 1, rank + 2):
        raise ValueError(
            f"patches of {rank} axes are cut out of a tensor of rank {rank + 1} or "
            f"{rank + 2}, not of shape {tuple(x.shape)}."
        )
    last = standardize_data_format(data_format) == "channels_last"
    alone = x.ndim == rank + 1
    x = x.unsqueeze(0) if alone else x
    x = x.movedim(-1, 1) if last else x
    window = each(size, rank)
    steps = each(strides or window, rank)
    rates = each(dilation_rate, rank)
    if is_same(padding):
        x = F.pad(x, same_padding(torch.Size(x.shape[2:]), window, steps, rates))
    for axis, (k, s, d) in enumerate(zip(window, steps, rates, strict=True), 2):
        x = x.unfold(axis, (k - 1) * d + 1, s)[..., ::d]
    # (batch, channels, places, patch) → (batch, places, patch, channels)
    x = x.movedim(1, -1).flatten(1 + rank)
    x = x if last else x.movedim(-1, 1)
    found: torch.Tensor = x.squeeze(0) if alone else x
    return found


@operation("ExtractPatches", "images", spec=_spec)
def extract_patches(
    images: Any,
    size: Any,
    strides: Any = None,
    dilation_rate: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Any:
    """Put what is in each window into the channels.

    Parameters
    ----------
    images
        One or a batch; volumes if ``size`` has three numbers.
    size, strides, dilation_rate
        A number, or one for each axis; patches lie side by side unless told.
    padding
        ``"valid"`` or ``"same"``.
    data_format
        ``"channels_first"`` where the images are.
    """
    return _patches(images, size, strides, dilation_rate, padding, data_format)


def extract_patches_3d(
    volumes: Any,
    size: Any,
    strides: Any = None,
    dilation_rate: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Any:
    """Put what is in each window of volumes into the channels.

    Parameters
    ----------
    volumes
        One or a batch.
    size, strides, dilation_rate, padding, data_format
        As for :func:`extract_patches`, in three dimensions.
    """
    return extract_patches(
        volumes, each(size, 3), strides, dilation_rate, padding, data_format
    )


__all__ = ["extract_patches", "extract_patches_3d"]
