"""Names and configs ↔ objects: what ``get``, ``serialize`` and ``deserialize`` share.

Every module of public names (``initializers``, ``regularizers`` …) offers its objects
here. What a config may name is what was offered here, registered by the user, or
handed over with the call; nothing is imported because a config says so, and a lambda
is neither written nor read.

Source: ``keras/src/saving``, ``serialization_lib`` and ``object_registration`` (3.15).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar, Token
from difflib import get_close_matches
from inspect import isclass, isfunction
from typing import Any, TypeVar

import numpy as np
import torch

from keras2torch.spelling import snake_case

T = TypeVar("T")
Config = dict[str, Any]

_CUSTOM: dict[str, Any] = {}  # "package>name" → what the user registered
_CUSTOM_NAMES: dict[Any, str] = {}
_SCOPE: ContextVar[Mapping[str, Any] | None] = ContextVar("custom_objects")
_OFFERED: dict[str, dict[str, Any]] = {}  # "keras.initializers" → name → object
_HOMES: dict[Any, str] = {}  # object → "keras.initializers"
_OF_LAYERS = ("keras.layers", "keras.models", "keras.src.models")


# ----------------------------------------------------------------------- Keras' objects
def offer(module: str, objects: Iterable[Any], **aliases: Any) -> dict[str, Any]:
    """Make objects known under a public module of Keras.

    Parameters
    ----------
    module
        ``"keras.initializers"``; it is written into configs.
    objects
        Classes, known in CamelCase and snake_case, and functions.
    aliases
        Other names.

    Returns
    -------
    dict
        Every spelling → object.
    """
    known = _OFFERED.setdefault(module, {})
    for thing in objects:
        name: str = thing.__name__
        known[name] = thing
        if isclass(thing):
            known[snake_case(name)] = thing
        _HOMES[thing] = module
    known.update(aliases)
    return known


# ---------------------------------------------------------------------- users' objects
class CustomObjectScope:
    """A block in which configs and names may mean these objects too.

    Parameters
    ----------
    custom_objects
        Name → class or function.
    """

    def __init__(self, custom_objects: Mapping[str, Any] | None) -> None:
        self.custom_objects = dict(custom_objects or {})
        self._token: Token[Mapping[str, Any] | None] | None = None

    def __enter__(self) -> CustomObjectScope:
        self._token = _SCOPE.set({**(_SCOPE.get(None) or {}), **self.custom_objects})
        return self

    def __exit__(self, *error: object) -> None:
        assert self._token is not None
        _SCOPE.reset(self._token)


custom_object_scope = CustomObjectScope


def get_custom_objects() -> dict[str, Any]:
    """Return the dictionary of registered objects itself."""
    return _CUSTOM


def register_keras_serializable(
    package: str = "Custom", name: str | None = None
) -> Callable[[T], T]:
    """Return a decorator that lets configs name a user's class or function.

    Parameters
    ----------
    package, name
        It is known as ``package>name``; the name is its own unless given.

    Raises
    ------
    ValueError
        For a class without ``get_config``.
    """

    def register(thing: T) -> T:
        if isclass(thing) and not hasattr(thing, "get_config"):
            raise ValueError(
                f"{thing.__name__} cannot be registered: it has no get_config()."
            )
        key = f"{package}>{name or thing.__name__}"  # type: ignore[attr-defined]
        _CUSTOM[key] = thing
        _CUSTOM_NAMES[thing] = key
        return thing

    return register


def get_registered_name(obj: Any) -> str:
    """Return the name under which an object is registered, or else its own."""
    found: str = _CUSTOM_NAMES.get(obj) or obj.__name__
    return found


def get_registered_object(
    name: str,
    custom_objects: Mapping[str, Any] | None = None,
    module_objects: Mapping[str, Any] | None = None,
) -> Any:
    """Return what a name stands for, ``None`` if for nothing."""
    for known in (_SCOPE.get(None), _CUSTOM, custom_objects, module_objects):
        if known and name in known:
            return known[name]
    return None


# ------------------------------------------------------------------------------ writing
def serialize_keras_object(obj: Any) -> Any:
    """Return an object as Keras writes it in JSON.

    Parameters
    ----------
    obj
        A plain value, list, dictionary, array, tensor, named function, or an object
        with ``get_config``.

    Raises
    ------
    ValueError
        For a lambda: Keras would write its bytecode.
    TypeError
        For an object without ``get_config``.
    """
    if obj is None or isinstance(obj, (str, int, float, bool)):
        return obj.item() if isinstance(obj, np.generic) else obj
    if isinstance(obj, (list, tuple)):
        return type(obj)(serialize_keras_object(x) for x in obj)
    if isinstance(obj, Mapping):
        return {key: serialize_keras_object(value) for key, value in obj.items()}
    if isinstance(obj, torch.dtype):
        return str(obj).removeprefix("torch.")
    if isinstance(obj, torch.Tensor):
        given = obj.detach().cpu()
        dtype = serialize_keras_object(obj.dtype)
        return {
            "class_name": "__tensor__",
            "config": {"value": given.tolist(), "dtype": dtype},
        }
    if isinstance(obj, (np.ndarray, np.generic)):
        if obj.ndim == 0:
            return obj.item()
        value = {"value": obj.tolist(), "dtype": str(obj.dtype)}
        return {"class_name": "__numpy__", "config": value}
    if isfunction(obj):
        return _function_config(obj)
    if isinstance(obj, torch.nn.Module) and hasattr(obj, "get_config"):
        from keras2torch.models.configs import serialized

        return serialized(obj)
    return _object_config(obj)


def _function_config(function: Callable[..., Any]) -> Config:
    if function.__name__ == "<lambda>":
        raise ValueError(
            "a lambda cannot be serialized; define a function with def and register "
            "it with keras.saving.register_keras_serializable()."
        )
    return {
        # Keras: the class of a function lives in builtins.
        "module": "builtins",
        "class_name": "function",
        "config": get_registered_name(function),
        "registered_name": "function",
    }


def _object_config(obj: Any) -> Config:
    kind = type(obj)
    if not hasattr(obj, "get_config"):
        raise TypeError(f"{obj!r} cannot be serialized: it has no get_config().")
    home = _HOMES.get(kind)
    module = None if kind.__module__ == "__main__" else kind.__module__
    return {
        "module": home or module,
        "class_name": kind.__name__,
        "config": {k: serialize_keras_object(v) for k, v in obj.get_config().items()},
        "registered_name": None if home else get_registered_name(kind),
    }


# ------------------------------------------------------------------------------ reading
def deserialize_keras_object(
    config: Any,
    custom_objects: Mapping[str, Any] | None = None,
    safe_mode: bool = True,
    *,
    module_objects: Mapping[str, Any] | None = None,
    kind: str = "object",
) -> Any:
    """Return the object of a config.

    Parameters
    ----------
    config
        What :func:`serialize_keras_object` gives, of Keras 2 or 3, or a name.
    custom_objects
        Name → class or function, besides what is registered.
    safe_mode
        Accepted as Keras does; a lambda is refused either way.
    module_objects
        What names and class names stand for where the config gives no module.
    kind
        What is looked for, for the error message.

    Raises
    ------
    ValueError
        If nothing has that name.
    """
    if isinstance(config, str):
        if module_objects is None and not custom_objects:
            return config
        return _named(config, (config,), None, custom_objects, module_objects, kind)
    if isinstance(config, (list, tuple)):
        return [deserialize_keras_object(x, custom_objects, safe_mode) for x in config]
    if not isinstance(config, Mapping):
        return config
    if "class_name" not in config:
        return {
            key: deserialize_keras_object(value, custom_objects, safe_mode)
            for key, value in config.items()
        }
    name, inner = str(config["class_name"]), config.get("config")
    if name in ("__tensor__", "__numpy__"):
        assert isinstance(inner, Mapping)
        array = np.array(inner["value"])
        dtype = str(inner["dtype"])
        return _tensor(array, dtype) if name == "__tensor__" else array.astype(dtype)
    if name == "__lambda__":
        raise ValueError(
            "the config holds a lambda as bytecode, which is not run; pass a function "
            "by name in custom_objects."
        )
    if name == "function":
        names = (config.get("registered_name"), inner)
        known = {**_functions(), **(module_objects or {})}
        return _named(str(inner), names, config, custom_objects, known, kind)
    if _is_layer(config):
        from keras2torch.models.rebuilding import deserialized

        return deserialized(config, custom_objects)
    names = (config.get("registered_name"), name)
    made = _named(name, names, config, custom_objects, module_objects, kind)
    if not isclass(made):
        return made
    with CustomObjectScope(custom_objects):
        given = dict(inner or {})
        new = made.from_config(given) if hasattr(made, "from_config") else made(**given)
        if not isinstance(new, torch.nn.Module):
            return new
        from keras2torch.models.rebuilding import finished

        return finished(new, config)


def _functions() -> Config:
    """Return Keras' functions by their names; a config names no module of theirs."""
    from keras2torch import activations, losses, metrics  # noqa: F401  # they offer

    found: Config = {}
    for home in ("keras.metrics", "keras.losses", "keras.activations"):
        known = _OFFERED.get(home, {})
        found |= {k: v for k, v in known.items() if isfunction(v)}
    return found


