"""Which import takes the same names from the shim."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from keras2torch.guide import equals, shim
from keras2torch.guide.names import canonical

# Modules whose names Keras keeps elsewhere by now.
_MOVED = {"preprocessing.sequence": "utils"}
# Groups whose modules the shim has one by one, under Keras' names.
_WHOLE = frozenset({"applications"})
_TENSORFLOW = "TensorFlow's own functions become torch's; tf.keras is keras."


def shimmed(aliases: Sequence[ast.alias], module: str = "") -> str:
    """Return the lines that import from keras2torch what a line imports from Keras.

    Examples
    --------
    >>> line = ast.parse("from tensorflow.keras.layers import Dense, Input").body[0]
    >>> shimmed(line.names, line.module)
    'from keras2torch.layers import Dense; from keras2torch import Input'
    """
    lines: dict[str, list[str]] = {}
    missing: list[str] = []
    for alias in aliases:
        name = canonical(f"{module}.{alias.name}" if module else alias.name)
        if alias.name == "*" and (package := _home(canonical(module))):
            lines[f"from {package} import *"] = []
        elif alias.name == "*" and canonical(module).partition(".")[0] != "tf":
            missing.append(canonical(module))
        elif name == "tf" or name.startswith("tf."):
            return _TENSORFLOW
        elif not module and "." in alias.name and not alias.asname:
            # `import keras.layers` binds the package.
            root = alias.name.partition(".")[0]
            if canonical(root) == "tf":
                return _TENSORFLOW
            lines[f"import keras2torch as {root}"] = []
        elif not module or not name:
            as_name = alias.asname or alias.name
            if home := _home(name):
                lines[f"import {home} as {as_name}"] = []
            else:
                missing.append(name)
        else:
            home, _, last = name.rpartition(".")
            used = alias.asname or alias.name
            inside = canonical(module)
            if home in _WHOLE and shim.carries(f"{inside}.{alias.name}"):
                home, last = inside, alias.name
            elif shim.package_of(name) is None and not shim.carries(name):
                around = _home(name)
                if last != last.lower() or equals.is_listed(name) or not around:
                    missing.append(used)
                    continue
                home, last = "", around.rpartition(".")[2]
            text = last if used == last else f"{last} as {used}"
            lines.setdefault(f"from {_package(home)} import ", []).append(text)
    said = "; ".join(start + ", ".join(names) for start, names in lines.items())
    without = f"the shim has no {', '.join(missing)}" if missing else ""
    return "; ".join(filter(None, [said, without]))


def _home(module: str) -> str | None:
    """Return where the shim has the names of a module of Keras, or None."""
    module = _MOVED.get(module, module)
    if module.partition(".")[0] in _WHOLE and (whole := shim.package_of(module)):
        return whole
    home, _, last = module.rpartition(".")
    if home == "layers" or last.endswith(("_utils", "_util")):
        # `np_utils`: a module that is now the one around it.
        module = home
    return shim.package_of(module)


def _package(home: str) -> str:
    return f"keras2torch.{home}" if home else "keras2torch"
