"""Images of other sizes.

Source: ``keras/src/ops/image.py`` and ``keras/src/backend/tensorflow/image.py`` (3.15).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch

from keras2torch.data.resizing import resized
from keras2torch.models.symbolic import KerasTensor
from keras2torch.ops.base import operation
from keras2torch.ops.core import saturate_cast
from keras2torch.ops.pixels import images_back, images_first
from keras2torch.ops.promotion import common_dtype, kind, tensors
from keras2torch.program.helpers import images as helpers

Kernel = Callable[[torch.Tensor], torch.Tensor]
_INTERPOLATIONS = ("bilinear", "nearest", "lanczos3", "lanczos5", "bicubic", "area")


def _triangle(d: torch.Tensor) -> torch.Tensor:
    return (1 - d.abs()).clamp(min=0)


def _keys(d: torch.Tensor) -> torch.Tensor:
    """Keys' cubic kernel."""
    d = d.abs()
    near = (1.5 * d - 2.5) * d * d + 1
    far = ((-0.5 * d + 2.5) * d - 4) * d + 2
    return torch.where(d < 1, near, torch.where(d < 2, far, 0))


_KERNELS: dict[str, Kernel] = {
    "linear": _triangle,
    "bilinear": _triangle,
    "trilinear": _triangle,
    "cubic": _keys,
    "bicubic": _keys,
    "tricubic": _keys,
    "lanczos3": partial(helpers.lanczos, radius=3),
    "lanczos5": partial(helpers.lanczos, radius=5),
}


def _smooth(x: torch.Tensor, size: tuple[int, int], interpolation: str) -> Any:
    """Resize by kernels that grow where images become smaller."""
    kernel = _KERNELS[interpolation]
    rows, columns = (
        kernel(helpers.pixel_distances(old, new, True)).to(x.device)
        for old, new in zip(x.shape[2:], size, strict=True)
    )
    return helpers.resize_matrices(x.float(), rows, columns)


@operation("Resize", "images")
def resize(
    images: Any,
    size: Sequence[int],
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: str | None = None,
) -> Any:
    """Resize images.

    Parameters
    ----------
    images
        One or a batch.
    size
        Height and width.
    interpolation
        ``"bilinear"``, ``"nearest"``, ``"bicubic"``, ``"lanczos3"``, ``"lanczos5"`` or
        ``"area"``.
    antialias
        Whether many pixels count where images become smaller.
    crop_to_aspect_ratio, pad_to_aspect_ratio
        Whether they are cut, or padded, to the ratio of the new size first.
    fill_mode, fill_value
        ``"constant"``, and what they are padded with.
    data_format
        ``"channels_first"`` where the images are.
    """
    if interpolation not in _INTERPOLATIONS:
        raise ValueError(
            "Invalid value for argument `interpolation`. Expected of one "
            f"{_INTERPOLATIONS}. Received: interpolation={interpolation}"
        )
    if fill_mode != "constant":
        raise ValueError(
            "Invalid value for argument `fill_mode`. Only `'constant'` is supported. "
            f"Received: fill_mode={fill_mode}"
        )
    if pad_to_aspect_ratio and crop_to_aspect_ratio:
        raise ValueError(
            "Only one of `pad_to_aspect_ratio` & `crop_to_aspect_ratio` can be `True`."
        )
    if len(size) != 2 or min(size) <= 0:
        raise ValueError(
            f"`size` must have positive height and width. Received: size={size}"
        )
    wanted = (int(size[0]), int(size[1]))
    x, alone = images_first(images, data_format)
    dtype = x.dtype
    if crop_to_aspect_ratio:
        x = helpers.crop_to_aspect_ratio(x, wanted)
    elif pad_to_aspect_ratio:
        x = helpers.pad_to_aspect_ratio(x, wanted, fill_value)
    if antialias and interpolation in _KERNELS:
        x = _smooth(x, wanted, interpolation)
    else:
        x = resized(x, wanted, interpolation)
    if x.dtype is not dtype:
        x = x if dtype.is_floating_point else x.round()
        x = saturate_cast(x, dtype)
    return images_back(x, alone, data_format)


# ------------------------------------------------------------ scaled and translated
def _told_shape(images: Any, output_shape: Any, *args: Any, **options: Any) -> Any:
    """Return what stands for the result of :func:`scale_and_translate`."""
    return KerasTensor(
        [None if n is None else int(n) for n in output_shape],
        str(images.dtype).removeprefix("torch."),
    )


@operation(
    "ScaleAndTranslate", "images output_shape scale translation", spec=_told_shape
)
def scale_and_translate(
    images: Any,
    output_shape: Any,
    scale: Any,
    translation: Any,
    spatial_dims: Sequence[int],
    method: str,
    antialias: bool = True,
) -> Any:
    """Scale images and move them.

    Parameters
    ----------
    images
        Any shape.
    output_shape
        Of the result.
    scale, translation
        A number for each axis of ``spatial_dims``.
    spatial_dims
        Which axes.
    method
        ``"linear"``, ``"cubic"``, ``"lanczos3"`` or ``"lanczos5"``.
    antialias
        Whether many pixels count where images become smaller.
    """
    if method not in _KERNELS:
        raise ValueError(
            "Invalid value for argument `method`. Expected of one "
            f"{sorted(_KERNELS)}. Received: method={method}"
        )
    x, factors, moves = tensors(images, scale, translation)
    dtype = common_dtype(kind(factors), kind(moves))
    made = x if x.is_floating_point() else x.float()
    for i, axis in enumerate(spatial_dims):
        weights = _weights(
            x.shape[axis],
            int(output_shape[axis]),
            factors[i].to(dtype),
            moves[i].to(dtype),
            _KERNELS[method],
            antialias,
        )
        made = torch.tensordot(made, weights.to(made), dims=([axis], [0]))
        made = made.movedim(-1, axis)
    if not x.is_floating_point():
        made = made.round().clamp(float(x.min()), float(x.max())).to(x.dtype)
    return made


def _weights(
    old: int,
    new: int,
    scale: torch.Tensor,
    move: torch.Tensor,
    kernel: Kernel,
    antialias: bool,
) -> torch.Tensor:
    """Return how much of each old pixel (rows) lies in each new one (columns)."""
    inverse = 1.0 / scale
    wide = inverse.clamp(min=1.0) if antialias else 1.0
    at = torch.arange(new, dtype=scale.dtype, device=scale.device)
    at = (at + 0.5) * inverse - move * inverse - 0.5
    pixels = torch.arange(old, dtype=scale.dtype, device=scale.device)
    weights = kernel((at[None, :] - pixels[:, None]).abs() / wide)
    total = weights.sum(0, keepdim=True)
    enough = total.abs() > 1000 * float(np.finfo(np.float32).eps)
    weights = torch.where(enough, weights / torch.where(enough, total, 1), 0)
    inside = (at >= -0.5) & (at <= old - 0.5)
    return torch.where(inside[None, :], weights, 0)


__all__ = ["resize", "scale_and_translate"]
