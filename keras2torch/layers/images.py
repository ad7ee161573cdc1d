"""Sizes of images.

Sources: ``keras/src/layers/preprocessing/image_preprocessing`` and
``keras/src/backend/tensorflow/image.py`` (Keras 3.15),
``tf_keras/src/layers/preprocessing/image_preprocessing.py`` (tf_keras 2.21).
"""

from __future__ import annotations

from dataclasses import replace

from keras2torch.layers.augmentation_base import ImageLayer
from keras2torch.layers.base import Call, Forward, Layer, Shape, layer
from keras2torch.layers.spatial import pad_text
from keras2torch.layers.text import Raw, literal
from keras2torch.layers.text import call as call_text

Sizes = tuple[int | None, int | None]

_KERNELS: dict[str, tuple[str, dict[str, int]]] = {
    "lanczos3": ("resize_lanczos", {"radius": 3}),
    "lanczos5": ("resize_lanczos", {"radius": 5}),
    "gaussian": ("resize_gaussian", {}),
    "mitchellcubic": ("resize_mitchell", {}),
}


def resized(
    owner: Layer,
    x: str,
    old: Sizes,
    new: Sizes,
    interpolation: str,
    *,
    size: str | None = None,
    antialias: bool = False,
) -> Forward:
    """Return the expression that resizes channels first images as TensorFlow does.

    Parameters
    ----------
    owner
        The layer that is named where there is no rule.
    x
        The expression of the images.
    old, new
        Their height and width, before and after.
    interpolation
        Keras' name of it.
    size
        The expression of the new size, where it is no literal.
    antialias
        Whether kernels grow where images become smaller.
    """
    kind, raw, to = interpolation.lower(), Raw(x), Raw(size or literal(new))
    more = {"antialias": True} if antialias else {}
    if kind in _KERNELS:
        name, options = _KERNELS[kind]
        if more and name != "resize_lanczos":
            raise owner.unsupported(f"interpolation {kind!r} with antialias")
        return Forward(call_text(name, raw, to, **options, **more), helpers=(name,))
    if kind == "area" and not _is_whole(old, new):
        return Forward(call_text("resize_area", raw, to), helpers=("resize_area",))
    if kind == "bicubic" and not antialias:
        return Forward(
            call_text("resize_bicubic", raw, to), helpers=("resize_bicubic",)
        )
    # Anti-aliased, torch's cubic kernel is Keys', as TensorFlow's always is.
    modes = {"nearest": "nearest-exact"}
    if kind not in ("nearest", "bilinear", "bicubic", "area"):
        raise owner.unsupported(f"interpolation {interpolation!r} has no rule")
    if kind in ("nearest", "area"):
        more = {}
    if more and new[1] == 1:
        # torch 2.15 computes something else there.
        raise owner.unsupported("antialias, where one column is left")
    mode = modes.get(kind, kind)
    return Forward(call_text("F.interpolate", raw, size=to, mode=mode, **more))


def _is_whole(old: Sizes, new: Sizes) -> bool:
    """Whether each new pixel is the mean of whole old ones."""
    return all(a and b and a % b == 0 for a, b in zip(old, new, strict=True))


@layer
class Resizing(ImageLayer):
    """Images of another size, by one of TensorFlow's interpolations."""

    height: int
    width: int
    interpolation: str = "bilinear"
    crop_to_aspect_ratio: bool = False
    pad_to_aspect_ratio: bool = False
    fill_mode: str = "constant"
    fill_value: float = 0.0
    antialias: bool = False
    data_format: str | None = None

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """The height and width that were asked for."""
        return [self.shaped(shapes[0], self.height, self.width)]

    def forward(self, call: Call, module: str) -> Forward:
        """``F.interpolate(x, size=(224, 224), mode="bilinear")``."""
        if self.crop_to_aspect_ratio and self.pad_to_aspect_ratio:
            raise self.unsupported("it crops and pads to the aspect ratio")
        if self.pad_to_aspect_ratio and self.fill_mode != "constant":
            raise self.unsupported(f"fill_mode={self.fill_mode!r}")
        _, *old = self.sizes(call.x.shape)
        x, there, helpers = self.batched(call), (old[0], old[1]), self.helpers(call)
        size = (self.height, self.width)
        if self.crop_to_aspect_ratio or self.pad_to_aspect_ratio:
            x, there, helper = self._in_ratio(x, *there)
            helpers += helper
        found = resized(
            self, x, there, size, self.interpolation, antialias=self.antialias
        )
        assert isinstance(found.results, str)
        text = self.unbatched(call, found.results)
        return replace(found, results=text, helpers=(*helpers, *found.helpers))

    def _in_ratio(
        self, x: str, height: int | None, width: int | None
    ) -> tuple[str, Sizes, tuple[str, ...]]:
        """Return the images cut or padded, their sizes, and the helper for that."""
        wanted = (self.height, self.width)
        crops = self.crop_to_aspect_ratio
        if height is None or width is None:
            name = "crop_to_aspect_ratio" if crops else "pad_to_aspect_ratio"
            value = {} if crops or not self.fill_value else {"value": self._fill()}
            return call_text(name, Raw(x), wanted, **value), (None, None), (name,)
        rows = width * self.height // self.width
        columns = height * self.width // self.height
        if crops:
            sizes = max(min(height, rows), 1), max(min(width, columns), 1)
            return _middle(x, (height, width), sizes), sizes, ()
        top = (max(height, rows) - height) // 2
        left = (max(width, columns) - width) // 2
        fill = literal(self._fill()) if self.fill_value else None
        if top or left:
            x = pad_text(x, [(top, top), (left, left)], fill)
        return x, (height + 2 * top, width + 2 * left), ()

    def _fill(self) -> float:
        return float(self.fill_value)


@layer
class CenterCrop(ImageLayer):
    """The middle of images; of those that are too small, what resizing makes."""

    height: int
    width: int
    data_format: str | None = None

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """The height and width that were asked for."""
        return [self.shaped(shapes[0], self.height, self.width)]

    def forward(self, call: Call, module: str) -> Forward:
        """``x[:, :, 16:240, 16:240]``; a function where that depends on the size."""
        _, height, width = self.sizes(call.x.shape)
        x, helpers = self.batched(call), self.helpers(call)
        if (
            height is None
            or width is None
            or height < self.height
            or (width < self.width)
        ):
            size = literal((self.height, self.width))
            text, helpers = f"center_crop({x}, {size})", (*helpers, "center_crop")
        else:
            text = _middle(x, (height, width), (self.height, self.width))
            if text == call.x.name:
                return Forward(text)
        return Forward(self.unbatched(call, text), helpers=helpers)


def _middle(x: str, old: tuple[int, int], new: tuple[int, int]) -> str:
    """Return ``x[:, :, 1:4, :3]``: the middle of channels first images."""
    if old == new:
        return x
    parts = [_between((o - n) // 2, n, o) for o, n in zip(old, new, strict=True)]
    return f"{x}[:, :, {', '.join(parts if parts[1] != ':' else parts[:1])}]"


def _between(start: int, size: int, of: int) -> str:
    """Return the slice of the middle: ``:`` for all of it."""
    return ":" if size == of else f"{start or ''}:{start + size}"


__all__ = ["CenterCrop", "Resizing", "Sizes", "resized"]
