"""Colours, edges, blur, and what is put around images or cut off.

Source: ``keras/src/ops/image.py`` and ``keras/src/backend/tensorflow/image.py`` (3.15).
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from keras2torch.configuration import standardize_data_format
from keras2torch.ops.base import operation
from keras2torch.ops.convolutions import each
from keras2torch.ops.promotion import floats, tensor, tensors
from keras2torch.program.helpers import augmentation_colours as colours
from keras2torch.program.helpers.convolution import same_padding


def images_first(images: Any, data_format: Any) -> tuple[torch.Tensor, bool]:
    """Return a batch of images, channels first, and whether it was one image."""
    x: torch.Tensor = tensor(images)
    if x.ndim not in (3, 4):
        raise ValueError(
            "Invalid images rank: expected rank 3 (single image) or rank 4 (batch of "
            f"images). Received: images.shape={tuple(x.shape)}"
        )
    alone = x.ndim == 3
    x = x.unsqueeze(0) if alone else x
    last = standardize_data_format(data_format) == "channels_last"
    return (x.movedim(-1, 1) if last else x), alone


def images_back(x: torch.Tensor, alone: bool, data_format: Any) -> torch.Tensor:
    """Return images as the user has them."""
    last = standardize_data_format(data_format) == "channels_last"
    x = x.movedim(1, -1) if last else x
    return x.squeeze(0) if alone else x


@operation("RGBToGrayscale", "images")
def rgb_to_grayscale(images: Any, data_format: str | None = None) -> Any:
    """Weigh the colours into one channel."""
    x, alone = images_first(images, data_format)
    if x.shape[1] not in (1, 3):
        raise ValueError(
            "Invalid channel size: expected 3 (RGB) or 1 (Grayscale). Received images "
            f"with {x.shape[1]} channels."
        )
    if x.shape[1] == 3:
        weights = torch.tensor([0.2989, 0.5870, 0.1140], device=x.device)
        wide = floats(x)
        mixed = torch.einsum("nchw,c->nhw", wide, weights.to(wide))
        x = mixed.unsqueeze(1).to(x.dtype)
    return images_back(x, alone, data_format)


@operation("RGBToHSV", "images")
def rgb_to_hsv(images: Any, data_format: str | None = None) -> Any:
    """Hue, saturation and value of colours, all from 0 to 1."""
    x, alone = _colours(images, data_format)
    return images_back(colours.rgb_to_hsv(x), alone, data_format)


@operation("HSVToRGB", "images")
def hsv_to_rgb(images: Any, data_format: str | None = None) -> Any:
    """Red, green and blue of hue, saturation and value, all from 0 to 1."""
    x, alone = _colours(images, data_format)
    return images_back(colours.hsv_to_rgb(x), alone, data_format)


def _colours(images: Any, data_format: Any) -> tuple[torch.Tensor, bool]:
    x, alone = images_first(images, data_format)
    if not x.is_floating_point():
        raise ValueError(
            "Invalid images dtype: expected float dtype. Received: images.dtype="
            f"{str(x.dtype).removeprefix('torch.')}"
        )
    if x.shape[1] != 3:
        raise ValueError(
            f"Invalid channel size: expected 3, received images with {x.shape[1]}."
        )
    return x, alone


# ----------------------------------------------------------------------------- edges
@operation("PadImages", "images")
def pad_images(
    images: Any,
    top_padding: int | None = None,
    left_padding: int | None = None,
    bottom_padding: int | None = None,
    right_padding: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Any:
    """Put zeros around images.

    Parameters
    ----------
    images
        One or a batch.
    top_padding, bottom_padding, target_height
        Two of the three.
    left_padding, right_padding, target_width
        Two of the three.
    data_format
        ``"channels_first"`` where the images are.
    """
    x, alone = images_first(images, data_format)
    given = (top_padding, bottom_padding, target_height)
    top, bottom = _margins("padding", "top bottom height", given, x.shape[2], 1)
    given = (left_padding, right_padding, target_width)
    left, right = _margins("padding", "left right width", given, x.shape[3], 1)
    return images_back(F.pad(x, (left, right, top, bottom)), alone, data_format)


@operation("CropImages", "images")
def crop_images(
    images: Any,
    top_cropping: int | None = None,
    left_cropping: int | None = None,
    bottom_cropping: int | None = None,
    right_cropping: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Any:
    """Cut the edges of images off.

    Parameters
    ----------
    images
        One or a batch.
    top_cropping, bottom_cropping, target_height
        Two of the three.
    left_cropping, right_cropping, target_width
        Two of the three.
    data_format
        ``"channels_first"`` where the images are.
    """
    x, alone = images_first(images, data_format)
    height, width = x.shape[2:]
    given = (top_cropping, bottom_cropping, target_height)
    top, bottom = _margins("cropping", "top bottom height", given, height, -1)
    given = (left_cropping, right_cropping, target_width)
    left, right = _margins("cropping", "left right width", given, width, -1)
    x = x[:, :, top : height - bottom, left : width - right]
    return images_back(x, alone, data_format)


def _margins(
    what: str, sides: str, given: tuple[int | None, ...], size: int, sign: int
) -> tuple[int, int]:
    """Return what is added or cut before and after, of which one may be left open."""
    one, other, along = sides.split()
    names = (f"{one}_{what}", f"{other}_{what}", f"target_{along}")
    if given.count(None) != 1:
        told = ", ".join(f"{n}={v}" for n, v in zip(names, given, strict=True))
        raise ValueError(
            f"Must specify exactly two of {', '.join(names)}. Received: {told}"
        )
    before, after, target = given
    if target is not None:
        lack = sign * (target - size)
        before = lack - (after or 0) if before is None else before
        after = lack - before if after is None else after
    assert before is not None
    assert after is not None
    for name, value in zip(names, (before, after), strict=False):
        if value < 0:
            raise ValueError(f"{name} must be >= 0. Received: {name}={value}")
    if sign < 0 and before + after > size:
        raise ValueError(f"{names[0]} and {names[1]} leave nothing of {size} pixels.")
    return before, after


# -------------------------------------------------------------------------- filters
def _filtered(x: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
    """Convolve each channel with one kernel."""
    weight = kernel.expand(x.shape[1], 1, *kernel.shape)
    return F.conv2d(x, weight, groups=x.shape[1])


def _bell(size: int, sigma: Any, like: torch.Tensor) -> torch.Tensor:
    at = torch.arange(size, dtype=like.dtype, device=like.device) - (size - 1) / 2
    line = torch.exp(-0.5 * (at / sigma) ** 2)
    return line / line.sum()


@operation("GaussianBlur", "images")
def gaussian_blur(
    images: Any,
    kernel_size: Any = (3, 3),
    sigma: Any = (1.0, 1.0),
    data_format: str | None = None,
) -> Any:
    """Blur images.

    Parameters
    ----------
    images
        One or a batch.
    kernel_size, sigma
        Size and deviation of the kernel along height and width.
    data_format
        ``"channels_first"`` where the images are.
    """
    x, alone = images_first(images, data_format)
    size = each(kernel_size, 2)
    lines = [_bell(n, s, x) for n, s in zip(size, sigma, strict=True)]
    # Keras reads the columns as rows where the kernel is no square.
    kernel = torch.outer(lines[1], lines[0]).reshape(size)
    around = same_padding(torch.Size(x.shape[2:]), size, (1, 1), (1, 1))
    return images_back(_filtered(F.pad(x, around), kernel), alone, data_format)


@operation("SobelEdges", "images")
def sobel_edges(images: Any, data_format: str | None = None) -> Any:
    """Slopes down and to the right, along an axis that is added behind."""
    if tensor(images).ndim != 4:
        raise ValueError(
            "Invalid images rank: expected rank 4 (batch of images). "
            f"Received: images.shape={tuple(tensor(images).shape)}"
        )
    x, _ = images_first(images, data_format)
    down = x.new_tensor([[-1, -2, -1], [0, 0, 0], [1, 2, 1]])
    around = F.pad(x, (1, 1, 1, 1), mode="reflect")
    made = torch.stack([_filtered(around, k) for k in (down, down.T)], -1)
    last = standardize_data_format(data_format) == "channels_last"
    return made.movedim(1, 3) if last else made


@operation("SSIM", "image1 image2")
def ssim(
    image1: Any,
    image2: Any,
    max_val: float = 1.0,
    filter_size: int = 11,
    filter_sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
    data_format: str | None = None,
) -> Any:
    """Structural similarity, a number for each pair of images.

    Parameters
    ----------
    image1, image2
        One or a batch each.
    max_val
        The largest value that there can be.
    filter_size, filter_sigma
        Size and deviation of the windows.
    k1, k2
        What keeps the quotients finite.
    data_format
        ``"channels_first"`` where the images are.
    """
    first, second = tensors(image1, image2)
    one, alone = images_first(floats(first), data_format)
    other, _ = images_first(floats(second).to(one), data_format)
    line = _bell(filter_size, filter_sigma, one)
    kernel = torch.outer(line, line)
    low, high = (k1 * max_val) ** 2, (k2 * max_val) ** 2
    mean, mean2 = _filtered(one, kernel), _filtered(other, kernel)
    spread = _filtered(one * one, kernel) - mean * mean
    spread2 = _filtered(other * other, kernel) - mean2 * mean2
    both = _filtered(one * other, kernel) - mean * mean2
    above = (2 * mean * mean2 + low) * (2 * both + high)
    below = (mean * mean + mean2 * mean2 + low) * (spread + spread2 + high)
    found = (above / below).mean((2, 3)).mean(-1)
    return (found.squeeze(0) if alone else found).to(first.dtype)


__all__ = [
    "crop_images",
    "gaussian_blur",
    "hsv_to_rgb",
    "pad_images",
    "rgb_to_grayscale",
    "rgb_to_hsv",
    "sobel_edges",
    "ssim",
]
