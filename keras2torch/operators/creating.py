"""Tensors made from sizes and numbers."""

from __future__ import annotations

from typing import Any

from keras2torch.layers.base import Forward
from keras2torch.layers.text import literal, short
from keras2torch.operators.base import (
    Call,
    Layout,
    Operator,
    Shape,
    Tensor,
    dtype_name,
    followed,
    operators,
)
from keras2torch.operators.sizes import Size


@operators("ConstantOfShape")
class Filled(Operator):
    """The same number everywhere."""

    constants = frozenset({0})

    def _value(self) -> Any:
        value = self.attributes.get("value")
        return 0.0 if value is None else value.reshape(-1)[0].item()

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """The shape that is asked for."""
        return [tuple(n if isinstance(n, int) else None for n in self.operands[0])]

    def output_dtype(self, *dtypes: str) -> str:
        """That of the number."""
        value = self.attributes.get("value")
        return "float32" if value is None else str(value.dtype)

    def _like(self, call: Call) -> bool:
        """Whether the shape is that of the tensor that lends its sizes."""
        if len(call.inputs) != 1 or call.x.rank != len(self.operands[0]):
            return False
        lent = {axis: dim for dim, (_, axis) in self.sizes.items()}
        return all(
            n == size
            if size is not None
            else isinstance(n, Size) and n.dim == lent.get(a)
            for a, (n, size) in enumerate(
                zip(self.operands[0], call.x.shape, strict=True)
            )
        )

    def orders(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """The order of the tensor whose shape it takes."""
        if self._like(call):
            return [], [followed(call.x)]
        return [], [Layout.keras(call.y.rank)]

    def layouts(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """See :meth:`orders`; it asks nothing of the tensor."""
        return [t.layout for t in call.inputs], self.orders(call)[1]

    def forward(self, call: Call, module: str) -> Forward:
        """``torch.zeros_like(x, dtype=torch.bool)``, ``torch.ones(x.shape[0], 4)``."""
        value, dtype = self._value(), call.y.dtype
        name = {0: "zeros", 1: "ones"}.get(value, "full")
        if self._like(call):
            kind = "" if dtype == call.x.dtype else f", dtype=torch.{dtype}"
            fill = f", {literal(value)}" if name == "full" else ""
            return Forward(f"torch.{name}_like({call.x.name}{fill}{kind})")
        sizes = [self.text(call, self.operands[0][a]) for a in call.y.layout.axes]
        shape = ", ".join(sizes)
        if name == "full" or len(sizes) < 1:
            shape = f"({shape},)" if len(sizes) == 1 else f"({shape})"
        fill = f", {literal(value)}" if name == "full" else ""
        return Forward(f"torch.{name}({shape}{fill}{made_where(self, call)})")


def made_where(operator: Operator, call: Call, plain: str = "float32") -> str:
    """Return the dtype, where it is not what torch takes, and the device."""
    dtype = call.y.dtype
    kind = "" if dtype == plain else f", dtype=torch.{dtype}"
    return f"{kind}, device={operator.lender(call).name}.device"


@operators("Sizes")
class Sizes(Operator):
    """Sizes as a tensor, for what computes with them."""

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """As they are listed."""
        known = self.operands[0]
        return [(len(known),) if isinstance(known, list) else ()]

    def output_dtype(self, *dtypes: str) -> str:
        """Sizes are integers, unless they were cast."""
        return str(self.attributes.get("dtype", "int64"))

    def orders(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """It has one axis or none."""
        return [], [Layout.keras(call.y.rank)]

    def forward(self, call: Call, module: str) -> Forward:
        """``torch.tensor([x.shape[0], 4], device=x.device)``."""
        sizes = self.text(call, self.operands[0])
        dtype = call.y.dtype
        kind = "" if dtype == "int64" else f", dtype=torch.{dtype}"
        if dtype == "float32":
            kind = ", dtype=torch.get_default_dtype()"
        device = f", device={self.lender(call).name}.device"
        return Forward(f"torch.tensor({sizes}{kind}{device})")


@operators("Range")
class Range(Operator):
    """Numbers at one distance."""

    welcome = frozenset({0, 1, 2})

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """How many there are, if that is known."""
        if all(isinstance(o, int) for o in self.operands):
            return [(len(range(*self.operands)),)]
        return [(None,)]

    def orders(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """It has one axis."""
        return [Layout.keras(t.rank) for t in call.inputs], [Layout.keras(1)]

    def output_dtype(self, *dtypes: str) -> str:
        """That of its ends."""
        if dtypes:
            return dtypes[0]
        whole = all(not isinstance(o, float) for o in self.operands)
        return "int64" if whole else "float32"

    def forward(self, call: Call, module: str) -> Forward:
        """``torch.arange(x.shape[1], device=x.device)``."""
        start, end, step = self.operands
        texts = [
            self.text(call, short(o) if isinstance(o, float) else o)
            if o is not None
            else None
            for o in (start, end, step)
        ]
        names = iter(t.name for t in call.inputs)
        given = [t if t is not None else next(names) for t in texts]
        if step == 1:
            given.pop()
            if start == 0:
                given.pop(0)
        ends = {type(o) for o in self.operands}
        plain = "float32" if float in ends else "int64"
        if None in self.operands:
            plain = ""
        return Forward(
            f"torch.arange({', '.join(given)}{made_where(self, call, plain)})"
        )


@operators("RandomNormal", "RandomUniform")
class Random(Operator):
    """Numbers drawn anew in every call."""

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """As asked for, or as the tensor has it."""
        if self.kind.endswith("Like"):
            return [shapes[0]]
        return [tuple(n if isinstance(n, int) else None for n in self._shape())]

    def _shape(self) -> list[Any]:
        return list(self.given(0, "shape") or [])

    def output_dtype(self, *dtypes: str) -> str:
        """Floats."""
        return dtype_name(self.attributes.get("dtype", 1))

    constants = frozenset({0})

    def orders(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """Any order: what is drawn has none."""
        wanted = [followed(t) for t in call.inputs]
        like = self._lent_by(call)
        return wanted, [followed(like) if like else Layout.keras(call.y.rank)]

    def _lent_by(self, call: Call) -> Tensor | None:
        """Return the tensor whose shape it takes."""
        if self.kind.endswith("Like"):
            return call.x
        lent = {axis: (dim, at) for dim, (at, axis) in self.sizes.items()}
        shape = self._shape()
        for i, tensor in enumerate(call.inputs):
            if tensor.rank == len(shape) and all(
                n == size
                if size is not None
                else a in lent and n == Size.of(lent[a][0]) and lent[a][1] == i
                for a, (n, size) in enumerate(zip(shape, tensor.shape, strict=True))
            ):
                return tensor
        return None

    def layouts(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """See :meth:`orders`; it asks nothing of the tensors."""
        return [t.layout for t in call.inputs], self.orders(call)[1]

    def forward(self, call: Call, module: str) -> Forward:
        """``torch.randn_like(mean)``, ``torch.rand(x.shape[0], 4)``."""
        normal = "Normal" in self.kind
        name, like = "randn" if normal else "rand", self._lent_by(call)
        if like is not None and like.dtype == call.y.dtype:
            text = f"torch.{name}_like({like.name})"
        else:
            sizes = [self.text(call, self._shape()[a]) for a in call.y.layout.axes]
            text = f"torch.{name}({', '.join(sizes) or '()'}{made_where(self, call)})"
        keys = (("scale", 1.0), ("mean", 0.0)) if normal else ()
        factor, shift = (
            (short(float(self.attributes.get(k, d))) for k, d in keys)
            if (normal)
            else self._span()
        )
        if factor != 1:
            text = f"{text} * {literal(factor)}"
        return Forward(f"{text} + {literal(shift)}" if shift else text)

    def _span(self) -> tuple[float, float]:
        low, high = (
            float(self.attributes.get(k, d)) for k, d in (("low", 0.0), ("high", 1.0))
        )
        return short(high - low), short(low)


@operators("RandomNormalLike", "RandomUniformLike")
class RandomLike(Random):
    """As many as a tensor has."""

    constants = frozenset()
    tensors = frozenset({0})

    def count(self) -> int:
        """The tensor only lends its shape."""
        return 0

    def output_dtype(self, *dtypes: str) -> str:
        """As asked for, or as the tensor has it."""
        found = self.attributes.get("dtype")
        return dtypes[0] if found is None else dtype_name(found)


@operators("EyeLike")
class EyeLike(Operator):
    """Ones on a diagonal."""

    layout = "keras"

    def output_dtype(self, *dtypes: str) -> str:
        """As asked for, or as the tensor has it."""
        found = self.attributes.get("dtype")
        return dtypes[0] if found is None else dtype_name(found)

    def forward(self, call: Call, module: str) -> Forward:
        """``torch.ones_like(x).tril().triu()``."""
        k = self.attributes.get("k", 0)
        at = str(k) if k else ""
        kind = "" if call.y.dtype == call.x.dtype else f", dtype=torch.{call.y.dtype}"
        return Forward(f"torch.ones_like({call.x.name}{kind}).tril({at}).triu({at})")
