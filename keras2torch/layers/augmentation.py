"""Random geometry of images: flips, turns, moves, zooms, slants, tilts and crops.

They act in training only. A fraction of an image is a fraction in torch's coordinates
from -1 to 1, and ``padding_mode="reflection"`` of ``F.grid_sample`` is what Keras
calls reflect, where corners are not aligned.

Sources: ``keras/src/layers/preprocessing/image_preprocessing`` and
``keras/src/backend/tensorflow/image.py`` (Keras 3.15),
``tf_keras/src/layers/preprocessing/image_preprocessing.py`` (tf_keras 2.21).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from keras2torch.layers.augmentation_base import Augmentation, Range
from keras2torch.layers.base import Call, Forward, Module, Shape, layer
from keras2torch.layers.text import Raw
from keras2torch.layers.text import call as call_text

_PADDING = {
    "reflect": "reflection",
    "nearest": "border",
    "constant": "zeros",
    "wrap": "wrap",
}
_FLIPS = ("horizontal", "vertical", "horizontal_and_vertical")


class _Sampled(Augmentation):
    """Base: pixels come from between other pixels, or from beside the image."""

    def _options(self, fill_mode: str | None = None) -> dict[str, Any]:
        """Return the helper's arguments, but those at their defaults."""
        interpolation = getattr(self, "interpolation", None)
        if interpolation not in ("bilinear", "nearest"):
            raise self.unsupported(f"interpolation={interpolation!r}")
        mode = fill_mode or getattr(self, "fill_mode", None)
        if mode not in _PADDING:
            raise self.unsupported(f"fill_mode={mode!r}")
        found: dict[str, Any] = {}
        if interpolation != "bilinear":
            found["mode"] = interpolation
        if mode != "reflect" and fill_mode is None:
            found["padding_mode"] = _PADDING[mode]
        value = float(getattr(self, "fill_value", None) or 0.0)
        if mode == "constant" and value:
            found["fill_value"] = value
        return found

    def _affine(self, *bounds: Range) -> Module:
        """Return the helper of the layer's own name, which draws between bounds."""
        name, options = type(self).__name__, self._options()
        helpers: tuple[str, ...] = (name,)
        if options.get("padding_mode") == "wrap":
            options |= {"padding_mode": "border", "wrap": Raw("Wrap()")}
            helpers = (name, "Wrap")
        return Module(call_text(name, *bounds, **options), helpers=helpers)


@layer
class RandomFlip(Augmentation):
    """Flips about half of the images, along one axis or both.

    Keras flips an image along both axes or along none; before 3.6 it drew for each.
    """

    mode: str = "horizontal_and_vertical"
    seed: int | None = None
    data_format: str | None = None
    keras2: bool = False

    def helper(self, call: Call) -> Module:
        """``RandomFlip("horizontal")``."""
        if self.mode not in _FLIPS:
            raise self.unsupported(f"mode={self.mode!r}")
        both = self.keras2 and self.mode == "horizontal_and_vertical"
        options = {"separately": True} if both else {}
        text = call_text("RandomFlip", self.mode, **options)
        return Module(text, helpers=("RandomFlip",))


@layer
class RandomRotation(_Sampled):
    """Turns each image about its middle."""

    # Of Keras 3.0 to 3.5, which only checked it.
    ignored = Augmentation.ignored | {"value_range"}

    drawn: ClassVar[Mapping[str, int]] = {"factor": -1}

    factor: Any
    fill_mode: str = "reflect"
    interpolation: str = "bilinear"
    seed: int | None = None
    fill_value: float = 0.0
    data_format: str | None = None

    def helper(self, call: Call) -> Module:
        """``RandomRotation((-0.1, 0.1))``, in parts of a full turn."""
        return self._affine(self.bounds(self.factor or 0.0))


