"""Numbers that stand for categories."""

import torch
from torch import nn

from keras2torch.program.helpers.hashing import (
    bucket,
    cross_hashes,
    hash_integers,
    hash_words,
)
from keras2torch.program.helpers.words import flat_words


def categories(
    indices: torch.Tensor,
    size: int,
    mode: str,
    weights: torch.Tensor | None = None,
) -> torch.Tensor:
    """Encode indices below ``size``: ``"one_hot"``, ``"multi_hot"`` or ``"count"``.

    Each index makes a row where it is one-hot; the others make one row of all indices
    along the last axis (along the second, where there are more than two). An index
    outside the range counts nowhere.
    """
    indices = indices.long()
    if mode == "one_hot":
        if indices.ndim < 2 or indices.shape[-1] != 1:
            indices = indices.unsqueeze(-1)
    elif indices.ndim > 2:
        indices = indices.movedim(1, -1)
    elif indices.ndim == 0:
        indices = indices.unsqueeze(-1)
    inside = (indices >= 0) & (indices < size)
    slots = torch.where(inside, indices, size)
    if weights is None:
        dtype = torch.get_default_dtype()
        weights = torch.ones(slots.shape, dtype=dtype, device=slots.device)
    elif indices.ndim > 2:
        weights = weights.movedim(1, -1)
    counts = weights.new_zeros(*slots.shape[:-1], size + 1)
    counts = counts.scatter_add(-1, slots, weights)[..., :size]
    return counts if mode == "count" else counts.clamp(max=1)


class Discretization(nn.Module):
    """Says between which boundaries a number lies."""

    boundaries: torch.Tensor

    def __init__(self, boundaries: list[float] | torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("boundaries", torch.as_tensor(boundaries))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.to(self.boundaries.dtype)
        return torch.bucketize(x, self.boundaries, right=True)


class Hashing(nn.Module):
    """Gives each integer a bin by a hash of its digits; ``mask_value`` gets bin 0."""

    def __init__(
        self,
        num_bins: int,
        mask_value: int | None = None,
        salt: tuple[int, int] | None = None,
    ) -> None:
        super().__init__()
        self.num_bins = num_bins
        self.mask_value = mask_value if num_bins > 1 else None
        self.salt = salt

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hashes = hash_integers(x.long(), self.salt)
        if self.mask_value is None:
            return bucket(hashes, self.num_bins)
        return torch.where(
            x == self.mask_value, 0, bucket(hashes, self.num_bins - 1) + 1
        )


class WordHashing(nn.Module):
    """Gives each word a bin by a hash; ``mask_value`` gets bin 0."""

    here: torch.Tensor

    def __init__(
        self,
        num_bins: int,
        mask_value: str | None = None,
        salt: tuple[int, int] | None = None,
    ) -> None:
        super().__init__()
        self.num_bins = num_bins
        self.mask_value = mask_value if num_bins > 1 else None
        self.salt = salt
        self.register_buffer("here", torch.empty(0), persistent=False)

    def forward(self, words: object) -> torch.Tensor:
        flat, shape = flat_words(words)
        hashes = hash_words(flat, self.salt)
        if self.mask_value is None:
            bins = bucket(hashes, self.num_bins)
        else:
            bins = bucket(hashes, self.num_bins - 1) + 1
            bins[[w == self.mask_value for w in flat]] = 0
        return bins.reshape(shape).to(self.here.device)


class HashedCrossing(nn.Module):
    """Gives each combination of integers or words a bin by a hash."""

    here: torch.Tensor

    def __init__(self, num_bins: int) -> None:
        super().__init__()
        self.num_bins = num_bins
        self.register_buffer("here", torch.empty(0), persistent=False)

    def forward(self, *features: object) -> torch.Tensor:
        hashes = []
        for feature in features:
            if isinstance(feature, torch.Tensor):
                hashes.append(feature.long())
            else:
                flat, shape = flat_words(feature)
                found = hash_words(flat).reshape(shape)
                hashes.append(found.to(self.here.device))
        return bucket(cross_hashes(hashes), self.num_bins)
