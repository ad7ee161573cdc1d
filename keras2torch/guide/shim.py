"""What ``import keras2torch as keras`` carries, read from its sources without torch.

Importing torch takes two seconds, so the names, methods and arguments of the shim are
read from the syntax trees of its modules. They are asked each time, and a test compares
what is read here with what the imported package has.
"""

from __future__ import annotations

import ast
import dataclasses
from functools import cache
from pathlib import Path
from typing import Any

import keras2torch
from keras2torch.guide.spellings import pascal

_ROOT = Path(keras2torch.__file__).resolve().parent
_CLASSES = {
    "Model": "keras2torch.models.Model",
    "Sequential": "keras2torch.models.Sequential",
    "Layer": "keras2torch.models.Layer",
    "Optimizer": "keras2torch.optimizers.Optimizer",
    "Loss": "keras2torch.losses.Loss",
    "Metric": "keras2torch.metrics.Metric",
    "Callback": "keras2torch.callbacks.Callback",
    "History": "keras2torch.callbacks.History",
    "LearningRateSchedule": "keras2torch.optimizers.schedules.LearningRateSchedule",
    "PyDataset": "keras2torch.data.PyDataset",
    "SeedGenerator": "keras2torch.random.SeedGenerator",
    "Progbar": "keras2torch.callbacks.progbar.Progbar",
    "DTypePolicy": "keras2torch.dtype_policies.DTypePolicy",
}
# Names in quotes alone; what a subclass defines; what torch's own Module has.
_ALSO = frozenset(
    "metrics.accuracy metrics.crossentropy PyDataset.__len__ Model.parameters "
    "Model.named_parameters Model.zero_grad Model.to Model.state_dict".split()
)
# Where a class of the shim does something only after a call of its own.
_DYNAMIC = {"Layer.adapt": "layers.Normalization"}
# Functions that every module of a group has; the group itself has none so called.
OF_EACH = {
    f"applications.{name}": f"applications.imagenet_utils.{name}"
    for name in ("decode_predictions", "preprocess_input")
}


# Names that exist to say what to use instead.
REFUSED = frozenset(
    "callbacks.OrbaxCheckpoint export.ExportArchive layers.FlaxLayer layers.JaxLayer "
    "layers.TFSMLayer".split()
)


@cache
def carries(name: str) -> bool | None:
    """Whether the shim has a canonical name; None for what is not Keras'.

    Examples
    --------
    >>> carries("layers.Dense"), carries("Model.fit"), carries("tf.matmul")
    (True, True, None)
    """
    if name.startswith(("tf.", "packages.")) or "(" in name:
        return None
    if name in _ALSO:
        return True
    if name in REFUSED:
        return False
    name = OF_EACH.get(name, name)
    head, _, rest = name.partition(".")
    if head in _CLASSES and rest:
        if name in _DYNAMIC:
            return carries(_DYNAMIC[name])
        return _method(_CLASSES[head], rest.partition(".")[0])
    if not rest:
        return head in keras2torch._HOMES or head in keras2torch.__all__
    if head == "models" and rest.startswith("model_from"):
        return _has("keras2torch.models", rest)
    home, last = name.rsplit(".", 1)
    if home in ("losses", "metrics") and last in pascal():
        return _has(_module(home), last)
    module = _module(home)
    if module is None:
        return carries(home) if "." in home else False
    return _has(module, last)


def package_of(home: str) -> str | None:
    """Return which module of the shim has the names of one of Keras'."""
    if not home:
        return "keras2torch"
    return f"keras2torch.{home}" if _module(home) else None


@cache
def takes(name: str, argument: str) -> bool | None:
    """Whether the shim's class or method takes an argument; None if it is not known."""
    found = _signature(name)
    if found is None:
        return None
    names, anything = found
    return argument in names or anything


def _module(home: str) -> str | None:
    head, _, rest = home.partition(".")
    if head in keras2torch._ALIASES:
        module = keras2torch._ALIASES[head]
    elif head in keras2torch._NAMESPACES:
        module = f"keras2torch.{head}"
    else:
        return None
    if not rest:
        return module
    path = _ROOT.joinpath(*module.split(".")[1:], *rest.split("."))
    inner = path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()
    return f"{module}.{rest}" if inner else None


def _has(module: str | None, name: str) -> bool:
    if module is None or name.startswith("_"):
        return False
    if module == "keras2torch.layers":
        return name in _layers()
    tree = _tree(module)
    return tree is not None and name in _bound(module)


