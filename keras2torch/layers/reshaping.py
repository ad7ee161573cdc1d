"""Layers that move values and compute nothing: flatten, pad, crop, repeat.

Sources: ``keras/src/layers/reshaping`` (Keras 3.15).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar, Literal

from keras2torch.layers.base import Call, Forward, Layer, Layout, Shape, Tensor, layer
from keras2torch.layers.images import resized
from keras2torch.layers.spatial import (
    Ints,
    ints,
    is_first,
    pad_text,
    pairs,
)
from keras2torch.layers.text import literal, scalar_or_tuple


def same_order(shape: Shape, layout: Layout, order: Sequence[int]) -> bool:
    """Whether memory in ``layout`` runs as in ``order``: axes of size 1 are free."""
    if layout.flat:
        return False
    moving = [a for a in order if shape[a] != 1]
    return [a for a in layout.axes if a in moving] == moving


@dataclass(eq=False, init=False)
class _Moving(Layer):
    """Keeps the dtype: integers may pass."""

    def output_dtype(self, *dtypes: str) -> str:
        """What came in."""
        return dtypes[0]

    def takes_flat(self) -> Literal["consumes", "follows", "refuses"]:
        """It reads the order."""
        return "refuses"


def flattened_layouts(
    call: Call, order: tuple[int, ...]
) -> tuple[list[Layout], list[Layout]]:
    """Return the layouts of a flattening of the axes ``order`` (Keras' order)."""
    x, out = call.x, Layout.keras(2)
    there = x.layout
    if x.rank == 2 and there.flat:
        return ([there], [there]) if call.flat_ok else ([Layout.keras(2)], [out])
    if same_order(x.shape, there, order):
        return [there], [out]
    dims = tuple(n for a in order if (n := x.shape[a]) is not None)
    if call.flat_ok and len(dims) == len(order) and not there.flat:
        ran = tuple(order.index(a) for a in there.axes[1:])
        return [there], [Layout((0, 1), ((dims, ran),))]
    return [Layout((0, *order))], [out]


@layer
class Flatten(_Moving):
    """Everything but the batch becomes one axis."""

    data_format: str | None = None

    def takes_flat(self) -> Literal["consumes", "follows", "refuses"]:
        """Of what is flat already nothing changes."""
        return "follows"

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """The product of the sizes, if all are known."""
        sizes = [n for n in shapes[0][1:] if n is not None]
        known = len(sizes) == len(shapes[0]) - 1
        return [(shapes[0][0], prod(sizes) if known else None)]

    def layouts(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """PyTorch's own order where the consumers can take it."""
        rank = call.x.rank
        if rank == 1:
            return [Layout.keras(1)], [Layout.keras(2)]
        # Channels first, Keras moves the channels back before it flattens.
        first = is_first(self) and rank > 2
        order = (*range(2, rank), 1) if first else tuple(range(1, rank))
        return flattened_layouts(call, order)

    def forward(self, call: Call, module: str) -> Forward:
        """``torch.flatten(x, 1)``."""
        x = call.x.name
        if call.x.rank == 1:
            return Forward(f"{x}.unsqueeze(1)")
        return Forward(x if call.x.rank == 2 else f"torch.flatten({x}, 1)")


@layer
class Reshape(_Moving):
    """Other axes over the same values, in Keras' order."""

    target_shape: Sequence[int]

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """One -1 is what is left."""
        target = [int(n) for n in self.target_shape]
        sizes = [n for n in shapes[0][1:] if n is not None]
        known = len(sizes) == len(shapes[0]) - 1
        rest = prod(n for n in target if n != -1)
        if known and -1 in target and rest:
            target[target.index(-1)] = prod(sizes) // rest
        return [(shapes[0][0], *(None if n == -1 else n for n in target))]

    def layouts(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """Keras' order, unless the sizes leave no difference."""
        x, y = call.x, call.y
        if y.rank == 2 and x.rank > 1:
            return flattened_layouts(call, tuple(range(1, x.rank)))
        out = Layout.keras(y.rank)
        first = Layout.channels_first(y.rank)
        if x.layout.flat and x.layout == self._vector(call):
            return [x.layout], [first]
        if call.wants_first and y.rank > 2:
            if same_order(y.shape, first, range(1, y.rank)):
                out = first
            elif (
                x.layout == Layout.channels_first(x.rank)
                and x.rank > 2
                and x.shape[-1] is not None
                and x.shape[-1] == y.shape[-1]
            ):
                # Only the spatial axes are cut anew.
                return [x.layout], [first]
        if same_order(x.shape, x.layout, range(1, x.rank)):
            return [x.layout], [out]
        return [Layout.keras(x.rank)], [out]

    def asks(self, call: Call) -> list[Layout]:
        """A vector that becomes an image had best be made channels first."""
        vector = self._vector(call)
        return self.layouts(call)[0] if vector is None else [vector]

    def _vector(self, call: Call) -> Layout | None:
        """Return the order of a vector that makes a channels first image."""
        y, first = call.y, Layout.channels_first(call.y.rank)
        dims = tuple(n for n in y.shape[1:] if n is not None)
        if call.x.rank != 2 or not call.wants_first or len(dims) < y.rank - 1:
            return None
        if same_order(y.shape, first, range(1, y.rank)):
            return None
        return Layout((0, 1), ((dims, tuple(a - 1 for a in first.axes[1:])),))

    def forward(self, call: Call, module: str) -> Forward:
        """``x.reshape(-1, 7, 7, 64)``."""
        x, y = call.x, call.y
        sizes = y.torch_shape[1:]
        if x.torch_shape[1:] == sizes and None not in sizes:
            return Forward(x.name)
        if y.rank == 2 and x.rank > 2:
            return Forward(f"torch.flatten({x.name}, 1)")
        if x.rank == 2 and y.rank > 2 and sizes == (x.shape[1], *[1] * (y.rank - 2)):
            # For a gate of channels; its class then fits any number of them.
            return Forward(f"{x.name}[:, :{', None' * (y.rank - 2)}]")
        unknown = [n for n in sizes if n is None]
        if len(unknown) > 1:
            raise self.unsupported("more than one of its sizes is not known")
        batch = f"{x.name}.shape[0]" if unknown or 0 in sizes else "-1"
        target = [batch, *("-1" if n is None else str(n) for n in sizes)]
        return Forward(f"{x.name}.reshape({', '.join(target)})")


@layer
class Permute(_Moving):
    """Axes in another order; ``dims`` counts from 1."""

    dims: Sequence[int]

    def _source(self) -> tuple[int, ...]:
        """Return for each Keras axis that comes out the one that went in."""
        return (0, *ints(self.dims, len(self.dims)))

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """The sizes move along."""
        return [tuple(shapes[0][a] for a in self._source())]

    def layouts(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """Any order in; out comes what the consumers want."""
        rank = call.x.rank
        there = Layout.keras(rank) if call.x.layout.flat else call.x.layout
        first = Layout.channels_first(rank)
        return [there], [first if call.wants_first else Layout.keras(rank)]

    def forward(self, call: Call, module: str) -> Forward:
        """One permute from where the axes are to where they are wanted, if any."""
        x, source = call.x, self._source()
        order = [x.layout.axes.index(source[a]) for a in call.y.layout.axes]
        moved = [i for i, o in enumerate(order) if i != o]
        if not moved:
            return Forward(x.name)
        if len(moved) == 2:
            return Forward(f"{x.name}.transpose({moved[0]}, {moved[1]})")
        return Forward(f"{x.name}.permute({', '.join(map(str, order))})")


@layer
class RepeatVector(_Moving):
    """The same vector ``n`` times, as steps."""

    n: int

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """``(batch, n, features)``."""
        return [(shapes[0][0], self.n, shapes[0][1])]

    def forward(self, call: Call, module: str) -> Forward:
        """``x.unsqueeze(1).repeat(1, n, 1)``."""
        return Forward(f"{call.x.name}.unsqueeze(1).repeat(1, {literal(self.n)}, 1)")


# ------------------------------------------------------------- along spatial axes
@dataclass(eq=False, init=False)
class _Spatial(_Moving):
    """Works on each spatial axis, wherever PyTorch has it."""

    layout = "follow"
    rank: ClassVar[int]

    def _dims(self) -> tuple[int, ...]:
        """Return Keras' spatial axes."""
        start = 2 if is_first(self) else 1
        return tuple(range(start, start + self.rank))

    def _grow(self, size: int, axis: int) -> int:
        """Return the size of spatial axis number ``axis`` that comes out."""
        raise NotImplementedError

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """Only the spatial sizes change."""
        sizes = list(shapes[0])
        if len(sizes) != self.rank + 2:
            raise self.unsupported(f"its input has {len(sizes)} axes")
        for i, axis in enumerate(self._dims()):
            size = sizes[axis]
            sizes[axis] = None if size is None else self._grow(size, i)
        return [tuple(sizes)]

    def layouts(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """Any order but a flattened one."""
        there = Layout.keras(call.x.rank) if call.x.layout.flat else call.x.layout
        return [there], [there]


@dataclass(eq=False, init=False)
class ZeroPadding(_Spatial):
    """Zeros before and after each spatial axis."""

    padding: Any = 1
    data_format: str | None = None

    def _pairs(self) -> tuple[tuple[int, int], ...]:
        return pairs(self.padding, self.rank)

    def _grow(self, size: int, axis: int) -> int:
        return size + sum(self._pairs()[axis])

    def _pads(self, x: Tensor) -> list[tuple[int, int]]:
        """Return the pairs in PyTorch's order, the batch first."""
        pads = [(0, 0)] * x.rank
        for axis, pair in zip(self._dims(), self._pairs(), strict=True):
            pads[x.layout.position(axis)] = pair
        return pads

    def around(self, call: Call) -> tuple[int, ...] | None:
        """Return how many zeros there are on both sides of PyTorch's spatial axes.

        ``None`` if the sides differ, or if PyTorch's first two axes get any.
        """
        pads = self._pads(call.x)
        if any(a != b for a, b in pads) or any(map(any, pads[:2])):
            return None
        return tuple(before for before, _ in pads[2:])

    def forward(self, call: Call, module: str) -> Forward:
        """``F.pad(x, (1, 1, 1, 1))``."""
        pads = self._pads(call.x)
        if not any(map(any, pads)):
            return Forward(call.x.name)
        return Forward(pad_text(call.x.name, pads))


@layer
class ZeroPadding1D(ZeroPadding):
    """Zeros before and after all steps."""

    rank = 1


@layer
class ZeroPadding2D(ZeroPadding):
    """Zeros around an image."""

    rank = 2

    padding: Any = (1, 1)


@layer
class ZeroPadding3D(ZeroPadding):
    """Zeros around a volume."""

    rank = 3

    padding: Any = ((1, 1), (1, 1), (1, 1))


@dataclass(eq=False, init=False)
class _Cropping(_Spatial):
    cropping: Any = 0

    def _pairs(self) -> tuple[tuple[int, int], ...]:
        return pairs(self.cropping, self.rank)

    def _grow(self, size: int, axis: int) -> int:
        # Keras 2 lets nothing be left.
        return max(size - sum(self._pairs()[axis]), 0)

    def forward(self, call: Call, module: str) -> Forward:
        """``x[:, :, 1:-1, 1:-1]``."""
        parts = [":"] * call.x.rank
        for axis, (before, after) in zip(self._dims(), self._pairs(), strict=True):
            text = f"{before or ''}:{f'-{after}' if after else ''}"
            parts[call.x.layout.position(axis)] = text
        while parts and parts[-1] == ":":
            parts.pop()
        return Forward(f"{call.x.name}[{', '.join(parts)}]" if parts else call.x.name)


@layer
class Cropping1D(_Cropping):
    """Cuts steps off both ends."""

    rank = 1

    cropping: Any = (1, 1)


@layer
class Cropping2D(_Cropping):
    """Cuts the border off an image."""

    rank = 2

    cropping: Any = ((0, 0), (0, 0))
    data_format: str | None = None


@layer
class Cropping3D(_Cropping):
    """Cuts the border off a volume."""

    rank = 3

    cropping: Any = ((1, 1), (1, 1), (1, 1))
    data_format: str | None = None


# F.interpolate multiplies by 1 / factor in float32 and takes a wrong neighbour with
# 41, 47, 55 …; up to 40 it was compared for 60 000 values each.
_LARGEST_FACTOR = 40


@dataclass(eq=False, init=False)
class _UpSampling(_Spatial):
    size: Ints = 2
    aliases: ClassVar[Mapping[str, str]] = {"length": "size"}

    def _sizes(self) -> tuple[int, ...]:
        return ints(self.size, self.rank)

    def _grow(self, size: int, axis: int) -> int:
        return size * self._sizes()[axis]

    def _repeated(self, call: Call) -> Forward:
        text = call.x.name
        for axis, n in zip(self._dims(), self._sizes(), strict=True):
            if n != 1:
                dim = call.x.layout.position(axis)
                text += f".repeat_interleave({n}, dim={dim})"
        return Forward(text)

    def forward(self, call: Call, module: str) -> Forward:
        """``F.interpolate(x, scale_factor=2)``, or each value repeated."""
        axes = tuple(call.x.layout.position(a) for a in self._dims())
        in_place = axes == tuple(range(2, call.x.rank))
        floats = call.x.dtype.startswith("float")
        if not (in_place and floats and max(self._sizes()) <= _LARGEST_FACTOR):
            return self._repeated(call)
        factor = literal(scalar_or_tuple(self._sizes()))
        return Forward(f"F.interpolate({call.x.name}, scale_factor={factor})")


@layer
class UpSampling1D(_UpSampling):
    """Each step several times."""

    rank = 1


@layer
class UpSampling2D(_UpSampling):
    """An image made larger."""

    rank = 2

    size: Ints = (2, 2)
    data_format: str | None = None
    interpolation: str = "nearest"

    def layouts(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """Channels first, as F.interpolate has them."""
        there = Layout.keras(4) if is_first(self) else Layout.channels_first(4)
        return [there], [there]

    def forward(self, call: Call, module: str) -> Forward:
        """``F.interpolate(x, scale_factor=2, mode="bilinear")``."""
        kind = self.interpolation.lower()
        if kind == "nearest":
            return super().forward(call, module)
        factor = literal(scalar_or_tuple(self._sizes()))
        if kind == "bilinear":
            mode = 'mode="bilinear"'
            text = f"F.interpolate({call.x.name}, scale_factor={factor}, {mode})"
            return Forward(text)
        if kind == "bilinear_keras2":
            # Pixel i of the larger image is at i / factor of the small one.
            text = f"upsample_bilinear({call.x.name}, {literal(self._sizes())})"
            return Forward(text, helpers=("upsample_bilinear",))
        if kind == "bicubic":
            factors = literal(self._sizes())
            text = f"upsample_bicubic({call.x.name}, {factors})"
            return Forward(text, helpers=("upsample_bicubic",))
        if kind == "area":
            # An area within one pixel is that pixel.
            return super().forward(call, module)
        x = call.x
        new = [
            f"{x.name}.shape[{i}] * {n}" if size is None else str(size * n)
            for i, size, n in zip((2, 3), x.torch_shape[2:], self._sizes(), strict=True)
        ]
        none = (None, None)
        return resized(self, x.name, none, none, kind, size=f"({', '.join(new)})")


@layer
class UpSampling3D(_UpSampling):
    """A volume made larger."""

    rank = 3

    size: Ints = (2, 2, 2)
    data_format: str | None = None


__all__ = [
    "Cropping1D",
    "Cropping2D",
    "Cropping3D",
    "Flatten",
    "Permute",
    "RepeatVector",
    "Reshape",
    "UpSampling1D",
    "UpSampling2D",
    "UpSampling3D",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "ZeroPadding3D",
]
