"""Preprocessing of numbers inside a model.

Sources: ``keras/src/layers/preprocessing`` (Keras 3.15).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
    layer,
)
from keras2torch.layers.text import call as call_text
from keras2torch.layers.text import literal, short


def _array(value: Any) -> Array:
    """Return an argument as an array: a number, lists, or Keras' serialized array."""
    if isinstance(value, Mapping):
        value = dict(value.get("config") or {}).get("value")
    return np.asarray(value, dtype=np.float64)


class _PerElement(Layer):
    """Base: any layout, but constants along an axis want it in Keras' order.

    Only Keras 3 hands a mask on.
    """

    layout = "follow"
    masking = "pass"

    def __post_init__(self) -> None:
        if getattr(self, "keras2", False):
            vars(self)["masking"] = "stop"

    def layouts(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """Follow, unless the last axis is a reordered one."""
        if call.x.layout.flat:
            order = Layout.keras(call.x.rank)
            return [order], [order]
        return super().layouts(call)

    def output_dtype(self, *dtypes: str) -> str:
        """Floats."""
        return dtypes[0] if dtypes[0].startswith("float") else "float32"


def _moved(array: Array, layout: Layout) -> Array:
    """Return constants that broadcast in Keras' axes so that they do in PyTorch's."""
    rank = len(layout.axes)
    if array.ndim > rank:
        raise ValueError(array.shape)
    array = array.reshape((1,) * (rank - array.ndim) + array.shape)
    return array.transpose(layout.axes)


def _tidy(array: Array) -> float | tuple[Any, ...]:
    """Return constants as nested tuples without needless leading axes."""
    if array.size == 1:
        return float(array.reshape(()))
    while array.shape[0] == 1:
        array = array[0]

    def nested(value: Any) -> Any:
        return tuple(map(nested, value)) if isinstance(value, list) else float(value)

    found: tuple[Any, ...] = nested(array.tolist())
    return found


def _factor(scale: float) -> str:
    """Return ``/ 255`` for the 0.00392156862745098 that a person wrote as 1 / 255."""
    whole = round(2 / scale) / 2 if 0 < scale < 1 else 0.0
    found = whole and np.float32(1 / whole) == np.float32(scale)
    if not found or short(scale) == float(f"{short(scale):.3g}"):
        return f"* {literal(short(scale))}"
    return f"/ {literal(int(whole) if whole == int(whole) else whole)}"


@layer
class Rescaling(_PerElement):
    """``x * scale + offset``."""

    scale: Any
    offset: Any = 0.0
    keras2: bool = False

    def in_one_order(self) -> bool:
        """Of constants along an axis."""
        return any(_array(v).ndim > 0 for v in (self.scale, self.offset))

    def _constants(self, call: Call) -> tuple[Any, Any]:
        arrays = _array(self.scale), _array(self.offset)
        if any(a.ndim > call.x.rank for a in arrays):
            raise self.unsupported(f"scale of shape {arrays[0].shape}")
        scale, offset = (_tidy(_moved(a, call.x.layout)) for a in arrays)
        return scale, offset

    def module(self, call: Call) -> Module | None:
        """Nothing for two numbers, else a helper class that holds the constants."""
        scale, offset = self._constants(call)
        if isinstance(scale, float) and isinstance(offset, float):
            return None
        text = call_text("Rescaling", scale, offset)
        return Module(text, helpers=("Rescaling",))

    def forward(self, call: Call, module: str) -> Forward:
        """``x / 127.5 - 1.0``."""
        x = call.x.name
        scale, offset = self._constants(call)
        if not (isinstance(scale, float) and isinstance(offset, float)):
            return Forward(f"{module}({x})")
        text = f"{x} {_factor(scale)}"
        if offset:
            text += f" {'-' if offset < 0 else '+'} {literal(abs(offset))}"
        return Forward(text)


@layer
class Normalization(_PerElement):
    """``(x - mean) / max(sqrt(variance), 1e-7)``; the statistics are fitted or given.

    The fitted statistics are buffers. Keras also counts the samples (``count``), which
    nothing reads: that weight has no place in PyTorch.
    """

    axis: Any = -1
    mean: Any = None
    variance: Any = None
    invert: bool = False
    keras2: bool = False

    def in_one_order(self) -> bool:
        """Of statistics that are given."""
        return self.mean is not None

    def _kept(self, shape: Shape) -> tuple[int, ...]:
        if self.axis is None:
            return ()
        axes = [int(a) for a in np.atleast_1d(np.asarray(self.axis, dtype=int))]
        return tuple(sorted(a % len(shape) for a in axes))

    def _broadcast(self, shape: Shape) -> tuple[int, ...]:
        """Return the input's shape with 1 for every axis that shares statistics."""
        kept = self._kept(shape)
        sizes = []
        for axis, size in enumerate(shape):
            if axis not in kept:
                sizes.append(1)
            elif size is None:
                raise self.unsupported(f"axis {axis} has statistics and no size")
            else:
                sizes.append(size)
        return tuple(sizes)

    def weights(self, *shapes: Shape) -> list[Weight]:
        """``mean``, ``variance`` and ``count``, if they were fitted."""
        if self.mean is not None:
            return []
        sizes = self._broadcast(shapes[0])
        shape = tuple(sizes[a] for a in self._kept(shapes[0]))
        return [
            Weight("mean", shape, trainable=False),
            Weight("variance", shape, trainable=False, default=1.0),
            Weight("count", (), trainable=False, optional=True),
        ]

    def _given(self, value: Any, shape: Shape) -> Array:
        """Return given statistics as they broadcast against the input."""
        array, kept = _array(value), self._kept(shape)
        if array.ndim > len(kept):
            raise self.unsupported(f"mean of shape {array.shape} for axis {self.axis}")
        sizes = [1] * len(shape)
        for i in range(1, array.ndim + 1):
            sizes[kept[-i]] = array.shape[-i]
        return array.reshape(sizes)

    def module(self, call: Call) -> Module | None:
        """Return a helper class with the statistics as buffers, or as constants."""
        shape, layout = call.x.shape, call.x.layout
        if self.mean is None:
            sizes = self._broadcast(shape)
            moved = tuple(sizes[a] for a in layout.axes)
            while len(moved) > 1 and moved[0] == 1:
                moved = moved[1:]
            how = f"reshape{moved}"
            weights = {
                name: Source(
                    (name,),
                    lambda a: a.reshape(sizes).transpose(layout.axes).reshape(moved),
                    how,
                    trainable=False,
                )
                for name in ("mean", "variance")
            }
            text = call_text("Normalization", moved, **self._inverted())
            return Module(text, weights, helpers=("Normalization",))
        mean = _tidy(_moved(self._given(self.mean, shape), layout))
        std = _tidy(_moved(self._deviation(shape), layout))
        if isinstance(mean, float) and isinstance(std, float):
            return None
        text = call_text("FixedNormalization", mean, std, **self._inverted())
        return Module(text, helpers=("FixedNormalization",))

    def _inverted(self) -> dict[str, bool]:
        return {"invert": True} if self.invert else {}

    def _deviation(self, shape: Shape) -> Array:
        # keras.backend.epsilon() keeps a constant column from dividing by 0.
        found: Array = np.maximum(np.sqrt(self._given(self.variance, shape)), 1e-7)
        return found

    def forward(self, call: Call, module: str) -> Forward:
        """``self.normalization(x)``, ``(x - 3.0) / 2.0`` for two numbers."""
        x, shape = call.x.name, call.x.shape
        if self.mean is not None:
            mean = self._given(self.mean, shape)
            std = self._deviation(shape)
            if mean.size == 1 and std.size == 1:
                m = literal(float(mean.reshape(())))
                s = literal(float(std.reshape(())))
                if self.invert:
                    return Forward(f"{m} + {x} * {s}")
                return Forward(f"({x} - {m}) / {s}")
        return Forward(f"{module}({x})")


__all__ = ["Normalization", "Rescaling"]
