"""Keras' activation functions, and the layers that are one.

Sources: ``keras/src/activations`` and ``keras/src/layers/activations`` (Keras 3.15);
``hard_sigmoid_keras2`` is ``keras/backend.py`` of Keras ≤ 2.15, which reading puts in
place of ``hard_sigmoid`` in files of that age.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np

from keras2torch.layers.base import (
    Call,
    Forward,
    Layer,
    Layout,
    Module,
    Shape,
    Source,
    Weight,
    layer,
    transposed,
)
from keras2torch.layers.text import call as call_text
from keras2torch.layers.text import literal, short

# {x} is the expression, {dim} the position of Keras' last axis in PyTorch.
_FUNCTIONS: dict[str, str] = {
    "linear": "{x}",
    "relu": "F.relu({x})",
    "relu6": "F.relu6({x})",
    "leaky_relu": "F.leaky_relu({x}, negative_slope=0.2)",
    "elu": "F.elu({x})",
    "selu": "F.selu({x})",
    "celu": "F.celu({x})",
    "gelu": "F.gelu({x})",
    "silu": "F.silu({x})",
    "swish": "F.silu({x})",
    "mish": "F.mish({x})",
    "sigmoid": "torch.sigmoid({x})",
    "tanh": "torch.tanh({x})",
    "softmax": "F.softmax({x}, dim={dim})",
    "log_softmax": "F.log_softmax({x}, dim={dim})",
    "glu": "F.glu({x}, dim={dim})",
    "softplus": "F.softplus({x})",
    "softsign": "F.softsign({x})",
    "exponential": "torch.exp({x})",
    "hard_sigmoid": "F.hardsigmoid({x})",
    "hard_sigmoid_keras2": "torch.clamp(0.2 * {x} + 0.5, 0.0, 1.0)",
    "hard_silu": "F.hardswish({x})",
    "hard_swish": "F.hardswish({x})",
    "hard_tanh": "F.hardtanh({x})",
    "log_sigmoid": "F.logsigmoid({x})",
    "soft_shrink": "F.softshrink({x})",
    "hard_shrink": "F.hardshrink({x})",
    "tanh_shrink": "F.tanhshrink({x})",
    "squareplus": "squareplus({x})",
    "sparse_plus": "sparse_plus({x})",
    "sparse_sigmoid": "torch.clamp(0.5 * ({x} + 1.0), 0.0, 1.0)",
    "sparsemax": "sparsemax({x}, dim={dim})",
}
_HELPERS = frozenset({"squareplus", "sparse_plus", "sparsemax"})

# Activations that mix the entries of an axis: they have no nn.LSTM-like shortcut.
_ALONG_AXIS = frozenset({"softmax", "log_softmax", "glu", "sparsemax"})


def name_of(activation: Any) -> str | None:
    """Return the name of a built-in activation given as Keras configs give it.

    ``None`` means linear; a serialized function gives its name; a serialized layer
    (``{"class_name": "LeakyReLU", …}``) gives ``None``: it is no function.
    """
    if activation is None:
        return "linear"
    if isinstance(activation, str):
        return activation
    if isinstance(activation, Mapping):
        inner = activation.get("config")
        if activation.get("class_name") == "function" and isinstance(inner, str):
            return inner
    return None


def has_rule(activation: Any) -> bool:
    """Whether an activation is one that Keras ships, or a layer."""
    name = name_of(activation)
    return name in _FUNCTIONS or (name is None and isinstance(activation, Mapping))


def is_linear(activation: Any) -> bool:
    """Whether an activation does nothing."""
    return name_of(activation) == "linear"


def rectifies(activation: Any) -> bool:
    """Whether an activation is 0 for all that is below 0."""
    return name_of(activation) in ("relu", "relu6")


def apply(
    activation: Any, x: str, layout: Layout, owner: Layer
) -> tuple[str, tuple[str, ...]]:
    """Return the text of an activation on ``x``, and the helpers that it uses.

    Parameters
    ----------
    activation
        As in a Keras config: a name, ``None``, a serialized function or layer.
    x
        The expression it is applied to.
    layout
        The layout of that expression's value: softmax runs over Keras' last axis.
    owner
        The layer that has it, for the error message.

    Raises
    ------
    UnsupportedLayer
        For an activation that Keras does not ship.
    """
    name = name_of(activation)
    if name is None and isinstance(activation, Mapping):
        return _apply_layer(activation, x, layout, owner)
    if name not in _FUNCTIONS:
        raise owner.unsupported(f"activation {activation!r} has no rule")
    rank = len(layout.axes)
    at = layout.position(rank - 1)
    if name in _ALONG_AXIS and layout.flat:
        raise owner.unsupported(f"activation {name!r} over a reordered axis")
    if name.startswith(("hard_sigmoid_keras2", "sparse_sigmoid")):
        x = _atom(x)
    text = _FUNCTIONS[name].format(x=x, dim=-1 if at == rank - 1 else at)
    return text, ((name,) if name in _HELPERS else ())


def _atom(x: str) -> str:
    """Parenthesise an expression that is not a name, attribute or call."""
    return x if x.isidentifier() or x.endswith(")") else f"({x})"


def _apply_layer(
    config: Mapping[str, Any], x: str, layout: Layout, owner: Layer
) -> tuple[str, tuple[str, ...]]:
    from keras2torch.layers.base import REGISTRY, Tensor, from_config

    kind = str(config.get("class_name"))
    if kind not in REGISTRY or not getattr(REGISTRY[kind], "elementwise", False):
        raise owner.unsupported(f"activation {kind!r} has no rule")
    inner = from_config(kind, dict(config.get("config") or {}))
    shape = (None,) * len(layout.axes)
    tensor = Tensor(shape, layout=layout, name=x)
    inner_call = Call([tensor], [Tensor(shape, layout=layout)])
    made = inner.forward(inner_call, "")
    assert isinstance(made.results, str)
    return made.results, made.helpers


@layer
class Activation(Layer):
    """Applies an activation function."""

    layout = "follow"
    masking = "pass"

    activation: Any

    def rectifies(self) -> bool:
        """``relu`` does."""
        return rectifies(self.activation)

    def layouts(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """Follow; functions along an axis need that axis in Keras' order."""
        wanted, outs = super().layouts(call)
        if name_of(self.activation) in _ALONG_AXIS and wanted[0].flat:
            wanted = [Layout.keras(call.x.rank)]
            outs = [Layout.keras(call.x.rank)]
        return wanted, outs

    def takes_flat(self) -> Literal["consumes", "follows", "refuses"]:
        """Functions along an axis need its order."""
        return "refuses" if name_of(self.activation) in _ALONG_AXIS else "follows"

    def forward(self, call: Call, module: str) -> Forward:
        """``F.relu(x)``."""
        text, helpers = apply(self.activation, call.x.name, call.x.layout, self)
        return Forward(text, helpers=helpers)