@cache
def _layers() -> frozenset[str]:
    """Return the names of ``keras2torch.layers``, which are made when asked for."""
    from keras2torch.layers.definitions import MODELS, REGISTRY

    others = _bound("keras2torch.models.others")
    made = (set(REGISTRY) - MODELS) | others
    functions = keras2torch.layers._FUNCTIONS
    named = {n for n in made if n[0].isupper() or n in functions}
    return frozenset(named | keras2torch.layers._OTHERS)


@cache
def _tree(module: str) -> ast.Module | None:
    path = _ROOT.joinpath(*module.split(".")[1:])
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.is_file():
            return ast.parse(file.read_text(encoding="utf-8"))
    return None


@cache
def _bound(module: str) -> frozenset[str]:
    """Return what a module's text binds at its top, for type checkers or for all."""
    tree = _tree(module)
    found: set[str] = set()
    body: list[ast.stmt] = list(tree.body) if tree else []
    while body:
        node = body.pop()
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found |= {(a.asname or a.name) for a in node.names}
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                found |= {n.id for n in ast.walk(target) if isinstance(n, ast.Name)}
        elif isinstance(node, ast.If):
            body += [*node.body, *node.orelse]
    return frozenset(found)


@cache
def _class(path: str) -> tuple[str, ast.ClassDef] | None:
    """Return the module and the syntax tree of a class, through the imports to it."""
    module, _, name = path.rpartition(".")
    for node in ast.walk(_tree(module) or ast.Module([], [])):
        if isinstance(node, ast.ClassDef) and node.name == name:
            return module, node
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
            "keras2torch"
        ):
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return _class(f"{node.module}.{alias.name}")
    return None


def _lineage(path: str) -> list[tuple[str, ast.ClassDef]]:
    found = _class(path)
    if found is None:
        return []
    module, node = found
    lines = [found]
    for base in node.bases:
        if isinstance(base, ast.Name):
            lines += _lineage(f"{module}.{base.id}")
    return lines


def _method(path: str, name: str) -> bool:
    return any(name in _members(node) for _, node in _lineage(path))


def _members(node: ast.ClassDef) -> set[str]:
    """Return the methods of a class, and what its methods set on self."""
    found: set[str] = set()
    for child in node.body:
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
            found.add(child.name)
        elif isinstance(child, ast.AnnAssign) and isinstance(child.target, ast.Name):
            found.add(child.target.id)
        elif isinstance(child, ast.Assign):
            found |= {t.id for t in child.targets if isinstance(t, ast.Name)}
    for inner in ast.walk(node):
        if not isinstance(inner, ast.Attribute) or not isinstance(inner.ctx, ast.Store):
            continue
        if isinstance(inner.value, ast.Name) and inner.value.id == "self":
            found.add(inner.attr)
    return found


@cache
def _signature(name: str) -> tuple[frozenset[str], bool] | None:
    """Return the arguments of a class or a method, and whether it takes any others."""
    head, _, rest = name.partition(".")
    if head == "layers" and rest in _layers():
        return _layer_signature(rest)
    if head in _CLASSES and rest:
        return _of_function(_CLASSES[head], rest)
    home, _, last = name.rpartition(".")
    module = _module(home) if home else None
    return _of_function(f"{module}.{last}", "__init__") if module else None


def _layer_signature(name: str) -> tuple[frozenset[str], bool] | None:
    from keras2torch.layers.definitions import REGISTRY

    definition: Any = REGISTRY.get(name)
    if definition is None:
        return None
    fields = {f.name for f in dataclasses.fields(definition)}
    old = {*definition.aliases, *definition.ignored}
    return frozenset(fields | old | {*_EVERY_LAYER}), False


# What a layer of any class takes, beside what its definition has.
_EVERY_LAYER = (
    "name dtype trainable weights input_shape batch_input_shape batch_shape input_dim "
    "batch_size input_dtype seed activity_regularizer layer autocast"
).split()


def _of_function(path: str, name: str) -> tuple[frozenset[str], bool] | None:
    for _, node in _lineage(path):
        for child in node.body:
            if isinstance(child, ast.FunctionDef) and child.name == name:
                given = child.args
                every = (*given.posonlyargs, *given.args, *given.kwonlyargs)
                return frozenset(a.arg for a in every), given.kwarg is not None
    return None
