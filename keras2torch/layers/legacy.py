"""Layers that only Keras 0.3 and Keras 1 had.

Sources: ``keras/layers/core.py`` and ``keras/layers/advanced_activations.py`` (Keras
1.2.2), and ``keras/layers/core.py`` of Keras 0.3.3 for TimeDistributedMerge and
ThresholdedLinear.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from keras2torch.layers.activation import learnt_shape
from keras2torch.layers.base import (
    Array,
    Call,
    Forward,
    Layer,
    Module,
    Shape,
    Weight,
    copied,
    layer,
    made,
    transposed,
)
from keras2torch.layers.recurrence import activation_module
from keras2torch.layers.text import Raw, literal
from keras2torch.layers.text import call as call_text

_KERAS_1_NAMES = {
    "output_dim": "units",
    "init": "kernel_initializer",
    "W_regularizer": "kernel_regularizer",
    "b_regularizer": "bias_regularizer",
    "W_constraint": "kernel_constraint",
    "b_constraint": "bias_constraint",
    "bias": "use_bias",
}


def _width(owner: Layer, shape: Shape) -> int:
    """Return how many features come in."""
    if len(shape) != 2:
        raise owner.unsupported(f"an input of rank {len(shape)}")
    if shape[1] is None:
        raise owner.unsupported("the last axis of its input has no size")
    return shape[1]


@layer
class Highway(Layer):
    """``gate * f(Wx + b) + (1 - gate) * x``, the gate another dense layer's sigmoid."""

    aliases: ClassVar[Mapping[str, str]] = _KERAS_1_NAMES
    ignored = frozenset({"input_dim", "transform_bias"})

    kernel_initializer: Any = "glorot_uniform"
    activation: Any = None
    kernel_regularizer: Any = None
    bias_regularizer: Any = None
    kernel_constraint: Any = None
    bias_constraint: Any = None
    use_bias: bool = True

    def weights(self, *shapes: Shape) -> list[Weight]:
        """Two square matrices, then two biases."""
        size = _width(self, shapes[0])
        found = [Weight("kernel", (size, size)), Weight("carry_kernel", (size, size))]
        if self.use_bias:
            # Keras begins with an open gate.
            found.append(Weight("bias", (size,)))
            found.append(Weight("carry_bias", (size,), default=1.0))
        return found

    def module(self, call: Call) -> Module:
        """``Highway(8, nn.ReLU())``."""
        activation, helpers = activation_module(self, self.activation)
        options = {} if self.use_bias else {"bias": False}
        size = _width(self, call.x.shape)
        weights = {
            "linear.weight": transposed("kernel"),
            "gate.weight": transposed("carry_kernel"),
        }
        if self.use_bias:
            weights["linear.bias"] = copied("bias")
            weights["gate.bias"] = copied("carry_bias")
        text = call_text("Highway", size, Raw(activation), **options)
        return Module(text, weights, ("Highway", *helpers))

    def forward(self, call: Call, module: str) -> Forward:
        """``self.highway(x)``."""
        return Forward(f"{module}({call.x.name})")


@layer
class MaxoutDense(Layer):
    """The largest of several dense layers."""

    layout = "flat"
    aliases: ClassVar[Mapping[str, str]] = _KERAS_1_NAMES
    ignored = frozenset({"input_dim"})

    units: int
    nb_feature: int = 4
    kernel_initializer: Any = "glorot_uniform"
    kernel_regularizer: Any = None
    bias_regularizer: Any = None
    kernel_constraint: Any = None
    bias_constraint: Any = None
    use_bias: bool = True

    def weights(self, *shapes: Shape) -> list[Weight]:
        """``kernel (nb_feature, in, units)`` and ``bias (nb_feature, units)``."""
        size = _width(self, shapes[0])
        found = [Weight("kernel", (self.nb_feature, size, self.units))]
        if self.use_bias:
            found.append(Weight("bias", (self.nb_feature, self.units)))
        return found

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """One row of units."""
        return [(shapes[0][0], self.units)]

    def module(self, call: Call) -> Module:
        """``nn.Linear(in, nb_feature * units)``."""
        size, wide = _width(self, call.x.shape), self.nb_feature * self.units
        order = call.x.layout.feature_order()

        def rows(kernel: Array) -> Array:
            matrix = kernel.transpose(0, 2, 1).reshape(wide, size)
            return matrix if order is None else matrix[:, order]

        weights = {"weight": made(["kernel"], rows, "transpose(0, 2, 1), reshape")}
        if self.use_bias:
            weights["bias"] = made(["bias"], lambda b: b.reshape(-1), "reshape(-1)")
        return Module(call_text("nn.Linear", size, wide, bias=self.use_bias), weights)

    def forward(self, call: Call, module: str) -> Forward:
        """``self.maxout(x).unflatten(1, (4, 8)).amax(dim=1)``."""
        parts = literal((self.nb_feature, self.units))
        return Forward(f"{module}({call.x.name}).unflatten(1, {parts}).amax(dim=1)")


