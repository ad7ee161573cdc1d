"""Products of matrices, and sums over letters."""

from __future__ import annotations

import re

from keras2torch.layers.base import Forward
from keras2torch.layers.merging import broadcast_shape
from keras2torch.layers.text import literal, short
from keras2torch.operators.base import (
    MISSING,
    Call,
    Layout,
    Operator,
    Shape,
    followed,
    operators,
)


@operators("MatMul")
class MatMul(Operator):
    """The product of matrices on the last two axes."""

    layout = "keras"
    tensors = frozenset({0, 1})

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """Rows of the first, columns of the second."""
        left, right = shapes
        rows = left[-2:-1] if len(left) > 1 else ()
        columns = right[-1:] if len(right) > 1 else ()
        outer = broadcast_shape(left[:-2], right[:-2])
        return [(*outer, *rows, *columns)]

    def forward(self, call: Call, module: str) -> Forward:
        """``x @ y``."""
        return Forward(" @ ".join(self.terms(call)))


@operators("Gemm")
class Gemm(Operator):
    """A product of two matrices, scaled, and something added."""

    layout = "keras"
    tensors = frozenset({0, 1})

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """Rows of the first, columns of the second."""
        rows = shapes[0][1 if self.attributes.get("transA") else 0]
        columns = shapes[1][0 if self.attributes.get("transB") else 1]
        return [(rows, columns)]

    def forward(self, call: Call, module: str) -> Forward:
        """``x @ y.T + z``."""
        terms = self.terms(call)
        for i, flag in enumerate(("transA", "transB")):
            if self.attributes.get(flag):
                terms[i] += ".T"
        text = f"{terms[0]} @ {terms[1]}"
        alpha, beta = (
            short(float(self.attributes.get(k, 1.0))) for k in ("alpha", "beta")
        )
        if alpha != 1:
            text = f"{literal(alpha)} * ({text})"
        if len(self.operands) > 2 and self.operands[2] is not MISSING and beta:
            text += (
                f" + {terms[2]}" if beta == 1 else f" + {literal(beta)} * {terms[2]}"
            )
        return Forward(text)


_TERM = re.compile(r"[A-Za-z]*(\.\.\.)?[A-Za-z]*")


@operators("Einsum")
class Einsum(Operator):
    """Sums over letters, which move with the axes."""

    def _letters(self) -> tuple[list[str], str]:
        text = self.attributes["equation"].replace(" ", "")
        left, arrow, right = text.partition("->")
        inputs = left.split(",")
        if not arrow:
            every = left.replace(",", "").replace("...", "")
            once = sorted(c for c in set(every) if every.count(c) == 1)
            right = ("..." if "..." in left else "") + "".join(once)
        if not all(_TERM.fullmatch(term) for term in (*inputs, right)):
            raise self.unsupported(f"{text!r} is no equation")
        return inputs, right

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """The sizes of the letters that are left."""
        inputs, right = self._letters()
        sizes: dict[str, int | None] = {}
        dots: Shape = ()
        for letters, shape in zip(inputs, shapes, strict=True):
            head, _, tail = letters.partition("...")
            named = [*zip(head, shape, strict=False)]
            if tail:
                named += zip(tail, shape[len(shape) - len(tail) :], strict=True)
            if "..." in letters:
                middle = shape[len(head) : len(shape) - len(tail)]
                dots = broadcast_shape(dots, middle) if dots else middle
            sizes |= dict(named)
        head, dotted, tail = right.partition("...")
        return [
            (
                *[sizes[c] for c in head],
                *(dots if dotted else ()),
                *[sizes[c] for c in tail],
            )
        ]

    def orders(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """Any order; with "..." the graph's."""
        if "..." in self.attributes["equation"]:
            return [Layout.keras(t.rank) for t in call.inputs], [
                Layout.keras(call.y.rank)
            ]
        return [followed(t) for t in call.inputs], [Layout.keras(call.y.rank)]

    def wishes(self, call: Call, wish: Layout) -> list[Layout | None]:
        """It takes what there is."""
        return [None] * len(call.inputs)

    def forward(self, call: Call, module: str) -> Forward:
        """``torch.einsum("bij,bjk->bik", x, y)``."""
        inputs, right = self._letters()
        moved = [
            letters
            if "..." in letters
            else "".join(letters[a] for a in tensor.layout.axes)
            for letters, tensor in zip(inputs, call.inputs, strict=False)
        ]
        equation = f"{','.join(moved)}->{right}"
        names = ", ".join(self.terms(call))
        return Forward(f"torch.einsum({literal(equation)}, {names})")

    tensors = frozenset(range(16))


@operators("Det")
class Determinant(Operator):
    """The determinant of each matrix on the last two axes."""

    layout = "keras"

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """A number each."""
        return [shapes[0][:-2]]

    def forward(self, call: Call, module: str) -> Forward:
        """``torch.linalg.det(x)``."""
        return Forward(f"torch.linalg.det({call.x.name})")


@operators("Trilu")
class Trilu(Operator):
    """The upper or the lower triangle of each matrix."""

    layout = "keras"
    constants = frozenset({1})

    def forward(self, call: Call, module: str) -> Forward:
        """``torch.triu(x, 1)``."""
        name = "triu" if self.attributes.get("upper", 1) else "tril"
        k = self.given(1)
        extra = f", {self.text(call, k)}" if k not in (None, 0) else ""
        return Forward(f"torch.{name}({call.x.name}{extra})")