@layer
class RandomTranslation(_Sampled):
    """Moves each image."""

    height_factor: Any
    width_factor: Any
    fill_mode: str = "reflect"
    interpolation: str = "bilinear"
    seed: int | None = None
    fill_value: float = 0.0
    data_format: str | None = None

    def helper(self, call: Call) -> Module:
        """``RandomTranslation((-0.1, 0.1), (-0.2, 0.2))``."""
        height = self.bounds(self.height_factor, name="height_factor")
        width = self.bounds(self.width_factor, name="width_factor")
        return self._affine(height, width)


@layer
class RandomZoom(_Sampled):
    """Zooms each image out (factors above 0) or in, about its middle."""

    height_factor: Any
    width_factor: Any = None
    fill_mode: str = "reflect"
    interpolation: str = "bilinear"
    seed: int | None = None
    fill_value: float = 0.0
    data_format: str | None = None

    def helper(self, call: Call) -> Module:
        """``RandomZoom((-0.2, 0.2))``; two pairs of bounds where the sides differ."""
        bounds = [self.bounds(self.height_factor, name="height_factor")]
        if self.width_factor is not None:
            bounds.append(self.bounds(self.width_factor, name="width_factor"))
        return self._affine(*bounds)


@layer
class RandomShear(_Sampled):
    """Slants each image."""

    drawn: ClassVar[Mapping[str, int]] = {"x_factor": -1, "y_factor": -1}

    x_factor: Any = 0.0
    y_factor: Any = 0.0
    interpolation: str = "bilinear"
    fill_mode: str = "reflect"
    fill_value: float = 0.0
    data_format: str | None = None
    seed: int | None = None

    def helper(self, call: Call) -> Module:
        """``RandomShear((-0.2, 0.2), (0.0, 0.0))``."""
        x = self.bounds(self.x_factor, name="x_factor")
        y = self.bounds(self.y_factor, name="y_factor")
        return self._affine(x, y)


@layer
class RandomPerspective(_Sampled):
    """Tilts some of the images."""

    drawn: ClassVar[Mapping[str, int]] = {"factor": 0}

    factor: Any = 1.0
    scale: float = 1.0
    interpolation: str = "bilinear"
    fill_value: float = 0.0
    seed: int | None = None
    data_format: str | None = None

    def helper(self, call: Call) -> Module:
        """``RandomPerspective((0.0, 1.0), 0.3)``."""
        factor = self.bounds(self.factor, 0.0)
        scale = [] if self.scale == 1 else [float(self.scale)]
        text = call_text(
            "RandomPerspective", factor, *scale, **self._options("constant")
        )
        return Module(text, helpers=("RandomPerspective",))


@layer
class RandomElasticTransform(_Sampled):
    """Distorts some of the images by smooth noise.

    In a batch of unknown size Keras distorts the first image alone, and puts it in
    place of the others that were chosen; here each is distorted by its own noise.
    """

    drawn: ClassVar[Mapping[str, int]] = {"factor": 0, "scale": 0}

    factor: Any = 1.0
    scale: Any = 1.0
    interpolation: str = "bilinear"
    fill_mode: str = "reflect"
    fill_value: float = 0.0
    value_range: Any = (0, 255)
    seed: int | None = None
    data_format: str | None = None

    def _is_off(self) -> bool:
        factor, scale = self.bounds(self.factor, 0.0), self._scale()
        return factor[1] == 0 or scale[1] == 0

    def _scale(self) -> tuple[float, float]:
        return self.bounds(self.scale, 0.0, name="scale")

    def switched(self, call: Call) -> bool | None:
        """Nothing happens at factor or scale 0."""
        return False if self._is_off() else super().switched(call)

    def helper(self, call: Call) -> Module:
        """``RandomElasticTransform((0.0, 1.0), (0.0, 0.5))``."""
        low, high = (float(v) for v in self.value_range)
        options = self._options()
        if (low, high) != (0.0, 255.0):
            options["value_range"] = (low, high)
        factor = self.bounds(self.factor, 0.0)
        text = call_text("RandomElasticTransform", factor, self._scale(), **options)
        note = "the images of a batch are distorted each by its own noise; Keras "
        note += "distorts only the first where the size of a batch is unknown"
        return Module(text, helpers=("RandomElasticTransform",), notes=(note,))


