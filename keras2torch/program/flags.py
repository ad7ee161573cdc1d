"""What only some instances of a class have, and the flag that says so."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from keras2torch.program.classtext import ClassText
from keras2torch.program.names import Names


@dataclass
class Optional:
    """A statement of ``__init__`` that makes what other instances lack, or this one.

    Attributes
    ----------
    flag
        The argument that says so.
    there
        Whether this instance has it.
    skeleton
        The statement without its numbers, empty where the instance lacks it.
    either
        Whether instances that lack it have something else.
    other
        The statement without its numbers that makes this.
    """

    flag: str
    there: bool
    skeleton: str = ""
    either: bool = False
    other: str = ""

    @property
    def differs(self) -> bool:
        """Whether this instance has something else."""
        return self.either and not self.there


def options_of(text: ClassText) -> dict[int, Optional]:
    """Return which statements of ``__init__`` make an optional attribute."""
    found: dict[int, Optional] = {}
    for i, line in enumerate(text.init):
        name = line.partition(" = ")[0].removeprefix("self.")
        if name in text.options:
            flag, there = text.options[name]
            found[i] = Optional(flag, there, either=name in text.either)
    return found


def flags_of(texts: Sequence[ClassText], taken: Names) -> dict[str, list[bool]]:
    """Return the flags that differ between instances, and keep their names."""
    found: dict[str, list[bool]] = {}
    for flag in _asked(texts[0]):
        there = [_asked(text)[flag] for text in texts]
        if len(set(there)) > 1:
            found[taken.unique(flag)] = there
    return found


def _asked(text: ClassText) -> dict[str, bool]:
    return {**dict(text.options.values()), **text.flags}


def put_flags(
    text: ClassText,
    flags: Mapping[str, Sequence[bool]],
    options: Mapping[int, Optional],
    told_by: Mapping[str, str],
    others: Mapping[int, str],
) -> None:
    """Have flags decide in a class; what is the same in all instances is decided.

    ``told_by``: flags that an argument tells, by being there; ``others``: statements of
    ``__init__`` where the flag is not set.
    """
    for i, option in options.items():
        if option.flag in flags:
            head, _, value = text.init[i].partition(" = ")
            other = others[i].partition(" = ")[2] if i in others else "nn.Identity()"
            value = f"{value} if {option.flag} else {other}"
            text.init[i] = f"{head} = {value}"
        elif option.flag in told_by:
            head, _, value = text.init[i].partition(" = ")
            value = f"nn.Identity() if {told_by[option.flag]} is None else {value}"
            text.init[i] = f"{head} = {value}"
    decided = text.flags.keys() - flags.keys() - told_by.keys()
    known = {f: there for f, there in text.flags.items() if f in decided}
    if known:
        text.forward = [_decided(line, known) for line in text.forward]
    told = {f: f for f in flags} | {f: f"{c} is not None" for f, c in told_by.items()}
    text.init[:0] = [f"self.{f} = {told[f]}" for f in text.flags if f in told]
    text.parameters |= dict.fromkeys(flags, "bool = False")


def _decided(line: str, flags: Mapping[str, bool]) -> str:
    code = line.lstrip()
    if not any(f" if self.{flag} else " in code for flag in flags):
        return line
    tree = _Decide(flags).visit(ast.parse(code))
    return line[: len(line) - len(code)] + ast.unparse(tree)


class _Decide(ast.NodeTransformer):
    """Puts the one expression or the other in the place of both."""

    def __init__(self, flags: Mapping[str, bool]) -> None:
        self._flags = flags

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        self.generic_visit(node)
        test = ast.unparse(node.test).removeprefix("self.")
        if test not in self._flags:
            return node
        return node.body if self._flags[test] else node.orelse
