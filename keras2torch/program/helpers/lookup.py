"""Words and integers, and their places in a vocabulary."""

import torch
from torch import nn

from keras2torch.program.helpers.categories import categories
from keras2torch.program.helpers.hashing import bucket, hash_integers, hash_words
from keras2torch.program.helpers.words import flat_words, nested_words


class StringLookup(nn.Module):
    """Finds each word's place in a vocabulary.

    Places begin after those for ``mask_token`` (0 or, where it is to count nowhere,
    -1) and for unknown words.
    """

    here: torch.Tensor

    def __init__(
        self,
        vocabulary: list[str],
        oov_indices: int = 1,
        mask_token: str | None = None,
        mask_index: int = 0,
    ) -> None:
        super().__init__()
        self.oov_start = 1 if mask_token is not None and mask_index == 0 else 0
        self.oov_indices = oov_indices
        first = self.oov_start + oov_indices
        self.places = {word: first + i for i, word in enumerate(vocabulary)}
        if mask_token is not None:
            self.places[mask_token] = mask_index
        self.register_buffer("here", torch.empty(0), persistent=False)

    def unknown(self, words: list[str]) -> torch.Tensor:
        """Return the places of words that the vocabulary does not hold."""
        if self.oov_indices == 0:
            raise ValueError(f"not in the vocabulary: {words}")
        return torch.full((len(words),), self.oov_start)

    def forward(self, words: object) -> torch.Tensor:
        flat, shape = flat_words(words)
        indices = torch.tensor([self.places.get(word, -1) for word in flat]).long()
        missing = [i for i, word in enumerate(flat) if word not in self.places]
        if missing:
            indices[missing] = self.unknown([flat[i] for i in missing])
        return indices.reshape(shape).to(self.here.device)


class HashedStringLookup(StringLookup):
    """A lookup that deals out unknown words among several places, by a hash."""

    def __init__(
        self,
        vocabulary: list[str],
        oov_indices: int,
        mask_token: str | None = None,
        mask_index: int = 0,
        salt: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(vocabulary, oov_indices, mask_token, mask_index)
        self.salt = salt

    def unknown(self, words: list[str]) -> torch.Tensor:
        """Return the places of words that the vocabulary does not hold."""
        return bucket(hash_words(words, self.salt), self.oov_indices) + self.oov_start


class InverseStringLookup(nn.Module):
    """Gives the word at each place of a vocabulary, as nested lists."""

    def __init__(
        self,
        vocabulary: list[str],
        first: int = 1,
        oov_token: str = "[UNK]",
        mask_token: str | None = None,
    ) -> None:
        super().__init__()
        self.words = {first + i: word for i, word in enumerate(vocabulary)}
        self.oov_token = oov_token
        if mask_token is not None:
            self.words[0] = mask_token

    def forward(self, indices: torch.Tensor) -> object:
        places = indices.long().reshape(-1).tolist()
        found = [self.words.get(i, self.oov_token) for i in places]
        return nested_words(found, tuple(indices.shape))


class IntegerLookup(nn.Module):
    """Finds each integer's place in a vocabulary.

    Places begin after those for ``mask_token`` (0 or, where it is to count nowhere,
    -1) and for unknown integers, which share theirs by remainder.
    """

    keys: torch.Tensor
    order: torch.Tensor

    def __init__(
        self,
        vocabulary: list[int],
        oov_indices: int = 1,
        mask_token: int | None = None,
        mask_index: int = 0,
    ) -> None:
        super().__init__()
        self.oov_start = 1 if mask_token is not None and mask_index == 0 else 0
        self.oov_indices = oov_indices
        self.mask_token = mask_token
        self.mask_index = mask_index
        keys, order = torch.tensor(vocabulary, dtype=torch.int64).sort()
        self.register_buffer("keys", keys, persistent=False)
        self.register_buffer("order", order, persistent=False)

    def unknown(self, x: torch.Tensor) -> torch.Tensor:
        """Return the places of integers that the vocabulary does not hold."""
        return x.remainder(self.oov_indices) + self.oov_start

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.long()
        at = torch.searchsorted(self.keys, x).clamp(max=len(self.keys) - 1)
        known = self.keys[at] == x
        found = self.order[at] + self.oov_start + self.oov_indices
        masked = torch.zeros_like(known)
        if self.mask_token is not None:
            masked = x == self.mask_token
        if self.oov_indices > 0:
            found = torch.where(known, found, self.unknown(x))
        elif not (known | masked).all():
            raise ValueError(f"not in the vocabulary: {x[~(known | masked)].tolist()}")
        return torch.where(masked, self.mask_index, found)


class HashedIntegerLookup(IntegerLookup):
    """A lookup that deals out unknown integers among several places, by a hash."""

    def __init__(
        self,
        vocabulary: list[int],
        oov_indices: int,
        mask_token: int | None = None,
        mask_index: int = 0,
        salt: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(vocabulary, oov_indices, mask_token, mask_index)
        self.salt = salt

    def unknown(self, x: torch.Tensor) -> torch.Tensor:
        """Return the places of integers that the vocabulary does not hold."""
        return bucket(hash_integers(x, self.salt), self.oov_indices) + self.oov_start


class InverseIntegerLookup(nn.Module):
    """Gives the integer at each place of a vocabulary."""

    vocabulary: torch.Tensor

    def __init__(
        self,
        vocabulary: list[int],
        first: int = 1,
        oov_token: int = -1,
        mask_token: int | None = None,
    ) -> None:
        super().__init__()
        self.first = first
        self.oov_token = oov_token
        self.mask_token = mask_token
        table = torch.tensor(vocabulary, dtype=torch.int64)
        self.register_buffer("vocabulary", table, persistent=False)

    def forward(self, indices: torch.Tensor) -> torch.Tensor:
        at = indices.long() - self.first
        inside = (at >= 0) & (at < len(self.vocabulary))
        found = self.vocabulary[at.clamp(0, len(self.vocabulary) - 1)]
        found = torch.where(inside, found, self.oov_token)
        if self.mask_token is None:
            return found
        return torch.where(indices == 0, self.mask_token, found)


class TfIdf(nn.Module):
    """Counts how often each term stands, weighted by how seldom it is in general."""

    idf: torch.Tensor

    def __init__(self, lookup: nn.Module, size: int) -> None:
        super().__init__()
        self.lookup = lookup
        self.register_buffer("idf", torch.ones(size))

    def forward(self, terms: object) -> torch.Tensor:
        return categories(self.lookup(terms), len(self.idf), "count") * self.idf
