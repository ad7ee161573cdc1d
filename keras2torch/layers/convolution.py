"""Convolutions: plain, depthwise and separable.

Sources: ``keras/src/layers/convolutional`` and ``keras/src/backend/tensorflow/nn.py``
(Keras 3.15). Transposed ones are in :mod:`keras2torch.layers.convolution_transpose`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from keras2torch.layers import activation as act
from keras2torch.layers.base import (
    Array,
    Call,
    Forward,
    Layer,
    Module,
    Shape,
    Source,
    Weight,
    copied,
    layer,
    made,
    transposed,
)
from keras2torch.layers.spatial import (
    Ints,
    channels_of,
    ints,
    joined,
    pad_text,
    same_out,
    same_pad,
    split,
    torch_sizes,
    valid_out,
)
from keras2torch.layers.text import Raw, scalar_or_tuple
from keras2torch.layers.text import call as call_text


@dataclass
class _Padding:
    """How a convolution pads for one input size.

    Attributes
    ----------
    argument
        The constructor's ``padding``.
    before
        Pairs for ``F.pad`` in ``forward``, where both ends differ.
    runtime
        Whether only the input itself can tell.
    """

    argument: Any = 0
    before: list[tuple[int, int]] | None = None
    runtime: bool = False


@dataclass(eq=False, init=False)
class _Windowed(Layer):
    """What all convolutions do alike: kernel, strides and padding."""

    layout = "channels_first"
    rank: ClassVar[int]
    ignored = frozenset({"lora_rank", "lora_alpha", "quantization_config"})

    def _ints(self, name: str) -> tuple[int, ...]:
        return ints(getattr(self, name), self.rank)

    def _mode(self) -> str:
        return str(getattr(self, "padding", "valid")).lower()

    def _extents(self) -> tuple[int, ...]:
        """Return the width of the dilated kernel along each axis."""
        kernel, dilation = self._ints("kernel_size"), self._ints("dilation_rate")
        return tuple((k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True))

    def _filters(self, channels: int) -> int:
        raise NotImplementedError

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """``ceil(n / stride)`` for same and causal, less without padding."""
        channels = channels_of(self, shapes[0], self.rank)
        steps = zip(
            split(self, shapes[0])[0],
            self._extents(),
            self._ints("strides"),
            strict=True,
        )
        valid = self._mode() == "valid"
        sizes = [
            valid_out(n, extent, s) if valid else same_out(n, s)
            for n, extent, s in steps
        ]
        return [joined(self, shapes[0][0], sizes, self._filters(channels))]

    def _padding(self, call: Call) -> _Padding:
        padding = self._mode()
        extents, strides = self._extents(), self._ints("strides")
        if padding == "valid":
            return _Padding(scalar_or_tuple(call.around) if call.around else 0)
        if padding == "causal" and self.rank == 1:
            left = extents[0] - 1
            return _Padding(before=[(left, 0)] if left else None)
        if padding != "same":
            raise self.unsupported(f"padding {padding!r} has no rule")
        found = [
            same_pad(n, extent, s)
            for n, extent, s in zip(torch_sizes(call.x), extents, strides, strict=True)
        ]
        pads = [p for p in found if p is not None]
        if len(pads) < len(found):
            return _Padding(runtime=True)
        if all(before == after for before, after in pads):
            return _Padding(scalar_or_tuple(tuple(before for before, _ in pads)))
        # Not padding="same", which torch warns of where the ends differ.
        return _Padding(before=pads)

    def pads_before(self, call: Call) -> list[tuple[int, int]]:
        """Where both ends differ."""
        return list(self._padding(call).before or [])

    def rectifies(self) -> bool:
        """With such an activation."""
        return act.rectifies(getattr(self, "activation", None))

    def can_pad(self, around: tuple[int, ...], *, rectified: bool) -> bool:
        """Where it pads nothing itself."""
        return self._mode() == "valid" and len(around) == self.rank

    def _conv(
        self, call: Call, channels: int, filters: int, groups: int, *, bias: bool
    ) -> tuple[str, tuple[str, ...]]:
        """Return the constructor and the helpers that it needs."""
        name = f"nn.Conv{self.rank}d"
        padding = self._padding(call)
        text = call_text(
            name,
            channels,
            filters,
            kernel_size=scalar_or_tuple(self._ints("kernel_size")),
            stride=scalar_or_tuple(self._ints("strides")),
            padding=padding.argument,
            dilation=scalar_or_tuple(self._ints("dilation_rate")),
            groups=groups,
            bias=bias,
        )
        if not padding.runtime:
            return text, ()
        return self._same(text)

    def _same(self, text: str) -> tuple[str, tuple[str, ...]]:
        """Return the constructor of the helper that looks at its input's size."""
        helper = f"Conv{self.rank}dSame"
        return text.replace(f"nn.Conv{self.rank}d", helper, 1), (helper,)

    def by_itself(
        self, call: Call, channels: int, filters: int, groups: int, *, bias: bool
    ) -> tuple[str, tuple[str, ...]]:
        """Return the constructor of a module that pads without help from outside."""
        text, helpers = self._conv(call, channels, filters, groups, bias=bias)
        if not self._padding(call).before:
            return text, helpers
        return self._same(text)

    def forward(self, call: Call, module: str) -> Forward:
        """``F.relu(self.conv(x))``, padded first where both ends differ."""
        x = call.x.name
        if (before := self._padding(call).before) and not call.padded:
            x = pad_text(x, before)
        text, helpers = act.apply(
            getattr(self, "activation", None), f"{module}({x})", call.y.layout, self
        )
        return Forward(text, helpers=helpers)


