"""One entry per ONNX operator (opset 21): the torch expression that it becomes.

An operator behaves like a layer without weights, so that the layout pass and the
writer treat both alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

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


OPERATORS: dict[str, type[Operator]] = {
    **dict.fromkeys(_ELEMENTWISE, Elementwise),
    **dict.fromkeys(_REDUCTIONS, Reduction),
    "Unsqueeze": Unsqueeze,
    "Concat": Concat,
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