@layer
class ReLU(Layer):
    """Rectifier with optional slope, ceiling and threshold."""

    layout = "follow"
    masking = "pass"
    elementwise = True

    max_value: float | None = None
    negative_slope: float | None = 0.0
    threshold: float | None = 0.0

    def rectifies(self) -> bool:
        """Without a slope and a threshold."""
        top = self.max_value
        bent = self.negative_slope or self.threshold
        return not bent and (top is None or top >= 0)

    def forward(self, call: Call, module: str) -> Forward:
        """The shortest function that computes it."""
        x = call.x.name
        slope, threshold = self.negative_slope or 0.0, self.threshold or 0.0
        top = self.max_value
        if not threshold and top is None:
            plain = f"F.relu({x})"
            leaky = f"F.leaky_relu({x}, negative_slope={literal(short(slope))})"
            return Forward(leaky if slope else plain)
        if not threshold and not slope:
            if top == 6:
                return Forward(f"F.relu6({x})")
            return Forward(f"torch.clamp({x}, 0.0, {literal(short(top or 0))})")
        if not threshold and slope > 0 and top is not None and top >= 0:
            leaky = f"F.leaky_relu({x}, negative_slope={literal(short(slope))})"
            return Forward(f"{leaky}.clamp(max={literal(short(top))})")
        # Keras: x above the threshold, slope * (x - threshold) from it downwards; a
        # ceiling also clips at 0 from below.
        t = literal(short(threshold))
        above = x if top is None else f"torch.clamp({x}, 0.0, {literal(short(top))})"
        below = f"{literal(short(slope))} * ({x} - {t})" if slope else "0.0"
        return Forward(f"torch.where({x} > {t}, {above}, {below})")


@layer
class LeakyReLU(Layer):
    """``x`` above 0, ``slope * x`` below; the slope is 0.3 unless said."""

    layout = "follow"
    masking = "pass"
    elementwise = True
    aliases: ClassVar[Mapping[str, str]] = {"alpha": "negative_slope"}

    negative_slope: float = 0.3

    def forward(self, call: Call, module: str) -> Forward:
        """``F.leaky_relu(x, negative_slope=0.3)``."""
        slope = literal(short(self.negative_slope))
        return Forward(f"F.leaky_relu({call.x.name}, negative_slope={slope})")


@layer
class ELU(Layer):
    """``x`` above 0, ``alpha * (exp(x) - 1)`` below."""

    layout = "follow"
    masking = "pass"
    elementwise = True

    alpha: float = 1.0

    def forward(self, call: Call, module: str) -> Forward:
        """``F.elu(x)``."""
        alpha = "" if self.alpha == 1 else f", alpha={literal(short(self.alpha))}"
        return Forward(f"F.elu({call.x.name}{alpha})")


