"""Texts as indices of words."""

import torch
from torch import nn

from keras2torch.program.helpers.words import flat_words


class TextVectorization(nn.Module):
    """Takes texts apart and looks up their words.

    As in Keras only the letters A to Z have lower case, and the ends of rows are
    filled with ``padding`` up to ``length``, or up to the longest.
    """

    def __init__(
        self,
        lookup: nn.Module,
        lower: bool = True,
        strip_punctuation: bool = True,
        split: str | None = "whitespace",
        ngrams: tuple[int, ...] = (1,),
        length: int | None = None,
        padding: int = 0,
    ) -> None:
        super().__init__()
        self.lookup = lookup
        self.lower = lower
        self.strip_punctuation = strip_punctuation
        self.split = split
        self.ngrams = ngrams
        self.length = length
        self.padding = padding

    def words(self, text: str) -> list[str]:
        """Take one text apart."""
        # The methods of bytes know ASCII alone, as TensorFlow's operations do.
        plain = text.encode("utf-8", "surrogateescape")
        if self.lower:
            plain = plain.lower()
        if self.strip_punctuation:
            plain = plain.translate(None, b"!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~'")
        if self.split == "whitespace":
            return [w.decode("utf-8", "surrogateescape") for w in plain.split()]
        if self.split == "character":
            return list(plain.decode("utf-8", "replace"))
        return [plain.decode("utf-8", "surrogateescape")]

    def terms(self, words: list[str]) -> list[str]:
        """Join neighbours, as many as ``ngrams`` says."""
        return [
            " ".join(words[i : i + n])
            for n in self.ngrams
            for i in range(len(words) - n + 1)
        ]

    def forward(self, texts: object) -> torch.Tensor:
        flat, shape = flat_words(texts)
        rows = [self.words(text) for text in flat]
        if self.split is None:
            size = shape[-1] if len(shape) > 1 else 1
            words = [word for row in rows for word in row]
            rows = [words[i : i + size] for i in range(0, len(words), size)]
        rows = [self.terms(row) for row in rows]
        lengths = [len(row) for row in rows]
        length = max(lengths, default=0) if self.length is None else self.length
        indices: torch.Tensor = self.lookup([term for row in rows for term in row])
        found = indices.new_full((len(rows), length), self.padding)
        for at, here in enumerate(indices.split_with_sizes(lengths)):
            found[at, : len(here)] = here[:length]
        return found.reshape(*(shape[:-1] if len(shape) > 1 else shape), length)
