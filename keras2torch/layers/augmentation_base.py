"""What layers share that change images at random: in training, each image by itself.

Sources: ``keras/src/layers/preprocessing/image_preprocessing`` (Keras 3.15).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from keras2torch.layers.base import Call, Forward, Layer, Layout, Module, Shape
from keras2torch.layers.spatial import is_first
from keras2torch.layers.text import short

Range = tuple[float, float]


def as_kept(value: Any, lowest: float = -1) -> Any:
    """Return the bounds of a factor as Keras' configs have them."""
    if isinstance(value, (list, tuple)):
        return sorted(value)
    return [max(-abs(value), lowest), abs(value)]


def contrast_axes(owner: Layer) -> dict[str, tuple[int, int]]:
    """Return which axes AutoContrast takes: 1 and 2 in any case, as in Keras."""
    return {"dims": (1, 2)} if is_first(owner) else {}


@dataclass(eq=False, init=False)
class ImageLayer(Layer):
    """Works on images that PyTorch has channels first; integers become floats.

    Keras' symbolic tensors are floats then, and so are those of ``fit`` and
    ``predict``. A single image, of three axes, is a batch of one.
    """

    layout = "channels_first"
    # How boxes are given, which come in a dict: a model's layers get images alone;
    # and how tf_keras draws.
    ignored: ClassVar[frozenset[str]] = frozenset({"bounding_box_format", "rng_type"})

    def kept(self) -> dict[str, Any]:
        """Return the arguments as Keras' configs have them, where that differs."""
        return {}

    def output_dtype(self, *dtypes: str) -> str:
        """Floats."""
        return dtypes[0] if dtypes[0].startswith("float") else "float32"

    def layouts(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """Channels first; a single image stays as it is."""
        self.sizes(call.x.shape)
        order = Layout.keras(call.x.rank)
        if call.x.rank == 4 and not is_first(self):
            order = Layout.channels_first(4)
        return [order], [order]

    def sizes(self, shape: Shape) -> tuple[int | None, int | None, int | None]:
        """Return channels, height and width."""
        if len(shape) not in (3, 4):
            raise self.unsupported(f"its input has {len(shape)} axes, an image 3 or 4")
        channels, height, width = shape[-3:]
        if not is_first(self):
            height, width, channels = shape[-3:]
        return channels, height, width

    def shaped(self, shape: Shape, height: int | None, width: int | None) -> Shape:
        """Return an image's shape with another height and width."""
        channels, _, _ = self.sizes(shape)
        image = (channels, height, width)
        if not is_first(self):
            image = (height, width, channels)
        return (*shape[:-3], *image)

    def floats(self, call: Call) -> str:
        """Return the expression of the images as floats."""
        x = call.x.name
        return x if call.x.dtype.startswith("float") else f"as_float({x})"

    def helpers(self, call: Call) -> tuple[str, ...]:
        """Return the helpers that the images need before the layer."""
        return () if call.x.dtype.startswith("float") else ("as_float",)

    def batched(self, call: Call) -> str:
        """Return the expression of the images, with a batch and channels first."""
        x = self.floats(call)
        if call.x.rank == 4:
            return x
        return f"{x}.unsqueeze(0)" if is_first(self) else f"{x}.movedim(-1, 0)[None]"

    def unbatched(self, call: Call, text: str) -> str:
        """Return the expression of the result, as the input's axes were."""
        if call.x.rank == 4:
            return text
        return f"{text}[0]" if is_first(self) else f"{text}[0].movedim(0, -1)"


@dataclass(eq=False, init=False)
class Augmentation(ImageLayer):
    """Changes images in training; at inference they pass as they are.

    Its helper class has ``augment``, which the call's ``training=True`` asks for at
    inference, too.
    """

    trains_by_default = True
    # Arguments whose bounds Keras keeps in order, and the least that they may be.
    drawn: ClassVar[Mapping[str, int]] = {}

    def kept(self) -> dict[str, Any]:
        """Return bounds for factors."""
        fields = vars(self)
        return {k: as_kept(fields[k] or 0.0, low) for k, low in self.drawn.items()}

    def switched(self, call: Call) -> bool | None:
        """Return ``training`` as the call fixes it: ``None`` where it does not."""
        training = call.options.get("training")
        return None if training is None else bool(training)

    def helper(self, call: Call) -> Module:
        """Return the module that is active in training only."""
        raise NotImplementedError

    def module(self, call: Call) -> Module | None:
        """Return the helper; none where the call switches it off."""
        return None if self.switched(call) is False else self.helper(call)

    def forward(self, call: Call, module: str) -> Forward:
        """``self.random_flip(x)``; ``.augment(x)`` with ``training=True`` in a call."""
        mode = self.switched(call)
        if mode is False:
            return Forward(self.floats(call), helpers=self.helpers(call))
        function = f"{module}.augment" if mode else module
        text = self.unbatched(call, f"{function}({self.batched(call)})")
        return Forward(text, helpers=self.helpers(call))

    def bounds(
        self,
        value: Any,
        lowest: float = -1.0,
        highest: float = 1.0,
        name: str = "factor",
    ) -> Range:
        """Return the bounds of what is drawn: ``(-f, f)`` for one number, but in range.

        As ``BaseImagePreprocessingLayer._set_factor``: below 0 only where the layer
        takes such numbers.
        """
        if isinstance(value, Sequence) and not isinstance(value, str):
            if len(value) != 2 or value[0] > highest or value[1] < lowest:
                raise self.unsupported(f"{name}={value!r}")
            low, high = sorted(short(v) for v in value)
            return low, high
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self.unsupported(f"{name}={value!r}")
        if not lowest <= value <= highest:
            raise self.unsupported(f"{name}={value!r} is not in [{lowest}, {highest}]")
        high = abs(short(value))
        return max(-high if high else 0.0, lowest), high


__all__ = ["Augmentation", "ImageLayer", "Range", "as_kept", "contrast_axes"]
