"""Reuters: newswires of 46 topics. Source: ``keras/src/datasets/reuters.py`` (3.15)."""

from __future__ import annotations

import numpy as np

from keras2torch.datasets import words
from keras2torch.datasets.files import GOOGLE, Split, cached
from keras2torch.datasets.objects import npz

HASH = "d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916"
WORDS_HASH = "4d44cc38712099c9e383dc6e5f11a921"

LABELS = tuple(
    "cocoa grain veg-oil earn acq wheat copper housing money-supply coffee sugar trade "
    "reserves ship cotton carcass crude nat-gas cpi money-fx interest gnp meal-feed "
    "alum oilseed gold tin strategic-metal livestock retail ipi iron-steel rubber heat "
    "jobs lei bop zinc orange pet-chem dlr gas silver wpi hog lead".split()
)


def load_data(
    path: str = "reuters.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    test_split: float = 0.2,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
) -> Split:
    """Return ``(x_train, y_train), (x_test, y_test)`` of 11 228 newswires.

    Newswires are lists of word numbers, by frequency, in an array of objects; labels
    from 0 to 45.

    Parameters
    ----------
    path
        The name of the file in the cache.
    num_words, skip_top
        Words from ``num_words`` on and below ``skip_top`` become ``oov_char``.
    maxlen
        Newswires of that many words and more are left out.
    test_split
        Which part, of the end, is for testing.
    seed
        Of the order.
    start_char
        Stands before each newswire.
    oov_char
        Stands for a word left out; ``None`` drops it.
    index_from
        Added to each word's number.

    Raises
    ------
    DatasetUnavailable
        If the file is not in the cache and cannot be downloaded.
    """
    found = npz(cached(path, GOOGLE + "reuters.npz", HASH))
    order = np.random.RandomState(seed).permutation(len(found["x"]))
    rows = words.moved(found["x"][order], start_char, index_from)
    rows, labels = words.shorter(maxlen, rows, found["y"][order])
    rows = words.limited(rows, num_words, skip_top, oov_char)
    n = int(len(rows) * (1 - test_split))
    return (
        (np.array(rows[:n], dtype="object"), np.array(labels[:n])),
        (np.array(rows[n:], dtype="object"), np.array(labels[n:])),
    )


def get_word_index(path: str = "reuters_word_index.json") -> dict[str, int]:
    """Return the table from word to number, before ``index_from`` is added."""
    return words.word_index(path, "reuters_word_index.json", WORDS_HASH)


def get_label_names() -> tuple[str, ...]:
    """Return the topics, in the order of the labels."""
    return LABELS
