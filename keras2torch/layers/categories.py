"""Numbers as categories: bins, hashes and their encodings.

Sources: ``keras/src/layers/preprocessing`` and ``keras/src/utils/numerical_utils.py``
(Keras 3.15), ``tf_keras/src/layers/preprocessing``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from keras2torch.layers.base import (
    Array,
    Call,
    Forward,
    Layer,
    Module,
    Shape,
    Source,
    layer,
)
from keras2torch.layers.text import Raw, literal, short
from keras2torch.layers.text import call as call_text

_ENCODINGS = ("one_hot", "multi_hot", "count")
# As many boundaries stand in the source; the weights hold more.
_SHORT = 20


def encoded_shape(shape: Shape, mode: str, size: int) -> Shape:
    """Return the shape of encoded indices: ``encode_categorical_inputs``."""
    if mode == "one_hot":
        if len(shape) > 1 and shape[-1] == 1:
            shape = shape[:-1]
        return (*shape, size)
    if len(shape) > 2:
        return (shape[0], *shape[2:], size)
    return (*shape[:-1], size)


def encoded(indices: str, size: int, mode: str, weights: str = "") -> Forward:
    """Return the call that encodes indices."""
    more = f", {weights}" if weights else ""
    text = f"categories({indices}, {size}, {literal(mode)}{more})"
    return Forward(text, helpers=("categories",))


def salted(definition: Any) -> tuple[int, int] | None:
    """Return the two numbers of a salt, if there is one.

    Raises
    ------
    UnsupportedLayer
        For a salt that is none.
    """
    salt = definition.salt
    if salt is None:
        return None
    pair = [salt, salt] if type(salt) is int else salt
    whole = isinstance(pair, (list, tuple)) and all(type(n) is int for n in pair)
    if not whole or len(pair) != 2:
        raise definition.unsupported(f"salt={salt!r}")
    return (int(pair[0]), int(pair[1]))


class _Encoding(Layer):
    """Base: indices, or an encoding of them."""

    modes: ClassVar[tuple[str, ...]] = ("int", *_ENCODINGS)
    # The argument that says how many categories there are.
    counted: ClassVar[str] = "num_bins"
    # Whether one index of a row makes a row of one row, as before Keras 3.4.
    keeps_axis = False

    output_mode: str

    @property
    def mode(self) -> str:
        """What comes out, as Keras calls it today."""
        mode = "multi_hot" if self.output_mode == "binary" else self.output_mode
        if mode not in self.modes:
            raise self.unsupported(f"output_mode={self.output_mode!r}")
        return mode

    @property
    def size(self) -> int:
        """How many categories there are."""
        size = vars(self)[self.counted]
        if type(size) is not int or size < 1:
            raise self.unsupported(f"{self.counted}={size!r}")
        return size

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """Return the input's shape, or one whose last axis has a place for each."""
        if self.mode == "int":
            return [shapes[0]]
        if self._keeps(shapes[0]):
            return [(*shapes[0], self.size)]
        return [encoded_shape(shapes[0], self.mode, self.size)]

    def output_dtype(self, *dtypes: str) -> str:
        """Return int64 for indices."""
        return "int64" if self.mode == "int" else "float32"

    def _keeps(self, shape: Shape) -> bool:
        single = len(shape) > 1 and shape[-1] == 1
        return self.keeps_axis and self.mode == "one_hot" and single

    def _encoded(self, indices: str) -> Forward:
        if self.mode == "int":
            return Forward(indices)
        return encoded(indices, self.size, self.mode)


@layer
class CategoryEncoding(_Encoding):
    """Indices to one-hot, multi-hot or counts.

    Attributes
    ----------
    keeps_axis
        Whether one index of a row makes a row of one row, as before Keras 3.4.
    """

    aliases: ClassVar[Mapping[str, str]] = {"max_tokens": "num_tokens"}
    modes = _ENCODINGS
    counted = "num_tokens"

    num_tokens: Any = None
    output_mode: str = "multi_hot"
    sparse: bool = False
    keeps_axis: bool = False

    def forward(self, call: Call, module: str) -> Forward:
        """``categories(x, 5, "multi_hot")``."""
        weights = call.named.get("count_weights")
        if weights is None:
            # The helper takes away the axis of a single index.
            more = ".unsqueeze(-1)" if self._keeps(call.x.shape) else ""
            return encoded(f"{call.x.name}{more}", self.size, self.mode)
        if self.mode != "count":
            raise self.unsupported(f"count_weights with output_mode={self.mode!r}")
        text = f"as_float({weights.name})"
        made = encoded(call.x.name, self.size, self.mode, text)
        made.helpers = (*made.helpers, "as_float")
        return made


