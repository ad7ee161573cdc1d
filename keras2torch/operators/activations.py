"""Activation functions that take arguments, and softmax along an axis."""

from __future__ import annotations

from keras2torch.layers.base import Forward
from keras2torch.layers.text import literal, short
from keras2torch.operators.base import Call, Operator, operators
from keras2torch.operators.elementwise import Elementwise

# The expression, and the defaults that ONNX gives the attributes.
_WITH_NUMBERS: dict[str, tuple[str, dict[str, float]]] = {
    "LeakyRelu": ("F.leaky_relu({x}, {alpha})", {"alpha": 0.01}),
    "Elu": ("F.elu({x}, {alpha})", {"alpha": 1.0}),
    "Celu": ("F.celu({x}, {alpha})", {"alpha": 1.0}),
    "ThresholdedRelu": ("F.threshold({x}, {alpha}, 0.0)", {"alpha": 1.0}),
    "HardSigmoid": (
        "({alpha} * {x} + {beta}).clamp(0, 1)",
        {"alpha": 0.2, "beta": 0.5},
    ),
    "Selu": (
        "{gamma} * F.elu({x}, {alpha})",
        {"alpha": 1.6732632, "gamma": 1.050701},
    ),
    "Shrink": (
        "torch.where({x} < -{lambd}, {x} + {bias}, "
        "torch.where({x} > {lambd}, {x} - {bias}, 0.0))",
        {"bias": 0.0, "lambd": 0.5},
    ),
    "Swish": ("{x} * torch.sigmoid({alpha} * {x})", {"alpha": 1.0}),
}


@operators(*_WITH_NUMBERS, "Gelu")
class Activation(Elementwise):
    """``F.leaky_relu(x, 0.1)``."""

    def forward(self, call: Call, module: str) -> Forward:
        """Return the expression."""
        x = call.x.name
        if self.kind == "Gelu":
            how = self.attributes.get("approximate", "none")
            extra = f", approximate={literal(how)}" if how != "none" else ""
            return Forward(f"F.gelu({x}{extra})")
        template, defaults = _WITH_NUMBERS[self.kind]
        numbers = {
            k: short(float(self.attributes.get(k, v))) for k, v in defaults.items()
        }
        if short_form := _known_form(self.kind, numbers):
            return Forward(short_form.format(x=x))
        texts = {k: literal(v) for k, v in numbers.items()}
        return Forward(template.format(x=x, **texts))


def _known_form(kind: str, numbers: dict[str, float]) -> str | None:
    """Return the function that torch has for these numbers."""
    alpha, beta = numbers.get("alpha", 0.0), numbers.get("beta", 0.0)
    if kind == "HardSigmoid" and beta == 0.5 and abs(alpha * 6 - 1) < 1e-6:
        return "F.hardsigmoid({x})"
    if kind == "Selu" and abs(alpha - 1.6732632) < 1e-6:
        return "F.selu({x})" if abs(numbers["gamma"] - 1.050701) < 1e-6 else None
    if kind == "Shrink" and numbers["bias"] == 0:
        return f"F.hardshrink({{x}}, {literal(numbers['lambd'])})"
    if kind == "Shrink" and numbers["bias"] == numbers["lambd"]:
        return f"F.softshrink({{x}}, {literal(numbers['lambd'])})"
    if kind in ("Elu", "Celu") and alpha == 1:
        return f"F.{kind.lower()}({{x}})"
    if kind == "Swish" and alpha == 1:
        return "F.silu({x})"
    return None


@operators("Softmax", "LogSoftmax", "Hardmax")
class Softmax(Operator):
    """Shares that sum to one along an axis."""

    def forward(self, call: Call, module: str) -> Forward:
        """``torch.softmax(x, dim=1)``."""
        dim = call.x.layout.position(self.attributes.get("axis", -1))
        x = call.x.name
        if self.kind == "Hardmax":
            place = f"{x}.argmax(dim={dim}, keepdim=True)"
            return Forward(f"torch.zeros_like({x}).scatter({dim}, {place}, 1.0)")
        name = "softmax" if self.kind == "Softmax" else "log_softmax"
        return Forward(f"torch.{name}({x}, dim={dim})")
