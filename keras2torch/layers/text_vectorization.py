"""Texts as indices of words.

Sources: ``keras/src/layers/preprocessing/text_vectorization.py`` (Keras 3.15) and
``tf_keras/src/layers/preprocessing/text_vectorization.py``.
"""

from __future__ import annotations

from typing import Any

from keras2torch.layers.base import Call, Forward, Layer, Module, Shape, layer
from keras2torch.layers.categories import encoded
from keras2torch.layers.lookup import StringLookup, weighted
from keras2torch.layers.text import Raw
from keras2torch.layers.text import call as call_text

_STANDARDS = (None, "lower_and_strip_punctuation", "lower", "strip_punctuation")


@layer
class TextVectorization(Layer):
    """Texts to the places of their words in a vocabulary, or to counts of them."""

    reads_strings = True
    ignored = frozenset({"has_input_vocabulary", "vocab_size", "vocabulary_size"})

    max_tokens: Any = None
    standardize: Any = "lower_and_strip_punctuation"
    split: Any = "whitespace"
    ngrams: Any = None
    output_mode: str = "int"
    output_sequence_length: Any = None
    pad_to_max_tokens: bool = False
    vocabulary: Any = None
    idf_weights: Any = None
    sparse: bool = False
    ragged: bool = False
    encoding: str = "utf-8"

    @property
    def lookup(self) -> StringLookup:
        """The layer that looks up the words."""
        return StringLookup(
            name=self.name,
            max_tokens=self.max_tokens,
            mask_token="",
            vocabulary=self.vocabulary,
            idf_weights=self.idf_weights,
            output_mode=self.output_mode,
            pad_to_max_tokens=self.pad_to_max_tokens,
            encoding=self.encoding,
        )

    @property
    def mode(self) -> str:
        """What comes out, as Keras calls it today."""
        mode = self.lookup.mode
        if mode == "one_hot":
            raise self.unsupported("output_mode='one_hot'")
        return mode

    @property
    def widths(self) -> tuple[int, ...]:
        """How many words make a term."""
        ngrams = self.ngrams
        if ngrams is None:
            return (1,)
        if type(ngrams) is int and ngrams > 0:
            return tuple(range(1, ngrams + 1))
        listed = isinstance(ngrams, (list, tuple)) and ngrams
        if listed and all(type(n) is int and n > 0 for n in ngrams):
            return tuple(ngrams)
        raise self.unsupported(f"ngrams={ngrams!r}")

    def _check(self, shape: Shape) -> None:
        if self.standardize not in _STANDARDS:
            raise self.unsupported(
                f"standardize={self.standardize!r}: a function of your own has no "
                "rule; standardize the texts before they go in"
            )
        if self.split not in (None, "whitespace", "character"):
            raise self.unsupported(
                f"split={self.split!r}: a function of your own has no rule"
            )
        if self.ragged:
            raise self.unsupported("ragged=True: torch has no layer for such tensors")
        if self.split is not None and len(shape) > 1 and shape[-1] != 1:
            raise self.unsupported(f"texts of shape {shape}: the last size must be 1")
        if self.split is None and len(shape) < 2:
            raise self.unsupported(f"split=None of texts of shape {shape}")
        if len(shape) > 2 and self.mode != "int":
            raise self.unsupported(f"output_mode={self.mode!r} of shape {shape}")

    # -- Keras
    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """Return a row of places for each text, or one of counts."""
        shape = shapes[0]
        self._check(shape)
        leading = shape[:-1] if len(shape) > 1 else shape
        if self.mode != "int":
            return [(*leading, self.lookup.size)]
        length = self.output_sequence_length
        if length is None and self.split is None and self.widths == (1,):
            length = shape[-1]
        return [(*leading, length)]

    def output_dtype(self, *dtypes: str) -> str:
        """Return int64 for places."""
        return "int64" if self.mode == "int" else "float32"

    # -- PyTorch
    def module(self, call: Call) -> Module:
        """``TextVectorization(StringLookup([...], mask_token=""), length=200)``."""
        lookup = self.lookup
        inner = lookup.finder(call)
        given: dict[str, Any] = {}
        if self.standardize not in ("lower", "lower_and_strip_punctuation"):
            given["lower"] = False
        if self.standardize not in ("strip_punctuation", _STANDARDS[1]):
            given["strip_punctuation"] = False
        if self.split != "whitespace":
            given["split"] = self.split
        if self.widths != (1,):
            given["ngrams"] = self.widths
        if self.output_sequence_length is not None:
            given["length"] = int(self.output_sequence_length)
        if self.mode != "int":
            # Counts nowhere.
            given["padding"] = -1
        made = call_text("TextVectorization", Raw(inner.text), **given)
        helpers = ("TextVectorization", *inner.helpers)
        return weighted(lookup, Module(made, helpers=helpers, files=inner.files))

    def forward(self, call: Call, module: str) -> Forward:
        """``self.text_vectorization(x)``."""
        text = f"{module}({call.x.name})"
        if self.mode in ("int", "tf_idf"):
            return Forward(text)
        return encoded(text, self.lookup.size, self.mode)


__all__ = ["TextVectorization"]
