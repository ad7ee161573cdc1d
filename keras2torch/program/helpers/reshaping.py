"""Reshaping that torch lacks, as it stands in generated files."""

import torch
import torch.nn.functional as F


def cubic_weights(
    x: torch.Tensor, dim: int, size: int, *, table: bool = True
) -> torch.Tensor:
    """Weights (new, old) of Keys' cubic kernel with a = -0.5; torch has -0.75."""
    old = x.shape[dim]
    at = torch.arange(size, dtype=x.dtype, device=x.device)
    at = (at + 0.5) * old / size - 0.5
    if table:
        # TensorFlow reads the kernel from a table with 1024 steps.
        at = at.floor() + ((at - at.floor()) * 1024).round() / 1024
    d = (at[:, None] - torch.arange(old, dtype=x.dtype, device=x.device)).abs()
    near = (1.5 * d - 2.5) * d**2 + 1
    far = ((2.5 - 0.5 * d) * d - 4) * d + 2
    weights = torch.where(d <= 1, near, torch.where(d < 2, far, torch.zeros_like(d)))
    return weights / weights.sum(dim=1, keepdim=True)


def resize_bicubic(
    x: torch.Tensor, size: tuple[int, int], *, table: bool = True
) -> torch.Tensor:
    """Resize images by Keys' cubic kernel, as TensorFlow does without antialias."""
    x = torch.einsum("nchw,oh->ncow", x, cubic_weights(x, 2, size[0], table=table))
    return torch.einsum("nchw,ow->ncho", x, cubic_weights(x, 3, size[1], table=table))


def upsample_bicubic(x: torch.Tensor, factors: tuple[int, int]) -> torch.Tensor:
    """Enlarge images as Keras' bicubic UpSampling2D does."""
    return resize_bicubic(x, (x.shape[2] * factors[0], x.shape[3] * factors[1]))


def upsample_bilinear(x: torch.Tensor, factors: tuple[int, int]) -> torch.Tensor:
    """Enlarge images as TensorFlow 1 did: output i is read at i / factor."""
    size = [n * factor + 1 for n, factor in zip(x.shape[2:], factors, strict=True)]
    x = F.pad(x, (0, 1, 0, 1), mode="replicate")
    x = F.interpolate(x, size=size, mode="bilinear", align_corners=True)
    return x[:, :, :-1, :-1]
