"""Activations that write over their input, where nothing else can see it.

On images a network is slower for every result that it keeps apart: torchvision's have
``nn.ReLU(inplace=True)`` too. Written over is what a convolution, a batch norm or a sum
has just made and only the activation reads; none of these needs it for its gradient.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TypeGuard

from keras2torch.program.classtext import ClassText

_FUNCTIONS = frozenset({"F.relu", "F.relu6", "F.silu", "F.hardswish"})
_MODULES = frozenset({"nn.ReLU", "nn.ReLU6", "nn.SiLU", "nn.Hardswish"})
# What makes a tensor of its own.
_MAKER = re.compile(r"(nn\.(Conv(Transpose)?|BatchNorm)|Conv)[123]d(Same)?$")
_OPERATORS = (ast.Add, ast.Sub, ast.Mult)


def write_over(classes: Sequence[ClassText]) -> None:
    """Add ``inplace=True`` to activations in classes, those inside given first."""
    # Names of classes: those that return what they made, and those with convolutions.
    makers: set[str] = set()
    spatial: set[str] = set()
    chosen = _chosen(classes)
    for text in classes:
        init = [ast.parse(line) for line in text.init]
        text.init = [
            _edited([line], _in_runs(tree, makers, chosen[text.name]))[0]
            for line, tree in zip(text.init, init, strict=True)
        ]
        modules = dict(pair for tree in init for pair in _modules(tree))
        if not any(_is_spatial(made, spatial) for made in modules.values()):
            continue
        spatial.add(text.name)
        given = {f"{argument}()" for argument in chosen[text.name]}
        own = {name for name, m in modules.items() if ast.unparse(m) in given}
        makes = {name for name, m in modules.items() if _makes(m, makers)}
        forward = _Forward(text, makes, own)
        if forward.makes():
            makers.add(text.name)
        over = list(forward.over())
        functions = [call for call in over if not _own(call)]
        # The first line of what was parsed is the head of the function.
        text.forward = _edited(text.forward, iter(functions), line=2, column=1)
        heads = tuple(f"self.{_own(call)} = " for call in over if _own(call))
        text.init = [
            f"{line[:-1]}inplace=True)" if heads and line.startswith(heads) else line
            for line in text.init
        ]


# ------------------------------------------------------------------------ __init__
def _chosen(classes: Sequence[ClassText]) -> defaultdict[str, set[str]]:
    """Return the arguments of each class that are activations which can write over."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for text in classes:
        for name, kind in text.parameters.items():
            default = kind.partition(" = ")[2]
            if kind.startswith("type[") and (not default or default in _MODULES):
                found[text.name].add(name)
    if not any(found.values()):
        return found
    for text in classes:
        for node in ast.walk(ast.parse("\n".join(text.init))):
            if isinstance(node, ast.Call):
                others = [k for k in node.keywords if not _writes_over(k.value)]
                found[ast.unparse(node.func)] -= {str(k.arg) for k in others}
    return found


def _writes_over(value: ast.expr) -> bool:
    return ast.unparse(value) in _MODULES


