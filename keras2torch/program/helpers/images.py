"""Resizing and cropping of images that torch has no function for."""

import torch
import torch.nn.functional as F


def pixel_distances(old: int, new: int, antialias: bool = False) -> torch.Tensor:
    """How far the middle of each new pixel is from those of the old ones."""
    # In float32, as in TensorFlow: kernels that jump at their edge show it.
    scale = torch.tensor(new / old, dtype=torch.float32)
    at = (torch.arange(new, dtype=torch.float32) + 0.5) * (1 / scale)
    distances = torch.arange(old, dtype=torch.float32) + 0.5 - at[:, None]
    return distances / max(old / new, 1) if antialias else distances


def resize_matrices(
    x: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor
) -> torch.Tensor:
    """Resize images: each new pixel is a weighted mean along both axes."""
    rows = rows / rows.sum(dim=1, keepdim=True)
    columns = columns / columns.sum(dim=1, keepdim=True)
    return rows.to(x) @ x @ columns.to(x).T


def lanczos(d: torch.Tensor, radius: int) -> torch.Tensor:
    """Lanczos kernel."""
    return (d.abs() < radius) * torch.sinc(d) * torch.sinc(d / radius)


def resize_lanczos(
    x: torch.Tensor, size: tuple[int, int], radius: int, antialias: bool = False
) -> torch.Tensor:
    """Resize images by a Lanczos kernel, which torch has no function for."""
    rows = lanczos(pixel_distances(x.shape[2], size[0], antialias), radius)
    columns = lanczos(pixel_distances(x.shape[3], size[1], antialias), radius)
    return resize_matrices(x, rows, columns)


def gaussian(d: torch.Tensor) -> torch.Tensor:
    """Gaussian kernel of deviation 0.5, cut off at three of them."""
    return (d.abs() < 1.5) * torch.exp(-2 * d**2)


def resize_gaussian(x: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Resize images by a Gaussian kernel, which torch has no function for."""
    rows = gaussian(pixel_distances(x.shape[2], size[0]))
    columns = gaussian(pixel_distances(x.shape[3], size[1]))
    return resize_matrices(x, rows, columns)


def mitchell(d: torch.Tensor) -> torch.Tensor:
    """Mitchell and Netravali's cubic kernel."""
    d = d.abs()
    near = (7 * d - 12) * d**2 / 6 + 8 / 9
    far = ((-7 / 18 * d + 2) * d - 10 / 3) * d + 16 / 9
    return torch.where(d < 1, near, torch.where(d < 2, far, torch.zeros_like(d)))


def resize_mitchell(x: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Resize images by Mitchell's kernel, which torch has no function for."""
    rows = mitchell(pixel_distances(x.shape[2], size[0]))
    columns = mitchell(pixel_distances(x.shape[3], size[1]))
    return resize_matrices(x, rows, columns)


def area_matrix(old: int, new: int) -> torch.Tensor:
    """Weights (new, old): how much of each pixel lies in each of the new ones."""
    start = torch.arange(new, dtype=torch.float64)[:, None] * old / new
    pixel = torch.arange(old, dtype=torch.float64)
    end = torch.minimum(start + old / new, pixel + 1)
    return (end - torch.maximum(start, pixel)).clamp(min=0)


def resize_area(x: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Resize images by means of areas, of parts of pixels too."""
    rows = area_matrix(x.shape[2], size[0])
    return resize_matrices(x, rows, area_matrix(x.shape[3], size[1]))


def crop_to_aspect_ratio(x: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Cut images to the sides' ratio of the size that they will be resized to."""
    height, width = x.shape[2:]
    rows = max(min(height, width * size[0] // size[1]), 1)
    columns = max(min(width, height * size[1] // size[0]), 1)
    top, left = (height - rows) // 2, (width - columns) // 2
    return x[:, :, top : top + rows, left : left + columns]


def pad_to_aspect_ratio(
    x: torch.Tensor, size: tuple[int, int], value: float = 0.0
) -> torch.Tensor:
    """Pad images to the sides' ratio of the size that they will be resized to."""
    height, width = x.shape[2:]
    top = (max(height, width * size[0] // size[1]) - height) // 2
    left = (max(width, height * size[1] // size[0]) - width) // 2
    return F.pad(x, (left, left, top, top), value=value)


def center_crop(x: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Cut out the middle of images; those that are too small are resized."""
    height, width = x.shape[2:]
    if height < size[0] or width < size[1]:
        x = crop_to_aspect_ratio(x, size)
        return F.interpolate(x, size=size, mode="bilinear")
    top, left = (height - size[0]) // 2, (width - size[1]) // 2
    return x[:, :, top : top + size[0], left : left + size[1]]
