"""Convolution with a computed kernel, and pooling: channels at position 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from keras2torch.layers.base import Forward
from keras2torch.layers.spatial import Pads, pad_text, same_pad
from keras2torch.layers.text import literal, scalar_or_tuple
from keras2torch.operators.base import MISSING, Call, Operator, Shape, operators


class Windowed(Operator):
    """Base of what slides over the axes behind the channels."""

    layout = "keras"

    def numbers(self, name: str, count: int) -> tuple[int, ...]:
        """Return an attribute that has one number an axis."""
        return tuple(self.attributes.get(name) or (1,) * count)

    def pads(self, shape: Shape, extents: Sequence[int], count: int) -> Pads:
        """Return how much is padded before and after each axis."""
        auto = self.attributes.get("auto_pad", "NOTSET")
        if auto in ("SAME_UPPER", "SAME_LOWER"):
            found = []
            steps = self.numbers("strides", count)
            for size, extent, step in zip(shape[2:], extents, steps, strict=True):
                pair = same_pad(size, extent, step)
                if pair is None:
                    raise self.unsupported(f"auto_pad={auto!r} of an unknown size")
                found.append(pair if auto == "SAME_UPPER" else pair[::-1])
            return tuple(found)
        flat = self.attributes.get("pads") or [0] * (2 * count)
        if auto == "VALID":
            flat = [0] * (2 * count)
        return tuple((flat[i], flat[i + count]) for i in range(count))

    def options(self, **values: Sequence[int]) -> str:
        """Return the arguments that are not at torch's defaults."""
        defaults = {"padding": 0, "output_padding": 0}
        parts = []
        for name, value in values.items():
            short = scalar_or_tuple(tuple(value))
            if short != defaults.get(name, 1):
                parts.append(f", {name}={literal(short)}")
        return "".join(parts)


def split_pads(pads: Pads) -> tuple[tuple[int, ...], Pads]:
    """Return what torch pads by itself, and what must be padded before."""
    if all(a == b >= 0 for a, b in pads):
        return tuple(a for a, _ in pads), ()
    return (0,) * len(pads), pads


@operators("Conv", "ConvTranspose")
class Convolution(Windowed):
    """Convolution with a kernel that is a tensor."""

    tensors = frozenset({0, 1, 2})

    def _extents(self, call: Call) -> list[int]:
        sizes = call.inputs[1].shape[2:]
        count = len(sizes)
        given = self.attributes.get("kernel_shape") or sizes
        if None in given:
            raise self.unsupported("the size of the kernel is not known")
        steps = self.numbers("dilations", count)
        return [(k - 1) * d + 1 for k, d in zip(given, steps, strict=True)]

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """What fits, channels by the kernel."""
        kernel = shapes[1]
        groups = self.attributes.get("group", 1)
        transposed = self.kind == "ConvTranspose"
        channels = kernel[0]
        if transposed:
            channels = None if kernel[1] is None else kernel[1] * groups
        return [(shapes[0][0], channels, *[None] * (len(shapes[0]) - 2))]

    def forward(self, call: Call, module: str) -> Forward:
        """``F.conv2d(x, kernel, bias, stride=2)``."""
        x, *given = self.terms(call)
        count = call.x.rank - 2
        extents = self._extents(call)
        strides = self.numbers("strides", count)
        more = {
            "dilation": self.numbers("dilations", count),
            "groups": (self.attributes.get("group", 1),),
        }
        if self.kind == "ConvTranspose":
            return self._transposed(call, [x, *given], extents, strides, more)
        inner, outer = split_pads(self.pads(call.x.shape, extents, count))
        if outer:
            x = pad_text(x, ((0, 0), (0, 0), *outer))
        text = self.options(stride=strides, padding=inner, **more)
        return Forward(f"F.conv{count}d({', '.join([x, *given])}{text})")

    def _transposed(
        self,
        call: Call,
        terms: list[str],
        extents: list[int],
        strides: Sequence[int],
        more: Mapping[str, Sequence[int]],
    ) -> Forward:
        count = len(strides)
        extra = tuple(self.attributes.get("output_padding") or (0,) * count)
        wanted = self.attributes.get("output_shape")
        auto = self.attributes.get("auto_pad", "NOTSET")
        pads: list[tuple[int, int]] = []
        if wanted or auto.startswith("SAME"):
            sizes = call.x.shape[2:]
            if None in sizes:
                raise self.unsupported("an output size that depends on the input's")
            for i, n in enumerate(s for s in sizes if s is not None):
                out = wanted[i] if wanted else n * strides[i]
                total = strides[i] * (n - 1) + extra[i] + extents[i] - out
                if total < 0:
                    # ONNX' text and ONNX Runtime do not agree on the size.
                    raise self.unsupported(
                        f"auto_pad={auto!r}, a kernel below the stride"
                    )
                small, large = total // 2, total - total // 2
                upper = auto == "SAME_UPPER"
                pads.append((small, large) if upper else (large, small))
        else:
            pads = list(self.pads(call.x.shape, extents, count))
        # Unequal ends: the smaller is the padding, the rest is cut off.
        padding, crops = [], []
        for before, after in pads:
            base = min(before, after)
            padding.append(base)
            crops.append((before - base, after - base))
        text = self.options(
            stride=strides, padding=padding, output_padding=extra, **more
        )
        made = f"F.conv_transpose{count}d({', '.join(terms)}{text})"
        if any(map(any, crops)):
            keys = [f"{a or ''}:{-b or ''}" for a, b in crops]
            while keys and keys[-1] == ":":
                keys.pop()
            made += f"[:, :, {', '.join(keys)}]"
        return Forward(made)


