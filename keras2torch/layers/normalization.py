"""Normalization: over the batch, over a layer, in groups, to unit length.

Sources: ``keras/src/layers/normalization`` (Keras 3.15) and, for the formulas of
LayerNormalization and RMSNormalization, ``keras/src/ops/nn.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from keras2torch.layers.base import (
    Array,
    Call,
    Forward,
    Layer,
    Layout,
    Module,
    Shape,
    Source,
    Weight,
    copied,
    layer,
)
from keras2torch.layers.text import call as call_text
from keras2torch.layers.text import literal

Axes = int | Sequence[int]


def _axes(axis: Axes) -> list[int]:
    return [axis] if isinstance(axis, int) else [int(a) for a in axis]


def _eps(value: float) -> float:
    """Return 0.001 where a file says 0.0010000000474974513: float32 made that."""
    short = float(f"{float(value):.6g}")
    return short if np.float32(short) == np.float32(value) else float(value)


def _reordered(weight: str, call: Call) -> Source:
    """Take a weight along the features; of a flattened axis, in PyTorch's order."""
    order = call.x.layout.feature_order()
    if order is None:
        return copied(weight)
    return Source((weight,), lambda a: a[order], "in PyTorch's order")


@dataclass(eq=False, init=False)
class _AffinePair(Layer):
    """One axis, at position 1 in PyTorch, and a gamma and beta along it."""

    layout = "follow"
    masking: ClassVar[Literal["stop", "pass", "use"]] = "pass"

    def _axis(self, rank: int) -> int:
        axes = _axes(getattr(self, "axis", -1))
        if len(axes) != 1:
            raise self.unsupported(f"axis {axes} has no rule: torch knows one")
        if not -rank <= axes[0] < rank or axes[0] % rank == 0:
            raise self.unsupported(f"axis {axes[0]} of {rank} axes has no rule")
        return axes[0] % rank

    def _size(self, shape: Shape) -> int:
        size = shape[self._axis(len(shape))]
        if size is None:
            raise self.unsupported("the axis that it normalizes has no size")
        return size

    def _has(self, name: str) -> bool:
        return bool(getattr(self, name))

    def weights(self, *shapes: Shape) -> list[Weight]:
        """``gamma`` and ``beta``, as far as wanted."""
        size = self._size(shapes[0])
        found = [Weight("gamma", (size,))] if self._has("scale") else []
        if self._has("center"):
            found.append(Weight("beta", (size,)))
        return found

    def layouts(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """The normalized axis at position 1, where torch has it."""
        there, rank = call.x.layout, call.x.rank
        axis = self._axis(rank)
        if there.position(axis) != 1:
            others = [a for a in range(1, rank) if a != axis]
            there = Layout((0, axis, *others))
        return [there], [there]

    def _affine(self, call: Call) -> tuple[bool, dict[str, Source], tuple[str, ...]]:
        """Return torch's ``affine``, the weights, and statements that drop others."""
        names = {"scale": ("weight", "gamma"), "center": ("bias", "beta")}
        found = {
            weight: _reordered(keras, call)
            for option, (weight, keras) in names.items()
            if self._has(option)
        }
        dropped = tuple(
            f'{{self}}.register_parameter("{weight}", None)  # {option}=False'
            for option, (weight, _) in names.items()
            if found and weight not in found
        )
        return bool(found), found, dropped

    def forward(self, call: Call, module: str) -> Forward:
        """``self.norm(x)``."""
        return Forward(f"{module}({call.x.name})")


_RENORM = ("moving_stddev", "renorm_mean", "renorm_stddev")


@layer
class BatchNormalization(_AffinePair):
    """Zero mean and unit variance per channel, by statistics kept from training.

    Keras keeps the biased variance of a batch, torch the unbiased one, so that they
    part by n / (n - 1) per step of training.

    Attributes
    ----------
    mode
        Of Keras 1: 1 normalizes each sample along the last axis, 2 goes by the batch
        at hand after training, too.
    """

    masking = "use"
    aliases: ClassVar[Mapping[str, str]] = {
        "gamma_init": "gamma_initializer",
        "beta_init": "beta_initializer",
    }
    ignored = frozenset({"fused"})

    axis: Axes = -1
    momentum: float = 0.99
    epsilon: float = 1e-3
    center: bool = True
    scale: bool = True
    beta_initializer: Any = "zeros"
    gamma_initializer: Any = "ones"
    moving_mean_initializer: Any = "zeros"
    moving_variance_initializer: Any = "ones"
    beta_regularizer: Any = None
    gamma_regularizer: Any = None
    beta_constraint: Any = None
    gamma_constraint: Any = None
    renorm: bool = False
    renorm_clipping: Any = None
    renorm_momentum: float = 0.99
    synchronized: bool = False
    mode: int = 0

    def passes_mask(self) -> bool:
        """As it came."""
        return True

    def weights(self, *shapes: Shape) -> list[Weight]:
        """``gamma``, ``beta``, and the statistics: two, with ``renorm`` five."""
        size = (self._size(shapes[0]),)
        found = [
            *super().weights(*shapes),
            Weight("moving_mean", size, trainable=False),
            Weight("moving_variance", size, trainable=False, default=1.0),
        ]
        for name in _RENORM if self.renorm else ():
            default = 0.0 if name == "renorm_mean" else 1.0
            found.append(Weight(name, size, trainable=False, default=default))
        return found

    def _renorm(self) -> dict[str, float]:
        """Return how batch renormalization averages and clips."""
        clipping = dict(self.renorm_clipping or {})
        if others := clipping.keys() - {"rmin", "rmax", "dmax"}:
            raise self.unsupported(f"renorm_clipping of {sorted(others)}")
        found = {k: float(v) for k, v in sorted(clipping.items()) if v is not None}
        return {"renorm_momentum": round(1.0 - float(self.renorm_momentum), 7), **found}

    def layouts(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """Mode 1 reads the last axis, where Keras has it."""
        if self.mode != 1:
            return super().layouts(call)
        order = Layout.keras(call.x.rank)
        return [order], [order]

    def takes_flat(self) -> Literal["consumes", "follows", "refuses"]:
        """Mode 1 refuses."""
        return "refuses" if self.mode == 1 else super().takes_flat()

    def _of_keras_1(self, call: Call) -> Module:
        """``SampleNorm(8)``, or torch's without statistics of its own."""
        size, rank = self._size(call.x.shape), call.x.rank
        _, weights, _ = self._affine(call)
        if self.mode == 2:
            name = f"nn.BatchNorm{max(rank - 2, 1)}d"
            options = {"eps": _eps(self.epsilon), "track_running_stats": False}
            return Module(call_text(name, size, **options), weights)
        if self.mode != 1 or self._axis(rank) != rank - 1:
            raise self.unsupported(f"mode={self.mode!r} along axis {self.axis}")
        text = call_text("SampleNorm", size, eps=_eps(self.epsilon))
        return Module(text, weights, ("SampleNorm",))

    def module(self, call: Call) -> Module:
        """``nn.BatchNorm2d(64, eps=0.001, momentum=0.01)``."""
        rank = call.x.rank
        if rank > 5:
            raise self.unsupported(f"an input of {rank} axes has no rule")
        if self.mode:
            return self._of_keras_1(call)
        size = self._size(call.x.shape)
        affine, weights, dropped = self._affine(call)
        helper = ""
        if call.faithful:
            helper = "BiasedBatchNorm" if call.mask is None else "MaskedBatchNorm"
        if self.renorm and helper == "MaskedBatchNorm":
            raise self.unsupported("renorm=True under a mask")
        helper = "BatchRenorm" if self.renorm else helper
        text = call_text(
            helper or f"nn.BatchNorm{max(rank - 2, 1)}d",
            size,
            eps=_eps(self.epsilon),
            # Keras says how much of the old is kept, torch how much of the new.
            momentum=round(1.0 - float(self.momentum), 7),
            affine=affine,
            **(self._renorm() if self.renorm else {}),
        )
        statistics = {"running_mean": "moving_mean", "running_var": "moving_variance"}
        if self.renorm:
            statistics |= {name: name for name in _RENORM}
        for name, weight in statistics.items():
            source = _reordered(weight, call)
            weights[name] = Source(
                source.weights, source.transform, source.how, trainable=False
            )
        helpers = (helper,) if helper else ()
        return Module(text, weights, helpers, init=dropped)

    def idiom(self, call: Call) -> str:
        """How the running statistics are kept (``ops.moments`` is biased)."""
        if self.mode:
            return ""
        if call.mask is not None and not self.renorm:
            return (
                "in training torch counts the values that a mask takes out, and its "
                "running variance is n / (n - 1) of Keras', n values per channel"
            )
        if self.renorm:
            return ""
        return (
            "in training torch's running variance takes n / (n - 1) of what Keras' "
            "takes, n values per channel and batch"
        )

    def forward(self, call: Call, module: str) -> Forward:
        """``self.norm(x)``; a mask takes values out of the statistics in training."""
        masked = call.faithful and call.mask is not None and not self.mode
        told = f", {call.mask.name}" if masked and call.mask else ""
        return Forward(f"{module}({call.x.name}{told})")


@layer
class GroupNormalization(_AffinePair):
    """Zero mean and unit variance per example and group of channels."""

    groups: int = 32
    axis: int = -1
    epsilon: float = 1e-3
    center: bool = True
    scale: bool = True
    beta_initializer: Any = "zeros"
    gamma_initializer: Any = "ones"
    beta_regularizer: Any = None
    gamma_regularizer: Any = None
    beta_constraint: Any = None
    gamma_constraint: Any = None

    def takes_flat(self) -> Literal["consumes", "follows", "refuses"]:
        """The groups are neighbours in Keras' order."""
        return "refuses"

    def layouts(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """As for batches, but the groups need Keras' order."""
        if call.x.layout.flat:
            order = Layout.keras(call.x.rank)
            return [order], [order]
        return super().layouts(call)

    def module(self, call: Call) -> Module:
        """``nn.GroupNorm(32, 64, eps=0.001)``; -1 groups are one per channel."""
        size = self._size(call.x.shape)
        affine, weights, dropped = self._affine(call)
        text = call_text(
            "nn.GroupNorm",
            size if self.groups == -1 else self.groups,
            size,
            eps=_eps(self.epsilon),
            affine=affine,
        )
        return Module(text, weights, init=dropped)


# -------------------------------------------------------------------- over a layer
@dataclass(eq=False, init=False)
class _OverAxes(Layer):
    """Some axes, and weights that span them."""

    layout = "follow"

    def _dims(self, rank: int) -> list[int]:
        """Return the axes as Keras sorts them: as given, negative ones first."""
        axes = sorted(_axes(getattr(self, "axis", -1)))
        if any(not -rank <= a < rank or a % rank == 0 for a in axes):
            raise self.unsupported(f"axis {axes} of {rank} axes has no rule")
        return axes

    def _sizes(self, shape: Shape) -> tuple[int, ...]:
        sizes = [shape[a] for a in self._dims(len(shape))]
        if None in sizes:
            raise self.unsupported("an axis that it normalizes has no size")
        return tuple(n for n in sizes if n is not None)

    def layouts(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """Any order; a flattened one only where its axis is normalized alone.

        Where Keras' order is wanted afterwards, it is taken before: nn.LayerNorm.
        """
        there = call.x.layout
        if (there.flat or call.wants_keras) and not self._is_last(call):
            there = Layout.keras(call.x.rank)
        return [there], [there]

    def _is_last(self, call: Call) -> bool:
        """Whether the normalized axes are the last in PyTorch, and Keras' own."""
        rank = call.x.rank
        axes = [a % rank for a in self._dims(rank)]
        return list(call.x.layout.axes[rank - len(axes) :]) == axes

    def _broadcast(self, shape: Shape) -> tuple[int, ...]:
        """Return Keras' broadcast shape of the weights."""
        rank = len(shape)
        full = [1] * rank
        for axis, size in zip(self._dims(rank), self._sizes(shape), strict=True):
            full[axis] = size
        return tuple(full)

    def _moved(
        self, weight: str, full: tuple[int, ...], layout: Layout
    ) -> tuple[Source, tuple[int, ...]]:
        """Return a weight that broadcasts over the tensor as PyTorch has it."""
        axes = layout.axes

        def moved(a: Array) -> Array:
            spread: Array = a.reshape(full).transpose(axes)
            return spread.reshape(spread.shape[1:])

        shape = tuple(full[a] for a in axes)[1:]
        return Source((weight,), moved, f"reshape{shape}"), shape

    def _dim(self, call: Call) -> tuple[int, ...]:
        rank = call.x.rank
        return tuple(sorted(call.x.layout.position(a) for a in self._dims(rank)))

    def forward(self, call: Call, module: str) -> Forward:
        """``self.norm(x)``."""
        return Forward(f"{module}({call.x.name})")


@layer
class LayerNormalization(_OverAxes):
    """Zero mean and unit variance of each example over some axes."""

    masking = "pass"

    axis: Axes = -1
    epsilon: float = 1e-3
    center: bool = True
    scale: bool = True
    beta_initializer: Any = "zeros"
    gamma_initializer: Any = "ones"
    beta_regularizer: Any = None
    gamma_regularizer: Any = None
    beta_constraint: Any = None
    gamma_constraint: Any = None
    rms_scaling: bool = False

    def _has(self) -> tuple[bool, bool]:
        """Whether there is a gamma, a beta."""
        rms = bool(self.rms_scaling)
        return bool(self.scale) or rms, bool(self.center) and not rms

    def weights(self, *shapes: Shape) -> list[Weight]:
        """``gamma`` and ``beta`` span the normalized axes."""
        sizes = self._sizes(shapes[0])
        scale, center = self._has()
        found = [Weight("gamma", sizes)] if scale else []
        if center:
            found.append(Weight("beta", sizes))
        return found

    def module(self, call: Call) -> Module:
        """``nn.LayerNorm(64, eps=0.001)`` over the last axes, else a small class."""
        scale, center = self._has()
        if self._is_last(call) and not self.rms_scaling:
            sizes = self._sizes(call.x.shape)
            text = call_text(
                "nn.LayerNorm",
                sizes[0] if len(sizes) == 1 else sizes,
                eps=_eps(self.epsilon),
                elementwise_affine=scale or center,
                bias=center or not scale,
            )
            names = {"weight": "gamma"} if scale else {}
            if center:
                names["bias"] = "beta"
            weights = {k: _reordered(v, call) for k, v in names.items()}
            if scale or not center:
                return Module(text, weights)
            drop = '{self}.register_parameter("weight", None)  # scale=False'
            return Module(text, weights, init=(drop,))
        full = self._broadcast(call.x.shape)
        layout = call.x.layout
        order = layout.feature_order()
        weights = {}
        shape: tuple[int, ...] = ()
        for name, weight, there in (
            ("weight", "gamma", scale),
            ("bias", "beta", center),
        ):
            source, shape = self._moved(weight, full, layout)
            if order is not None:
                source = _reordered(weight, call)
            if there:
                weights[name] = source
        options = {"scale": scale, "center": center}
        given: dict[str, object] = {k: v for k, v in options.items() if not v}
        if self.rms_scaling:
            # Keras divides by the deviation but does not subtract the mean.
            given["subtract_mean"] = False
        text = call_text(
            "AxisLayerNorm",
            shape,
            dim=self._dim(call),
            eps=_eps(self.epsilon),
            **given,
        )
        return Module(text, weights, ("AxisLayerNorm",))


@layer
class RMSNormalization(_OverAxes):
    """Unit root mean square of each example over some axes."""

    axis: Axes = -1
    epsilon: float = 1e-6

    def weights(self, *shapes: Shape) -> list[Weight]:
        """``scale`` spans the normalized axes."""
        return [Weight("scale", self._sizes(shapes[0]), default=1.0)]

    def module(self, call: Call) -> Module:
        """``nn.RMSNorm(64, eps=1e-06)`` over the last axes, else a small class."""
        sizes, rank = self._sizes(call.x.shape), call.x.rank
        if self._is_last(call):
            size = sizes[0] if len(sizes) == 1 else sizes
            text = call_text("nn.RMSNorm", size, eps=_eps(self.epsilon))
            return Module(text, {"weight": _reordered("scale", call)})
        # Keras multiplies by it as it is, so that it meets the last axes.
        full = (1,) * (rank - len(sizes)) + sizes
        source, shape = self._moved("scale", full, call.x.layout)
        text = call_text(
            "AxisRMSNorm", shape, dim=self._dim(call), eps=_eps(self.epsilon)
        )
        return Module(text, {"weight": source}, ("AxisRMSNorm",))


@layer
class UnitNormalization(Layer):
    """Euclidean length 1 along some axes."""

    layout = "follow"
    masking = "pass"

    axis: Axes = -1

    def forward(self, call: Call, module: str) -> Forward:
        """``F.normalize(x, dim=…)``."""
        dims = sorted(call.x.layout.position(a) for a in _axes(self.axis))
        dim = dims[0] if len(dims) == 1 else tuple(dims)
        text = "" if dim == 1 else f", dim={literal(dim)}"
        return Forward(f"F.normalize({call.x.name}{text})")


__all__ = [
    "BatchNormalization",
    "GroupNormalization",
    "LayerNormalization",
    "RMSNormalization",
    "UnitNormalization",
]
