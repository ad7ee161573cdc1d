"""Images of other sizes, as TensorFlow resizes them.

Source: ``tensorflow/python/ops/image_ops_impl.py`` (TensorFlow 2.21).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F

from keras2torch.program.helpers import images
from keras2torch.program.helpers.reshaping import resize_bicubic

Size = tuple[int, int]


def _lanczos(radius: int) -> Callable[[torch.Tensor, Size], torch.Tensor]:
    return lambda x, size: images.resize_lanczos(x, size, radius)


def _bilinear(x: torch.Tensor, size: Size) -> torch.Tensor:
    return F.interpolate(x, size=size, mode="bilinear")


def _nearest(x: torch.Tensor, size: Size) -> torch.Tensor:
    return F.interpolate(x, size=size, mode="nearest-exact")


METHODS: dict[str, Callable[[torch.Tensor, Size], torch.Tensor]] = {
    "bilinear": _bilinear,
    "nearest": _nearest,
    "bicubic": resize_bicubic,
    "area": images.resize_area,
    "lanczos3": _lanczos(3),
    "lanczos5": _lanczos(5),
    "gaussian": images.resize_gaussian,
    "mitchellcubic": images.resize_mitchell,
}


def resized(x: torch.Tensor, size: Size, interpolation: str) -> torch.Tensor:
    """Return channels first images of another size.

    They become float32, but by ``"nearest"``, which leaves their dtype as it is.
    """
    if interpolation == "nearest":
        return _nearest(x.float(), size).to(x.dtype)
    return METHODS[interpolation](x.to(torch.float32), size)


def middle(x: torch.Tensor, size: Size) -> torch.Tensor:
    """Return the middle of channels first images, of the ratio of a size."""
    height, width = x.shape[-2:]
    rows = max(min(height, int(width * size[0] / size[1])), 1)
    columns = max(min(width, int(height * size[1] / size[0])), 1)
    top, left = (height - rows) // 2, (width - columns) // 2
    return x[..., top : top + rows, left : left + columns]


def within(x: torch.Tensor, size: Size, interpolation: str) -> torch.Tensor:
    """Return channels first images as large as fit into a size, zeros around them."""
    old, wanted = (np.array(n, np.float32) for n in (x.shape[-2:], size))
    inner = old / (old / wanted).max()
    top, left = (int(n) for n in np.maximum(np.floor((wanted - inner) / 2), 0))
    rows, columns = (int(n) for n in np.floor(inner))
    made = resized(x, (rows, columns), interpolation)
    return F.pad(made, (left, size[1] - columns - left, top, size[0] - rows - top))
