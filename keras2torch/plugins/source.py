"""A live ``nn.Module`` as source: its constructor call and the classes it needs."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from keras2torch.errors import PluginError
from keras2torch.layers.text import Raw, literal
from keras2torch.plugins.recording import arguments
from keras2torch.program.check import IMPORTS, UnsafeSource, check_inside

# What the head of a generated file binds, and to what.
_HEAD = {
    "torch": "torch",
    "nn": "torch.nn",
    "F": "torch.nn.functional",
    "math": "math",
}


@dataclass
class Written:
    """A module as source.

    Attributes
    ----------
    text
        The constructor call.
    pieces
        Name → source of the classes, functions and constants that it needs, each
        behind what it uses.
    imports
        Import statements beside those of every generated file.
    """

    text: str = ""
    pieces: dict[str, str] = field(default_factory=dict)
    imports: dict[str, str] = field(default_factory=dict)


def written(module: Any, weights: Mapping[str, Any]) -> Written:
    """Return a module's source.

    Parameters
    ----------
    module
        Made while :func:`~keras2torch.plugins.recording.recording`.
    weights
        What the user's function was given: as an argument it becomes empty tensors.

    Raises
    ------
    PluginError
        If it was made with what cannot be written, or is of a class that cannot.
    """
    writer = _Writer(weights)
    writer.made.text = writer.module(module)
    return writer.made


class _Writer:
    def __init__(self, weights: Mapping[str, Any]) -> None:
        self.made = Written()
        self._weights = weights
        self._seen: set[int] = set()
        self._files: dict[str, _File] = {}

    def module(self, module: Any) -> str:
        """Return the constructor call of a module."""
        cls = type(module)
        if id(module) in self._seen:
            raise PluginError(
                f"the same {cls.__name__} stands in two places of what was registered, "
                "which cannot be written as one expression: make a class of it."
            )
        self._seen.add(id(module))
        name = self._class(cls)
        call = arguments(module) or _recovered(module)
        if call is None:
            raise PluginError(
                f"{cls.__name__} was not made by the registered function, so that its "
                "arguments are not known: make it inside."
            )
        return f"{name}({', '.join(self._arguments(cls, call))})"

    def _arguments(self, cls: type, call: inspect.BoundArguments) -> list[str]:
        parts: list[str] = []
        parameters = call.signature.parameters
        several = any(
            parameters[n].kind is inspect.Parameter.VAR_POSITIONAL and v
            for n, v in call.arguments.items()
        )
        by_name = False
        for name, value in call.arguments.items():
            parameter = parameters[name]
            if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
                parts += [self.value(v, cls, f"*{name}") for v in value]
            elif parameter.kind is inspect.Parameter.VAR_KEYWORD:
                parts += [f"{k}={self.value(v, cls, k)}" for k, v in value.items()]
            elif parameter.kind is inspect.Parameter.POSITIONAL_ONLY or (
                parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
                and (several or (parameter.default is parameter.empty and not by_name))
            ):
                parts.append(self.value(value, cls, name))
            elif not _is(value, parameter.default):
                by_name = True
                parts.append(f"{name}={self.value(value, cls, name)}")
            else:
                by_name = True
        return parts

    def value(self, value: Any, cls: type, name: str) -> str:
        """Return the text of an argument."""
        import torch
        from torch import nn

        if isinstance(value, np.generic):
            value = value.item()
        if value is self._weights:
            inner = ", ".join(
                f"{literal(str(k))}: torch.empty({literal(tuple(np.shape(a)))})"
                for k, a in self._weights.items()
            )
            return f"{{{inner}}}"
        if isinstance(value, nn.Module):
            return self.module(value)
        if isinstance(value, (torch.dtype, torch.memory_format)):
            return str(value)
        if isinstance(value, torch.Size):
            value = tuple(value)
        if type(value) is tuple:
            inner = ", ".join(self.value(v, cls, name) for v in value)
            return f"({inner},)" if len(value) == 1 else f"({inner})"
        if type(value) is list:
            return f"[{', '.join(self.value(v, cls, name) for v in value)}]"
        if isinstance(value, Mapping):
            pairs = (
                f"{self.value(k, cls, name)}: {self.value(v, cls, name)}"
                for k, v in value.items()
            )
            return f"{{{', '.join(pairs)}}}"
        if callable(value):
            return self._callable(value, cls, name)
        try:
            return "None" if isinstance(value, Raw) else literal(value)
        except TypeError:
            raise PluginError(
                f"{cls.__name__} was made with {name}={_short(value)}, which is no "
                "plain value: model.py is text, so make the module with numbers, "
                "strings and tuples and set its parameters afterwards."
            ) from None

    def _callable(self, value: Any, cls: type, name: str) -> str:
        import torch
        from torch.nn import functional

        called = getattr(value, "__name__", "")
        for prefix, module in (("F", functional), ("torch", torch)):
            if called.isidentifier() and getattr(module, called, None) is value:
                return f"{prefix}.{called}"
        if inspect.isclass(value) and value.__module__.startswith("torch.nn."):
            return self._class(value)
        if inspect.isclass(value) or inspect.isfunction(value):
            return self._of_file(value)
        raise PluginError(
            f"{cls.__name__} was made with {name}={_short(value)}, which cannot be "
            "written into model.py: give a function of torch or of the plugin."
        )

    def _class(self, cls: type) -> str:
        from torch import nn

        if getattr(nn, cls.__name__, None) is cls:
            return f"nn.{cls.__name__}"
        return self._of_file(cls)

    def _of_file(self, value: Any) -> str:
        """Take a class or function from the file that defines it."""
        name = value.__name__
        module = sys.modules.get(value.__module__)
        path = getattr(module, "__file__", None) or _file_of(value)
        if path is None or "." in value.__qualname__ or "<" in name:
            raise PluginError(
                f"{value.__qualname__} has no source of its own that model.py could "
                "hold: define it at the top of the plugin file."
            )
        if _is_library(value.__module__):
            raise PluginError(
                f"{name} comes from {value.__module__}, and model.py imports torch "
                "alone: define it in the plugin file."
            )
        if path not in self._files:
            self._files[path] = _File(path)
        self._files[path].take(name, self.made)
        return str(name)


class _File:
    """The user's file: what it defines at the top, and what it imports."""

    def __init__(self, path: str) -> None:
        self.path = path
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise PluginError(f"{path} cannot be read: {error}.") from error
        self._lines = text.splitlines()
        self._nodes: dict[str, ast.stmt] = {}
        self._imports: dict[str, tuple[int, str, str, str]] = {}
        for node in ast.parse(text).body:
            if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
                self._nodes[node.name] = node
            elif isinstance(node, ast.Assign):
                names = [t.id for t in node.targets if isinstance(t, ast.Name)]
                self._nodes.update(dict.fromkeys(names, node))
            elif isinstance(node, ast.Import):
                for a in node.names:
                    bound = a.asname or a.name.partition(".")[0]
                    what = a.name if a.asname else bound
                    line = ast.unparse(ast.Import([a]))
                    self._imports[bound] = (node.lineno, what, a.name, line)
            elif isinstance(node, ast.ImportFrom):
                home = "." * node.level + (node.module or "")
                for a in node.names:
                    line = ast.unparse(ast.ImportFrom(node.module, [a], node.level))
                    what = f"{home}.{a.name}"
                    self._imports[a.asname or a.name] = (node.lineno, what, home, line)

    def take(self, name: str, made: Written) -> None:
        """Add a name with all that it uses, that first."""
        if name in made.pieces:
            return
        node = self._nodes.get(name)
        if node is None:
            raise PluginError(
                f"{self.path} defines no {name} at its top: model.py holds a copy of "
                "the source, so define it there."
            )
        decorators = getattr(node, "decorator_list", [])
        kept = [d for d in decorators if not _registers(d)]
        if decorators:
            vars(node)["decorator_list"] = kept
        try:
            check_inside(node, IMPORTS)
        except UnsafeSource as error:
            raise PluginError(
                f"{self.path}, {error} has no place in model.py, which holds a model "
                "and nothing else."
            ) from error
        made.pieces[name] = ""
        for used in sorted({n.id for n in ast.walk(node) if isinstance(n, ast.Name)}):
            if used in self._nodes and used != name:
                self.take(used, made)
            elif used in self._imports:
                self._import(used, name, made)
        del made.pieces[name]
        first = min([node.lineno, *[d.lineno for d in kept]])
        made.pieces[name] = "\n".join(self._lines[first - 1 : node.end_lineno])

    def _import(self, bound: str, user: str, made: Written) -> None:
        number, what, home, line = self._imports[bound]
        if _HEAD.get(bound) == what:
            return
        if bound in _HEAD or not (home in IMPORTS or what in IMPORTS):
            raise PluginError(
                f"{self.path}, line {number}: {user} uses {bound}, and model.py "
                f"imports torch alone ({line} is not possible there)."
            )
        made.imports[bound] = line


