"""IMDB: film reviews, good or bad. Source: ``keras/src/datasets/imdb.py`` (3.15)."""

from __future__ import annotations

from typing import Any

import numpy as np

from keras2torch.datasets import words
from keras2torch.datasets.files import GOOGLE, Split, cached
from keras2torch.datasets.objects import npz

HASH = "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f"
WORDS_HASH = "bfafd718b763782e994055a2d397834f"


def load_data(
    path: str = "imdb.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
    **kwargs: Any,
) -> Split:
    """Return ``(x_train, y_train), (x_test, y_test)``, 25 000 reviews each.

    Reviews are lists of word numbers, by frequency, in an array of objects; labels 0
    (bad) and 1 (good).

    Parameters
    ----------
    path
        The name of the file in the cache.
    num_words, skip_top
        Words from ``num_words`` on and below ``skip_top`` become ``oov_char``.
    maxlen
        Reviews of that many words and more are left out.
    seed
        Of the order.
    start_char
        Stands before each review.
    oov_char
        Stands for a word left out; ``None`` drops it.
    index_from
        Added to each word's number.
    kwargs
        Taken and not read, as in Keras.

    Raises
    ------
    ValueError
        If no review is shorter than ``maxlen``.
    DatasetUnavailable
        If the file is not in the cache and cannot be downloaded.
    """
    found = npz(cached(path, GOOGLE + "imdb.npz", HASH))
    sides = []
    rng = np.random.RandomState(seed)
    for side in ("train", "test"):
        texts, labels = found[f"x_{side}"], found[f"y_{side}"]
        # One generator for both, the second goes on where the first stopped.
        order = rng.permutation(len(texts))
        rows = words.moved(texts[order], start_char, index_from)
        sides.append(words.shorter(maxlen, rows, labels[order]))
    (x_train, y_train), (x_test, y_test) = sides
    if maxlen and not (x_train and x_test):
        raise ValueError(f"No review is shorter than maxlen={maxlen}: increase it.")
    rows = words.limited(x_train + x_test, num_words, skip_top, oov_char)
    ys = np.concatenate([y_train, y_test])
    n = len(x_train)
    return (
        (np.array(rows[:n], dtype="object"), ys[:n]),
        (np.array(rows[n:], dtype="object"), ys[n:]),
    )


def get_word_index(path: str = "imdb_word_index.json") -> dict[str, int]:
    """Return the table from word to number, before ``index_from`` is added."""
    return words.word_index(path, "imdb_word_index.json", WORDS_HASH)
