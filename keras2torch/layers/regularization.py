"""Dropout and noise: active in training, the identity at inference.

Sources: ``keras/src/layers/regularization`` (Keras 3.15).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from keras2torch.layers.base import Call, Forward, Layer, Module, layer
from keras2torch.layers.text import call as call_text
from keras2torch.layers.text import literal, short, single


class _Noise(Layer):
    """Base: works on any layout, hands a mask on, and may be switched per call."""

    layout = "follow"
    masking = "pass"

    def _mode(self, call: Call) -> bool | None:
        """Return ``training`` as the call fixes it: ``None`` where it does not."""
        training = call.options.get("training")
        return None if training is None else bool(training)

    def _module(self, call: Call) -> Module:
        """Return the module that is active in training only."""
        raise NotImplementedError

    def _always(self, call: Call) -> Forward:
        """Return the expression that is active at inference, too."""
        raise NotImplementedError

    def module(self, call: Call) -> Module | None:
        """Return the torch module; none where the call itself fixes the mode."""
        return self._module(call) if self._mode(call) is None else None

    def forward(self, call: Call, module: str) -> Forward:
        """``self.dropout(x)``; with ``training=True`` in the call ``F.dropout(x)``."""
        mode = self._mode(call)
        if mode is None:
            return Forward(f"{module}({call.x.name})")
        return self._always(call) if mode else Forward(call.x.name)

    def in_one_order(self) -> bool:
        """Where one draw is shared along axes."""
        return bool(getattr(self, "noise_shape", None))

    def _shared(self, call: Call, noise_shape: Any) -> tuple[int, ...]:
        """Return the PyTorch axes along which one draw is shared."""
        shape = call.x.shape
        if len(noise_shape) != len(shape):
            raise self.unsupported(f"noise_shape {noise_shape!r} for {shape}")
        axes = []
        for axis, (noise, size) in enumerate(zip(noise_shape, shape, strict=True)):
            if noise == 1 and size != 1:
                axes.append(call.x.layout.position(axis))
            elif noise is not None and size is not None and noise != size:
                raise self.unsupported(f"noise_shape {noise_shape!r} for {shape}")
        return tuple(sorted(axes))


@layer
class Dropout(_Noise):
    """Zeroes elements at random, and scales the others by ``1 / (1 - rate)``."""

    aliases: ClassVar[Mapping[str, str]] = {"p": "rate"}

    rate: float
    noise_shape: Any = None
    seed: int | None = None

    def _axes(self, call: Call) -> tuple[int, ...]:
        return self._shared(call, self.noise_shape) if self.noise_shape else ()

    def _module(self, call: Call) -> Module:
        rate = single(self.rate)
        if axes := self._axes(call):
            text = call_text("SharedDropout", rate, axes)
            return Module(text, helpers=("SharedDropout",))
        return Module(call_text("nn.Dropout", rate))

    def _always(self, call: Call) -> Forward:
        x, rate = call.x.name, literal(single(self.rate))
        if axes := self._axes(call):
            text = f"shared_dropout({x}, {rate}, {literal(axes)})"
            return Forward(text, helpers=("shared_dropout",))
        return Forward(f"F.dropout({x}, p={rate}, training=True)")


class _SpatialDropout(_Noise):
    """Drops whole feature maps."""

    dims: ClassVar[int]
    aliases: ClassVar[Mapping[str, str]] = {"p": "rate"}

    rate: float

    def in_one_order(self) -> bool:
        """Its axes move."""
        return True

    def _axes(self, call: Call) -> tuple[int, ...]:
        """Return the axes that are dropped together; none where torch has a layer."""
        rank = self.dims + 2
        if call.x.rank != rank:
            raise self.unsupported(f"an input of rank {call.x.rank}")
        channel = 1 if getattr(self, "data_format", None) == "channels_first" else -1
        layout = call.x.layout
        at = layout.position(channel)
        if at == 1 and layout.axes[0] == 0:
            return ()
        return tuple(i for i in range(rank) if i != at and layout.axes[i] != 0)

    def _module(self, call: Call) -> Module:
        rate = single(self.rate)
        if axes := self._axes(call):
            text = call_text("SharedDropout", rate, axes)
            return Module(text, helpers=("SharedDropout",))
        return Module(call_text(f"nn.Dropout{self.dims}d", rate))

    def _always(self, call: Call) -> Forward:
        x, rate = call.x.name, literal(single(self.rate))
        if axes := self._axes(call):
            text = f"shared_dropout({x}, {rate}, {literal(axes)})"
            return Forward(text, helpers=("shared_dropout",))
        return Forward(f"F.dropout{self.dims}d({x}, p={rate}, training=True)")


@layer
class SpatialDropout1D(_SpatialDropout):
    """Drops whole channels of a sequence."""

    dims = 1

    rate: float
    seed: int | None = None


@layer
class SpatialDropout2D(_SpatialDropout):
    """Drops whole channels of an image."""

    dims = 2

    rate: float
    data_format: str | None = None
    seed: int | None = None


@layer
class SpatialDropout3D(_SpatialDropout):
    """Drops whole channels of a volume."""

    dims = 3

    rate: float
    data_format: str | None = None
    seed: int | None = None


@layer
class GaussianDropout(_Noise):
    """Multiplies by noise around 1 of deviation ``sqrt(rate / (1 - rate))``."""

    aliases: ClassVar[Mapping[str, str]] = {"p": "rate"}

    rate: float
    seed: int | None = None

    def _deviation(self) -> float:
        if not 0 <= self.rate < 1:
            raise self.unsupported(f"rate {self.rate!r}")
        return single(math.sqrt(self.rate / (1 - self.rate)))

    def _module(self, call: Call) -> Module:
        text = call_text("GaussianDropout", self._deviation())
        return Module(text, helpers=("GaussianDropout",))

    def _always(self, call: Call) -> Forward:
        x, deviation = call.x.name, literal(self._deviation())
        return Forward(f"{x} * (1.0 + {deviation} * torch.randn_like({x}))")


@layer
class GaussianNoise(_Noise):
    """Adds noise around 0."""

    aliases: ClassVar[Mapping[str, str]] = {"sigma": "stddev"}

    stddev: float
    seed: int | None = None

    def _module(self, call: Call) -> Module:
        text = call_text("GaussianNoise", single(self.stddev))
        return Module(text, helpers=("GaussianNoise",))

    def _always(self, call: Call) -> Forward:
        x, deviation = call.x.name, literal(single(self.stddev))
        return Forward(f"{x} + {deviation} * torch.randn_like({x})")


@layer
class AlphaDropout(_Noise):
    """Dropout that keeps mean and variance of SELU activations."""

    aliases: ClassVar[Mapping[str, str]] = {"p": "rate"}

    rate: float
    noise_shape: Any = None
    seed: int | None = None

    def _axes(self, call: Call) -> tuple[int, ...]:
        return self._shared(call, self.noise_shape) if self.noise_shape else ()

    def _module(self, call: Call) -> Module:
        rate = single(self.rate)
        if axes := self._axes(call):
            text = call_text("SharedAlphaDropout", rate, axes)
            return Module(text, helpers=("SharedAlphaDropout",))
        return Module(call_text("nn.AlphaDropout", rate))

    def _always(self, call: Call) -> Forward:
        x, rate = call.x.name, literal(single(self.rate))
        if axes := self._axes(call):
            text = f"shared_alpha_dropout({x}, {rate}, {literal(axes)})"
            return Forward(text, helpers=("shared_alpha_dropout",))
        return Forward(f"F.alpha_dropout({x}, p={rate}, training=True)")


@layer
class ActivityRegularization(Layer):
    """The identity; adds L1 and L2 of its input to the loss."""

    layout = "follow"
    masking = "pass"

    l1: float = 0.0
    l2: float = 0.0

    def __post_init__(self) -> None:
        if self.activity_regularizer is None and (self.l1 or self.l2):
            config = {"l1": float(self.l1 or 0.0), "l2": float(self.l2 or 0.0)}
            self.activity_regularizer = {"class_name": "L1L2", "config": config}

    def forward(self, call: Call, module: str) -> Forward:
        """``x``."""
        return Forward(call.x.name)


@dataclass(eq=False, init=False)
class ActivityPenalty(Layer):
    """What a layer's ``activity_regularizer`` adds to the loss; no file holds it.

    Attributes
    ----------
    l1, l2
        Weights of the sums of absolute values and of squares.
    whole_batch
        The sums are those of the batch, not of a sample: Keras 1.2 to 2.3.
    """

    layout = "follow"
    masking = "pass"

    l1: float = 0.0
    l2: float = 0.0
    whole_batch: bool = False

    def module(self, call: Call) -> Module:
        """``ActivityPenalty(l1=0.01)``."""
        given = {"l1": self.l1, "l2": self.l2}
        options: dict[str, Any] = {k: short(v) for k, v in given.items() if v}
        if self.whole_batch:
            options["whole_batch"] = True
        text = call_text("ActivityPenalty", **options)
        return Module(text, helpers=("ActivityPenalty",))

    def forward(self, call: Call, module: str) -> Forward:
        """``self.penalty(x)``."""
        return Forward(f"{module}({call.x.name})")


__all__ = [
    "ActivityPenalty",
    "ActivityRegularization",
    "AlphaDropout",
    "Dropout",
    "GaussianDropout",
    "GaussianNoise",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
]
