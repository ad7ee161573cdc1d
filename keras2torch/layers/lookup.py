"""Places in a vocabulary: StringLookup and IntegerLookup.

Sources: ``keras/src/layers/preprocessing/index_lookup.py`` (Keras 3.15) and
``tf_keras/src/layers/preprocessing/index_lookup.py``.
"""

from __future__ import annotations

import re
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
from keras2torch.layers.categories import encoded, encoded_shape, salted
from keras2torch.layers.text import Raw, literal
from keras2torch.layers.text import call as call_text

# As many terms stand in the source; a file beside it holds more.
_SHORT = 20
_OLD_MODES = {"binary": "multi_hot", "tf-idf": "tf_idf"}


class IndexLookup(Layer):
    """Base: what a vocabulary means, whatever its terms are.

    The vocabulary may begin with the special terms, as Keras writes it: the mask token
    and those for unknown ones.
    """

    ignored = frozenset(
        {
            "has_input_vocabulary",
            "has_static_table",
            "oov_method",
            "vocabulary_dtype",
            "vocabulary_size",
        }
    )
    modes = ("int", "one_hot", "multi_hot", "count", "tf_idf")

    max_tokens: Any
    num_oov_indices: int
    mask_token: Any
    oov_token: Any
    vocabulary: Any
    idf_weights: Any
    invert: bool
    output_mode: str
    pad_to_max_tokens: bool
    salt: Any

    def term(self, value: Any) -> Any:
        """Return a term of the vocabulary as it is looked up.

        Raises
        ------
        UnsupportedLayer
            If it cannot be one.
        """
        raise NotImplementedError

    # -- Keras
    @property
    def mode(self) -> str:
        """What comes out, as Keras calls it today."""
        mode = _OLD_MODES.get(self.output_mode, self.output_mode)
        if mode not in self.modes:
            raise self.unsupported(f"output_mode={self.output_mode!r}")
        return mode

    @property
    def oov_start(self) -> int:
        """Place of the first unknown term."""
        return 1 if self.mask_token is not None and self.mode == "int" else 0

    @property
    def first(self) -> int:
        """Place of the first known term."""
        return self.oov_start + self.num_oov_indices

    def _all_terms(self) -> tuple[list[Any], bool]:
        """Return the terms, and whether the special ones stood before them."""
        given = self.vocabulary
        if isinstance(given, str):
            raise self.unsupported(
                f"its vocabulary is said to be in the file {given!r}, which is never "
                "opened: give the terms themselves, in Keras, and save the model again"
            )
        if given is None:
            raise self.unsupported(
                "it has no vocabulary. Keras 3 writes one that adapt() found into "
                ".keras files alone: save the model as .keras, from where it was "
                "adapted"
            )
        terms = [self.term(value) for value in given]
        special = [self.mask_token] * self.oov_start
        special += [self.oov_token] * self.num_oov_indices
        found = terms[: self.first] == special
        terms = terms[self.first :] if found else terms
        if len(set(terms)) != len(terms):
            raise self.unsupported("its vocabulary holds a term twice")
        if self.mask_token is not None and self.mask_token in terms:
            raise self.unsupported("its vocabulary holds the mask token")
        return terms, found

    @property
    def terms(self) -> list[Any]:
        """The vocabulary without the special terms."""
        return self._all_terms()[0]

    @property
    def hashes(self) -> bool:
        """Whether a hash deals out unknown terms among several places."""
        return self.num_oov_indices > 1

    @property
    def size(self) -> int:
        """How many indices there are, or how many places an encoding has."""
        if self.pad_to_max_tokens and self.mode != "int":
            return int(self.max_tokens)
        return self.first + len(self.terms)

    def idf(self) -> Array:
        """Return the weight of each place.

        Raises
        ------
        UnsupportedLayer
            If there are none, or not as many as terms.
        """
        terms, special = self._all_terms()
        if self.idf_weights is None:
            raise self.unsupported("output_mode='tf_idf' without idf_weights")
        weights = np.asarray(self.idf_weights, dtype=np.float64)
        if weights.shape != (len(terms) + (self.first if special else 0),):
            raise self.unsupported(
                f"{weights.size} idf_weights for {len(self.vocabulary)} terms"
            )
        front = 0 if special else self.first
        back = self.size - front - weights.size
        if back < 0:
            raise self.unsupported(f"{len(terms)} terms in {self.max_tokens} tokens")
        # Of unknown terms Keras knows no weight: it takes the average.
        mean = float(weights.mean()) if weights.size else 0.0
        padded = np.pad(weights, (front, back), constant_values=(mean, 0.0))
        return padded.astype(np.float32)

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """Return the input's shape, or one whose last axis has a place for each."""
        mode = "count" if self.mode == "tf_idf" else self.mode
        if mode == "int":
            return [shapes[0]]
        return [encoded_shape(shapes[0], mode, self.size)]

    def output_dtype(self, *dtypes: str) -> str:
        """Return int64 for places."""
        return "int64" if self.mode == "int" else "float32"

    # -- PyTorch
    def kept(self, call: Call) -> tuple[Raw, tuple[str, ...], dict[str, bytes]]:
        """Return the text of the vocabulary, helpers and files that it needs."""
        terms = self.terms
        if not terms:
            raise self.unsupported("its vocabulary is empty")
        lines = [str(term) for term in terms]
        if len(terms) <= _SHORT or any("\n" in line for line in lines):
            return Raw(literal(terms)), (), {}
        path = re.sub(r"[^A-Za-z0-9]+", "_", call.path or self.name).strip("_")
        name = f"{path or 'vocabulary'}.txt"
        content = "\n".join(lines).encode("utf-8", "surrogateescape")
        text = Raw(f"read_words({literal(name)})")
        if not isinstance(terms[0], str):
            text = Raw(f"[int(word) for word in {text}]")
        return text, ("read_words",), {name: content}

    def _options(self) -> dict[str, Any]:
        """Return the arguments of a lookup that are not at their defaults."""
        given: dict[str, Any] = {}
        if self.num_oov_indices != 1:
            given["oov_indices"] = self.num_oov_indices
        if self.mask_token is not None:
            given["mask_token"] = self.mask_token
            if self.mode != "int":
                given["mask_index"] = -1
        if self.hashes and (salt := salted(self)) is not None:
            given["salt"] = salt
        return given

    def _inverse(self) -> dict[str, Any]:
        given: dict[str, Any] = {}
        if self.first != 1:
            given["first"] = self.first
        if self.mask_token is not None:
            given["mask_token"] = self.mask_token
        return given

    def finder(self, call: Call) -> Module:
        """Return the helper class that finds places, or what is at a place."""
        kind = type(self).__name__
        text, helpers, files = self.kept(call)
        if self.invert:
            name, given = f"Inverse{kind}", self._inverse()
            if self.oov_token != type(self).oov_token:
                given["oov_token"] = self.term(self.oov_token)
        else:
            name = f"Hashed{kind}" if self.hashes else kind
            given = self._options()
        made = call_text(name, text, **given)
        return Module(made, helpers=(name, *helpers), files=files)

    def module(self, call: Call) -> Module:
        """``StringLookup(["red", "green"])``."""
        return weighted(self, self.finder(call))

    def forward(self, call: Call, module: str) -> Forward:
        """``categories(self.color(x), 5, "multi_hot")``."""
        text = f"{module}({call.x.name})"
        if self.mode in ("int", "tf_idf"):
            return Forward(text)
        return encoded(text, self.size, self.mode)


