"""``adapt`` of the layers that learn a vocabulary, or bins, and what they say of them.

Sources: ``keras/src/layers/preprocessing/index_lookup.py``, ``text_vectorization.py``
and ``discretization.py`` (3.15). The order of words that are equally frequent is
Keras': the last in the alphabet first.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np
import torch

from keras2torch.data.tensors import is_array, to_numpy
from keras2torch.data.words import Words
from keras2torch.errors import UnsupportedLayer
from keras2torch.layers.categories import merged, merged_boundaries, summarized
from keras2torch.layers.lookup import IndexLookup, IntegerLookup
from keras2torch.layers.text_vectorization import TextVectorization
from keras2torch.program.helpers.text_vectorization import (
    TextVectorization as TextModule,
)
from keras2torch.program.helpers.words import flat_words


def _lookup(definition: Any) -> IndexLookup:
    found: IndexLookup = getattr(definition, "lookup", definition)
    return found


def _whole(data: Any) -> Any | None:
    """Return data that is one array, as an array; ``None`` for what yields batches."""
    if isinstance(data, Words):
        return data.array
    if isinstance(data, (str, bytes, int, float, list, tuple)):
        return np.asarray(data)
    return to_numpy(data) if is_array(data) else None


def _batches(data: Any, steps: int | None) -> Iterator[Any]:
    """Give the batches of data; one array is one batch, each of its rows a document."""
    whole = _whole(data)
    if whole is not None:
        yield whole[:, None] if whole.ndim == 1 else whole
        return
    for number, batch in enumerate(data):
        if steps is not None and number >= steps:
            return
        first = batch[0] if isinstance(batch, tuple) else batch
        found = _whole(first)
        if found is None:
            raise TypeError(f"adapt() got a batch that is a {type(first).__name__}.")
        yield found


# ---------------------------------------------------------------------- vocabularies
def adapt(
    self: Any, data: Any, batch_size: int | None = None, steps: int | None = None
) -> None:
    """Learn the vocabulary of data, the most frequent terms first.

    Parameters
    ----------
    data
        An array or a list; or what yields batches, such as a ``DataLoader``.
    batch_size
        Not needed here.
    steps
        How many batches to take.
    """
    del batch_size
    definition = self.definition
    lookup = _lookup(definition)
    if self.__dict__.get("_was_given"):
        raise ValueError(
            f"Cannot adapt layer '{self.name}' after setting a static vocabulary via "
            "`vocabulary` argument or `set_vocabulary()` method."
        )
    counts: Counter[Any] = Counter()
    documents: Counter[Any] = Counter()
    seen = 0
    for batch in _batches(data, steps):
        for terms in _documents(definition, batch):
            seen += 1
            counts.update(terms)
            documents.update(set(terms))
    if not counts:
        return
    for special in (lookup.mask_token, lookup.oov_token):
        if special is not None:
            counts.pop(special, None)
    ranked = sorted(counts, key=lambda t: (counts[t], _rank(t)), reverse=True)
    if lookup.max_tokens:
        ranked = ranked[: lookup.max_tokens - lookup.first]
    weights = None
    if lookup.mode == "tf_idf":
        weights = [math.log(1 + seen / (1 + documents[t])) for t in ranked]
        weights = np.asarray(weights, dtype=np.float32).tolist()
    _learned(self, vocabulary=ranked, idf_weights=weights)


def _rank(term: Any) -> Any:
    return term.encode("utf-8", "surrogateescape") if isinstance(term, str) else term


def _documents(definition: Any, batch: Any) -> Iterator[list[Any]]:
    """Give the terms of each document of a batch."""
    if isinstance(definition, TextVectorization):
        yield from _texts(definition, batch)
        return
    flat: list[Any]
    if isinstance(definition, IntegerLookup):
        array = np.asarray(batch).astype(np.int64)
        flat, shape = array.reshape(-1).tolist(), list(array.shape)
    else:
        flat, shape = flat_words(batch)
    # A batch without rows is one document.
    rows = shape[0] if len(shape) > 1 else 1
    size = len(flat) // rows if rows else 0
    for row in range(rows):
        yield flat[row * size : (row + 1) * size]


def _texts(definition: TextVectorization, batch: Any) -> Iterator[list[Any]]:
    words, shape = flat_words(batch)
    definition._check((None, *shape[1:]))
    standard = str(definition.standardize)
    module = TextModule(
        torch.nn.Identity(),
        lower="lower" in standard,
        strip_punctuation="punctuation" in standard,
        split=definition.split,
        ngrams=definition.widths,
    )
    rows = [module.words(text) for text in words]
    if definition.split is None:
        size = shape[-1] if len(shape) > 1 else 1
        flat = [word for row in rows for word in row]
        rows = [flat[i : i + size] for i in range(0, len(flat), size)]
    for row in rows:
        yield module.terms(row)


def set_vocabulary(self: Any, vocabulary: Any, idf_weights: Any = None) -> None:
    """Set the terms, and their weights where those are counted by TF-IDF."""
    lookup = _lookup(self.definition)
    if (lookup.mode == "tf_idf") != (idf_weights is not None):
        raise ValueError(
            "`idf_weights` must be set if output_mode is 'tf_idf', and should only be "
            f"set then. Received: output_mode={lookup.mode}."
        )
    terms = terms_of(vocabulary, self.definition)
    if not terms:
        raise ValueError(f"Cannot set an empty vocabulary. Received: {vocabulary}")
    weights = None if idf_weights is None else np.asarray(idf_weights).tolist()
    trial = copy(self.definition)
    trial.vocabulary, trial.idf_weights = terms, weights
    check_terms(trial)
    _learned(self, vocabulary=terms, idf_weights=weights)


def check_terms(definition: Any) -> None:
    """Raise for a vocabulary that does not fit a layer, as soon as it is given.

    Raises
    ------
    ValueError
        If it is too large, holds a term twice or lacks its weights.
    """
    lookup = _lookup(definition)
    try:
        found = lookup.first + len(lookup.terms)
        if lookup.mode == "tf_idf":
            lookup.idf()
    except UnsupportedLayer as error:
        raise ValueError(str(error)) from None
    if lookup.max_tokens is not None and found > lookup.max_tokens:
        raise ValueError(
            "Attempted to set a vocabulary larger than the maximum vocab size. "
            f"Received vocabulary size is {found}; `max_tokens` is {lookup.max_tokens}."
        )


def terms_of(vocabulary: Any, definition: Any) -> list[Any]:
    """Return a vocabulary as a list: an array, a list, or a text file of one's own."""
    if isinstance(vocabulary, (str, Path)):
        path = Path(vocabulary)
        if not path.is_file():
            raise ValueError(f"Vocabulary file {path} does not exist.")
        lines = path.read_text(encoding="utf-8").splitlines()
        whole = isinstance(definition, IntegerLookup)
        return [int(line) if whole else line for line in lines]
    found = to_numpy(vocabulary) if is_array(vocabulary) else vocabulary
    listed = found.tolist() if isinstance(found, np.ndarray) else list(found)
    return [v.decode("utf-8") if isinstance(v, bytes) else v for v in listed]