def _registers(decorator: ast.expr) -> bool:
    call = decorator.func if isinstance(decorator, ast.Call) else decorator
    name = call.attr if isinstance(call, ast.Attribute) else getattr(call, "id", "")
    return name == "register"


def _file_of(value: Any) -> str | None:
    try:
        return inspect.getsourcefile(value)
    except TypeError:
        return None


def _is_library(module: str) -> bool:
    """Whether a module is installed: of such a one no source is copied."""
    import sysconfig

    found = sys.modules.get(module)
    path = getattr(found, "__file__", None)
    if path is None:
        return False
    places = {sysconfig.get_path(k) for k in ("purelib", "platlib", "stdlib")}
    return any(Path(path).resolve().is_relative_to(Path(p).resolve()) for p in places)


def _recovered(module: Any) -> inspect.BoundArguments | None:
    """Return the constructor call of one of torch's own, told from its attributes."""
    from torch import nn

    cls = type(module)
    if getattr(nn, cls.__name__, None) is not cls:
        return None
    signature = inspect.signature(cls)
    found: dict[str, Any] = {}
    for name, parameter in signature.parameters.items():
        there = hasattr(module, name)
        if parameter.kind is not inspect.Parameter.POSITIONAL_OR_KEYWORD or not there:
            if parameter.default is not inspect.Parameter.empty:
                continue
            return None
        value = getattr(module, name)
        if name == "bias":
            value = value is not None and value is not False
        found[name] = value
    return signature.bind(**found)


def _is(value: Any, default: Any) -> bool:
    return type(value) is type(default) and bool(value == default)


def _short(value: Any) -> str:
    shape = getattr(value, "shape", None)
    if shape is not None:
        return f"an array of shape {tuple(shape)}"
    text = repr(value)
    return text if len(text) <= 40 else f"a {type(value).__name__}"
