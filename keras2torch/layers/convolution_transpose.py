"""Transposed convolutions.

Sources: ``keras/src/layers/convolutional/base_conv_transpose.py`` and
``keras/src/backend/common/backend_utils.py`` (Keras 3.15): TensorFlow cuts ``same``
so that the odd step goes at the far end, which torch's ``padding`` and
``output_padding`` alone cannot say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from keras2torch.layers import activation as act
from keras2torch.layers.base import (
    Call,
    Forward,
    Layer,
    Module,
    Shape,
    Weight,
    copied,
    layer,
    transposed,
)
from keras2torch.layers.spatial import Ints, channels_of, ints, joined, split
from keras2torch.layers.text import call as call_text
from keras2torch.layers.text import scalar_or_tuple


@dataclass(frozen=True)
class _Axis:
    """One axis: the kernel's extent, its stride, and what Keras makes of both.

    Attributes
    ----------
    extra
        What comes out beyond ``(n - 1) * stride``.
    near, far
        How much of the full result, ``(n - 1) * stride + extent``, is cut at either
        end; below zero, zeros are added.
    """

    stride: int
    extra: int
    near: int
    far: int


@dataclass(eq=False, init=False)
class _Transposed(Layer):
    layout = "channels_first"
    rank: ClassVar[int]
    aliases: ClassVar[Mapping[str, str]] = {
        "nb_filter": "filters",
        "subsample": "strides",
        "border_mode": "padding",
        "bias": "use_bias",
        "init": "kernel_initializer",
        "W_regularizer": "kernel_regularizer",
        "b_regularizer": "bias_regularizer",
        "W_constraint": "kernel_constraint",
        "b_constraint": "bias_constraint",
    }
    # Keras 2's were subclasses of the plain ones and wrote their arguments too.
    ignored = frozenset({"groups", "lora_rank", "lora_alpha", "quantization_config"})

    filters: int
    kernel_size: Ints
    strides: Ints = 1
    padding: str = "valid"
    output_padding: Ints | None = None
    data_format: str | None = None
    dilation_rate: Ints = 1
    activation: Any = None
    use_bias: bool = True
    kernel_initializer: Any = "glorot_uniform"
    bias_initializer: Any = "zeros"
    kernel_regularizer: Any = None
    bias_regularizer: Any = None
    kernel_constraint: Any = None
    bias_constraint: Any = None

    def _ints(self, name: str) -> tuple[int, ...]:
        return ints(getattr(self, name), self.rank)

    def _axes(self, shape: Shape) -> list[_Axis]:
        padding = self.padding.lower()
        if padding not in ("valid", "same", "half"):
            raise self.unsupported(f"padding {self.padding!r} has no rule")
        given: tuple[int | None, ...] = (None,) * self.rank
        if self.output_padding is not None:
            given = self._ints("output_padding")
        found = []
        for n, size, k, s, d, out in zip(
            split(self, shape)[0],
            self._told(shape),
            self._ints("kernel_size"),
            self._ints("strides"),
            self._ints("dilation_rate"),
            given,
            strict=True,
        ):
            extent = (k - 1) * d + 1
            if padding == "valid":
                extra = max(extent, s) if out is None else extent + out
            else:
                extra = s if out is None else extent % 2 + out
            if size is not None and n is not None:
                extra = size - (n - 1) * s
            near = 0
            if padding == "same":
                near = max(extent - extra, 0) // 2
            elif padding == "half":
                near = extent // 2
            found.append(_Axis(s, extra, near, extent - extra - near))
        return found

    def _told(self, shape: Shape) -> tuple[int | None, ...]:
        """Return the sizes that come out, where the layer was told them."""
        return (None,) * self.rank

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """``n * stride`` for same, the whole result for valid."""
        channels_of(self, shapes[0], self.rank)
        sizes = [
            None if n is None else (n - 1) * axis.stride + axis.extra
            for n, axis in zip(
                split(self, shapes[0])[0], self._axes(shapes[0]), strict=True
            )
        ]
        return [joined(self, shapes[0][0], sizes, self.filters)]

    def weights(self, *shapes: Shape) -> list[Weight]:
        """``kernel (*kernel_size, filters, in)`` and ``bias (filters,)``."""
        channels = channels_of(self, shapes[0], self.rank)
        found = [Weight("kernel", (*self._ints("kernel_size"), self.filters, channels))]
        if self.use_bias:
            found.append(Weight("bias", (self.filters,)))
        return found

    def module(self, call: Call) -> Module:
        """``nn.ConvTranspose2d(in, filters, …)``, cut alike at both ends."""
        axes = self._axes(call.x.shape)
        text = call_text(
            f"nn.ConvTranspose{self.rank}d",
            channels_of(self, call.x.shape, self.rank),
            self.filters,
            kernel_size=scalar_or_tuple(self._ints("kernel_size")),
            stride=scalar_or_tuple(self._ints("strides")),
            padding=scalar_or_tuple(tuple(a.near for a in axes)),
            output_padding=scalar_or_tuple(tuple(max(a.near - a.far, 0) for a in axes)),
            dilation=scalar_or_tuple(self._ints("dilation_rate")),
            bias=self.use_bias,
        )
        n = self.rank
        # (*kernel_size, filters, in) → (in, filters, *kernel_size); no flip.
        weights = {"weight": transposed("kernel", n + 1, n, *range(n))}
        if self.use_bias:
            weights["bias"] = copied("bias")
        return Module(text, weights)

    def forward(self, call: Call, module: str) -> Forward:
        """``self.up(x)``, and off with what the far end has too much."""
        x = f"{module}({call.x.name})"
        left = [max(axis.far - axis.near, 0) for axis in self._axes(call.x.shape)]
        if any(left):
            parts = [":", ":", *(f":-{n}" if n else ":" for n in left)]
            while parts[-1] == ":":
                parts.pop()
            x += f"[{', '.join(parts)}]"
        text, helpers = act.apply(self.activation, x, call.y.layout, self)
        return Forward(text, helpers=helpers)


@layer
class Conv1DTranspose(_Transposed):
    """Transposed convolution over time."""

    rank = 1


@layer
class Conv2DTranspose(_Transposed):
    """Transposed convolution over images.

    Attributes
    ----------
    sizes
        The two sizes that come out, as Keras 1 was told them. On Theano it cut
        ``same`` alike at both ends: padding ``half``.
    """

    rank = 2

    strides: Ints = (1, 1)
    dilation_rate: Ints = (1, 1)
    sizes: Any = None

    def _told(self, shape: Shape) -> tuple[int | None, ...]:
        if self.sizes is None:
            return (None, None)
        if None in split(self, shape)[0]:
            raise self.unsupported("sizes that come out without sizes that go in")
        return ints(self.sizes, 2)


@dataclass(eq=False, init=False)
class _DataFormatFirst(Layer):
    # Only Conv3DTranspose has data_format first. Python orders fields by the base that
    # is farthest, so this one goes behind the other.
    filters: int
    kernel_size: Ints
    strides: Ints = 1
    padding: str = "valid"
    data_format: str | None = None
    output_padding: Ints | None = None


@layer
class Conv3DTranspose(_Transposed, _DataFormatFirst):
    """Transposed convolution over volumes."""

    rank = 3

    strides: Ints = (1, 1, 1)
    dilation_rate: Ints = (1, 1, 1)


__all__ = ["Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"]
