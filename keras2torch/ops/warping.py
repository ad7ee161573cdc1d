"""Images seen at other places: moved, tilted, distorted.

Source: ``keras/src/ops/image.py`` and ``keras/src/backend/tensorflow/image.py`` (3.15),
``tensorflow/core/kernels/image/image_ops.h`` (2.21).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import torch

from keras2torch import random
from keras2torch.configuration import standardize_data_format
from keras2torch.models.symbolic import KerasTensor
from keras2torch.ops.base import operation
from keras2torch.ops.pixels import gaussian_blur, images_back, images_first
from keras2torch.ops.promotion import tensor, tensors
from keras2torch.program.helpers.augmentation import homography

Coordinates = Sequence[torch.Tensor]
_INTERPOLATIONS = ("nearest", "bilinear")


# ------------------------------------------------------------------- at coordinates
def _nodes(at: torch.Tensor, order: int) -> list[tuple[torch.Tensor, Any]]:
    """Return the entries around a coordinate and their weights."""
    if order == 0:
        place = at.round() if at.is_floating_point() else at
        return [(place.long(), torch.ones((), dtype=at.dtype, device=at.device))]
    below = at.floor()
    share = at - below
    return [(below.long(), 1 - share), (below.long() + 1, share)]


def _inside(index: torch.Tensor, size: int, mode: str) -> tuple[torch.Tensor, Any]:
    """Return an index that there is, and where it was one."""
    if mode == "constant":
        return index.clamp(0, size - 1), (index >= 0) & (index < size)
    if mode == "nearest":
        return index.clamp(0, size - 1), None
    if mode == "wrap":
        return index % size, None
    lap = index.abs() % (2 * size)
    back = 2 * size - lap - (1 if mode == "reflect" else 0)
    return torch.where(lap < size, lap, back), None


def interpolated(
    x: torch.Tensor, at: Coordinates, order: int, mode: str, fill_value: Any
) -> torch.Tensor:
    """Return entries between those of each array of a batch.

    Parameters
    ----------
    x
        (batch, sizes).
    at
        Coordinates along each axis, (batch, …).
    order
        0: of the nearest entry; 1: linearly between them.
    mode
        What lies beside an array.
    fill_value
        What lies there if it is ``"constant"``.
    """
    sizes = x.shape[1:]
    flat = x.reshape(len(x), prod(sizes))
    total: Any = 0
    around = [_nodes(a, order) for a in at]
    for corner in itertools.product(*around):
        line = torch.zeros_like(corner[0][0])
        weight, valid = None, None
        for (index, share), size in zip(corner, sizes, strict=True):
            place, there = _inside(index, size, mode)
            line = line * size + place
            weight = share if weight is None else weight * share
            if there is not None:
                valid = there if valid is None else valid & there
        assert weight is not None
        found = flat.gather(1, line.flatten(1)).reshape(line.shape).to(weight.dtype)
        if valid is not None:
            found = torch.where(valid, found, fill_value)
        total = total + weight * found
    whole: torch.Tensor = total if x.is_floating_point() else total.round()
    return whole.to(x.dtype)


def _places(inputs: Any, coordinates: Any, *args: Any, **options: Any) -> KerasTensor:
    """Return what stands for the result of :func:`map_coordinates`."""
    shape = tuple(coordinates.shape)[1:]
    return KerasTensor(shape, str(inputs.dtype).removeprefix("torch."))


@operation("MapCoordinates", "inputs coordinates", spec=_places)
def map_coordinates(
    inputs: Any,
    coordinates: Any,
    order: int,
    fill_mode: str = "constant",
    fill_value: float = 0,
) -> Any:
    """Return what an array has at coordinates between its entries.

    Parameters
    ----------
    inputs
        Any shape.
    coordinates
        Along the first axis those of each axis of the array.
    order
        0: of the nearest entry; 1: linearly between them.
    fill_mode
        What lies beside the array: ``"constant"``, ``"nearest"``, ``"wrap"``,
        ``"mirror"`` or ``"reflect"``.
    fill_value
        The constant.
    """
    x, at = tensors(inputs, coordinates)
    if at.ndim < 2 or at.shape[0] != x.ndim:
        raise ValueError(
            "`coordinates` has, along its first axis, one entry for each axis of "
            f"`inputs`: {x.ndim}, not shape {tuple(at.shape)}."
        )
    if order not in (0, 1):
        raise NotImplementedError("map_coordinates currently requires order<=1")
    if fill_mode not in ("constant", "nearest", "wrap", "mirror", "reflect"):
        raise ValueError(
            "Invalid value for argument `fill_mode`. Expected one of constant, "
            f"nearest, wrap, mirror, reflect. Received: fill_mode={fill_mode}"
        )
    if order and not at.is_floating_point():
        raise TypeError("`coordinates` are floats where order=1.")
    places = [a.unsqueeze(0) for a in at]
    return interpolated(x.unsqueeze(0), places, order, fill_mode, fill_value)[0]


# ------------------------------------------------------------------------ transforms
def _reflected(at: torch.Tensor, size: int) -> torch.Tensor:
    lap = at.abs().remainder(2 * size) if size > 1 else at * 0
    before = torch.where(lap < 1, 0, torch.where(lap <= size, lap - 1, 2 * size - lap))
    after = torch.where(lap < size, lap, 2 * size - lap - 1)
    return torch.where(at < 0, before, torch.where(at > size - 1, after, at))


def _wrapped(at: torch.Tensor, size: int) -> torch.Tensor:
    if size <= 1:
        return at * 0
    last = size - 1
    forth = at + size * ((-at / last).floor() + 1)
    back = at - size * (at / last).floor()
    return torch.where(at < 0, forth, torch.where(at > last, back, at))


_BESIDE: dict[str, Callable[[torch.Tensor, int], torch.Tensor]] = {
    "constant": lambda at, size: at,
    "nearest": lambda at, size: at.clamp(0, size - 1),
    "reflect": lambda at, size: _reflected(at, size).clamp(0, size - 1),
    "wrap": lambda at, size: _wrapped(at, size).clamp(0, size - 1),
}


def _transformed(
    x: torch.Tensor,
    transforms: torch.Tensor,
    interpolation: str,
    fill_mode: str,
    fill_value: Any,
) -> torch.Tensor:
    """Return images (N, C, H, W) seen through projections (N or 1, 8)."""
    batch, channels, height, width = x.shape
    rows, columns = torch.meshgrid(
        torch.arange(height, dtype=torch.float32, device=x.device),
        torch.arange(width, dtype=torch.float32, device=x.device),
        indexing="ij",
    )
    c = transforms.to(x.device, torch.float32).expand(batch, 8)[..., None, None]
    depth = c[:, 6] * columns + c[:, 7] * rows + 1
    across = (c[:, 0] * columns + c[:, 1] * rows + c[:, 2]) / depth
    down = (c[:, 3] * columns + c[:, 4] * rows + c[:, 5]) / depth
    beside = _BESIDE[fill_mode]
    at = [beside(down, height), beside(across, width)]
    if interpolation == "nearest":
        # Halves go away from 0; a number that far out is nothing's neighbour.
        at = [torch.copysign((a.abs() + 0.5).floor(), a) for a in at]
    far = 2.0 * max(height, width) + 4
    at = [a.nan_to_num(-far, far, -far).clamp(-far, far) for a in at]
    at = [torch.where(depth == 0, -far, a) for a in at]
    at = [a.repeat_interleave(channels, 0) for a in at]
    wide = x if x.is_floating_point() else x.float()
    order = _INTERPOLATIONS.index(interpolation)
    flat = wide.reshape(batch * channels, height, width)
    made = interpolated(flat, at, order, "constant", fill_value)
    return made.reshape(x.shape).to(x.dtype)


def _check(interpolation: str, fill_mode: str = "constant") -> None:
    if interpolation not in _INTERPOLATIONS:
        raise ValueError(
            "Invalid value for argument `interpolation`. Expected of one "
            f"{_INTERPOLATIONS}. Received: interpolation={interpolation}"
        )
    if fill_mode not in _BESIDE:
        raise ValueError(
            "Invalid value for argument `fill_mode`. Expected of one "
            f"{tuple(_BESIDE)}. Received: fill_mode={fill_mode}"
        )


def _alike(images: Any, *args: Any, **options: Any) -> KerasTensor:
    """Return what stands for images of the same sizes."""
    return KerasTensor(tuple(images.shape), str(images.dtype).removeprefix("torch."))


@operation("AffineTransform", "images transform", spec=_alike)
def affine_transform(
    images: Any,
    transform: Any,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
    fill_value: float = 0,
    data_format: str | None = None,
) -> Any:
    """See images through projections.

    Parameters
    ----------
    images
        One or a batch.
    transform
        Eight numbers, or as many for each image: where each pixel is taken from.
    interpolation
        ``"bilinear"`` or ``"nearest"``.
    fill_mode, fill_value
        What lies beside an image: ``"constant"``, ``"nearest"``, ``"wrap"`` or
        ``"reflect"``, and the constant.
    data_format
        ``"channels_first"`` where the images are.
    """
    _check(interpolation, fill_mode)
    x, alone = images_first(images, data_format)
    numbers = tensor(transform)
    if numbers.ndim not in (1, 2) or numbers.shape[-1] != 8:
        raise ValueError(
            "Invalid transform: eight numbers are expected (single transform), or as "
            f"many for each image. Received: transform.shape={tuple(numbers.shape)}"
        )
    numbers = numbers.reshape(-1, 8)
    made = _transformed(x, numbers, interpolation, fill_mode, fill_value)
    return images_back(made, alone, data_format)


@operation("PerspectiveTransform", "images start_points end_points", spec=_alike)
def perspective_transform(
    images: Any,
    start_points: Any,
    end_points: Any,
    interpolation: str = "bilinear",
    fill_value: float = 0,
    data_format: str | None = None,
) -> Any:
    """Tilt images so that four points come to lie elsewhere.

    Parameters
    ----------
    images
        One or a batch.
    start_points, end_points
        (4, 2) or (batch, 4, 2): across and down.
    interpolation
        ``"bilinear"`` or ``"nearest"``.
    fill_value
        What lies beside an image.
    data_format
        ``"channels_first"`` where the images are.
    """
    _check(interpolation)
    x, alone = images_first(images, data_format)
    start, end = (tensor(p).to(x.device).float() for p in (start_points, end_points))
    if (
        start.shape != end.shape
        or start.ndim not in (2, 3)
        or start.shape[-2:] != (4, 2)
    ):
        raise ValueError(
            "start_points and end_points are of shape (4, 2), or (N, 4, 2) for a "
            f"batch: not {tuple(start.shape)} and {tuple(end.shape)}."
        )
    matrix = homography(end.reshape(-1, 4, 2), start.reshape(-1, 4, 2))
    numbers = matrix.reshape(-1, 9)[:, :8]
    made = _transformed(x, numbers, interpolation, "constant", fill_value)
    return images_back(made, alone, data_format)


@operation("ElasticTransform", "images", spec=_alike)
def elastic_transform(
    images: Any,
    alpha: float = 20.0,
    sigma: float = 5.0,
    interpolation: str = "bilinear",
    fill_mode: str = "reflect",
    fill_value: float = 0.0,
    seed: Any = None,
    data_format: str | None = None,
) -> Any:
    """Distort images by smooth noise, which is the same along both axes.

    Parameters
    ----------
    images
        One or a batch.
    alpha, sigma
        How far pixels are moved, and how smooth the noise is.
    interpolation
        ``"bilinear"`` or ``"nearest"``.
    fill_mode, fill_value
        As for :func:`affine_transform`.
    seed
        An integer, a ``SeedGenerator`` or nothing. The numbers are torch's.
    data_format
        ``"channels_first"`` where the images are.
    """
    _check(interpolation, fill_mode)
    standardize_data_format(data_format)
    x, alone = images_first(images, data_format)
    batch, channels, height, width = x.shape
    size = (6 * int(sigma) | 1,) * 2
    noise = random.normal((batch, 1, height, width), seed=seed, device=x.device)
    moved = gaussian_blur(noise * sigma, size, (sigma, sigma), "channels_first")[:, 0]
    rows, columns = torch.meshgrid(
        torch.arange(height, device=x.device),
        torch.arange(width, device=x.device),
        indexing="ij",
    )
    at = [n + alpha * moved for n in (rows, columns)]
    at = [a.repeat_interleave(channels, 0) for a in at]
    order = _INTERPOLATIONS.index(interpolation)
    flat = x.reshape(batch * channels, height, width)
    made = interpolated(flat, at, order, fill_mode, fill_value).reshape(x.shape)
    return images_back(made, alone, data_format)


__all__ = [
    "affine_transform",
    "elastic_transform",
    "map_coordinates",
    "perspective_transform",
]
