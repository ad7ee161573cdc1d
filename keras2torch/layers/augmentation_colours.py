"""Colours of images: changed at random in training, or always in the same way.

Sources: ``keras/src/layers/preprocessing/image_preprocessing`` (Keras 3.15),
``tf_keras/src/layers/preprocessing/image_preprocessing.py`` (tf_keras 2.21).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from keras2torch.layers.augmentation_base import (
    Augmentation,
    ImageLayer,
    Range,
    contrast_axes,
)
from keras2torch.layers.base import Call, Forward, Layer, Module, layer
from keras2torch.layers.spatial import is_first
from keras2torch.layers.text import Raw
from keras2torch.layers.text import call as call_text

_PIXELS = (0, 255)


def _short(value: float) -> float | int:
    return int(value) if float(value).is_integer() else float(value)


def _range(owner: Layer, value: Any, *, ordered: bool = True) -> tuple[float, float]:
    """Return the range of the pixels."""
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        raise owner.unsupported(f"value_range={value!r}")
    low, high = (_short(v) for v in (sorted(value) if ordered else value))
    return low, high


@dataclass(eq=False, init=False)
class _Colours(Augmentation):
    """Base: its helper class has the layer's name, and takes the range of pixels."""

    # Whether Keras itself puts the two numbers of value_range in order.
    ordered: ClassVar[bool] = True
    # What is drawn between bounds, and the least that it may be.
    drawn: ClassVar[Mapping[str, int]] = {"factor": 0}

    def kept(self) -> dict[str, Any]:
        """Return bounds for factors, and the range in order where Keras orders it."""
        found = super().kept()
        if self.ordered:
            found["value_range"] = sorted(vars(self)["value_range"])
        return found

    def _made(self, *arguments: object, **options: object) -> Module:
        values = _range(self, vars(self)["value_range"], ordered=self.ordered)
        if values != _PIXELS:
            options["value_range"] = values
        name = type(self).__name__
        return Module(call_text(name, *arguments, **options), helpers=(name,))


@layer
class RandomBrightness(_Colours):
    """Adds a part of the range, drawn for each image."""

    drawn: ClassVar[Mapping[str, int]] = {"factor": -1}

    factor: Any
    value_range: Any = _PIXELS
    seed: int | None = None
    data_format: str | None = None

    def helper(self, call: Call) -> Module:
        """``RandomBrightness((-0.2, 0.2))``."""
        return self._made(self.bounds(self.factor or 0.0))


@layer
class RandomContrast(_Colours):
    """Multiplies distances from the mean of a channel.

    Keras takes a number ``f`` for ``(0, f)`` and draws for each image; before 3.6 it
    took it for ``(f, f)`` and drew for the batch.
    """

    ordered = False

    factor: Any
    value_range: Any = _PIXELS
    seed: int | None = None
    data_format: str | None = None
    keras2: bool = False

    def helper(self, call: Call) -> Module:
        """``RandomContrast((1.0, 1.2))``."""
        if not self.keras2:
            low, high = self.bounds(self.factor, 0.0)
            return self._made(_around(low, high))
        pair = self.factor
        if not isinstance(pair, (list, tuple)):
            pair = (pair, pair)
        if len(pair) != 2 or min(pair) < 0 or pair[0] > 1:
            raise self.unsupported(f"factor={self.factor!r}")
        return self._made(_around(*pair), shared=True)


def _around(low: float, high: float) -> Range:
    # 0.7, not 0.69999….
    return round(1.0 - low, 12), round(1.0 + high, 12)


@layer
class RandomHue(_Colours):
    """Turns hues by up to half of the factor."""

    ordered = False

    factor: Any
    value_range: Any = _PIXELS
    data_format: str | None = None
    seed: int | None = None

    def helper(self, call: Call) -> Module:
        """``RandomHue((0.0, 0.5))``."""
        return self._made(self.bounds(self.factor, 0.0))


@layer
class RandomSaturation(_Colours):
    """Multiplies saturation by ``f / (1 - f)``."""

    drawn: ClassVar[Mapping[str, int]] = {"factor": -1}

    factor: Any
    value_range: Any = _PIXELS
    data_format: str | None = None
    seed: int | None = None

    def helper(self, call: Call) -> Module:
        """``RandomSaturation((0.4, 0.6))``."""
        return self._made(self.bounds(self.factor))


