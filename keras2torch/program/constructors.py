"""The numbers in the statements of ``__init__``: read, or arguments in their places."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from functools import cache

from keras2torch.layers.text import TORCH_DEFAULTS, literal
from keras2torch.program.arguments import Meanings
from keras2torch.program.chains import ACTIVATIONS
from keras2torch.program.flags import Optional
from keras2torch.program.numbers import CALLED, OTHER, Key, is_number, is_told


def read_init(
    init: Sequence[str],
    meanings: Meanings,
    factors: Sequence[str] = (),
    options: Mapping[int, Optional] | None = None,
) -> tuple[list[str], dict[Key, str], dict[Key, str]]:
    """Return statements without their numbers, the numbers, and what they mean.

    ``factors``: attributes by which ``forward`` multiplies, as a matrix.
    """
    skeletons: list[str] = []
    literals: dict[Key, str] = {}
    told: dict[Key, str] = {}
    for i, line in enumerate(init):
        code, comment, remark = line.partition("  # ")
        factor = any(code.startswith(f"self.{name} = ") for name in factors)
        other = options is not None and i in options and options[i].differs
        reader = NumberReader(i, meanings, factor=factor, calls=OTHER if other else 0)
        skeletons.append(ast.unparse(reader.visit(ast.parse(code))) + comment + remark)
        literals.update(reader.literals)
        told.update(reader.meanings)
    return skeletons, literals, told


def with_arguments(i: int, line: str, arguments: Mapping[Key, str], calls: int) -> str:
    """Put arguments in the places of a statement's numbers.

    Parameters
    ----------
    i
        The statement's number.
    line
        Its text.
    arguments
        Key of a number → argument.
    calls
        From where calls are counted: ``OTHER`` for what stands in another's place.
    """
    if not any(key[0] == i for key in arguments):
        return line
    code, comment, remark = line.partition("  # ")
    tree = _Writer(i, arguments, calls).visit(ast.parse(code))
    return ast.unparse(ast.fix_missing_locations(tree)) + comment + remark


@cache
def _defaults(function: str) -> dict[str, ast.expr]:
    """Return the arguments of torch's that need not be written; nobody changes them."""
    defaults = TORCH_DEFAULTS.get(function, {})
    return {k: _parsed(literal(v)) for k, v in defaults.items()}


class NumberReader(ast.NodeTransformer):
    """Takes the numbers out of a statement of ``__init__``."""

    def __init__(
        self, line: int, meanings: Meanings, *, factor: bool, calls: int
    ) -> None:
        self._line = line
        self._meanings = meanings
        self._factor = factor
        self._calls = calls
        self.literals: dict[Key, str] = {}
        self.meanings: dict[Key, str] = {}

    def visit_Call(self, node: ast.Call) -> ast.Call:
        number, self._calls = self._calls, self._calls + 1
        function = ast.unparse(node.func)
        empty = len(node.args) if function == "torch.empty" else 0
        of = "torch.empty of one axis" if empty == 1 else function
        of = "torch.empty of a matrix" if empty == 2 and self._factor else of
        if function in ACTIVATIONS:
            self._keep((self._line, number, CALLED), function, "activation")
            node.func = ast.Name("_")
        for i, value in enumerate(node.args):
            key: Key = (self._line, number, i)
            if is_number(value):
                self._keep(key, ast.unparse(value), self._meanings.of(of, i))
                node.args[i] = ast.Name("_")
            else:
                node.args[i] = self.visit(value)
        own = self._meanings.defaults(function)
        known = {k: _parsed(v) for k, v in own.items()} or _defaults(function)
        is_value = is_told if own else is_number
        # An argument at its default is not written: it may be another elsewhere.
        told = {**known, **{k.arg: k.value for k in node.keywords if k.arg}}
        values = {name: value for name, value in told.items() if is_value(value)}
        for name, value in values.items():
            key = (self._line, number, name)
            self._keep(key, ast.unparse(value), self._meanings.named(name))
        node.keywords = [
            k if k.arg is None else ast.keyword(k.arg, self.visit(k.value))
            for k in node.keywords
            if k.arg not in values
        ] + [ast.keyword(name, ast.Name("_")) for name in sorted(values)]
        return node

    def _keep(self, key: Key, text: str, meaning: str) -> None:
        self.literals[key] = text
        self.meanings[key] = meaning


class _Writer(ast.NodeTransformer):
    """Puts arguments of the constructor in the place of numbers."""

    def __init__(self, line: int, arguments: Mapping[Key, str], calls: int) -> None:
        self._line = line
        self._arguments = arguments
        self._calls = calls

    def visit_Call(self, node: ast.Call) -> ast.Call:
        number, self._calls = self._calls, self._calls + 1
        if called := self._arguments.get((self._line, number, CALLED)):
            node.func = ast.Name(called)
        for i, value in enumerate(node.args):
            name = self._arguments.get((self._line, number, i))
            node.args[i] = self.visit(value) if name is None else ast.Name(name)
        there = {k.arg for k in node.keywords}
        for keyword in node.keywords:
            name = self._arguments.get((self._line, number, keyword.arg or ""))
            value = keyword.value
            keyword.value = self.visit(value) if name is None else ast.Name(name)
        for (line, call, place), name in self._arguments.items():
            absent = isinstance(place, str) and place not in there
            if (line, call) == (self._line, number) and absent:
                node.keywords.append(ast.keyword(str(place), ast.Name(name)))
        return node


def _parsed(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body
