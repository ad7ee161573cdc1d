"""What an operator is: a definition like a layer's, without weights.

The layout pass and the writer treat both alike.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, ClassVar, Literal, TypeVar

import onnx_ir as ir

from keras2torch.layers.base import Call, Layer, Layout, Shape, Tensor
from keras2torch.layers.text import literal, short, unit_fraction
from keras2torch.operators.sizes import Dim, Size

Flat = Literal["consumes", "follows", "refuses"]


class Missing(Enum):
    """Stands for an optional input that is not given."""

    MISSING = "missing"


MISSING = Missing.MISSING


@dataclass(eq=False, init=False)
class Operator(Layer):
    """A standard ONNX operator.

    Attributes
    ----------
    kind
        Its ``op_type``, or the name of several that a person writes as one.
    operands
        One per input, in order: ``None`` for a tensor, else what is known of it: a
        number, a :class:`Size`, or a list of them; ``MISSING`` if it is not given.
    attributes
        Its ONNX attributes.
    sizes
        Which tensor of the call (by its place in ``call.inputs``), and which of its
        axes, each size in the operands is of. Tensors that only lend their sizes come
        behind the others.
    constants
        Inputs that must be known before the model runs: axes, shapes, pads.
    welcome
        Inputs that are written into the text where they are known and few.
    tensors
        Inputs that are tensors, even if they are one known number.
    results
        How many outputs have a rule.
    indices
        Which input says where, if one does.
    natural
        No index is negative, which would count from the end.
    """

    layout: ClassVar[Literal["keras", "channels_first", "follow", "flat"]] = "follow"
    masking: ClassVar[Literal["stop", "pass", "use"]] = "stop"
    constants: ClassVar[frozenset[int]] = frozenset()
    welcome: ClassVar[frozenset[int]] = frozenset()
    tensors: ClassVar[frozenset[int]] = frozenset()
    results: ClassVar[int] = 1
    indices: ClassVar[int | None] = None

    kind: str = ""
    operands: list[Any] = field(default_factory=list)
    attributes: Mapping[str, Any] = field(default_factory=dict)
    sizes: Mapping[Dim, tuple[int, int]] = field(default_factory=dict)
    natural: bool = False

    # -- what is known
    def given(self, position: int, attribute: str = "") -> Any:
        """Return a known input, or the attribute that older opsets had for it."""
        if position < len(self.operands) and self.operands[position] is not MISSING:
            return self.operands[position]
        return self.attributes.get(attribute) if attribute else None

    def count(self) -> int:
        """Return how many inputs are tensors."""
        return sum(o is None for o in self.operands)

    def rectifies(self) -> bool:
        """ONNX' own does."""
        return self.kind == "Relu"

    def output_dtype(self, *dtypes: str) -> str:
        """As it came in."""
        return dtypes[0]

    def takes_flat(self) -> Flat:
        """What runs along axes counts on their order."""
        return "refuses"

    # -- layout
    def layouts(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """Of tensors that lend their sizes any order goes."""
        wanted, outs = self.orders(self._own(call))
        return [*wanted, *[t.layout for t in self._lenders(call)]], outs

    def asked(self, call: Call, wish: Layout) -> list[Layout | None]:
        """Return in what orders the inputs make the output come out as wished."""
        wished = self.wishes(self._own(call), wish)
        return [*wished, *[None] * len(self._lenders(call))]

    def orders(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """Return the layouts of the tensors and of the outputs; here the first's."""
        if self.layout == "keras":
            wanted = [Layout.keras(t.rank) for t in call.inputs]
            return wanted, [Layout.keras(t.rank) for t in call.outputs]
        order = followed(call.x)
        return [order], [order] * len(call.outputs)

    def wishes(self, call: Call, wish: Layout) -> list[Layout | None]:
        """Return what :meth:`asked` does, for the tensors alone."""
        whole = self.layout != "keras" and wish.flat is None
        return [
            wish if whole and t.rank == len(wish.axes) else None for t in call.inputs
        ]

    def _own(self, call: Call) -> Call:
        return dataclasses.replace(call, inputs=call.inputs[: self.count()])

    def _lenders(self, call: Call) -> list[Tensor]:
        return call.inputs[self.count() :]

    # -- text
    def terms(self, call: Call, names: Sequence[str] | None = None) -> list[str]:
        """Return the text of each input, none that needs parentheses."""
        tensors = iter(names or [t.name for t in call.inputs])
        return [
            next(tensors) if o is None else self.text(call, o, closed=True)
            for o in self.operands
            if o is not MISSING
        ]

    def text(self, call: Call, value: Any, *, closed: bool = False) -> str:
        """Return the text of what is known; ``closed``: as the part of something."""
        if isinstance(value, Size):
            text = value.text(lambda dim: self._size_of(call, dim))
            return f"({text})" if closed and value.compound else text
        if isinstance(value, list):
            return f"[{', '.join(self.text(call, v) for v in value)}]"
        if type(value) is float and (fraction := unit_fraction(value)):
            return f"({fraction})" if closed else fraction
        return literal(short(value) if type(value) is float else value)

    def _size_of(self, call: Call, dim: Dim) -> str:
        at, axis = self.sizes[dim]
        tensor = call.inputs[at]
        return f"{tensor.name}.shape[{tensor.layout.position(axis)}]"

    def lender(self, call: Call) -> Tensor:
        """Return a tensor on whose device new ones are made."""
        if not call.inputs:
            raise self.unsupported("no tensor says on which device it is made")
        return call.inputs[0]


# ------------------------------------------------------------------------- layouts
def followed(tensor: Tensor) -> Layout:
    """Return the order in which a tensor is, if its last axis is in Keras' order."""
    return Layout.keras(tensor.rank) if tensor.layout.flat else tensor.layout


def without(order: Layout, gone: Sequence[int]) -> Layout:
    """Return an order after some axes went."""
    left = [a for a in order.axes if a not in gone]
    return Layout(tuple(a - sum(g < a for g in gone) for a in left))


def with_axes(order: Layout, new: Sequence[int]) -> Layout:
    """Return an order from which :func:`without` some axes leaves this one.

    Each new axis comes before the ones that follow it in Keras' order.
    """
    rank = len(order.axes) + len(new)
    old = [a for a in range(rank) if a not in new]
    axes = [old[a] for a in order.axes]
    for axis in sorted(new):
        behind = [i for i, a in enumerate(axes) if a == axis - 1]
        axes.insert(behind[0] + 1 if behind else 0, axis)
    return Layout(tuple(axes))


def trailing(order: Layout, lead: int) -> Layout:
    """Return the order of a tensor that lacks the first ``lead`` axes."""
    return Layout(tuple(a - lead for a in order.axes if a >= lead))


def expanded(tensor: Tensor, order: Layout) -> str:
    """Return a tensor of fewer axes as it meets one in ``order``: ``w[:, None]``."""
    lead = len(order.axes) - tensor.rank
    if lead <= 0 or not tensor.rank:
        return tensor.name
    index = [":" if axis >= lead else "None" for axis in order.axes]
    while index[0] == "None":
        index.pop(0)
    if "None" not in index:
        return tensor.name
    while index[-1] == ":":
        index.pop()
    return f"{tensor.name}[{', '.join(index)}]"


def dtype_name(number: int) -> str:
    """Return the dtype that an ONNX attribute such as ``to`` names."""
    kind = ir.DataType(number)
    return "bool" if kind == ir.DataType.BOOL else str(kind.numpy())


# ------------------------------------------------------------------------ registry
OPERATORS: dict[str, type[Operator]] = {}
Op = TypeVar("Op", bound=Operator)


def operators(*kinds: str) -> Callable[[type[Op]], type[Op]]:
    """Register a class as the definition of ONNX operators."""

    def register(cls: type[Op]) -> type[Op]:
        made = dataclass(eq=False, repr=False, init=False)(cls)
        for kind in kinds:
            if kind in OPERATORS:
                raise ValueError(f"two definitions of {kind}")
            OPERATORS[kind] = made
        return made

    return register


def definition(
    kind: str,
    name: str,
    operands: Sequence[Any],
    attributes: Mapping[str, Any],
    sizes: Mapping[Dim, tuple[int, int]] | None = None,
) -> Operator:
    """Return the definition of an ONNX operator.

    Raises
    ------
    KeyError
        If there is no rule for it.
    """
    return OPERATORS[kind](
        kind=kind,
        name=name,
        operands=list(operands),
        attributes=dict(attributes),
        sizes=dict(sizes or {}),
    )


__all__ = [
    "MISSING",
    "OPERATORS",
    "Call",
    "Flat",
    "Layout",
    "Operator",
    "Shape",
    "Tensor",
    "definition",
    "dtype_name",
    "expanded",
    "followed",
    "operators",
    "trailing",
    "with_axes",
    "without",
]
