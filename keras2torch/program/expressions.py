"""Expressions put together from the results of several operators.

An operator's result that is read once need not have a name: ``F.relu(h) * 0.5``.
"""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from keras2torch.layers.definitions import Tensor

# What fits on a line of 88 behind ``return`` in a method, and what the eye takes in.
_LONGEST = 72
_DEEPEST = 5
_PLACE = re.compile(r"\bpending_\d+_\b")
# Where an expression is evaluated never or more than once.
_REPEATED = (
    ast.Lambda,
    ast.IfExp,
    ast.ListComp,
    ast.SetComp,
    ast.DictComp,
    ast.GeneratorExp,
    ast.BoolOp,
)


@dataclass
class Pending:
    """A result that is not yet computed: its reader holds ``place`` for it.

    Attributes
    ----------
    place
        The name that stands for it in the reader's text.
    text
        The expression.
    tensor, path, wish
        The result, the operator, and the name if it needs one after all.
    inside
        Results that are part of the expression.
    """

    place: str
    text: str
    tensor: Tensor
    path: str
    wish: str
    inside: list[Pending] = field(default_factory=list)

    def parts(self) -> list[Pending]:
        """Return this and everything inside, the innermost first."""
        return [p for part in self.inside for p in part.parts()] + [self]


def place(number: int) -> str:
    """Return the name that stands for a result."""
    return f"pending_{number}_"


def places(texts: Sequence[str]) -> list[str]:
    """Return the places in some texts, each once, in order."""
    return list(dict.fromkeys(p for t in texts for p in _PLACE.findall(t)))


def evaluated_once(name: str, texts: Sequence[str]) -> bool:
    """Whether the texts evaluate a name exactly once."""
    count = 0
    for text in texts:
        tree = ast.parse(text)
        count += sum(_is(node, name) for node in ast.walk(tree))
        for node in ast.walk(tree):
            if isinstance(node, _REPEATED):
                count += sum(_is(inner, name) for inner in ast.walk(node))
    return count == 1


def substituted(text: str, name: str, value: str) -> str:
    """Return a text with an expression in place of a name, in parentheses if need be.

    Examples
    --------
    >>> substituted("a * b", "a", "x + y"), substituted("b + a", "a", "x * y")
    ('(x + y) * b', 'b + x * y')
    """
    tree = ast.parse(text)
    found = next(n for n in ast.walk(tree) if _is(n, name))
    wanted = ast.dump(_Replaced(name, value).visit(copy.deepcopy(tree)))
    encoded = text.encode()
    assert isinstance(found, ast.Name)
    assert found.end_col_offset is not None
    head = encoded[: found.col_offset].decode()
    tail = encoded[found.end_col_offset :].decode()
    plain = f"{head}{value}{tail}"
    if not _mixed(tree, name, value) and _meaning(plain) == wanted:
        return plain
    return f"{head}({value}){tail}"


def _meaning(text: str) -> str:
    """Return what Python reads, ``""`` where it reads nothing: ``x ** 3.sum()``."""
    try:
        return ast.dump(ast.parse(text))
    except SyntaxError:
        return ""


def readable(text: str) -> bool:
    """Whether an expression is short and shallow enough for one line."""
    return len(text) <= _LONGEST and _depth(ast.parse(text)) <= _DEEPEST


def _is(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


class _Replaced(ast.NodeTransformer):
    def __init__(self, name: str, value: str) -> None:
        self._name = name
        self._value = ast.parse(value, mode="eval").body

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self._value if node.id == self._name else node


def _mixed(tree: ast.AST, name: str, value: str) -> bool:
    """Whether ``@`` would stand beside ``*`` or ``/``: right, but nobody knows it."""
    inner = ast.parse(value, mode="eval").body
    if not isinstance(inner, ast.BinOp):
        return False
    alike = (ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.MatMult)
    return any(
        isinstance(node, ast.BinOp)
        and (_is(node.left, name) or _is(node.right, name))
        and isinstance(node.op, alike)
        and isinstance(inner.op, alike)
        and (isinstance(node.op, ast.MatMult) or isinstance(inner.op, ast.MatMult))
        for node in ast.walk(tree)
    )


def _depth(node: ast.AST) -> int:
    """Count the operations inside one another; a chain ``a + b + c`` is one."""
    if isinstance(node, ast.BinOp):
        sides = [_depth(node.left) + 1, _depth(node.right) + 1]
        if isinstance(node.left, ast.BinOp) and type(node.left.op) is type(node.op):
            sides[0] -= 1
        return max(sides)
    own = isinstance(node, (ast.Call, ast.UnaryOp, ast.Compare, ast.Subscript))
    if isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Constant):
        own = False
    return own + max((_depth(n) for n in ast.iter_child_nodes(node)), default=0)
