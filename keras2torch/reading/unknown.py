"""What is known of layers that have no rule: told to the user, never run."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras2torch.errors import UnknownLayer
from keras2torch.layers.names import FOREIGN

if TYPE_CHECKING:
    from keras2torch.reading.decompiling import Source

_MOST_NAMES = 8
_LONGEST = 200
# No code object is shorter.
_SHORTEST = 60
_MAX_DEPTH = 200


def described(
    unknown: Sequence[tuple[str, str]], config: Mapping[str, Any]
) -> list[UnknownLayer]:
    """Return the layers with what the file says of their code.

    Parameters
    ----------
    unknown
        Pairs of layer name and class.
    config
        The serialized model.
    """
    functions = {str(c.get("name")): c.get("function") for c in _lambdas(config, 0)}
    return [
        UnknownLayer(name, kind, _function(functions[name]))
        if kind == "Lambda" and name in functions
        else UnknownLayer(name, kind, FOREIGN.get(kind, ""))
        for name, kind in unknown
    ]


def undefined(unknown: Sequence[UnknownLayer], file: Path) -> list[str]:
    """Return the names that a file of the user's Keras code would have to define.

    The file is parsed and not run; what it takes from elsewhere by ``*`` counts as all.
    """
    there: set[str] = set()
    for node in ast.walk(_parsed(file)):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            there.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            there.add(node.id)
        elif isinstance(node, ast.alias):
            there.add(node.asname or node.name)
    wanted = dict.fromkeys(item.key for item in unknown)
    if not there or "*" in there:
        return []
    return [name for name in wanted if name not in there]


def own_classes(file: Path) -> frozenset[str]:
    """Return the classes that a file of the user's Keras code defines or takes along.

    The file is parsed and not run; what it takes from Keras itself is not the user's.
    """
    found: set[str] = set()
    for node in _parsed(file).body:
        if isinstance(node, ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.ImportFrom):
            package = (node.module or "").partition(".")[0]
            if node.level or package not in ("keras", "tf_keras", "tensorflow"):
                found |= {alias.asname or alias.name for alias in node.names}
    return frozenset(found)


def _parsed(file: Path) -> ast.Module:
    try:
        return ast.parse(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, SyntaxError):
        return ast.Module([], [])


def stored_functions(config: Any) -> dict[str, Source]:
    """Return base64 → source of every function that the Lambdas of a model store."""
    # Few files hold code, which takes a disassembler for every Python.
    from keras2torch.reading.decompiling import source_of

    found: dict[str, Source] = {}

    def look(value: Any, depth: int) -> None:
        if isinstance(value, str):
            source = source_of(value) if len(value) > _SHORTEST else None
            if source is not None:
                found[value] = source
        elif depth < _MAX_DEPTH and isinstance(value, (dict, list)):
            for inner in value.values() if isinstance(value, dict) else value:
                look(inner, depth + 1)

    for one in _lambdas(config, 0):
        look(one, 0)
    return found


def _lambdas(value: Any, depth: int) -> Iterator[Mapping[str, Any]]:
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, dict):
        config = value.get("config")
        if value.get("class_name") == "Lambda" and isinstance(config, dict):
            yield config
        for inner in value.values():
            yield from _lambdas(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _lambdas(inner, depth + 1)


def _function(value: Any) -> str:
    """Say what a Lambda would run: a function by name, or stored bytecode."""
    if isinstance(value, dict):
        inner = value.get("config")
        if value.get("class_name") == "__lambda__" and isinstance(inner, dict):
            return _code(inner.get("code"))
        value = inner
    if isinstance(value, list) and value:
        return _code(value[0])
    if isinstance(value, str) and value:
        return f"the function {value}, which is not in the file"
    return ""


def _code(text: Any) -> str:
    from keras2torch.reading import bytecode
    from keras2torch.reading.decompiling import source_of

    found = bytecode.stored(text) if isinstance(text, str) else None
    if found is None:
        return "a function stored as bytecode that cannot be read"
    source = source_of(str(text))
    if source is not None and source.text and len(source.text) <= _LONGEST:
        line = "; ".join(part.strip() for part in source.text.splitlines())
        return f"a function stored as bytecode of Python {found.python}: {line}"
    uses = ", ".join(found.names[:_MOST_NAMES])
    more = " …" if len(found.names) > _MOST_NAMES else ""
    told = f" that uses {uses}{more}" if uses else ""
    return f"a function stored as bytecode of Python {found.python}{told}"
