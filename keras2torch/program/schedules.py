"""Numbers that grow evenly from block to block, as a person writes them: by a rule.

The rates of stochastic depth do (Huang et al. 2016): code computes ``0.2 * i / 39``,
and only its results arrive here.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isclose

from keras2torch.layers.text import single

# So few short numbers are read at a glance, and as many in a row are no accident.
_FEW, _SHORT = 4, 5
_LEAST = 3
# What float32 rounded away is less of a step, or of a rate.
_NEAR = 1e-5
_MOST = 1000


def scheduled(
    lines: Sequence[str], parameters: Mapping[str, Sequence[str]]
) -> list[str]:
    """Write the numbers of loops that are evenly spaced as multiples of an index.

    Parameters
    ----------
    lines
        The statements of ``__init__`` of a class.
    parameters
        Class → the arguments of its constructor.

    Examples
    --------
    >>> line = "self.a = f(*[B(p=p) for p in (0.075, 0.0875, 0.1, 0.1125)])"
    >>> scheduled([line], {"B": ["p"]})
    ['self.a = f(*[B(p=0.15 * i / 12) for i in range(6, 10)])']
    """
    codes = [line.partition("  # ") for line in lines]
    if not any(" for " in code for code, _, _ in codes):
        return list(lines)
    loops: dict[str, list[list[float]]] = {}
    told: dict[str, list[float]] = {}
    for code, _, _ in codes:
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.ListComp) and (found := _looped(node)):
                loops.setdefault(found[0], []).append(found[1])
            elif isinstance(node, ast.Call):
                for name, value in _told(node, parameters).items():
                    told.setdefault(name, []).append(value)
    rules = {
        name: rule
        for name, lists in loops.items()
        if (rule := _rule(lists, told.get(name, []))) is not None
    }
    if not rules:
        return list(lines)
    writer = _Writer(rules, parameters)
    return [writer.written(code) + comment + remark for code, comment, remark in codes]


@dataclass(frozen=True)
class _Rule:
    """Number ``i`` is ``rate * i / count``."""

    rate: float
    count: int

    def text(self, index: int | str) -> str:
        by = f" / {self.count}" if self.count > 1 else ""
        return f"{self.rate!r} * {index}{by}"

    def index(self, value: float) -> int | None:
        """Return which number this is; ``None`` if it is none of them."""
        found = round(value * self.count / self.rate)
        computed = self.rate * found / self.count
        # Layers tell their rates in the digits of float32; the rule has the others too.
        same = single(computed) == value or isclose(computed, value, rel_tol=1e-15)
        return found if same else None

    def indexes(self, values: Sequence[float]) -> range | None:
        """Return which numbers these are, if they are evenly spaced."""
        found = [i for value in values if (i := self.index(value)) is not None]
        if len(found) < len(values) or (step := found[1] - found[0]) == 0:
            return None
        made = range(found[0], found[-1] + (1 if step > 0 else -1), step)
        return made if list(made) == found else None


def _looped(node: ast.ListComp) -> tuple[str, list[float]] | None:
    """Return the variable of a loop over floats, and the floats."""
    [generator, *others] = node.generators
    target, values = generator.target, generator.iter
    if others or not isinstance(target, ast.Name) or not isinstance(values, ast.Tuple):
        return None
    found = [f for v in values.elts if (f := _float(v)) is not None]
    return (target.id, found) if 1 < len(found) == len(values.elts) else None


def _float(node: ast.expr) -> float | None:
    value = node.value if isinstance(node, ast.Constant) else None
    return value if isinstance(value, float) else None


def _arguments(
    node: ast.Call, parameters: Mapping[str, Sequence[str]]
) -> Iterator[tuple[str, ast.expr]]:
    """Yield what a class of this file is told, and what that is called there."""
    if isinstance(node.func, ast.Name) and node.func.id in parameters:
        yield from zip(parameters[node.func.id], node.args, strict=False)
        yield from ((k.arg, k.value) for k in node.keywords if k.arg)


def _told(node: ast.Call, parameters: Mapping[str, Sequence[str]]) -> dict[str, float]:
    found = {name: _float(value) for name, value in _arguments(node, parameters)}
    return {name: value for name, value in found.items() if value is not None}


# ---------------------------------------------------------------------- which rule
def _rule(loops: Sequence[Sequence[float]], told: Sequence[float]) -> _Rule | None:
    """Return the rule by which a person would compute the numbers of an argument."""
    longest = max(loops, key=len)
    step = abs(longest[-1] - longest[0]) / (len(longest) - 1)
    looped = [value for values in loops for value in values]
    every = [*looped, *told]
    few = len(every) <= _FEW and all(len(repr(value)) <= _SHORT for value in every)
    if len(longest) < _LEAST or not 0 < step < 1 or few:
        return None
    numbers = [n for n in looped if _is_near(n / step, round(n / step))]
    rules = _rules(step, max(numbers, default=0.0))
    return next((r for r in rules if r.indexes(longest) is not None), None)


def _rules(step: float, largest: float) -> Iterator[_Rule]:
    """Yield rules with that step, what a person would more probably write first."""
    last = round(largest / step)
    if step >= 0.01 and _is_near(step, _rounded(step, 1)):
        yield _Rule(_rounded(step, 1), 1)
    # The rate is that of the last block, or of one behind it: i < count.
    for count in range(max(last, 2), last + 4):
        if _is_near(step * count, _rounded(step * count, 2)):
            yield _Rule(_rounded(step * count, 2), count)
    for digits in (1, 2):
        tens = range(10 ** (digits - 1), 10**digits)
        rates = [float(f"{n}e-{places}") for n in tens for places in (1, 2, 3)]
        for rate in sorted(rates, key=lambda r: abs(r - largest)):
            count = round(rate / step)
            if 1 < count <= _MOST and _is_near(rate / step, count):
                yield _Rule(rate, count)


def _rounded(value: float, digits: int) -> float:
    return float(f"{value:.{digits}g}")


def _is_near(value: float, whole: float) -> bool:
    return isclose(value, whole, rel_tol=_NEAR)


# -------------------------------------------------------------------- how it is used
class _Writer(ast.NodeTransformer):
    """Puts rules in the place of numbers."""

    def __init__(
        self, rules: Mapping[str, _Rule], parameters: Mapping[str, Sequence[str]]
    ) -> None:
        self._rules = rules
        self._parameters = parameters
        self._new: dict[str, str] = {}
        self._changed = False

    def written(self, code: str) -> str:
        """Return a statement with rules, or as it is where none applies."""
        self._changed = False
        made = ast.unparse(ast.fix_missing_locations(self.visit(ast.parse(code))))
        return made if self._changed else code

    def visit_ListComp(self, node: ast.ListComp) -> ast.ListComp:
        found = _looped(node)
        rule = self._rules.get(found[0]) if found else None
        indexes = rule.indexes(found[1]) if rule and found else None
        names = {n.id for n in ast.walk(node.elt) if isinstance(n, ast.Name)}
        if rule and found and indexes is not None and "i" not in names:
            self._changed = True
            self._new[found[0]] = rule.text("i")
            node.generators[0].target = ast.Name("i")
            node.generators[0].iter = _parsed(_range(indexes))
            self.generic_visit(node)
            del self._new[found[0]]
            return node
        self.generic_visit(node)
        return node

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return _parsed(self._new[node.id]) if node.id in self._new else node

    def visit_Call(self, node: ast.Call) -> ast.Call:
        self.generic_visit(node)
        for name, value in list(_arguments(node, self._parameters)):
            rule, number = self._rules.get(name), _float(value)
            if rule is None or number is None or len(repr(number)) <= _SHORT:
                continue
            index = rule.index(number)
            # Beyond the rate it is an accident.
            if index is None or index > rule.count:
                continue
            self._changed = True
            made = _parsed(rule.text(index))
            node.args = [made if v is value else v for v in node.args]
            for keyword in node.keywords:
                keyword.value = made if keyword.value is value else keyword.value
        return node


def _range(numbers: range) -> str:
    """Return the text of a range, what need not be told left out."""
    start, stop, step = numbers.start, numbers.stop, numbers.step
    told = [start, stop, step] if step != 1 else [start, stop] if start else [stop]
    return f"range({', '.join(str(n) for n in told)})"


def _parsed(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body
