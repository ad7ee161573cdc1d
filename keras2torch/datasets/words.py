"""Texts as rows of word numbers: what IMDB and Reuters do alike.

Source: ``keras/src/datasets/{imdb,reuters}.py`` (Keras 3.15).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from keras2torch.datasets.files import GOOGLE, Array, cached

Rows = list[list[int]]


def moved(
    texts: Iterable[Sequence[int]], start_char: int | None, index_from: int
) -> Rows:
    """Put ``start_char`` before each text and count words from ``index_from``."""
    # index_from may be None only where there is no start_char, as in Keras.
    if start_char is not None:
        return [[start_char, *(w + index_from for w in x)] for x in texts]
    return [[w + (index_from or 0) for w in x] for x in texts]


def shorter(
    maxlen: int | None, texts: Rows, labels: Array | list[int]
) -> tuple[Rows, Array | list[int]]:
    """Drop texts of ``maxlen`` words and more; 0 and ``None`` drop none."""
    if not maxlen:
        return texts, labels
    kept = [(x, y) for x, y in zip(texts, labels, strict=True) if len(x) < maxlen]
    return [x for x, _ in kept], [y for _, y in kept]


def limited(
    texts: Rows, num_words: int | None, skip_top: int, oov_char: int | None
) -> Rows:
    """Replace rare and the most frequent words by ``oov_char``; ``None`` drops them."""
    top = num_words or max(max(x) for x in texts)
    if oov_char is None:
        return [[w for w in x if skip_top <= w < top] for x in texts]
    return [[w if skip_top <= w < top else oov_char for w in x] for x in texts]


def word_index(path: str, origin: str, md5: str) -> dict[str, int]:
    """Return a table from word to number."""
    file = cached(path, GOOGLE + origin, md5)
    found: dict[str, int] = json.loads(file.read_text(encoding="utf-8"))
    return found
