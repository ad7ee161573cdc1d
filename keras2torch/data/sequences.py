"""Sequences of different lengths as one array. Keras 3.15: utils/sequence_utils.py."""

from __future__ import annotations

from typing import Any

import numpy as np


def pad_sequences(
    sequences: Any,
    maxlen: int | None = None,
    dtype: Any = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: Any = 0.0,
) -> Any:
    """Return sequences as one array ``(sequences, steps, ...)``.

    Parameters
    ----------
    sequences
        A list of sequences; what a step holds has one shape throughout.
    maxlen
        Number of steps; that of the longest if not given.
    dtype
        Of the result; ``object`` for texts of different lengths.
    padding, truncating
        ``"pre"`` or ``"post"``: the side where ``value`` is put in, or steps are cut.
    value
        What is put in.

    Raises
    ------
    ValueError
        If these are no sequences, steps differ in shape, or a side is neither.
    """
    if not hasattr(sequences, "__len__"):
        raise ValueError(
            f"sequences is a {type(sequences).__name__}, not a list of sequences."
        )
    for name, side in (("padding", padding), ("truncating", truncating)):
        if side not in ("pre", "post"):
            raise ValueError(f'{name} is "pre" or "post", not {side!r}.')
    is_text = np.issubdtype(dtype, np.str_) or np.issubdtype(dtype, np.bytes_)
    if isinstance(value, str) and dtype is not object and not is_text:
        raise ValueError(
            f"the value {value!r} does not go into dtype {dtype}: dtype=object does "
            "for texts of different lengths."
        )
    lengths = []
    for place, sequence in enumerate(sequences):
        if not hasattr(sequence, "__len__"):
            raise ValueError(
                f"the item at {place} of sequences is a {type(sequence).__name__}, "
                "not a sequence."
            )
        lengths.append(len(sequence))
    step: tuple[int, ...] = ()
    for sequence, length in zip(sequences, lengths, strict=True):
        if length:
            step = np.asarray(sequence).shape[1:]
            break
    if maxlen is None:
        if not lengths:
            raise ValueError("sequences is empty, and maxlen is not given.")
        maxlen = max(lengths)

    found = np.full((len(lengths), maxlen, *step), value, dtype=dtype)
    for place, sequence in enumerate(sequences):
        if not lengths[place]:
            continue
        # With maxlen=0, [-0:] is all of it, and the assignment fails as in Keras.
        cut = sequence[-maxlen:] if truncating == "pre" else sequence[:maxlen]
        kept = np.asarray(cut, dtype=dtype)
        if kept.shape[1:] != step:
            raise ValueError(
                f"the steps of the sequence at {place} have shape {kept.shape[1:]}, "
                f"and those of the first one {step}."
            )
        if padding == "post":
            found[place, : len(kept)] = kept
        else:
            found[place, -len(kept) :] = kept
    return found
