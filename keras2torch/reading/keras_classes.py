"""Keras' own classes without a rule here: no code of a file runs where they do.

With TensorFlow they are traced, and nobody has to trust the file for that. What keeps a
table of words is not among them: ONNX has no such thing.
"""

from __future__ import annotations

from collections.abc import Iterable

from keras2torch.errors import UnknownLayer

# keras.layers and tf_keras.layers, experimental ones included.
_CLASSES = frozenset(
    """
    AugMix AutoContrast CategoryEncoding CenterCrop
    ContrastLimitedAdaptiveHistogramEqualization
    CutMix Discretization Equalization MelSpectrogram MixUp RandAugment RandomBrightness
    RandomColorDegeneration RandomColorJitter RandomContrast RandomCrop
    RandomElasticTransform RandomErasing RandomFlip RandomFourierFeatures
    RandomGaussianBlur RandomGrayscale RandomHeight RandomHue RandomInvert
    RandomPerspective RandomPosterization RandomRotation RandomSaturation
    RandomSharpness RandomShear RandomTranslation RandomWidth RandomZoom Resizing
    STFTSpectrogram Solarization
    SyncBatchNormalization
    """.split()
)


def are_keras_own(layers: Iterable[UnknownLayer]) -> bool:
    """Whether all layers without a rule are Keras' own, and computed without code."""
    return all(item.kind in _CLASSES for item in layers)
