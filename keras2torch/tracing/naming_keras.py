"""Which Keras the names ``keras`` and ``tensorflow.keras`` stand for.

Where Keras 3 and tf_keras are both installed, a user's ``from tensorflow.keras.layers
import Layer`` gets Keras 3, whose classes no file of Keras 2 takes. While a model of
Keras 2 is loaded, both names stand for tf_keras, in imports that a ``call`` makes, too.

Runs beside worker.py: self-contained, Python 3.8.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.util
import os
import sys
from collections.abc import Sequence
from typing import Any

NAMES = ("tensorflow.keras", "keras")
# Modules that Keras had until 2.13, and which public one has their names now.
MOVED = {"engine": "layers", "legacy": "layers"}


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds ``keras.layers`` in ``tf_keras.layers``.

    What a Keras of its time had elsewhere (``keras.layers.core``, ``keras.engine``) is
    found in the nearest module that there still is.
    """

    def __init__(self, package: str) -> None:
        self.package = package

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> Any:
        if not any(fullname == n or fullname.startswith(n + ".") for n in NAMES):
            return None
        return importlib.util.spec_from_loader(fullname, self, is_package=True)

    def create_module(self, spec: Any) -> Any:
        return None

    def exec_module(self, module: Any) -> None:
        name = module.__name__
        for known in NAMES:
            if name == known or name.startswith(known + "."):
                name = name[len(known) :].lstrip(".")
                break
        found = self.nearest([part for part in name.split(".") if part])
        sys.modules[module.__name__] = found

    def nearest(self, parts: list[str]) -> Any:
        for roots in ([self.package], [self.package, "src"]):
            try:
                return importlib.import_module(".".join([*roots, *parts]))
            except ImportError:
                pass
        if parts[0] in MOVED:
            return self.nearest([MOVED[parts[0]]])
        if len(parts) == 1:
            raise ModuleNotFoundError(
                f"{self.package} has no module {parts[0]!r}", name=parts[0]
            )
        return self.nearest(parts[:-1])


class Names:
    """What the names stand for now, and how it was before."""

    def __init__(self) -> None:
        self.finder: Finder | None = None
        self.kept: dict[str, Any] = {}
        self.attribute: Any = None

    def mean(self, module: Any) -> None:
        """Let the names stand for a package of their own, or for what they are."""
        import tensorflow as tf

        package = str(module.__name__).split(".")[0]
        wanted = package if package == "tf_keras" else None
        if wanted == (self.finder and self.finder.package):
            return
        held = [
            name
            for name in sys.modules
            if any(name == n or name.startswith(n + ".") for n in NAMES)
        ]
        taken = {name: sys.modules.pop(name) for name in held}
        if wanted is None:
            sys.meta_path.remove(self.finder)  # type: ignore[arg-type]
            self.finder = None
            sys.modules.update(self.kept)
            vars(tf)["keras"] = self.attribute
            return
        self.kept, self.attribute = taken, vars(tf).get("keras")
        self.finder = Finder(wanted)
        sys.meta_path.insert(0, self.finder)
        for name in NAMES:
            sys.modules[name] = module
        vars(tf)["keras"] = module


def forget(folder: str, before: Sequence[str]) -> None:
    """Let what a user's file imported beside itself be imported anew next time."""
    for name in set(sys.modules) - set(before):
        file = getattr(sys.modules[name], "__file__", None) or ""
        if os.path.abspath(file).startswith(os.path.join(folder, "")):
            del sys.modules[name]
