"""Strings, which no torch tensor holds, where a tensor of data would stand."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch


class Words:
    """An array of strings that is batched as tensors are.

    Parameters
    ----------
    array
        Strings or bytes, of numpy's own types or as objects.
    """

    dtype = "string"
    _version = 0

    def __init__(self, array: Any) -> None:
        self.array: Any = np.asarray(array)

    @property
    def shape(self) -> tuple[int, ...]:
        """Its sizes."""
        return tuple(self.array.shape)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return int(self.array.ndim)

    def __len__(self) -> int:
        return len(self.array)

    def __getitem__(self, key: Any) -> Words:
        return Words(self.array[key])

    def __repr__(self) -> str:
        return f"Words({self.array!r})"

    def numpy(self) -> Any:
        """Return bytes, which strings are in TensorFlow: an array, or one."""
        coded = np.frompyfunc(_coded, 1, 1)(self.array)
        return coded if self.ndim else _coded(self.array.item())

    def tolist(self) -> Any:
        """Return nested lists."""
        return self.array.tolist()

    def clone(self) -> Words:
        """Return itself: nobody writes into strings."""
        return self

    def to(self, *args: Any, **kwargs: Any) -> Words:
        """Return itself: strings are on no device."""
        return self

    def narrow(self, axis: int, start: int, length: int) -> Words:
        """Return rows next to each other."""
        del axis
        return Words(self.array[start : start + length])

    def index_select(self, axis: int, at: torch.Tensor) -> Words:
        """Return the rows at these places."""
        del axis
        return Words(self.array[at.cpu().numpy()])

    def contiguous(self) -> Words:
        """Return itself."""
        return self

    def numel(self) -> int:
        """Return how many there are."""
        return int(self.array.size)

    def element_size(self) -> int:
        """Return 0: they are moved nowhere."""
        return 0

    def squeeze(self, axis: int) -> Words:
        """Take away an axis of 1."""
        return Words(self.array.squeeze(axis))

    def unsqueeze(self, axis: int) -> Words:
        """Add an axis of 1."""
        return Words(np.expand_dims(self.array, axis))


def _coded(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def is_text(array: Any) -> bool:
    """Whether a numpy array holds strings."""
    if array.dtype.kind in "US":
        return True
    return (
        array.dtype == object
        and array.size > 0
        and isinstance(array.reshape(-1)[0], (str, bytes))
    )


def as_words(value: Any) -> Any:
    """Return strings in lists or arrays as :class:`Words`, everything else as it is."""
    if isinstance(value, (str, bytes)):
        return Words(np.asarray(value))
    if isinstance(value, (list, tuple)):
        first: Any = value
        while isinstance(first, (list, tuple)) and first:
            first = first[0]
        return Words(value) if isinstance(first, (str, bytes)) else value
    if isinstance(value, np.ndarray) and is_text(value):
        return Words(value)
    return value