@operators("MaxPool", "AveragePool")
class Pooling(Windowed):
    """The largest, or the mean, of a window."""

    def _extents(self, count: int) -> list[int]:
        steps = self.numbers("dilations", count)
        given = self.attributes["kernel_shape"]
        return [(k - 1) * d + 1 for k, d in zip(given, steps, strict=True)]

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """The channels stay."""
        return [(*shapes[0][:2], *[None] * (len(shapes[0]) - 2))]

    def forward(self, call: Call, module: str) -> Forward:
        """``F.max_pool2d(x, 2)``."""
        x, count = call.x.name, call.x.rank - 2
        kernel = tuple(self.attributes["kernel_shape"])
        strides = self.numbers("strides", count)
        dilation = self.numbers("dilations", count)
        extents = self._extents(count)
        pads = self.pads(call.x.shape, extents, count)
        inner, outer = split_pads(pads)
        if any(2 * p > k for p, k in zip(inner, kernel, strict=True)):
            inner, outer = (0,) * count, pads
        window = literal(scalar_or_tuple(kernel))
        step = (
            "" if strides == kernel else f", stride={literal(scalar_or_tuple(strides))}"
        )
        ceil = ", ceil_mode=True" if self.attributes.get("ceil_mode") else ""
        padding = self.options(padding=inner)
        if self.kind == "MaxPool":
            if outer:
                x = pad_text(x, ((0, 0), (0, 0), *outer), 'float("-inf")')
            apart = self.options(dilation=dilation)
            return Forward(
                f"F.max_pool{count}d({x}, {window}{step}{padding}{apart}{ceil})"
            )
        if set(dilation) != {1}:
            raise self.unsupported("dilations")
        counted = bool(self.attributes.get("count_include_pad"))
        if any(map(any, pads)) and ceil and counted:
            raise self.unsupported("ceil_mode with counted padding")
        if not outer:
            less = ", count_include_pad=False" if any(inner) and not counted else ""
            return Forward(
                f"F.avg_pool{count}d({x}, {window}{step}{padding}{ceil}{less})"
            )
        padded = pad_text("{x}", ((0, 0), (0, 0), *outer))
        pool = f"F.avg_pool{count}d({padded}, {window}{step}{ceil})"
        text = pool.format(x=x)
        if counted:
            return Forward(text)
        # The mean of what is there: by the share of the window that is.
        return Forward(f"{text} / {pool.format(x=f'torch.ones_like({x})')}")


@operators("GlobalAveragePool", "GlobalMaxPool")
class GlobalPooling(Operator):
    """The mean, or the largest, of each channel."""

    layout = "keras"

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """One pixel is left."""
        return [(*shapes[0][:2], *[1] * (len(shapes[0]) - 2))]

    def forward(self, call: Call, module: str) -> Forward:
        """``x.mean(dim=(2, 3), keepdim=True)``."""
        axes = tuple(range(2, call.x.rank))
        dims = literal(axes[0] if len(axes) == 1 else axes)
        name = "mean" if self.kind == "GlobalAveragePool" else "amax"
        return Forward(f"{call.x.name}.{name}(dim={dims}, keepdim=True)")


@operators("DepthToSpace", "SpaceToDepth")
class Shuffle(Operator):
    """Channels become pixels, or pixels channels."""

    layout = "keras"

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """As many values, in other axes."""
        n, c, h, w = shapes[0]
        b = self.attributes["blocksize"]
        if self.kind == "DepthToSpace":
            return [(n, c and c // b**2, h and h * b, w and w * b)]
        return [(n, c and c * b**2, h and h // b, w and w // b)]

    def forward(self, call: Call, module: str) -> Forward:
        """``F.pixel_shuffle(x, 2)``."""
        x, b = call.x.name, self.attributes["blocksize"]
        if self.kind == "DepthToSpace":
            if self.attributes.get("mode", "DCR") == "CRD":
                return Forward(f"F.pixel_shuffle({x}, {b})")
            # The block's place counts first here; PyTorch has it last.
            parts = f"{x}.unflatten(1, ({b * b}, -1)).transpose(1, 2).flatten(1, 2)"
            return Forward(f"F.pixel_shuffle({parts}, {b})")
        back = f"F.pixel_unshuffle({x}, {b})"
        return Forward(
            f"{back}.unflatten(1, (-1, {b * b})).transpose(1, 2).flatten(1, 2)"
        )


def known_product(sizes: Sequence[Any]) -> int | None:
    """Return the product of sizes that are all known."""
    return None if None in sizes else prod(sizes)


__all__ = ["MISSING", "Windowed", "known_product", "split_pads"]
