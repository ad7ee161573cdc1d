"""Several operators that a person writes as one: ``log(1 + x)``, ``0.5 * x * (…)``.

Exporters take functions apart that PyTorch has. What is put together again computes
the same for all numbers; where rounding differs, it is nearer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx_ir as ir

from keras2torch.operators.folding import Facts

STANDARD = ("", "ai.onnx")
Inputs = list[ir.Value | None]
# Numbers of a formula are stored in single precision.
_NEAR = 1e-6
_SAME_VALUES = frozenset({"Squeeze", "Reshape", "Identity", "StopGradient"})


@dataclass
class Match:
    """One operator in the place of several.

    Attributes
    ----------
    kind, inputs
        Its name among the operators, and what it takes.
    attributes
        Its attributes; ``None``: those of the last of the several.
    """

    kind: str
    inputs: Inputs
    attributes: dict[str, Any] | None = None


class Patterns:
    """Finds them, each by its last operator.

    Parameters
    ----------
    facts
        What is known of the graph.
    is_free
        Whether a value is read by one operator alone: its own may then disappear.
    """

    def __init__(self, facts: Facts, is_free: Callable[[ir.Value], bool]) -> None:
        self.facts = facts
        self.is_free = is_free

    def found(self, node: ir.Node) -> Match | None:
        """Return what a node ends, if it does."""
        if node.domain not in STANDARD:
            return None
        for rule in _RULES.get(node.op_type, ()):
            if (match := rule(self, node)) is not None:
                return match
        return None

    # -- what rules ask
    def inner(self, value: ir.Value | None, *kinds: str) -> ir.Node | None:
        """Return the operator that made a value for this reader only."""
        source = None if value is None else value.producer()
        if source is None or value is None or source.op_type not in kinds:
            return None
        known = source.domain in STANDARD and value is source.outputs[0]
        return source if known and self.is_free(value) else None

    def number(self, value: ir.Value | None, rank: int = 0) -> float | None:
        """Return a number that adds no axes to what has ``rank`` of them."""
        array = self.facts.array(value)
        if array is None or array.dtype.kind not in "fiu" or array.size != 1:
            return None
        return float(array.reshape(())) if array.ndim <= rank else None

    def rank(self, value: ir.Value | None) -> int:
        """Return how many axes a value surely has."""
        return len(self.facts.dims(value) or ()) if value is not None else 0

    def sides(self, node: ir.Node) -> Iterator[tuple[ir.Value | None, ir.Value | None]]:
        """Return the two inputs of what commutes, either first."""
        left, right = node.inputs[:2]
        yield left, right
        yield right, left

    def beside(self, node: ir.Node | None, number: float) -> ir.Value | None:
        """Return what a number is added to or multiplied with in a node."""
        for value, other in self.sides(node) if node is not None else ():
            found = self.number(other, self.rank(value))
            if found is not None and math.isclose(found, number, rel_tol=_NEAR):
                return value
        return None

    def product(
        self, value: ir.Value | None, *, outermost: bool = True
    ) -> tuple[float, Inputs]:
        """Return a number and what else is multiplied in a value."""
        source = self.inner(value, "Mul", "Div", "Pow")
        if source is None and outermost and value is not None:
            made = value.producer()
            if made is not None and made.domain in STANDARD:
                source = made
        if source is not None and source.op_type in ("Mul", "Div"):
            left, right = source.inputs
            rank = max(self.rank(left), self.rank(right))
            for one, other in self.sides(source):
                number = self.number(other, rank)
                if number is None or (source.op_type == "Div" and one is right):
                    continue
                factor, factors = self.product(one, outermost=False)
                if source.op_type == "Mul":
                    return factor * number, factors
                return (factor / number if number else math.nan), factors
            if source.op_type == "Mul":
                first, some = self.product(left, outermost=False)
                second, more = self.product(right, outermost=False)
                return first * second, [*some, *more]
        if source is not None and source.op_type == "Pow":
            power = self.number(source.inputs[1], self.rank(source.inputs[0]))
            if power in (2.0, 3.0):
                return 1.0, [source.inputs[0]] * int(power)
        return 1.0, [value]


def _near(found: float, wanted: float) -> bool:
    return math.isclose(found, wanted, rel_tol=_NEAR)


# --------------------------------------------------------------------------- rules
def _not_equal(p: Patterns, node: ir.Node) -> Match | None:
    source = p.inner(node.inputs[0], "Equal")
    return Match("NotEqual", list(source.inputs)) if source is not None else None


def _reciprocal_root(p: Patterns, node: ir.Node) -> Match | None:
    """``1 / sqrt(x)``."""
    one = 0 if node.op_type == "Reciprocal" else 1
    if one and p.number(node.inputs[0]) != 1:
        return None
    source = p.inner(node.inputs[one], "Sqrt")
    return Match("Rsqrt", list(source.inputs), {}) if source is not None else None


def _swish(p: Patterns, node: ir.Node) -> Match | None:
    """``x * sigmoid(x)``."""
    for x, gate in p.sides(node):
        source = p.inner(gate, "Sigmoid")
        if source is None:
            continue
        # Keras multiplies by a beta, which is 1.
        if source.inputs[0] is x or p.product(source.inputs[0]) == (1.0, [x]):
            return Match("Swish", [x], {})
    return None


def _gelu(p: Patterns, node: ir.Node) -> Match | None:
    """``x / 2 * (1 + erf(x / sqrt(2)))``, or with the hyperbolic tangent."""
    half, factors = p.product(node.outputs[0])
    if len(factors) != 2 or not _near(half, 0.5):
        return None
    for x, share in (factors, factors[::-1]):
        curve = p.inner(p.beside(p.inner(share, "Add"), 1), "Erf", "Tanh")
        if curve is None or x is None:
            continue
        if curve.op_type == "Erf":
            factor, rest = p.product(curve.inputs[0])
            if _near(factor, math.sqrt(0.5)) and rest == [x]:
                return Match("Gelu", [x], {})
            continue
        factor, rest = p.product(curve.inputs[0])
        if _near(factor, math.sqrt(2 / math.pi)) and len(rest) == 1:
            for same, cube in _sums(p, rest[0]):
                if same is x and _is_cubed(p, cube, x):
                    return Match("Gelu", [x], {"approximate": "tanh"})
    return None


def _sums(p: Patterns, value: ir.Value | None) -> Iterator[tuple[Any, Any]]:
    source = p.inner(value, "Add")
    if source is not None:
        yield from p.sides(source)


def _is_cubed(p: Patterns, value: ir.Value | None, x: ir.Value) -> bool:
    factor, rest = p.product(value)
    return _near(factor, 0.044715) and rest == [x] * 3


def _logarithm(p: Patterns, node: ir.Node) -> Match | None:
    """``log(1 + x)``, ``log(1 + exp(x))``."""
    x = p.beside(p.inner(node.inputs[0], "Add"), 1)
    if x is None:
        return None
    power = p.inner(x, "Exp")
    if power is not None:
        return Match("Softplus", list(power.inputs))
    return Match("Log1p", [x])


def _less_one(p: Patterns, node: ir.Node) -> Match | None:
    """``exp(x) - 1``."""
    power, one = node.inputs[:2]
    sign = 1.0 if node.op_type == "Sub" else -1.0
    for value, number in ((power, one), (one, power)):
        source = p.inner(value, "Exp")
        if source is not None and p.number(number, p.rank(value)) == sign:
            return Match("Expm1", list(source.inputs), {})
        if sign == 1:
            break
    return None


def _log_sum_exp(p: Patterns, node: ir.Node) -> Match | None:
    """``log(sum(exp(x - m))) + m``, whatever ``m`` is along the axes."""
    for logarithm, most in p.sides(node):
        log = p.inner(logarithm, "Log")
        total = p.inner(log.inputs[0], "ReduceSum") if log is not None else None
        power = p.inner(total.inputs[0], "Exp") if total is not None else None
        gap = p.inner(power.inputs[0], "Sub") if power is not None else None
        if total is None or gap is None:
            continue
        x, less = gap.inputs
        dims = p.facts.dims(less) if less is not None else None
        axes = p.facts.array(total.inputs[1]) if len(total.inputs) > 1 else None
        if dims is None or axes is None or len(dims) != p.rank(x) or not axes.size:
            continue
        flat = all(dims[int(a)] == 1 for a in axes.reshape(-1))
        kept = total.attributes.get("keepdims")
        keeps = kept is None or bool(kept.as_int())
        same = _origin(most) is _origin(less) and p.rank(most) == p.rank(logarithm)
        if flat and same:
            made = {"keepdims": int(keeps)}
            return Match("ReduceLogSumExp", [x, total.inputs[1]], made)
    return None


def _origin(value: ir.Value | None) -> ir.Value | None:
    """Return of what a value is another shape."""
    source = None if value is None else value.producer()
    while source is not None and source.op_type in _SAME_VALUES:
        value = source.inputs[0]
        source = None if value is None else value.producer()
    return value


def _product_of_rows(p: Patterns, node: ir.Node) -> Match | None:
    """A product whose rows are laid in one axis before and apart after."""
    product = p.inner(node.inputs[0], "MatMul")
    if product is None:
        return None
    rows, right = product.inputs
    source = p.inner(rows, "Reshape")
    x = source.inputs[0] if source is not None else None
    dims = [None if v is None else p.facts.dims(v) for v in (x, rows, right)]
    made = p.facts.dims(node.outputs[0])
    old, flat, columns = dims
    if old is None or flat is None or columns is None or made is None:
        return None
    fits = len(flat) == len(columns) == 2 and len(old) > 1
    if not fits or not flat[-1] == old[-1] == columns[0]:
        return None
    if made == [*old[:-1], columns[1]]:
        return Match("MatMul", [x, right], {})
    column = p.inner(right, "Unsqueeze", "Reshape")
    if column is not None and made == old[:-1] and p.rank(column.inputs[0]) == 1:
        return Match("MatMul", [x, column.inputs[0]], {})
    return None


def _share(p: Patterns, node: ir.Node) -> Match | None:
    """A product with zeros and ones that were booleans, which torch takes as such."""
    for x, mask in p.sides(node):
        cast = p.inner(mask, "Cast")
        held = cast.inputs[0] if cast is not None else None
        if held is None or x is None or held.dtype != ir.DataType.BOOL:
            continue
        plain = x.dtype is not None and x.dtype.is_floating_point()
        if plain and mask is not None and x.dtype == mask.dtype and p.rank(x):
            return Match("Mul", [held if v is mask else v for v in node.inputs])
    return None


def _one_of_a_split(p: Patterns, node: ir.Node) -> Match | None:
    """One entry along an axis, of which each was cut out: ``x[:, 0]``."""
    value = node.inputs[0]
    source = None if value is None else value.producer()
    if source is None or value is None or not p.is_free(value):
        return None
    axes = p.facts.array(node.inputs[1]) if len(node.inputs) > 1 else None
    x, rank = source.inputs[0], p.rank(value)
    dims = p.facts.dims(x) if source.op_type == "Split" and x is not None else None
    if source.domain not in STANDARD or dims is None or axes is None or axes.size != 1:
        return None
    at = source.attributes.get("axis")
    axis = (at.as_int() if at is not None else 0) % rank
    sizes = [p.facts.dims(v) for v in source.outputs]
    single = dims[axis] == len(sizes) and all(s and s[axis] == 1 for s in sizes)
    if not single or int(axes.reshape(())) % rank != axis:
        return None
    index = ir.Value(const_value=ir.tensor(np.int64(source.outputs.index(value))))
    return Match("Gather", [x, index], {"axis": axis})


def _item(p: Patterns, node: ir.Node) -> Match | None:
    """One entry was taken of each axis that goes: ``x[:, 0]``."""
    sliced = p.inner(node.inputs[0], "Slice")
    if sliced is None or len(node.inputs) < 2 or len(sliced.inputs) < 4:
        return None
    arrays = [p.facts.array(v) for v in (node.inputs[1], *sliced.inputs[1:4])]
    if any(a is None or a.dtype == object for a in arrays):
        return None
    gone, starts, ends, axes = (a.tolist() for a in arrays if a is not None)
    steps = p.facts.array(sliced.inputs[4]) if len(sliced.inputs) > 4 else None
    if steps is not None and any(s != 1 for s in steps.tolist()):
        return None
    rank = p.rank(sliced.inputs[0])
    if not rank:
        return None
    parts = {a % rank: (s, e) for a, s, e in zip(axes, starts, ends, strict=True)}
    for axis in gone:
        start, end = parts.get(axis % rank, (0, 0))
        if end != start + 1 and (axis % rank not in parts or start != -1):
            return None
    # Of a Slice the steps may be left out.
    lack: Inputs = [None] * (5 - len(sliced.inputs))
    return Match("Item", [*sliced.inputs, *lack, node.inputs[1]])


def _turned(p: Patterns, node: ir.Node) -> Match | None:
    """Sequences that are turned round whole."""
    x, lengths = node.inputs[:2]
    dims = p.facts.dims(x) if x is not None else None
    array = p.facts.array(lengths)
    source = None if lengths is None else lengths.producer()
    if array is None and source is not None and source.op_type in ("Expand", "Tile"):
        array = p.facts.array(source.inputs[0])
    time = node.attributes.get("time_axis")
    axis = time.as_int() if time is not None else 0
    if dims is None or array is None or not array.size:
        return None
    whole = all(n == dims[axis] for n in array.reshape(-1).tolist())
    return Match("Flip", [x], {"axis": axis}) if whole else None


_RULES: dict[str, tuple[Callable[[Patterns, ir.Node], Match | None], ...]] = {
    "Add": (_log_sum_exp, _less_one),
    "Div": (_reciprocal_root, _gelu),
    "Log": (_logarithm,),
    "Mul": (_swish, _gelu, _share),
    "Not": (_not_equal,),
    "Reciprocal": (_reciprocal_root,),
    "Reshape": (_product_of_rows,),
    "ReverseSequence": (_turned,),
    "Squeeze": (_item, _one_of_a_split),
    "Sub": (_less_one,),
}

__all__ = ["STANDARD", "Match", "Patterns"]
