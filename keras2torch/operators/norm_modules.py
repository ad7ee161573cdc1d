"""Standard ONNX operators with a number per channel or feature, as ``nn`` modules.

Normalization, slopes below zero, and Dropout, which has none.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from keras2torch.layers.base import Call, Layout, Module, Shape, Source, Weight, copied
from keras2torch.layers.text import call as call_text
from keras2torch.layers.text import short
from keras2torch.operators.modules import StoredModule, module


# ---------------------------------------------------------------- normalization
@dataclass(eq=False, kw_only=True, init=False)
class _PerChannel(StoredModule):
    """One number per channel, which is the second axis wherever the others are."""

    layout = "follow"

    num_features: int = 0

    def layouts(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """The channels at position 1, where torch has them."""
        there, rank = call.x.layout, call.x.rank
        if there.flat or there.position(1) != 1 or there.position(0) != 0:
            there = Layout.keras(rank)
        return [there], [there]

    def takes_flat(self) -> Literal["consumes", "follows", "refuses"]:
        """The channels count."""
        return "refuses"


@dataclass(eq=False, kw_only=True, init=False)
class _Affine(_PerChannel):
    eps: float = 1e-5
    affine: bool = True

    def weights(self, *shapes: Shape) -> list[Weight]:
        """``weight`` and ``bias``, one per channel."""
        size = (self.num_features,)
        return [Weight("weight", size), Weight("bias", size)] if self.affine else []

    def _sources(self) -> dict[str, Source]:
        return {w.name: copied(w.name, trainable=w.trainable) for w in self.weights()}


@module
class StoredBatchNorm(_Affine):
    """Zero mean and unit variance per channel, by statistics that are stored.

    Attributes
    ----------
    momentum
        How much of the new is kept, as torch has it.
    """

    momentum: float = 0.1

    def weights(self, *shapes: Shape) -> list[Weight]:
        """``weight``, ``bias``, and the two statistics."""
        size = (self.num_features,)
        return [
            *super().weights(),
            Weight("running_mean", size, trainable=False),
            Weight("running_var", size, trainable=False, default=1.0),
        ]

    def module(self, call: Call) -> Module:
        """``nn.BatchNorm2d(64)``."""
        if call.x.rank > 5:
            raise self.unsupported(f"an input of {call.x.rank} axes has no rule")
        text = call_text(
            f"nn.BatchNorm{max(call.x.rank - 2, 1)}d",
            self.num_features,
            eps=short(self.eps),
            momentum=round(short(self.momentum), 7),
        )
        return Module(text, self._sources())


@module
class StoredInstanceNorm(_Affine):
    """Zero mean and unit variance per example and channel."""

    def module(self, call: Call) -> Module:
        """``nn.InstanceNorm2d(64, affine=True)``."""
        if not 3 <= call.x.rank <= 5:
            raise self.unsupported(f"an input of {call.x.rank} axes has no rule")
        text = call_text(
            f"nn.InstanceNorm{call.x.rank - 2}d",
            self.num_features,
            **({} if short(self.eps) == 1e-5 else {"eps": short(self.eps)}),
            affine=self.affine,
        )
        return Module(text, self._sources())


@module
class StoredGroupNorm(_Affine):
    """Zero mean and unit variance per example and group of channels."""

    groups: int = 1

    def module(self, call: Call) -> Module:
        """``nn.GroupNorm(8, 64)``."""
        text = call_text(
            "nn.GroupNorm",
            self.groups,
            self.num_features,
            eps=short(self.eps),
            affine=self.affine,
        )
        return Module(text, self._sources())


@module
class StoredLayerNorm(StoredModule):
    """Zero mean and unit variance of each example over the last axes."""

    normalized_shape: list[int] = field(default_factory=list)
    eps: float = 1e-5
    affine: bool = True
    bias: bool = True

    def weights(self, *shapes: Shape) -> list[Weight]:
        """``weight`` and ``bias`` span the normalized axes."""
        size = tuple(self.normalized_shape)
        found = [Weight("weight", size)] if self.affine else []
        return [*found, Weight("bias", size)] if self.affine and self.bias else found

    def layouts(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """The normalized axes last, the others in any order."""
        there, rank = call.x.layout, call.x.rank
        last = tuple(range(rank - len(self.normalized_shape), rank))
        if there.flat or there.axes[rank - len(last) :] != last:
            there = Layout.keras(rank)
        return [there], [there]

    def module(self, call: Call) -> Module:
        """``nn.LayerNorm(64)``."""
        sizes = tuple(self.normalized_shape)
        text = call_text(
            "nn.LayerNorm",
            sizes[0] if len(sizes) == 1 else sizes,
            eps=short(self.eps),
            elementwise_affine=self.affine,
            bias=self.bias or not self.affine,
        )
        return Module(text, {w.name: copied(w.name) for w in self.weights()})


# ------------------------------------------------------------------- activations
@module
class StoredPReLU(_PerChannel):
    """A slope below zero, one for all or one per channel."""

    def weights(self, *shapes: Shape) -> list[Weight]:
        """``weight (channels,)``."""
        return [Weight("weight", (self.num_features,))]

    def layouts(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """A single slope takes any order."""
        if self.num_features == 1:
            return [call.x.layout], [call.x.layout]
        return super().layouts(call)

    def module(self, call: Call) -> Module:
        """``nn.PReLU(64)``."""
        sizes = () if self.num_features == 1 else (self.num_features,)
        return Module(call_text("nn.PReLU", *sizes), {"weight": copied("weight")})


@module
class StoredDropout(StoredModule):
    """Zeroes values in training."""

    layout = "follow"

    p: float = 0.5

    def module(self, call: Call) -> Module:
        """``nn.Dropout(0.1)``."""
        text = call_text("nn.Dropout", short(self.p))
        return Module("nn.Dropout()" if self.p == 0.5 else text)