class _Learnt(Layer):
    """An activation with parameters for each element, or shared along axes."""

    layout = "follow"
    masking = "pass"
    names: ClassVar[tuple[str, ...]]
    shared_axes: list[int] | None

    def _shape(self, shape: Shape) -> tuple[int, ...]:
        return learnt_shape(self, shape, self.shared_axes)

    def weights(self, *shapes: Shape) -> list[Weight]:
        """One of each parameter for an element that shares none."""
        return [Weight(name, self._shape(shapes[0])) for name in self.names]

    def module(self, call: Call) -> Module:
        """``SReLU((16, 1, 1))``: the shape that torch has the elements in."""
        layout = call.x.layout
        sizes = self._shape(call.x.shape)
        axes = [a - 1 for a in layout.axes[1:]]
        order = layout.feature_order()

        def moved(a: Array) -> Array:
            a = a.transpose(axes)
            return a if order is None or a.shape[-1] == 1 else a[..., order]

        how = f"transpose({', '.join(map(str, axes))})"
        weights = {
            name: transposed(name, *axes) if order is None else made([name], moved, how)
            for name in self.names
        }
        kind = type(self).__name__
        text = call_text(kind, tuple(sizes[a] for a in axes), **self.options())
        return Module(text, weights, helpers=(kind,))

    def options(self) -> dict[str, Any]:
        """Return further arguments of the helper."""
        return {}

    def forward(self, call: Call, module: str) -> Forward:
        """``self.srelu(x)``."""
        return Forward(f"{module}({call.x.name})")


@layer
class SReLU(_Learnt):
    """Straight between two learnt points, with a learnt slope on either side.

    Attributes
    ----------
    theano
        Whether Keras ran on Theano, where the left side, too, ends at the right
        point's height (a slope below 0 gets there).
    """

    names = ("t_left", "a_left", "t_right", "a_right")
    aliases: ClassVar[Mapping[str, str]] = {
        f"{name}_init": f"{name}_initializer" for name in names
    }

    t_left_initializer: Any = "zeros"
    a_left_initializer: Any = "glorot_uniform"
    t_right_initializer: Any = "glorot_uniform"
    a_right_initializer: Any = "ones"
    shared_axes: list[int] | None = None
    theano: bool = False

    def options(self) -> dict[str, Any]:
        """Whether the left side is capped."""
        return {"cap_left": True} if self.theano else {}


@layer
class ParametricSoftplus(_Learnt):
    """``alpha * softplus(beta * x)``, both learnt."""

    names = ("alphas", "betas")

    alpha_init: float = 0.2
    beta_init: float = 5.0
    shared_axes: list[int] | None = None

    def weights(self, *shapes: Shape) -> list[Weight]:
        """One of each for an element that shares none."""
        shape = self._shape(shapes[0])
        return [
            Weight("alphas", shape, default=float(self.alpha_init)),
            Weight("betas", shape, default=float(self.beta_init)),
        ]


@layer
class ThresholdedLinear(Layer):
    """Zero where the absolute value is below a threshold."""

    layout = "follow"
    masking = "pass"

    theta: float = 1.0

    def forward(self, call: Call, module: str) -> Forward:
        """``x.where(x.abs() >= 1.0, 0.0)``."""
        x = call.x.name
        return Forward(f"{x}.where({x}.abs() >= {literal(float(self.theta))}, 0.0)")


@layer
class TimeDistributedMerge(Layer):
    """The sum, the product or the mean over all steps."""

    mode: str = "sum"

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """Without the steps."""
        if len(shapes[0]) != 3:
            raise self.unsupported(f"an input of rank {len(shapes[0])}")
        return [(shapes[0][0], shapes[0][2])]

    def forward(self, call: Call, module: str) -> Forward:
        """``x.sum(dim=1)``."""
        functions = {"sum": "sum", "mul": "prod", "ave": "mean"}
        if self.mode not in functions:
            raise self.unsupported(f"mode={self.mode!r}")
        return Forward(f"{call.x.name}.{functions[self.mode]}(dim=1)")


# Classes that no Keras today has; the worker computes them by their old formulas.
KERAS_1_ONLY = frozenset(
    {
        "Highway",
        "MaxoutDense",
        "ParametricSoftplus",
        "SReLU",
        "ThresholdedLinear",
        "TimeDistributedMerge",
    }
)

__all__ = ["KERAS_1_ONLY", *sorted(KERAS_1_ONLY)]