def weighted(lookup: IndexLookup, inner: Module) -> Module:
    """Return a module with the weights of TF-IDF around it, if that is the mode."""
    if lookup.mode != "tf_idf":
        return inner
    idf = lookup.idf()
    inner.text = call_text("TfIdf", Raw(inner.text), lookup.size)
    inner.weights = {"idf": Source((), lambda: idf, "idf_weights", trainable=False)}
    inner.helpers = ("TfIdf", *inner.helpers)
    return inner


@layer
class StringLookup(IndexLookup):
    """Strings to their places in a vocabulary, or back."""

    reads_strings = True

    max_tokens: Any = None
    num_oov_indices: int = 1
    mask_token: Any = None
    oov_token: Any = "[UNK]"
    vocabulary: Any = None
    idf_weights: Any = None
    invert: bool = False
    output_mode: str = "int"
    pad_to_max_tokens: bool = False
    sparse: bool = False
    encoding: str = "utf-8"
    salt: Any = None

    def term(self, value: Any) -> str:
        """Return a string."""
        if not isinstance(value, str):
            raise self.unsupported(f"{value!r} in its vocabulary, which is no string")
        return value

    def output_dtype(self, *dtypes: str) -> str:
        """Return that of places, or of strings."""
        return "string" if self.invert else super().output_dtype(*dtypes)


@layer
class IntegerLookup(IndexLookup):
    """Integers to their places in a vocabulary, or back."""

    aliases: ClassVar[Mapping[str, str]] = {
        "max_values": "max_tokens",
        "mask_value": "mask_token",
        "oov_value": "oov_token",
    }

    max_tokens: Any = None
    num_oov_indices: int = 1
    mask_token: Any = None
    oov_token: Any = -1
    vocabulary: Any = None
    vocabulary_dtype: str = "int64"
    idf_weights: Any = None
    invert: bool = False
    output_mode: str = "int"
    sparse: bool = False
    pad_to_max_tokens: bool = False
    oov_method: str = "floormod"
    salt: Any = None

    def term(self, value: Any) -> int:
        """Return an integer."""
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self.unsupported(f"{value!r} in its vocabulary, which is no integer")
        if value != int(value) or not -(2**63) <= value < 2**63:
            raise self.unsupported(f"{value!r} in its vocabulary, which is no int64")
        return int(value)

    @property
    def hashes(self) -> bool:
        """Only if told so: by default they share places by remainder."""
        if self.oov_method not in ("floormod", "farmhash"):
            raise self.unsupported(f"oov_method={self.oov_method!r}")
        return super().hashes and self.oov_method == "farmhash"


__all__ = ["IndexLookup", "IntegerLookup", "StringLookup", "weighted"]
