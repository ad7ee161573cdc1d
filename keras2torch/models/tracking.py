"""Lists and dicts of layers that a layer keeps as attributes.

Keras tracks what is in them; torch tracks attributes alone. These register what is put
into them with the layer that owns them, under the names of an ``nn.ModuleList``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from torch import nn

from keras2torch.training.variables import Parameter

Changed = Callable[[], None]


def holds_modules(value: Any) -> bool:
    """Whether a module is anywhere within."""
    if isinstance(value, nn.Module):
        return True
    if isinstance(value, (list, tuple)):
        return any(holds_modules(v) for v in value)
    if isinstance(value, dict):
        return any(holds_modules(v) for v in value.values())
    return False


def variables_in(value: Any) -> Iterator[Parameter]:
    """Iterate over the weights in lists and dicts."""
    if isinstance(value, (list, tuple, dict)):
        for part in value.values() if isinstance(value, dict) else value:
            if isinstance(part, Parameter):
                yield part
            else:
                yield from variables_in(part)


class Held(nn.Module):
    """What torch sees of a list or dict: its modules, by index or key."""


def held(value: Any) -> nn.Module | None:
    """Return the modules within as one; None if there are none."""
    if isinstance(value, nn.Module):
        return value
    if isinstance(value, (list, tuple)):
        parts: Iterable[tuple[Any, Any]] = enumerate(value)
    elif isinstance(value, dict):
        parts = value.items()
    else:
        return None
    found = Held()
    for key, part in parts:
        if (module := held(part)) is not None:
            # A dot would be read as a step down.
            found.add_module(str(key).replace(".", "_"), module)
    return found if found._modules else None


def unheld(modules: Iterable[nn.Module | None]) -> Iterator[nn.Module]:
    """Iterate over modules, those of lists and dicts one by one."""
    for module in modules:
        if isinstance(module, Held):
            yield from unheld(module._modules.values())
        elif module is not None:
            yield module


def tracked(value: Any, changed: Changed) -> Any:
    """Return lists and dicts that tell when they change; other values as they are."""
    if type(value) is list:
        return TrackedList((tracked(v, changed) for v in value), changed)
    if type(value) is dict:
        made = TrackedDict({k: tracked(v, changed) for k, v in value.items()})
        made.changed = changed
        return made
    if type(value) is tuple and holds_modules(value):
        return tuple(tracked(v, changed) for v in value)
    return value


class TrackedList(list[Any]):
    """A list that tells its owner when it changes."""

    def __init__(self, values: Iterable[Any], changed: Changed) -> None:
        super().__init__(values)
        self._changed = changed

    def append(self, value: Any) -> None:
        super().append(tracked(value, self._changed))
        self._changed()

    def extend(self, values: Iterable[Any]) -> None:
        super().extend(tracked(v, self._changed) for v in values)
        self._changed()

    def insert(self, index: Any, value: Any) -> None:
        super().insert(index, tracked(value, self._changed))
        self._changed()

    def __setitem__(self, index: Any, value: Any) -> None:
        super().__setitem__(index, tracked(value, self._changed))
        self._changed()

    def __delitem__(self, index: Any) -> None:
        super().__delitem__(index)
        self._changed()

    def __iadd__(self, values: Iterable[Any]) -> TrackedList:  # type: ignore[misc]
        self.extend(values)
        return self

    def pop(self, index: Any = -1) -> Any:
        found = super().pop(index)
        self._changed()
        return found

    def remove(self, value: Any) -> None:
        super().remove(value)
        self._changed()

    def clear(self) -> None:
        super().clear()
        self._changed()

    def __reduce__(self) -> Any:
        return (list, (list(self),))


class TrackedDict(dict[Any, Any]):
    """A dict that tells its owner when it changes."""

    changed: Changed | None = None

    def _tell(self) -> None:
        if self.changed is not None:
            self.changed()

    def __setitem__(self, key: Any, value: Any) -> None:
        if self.changed is not None:
            value = tracked(value, self.changed)
        super().__setitem__(key, value)
        self._tell()

    def __delitem__(self, key: Any) -> None:
        super().__delitem__(key)
        self._tell()

    def update(self, *args: Any, **kwargs: Any) -> None:
        for key, value in dict(*args, **kwargs).items():
            self[key] = value

    def pop(self, key: Any, *default: Any) -> Any:
        found = super().pop(key, *default)
        self._tell()
        return found

    def setdefault(self, key: Any, default: Any = None) -> Any:
        if key not in self:
            self[key] = default
        return self[key]

    def __reduce__(self) -> Any:
        return (dict, (dict(self),))
