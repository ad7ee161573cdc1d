"""Names: of optimizers among each other, and of their classes in a configuration."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from keras2torch.serialization import (
    get_custom_objects,
    get_registered_name,
    get_registered_object,
)
from keras2torch.spelling import snake_case

_used: defaultdict[str, int] = defaultdict(int)


def auto_name(kind: str) -> str:
    """Return ``adam``, then ``adam_1``, ``adam_2`` …."""
    name = snake_case(kind)
    number = _used[name]
    _used[name] += 1
    return f"{name}_{number}" if number else name


def written(made: Any, home: str, known: Mapping[str, type[Any]]) -> dict[str, Any]:
    """Return an object in the form of Keras 3's configurations.

    Parameters
    ----------
    made
        It has ``get_config``, or is a function.
    home
        Keras' module of the classes in ``known``.
    """
    kind = type(made)
    if not hasattr(made, "get_config"):
        named = hasattr(made, "__name__")
        name = get_registered_name(made) if named else kind.__name__
        return {
            "module": "builtins",
            "class_name": "function",
            "config": name,
            "registered_name": "function",
        }
    own = known.get(kind.__name__) is kind
    module = None if kind.__module__ == "__main__" else kind.__module__
    return {
        "module": home if own else module,
        "class_name": kind.__name__,
        "config": made.get_config(),
        "registered_name": None if own else get_registered_name(kind),
    }


def find(
    config: Mapping[str, Any],
    known: Mapping[str, Any],
    custom: Mapping[str, Any] | None,
    what: str,
) -> Any:
    """Return the class of a configuration, however its name is spelled.

    Parameters
    ----------
    config
        With ``class_name``, and ``registered_name`` if a user registered the class.
    known
        Name → class of ours; what a user registered or gives in ``custom`` comes first.
    what
        What is looked for, for the sentence of the error.

    Raises
    ------
    ValueError
        If there is none; the sentence lists names that look like it.
    """
    name = str(config["class_name"])
    short = name.rsplit(">", 1)[-1]  # "Custom>Adam" is how Keras 2.12 wrote it
    for one in (config.get("registered_name"), name, short):
        found = get_registered_object(one, custom) if one else None
        if found is not None:
            return found
    spelled = {_plain(k): v for k, v in known.items()}
    if _plain(short) in spelled:
        return spelled[_plain(short)]
    for package_and_name, thing in get_custom_objects().items():
        if package_and_name.endswith(f">{short}"):
            return thing
    names = {_plain(k): k for k in known}
    near = [names[n] for n in get_close_matches(_plain(short), list(names))]
    hint = (
        f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(known)}."
    )
    raise ValueError(f"there is no {what} named {name!r}: {hint}")


def _plain(name: str) -> str:
    return name.replace("_", "").lower()
