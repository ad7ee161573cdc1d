"""Arithmetic, comparison, logic and selection, entry by entry, with broadcasting."""

from __future__ import annotations

from keras2torch.layers.base import Forward
from keras2torch.layers.merging import broadcast_shape
from keras2torch.operators.base import (
    MISSING,
    Call,
    Flat,
    Layout,
    Operator,
    Shape,
    expanded,
    followed,
    operators,
    trailing,
)

# {0}, {1} are names, indexed names, numbers or sizes, never longer expressions.
_INFIX: dict[str, str] = {
    "Add": "{0} + {1}",
    "Sub": "{0} - {1}",
    "Mul": "{0} * {1}",
    "Div": "{0} / {1}",
    "Pow": "{0} ** {1}",
    "Equal": "{0} == {1}",
    "NotEqual": "{0} != {1}",
    "Less": "{0} < {1}",
    "LessOrEqual": "{0} <= {1}",
    "Greater": "{0} > {1}",
    "GreaterOrEqual": "{0} >= {1}",
    "And": "{0} & {1}",
    "Or": "{0} | {1}",
    "Xor": "{0} ^ {1}",
    "BitwiseAnd": "{0} & {1}",
    "BitwiseOr": "{0} | {1}",
    "BitwiseXor": "{0} ^ {1}",
    "Where": "torch.where({0}, {1}, {2})",
    "PRelu": "torch.where({0} >= 0, {0}, {1} * {0})",
}
_UNARY: dict[str, str] = {
    "Not": "~{0}",
    "BitwiseNot": "~{0}",
    "Neg": "-{0}",
    **{
        kind: f"torch.{name}({{0}})"
        for kind, name in {
            "Abs": "abs",
            "Acos": "acos",
            "Acosh": "acosh",
            "Asin": "asin",
            "Asinh": "asinh",
            "Atan": "atan",
            "Atanh": "atanh",
            "Ceil": "ceil",
            "Cos": "cos",
            "Cosh": "cosh",
            "Erf": "erf",
            "Exp": "exp",
            "Expm1": "expm1",
            "Floor": "floor",
            "IsNaN": "isnan",
            "Log": "log",
            "Log1p": "log1p",
            "Reciprocal": "reciprocal",
            "Round": "round",
            "Rsqrt": "rsqrt",
            "Sign": "sign",
            "Sin": "sin",
            "Sinh": "sinh",
            "Sqrt": "sqrt",
            "Tan": "tan",
            "Sigmoid": "sigmoid",
            "Tanh": "tanh",
        }.items()
    },
    # As layers write it.
    "Relu": "F.relu({0})",
    "Softplus": "F.softplus({0})",
    "Softsign": "F.softsign({0})",
    "HardSwish": "F.hardswish({0})",
    "Mish": "F.mish({0})",
}
_BOOLEAN = frozenset(
    "Equal NotEqual Less LessOrEqual Greater GreaterOrEqual And Or Xor Not IsNaN "
    "IsInf".split()
)
_INFINITE = {(1, 1): "isinf", (1, 0): "isneginf", (0, 1): "isposinf"}


