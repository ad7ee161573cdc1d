"""A plugin file: the user's own Python, run because the user named it."""

from __future__ import annotations

import ast
import linecache
import os
import sys
import traceback
import types
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from keras2torch.errors import PluginError
from keras2torch.plugins.registry import Replacement, collecting

# TensorFlow and torch never share a process.
_KERAS = frozenset({"keras", "tensorflow", "tf_keras"})


@contextmanager
def loaded(file: str | os.PathLike[str]) -> Iterator[dict[str, Replacement]]:
    """Run a plugin file under its own name and give what it registers.

    Raises
    ------
    PluginError
        With the file and the line, if it fails.
    """
    path = Path(file)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PluginError(f"{path} cannot be read: {error}.") from error
    code = _parsed(path, text)
    module = types.ModuleType(path.stem)
    module.__file__ = str(path)
    before = sys.modules.get(path.stem)
    sys.modules[path.stem] = module
    linecache.checkcache(str(path))
    folder = str(path.resolve().parent)
    sys.path.insert(0, folder)
    try:
        with collecting() as found:
            _run(path, code, module)
        if not found:
            raise PluginError(
                f"{path} registers nothing: decorate a function in it with "
                '@keras2torch.register("MyLayer").'
            )
        yield found
    finally:
        if folder in sys.path:
            sys.path.remove(folder)
        if before is None:
            sys.modules.pop(path.stem, None)
        else:
            sys.modules[path.stem] = before


def _parsed(path: Path, text: str) -> types.CodeType:
    try:
        tree = ast.parse(text, str(path))
        code = compile(tree, str(path), "exec", dont_inherit=True)
    except SyntaxError as error:
        why = f"{path}, line {error.lineno}: {error.msg}."
        raise PluginError(why) from error
    except ValueError as error:
        raise PluginError(f"{path} is no Python file: {error}.") from error
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module or ""]
        for name in names:
            if name.partition(".")[0] in _KERAS:
                raise PluginError(
                    f"{path}, line {getattr(node, 'lineno', 0)}: a plugin runs beside "
                    f"torch and cannot import {name}; Keras code belongs in the file "
                    "that --custom-objects names."
                )
    return code


def _run(path: Path, code: types.CodeType, module: types.ModuleType) -> None:
    from keras2torch.plugins.recording import recording

    try:
        with recording():
            # The user named this file: it is theirs, not the model's.
            exec(code, module.__dict__)  # noqa: S102
    except PluginError:
        raise
    except (Exception, SystemExit) as error:
        raise PluginError(described(error, path)) from error


def described(error: BaseException, path: str | os.PathLike[str] | None) -> str:
    """Return one sentence: the last line of a file that an error went through."""
    frames = traceback.extract_tb(error.__traceback__)
    mine = [f for f in frames if path is not None and f.filename == str(path)]
    what = f"{type(error).__name__}: {' '.join(str(error).split())}"
    if not mine:
        return f"{path}: {what}" if path is not None else what
    return f"{mine[-1].filename}, line {mine[-1].lineno}: {what}"