@layer
class Discretization(_Encoding):
    """Numbers to the bins that they lie in."""

    # The first of them, when it was experimental, held the boundaries.
    aliases: ClassVar[Mapping[str, str]] = {"bins": "bin_boundaries"}

    bin_boundaries: Any = None
    num_bins: Any = None
    epsilon: float = 0.01
    output_mode: str = "int"
    sparse: bool = False
    keeps_axis: bool = False

    def boundaries(self) -> list[float]:
        """Return what separates the bins.

        Raises
        ------
        UnsupportedLayer
            If adapt() has not found them yet.
        """
        if not isinstance(self.bin_boundaries, (list, tuple)):
            raise self.unsupported(
                "it has no bin_boundaries: it was saved before adapt() found them"
            )
        found = [float(b) for b in self.bin_boundaries]
        if found != sorted(found):
            raise self.unsupported(f"bin_boundaries={found}, which are not in order")
        return found

    @property
    def size(self) -> int:
        """One bin more than boundaries."""
        return len(self.boundaries()) + 1

    def module(self, call: Call) -> Module:
        """``Discretization([0.5, 1.5])``."""
        found = [short(b) for b in self.boundaries()]
        array = np.asarray(found, dtype=np.float32)
        text = Raw(f"torch.zeros({len(found)})")
        if 0 < len(found) <= _SHORT:
            text = Raw(literal(found))
        notes: tuple[str, ...] = ()
        if "int" in str(self.dtype) and call.x.dtype.startswith("float"):
            notes = (
                "Keras' predict cuts its input to whole numbers first, for its dtype "
                f"is {self.dtype}; a call of Keras' model does not, nor does this",
            )
        return Module(
            call_text("Discretization", text),
            {"boundaries": Source((), lambda: array, "bin_boundaries", False)},
            helpers=("Discretization",),
            notes=notes,
        )

    def forward(self, call: Call, module: str) -> Forward:
        """``self.age(x)``."""
        more = ".unsqueeze(-1)" if self._keeps(call.x.shape) else ""
        return self._encoded(f"{module}({call.x.name}){more}")


@layer
class Hashing(_Encoding):
    """Integers or strings to bins, by a hash of how they are written."""

    reads_strings = True

    num_bins: int
    mask_value: Any = None
    salt: Any = None
    output_mode: str = "int"
    sparse: bool = False

    def module(self, call: Call) -> Module:
        """``Hashing(10, salt=(133, 137))``."""
        words = call.x.dtype == "string"
        given: dict[str, Any] = {}
        if (mask := self.mask_value) is not None:
            if words is not isinstance(mask, str) or not isinstance(mask, (int, str)):
                raise self.unsupported(f"mask_value={mask!r} of {call.x.dtype}")
            given["mask_value"] = mask
        if (salt := salted(self)) is not None:
            given["salt"] = salt
        name = "WordHashing" if words else "Hashing"
        return Module(call_text(name, self.size, **given), helpers=(name,))

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """Return the input's shape, or one whose last axis has a place for each."""
        if self.mode == "one_hot" and len(shapes[0]) > 2 and shapes[0][-2:] == (1, 1):
            raise self.unsupported(f"one_hot of shape {shapes[0]}")
        return super().output_shapes(*shapes)

    def forward(self, call: Call, module: str) -> Forward:
        """``self.hashing(x)``."""
        return self._encoded(f"{module}({call.x.name})")


@layer
class HashedCrossing(_Encoding):
    """Combinations of features, integers or strings, to bins by a hash."""

    reads_strings = True
    modes = ("int", "one_hot")

    num_bins: int
    output_mode: str = "int"
    sparse: bool = False

    def module(self, call: Call) -> Module:
        """``HashedCrossing(10)``."""
        kinds = [t.dtype for t in call.inputs]
        if any(k.startswith("float") for k in kinds):
            raise self.unsupported(f"a crossing of {', '.join(kinds)}")
        made = call_text("HashedCrossing", self.size)
        return Module(made, helpers=("HashedCrossing",))

    def forward(self, call: Call, module: str) -> Forward:
        """``self.crossing(city, weekday)``."""
        names = ", ".join(t.name for t in call.inputs)
        return self._encoded(f"{module}({names})")


def merged_boundaries(summary: Array, num_bins: int) -> list[float]:
    """Return the boundaries of equally full bins that a summary of data gives.

    Parameters
    ----------
    summary
        Values and their weights, as ``Discretization.adapt`` keeps them.
    """
    return [float(b) for b in compressed(summary, 1.0 / num_bins)[0, :-1]]


def summarized(values: Array, epsilon: float) -> Array:
    """Return a summary of data: every so many-th value, and how many it stands for."""
    values = np.sort(np.reshape(values, [-1]))
    step = max(values.size * epsilon, 1)
    kept = values[int(step - 1) :: int(step)]
    return np.stack([kept, np.ones_like(kept) * step])


def compressed(summary: Array, epsilon: float) -> Array:
    """Return a summary of fewer values."""
    if summary.shape[1] * epsilon < 1:
        return summary
    percents = epsilon + np.arange(0.0, 1.0, epsilon)
    weights = summary[1].cumsum()
    there = weights / weights[-1]
    bins = np.interp(percents, there, summary[0])
    weights = np.interp(percents, there, weights)
    weights = weights - np.concatenate(([0], weights[:-1]))
    return np.stack((bins, weights)).astype("float32")


def merged(first: Array, second: Array, epsilon: float) -> Array:
    """Return the summary of two summaries' data."""
    both = np.concatenate((first, second), axis=1)
    return compressed(np.take(both, np.argsort(both[0]), axis=1), epsilon)


__all__ = [
    "CategoryEncoding",
    "Discretization",
    "HashedCrossing",
    "Hashing",
    "compressed",
    "encoded",
    "encoded_shape",
    "merged",
    "merged_boundaries",
    "salted",
    "summarized",
]
