"""JSON and YAML of strangers: plain data of a bounded size and depth, or an error."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from keras2torch.errors import UnusableFile

_MAX_CHARACTERS = 1 << 27
_MAX_DEPTH = 200
_MAX_VALUES = 5_000_000


def from_json(text: str | bytes, what: str) -> Any:
    """Return parsed JSON.

    Parameters
    ----------
    text
        What to parse.
    what
        What it is, for messages: ``"config.json in model.keras"``.
    """
    _check_size(text, what)
    try:
        value = json.loads(text)
    except RecursionError as error:
        raise UnusableFile(f"{what} is nested absurdly deep.") from error
    except (ValueError, UnicodeError) as error:
        raise UnusableFile(f"{what} is no valid JSON ({error}).") from error
    return check_tree(value, what)


def from_yaml(text: str | bytes, what: str) -> Any:
    """Return parsed YAML; Python's tags stand for data there, nothing is called."""
    # Only here: JSON is what nearly every file holds.
    import yaml

    from keras2torch.reading.yaml_loader import Loader

    _check_size(text, what)
    try:
        value = yaml.load(text, Loader=Loader)  # noqa: S506 - a SafeLoader
    except RecursionError as error:
        raise UnusableFile(f"{what} is nested absurdly deep.") from error
    except (yaml.YAMLError, ValueError, UnicodeError) as error:
        line = str(error).splitlines()[0]
        raise UnusableFile(f"{what} is no plain YAML ({line}).") from error
    return check_tree(value, what)


def _check_size(text: str | bytes, what: str) -> None:
    if len(text) > _MAX_CHARACTERS:
        raise UnusableFile(f"{what} is absurdly long ({len(text)} characters).")


def dicts(value: Any) -> Iterator[dict[str, Any]]:
    """Iterate over the dicts in plain data, at every depth and in no order."""
    left = [value]
    while left:
        here = left.pop()
        if isinstance(here, dict):
            yield here
            left += here.values()
        elif isinstance(here, list):
            left += here


def check_tree(value: Any, what: str) -> Any:
    """Return ``value`` if it is plain data within the limits.

    YAML aliases make small texts huge (and cyclic), so values are counted as often as
    they are reached.
    """
    left = [(value, 0)]
    count = 0
    while left:
        here, depth = left.pop()
        count += 1
        if depth > _MAX_DEPTH or count > _MAX_VALUES:
            raise UnusableFile(f"{what} is nested absurdly deep or large.")
        if isinstance(here, dict):
            if not all(isinstance(k, (str, int)) for k in here):
                raise UnusableFile(f"{what} has keys that are no strings.")
            left += [(v, depth + 1) for v in here.values()]
        elif isinstance(here, list):
            left += [(v, depth + 1) for v in here]
    return value
