"""Augmentations made of others, and those that mix the images of a batch.

Labels and boxes come to Keras' layers in a dict, which no saved model holds: there
they change images alone.

Sources: ``keras/src/layers/preprocessing/image_preprocessing`` (Keras 3.15).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

from keras2torch.layers.augmentation import (
    RandomRotation,
    RandomShear,
    RandomTranslation,
)
from keras2torch.layers.augmentation_base import Augmentation, ImageLayer, contrast_axes
from keras2torch.layers.augmentation_colours import (
    Equalization,
    RandomBrightness,
    RandomColorDegeneration,
    RandomContrast,
    RandomPosterization,
    RandomSharpness,
    Solarization,
)
from keras2torch.layers.base import Call, Forward, Module, layer
from keras2torch.layers.text import Raw
from keras2torch.layers.text import call as call_text

_PIXELS = (0, 255)
# In the order in which Keras numbers them.
_RAND_AUGMENT = (
    RandomShear,
    RandomTranslation,
    RandomRotation,
    RandomBrightness,
    RandomColorDegeneration,
    RandomContrast,
    RandomSharpness,
    RandomPosterization,
    Solarization,
    None,
    Equalization,
)
_AUG_MIX = (
    RandomShear,
    RandomTranslation,
    RandomRotation,
    RandomPosterization,
    Solarization,
    None,
    Equalization,
)
_AUG_MIX_MORE = (
    RandomBrightness,
    RandomColorDegeneration,
    RandomContrast,
    RandomSharpness,
)
_FACTORS = (
    "factor",
    "x_factor",
    "y_factor",
    "height_factor",
    "width_factor",
    "addition_factor",
    "threshold_factor",
)
_AGAIN = "an operation that is drawn twice in a row gets other numbers the second time"


class _Composition(Augmentation):
    """Base: of several augmentations with one factor."""

    drawn: ClassVar[Mapping[str, int]] = {"factor": 0}

    def _parts(self, call: Call, kinds: tuple[Any, ...]) -> list[Module]:
        """Return the helpers of the layers; ``None`` stands for AutoContrast."""
        return [self._part(k).helper(call) if k else self._contrast() for k in kinds]

    def _part(self, kind: type[Augmentation]) -> Augmentation:
        """Return a layer with whatever it takes of this one's arguments."""
        own = vars(self)
        given = {n: own[n] for n in ("name", "data_format", "interpolation")}
        given["value_range"] = own["value_range"]
        factor = self.bounds(own["factor"], 0.0)
        given |= dict.fromkeys(_FACTORS, factor)
        if kind is RandomPosterization:
            given["factor"] = max(1, int(8 * factor[1]))
        known = {f.name for f in dataclasses.fields(kind)}
        return kind(**{k: v for k, v in given.items() if k in known})

    def _pixels(self) -> dict[str, Any]:
        low, high = vars(self)["value_range"]
        return {} if (low, high) == _PIXELS else {"value_range": (low, high)}

    def _contrast(self) -> Module:
        options = self._pixels() | contrast_axes(self)
        return Module(call_text("AutoContrast", **options), helpers=("AutoContrast",))

    def _composed(self, parts: list[Module], **options: Any) -> Module:
        name = type(self).__name__
        text = call_text(name, *(Raw(m.text) for m in parts), **options)
        inner = tuple(h for m in parts for h in m.helpers)
        return Module(text, helpers=(name, *inner))


@layer
class RandAugment(_Composition):
    """A few augmentations, drawn for each batch."""

    value_range: Any = _PIXELS
    num_ops: int = 2
    factor: Any = 0.5
    interpolation: str = "bilinear"
    seed: int | None = None
    data_format: str | None = None

    def helper(self, call: Call) -> Module:
        """``RandAugment(RandomShear(…), …, num_ops=3)``."""
        options = {} if self.num_ops == 2 else {"num_ops": int(self.num_ops)}
        found = self._composed(self._parts(call, _RAND_AUGMENT), **options)
        found.notes = (f"{_AGAIN}; Keras draws once for both",)
        return found


@layer
class AugMix(_Composition):
    """The mean of an image and of what chains of augmentations make of it."""

    value_range: Any = _PIXELS
    num_chains: int = 3
    chain_depth: int = 3
    factor: Any = 0.3
    alpha: float = 1.0
    all_ops: bool = True
    interpolation: str = "bilinear"
    seed: int | None = None
    data_format: str | None = None

    def helper(self, call: Call) -> Module:
        """``AugMix(RandomShear(…), …)``."""
        kinds = (*_AUG_MIX, *(_AUG_MIX_MORE if self.all_ops else ()))
        options = self._pixels()
        if self.num_chains != 3:
            options["num_chains"] = int(self.num_chains)
        if self.chain_depth != 3:
            options["chain_depth"] = int(self.chain_depth)
        if self.alpha != 1:
            options["alpha"] = float(self.alpha)
        found = self._composed(self._parts(call, kinds), **options)
        note = "the layers of its chains are drawn for each batch; in a compiled "
        note += "function Keras draws them once"
        found.notes = (note,)
        return found


@layer
class MixUp(Augmentation):
    """Each image mixed with another."""

    alpha: float = 0.2
    data_format: str | None = None
    seed: int | None = None

    def helper(self, call: Call) -> Module:
        """``MixUp(0.4)``."""
        if call.x.rank != 4:
            raise self.unsupported("a single image has no other to be mixed with")
        return Module(call_text("MixUp", float(self.alpha)), helpers=("MixUp",))


@layer
class CutMix(Augmentation):
    """A rectangle of each image taken from another."""

    drawn: ClassVar[Mapping[str, int]] = {"factor": 0}

    factor: Any = 1.0
    seed: int | None = None
    data_format: str | None = None

    def switched(self, call: Call) -> bool | None:
        """A single image stays as it is."""
        return super().switched(call) if call.x.rank == 4 else False

    def helper(self, call: Call) -> Module:
        """``CutMix((0.0, 1.0))``."""
        text = call_text("CutMix", self.bounds(self.factor, 0.0))
        return Module(text, helpers=("CutMix",))


@layer
class MaxNumBoundingBoxes(ImageLayer):
    """Pads boxes to one number; images stay as they are."""

    ignored = ImageLayer.ignored | {"data_format"}

    max_number: int
    fill_value: int = -1

    def forward(self, call: Call, module: str) -> Forward:
        """``x``."""
        return Forward(self.floats(call), helpers=self.helpers(call))


__all__ = ["AugMix", "CutMix", "MaxNumBoundingBoxes", "MixUp", "RandAugment"]
