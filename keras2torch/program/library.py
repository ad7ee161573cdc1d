"""The helper classes that a generated file may need, as text.

They live in :mod:`keras2torch.program.helpers` as ordinary torch code, one file per
family; here their source is read (not imported) and cut out by name.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

Pieces = dict[str, tuple[str, frozenset[str]]]

_DEFINED = re.compile(r"^(?:class|def) (\w+)", re.MULTILINE)


def cut_out(texts: Iterable[str]) -> Pieces:
    """Return name → (source, names it uses) of the classes and functions in files.

    Parameters
    ----------
    texts
        The files' texts; they are parsed and not imported.

    Raises
    ------
    ValueError
        If a name stands twice.
    """
    found: Pieces = {}
    for text in texts:
        for node in ast.parse(text).body:
            if not isinstance(node, (ast.ClassDef, ast.FunctionDef)):
                continue
            if node.name in found:
                raise ValueError(f"two pieces called {node.name}")
            start = min([node.lineno, *[d.lineno for d in node.decorator_list]])
            lines = text.splitlines()[start - 1 : node.end_lineno]
            used = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
            found[node.name] = ("\n".join(lines), frozenset(used))
    return found


@cache
def _homes() -> dict[str, str]:
    """Return the text of the file that each helper is in; none is parsed yet."""
    folder = files("keras2torch.program") / "helpers"
    found: dict[str, str] = {}
    for file in sorted(folder.iterdir(), key=lambda f: f.name):
        text = file.read_text(encoding="utf-8") if file.name.endswith(".py") else ""
        for name in _DEFINED.findall(text):
            if name in found:
                raise ValueError(f"two helpers called {name}")
            found[name] = text
    return found


@cache
def _cut_out_of(text: str) -> Pieces:
    return cut_out([text])


def _piece(name: str) -> tuple[str, frozenset[str]]:
    return _cut_out_of(_homes()[name])[name]


def helper_names() -> frozenset[str]:
    """Return the names of all helpers."""
    return frozenset(_homes())


def helper_source(names: Iterable[str]) -> list[str]:
    """Return the sources of the named helpers and of those that they use, in order."""
    ordered: dict[str, None] = {}

    def add(name: str) -> None:
        if name in ordered:
            return
        _, used = _piece(name)
        for other in sorted(used & _homes().keys() - {name}):
            add(other)
        ordered[name] = None

    for name in sorted(set(names)):
        add(name)
    return [_piece(name)[0] for name in ordered]


def names_of(texts: Iterable[str]) -> set[str]:
    """Return the names that pieces of source define."""
    return set(cut_out(texts))


@cache
def signature(name: str) -> tuple[str, ...]:
    """Return the arguments of a helper class; none of what is no helper."""
    if name not in _homes():
        return ()
    for node in ast.walk(ast.parse(_piece(name)[0])):
        if isinstance(node, ast.FunctionDef) and node.name == "__init__":
            return tuple(a.arg for a in node.args.args[1:])
    return ()
