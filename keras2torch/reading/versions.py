"""Which Keras wrote a file, as far as it matters."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from keras2torch.reading.keras0 import is_keras0
from keras2torch.reading.text import dicts

_KERAS_1_CLASSES = frozenset(
    {
        "AtrousConvolution1D",
        "AtrousConvolution2D",
        "Convolution1D",
        "Convolution2D",
        "Convolution3D",
        "Deconvolution2D",
        "MaxoutDense",
        "Merge",
        "SeparableConvolution2D",
        "TimeDistributedDense",
    }
)
_KERAS_1_KEYS = frozenset(
    {"nb_filter", "border_mode", "dim_ordering", "inner_activation", "pool_length"}
)
# Layers that Keras 1 and 2 have, and of which only Keras 1 wrote ``init``.
_COMMON = frozenset({"Dense", "Embedding", "GRU", "LSTM", "PReLU", "SimpleRNN"})


@dataclass(frozen=True)
class Version:
    """A Keras version.

    Attributes
    ----------
    text
        As in the file, ``""`` where it says nothing.
    numbers
        ``(2, 3, 1)``; where the file says nothing, what its config looks like.
    """

    text: str
    numbers: tuple[int, ...]

    @property
    def major(self) -> int:
        """1, 2 or 3; Keras 0.3 is read as Keras 1."""
        return max(self.numbers[0], 1)

    @property
    def before_1(self) -> bool:
        """Whether it was Keras 0.3."""
        return self.numbers[0] == 0

    @property
    def multi_backend(self) -> bool:
        """Whether it was Keras by itself, not ``tf.keras`` (``2.2.4-tf``).

        They were two programs until Keras 2.4 handed everything to ``tf.keras``.
        """
        return bool(self.text or self.major == 1) and (
            "tf" not in self.text and self.numbers[:2] < (2, 4)
        )

    @property
    def keeps_deviations(self) -> bool:
        """Whether BatchNormalization kept standard deviations, not variances.

        It did before Keras 1.0.6; before 1.0.4 a config named no version.
        """
        early = self.numbers[:2] == (1, 0) and self.numbers[2:] < (6,)
        return self.before_1 or early

    @staticmethod
    def of(text: str | None, config: Any) -> Version:
        """Return the version that a file names, or that its config shows."""
        if is_keras0(config):
            return Version("0.3", (0, 3))
        found = [int(n) for n in re.findall(r"\d+", text or "")[:3]]
        if found and 1 <= found[0] <= 9:
            return Version(text or "", tuple(found))
        guessed = _guess(config)
        if guessed == 3 and _names_dtypes(config):
            return Version("", (3, 3))
        return Version("", (1, 0) if guessed == 1 else (guessed,))


def _guess(config: Any) -> int:
    """Return 1, 2 or 3 for a config without a version."""
    three = False
    for here in dicts(config):
        kind = here.get("class_name")
        if isinstance(kind, str) and kind in _KERAS_1_CLASSES:
            return 1
        if _KERAS_1_KEYS & here.keys():
            return 1
        inner = here.get("config")
        if kind in _COMMON and isinstance(inner, dict) and "init" in inner:
            return 1
        three = three or "batch_shape" in here or kind == "__keras_tensor__"
    return 3 if three else 2


def _names_dtypes(config: Any) -> bool:
    """Whether a layer's dtype is a name, as until Keras 3.3: later it is a policy."""
    named = False
    for here in dicts(config):
        inner = here.get("config")
        if here.get("module") == "keras.layers" and isinstance(inner, dict):
            dtype = inner.get("dtype")
            if isinstance(dtype, dict):
                return False
            if here.get("class_name") != "InputLayer":
                named = named or isinstance(dtype, str)
    return named
