"""Pooling: over windows, over everything, and to a given size.

Sources: ``keras/src/layers/pooling`` (Keras 3.15) and TensorFlow's ``max_pool`` and
``avg_pool``, which pad ``same`` like a convolution and never count the padding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from keras2torch.layers.base import (
    Call,
    Forward,
    Layer,
    Layout,
    Module,
    Shape,
    layer,
)
from keras2torch.layers.spatial import (
    Ints,
    ints,
    is_first,
    joined,
    pad_text,
    same_out,
    same_pad,
    split,
    torch_sizes,
    valid_out,
)
from keras2torch.layers.text import call as call_text
from keras2torch.layers.text import literal, scalar_or_tuple


@dataclass
class _Same:
    """How a pooling layer pads for one input size.

    Attributes
    ----------
    arguments
        Of the constructor: ``padding``, ``ceil_mode``.
    before
        Pairs for ``F.pad`` in ``forward``.
    helper
        Whether a class of our own does it at run time.
    """

    arguments: dict[str, Any]
    before: list[tuple[int, int]] | None = None
    helper: bool = False


# -------------------------------------------------------------------- over windows
@dataclass(eq=False, init=False)
class _Pooling(Layer):
    layout = "channels_first"
    rank: ClassVar[int]
    average: ClassVar[bool] = False
    aliases: ClassVar[Mapping[str, str]] = {
        "pool_length": "pool_size",
        "stride": "strides",
        "border_mode": "padding",
    }

    pool_size: Ints
    strides: Ints | None = None
    padding: str = "valid"
    data_format: str | None = None

    def _pool(self) -> tuple[int, ...]:
        return ints(self.pool_size, self.rank)

    def _strides(self) -> tuple[int, ...]:
        return self._pool() if self.strides is None else ints(self.strides, self.rank)

    def _mode(self) -> str:
        return self.padding.lower()

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """``ceil(n / stride)`` for same, less without padding."""
        sizes, channels = split(self, shapes[0])
        if len(sizes) != self.rank:
            raise self.unsupported(f"its input has {len(shapes[0])} axes")
        steps = zip(sizes, self._pool(), self._strides(), strict=True)
        out = [
            same_out(n, s) if self._mode() == "same" else valid_out(n, k, s)
            for n, k, s in steps
        ]
        return [joined(self, shapes[0][0], out, channels)]

    def _same(self, call: Call) -> _Same:
        if self._mode() == "valid":
            around = call.around
            return _Same({"padding": scalar_or_tuple(around)} if any(around) else {})
        if self._mode() != "same":
            raise self.unsupported(f"padding {self.padding!r} has no rule")
        pool, strides = self._pool(), self._strides()
        sizes = torch_sizes(call.x)
        axes = list(zip(sizes, pool, strides, strict=True))
        pads = [same_pad(n, k, s) for n, k, s in axes]
        # AvgPool3d alone refuses a volume that is smaller than its window.
        if self.average and self.rank == 3 and any(k > (n or 1) for n, k, _ in axes):
            return _Same({}, helper=True)
        # A window of two steps of two or more only ever lacks one at the far end.
        if None in pads and all(k == 1 or (k == 2 <= s) for _, k, s in axes):
            return _Same({"ceil_mode": True})
        known = [p for p in pads if p is not None]
        if len(known) < len(pads):
            return _Same({}, helper=True)
        near = [before for before, _ in known]
        padding = scalar_or_tuple(tuple(near))
        counted = {"count_include_pad": False} if self.average and any(near) else {}
        if all(before == after for before, after in known):
            return _Same({"padding": padding, **counted})
        if all(
            n is not None and _ceil_out(n, k, s, p) == same_out(n, s)
            for (n, k, s), p in zip(axes, near, strict=True)
        ):
            return _Same({"padding": padding, "ceil_mode": True, **counted})
        if self.average:
            return _Same({}, helper=True)
        return _Same({}, before=known)

    def can_pad(self, around: tuple[int, ...], *, rectified: bool) -> bool:
        """Up to half a window; torch's maximum takes what it pads for -inf."""
        if self._mode() != "valid" or len(around) != self.rank:
            return False
        fits = all(2 * n <= k for n, k in zip(around, self._pool(), strict=True))
        return fits and (self.average or rectified)

    def module(self, call: Call) -> Module:
        """``nn.MaxPool2d(2)``."""
        pool, strides = self._pool(), self._strides()
        same = self._same(call)
        name = f"nn.{'Avg' if self.average else 'Max'}Pool{self.rank}d"
        given: dict[str, Any] = {}
        if strides != pool:
            given["stride"] = scalar_or_tuple(strides)
        text = call_text(name, scalar_or_tuple(pool), **given, **same.arguments)
        if not same.helper:
            return Module(text)
        helper = f"{name.removeprefix('nn.')}Same"
        return Module(text.replace(name, helper, 1), helpers=(helper,))

    def forward(self, call: Call, module: str) -> Forward:
        """``self.pool(x)``; what is padded never wins the maximum."""
        x = call.x.name
        if before := self._same(call).before:
            x = pad_text(x, before, 'float("-inf")')
        return Forward(f"{module}({x})")


