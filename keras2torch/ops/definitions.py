"""One entry per ONNX operator (opset 21): the torch expression that it becomes.

An operator behaves like a layer without weights, so that the layout pass and the
writer treat both alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import onnx_ir as ir

from keras2torch.layers.base import Call, Forward, Layer, Layout, Shape
from keras2torch.layers.merging import broadcast_shape
from keras2torch.layers.text import literal

# {0}, {1} are names or literals, never longer expressions.
_ELEMENTWISE: dict[str, str] = {
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
    "Not": "~{0}",
    "Where": "torch.where({0}, {1}, {2})",
    "Neg": "-{0}",
    "Abs": "torch.abs({0})",
    "Exp": "torch.exp({0})",
    "Log": "torch.log({0})",
    "Sqrt": "torch.sqrt({0})",
    "Reciprocal": "torch.reciprocal({0})",
    "Sin": "torch.sin({0})",
    "Cos": "torch.cos({0})",
    "Floor": "torch.floor({0})",
    "Ceil": "torch.ceil({0})",
    "Sign": "torch.sign({0})",
    "Relu": "torch.relu({0})",
    "Sigmoid": "torch.sigmoid({0})",
    "Tanh": "torch.tanh({0})",
    "Max": "torch.maximum({0}, {1})",
    "Min": "torch.minimum({0}, {1})",
}
_WITH_NUMBER = {"Max": "torch.clamp({0}, min={1})", "Min": "torch.clamp({0}, max={1})"}
_BOOLEAN = frozenset(
    "Equal NotEqual Less LessOrEqual Greater GreaterOrEqual And Or Xor Not".split()
)
_REDUCTIONS = {
    "ReduceMax": "amax",
    "ReduceMin": "amin",
    "ReduceMean": "mean",
    "ReduceSum": "sum",
}
_BOOLEAN_REDUCTIONS = {"ReduceMax": "any", "ReduceMin": "all"}


@dataclass(eq=False)
class Operator(Layer):
    """A standard ONNX operator.

    Attributes
    ----------
    kind
        Its ``op_type``; ``NotEqual`` is ``Not`` of ``Equal``.
    operands
        One per input, in order: ``None`` for a tensor, else the constant.
    attributes
        Its ONNX attributes.
    """

    layout: ClassVar[Literal["keras", "channels_first", "follow", "flat"]] = "follow"
    masking: ClassVar[Literal["stop", "pass", "use"]] = "stop"

    kind: str = ""
    operands: list[Any] = field(default_factory=list)
    attributes: Mapping[str, Any] = field(default_factory=dict)

    def _terms(self, names: Sequence[str]) -> list[str]:
        tensors = iter(names)
        return [next(tensors) if o is None else literal(o) for o in self.operands]


@dataclass(eq=False)
class Elementwise(Operator):
    """Arithmetic, comparison and logic, entry by entry, with broadcasting."""

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """NumPy's broadcasting."""
        result = shapes[0]
        for shape in shapes[1:]:
            result = broadcast_shape(result, shape)
        return [result]

    def output_dtype(self, *dtypes: str) -> str:
        """Booleans from comparisons; floats win over integers."""
        if self.kind in _BOOLEAN:
            return "bool"
        floats = [d for d in dtypes if "float" in d]
        if not floats and any(isinstance(o, float) for o in self.operands):
            return "float32"
        return floats[0] if floats else dtypes[0]

    def takes_flat(self) -> Literal["consumes", "follows", "refuses"]:
        """Entry by entry: any order goes."""
        return "follows"

    def layouts(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """Follow; inputs of different ranks meet in Keras' order."""
        wanted = self._agree(call)
        rank = call.y.rank
        whole = [w for w, t in zip(wanted, call.inputs, strict=True) if t.rank == rank]
        return wanted, [whole[0] if whole else Layout.keras(rank)]

    def forward(self, call: Call, module: str) -> Forward:
        """``x + y``."""
        template = _ELEMENTWISE[self.kind]
        terms = self._terms([t.name for t in call.inputs])
        if self.kind in _WITH_NUMBER and len(call.inputs) == 1:
            template = _WITH_NUMBER[self.kind]
            terms.sort(key=lambda t: t != call.x.name)
        return Forward(template.format(*terms))


@dataclass(eq=False)
class Reduction(Operator):
    """Maximum, minimum, mean or sum along axes."""

    def _axes(self, rank: int) -> list[int]:
        axes = self.operands[1] if len(self.operands) > 1 else None
        found = axes or range(rank)
        return sorted(a % rank for a in found)

    @property
    def _keeps(self) -> bool:
        return bool(self.attributes.get("keepdims", 1))

    def takes_flat(self) -> Literal["consumes", "follows", "refuses"]:
        """It runs along axes."""
        return "refuses"

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """Without the axes, or with size 1 there."""
        axes = self._axes(len(shapes[0]))
        if self._keeps:
            return [tuple(1 if i in axes else s for i, s in enumerate(shapes[0]))]
        return [tuple(s for i, s in enumerate(shapes[0]) if i not in axes)]

    def output_dtype(self, *dtypes: str) -> str:
        """As it came in."""
        return dtypes[0]

    def layouts(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """Keep the order of the axes that are left."""
        there = Layout(call.x.layout.axes) if not call.x.layout.flat else None
        order = there or Layout.keras(call.x.rank)
        if self._keeps:
            return [order], [order]
        gone = self._axes(call.x.rank)
        left = [a for a in order.axes if a not in gone]
        axes = tuple(a - sum(g < a for g in gone) for a in left)
        return [order], [Layout(axes)]

    def forward(self, call: Call, module: str) -> Forward:
        """``x.mean(dim=(2, 3))``."""
        dims = sorted(call.x.layout.position(a) for a in self._axes(call.x.rank))
        boolean = call.x.dtype == "bool"
        name = (_BOOLEAN_REDUCTIONS if boolean else _REDUCTIONS)[self.kind]
        dim = literal(dims[0] if len(dims) == 1 else tuple(dims))
        keep = ", keepdim=True" if self._keeps else ""
        return Forward(f"{call.x.name}.{name}(dim={dim}{keep})")


@dataclass(eq=False)
class Unsqueeze(Operator):
    """New axes of size 1."""

    def takes_flat(self) -> Literal["consumes", "follows", "refuses"]:
        """The axes count."""
        return "refuses"

    def _axes(self, rank: int) -> list[int]:
        axes = list(self.operands[1])
        return sorted(a % (rank + len(axes)) for a in axes)

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """With size 1 at each axis."""
        sizes = list(shapes[0])
        for axis in self._axes(len(sizes)):
            sizes.insert(axis, 1)
        return [tuple(sizes)]

    def output_dtype(self, *dtypes: str) -> str:
        """As it came in."""
        return dtypes[0]

    def layouts(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """Keras' order."""
        return [Layout.keras(call.x.rank)], [Layout.keras(call.y.rank)]

    def forward(self, call: Call, module: str) -> Forward:
        """``x.unsqueeze(1)``."""
        text = call.x.name
        for axis in self._axes(call.x.rank):
            text += f".unsqueeze({axis})"
        return Forward(text)


@dataclass(eq=False)
class Concat(Operator):
    """Tensors one behind the other."""

    def takes_flat(self) -> Literal["consumes", "follows", "refuses"]:
        """The order along the axis counts."""
        return "refuses"

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """The sizes along the axis add up."""
        axis = self.attributes["axis"] % len(shapes[0])
        sizes = [s[axis] for s in shapes]
        known = [s for s in sizes if s is not None]
        total = sum(known) if len(known) == len(sizes) else None
        return [(*shapes[0][:axis], total, *shapes[0][axis + 1 :])]

    def output_dtype(self, *dtypes: str) -> str:
        """As they came in."""
        return dtypes[0]

    def layouts(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """Keras' order."""
        return [Layout.keras(t.rank) for t in call.inputs], [Layout.keras(call.y.rank)]

    def forward(self, call: Call, module: str) -> Forward:
        """``torch.cat([x, y], dim=1)``."""
        names = ", ".join(self._terms([t.name for t in call.inputs]))
        return Forward(f"torch.cat([{names}], dim={literal(self.attributes['axis'])})")


@dataclass(eq=False)
class Slice(Operator):
    """A part of some axes; ``Item`` also drops axes, of which one entry was taken.

    Operands: the tensor, starts, ends, axes, steps, and of an ``Item`` the axes that
    go.
    """

    def _slices(self, shape: Shape) -> dict[int, slice]:
        starts, ends, axes, steps = self.operands[1:5]
        return {
            axis % len(shape): slice(start or None, None if end >= _FAR else end, step)
            for start, end, axis, step in zip(starts, ends, axes, steps, strict=True)
        }

    def _gone(self, rank: int) -> list[int]:
        gone = self.operands[5] if self.kind == "Item" else []
        return sorted(axis % rank for axis in gone)

    def takes_flat(self) -> Literal["consumes", "follows", "refuses"]:
        """The axes count."""
        return "refuses"

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """What is left of each axis."""
        sizes: list[int | None] = list(shapes[0])
        for axis, part in self._slices(shapes[0]).items():
            size = sizes[axis]
            sizes[axis] = len(range(*part.indices(size))) if size is not None else None
        gone = self._gone(len(sizes))
        return [tuple(s for i, s in enumerate(sizes) if i not in gone)]

    def output_dtype(self, *dtypes: str) -> str:
        """As it came in."""
        return dtypes[0]

    def layouts(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """Keep the order of the axes that are left."""
        order = call.x.layout
        if order.flat:
            order = Layout.keras(call.x.rank)
        gone = self._gone(call.x.rank)
        left = [a for a in order.axes if a not in gone]
        return [order], [Layout(tuple(a - sum(g < a for g in gone) for a in left))]

    def forward(self, call: Call, module: str) -> Forward:
        """``x[:, 0]``."""
        parts, gone = self._slices(call.x.shape), self._gone(call.x.rank)
        keys = []
        for axis in call.x.layout.axes:
            part = parts.get(axis, slice(None))
            if axis in gone:
                keys.append(literal(part.start or 0))
            else:
                ends = [
                    "" if e is None else literal(e) for e in (part.start, part.stop)
                ]
                step = f":{literal(part.step)}" if part.step not in (None, 1) else ""
                keys.append(":".join(ends) + step)
        while keys and keys[-1] == ":":
            keys.pop()
        return Forward(f"{call.x.name}[{', '.join(keys)}]" if keys else call.x.name)


@dataclass(eq=False)
class Rearranged(Operator):
    """Squeeze, Reshape and Transpose, which read the tensor in Keras' order."""

    def takes_flat(self) -> Literal["consumes", "follows", "refuses"]:
        """The order of the axes counts."""
        return "refuses"

    def output_dtype(self, *dtypes: str) -> str:
        """As it came in."""
        return dtypes[0]

    def layouts(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """Keras' order."""
        return [Layout.keras(call.x.rank)], [Layout.keras(call.y.rank)]

    def _axes(self, rank: int) -> list[int]:
        return sorted((a % rank for a in self.operands[1]), reverse=True)

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """The sizes in their new places."""
        (shape,) = shapes
        if self.kind == "Squeeze":
            axes = self._axes(len(shape))
            return [tuple(s for i, s in enumerate(shape) if i not in axes)]
        if self.kind == "Transpose":
            return [tuple(shape[a] for a in self.attributes["perm"])]
        return [tuple(None if n == -1 else n for n in self.operands[1])]

    def forward(self, call: Call, module: str) -> Forward:
        """``x.squeeze(1)``, ``x.reshape(-1, 20)``, ``x.permute(2, 1, 0)``."""
        if self.kind == "Squeeze":
            axes = self._axes(call.x.rank)
            return Forward(call.x.name + "".join(f".squeeze({a})" for a in axes))
        method, numbers = "reshape", self.operands[1]
        if self.kind == "Transpose":
            method, numbers = "permute", self.attributes["perm"]
        given = ", ".join(literal(n) for n in numbers)
        return Forward(f"{call.x.name}.{method}({given})")


@dataclass(eq=False)
class MatMul(Operator):
    """The product of matrices on the last two axes."""

    def takes_flat(self) -> Literal["consumes", "follows", "refuses"]:
        """The order along the axes counts."""
        return "refuses"

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """Rows of the first, columns of the second."""
        left, right = shapes
        return [(*broadcast_shape(left[:-2], right[:-2]), left[-2], right[-1])]

    def layouts(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """Keras' order."""
        return [Layout.keras(t.rank) for t in call.inputs], [Layout.keras(call.y.rank)]

    def forward(self, call: Call, module: str) -> Forward:
        """``x @ y``."""
        return Forward(" @ ".join(self._terms([t.name for t in call.inputs])))


@dataclass(eq=False)
class Converted(Operator):
    """Cast and Clip, entry by entry."""

    @property
    def _dtype(self) -> str:
        kind = ir.DataType(self.attributes["to"])
        return "bool" if kind == ir.DataType.BOOL else str(kind.numpy())

    def takes_flat(self) -> Literal["consumes", "follows", "refuses"]:
        """Entry by entry: any order goes."""
        return "follows"

    def output_dtype(self, *dtypes: str) -> str:
        """As it came in, or as the cast says."""
        return self._dtype if self.kind == "Cast" else dtypes[0]

    def forward(self, call: Call, module: str) -> Forward:
        """``x.to(torch.int32)``, ``x.clamp(0.0, 1.0)``."""
        x = call.x
        if self.kind == "Clip":
            low, high = (literal(v) for v in self.operands[1:3])
            return Forward(f"{x.name}.clamp({low}, {high})")
        if self._dtype == "float32":
            # What PyTorch computes in by default, be it in double precision.
            same = x.dtype == "float32"
            text = x.name if same else f"{x.name}.to(torch.get_default_dtype())"
            return Forward(text)
        return Forward(f"{x.name}.to(torch.{self._dtype})")


@dataclass(eq=False)
class Filled(Operator):
    """A constant in the shape of a tensor."""

    def output_dtype(self, *dtypes: str) -> str:
        """That of the constant."""
        return str(self.attributes["value"].dtype)

    def forward(self, call: Call, module: str) -> Forward:
        """``torch.zeros_like(x, dtype=torch.bool)``."""
        value, dtype = self.attributes["value"].item(), self.output_dtype()
        kind = "" if dtype == call.x.dtype else f", dtype=torch.{dtype}"
        if value in (0, 1):
            name = "ones_like" if value else "zeros_like"
            return Forward(f"torch.{name}({call.x.name}{kind})")
        return Forward(f"torch.full_like({call.x.name}, {literal(value)}{kind})")


# From here on an end is the axis' own: ONNX has no open slices.
_FAR = 2**31 - 1

OPERATORS: dict[str, type[Operator]] = {
    **dict.fromkeys(_ELEMENTWISE, Elementwise),
    **dict.fromkeys(_REDUCTIONS, Reduction),
    **dict.fromkeys(("Slice", "Item"), Slice),
    **dict.fromkeys(("Reshape", "Squeeze", "Transpose"), Rearranged),
    **dict.fromkeys(("Cast", "Clip"), Converted),
    "Concat": Concat,
    "Filled": Filled,
    "MatMul": MatMul,
    "Unsqueeze": Unsqueeze,
}


def definition(
    kind: str, name: str, operands: Sequence[Any], attributes: Mapping[str, Any]
) -> Operator:
    """Return the definition of an ONNX operator.

    Raises
    ------
    KeyError
        If there is no rule for it.
    """
    return OPERATORS[kind](
        kind=kind, name=name, operands=list(operands), attributes=dict(attributes)
    )
