"""The helper classes that a generated file may need, as text.

They live in :mod:`keras2torch.program.helpers` as ordinary torch code, one file per
family; here their source is read (not imported) and cut out by name.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

Pieces = dict[str, tuple[str, frozenset[str]]]


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
def _sources() -> Pieces:
    """Return every helper."""
    folder = files("keras2torch.program") / "helpers"
    python = [f for f in folder.iterdir() if f.name.endswith(".py")]
    ordered = sorted(python, key=lambda f: f.name)
    return cut_out(f.read_text(encoding="utf-8") for f in ordered)


def helper_names() -> frozenset[str]:
    """Return the names of all helpers."""
    return frozenset(_sources())


def helper_source(names: Iterable[str]) -> list[str]:
    """Return the sources of the named helpers and of those that they use, in order."""
    sources = _sources()
    ordered: dict[str, None] = {}

    def add(name: str) -> None:
        if name in ordered:
            return
        _, used = sources[name]
        for other in sorted(used & sources.keys() - {name}):
            add(other)
        ordered[name] = None

    for name in sorted(set(names)):
        add(name)
    return [sources[name][0] for name in ordered]


def names_of(texts: Iterable[str]) -> set[str]:
    """Return the names that pieces of source define."""
    return set(cut_out(texts))


@cache
def signature(name: str) -> tuple[str, ...]:
    """Return the arguments of a helper class; none of what is no helper."""
    if name not in _sources():
        return ()
    for node in ast.walk(ast.parse(_sources()[name][0])):
        if isinstance(node, ast.FunctionDef) and node.name == "__init__":
            return tuple(a.arg for a in node.args.args[1:])
    return ()
