"""Names: of optimizers among each other, and of their classes in a configuration."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

_used: defaultdict[str, int] = defaultdict(int)


def snake_case(name: str) -> str:
    """Return ``my_adam`` for ``MyAdam`` (Keras 3.15 ``utils/naming.py``)."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


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
        name = getattr(made, "__name__", kind.__name__)
        return {
            "module": "builtins",
            "class_name": "function",
            "config": name,
            "registered_name": "function",
        }
    own = known.get(kind.__name__) is kind
    registered = getattr(kind, "_registered_name", None) or kind.__name__
    return {
        "module": home if own else kind.__module__,
        "class_name": kind.__name__,
        "config": made.get_config(),
        "registered_name": None if own else registered,
    }


def find(
    name: Any,
    known: Mapping[str, Any],
    custom: Mapping[str, Any] | None,
    what: str,
) -> Any:
    """Return the class of a name, however it is spelled.

    Raises
    ------
    ValueError
        If there is none; the sentence lists names that look like it.
    """
    if custom and name in custom:
        return custom[name]
    short = str(name).rsplit(">", 1)[-1]  # "Custom>Adam" is how Keras 2.12 wrote it
    spelled = {_plain(k): v for k, v in known.items()}
    if custom and short in custom:
        return custom[short]
    if _plain(short) in spelled:
        return spelled[_plain(short)]
    names = {_plain(k): k for k in known}
    near = [names[n] for n in get_close_matches(_plain(short), list(names))]
    hint = (
        f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(known)}."
    )
    raise ValueError(f"there is no {what} named {name!r}: {hint}")


def _plain(name: str) -> str:
    return name.replace("_", "").lower()