@layer
class RandomCrop(Augmentation):
    """Cuts a batch at a random place.

    At inference Keras 3.8 and later pass the images on as they are, whatever the
    layer's documentation and output shape say; before 3.6 it cuts and resizes them.

    Attributes
    ----------
    cuts
        Whether inference cuts, too: in Keras 3.6 and 3.7 otherwise than before.
    """

    height: int
    width: int
    seed: int | None = None
    data_format: str | None = None
    keras2: bool = False
    cuts: bool = False

    def __post_init__(self) -> None:
        self.cuts = self.cuts and not self.keras2

    @property
    def _always(self) -> bool:
        return self.keras2 or self.cuts

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """The size that was asked for; unknown where that is so in training only."""
        _, *there = self.sizes(shapes[0])
        size: tuple[int | None, int | None] = (self.height, self.width)
        if not self._always and tuple(there) != size:
            size = (None, None)
        return [self.shaped(shapes[0], *size)]

    def helper(self, call: Call) -> Module:
        """``RandomCrop(224, 224)``."""
        name = "RandomCropOrResize" if self.keras2 else "RandomCrop"
        note = "it crops in training only: at inference it passes the images on as "
        note += "they are, as Keras does since 3.8"
        always = {"always": True} if self.cuts else {}
        text = call_text(name, self.height, self.width, **always)
        notes = () if self._always else (note,)
        return Module(text, helpers=(name,), notes=notes)

    def module(self, call: Call) -> Module | None:
        """Where inference cuts also for a call of inference."""
        return self.helper(call) if self._always else super().module(call)

    def forward(self, call: Call, module: str) -> Forward:
        """``.resize(x)`` with ``training=False`` in a call, where inference cuts."""
        if not self._always or self.switched(call) is not False:
            return super().forward(call, module)
        text = self.unbatched(call, f"{module}.resize({self.batched(call)})")
        return Forward(text, helpers=self.helpers(call))


class _Stretch(Augmentation):
    """Makes the images of a batch larger or smaller along one axis."""

    dim: ClassVar[int]

    factor: Any
    interpolation: str = "bilinear"
    seed: int | None = None

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """Unknown along the axis."""
        _, height, width = self.sizes(shapes[0])
        size = (None, width) if self.dim == -2 else (height, None)
        return [self.shaped(shapes[0], *size)]

    def helper(self, call: Call) -> Module:
        """``RandomStretch(-2, (-0.2, 0.3))``."""
        modes = {"bilinear": "bilinear", "nearest": "nearest-exact"}
        mode = modes.get(str(self.interpolation).lower())
        if mode is None:
            raise self.unsupported(f"interpolation={self.interpolation!r}")
        options = {} if mode == "bilinear" else {"mode": mode}
        text = call_text("RandomStretch", self.dim, self._factor(), **options)
        return Module(text, helpers=("RandomStretch",))

    def _factor(self) -> tuple[float, float]:
        """Return the bounds; there is no upper one for them."""
        return self.bounds(self.factor, highest=float("inf"))


@layer
class RandomHeight(_Stretch):
    """Makes the images of a batch higher or lower (Keras 2)."""

    dim = -2

    factor: Any
    interpolation: str = "bilinear"
    seed: int | None = None


@layer
class RandomWidth(_Stretch):
    """Makes the images of a batch wider or narrower (Keras 2)."""

    dim = -1

    factor: Any
    interpolation: str = "bilinear"
    seed: int | None = None


__all__ = [
    "RandomCrop",
    "RandomElasticTransform",
    "RandomFlip",
    "RandomHeight",
    "RandomPerspective",
    "RandomRotation",
    "RandomShear",
    "RandomTranslation",
    "RandomWidth",
    "RandomZoom",
]