def _is_layer(config: Mapping[str, Any]) -> bool:
    from keras2torch.reading.configs import MODELS

    module = str(config.get("module"))
    if module.startswith(_OF_LAYERS):
        return True
    return module == "keras" and config["class_name"] in MODELS


def _tensor(array: np.ndarray[Any, Any], dtype: str) -> torch.Tensor:
    wanted = getattr(torch, dtype, None)
    if not isinstance(wanted, torch.dtype):
        raise ValueError(f"the config holds a tensor of the unknown dtype {dtype!r}.")
    return torch.from_numpy(array).to(wanted)


def _named(
    shown: str,
    names: Iterable[Any],
    config: Mapping[str, Any] | None,
    custom_objects: Mapping[str, Any] | None,
    module_objects: Mapping[str, Any] | None,
    kind: str,
) -> Any:
    """Return what the first known name stands for; a user's object comes first."""
    wanted = [str(n) for n in names if n]
    # Keras ≤ 3.6 wrote a registered function without its package.
    ends = tuple(f">{n}" for n in wanted)
    for name in wanted:
        found = get_registered_object(name, custom_objects)
        if found is not None:
            return found
    public = _OFFERED.get(str((config or {}).get("module")), {})
    for known in (public, module_objects or {}):
        for name in wanted:
            if name in known:
                return known[name]
    for known in (custom_objects or {}, _CUSTOM):
        for name, thing in known.items():
            if name.endswith(ends):
                return thing
    raise ValueError(unknown(shown, kind, {**public, **(module_objects or {})}))


def unknown(name: str, kind: str, known: Iterable[str]) -> str:
    """Return the sentence for a name that stands for nothing."""
    near = get_close_matches(name.lower(), sorted(known), n=3, cutoff=0.6)
    near += [n for n in sorted(known) if n.lower() == name.lower() and n not in near]
    hint = f"did you mean {' or '.join(map(repr, near))}?" if near else ""
    hint = hint or "register your own with keras.saving.register_keras_serializable()."
    return f"there is no {kind} {name!r}; {hint}"


def resolve(identifier: Any, kind: str, objects: Mapping[str, Any]) -> Any:
    """Return what Keras' ``get`` functions return.

    Parameters
    ----------
    identifier
        ``None`` (given back), a name, a config, a class (an instance is made), or
        anything that can be called (given back).
    kind
        What is looked for, for the error message.
    objects
        What names stand for.

    Raises
    ------
    ValueError
        If it stands for nothing, with the names that come near.
    """
    if identifier is None:
        return None
    found = identifier
    if isinstance(identifier, (str, Mapping)):
        found = deserialize_keras_object(identifier, module_objects=objects, kind=kind)
    if not callable(found):
        raise ValueError(f"{identifier!r} is no {kind}: it cannot be called.")
    return found() if isclass(found) else found