# -------------------------------------------------------------------------- plain
@dataclass(eq=False, init=False)
class _Convolution(_Windowed):
    aliases: ClassVar[Mapping[str, str]] = {
        "nb_filter": "filters",
        "filter_length": "kernel_size",
        "subsample": "strides",
        "subsample_length": "strides",
        "border_mode": "padding",
        "atrous_rate": "dilation_rate",
        "bias": "use_bias",
        "init": "kernel_initializer",
        "W_regularizer": "kernel_regularizer",
        "b_regularizer": "bias_regularizer",
        "W_constraint": "kernel_constraint",
        "b_constraint": "bias_constraint",
    }

    filters: int
    kernel_size: Ints
    strides: Ints = 1
    padding: str = "valid"
    data_format: str | None = None
    dilation_rate: Ints = 1
    groups: int = 1
    activation: Any = None
    use_bias: bool = True
    kernel_initializer: Any = "glorot_uniform"
    bias_initializer: Any = "zeros"
    kernel_regularizer: Any = None
    bias_regularizer: Any = None
    kernel_constraint: Any = None
    bias_constraint: Any = None

    def _filters(self, channels: int) -> int:
        return self.filters

    def weights(self, *shapes: Shape) -> list[Weight]:
        """``kernel (*kernel_size, in / groups, filters)`` and ``bias (filters,)``."""
        channels = channels_of(self, shapes[0], self.rank)
        kernel = self._ints("kernel_size")
        shape = (*kernel, channels // self.groups, self.filters)
        found = [Weight("kernel", shape)]
        if self.use_bias:
            found.append(Weight("bias", (self.filters,)))
        return found

    def module(self, call: Call) -> Module:
        """``nn.Conv2d(in, filters, …)``."""
        channels = channels_of(self, call.x.shape, self.rank)
        text, helpers = self._conv(
            call, channels, self.filters, self.groups, bias=self.use_bias
        )
        n = self.rank
        # (*kernel_size, in / groups, filters) → (filters, in / groups, *kernel_size)
        weights = {"weight": transposed("kernel", n + 1, n, *range(n))}
        if self.use_bias:
            weights["bias"] = copied("bias")
        return Module(text, weights, helpers)


@layer
class Conv1D(_Convolution):
    """Convolution over time; ``causal`` sees no later step."""

    rank = 1


@layer
class Conv2D(_Convolution):
    """Convolution over images."""

    rank = 2

    strides: Ints = (1, 1)
    dilation_rate: Ints = (1, 1)


@layer
class Conv3D(_Convolution):
    """Convolution over volumes."""

    rank = 3

    strides: Ints = (1, 1, 1)
    dilation_rate: Ints = (1, 1, 1)


# ---------------------------------------------------------------------- depthwise
def _depthwise(kernel: str, rank: int) -> Source:
    """Each channel gives ``multiplier`` neighbouring ones, as torch's groups do."""

    # (*kernel_size, in, multiplier) → (in × multiplier, 1, *kernel_size)
    def grouped(a: Array) -> Array:
        a = a.transpose(rank, rank + 1, *range(rank))
        return a.reshape(-1, 1, *a.shape[2:])

    return made((kernel,), grouped, "transpose, reshape(in * multiplier, 1, …)")


@dataclass(eq=False, init=False)
class _Depthwise(_Windowed):
    aliases: ClassVar[Mapping[str, str]] = {
        "subsample": "strides",
        "border_mode": "padding",
        "bias": "use_bias",
    }
    # Keras 2's DepthwiseConv2D was a Conv2D and wrote its arguments too.
    ignored = _Windowed.ignored | {
        "filters",
        "groups",
        "kernel_initializer",
        "kernel_regularizer",
        "kernel_constraint",
    }

    kernel_size: Ints
    strides: Ints = 1
    padding: str = "valid"
    depth_multiplier: int = 1
    data_format: str | None = None
    dilation_rate: Ints = 1
    activation: Any = None
    use_bias: bool = True
    depthwise_initializer: Any = "glorot_uniform"
    bias_initializer: Any = "zeros"
    depthwise_regularizer: Any = None
    bias_regularizer: Any = None
    depthwise_constraint: Any = None
    bias_constraint: Any = None

    def _filters(self, channels: int) -> int:
        return channels * self.depth_multiplier

    def weights(self, *shapes: Shape) -> list[Weight]:
        """``kernel (*kernel_size, in, multiplier)`` and ``bias (in × multiplier,)``."""
        channels = channels_of(self, shapes[0], self.rank)
        kernel = self._ints("kernel_size")
        found = [Weight("kernel", (*kernel, channels, self.depth_multiplier))]
        if self.use_bias:
            found.append(Weight("bias", (self._filters(channels),)))
        return found

    def regularizers(self) -> dict[str, Any]:
        """Keras calls the weight kernel and its regularizer depthwise."""
        found = super().regularizers()
        if "depthwise" in found:
            found["kernel"] = found.pop("depthwise")
        return found

    def module(self, call: Call) -> Module:
        """``nn.Conv2d(in, in * multiplier, groups=in)``."""
        channels = channels_of(self, call.x.shape, self.rank)
        text, helpers = self._conv(
            call, channels, self._filters(channels), channels, bias=self.use_bias
        )
        weights = {"weight": _depthwise("kernel", self.rank)}
        if self.use_bias:
            weights["bias"] = copied("bias")
        return Module(text, weights, helpers)


@layer
class DepthwiseConv1D(_Depthwise):
    """Convolution over time, each channel by itself."""

    rank = 1


@layer
class DepthwiseConv2D(_Depthwise):
    """Convolution over images, each channel by itself."""

    rank = 2

    strides: Ints = (1, 1)
    dilation_rate: Ints = (1, 1)


# ---------------------------------------------------------------------- separable
@dataclass(eq=False, init=False)
class _Separable(_Windowed):
    aliases: ClassVar[Mapping[str, str]] = {
        "nb_filter": "filters",
        "subsample": "strides",
        "border_mode": "padding",
        "bias": "use_bias",
    }
    # Keras 2's SeparableConv2D was a Conv2D and wrote its arguments too.
    ignored = _Windowed.ignored | {
        "groups",
        "kernel_initializer",
        "kernel_regularizer",
        "kernel_constraint",
    }

    filters: int
    kernel_size: Ints
    strides: Ints = 1
    padding: str = "valid"
    data_format: str | None = None
    dilation_rate: Ints = 1
    depth_multiplier: int = 1
    activation: Any = None
    use_bias: bool = True
    depthwise_initializer: Any = "glorot_uniform"
    pointwise_initializer: Any = "glorot_uniform"
    bias_initializer: Any = "zeros"
    depthwise_regularizer: Any = None
    pointwise_regularizer: Any = None
    bias_regularizer: Any = None
    depthwise_constraint: Any = None
    pointwise_constraint: Any = None
    bias_constraint: Any = None

    def _filters(self, channels: int) -> int:
        return self.filters

    def weights(self, *shapes: Shape) -> list[Weight]:
        """A kernel for each step; the bias belongs to the second."""
        channels = channels_of(self, shapes[0], self.rank)
        between = channels * self.depth_multiplier
        depthwise = (*self._ints("kernel_size"), channels, self.depth_multiplier)
        pointwise = (*(1,) * self.rank, between, self.filters)
        found = [
            Weight("depthwise_kernel", depthwise),
            Weight("pointwise_kernel", pointwise),
        ]
        if self.use_bias:
            found.append(Weight("bias", (self.filters,)))
        return found

    def regularizers(self) -> dict[str, Any]:
        """The regularizers are named without ``_kernel``."""
        found = super().regularizers()
        return {k if k == "bias" else f"{k}_kernel": v for k, v in found.items()}

    def module(self, call: Call) -> Module:
        """``nn.Sequential(depthwise, pointwise)``."""
        n = self.rank
        channels = channels_of(self, call.x.shape, n)
        between = channels * self.depth_multiplier
        depthwise, helpers = self._conv(call, channels, between, channels, bias=False)
        pointwise = call_text(
            f"nn.Conv{n}d", between, self.filters, kernel_size=1, bias=self.use_bias
        )
        weights = {
            "0.weight": _depthwise("depthwise_kernel", n),
            "1.weight": transposed("pointwise_kernel", n + 1, n, *range(n)),
        }
        if self.use_bias:
            weights["1.bias"] = copied("bias")
        text = call_text("nn.Sequential", Raw(depthwise), pointwise)
        return Module(text, weights, helpers)


@layer
class SeparableConv1D(_Separable):
    """Convolution over time: each channel by itself, then across channels."""

    rank = 1


@layer
class SeparableConv2D(_Separable):
    """Convolution over images: each channel by itself, then across channels."""

    rank = 2

    strides: Ints = (1, 1)
    dilation_rate: Ints = (1, 1)


__all__ = [
    "Conv1D",
    "Conv2D",
    "Conv3D",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "SeparableConv1D",
    "SeparableConv2D",
]