def _modules(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """Give the attributes that a statement sets."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute):
            yield node.targets[0].attr, node.value


def _makes(module: ast.expr, makers: set[str]) -> bool:
    """Whether a module, given by its constructor, puts out a tensor that it made."""
    if isinstance(module, ast.IfExp):
        return _makes(module.body, makers) and _makes(module.orelse, makers)
    if not isinstance(module, ast.Call):
        return False
    name = ast.unparse(module.func)
    if name == "nn.Sequential" and module.args:
        return _makes(module.args[-1], makers)
    return name in makers or _MAKER.match(name) is not None


def _is_spatial(module: ast.expr, spatial: set[str]) -> bool:
    names = [ast.unparse(n.func) for n in ast.walk(module) if isinstance(n, ast.Call)]
    return any(n in spatial or re.match(r"(nn\.)?Conv", n) for n in names)


def _in_runs(
    tree: ast.Module, makers: set[str], chosen: set[str]
) -> Iterator[ast.Call]:
    """Give the activations that follow in an ``nn.Sequential`` what makes a tensor.

    ``chosen``: arguments that are activations.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "nn.Sequential":
            for before, entry in zip(node.args, node.args[1:], strict=False):
                if not isinstance(entry, ast.Call) or entry.args or entry.keywords:
                    continue
                name = ast.unparse(entry.func)
                if name in _MODULES | chosen and _makes(before, makers):
                    yield entry


# ------------------------------------------------------------------------- forward
class _Forward:
    """A ``forward``, the names of modules that make tensors, and of activations."""

    def __init__(self, text: ClassText, makers: set[str], own: set[str]) -> None:
        lines = [f" {line}" for line in text.forward]
        [function] = ast.parse("\n".join(["def forward():", *lines])).body
        assert isinstance(function, ast.FunctionDef)
        self._body, self._makers, self._activations = function.body, makers, own

    def makes(self) -> bool:
        """Whether it returns a tensor that it made."""
        *_, last = self._body
        if not isinstance(last, ast.Return) or last.value is None:
            return False
        if isinstance(last.value, ast.Name):
            return self._made(self._body, len(self._body) - 1, last.value.id)
        return self._is_made(last.value)

    def over(self) -> Iterator[ast.Call]:
        """Give the activations whose input nothing else sees."""
        yield from self._over(self._body, turns=False)

    def _over(self, body: Sequence[ast.stmt], *, turns: bool) -> Iterator[ast.Call]:
        for i, statement in enumerate(body):
            if isinstance(statement, (ast.For, ast.While, ast.If, ast.With)):
                # What follows it may read what it leaves, and so may its next turn.
                yield from self._over(statement.body, turns=True)
                continue
            for call in ast.walk(statement):
                if not _is_activation(call, self._activations):
                    continue
                [x] = call.args
                if not isinstance(x, ast.Name):
                    if self._is_made(x):
                        yield call
                elif self._made(body, i, x.id) and _is_last(body, i, x.id, turns):
                    yield call

    def _is_made(self, value: ast.expr) -> bool:
        """Whether an expression makes a tensor."""
        if isinstance(value, ast.BinOp):
            return isinstance(value.op, _OPERATORS)
        if not isinstance(value, ast.Call) or not isinstance(value.func, ast.Attribute):
            return False
        owner = value.func.value
        own = isinstance(owner, ast.Name) and owner.id == "self"
        return own and value.func.attr in self._makers

    def _made(self, body: Sequence[ast.stmt], i: int, name: str) -> bool:
        """Whether a variable holds, at a statement, what nothing has read so far."""
        for statement in reversed(body[:i]):
            if _sets(statement, name):
                assert isinstance(statement, ast.Assign)
                return self._is_made(statement.value)
            if _count(statement, name):
                return False
        return False


def _is_activation(node: ast.AST, own: set[str]) -> TypeGuard[ast.Call]:
    return (
        isinstance(node, ast.Call)
        and (ast.unparse(node.func) in _FUNCTIONS or _own(node) in own)
        and len(node.args) == 1
        and not node.keywords
    )


def _own(call: ast.Call) -> str:
    """Return the attribute of the class that is called, empty for a function."""
    owner, _, name = ast.unparse(call.func).rpartition(".")
    return name if owner == "self" else ""


def _is_last(body: Sequence[ast.stmt], i: int, name: str, turns: bool) -> bool:
    """Whether a statement reads a variable once, and nothing after it does."""
    if _count(body[i], name, ast.Load) > 1:
        return False
    if isinstance(body[i], ast.Return) or _sets(body[i], name):
        return True
    for statement in body[i + 1 :]:
        if _count(statement, name, ast.Load):
            return False
        if _sets(statement, name):
            return True
    return not turns


def _sets(statement: ast.stmt, name: str) -> bool:
    if not isinstance(statement, ast.Assign):
        return False
    [target] = statement.targets
    return isinstance(target, ast.Name) and target.id == name


def _count(
    statement: ast.stmt, name: str, context: type[ast.expr_context] = ast.expr_context
) -> int:
    return sum(
        isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, context)
        for n in ast.walk(statement)
    )


# --------------------------------------------------------------------------- text
def _edited(
    lines: Sequence[str], calls: Iterator[ast.Call], *, line: int = 1, column: int = 0
) -> list[str]:
    """Add the argument to calls; ``line`` and ``column`` are where the text begins."""
    found = [text.encode() for text in lines]
    # From the end, so that what comes before stays where it is.
    ends = [(c.end_lineno or 0, c.end_col_offset or 0, bool(c.args)) for c in calls]
    for row, end, has_more in sorted(ends, reverse=True):
        text, at = found[row - line], end - column - 1
        new = b", inplace=True" if has_more else b"inplace=True"
        found[row - line] = text[:at] + new + text[at:]
    return [text.decode() for text in found]


__all__ = ["write_over"]
