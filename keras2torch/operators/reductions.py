"""Sums, means, extremes and norms along axes."""

from __future__ import annotations

from keras2torch.layers.base import Forward
from keras2torch.layers.text import literal
from keras2torch.operators.base import (
    Call,
    Layout,
    Operator,
    Shape,
    followed,
    operators,
    with_axes,
    without,
)

_METHODS = {
    "ReduceMax": "{x}.amax({dim})",
    "ReduceMin": "{x}.amin({dim})",
    "ReduceMean": "{x}.mean({dim})",
    "ReduceSum": "{x}.sum({dim})",
    "ReduceL1": "{x}.abs().sum({dim})",
    "ReduceL2": "torch.linalg.vector_norm({x}, {dim})",
    "ReduceLogSum": "{x}.sum({dim}).log()",
    "ReduceLogSumExp": "torch.logsumexp({x}, {dim})",
    "ReduceSumSquare": "{x}.square().sum({dim})",
    "ReduceProd": "",
}
_OF_BOOLEANS = {"ReduceMax": "{x}.any({dim})", "ReduceMin": "{x}.all({dim})"}
# torch makes int64 of a sum of smaller integers.
_WIDENING = frozenset({"ReduceSum", "ReduceL1", "ReduceSumSquare", "ReduceProd"})


class Axes(Operator):
    """Base of what makes one number of each run along some axes."""

    def axes(self, rank: int) -> list[int]:
        """Return the axes that are reduced."""
        raise NotImplementedError

    @property
    def keeps(self) -> bool:
        """Whether they stay, with size 1."""
        return bool(self.attributes.get("keepdims", 1))

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """Without the axes, or with size 1 there."""
        axes = self.axes(len(shapes[0]))
        if self.keeps:
            return [tuple(1 if i in axes else s for i, s in enumerate(shapes[0]))]
        return [tuple(s for i, s in enumerate(shapes[0]) if i not in axes)]

    def orders(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """Keep the order of the axes that are left."""
        order = followed(call.x)
        out = order if self.keeps else without(order, self.axes(call.x.rank))
        return [order], [out] * len(call.outputs)

    def wishes(self, call: Call, wish: Layout) -> list[Layout | None]:
        """The axes that are left in the order wished."""
        if wish.flat:
            return [None]
        return [wish if self.keeps else with_axes(wish, self.axes(call.x.rank))]

    def dims(self, call: Call) -> list[int]:
        """Return where the axes are in PyTorch."""
        return sorted(call.x.layout.position(a) for a in self.axes(call.x.rank))


@operators(*_METHODS)
class Reduction(Axes):
    """``x.mean(dim=(2, 3))``."""

    constants = frozenset({1})

    def axes(self, rank: int) -> list[int]:
        """Return those given, or all."""
        axes = self.given(1, "axes")
        if not axes and self.attributes.get("noop_with_empty_axes"):
            return []
        return sorted(a % rank for a in (axes or range(rank)))

    def forward(self, call: Call, module: str) -> Forward:
        """Return the expression."""
        x, dims = call.x.name, self.dims(call)
        if not dims:
            return Forward(self._of_nothing(x))
        boolean = call.x.dtype == "bool"
        keep = ", keepdim=True" if self.keeps else ""
        extra = ""
        if self.kind in _WIDENING and call.x.dtype in ("int32", "int16", "int8"):
            extra = f", dtype=torch.{call.x.dtype}"
        if self.kind == "ReduceProd":
            for d in reversed(dims):
                x += f".prod(dim={d}{keep}{extra})"
            return Forward(x)
        template = (_OF_BOOLEANS if boolean else _METHODS)[self.kind]
        if self.kind == "ReduceMean" and not call.x.dtype.startswith("float"):
            return Forward(self._whole_mean(call, dims, keep))
        if self.kind in _WIDENING and call.x.dtype.startswith("uint"):
            template += f".to(torch.{call.x.dtype})"
        whole = len(dims) == call.x.rank and not keep
        if whole and self.kind != "ReduceLogSumExp":
            args = extra.removeprefix(", ")
        else:
            args = f"dim={literal(dims[0] if len(dims) == 1 else tuple(dims))}"
            args += keep + extra
        return Forward(template.format(x=x, dim=args).replace(", )", ")"))

    def _of_nothing(self, x: str) -> str:
        """Return what is done to each entry where no axis is reduced."""
        done = {
            "ReduceL1": "torch.abs({x})",
            "ReduceL2": "torch.abs({x})",
            "ReduceLogSum": "torch.log({x})",
            "ReduceSumSquare": "{x}.square()",
        }
        return done.get(self.kind, "{x}").format(x=x)

    def _whole_mean(self, call: Call, dims: list[int], keep: str) -> str:
        """Return a mean of integers, whose fraction ONNX cuts off."""
        x, dtype = call.x, call.x.dtype
        total = f"{x.name}.sum(dim={literal(tuple(dims))}{keep})"
        count = " * ".join(f"{x.name}.shape[{d}]" for d in dims)
        return f'torch.div({total}, {count}, rounding_mode="trunc").to(torch.{dtype})'
