"""The numbers of ``forward`` that differ between instances of one class."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

# Statement of __init__, call within it, and argument; statements of forward are
# counted from -1 down.
Key = tuple[int, int, int | str]
# In the place of an argument: what is called.
CALLED = -1

# Calls of a statement that stands in another's place are counted from here.
OTHER = 1000

_SMALL = 1e-3
# What a number is to an operator; of others nobody can tell.
_OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "offset",
    ast.Sub: "offset",
    ast.Mult: "scale",
    ast.Div: "scale",
    ast.Pow: "exponent",
}


def is_number(node: ast.expr) -> bool:
    """Whether an expression is a number, a truth value, or a tuple or list of them."""
    if isinstance(node, (ast.Tuple, ast.List)):
        return bool(node.elts) and all(is_number(e) for e in node.elts)
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, ast.USub) and is_number(node.operand)
    return isinstance(node, ast.Constant) and isinstance(node.value, (int, float))


def is_told(node: ast.expr) -> bool:
    """Whether a class of this file may be told this: a number, a module, or nothing."""
    nothing = isinstance(node, ast.Constant) and node.value is None
    module = isinstance(node, ast.Attribute) and ast.unparse(node).startswith("nn.")
    return nothing or module or is_number(node)


def read_forward(
    lines: Sequence[str],
) -> tuple[list[str], dict[Key, str], dict[Key, str]]:
    """Return the statements without their numbers, the numbers, and what they mean.

    Numbers that a person would pass to the constructor: the borders of a padding,
    floats in arithmetic. Axes and shapes make other code.
    """
    skeletons: list[str] = []
    literals: dict[Key, str] = {}
    told: dict[Key, str] = {}
    for i, line in enumerate(lines):
        reader = _Numbers(-1 - i, {})
        skeletons.append(_visited(line, reader))
        literals |= reader.literals
        told |= reader.meanings
    return skeletons, literals, told


def with_attributes(lines: Sequence[str], names: Mapping[Key, str]) -> list[str]:
    """Return the statements with ``self.padding`` in the place of numbers."""
    return [
        _visited(line, _Numbers(-1 - i, names))
        if any(key[0] == -1 - i for key in names)
        else line
        for i, line in enumerate(lines)
    ]


def _visited(line: str, reader: _Numbers) -> str:
    code = line.lstrip()
    if code.endswith(":"):
        return line
    made = ast.unparse(ast.fix_missing_locations(reader.visit(ast.parse(code))))
    return line[: len(line) - len(code)] + made if reader.changed else line


class _Numbers(ast.NodeTransformer):
    """Takes numbers out of a statement, or puts attributes in their places.

    Parameters
    ----------
    line
        The first part of the keys.
    names
        Key → attribute; empty where the numbers are to be read.
    """

    def __init__(self, line: int, names: Mapping[Key, str]) -> None:
        self._line = line
        self._names = names
        self._count = 0
        self.changed = False
        self.literals: dict[Key, str] = {}
        self.meanings: dict[Key, str] = {}

    def visit_Call(self, node: ast.Call) -> ast.Call:
        self.generic_visit(node)
        pads = ast.unparse(node.func) == "F.pad" and len(node.args) == 2
        if pads and is_number(node.args[1]):
            node.args[1] = self._taken(node.args[1], "padding")
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.BinOp:
        self.generic_visit(node)
        meaning = _OPERATORS.get(type(node.op), "")
        for side in ("left", "right"):
            value = getattr(node, side)
            if meaning and _is_float(value):
                number = abs(ast.literal_eval(value))
                small = meaning == "offset" and number <= _SMALL
                setattr(node, side, self._taken(value, "eps" if small else meaning))
        return node

    def _taken(self, value: ast.expr, meaning: str) -> ast.expr:
        key: Key = (self._line, self._count, 0)
        self._count += 1
        if self._names:
            name = self._names.get(key)
            self.changed = self.changed or name is not None
            return value if name is None else _parsed(f"self.{name}")
        self.changed = True
        self.literals[key] = ast.unparse(value)
        self.meanings[key] = meaning
        return ast.Name("_")


def _is_float(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        node = node.operand
    return isinstance(node, ast.Constant) and isinstance(node.value, float)


def _parsed(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body
