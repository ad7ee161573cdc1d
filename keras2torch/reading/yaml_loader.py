"""YAML with Python's tags as Keras wrote them, which stand for plain data here."""

from __future__ import annotations

import struct
from typing import Any

import yaml


class Loader(yaml.SafeLoader):
    """Safe; Keras wrote tuples, numpy's numbers and TensorFlow's lists with tags.

    What a tag says to call is not called: the data below it is read here.
    """


def _list(loader: yaml.SafeLoader, node: yaml.Node) -> list[Any]:
    assert isinstance(node, yaml.SequenceNode)
    return list(loader.construct_sequence(node, deep=True))


def _string(loader: yaml.SafeLoader, node: yaml.Node) -> str:
    assert isinstance(node, yaml.ScalarNode)
    return str(loader.construct_scalar(node))


def _arguments(loader: yaml.SafeLoader, node: yaml.Node) -> tuple[list[Any], Any]:
    """Return ``args`` and ``state`` of an object; a bare list is its arguments."""
    if isinstance(node, yaml.MappingNode):
        found = loader.construct_mapping(node, deep=True)
        args = found.get("args")
        return args if isinstance(args, list) else [], found.get("state")
    return _list(loader, node), None


def _wrapped(loader: yaml.SafeLoader, node: yaml.Node) -> Any:
    """Return what a TensorFlow 1.15 or 2 wrapper of a list or mapping held."""
    args, _ = _arguments(loader, node)
    if len(args) != 1:
        raise ValueError("a wrapped list without its contents")
    return args[0]


_Kind = tuple[str, str]


def _dtype(loader: yaml.SafeLoader, node: yaml.Node) -> _Kind:
    """Return kind and byte order of a numpy dtype: ``("f4", "<")``."""
    args, state = _arguments(loader, node)
    order = state[1] if isinstance(state, list) and len(state) > 1 else "<"
    return str(args[0] if args else ""), str(order)


def _numbers(kind: Any, data: Any) -> list[Any]:
    # Python 2 had one kind of strings, and wrote bytes as text where they are ASCII.
    if isinstance(data, str):
        data = data.encode("latin-1")
    if not isinstance(kind, tuple) or not isinstance(data, bytes):
        raise ValueError("a numpy number without its bytes")
    name, order = kind
    if name not in ("f4", "f8", "i4", "i8"):
        raise ValueError(f"a numpy number of type {name!r}")
    code = {"f4": "f", "f8": "d", "i4": "i", "i8": "q"}[name]
    sign = ">" if order == ">" else "<"
    return [n for (n,) in struct.iter_unpack(sign + code, data)]


def _scalar(loader: yaml.SafeLoader, node: yaml.Node) -> Any:
    args, _ = _arguments(loader, node)
    found = _numbers(*args) if len(args) == 2 else []
    if len(found) != 1:
        raise ValueError("a numpy number without its bytes")
    return found[0]


def _array(loader: yaml.SafeLoader, node: yaml.Node) -> Any:
    """Return a numpy array of rank 0 or 1, which ``_reconstruct`` is called for."""
    _, state = _arguments(loader, node)
    if not isinstance(state, list) or len(state) != 5:
        raise ValueError("a numpy array without its contents")
    _, shape, kind, _, data = state
    found = _numbers(kind, data)
    if shape == [] and len(found) == 1:
        return found[0]
    if shape != [len(found)]:
        raise ValueError("a numpy array of several axes")
    return found


_TAG = "tag:yaml.org,2002:python/"
Loader.add_constructor(_TAG + "tuple", _list)
Loader.add_constructor(_TAG + "unicode", _string)
Loader.add_constructor(_TAG + "str", _string)
Loader.add_constructor(_TAG + "name:numpy.ndarray", _string)
for _module in ("numpy.core.multiarray", "numpy._core.multiarray"):
    Loader.add_constructor(f"{_TAG}object/apply:{_module}.scalar", _scalar)
    Loader.add_constructor(f"{_TAG}object/apply:{_module}._reconstruct", _array)
Loader.add_constructor(_TAG + "object/apply:numpy.dtype", _dtype)
for _place in ("checkpointable", "tracking"):
    _module = f"tensorflow.python.training.{_place}.data_structures"
    Loader.add_constructor(f"{_TAG}object/apply:{_module}.ListWrapper", _wrapped)
