"""Last look at a generated file: it may hold model code and nothing else.

Everything written goes through ``repr`` and sanitised names; this is the second lock
(a layer name, an activation or a docstring must never become a statement).
"""

from __future__ import annotations

import ast

from keras2torch.program.library import helper_source

# torch.nn and typing: what a user's own class may have been written with.
IMPORTS = frozenset({"torch", "torch.nn", "torch.nn.functional", "math", "typing"})
# Inside load() only: reading the weights that lie beside the file.
_LOAD_IMPORTS = frozenset({"pathlib", "safetensors.torch"})
_FORBIDDEN_NAMES = frozenset(
    "eval exec compile open input __import__ globals locals vars breakpoint "
    "memoryview __builtins__ __loader__ __spec__ delattr setattr".split()
)
_ALLOWED_DUNDERS = frozenset({"__init__", "__file__"})


class UnsafeSource(RuntimeError):
    """A generated file holds what no generated file may hold."""


def check(source: str) -> None:
    """Parse a generated file and refuse what model code does not need.

    Raises
    ------
    UnsafeSource
        For an import of anything but torch, for top-level statements besides imports,
        classes, functions and names bound to literals, and for names such as ``exec``.
    """
    tree = ast.parse(source)
    for node in tree.body:
        plain = isinstance(
            node, (ast.Import, ast.ImportFrom, ast.ClassDef, ast.FunctionDef)
        )
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if not (plain or docstring or isinstance(node, ast.Assign)):
            raise UnsafeSource(f"line {node.lineno}: a {type(node).__name__}")
        in_load = isinstance(node, ast.FunctionDef) and node.name == "load"
        allowed = IMPORTS | _LOAD_IMPORTS if in_load else IMPORTS
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and node.name in _READERS:
            allowed |= _imports_of(node)
        check_inside(node, allowed)


# The helpers that read a file beside the model, and what they import to do so.
_READERS = {
    "OnnxOperator": frozenset({"pathlib", "onnx2torch"}),
    "read_words": frozenset({"pathlib"}),
}


def _imports_of(node: ast.ClassDef | ast.FunctionDef) -> frozenset[str]:
    """Return the imports of such a helper, if it is that very helper."""
    own = ast.parse("\n".join(helper_source([node.name]))).body[-1]
    return _READERS[node.name] if ast.dump(own) == ast.dump(node) else frozenset()


def check_inside(top: ast.AST, imports: frozenset[str]) -> None:
    """Refuse other imports and names such as ``exec`` anywhere in a statement.

    Raises
    ------
    UnsafeSource
        For the first of them.
    """
    for node in ast.walk(top):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules = [node.module or "."]
        else:
            modules = []
        for module in modules:
            if module not in imports:
                raise UnsafeSource(f"line {line}: import of {module}")
        if isinstance(node, ast.Name):
            name = node.id
        elif isinstance(node, ast.Attribute):
            name = node.attr
        else:
            continue
        hidden = name.startswith("__") and name not in _ALLOWED_DUNDERS
        called = isinstance(node, ast.Name) and name in _FORBIDDEN_NAMES
        if hidden or called:
            raise UnsafeSource(f"line {line}: the name {name}")