def _ceil_out(size: int, pool: int, stride: int, padding: int) -> int:
    """Return torch's output size with ``ceil_mode=True``."""
    out = -(-(size + 2 * padding - pool) // stride) + 1
    # The last window has to start inside the input or the padding before it.
    return out - 1 if (out - 1) * stride >= size + padding else out


@layer
class MaxPooling1D(_Pooling):
    """Maximum over windows of time."""

    rank = 1

    pool_size: Ints = 2


@layer
class MaxPooling2D(_Pooling):
    """Maximum over windows of an image."""

    rank = 2

    pool_size: Ints = (2, 2)


@layer
class MaxPooling3D(_Pooling):
    """Maximum over windows of a volume."""

    rank = 3

    pool_size: Ints = (2, 2, 2)


@layer
class AveragePooling1D(_Pooling):
    """Mean over windows of time; padding does not count."""

    rank = 1
    average = True


@layer
class AveragePooling2D(_Pooling):
    """Mean over windows of an image; padding does not count."""

    rank = 2
    average = True


@layer
class AveragePooling3D(_Pooling):
    """Mean over windows of a volume; padding does not count."""

    rank = 3
    average = True


# ----------------------------------------------------------------- over everything
@dataclass(eq=False, init=False)
class _Global(Layer):
    layout = "follow"
    rank: ClassVar[int]
    reduce: ClassVar[str]

    data_format: str | None = None
    keepdims: bool = False

    def _dims(self) -> tuple[int, ...]:
        """Return Keras' spatial axes."""
        start = 2 if is_first(self) else 1
        return tuple(range(start, start + self.rank))

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """Batch and channels, with ones between them if the axes are kept."""
        sizes, channels = split(self, shapes[0])
        if len(sizes) != self.rank:
            raise self.unsupported(f"its input has {len(shapes[0])} axes")
        if not self.keepdims:
            return [(shapes[0][0], channels)]
        return [joined(self, shapes[0][0], [1] * self.rank, channels)]

    def takes_flat(self) -> Literal["consumes", "follows", "refuses"]:
        """Its output has the features in Keras' order."""
        return "refuses"

    def layouts(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """Any order: the axes are found where they are."""
        there = call.x.layout
        wanted = Layout.keras(call.x.rank) if there.flat else there
        return [wanted], [wanted if self.keepdims else Layout.keras(2)]

    def forward(self, call: Call, module: str) -> Forward:
        """``x.mean(dim=(2, 3))``."""
        dims = tuple(sorted(call.x.layout.position(a) for a in self._dims()))
        dim = literal(dims[0] if self.rank == 1 else dims)
        kept = ", keepdim=True" if self.keepdims else ""
        return Forward(f"{call.x.name}.{self.reduce}(dim={dim}{kept})")


@layer
class GlobalMaxPooling1D(_Global):
    """Maximum over all of time."""

    rank = 1
    reduce = "amax"


@layer
class GlobalMaxPooling2D(_Global):
    """Maximum over the whole image."""

    rank = 2
    reduce = "amax"


@layer
class GlobalMaxPooling3D(_Global):
    """Maximum over the whole volume."""

    rank = 3
    reduce = "amax"


@layer
class GlobalAveragePooling1D(_Global):
    """Mean over all of time, over the steps that a mask leaves if there is one."""

    rank = 1
    reduce = "mean"
    masking = "use"

    def forward(self, call: Call, module: str) -> Forward:
        """``x.mean(dim=1)``; masked steps count neither above nor below."""
        if call.mask is None:
            return super().forward(call, module)
        time = call.x.layout.position(self._dims()[0])
        x, mask = call.x.name, call.mask.name
        if call.mask.dtype != "bool":
            mask = f"{mask}.bool()"
        kept = ", keepdim=True" if self.keepdims else ""
        total = f"torch.where(steps, {x}, 0.0).sum(dim={time}{kept})"
        return Forward(
            f"{total} / steps.sum(dim={time}{kept})",
            before=(f"steps = {mask}.unsqueeze({3 - time})",),
        )


@layer
class GlobalAveragePooling2D(_Global):
    """Mean over the whole image."""

    rank = 2
    reduce = "mean"


@layer
class GlobalAveragePooling3D(_Global):
    """Mean over the whole volume."""

    rank = 3
    reduce = "mean"


# ---------------------------------------------------------------- to a given size
@dataclass(eq=False, init=False)
class _Adaptive(Layer):
    layout = "channels_first"
    rank: ClassVar[int]
    average: ClassVar[bool] = False

    output_size: Ints
    data_format: str | None = None

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """The size that was asked for."""
        sizes = ints(self.output_size, self.rank)
        return [joined(self, shapes[0][0], sizes, split(self, shapes[0])[1])]

    def module(self, call: Call) -> Module:
        """``nn.AdaptiveAvgPool2d(7)``: torch cuts the windows in the same way."""
        name = f"nn.Adaptive{'Avg' if self.average else 'Max'}Pool{self.rank}d"
        size = scalar_or_tuple(ints(self.output_size, self.rank))
        return Module(call_text(name, size))

    def forward(self, call: Call, module: str) -> Forward:
        """``self.pool(x)``."""
        return Forward(f"{module}({call.x.name})")


@layer
class AdaptiveAveragePooling1D(_Adaptive):
    """Mean over windows, as many as asked for."""

    rank = 1
    average = True


@layer
class AdaptiveAveragePooling2D(_Adaptive):
    """Mean over windows, as many as asked for."""

    rank = 2
    average = True


@layer
class AdaptiveAveragePooling3D(_Adaptive):
    """Mean over windows, as many as asked for."""

    rank = 3
    average = True


@layer
class AdaptiveMaxPooling1D(_Adaptive):
    """Maximum over windows, as many as asked for."""

    rank = 1


@layer
class AdaptiveMaxPooling2D(_Adaptive):
    """Maximum over windows, as many as asked for."""

    rank = 2


@layer
class AdaptiveMaxPooling3D(_Adaptive):
    """Maximum over windows, as many as asked for."""

    rank = 3


__all__ = [
    "AdaptiveAveragePooling1D",
    "AdaptiveAveragePooling2D",
    "AdaptiveAveragePooling3D",
    "AdaptiveMaxPooling1D",
    "AdaptiveMaxPooling2D",
    "AdaptiveMaxPooling3D",
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAveragePooling3D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GlobalMaxPooling3D",
    "MaxPooling1D",
    "MaxPooling2D",
    "MaxPooling3D",
]