@layer
class ThresholdedReLU(Layer):
    """``x`` where it exceeds theta, else 0 (Keras ≤ 2)."""

    layout = "follow"
    masking = "pass"
    elementwise = True

    theta: float = 1.0

    def forward(self, call: Call, module: str) -> Forward:
        """``F.threshold(x, theta, 0.0)``."""
        theta = literal(short(self.theta))
        return Forward(f"F.threshold({call.x.name}, {theta}, 0.0)")


@layer
class Softmax(Layer):
    """Softmax over one or more axes, a mask taken as very negative entries.

    Attributes
    ----------
    keras2
        Whether entries that are all masked share the sum of 1, as in Keras 2; since
        Keras 3.10 they are 0.
    """

    layout = "follow"
    masking = "use"
    elementwise = True
    # Whether -1e9 replaces what is masked or is added, which in float32 is the same.
    ignored = frozenset({"robust_masking"})

    axis: int | list[int] = -1
    keras2: bool = False

    def passes_mask(self) -> bool:
        """It supports masking."""
        return True

    def layouts(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """Follow, unless the axis is a reordered one or a mask comes along."""
        if call.x.layout.flat or call.mask is not None:
            order = Layout.keras(call.x.rank)
            return [order], [order]
        return super().layouts(call)

    def takes_flat(self) -> Literal["consumes", "follows", "refuses"]:
        """It runs along an axis."""
        return "refuses"

    def forward(self, call: Call, module: str) -> Forward:
        """``F.softmax(x, dim=…)``."""
        x = call.x.name
        masked = ""
        if call.mask is not None and self.keras2:
            x = f"{x} - 1e9 * ~{call.mask.name}"
        elif call.mask is not None:
            # layers/activations/softmax.py: where(mask, x, -1e9), and 0 for what is
            # masked, also where everything is.
            x = f"{x}.masked_fill(~{call.mask.name}, -1e9)"
            masked = f" * {call.mask.name}"
        rank = call.x.rank
        if isinstance(self.axis, int):
            dims = [call.x.layout.position(self.axis)]
        else:
            dims = [call.x.layout.position(a) for a in self.axis]
        dims = [-1 if d == rank - 1 else d for d in dims]
        if len(dims) == 1:
            return Forward(f"F.softmax({x}, dim={dims[0]}){masked}")
        dim = literal(tuple(dims))
        total = f"torch.logsumexp({x}, dim={dim}, keepdim=True)"
        return Forward(f"torch.exp({x} - {total}){masked}")


def learnt_shape(
    owner: Layer, shape: Shape, shared: list[int] | None
) -> tuple[int, ...]:
    """Return the shape of a parameter for each element, shared along some axes.

    Keras counts them without the batch: -1 is the last but one.
    """
    sizes = list(shape[1:])
    for axis in shared or []:
        if not -len(sizes) <= axis - 1 < len(sizes):
            raise owner.unsupported(f"shared_axes={shared!r} for {shape}")
        sizes[axis - 1] = 1
    dims = [size for size in sizes if size is not None]
    if len(dims) < len(sizes):
        axis = sizes.index(None) + 1
        raise owner.unsupported(f"axis {axis} has no size and is not shared")
    return tuple(dims)


@layer
class PReLU(Layer):
    """Leaky rectifier whose slope is learnt, one per element or shared along axes."""

    layout = "follow"
    masking = "pass"

    alpha_initializer: Any = "Zeros"
    alpha_regularizer: Any = None
    alpha_constraint: Any = None
    shared_axes: list[int] | None = None

    def weights(self, *shapes: Shape) -> list[Weight]:
        """One slope per element that is not shared."""
        return [Weight("alpha", learnt_shape(self, shapes[0], self.shared_axes))]

    def module(self, call: Call) -> Module:
        """``nn.PReLU`` where the slopes are one per channel, else a small class."""
        layout = call.x.layout
        alpha = learnt_shape(self, call.x.shape, self.shared_axes)
        axes = [a - 1 for a in layout.axes[1:]]
        shape = tuple(alpha[a] for a in axes)
        order = layout.feature_order()

        def moved(a: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
            a = a.transpose(axes)
            return a if order is None else a[..., order]

        if all(d == 1 for d in shape[1:]):
            source = Source(("alpha",), lambda a: moved(a).reshape(-1), "reshape(-1)")
            return Module(call_text("nn.PReLU", shape[0]), {"weight": source})
        text = call_text("ElementwisePReLU", shape)
        source = transposed("alpha", *axes)
        if order is not None:
            source = Source(("alpha",), moved, f"transpose({axes}), in PyTorch's order")
        return Module(text, {"weight": source}, helpers=("ElementwisePReLU",))

    def forward(self, call: Call, module: str) -> Forward:
        """``self.prelu(x)``."""
        return Forward(f"{module}({call.x.name})")


__all__ = [
    "ELU",
    "Activation",
    "LeakyReLU",
    "PReLU",
    "ReLU",
    "Softmax",
    "ThresholdedReLU",
    "apply",
    "is_linear",
    "name_of",
]
