"""Convolutions whose kernel differs from place to place (Keras ≤ 2).

Sources: ``tf_keras/src/layers/locally_connected`` and ``local_conv`` and ``bias_add``
in ``tf_keras/src/backend.py``. Of the three ways in which Keras stores the kernel two
have a rule: the first, which is the default, and the list of a sparse one
(``conv_kernel_idxs`` in ``tf_keras/src/utils/conv_utils.py``), both without padding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
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
    layer,
)
from keras2torch.layers.spatial import (
    Ints,
    channels_of,
    ints,
    is_first,
    joined,
    split,
    valid_out,
)
from keras2torch.layers.text import call as call_text
from keras2torch.layers.text import scalar_or_tuple


@dataclass(eq=False, init=False)
class _LocallyConnected(Layer):
    layout = "channels_first"
    rank: ClassVar[int]
    aliases: ClassVar[Mapping[str, str]] = {
        "nb_filter": "filters",
        "filter_length": "kernel_size",
        "subsample": "strides",
        "subsample_length": "strides",
        "border_mode": "padding",
        "bias": "use_bias",
    }

    filters: int
    kernel_size: Ints
    strides: Ints = 1
    padding: str = "valid"
    data_format: str | None = None
    activation: Any = None
    use_bias: bool = True
    kernel_initializer: Any = "glorot_uniform"
    bias_initializer: Any = "zeros"
    kernel_regularizer: Any = None
    bias_regularizer: Any = None
    kernel_constraint: Any = None
    bias_constraint: Any = None
    implementation: int = 1

    def _kernel(self) -> tuple[int, ...]:
        return ints(self.kernel_size, self.rank)

    def _sizes(self, shape: Shape) -> tuple[int, ...]:
        """Return the spatial sizes that come out; they must be known."""
        if self.implementation not in (1, 3) or self.padding.lower() != "valid":
            raise self.unsupported(
                f"implementation={self.implementation} with padding "
                f"{self.padding!r} has no rule"
            )
        sizes = [
            valid_out(n, k, s)
            for n, k, s in zip(
                split(self, shape)[0],
                self._kernel(),
                ints(self.strides, self.rank),
                strict=True,
            )
        ]
        if None in sizes:
            raise self.unsupported("a spatial axis of its input has no size")
        return tuple(n for n in sizes if n is not None)

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """As of a convolution without padding."""
        channels_of(self, shapes[0], self.rank)
        return [joined(self, shapes[0][0], self._sizes(shapes[0]), self.filters)]

    def weights(self, *shapes: Shape) -> list[Weight]:
        """A kernel and a bias for each place."""
        channels = channels_of(self, shapes[0], self.rank)
        sizes = self._sizes(shapes[0])
        shape: tuple[int, ...]
        shape = (prod(sizes), prod(self._kernel()) * channels, self.filters)
        if self.implementation == 3:
            shape = (prod(shape),)
        found = [Weight("kernel", shape)]
        if self.use_bias:
            found.append(Weight("bias", (*sizes, self.filters)))
        return found

    def module(self, call: Call) -> Module:
        """``LocallyConnected2d((6, 6), 3, 8, kernel_size=3)``."""
        channels = channels_of(self, call.x.shape, self.rank)
        sizes, kernel, n = self._sizes(call.x.shape), self._kernel(), self.rank
        first = is_first(self)
        places, window = tuple(range(n)), tuple(range(n + 1, 2 * n + 1))

        # (places, window × in, filters) → (filters, in, *places, *window);
        # channels first, Keras has the window as in × kernel_size.
        # A sparse kernel (implementation 3) is listed by what comes out, then by what
        # goes in, each in the order of its axes.
        def spread(a: Array) -> Array:
            if self.implementation == 3 and first:
                a = a.reshape(self.filters, *sizes, channels, *kernel)
                return a.transpose(
                    0, n + 1, *(p + 1 for p in places), *range(n + 2, 2 * n + 2)
                )
            if self.implementation == 3:
                a = a.reshape(*sizes, self.filters, *kernel, channels)
                return a.transpose(n, 2 * n + 1, *places, *window)
            if first:
                a = a.reshape(*sizes, channels, *kernel, self.filters)
                return a.transpose(2 * n + 1, n, *places, *window)
            a = a.reshape(*sizes, *kernel, channels, self.filters)
            return a.transpose(2 * n + 1, 2 * n, *places, *(w - 1 for w in window))

        # Keras reshapes, not transposes, the bias to channels first.
        def moved(a: Array) -> Array:
            if first:
                return a.reshape(self.filters, *sizes)
            return a.transpose(n, *places)

        text = call_text(
            f"LocallyConnected{n}d",
            sizes,
            channels,
            self.filters,
            kernel_size=kernel,
            **self._options(),
        )
        weights = {"weight": Source(("kernel",), spread, "reshape, transpose")}
        if self.use_bias:
            weights["bias"] = Source(("bias",), moved, "channels first")
        return Module(text, weights, (f"LocallyConnected{n}d",))

    def _options(self) -> dict[str, Any]:
        strides = ints(self.strides, self.rank)
        given: dict[str, Any] = {}
        if set(strides) != {1}:
            given["stride"] = scalar_or_tuple(strides) if self.rank == 1 else strides
        if not self.use_bias:
            given["bias"] = False
        return given

    def forward(self, call: Call, module: str) -> Forward:
        """``torch.tanh(self.local(x))``."""
        text, helpers = act.apply(
            self.activation, f"{module}({call.x.name})", call.y.layout, self
        )
        return Forward(text, helpers=helpers)


@layer
class LocallyConnected1D(_LocallyConnected):
    """Over time, with a kernel for each step."""

    rank = 1


@layer
class LocallyConnected2D(_LocallyConnected):
    """Over images, with a kernel for each pixel."""

    rank = 2

    strides: Ints = (1, 1)


__all__ = ["LocallyConnected1D", "LocallyConnected2D"]
