"""Code of this folder, cut out by name for a ``train.py``."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

# In the order in which they stand in a train.py.
_FILES = ("losses.py", "metrics.py", "schedules.py", "optimizers.py")
# Torch's signature is wider than what Keras' optimizers need; a user need not read it.
_IGNORED = "  # type: ignore[override]"


@cache
def _sources() -> dict[str, tuple[str, frozenset[str]]]:
    """Return name → (source, names it uses), read and not imported: no torch."""
    found: dict[str, tuple[str, frozenset[str]]] = {}
    folder = files("keras2torch.training")
    for file in _FILES:
        text = (folder / file).read_text(encoding="utf-8")
        for node in ast.parse(text).body:
            if not isinstance(node, (ast.ClassDef, ast.FunctionDef)):
                continue
            if node.name in found:
                raise ValueError(f"two pieces called {node.name}")
            start = min([node.lineno, *[d.lineno for d in node.decorator_list]])
            lines = text.splitlines()[start - 1 : node.end_lineno]
            used = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
            cut = "\n".join(line.removesuffix(_IGNORED) for line in lines)
            found[node.name] = (cut, frozenset(used))
    return found


def names() -> frozenset[str]:
    """Return the names of everything that can be cut out."""
    return frozenset(_sources())


def pieces(wanted: Iterable[str]) -> list[str]:
    """Return the sources of these names and of what they use, in the files' order."""
    sources = _sources()
    needed: set[str] = set()
    left = set(wanted)
    while left:
        name = left.pop()
        needed.add(name)
        left |= (sources[name][1] & sources.keys()) - needed
    return [source for name, (source, _) in sources.items() if name in needed]