class Elementwise(Operator):
    """Base of what is computed entry by entry.

    A tensor of fewer axes keeps the order that they have in the whole one, and gets
    axes of size 1 where those are not its last: ``self.gamma[:, None, None]``.
    """

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """NumPy's broadcasting."""
        result = shapes[0]
        for shape in shapes[1:]:
            result = broadcast_shape(result, shape)
        return [result]

    def output_dtype(self, *dtypes: str) -> str:
        """Booleans from comparisons, else what the values have."""
        if self.kind in _BOOLEAN:
            return "bool"
        values = dtypes[1:] if self.kind == "Where" and len(dtypes) > 1 else dtypes
        if self.kind == "Where" and len(dtypes) == 1:
            one = next(o for o in self.operands[1:] if o is not None)
            return {bool: "bool", int: "int64"}.get(type(one), "float32")
        return values[0]

    def takes_flat(self) -> Flat:
        """Entry by entry: any order goes."""
        return "follows"

    def orders(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """Follow the tensors that have all axes."""
        rank = max(t.rank for t in call.inputs)
        whole = [t for t in call.inputs if t.rank == rank]
        if len(whole) == len(call.inputs):
            wanted = self._agree(call)
            return wanted, [wanted[0]] * len(call.outputs)
        # Of size 1 everywhere, a tensor has no order of its own.
        moved = [t for t in whole if not followed(t).is_keras]
        wide = [t for t in moved if sum(n != 1 for n in t.shape) > 1]
        out = followed([*wide, *moved, *whole][0])
        return [trailing(out, rank - t.rank) for t in call.inputs], [out]

    def wishes(self, call: Call, wish: Layout) -> list[Layout | None]:
        """All in the order of the result."""
        if wish.flat:
            return [None] * len(call.inputs)
        rank = len(wish.axes)
        return [trailing(wish, rank - t.rank) for t in call.inputs]

    def broadcast(self, call: Call) -> list[str]:
        """Return the text of each input, ready to meet the others."""
        names = [expanded(t, call.y.layout) for t in call.inputs[: self.count()]]
        return self.terms(call, names)


@operators(*_INFIX, *_UNARY, "BitShift", "IsInf", "Mod")
class Arithmetic(Elementwise):
    """``x + y``."""

    tensors = frozenset()

    def _whole(self, call: Call) -> bool:
        return call.x.dtype.startswith(("int", "uint"))

    def forward(self, call: Call, module: str) -> Forward:
        """Return the expression."""
        terms = self.broadcast(call)
        x = terms[0]
        if self.kind in ("Div", "Mod") and self._whole(call):
            if self.operands[0] is not None:
                x = f"torch.full_like({terms[1]}, {x})"
            if self.kind == "Div":
                # ONNX cuts the fraction off.
                return Forward(f'torch.div({x}, {terms[1]}, rounding_mode="trunc")')
        if self.kind == "Mod":
            if self.operands[0] is not None and not self._whole(call):
                x = f"torch.full_like({terms[1]}, {x})"
            name = "fmod" if self.attributes.get("fmod") else "remainder"
            return Forward(f"torch.{name}({x}, {terms[1]})")
        if self.kind == "BitShift":
            sign = "<<" if self.attributes["direction"] == "LEFT" else ">>"
            return Forward(f"{x} {sign} {terms[1]}")
        if self.kind == "IsInf":
            ends = [self.attributes.get(f"detect_{e}", 1) for e in _ENDS]
            return Forward(f"torch.{_INFINITE[ends[0], ends[1]]}({x})")
        if self.kind == "Pow":
            return Forward(self._power(call, terms))
        if self._is_neutral():
            return Forward(call.x.name)
        if (turned := self._turned(call, terms)) is not None:
            return Forward(turned)
        text = (_INFIX | _UNARY)[self.kind].format(*terms)
        if self.kind == "Where":
            text += self._where_dtype(call)
        return Forward(text)

    def _is_neutral(self) -> bool:
        """Whether a number leaves every float as it is: ``x * 1.0``, ``0.0 + x``."""
        neutral = {"Add": 0.0, "Sub": 0.0, "Mul": 1.0, "Div": 1.0}.get(self.kind)
        if neutral is None:
            return False
        left, right = self.operands
        commutes = self.kind in ("Add", "Mul") and right is None
        number = left if commutes else right if left is None else None
        return type(number) is float and number == neutral

    def _turned(self, call: Call, terms: list[str]) -> str | None:
        """Return ``x - 1.0`` for ``x + -1.0`` and for ``-1.0 + x``, and its like."""
        if self.kind not in ("Add", "Sub"):
            return None
        left, right = self.operands
        number = left if self.kind == "Add" and right is None else right
        if type(number) not in (int, float) or not number < 0:
            return None
        other = terms[1] if number is left else terms[0]
        sign = "-" if self.kind == "Add" else "+"
        return f"{other} {sign} {self.text(call, -number)}"

    def _power(self, call: Call, terms: list[str]) -> str:
        base, exponent = self.operands[:2]
        if type(exponent) is float and exponent == int(exponent):
            terms[1] = str(int(exponent))
        if base is not None:
            terms[0] = f"({terms[0]})" if terms[0].startswith("-") else terms[0]
        text = f"{terms[0]} ** {terms[1]}"
        mixed = {t.dtype for t in call.inputs[: self.count()]} | (
            {"float32"} if type(exponent) is float else set()
        )
        if len(mixed) > 1 and call.y.dtype.startswith("int"):
            return f"({text}).to(torch.{call.y.dtype})"
        return text

    def _where_dtype(self, call: Call) -> str:
        """Two Python numbers make what torch makes of them."""
        if None in self.operands[1:]:
            return ""
        made = {float: "float32", bool: "bool"}.get(type(self.operands[1]), "int64")
        return "" if made == call.y.dtype else f".to(torch.{call.y.dtype})"


_ENDS = ("negative", "positive")


@operators("Max", "Min", "Sum", "Mean")
class Several(Elementwise):
    """The largest, the smallest, the sum or the mean of any number of tensors."""

    def forward(self, call: Call, module: str) -> Forward:
        """``torch.maximum(x, y)``, ``x + y + z``."""
        terms = self.broadcast(call)
        if self.kind in ("Sum", "Mean"):
            text = " + ".join(terms)
            if self.kind == "Mean" and len(terms) > 1:
                text = f"({text}) / {len(terms)}"
            return Forward(text)
        name, end = ("maximum", "min") if self.kind == "Max" else ("minimum", "max")
        known = [o is not None for o in self.operands]
        tensors = [t for t, k in zip(terms, known, strict=True) if not k]
        text = tensors[0]
        for term in tensors[1:]:
            text = f"torch.{name}({text}, {term})"
        for term in (t for t, k in zip(terms, known, strict=True) if k):
            text = f"torch.clamp({text}, {end}={term})"
        return Forward(text)


@operators("Clip")
class Clip(Elementwise):
    """Between two ends, either of which may be missing."""

    def forward(self, call: Call, module: str) -> Forward:
        """``x.clamp(0.0, 1.0)``."""
        places = [i for i, o in enumerate(self.operands) if o is not MISSING]
        terms_at = dict(zip(places, self.broadcast(call), strict=True))
        x, low, high = terms_at[0], terms_at.get(1), terms_at.get(2)
        # Older opsets have the ends as attributes.
        for name, end in (("min", low), ("max", high)):
            if end is None and name in self.attributes:
                found = self.text(call, self.attributes[name])
                low, high = (found, high) if name == "min" else (low, found)
        if low is None and high is None:
            return Forward(x)
        ends = [self.operands[i] for i in (1, 2) if i in terms_at]
        if len(ends) == 2 and (ends[0] is None) != (ends[1] is None):
            return Forward(f"{x}.clamp(min={low}).clamp(max={high})")
        if low is None or high is None:
            return Forward(
                f"{x}.clamp({f'max={high}' if low is None else f'min={low}'})"
            )
        return Forward(f"{x}.clamp({low}, {high})")