def get_vocabulary(self: Any, include_special_tokens: bool = True) -> list[Any]:
    """Return the terms; the special ones first, if they are wanted."""
    lookup = _lookup(self.definition)
    if lookup.vocabulary is None:
        terms: list[Any] = []
    else:
        terms = lookup.terms
    if not include_special_tokens:
        return terms
    special = [lookup.mask_token] * lookup.oov_start
    return [*special, *[lookup.oov_token] * lookup.num_oov_indices, *terms]


def vocabulary_size(self: Any) -> int:
    """Return how many terms there are, the special ones included."""
    return len(get_vocabulary(self))


def save_own_variables(self: Any, store: Any) -> None:
    """Give what Keras keeps of a lookup in a file: the weights of TF-IDF."""
    lookup = _lookup(self.definition)
    if lookup.mode == "tf_idf":
        store["idf_weights"] = lookup.idf()


# ------------------------------------------------------------------------------ bins
def adapt_bins(self: Any, data: Any, steps: int | None = None) -> None:
    """Find boundaries between which equally many of the data lie."""
    definition = self.definition
    if definition.num_bins is None:
        raise ValueError(
            "Cannot adapt a Discretization layer that has been initialized with "
            "`bin_boundaries`, use `num_bins` instead."
        )
    summary = np.array([[], []], dtype="float32")
    for batch in _batches(data, steps):
        values = np.asarray(batch).astype("float32")
        found = summarized(values, definition.epsilon)
        summary = merged(found, summary, definition.epsilon)
    _learned(self, bin_boundaries=merged_boundaries(summary, definition.num_bins))


# --------------------------------------------------------------------------- forgetting
def _learned(layer: Any, **settings: Any) -> None:
    """Change the definition; what was written for the old one is written anew."""
    for name, value in settings.items():
        setattr(layer.definition, name, value)
    layer._programs.clear()
    layer._torch_state = None
    for kind in ("_parameters", "_buffers", "_modules"):
        vars(layer)[kind] = {}
    for model in list(layer._users):
        model.drop_net()


LOOKUPS = {
    "adapt": adapt,
    "get_vocabulary": get_vocabulary,
    "save_own_variables": save_own_variables,
    "set_vocabulary": set_vocabulary,
    "vocabulary_size": vocabulary_size,
}
BINS = {"adapt": adapt_bins}

__all__ = ["BINS", "LOOKUPS", "check_terms", "terms_of"]