@layer
class RandomColorDegeneration(_Colours):
    """Mixes an image with its grey one."""

    drawn: ClassVar[Mapping[str, int]] = {"factor": -1}

    factor: Any
    value_range: Any = _PIXELS
    data_format: str | None = None
    seed: int | None = None

    def helper(self, call: Call) -> Module:
        """``RandomColorDegeneration((-0.5, 0.5))``."""
        return self._made(self.bounds(self.factor))


@layer
class RandomSharpness(_Colours):
    """Blurs below a factor of 0.5, sharpens above."""

    factor: Any
    value_range: Any = _PIXELS
    data_format: str | None = None
    seed: int | None = None

    def helper(self, call: Call) -> Module:
        """``RandomSharpness((0.0, 0.5))``."""
        return self._made(self.bounds(self.factor, 0.0))


@layer
class RandomColorJitter(Augmentation):
    """Brightness, contrast, saturation and hue, one after the other."""

    value_range: Any = _PIXELS
    brightness_factor: Any = None
    contrast_factor: Any = None
    saturation_factor: Any = None
    hue_factor: Any = None
    seed: int | None = None
    data_format: str | None = None

    def helper(self, call: Call) -> Module:
        """``RandomColorJitter(RandomBrightness((-0.2, 0.2)), …)``."""
        if is_first(self):
            # The layers within are channels last, whatever it is itself.
            raise self.unsupported("data_format='channels_first'")
        found: list[Module] = []
        for name in ("Brightness", "Contrast", "Saturation", "Hue"):
            factor = getattr(self, f"{name.lower()}_factor")
            if factor is not None:
                made = _JITTERS[name](
                    factor=factor, value_range=self.value_range, name=self.name
                )
                found.append(made.helper(call))
        text = call_text("RandomColorJitter", *(Raw(m.text) for m in found))
        inner = tuple(h for m in found for h in m.helpers)
        return Module(text, helpers=("RandomColorJitter", *inner))


_JITTERS: dict[str, Any] = {
    "Brightness": RandomBrightness,
    "Contrast": RandomContrast,
    "Saturation": RandomSaturation,
    "Hue": RandomHue,
}


@layer
class RandomGrayscale(Augmentation):
    """Takes the colours from a part of the images."""

    factor: float = 0.5
    data_format: str | None = None
    seed: int | None = None

    def helper(self, call: Call) -> Module:
        """``RandomGrayscale(0.5)``."""
        if not 0 <= self.factor <= 1:
            raise self.unsupported(f"factor={self.factor!r}")
        text = call_text("RandomGrayscale", float(self.factor))
        return Module(text, helpers=("RandomGrayscale",))


@layer
class RandomInvert(_Colours):
    """Inverts a part of the images."""

    ordered = False

    factor: Any = 1.0
    value_range: Any = _PIXELS
    seed: int | None = None
    data_format: str | None = None

    def helper(self, call: Call) -> Module:
        """``RandomInvert((0.0, 1.0))``."""
        return self._made(self.bounds(self.factor, 0.0))


@layer
class RandomPosterization(_Colours):
    """Keeps the first bits of each pixel."""

    drawn: ClassVar[Mapping[str, int]] = {"factor": 1}

    factor: Any
    value_range: Any = _PIXELS
    data_format: str | None = None
    seed: int | None = None

    def helper(self, call: Call) -> Module:
        """``RandomPosterization((1, 4))``."""
        low, high = self.bounds(self.factor, 1, 8)
        return self._made((int(low), int(high)))


@layer
class RandomGaussianBlur(_Colours):
    """Blurs a part of the images."""

    ordered = False

    drawn: ClassVar[Mapping[str, int]] = {"factor": 0, "sigma": 0}

    factor: Any = 1.0
    kernel_size: Any = 3
    sigma: Any = 1.0
    value_range: Any = _PIXELS
    data_format: str | None = None
    seed: int | None = None

    def kept(self) -> dict[str, Any]:
        """Return the kernel's size for each axis, too."""
        size = self.kernel_size
        sizes = [size, size] if isinstance(size, int) else list(size)
        return super().kept() | {"kernel_size": sizes}

    def helper(self, call: Call) -> Module:
        """``RandomGaussianBlur((0.0, 1.0), (3, 3), (0.0, 1.0))``."""
        size = self.kernel_size
        size = tuple(size) if isinstance(size, (list, tuple)) else (size, size)
        if len(size) != 2 or any(n % 2 == 0 for n in size):
            raise self.unsupported(f"kernel_size={self.kernel_size!r}")
        return self._made(
            self.bounds(self.factor, 0.0),
            tuple(int(n) for n in size),
            self.bounds(self.sigma, 0.0, name="sigma"),
        )


