"""Keras' own classes without a rule here: no code of a file runs where they do.

With TensorFlow they are traced, and nobody has to trust the file for that. What keeps a
table of words is not among them: ONNX has no such thing.
"""

from __future__ import annotations

from collections.abc import Iterable

from keras2torch.errors import UnknownLayer

# What stands for a feature is drawn once and kept as weights.
_CLASSES = frozenset({"RandomFourierFeatures"})


def are_keras_own(layers: Iterable[UnknownLayer]) -> bool:
    """Whether all layers without a rule are Keras' own, and computed without code."""
    return all(item.kind in _CLASSES for item in layers)