@layer
class Solarization(_Colours):
    """Inverts the pixels that are not below a threshold."""

    drawn: ClassVar[Mapping[str, int]] = {
        "addition_factor": 0,
        "threshold_factor": 0,
    }

    addition_factor: Any = 0.0
    threshold_factor: Any = 0.0
    value_range: Any = _PIXELS
    seed: int | None = None
    data_format: str | None = None

    def helper(self, call: Call) -> Module:
        """``Solarization((0.0, 51.0), (0.0, 76.5))``: in pixels."""
        drawn = []
        for name in ("addition_factor", "threshold_factor"):
            low, high = self.bounds(getattr(self, name), 0.0, name=name)
            # Keras scales the upper bound alone.
            drawn.append((low, high * 255))
        return self._made(*drawn)


@layer
class RandomErasing(_Colours):
    """Covers a rectangle of a part of the images."""

    ordered = False

    drawn: ClassVar[Mapping[str, int]] = {"factor": 0, "scale": 0}

    factor: Any = 1.0
    scale: Any = (0.02, 0.33)
    fill_value: Any = None
    value_range: Any = _PIXELS
    seed: int | None = None
    data_format: str | None = None

    def helper(self, call: Call) -> Module:
        """``RandomErasing((0.0, 1.0), (0.02, 0.33), fill_value=0.0)``."""
        options: dict[str, object] = {}
        value = self.fill_value
        if isinstance(value, (list, tuple)):
            if len(value) != 3 or is_first(self):
                raise self.unsupported(f"fill_value={value!r}")
            options["fill_value"] = tuple(float(v) for v in value)
        elif value is not None:
            options["fill_value"] = float(value)
        return self._made(
            self.bounds(self.factor, 0.0),
            self.bounds(self.scale, 0.0, name="scale"),
            **options,
        )


@layer
class Equalization(_Colours):
    """Spreads the values of a channel evenly; in training only, as in Keras."""

    drawn: ClassVar[Mapping[str, int]] = {}

    value_range: Any = _PIXELS
    bins: int = 256
    data_format: str | None = None

    def helper(self, call: Call) -> Module:
        """``Equalization(bins=128)``."""
        return self._made(**({} if self.bins == 256 else {"bins": int(self.bins)}))


# ------------------------------------------------------------ at inference, too
@layer
class AutoContrast(ImageLayer):
    """Spreads the values of each channel over the whole range."""

    value_range: Any = _PIXELS
    data_format: str | None = None

    def kept(self) -> dict[str, Any]:
        """Return the range in order."""
        return {"value_range": sorted(self.value_range)}

    def forward(self, call: Call, module: str) -> Forward:
        """``auto_contrast(x)``."""
        options: dict[str, object] = {}
        if (values := _range(self, self.value_range)) != _PIXELS:
            options["value_range"] = values
        options |= contrast_axes(self)
        text = call_text("auto_contrast", Raw(self.batched(call)), **options)
        helpers = ("auto_contrast", *self.helpers(call))
        return Forward(self.unbatched(call, text), helpers=helpers)


@layer
class ContrastLimitedAdaptiveHistogramEqualization(ImageLayer):
    """Equalizes tiles of an image, and blends what they make of a pixel."""

    value_range: Any = _PIXELS
    clip_limit: float = 4.0
    tile_grid_size: Any = (8, 8)
    data_format: str | None = None

    def module(self, call: Call) -> Module:
        """``CLAHE(4.0, (8, 8))``."""
        rows, columns = (int(n) for n in self.tile_grid_size)
        options: dict[str, object] = {}
        if (values := _range(self, self.value_range, ordered=False)) != _PIXELS:
            options["value_range"] = values
        text = call_text("CLAHE", float(self.clip_limit), (rows, columns), **options)
        return Module(text, helpers=("CLAHE",))

    def forward(self, call: Call, module: str) -> Forward:
        """``self.clahe(x)``."""
        text = self.unbatched(call, f"{module}({self.batched(call)})")
        return Forward(text, helpers=self.helpers(call))


__all__ = [
    "AutoContrast",
    "ContrastLimitedAdaptiveHistogramEqualization",
    "Equalization",
    "RandomBrightness",
    "RandomColorDegeneration",
    "RandomColorJitter",
    "RandomContrast",
    "RandomErasing",
    "RandomGaussianBlur",
    "RandomGrayscale",
    "RandomHue",
    "RandomInvert",
    "RandomPosterization",
    "RandomSaturation",
    "RandomSharpness",
    "Solarization",
]
