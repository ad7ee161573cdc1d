"""What callbacks read: plain floats, computed when somebody looks at them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch

Logs = dict[str, Any]


def pythonify_logs(logs: Mapping[str, Any] | None) -> Logs:
    """Return logs as Keras hands them to callbacks: sorted, flat, floats.

    A tensor of several elements becomes an array; what is no number stays as it is.

    Source: Keras 3.15, ``utils/python_utils.py``.
    """
    result: Logs = {}
    for key, value in sorted((logs or {}).items()):
        if isinstance(value, dict):
            result.update(pythonify_logs(value))
            continue
        if isinstance(value, torch.Tensor):
            value = value.detach()
            if value.numel() != 1:
                value = value.cpu().numpy()
        try:
            result[key] = float(value)
        except (TypeError, ValueError, RuntimeError):
            # A list, or an array of several elements.
            result[key] = value
    return result


class LazyLogs(Logs):
    """Logs that are computed at the first look.

    To read a loss waits for the device. Most callbacks do not look at every batch, so
    that most batches need not wait. What is read late is what was computed late: look
    within the hook that received the logs.

    Parameters
    ----------
    compute
        Gives the logs, of numbers, tensors or arrays.
    names
        Their names, where known before.
    """

    def __init__(
        self, compute: Callable[[], Mapping[str, Any]], names: Iterable[str] = ()
    ) -> None:
        # json.dumps takes a dict for empty by its size in C, which knows no `__len__`.
        super().__init__(dict.fromkeys(names))
        self._compute: Callable[[], Mapping[str, Any]] | None = compute
        self._of = compute

    def is_of(self, compute: Callable[[], Mapping[str, Any]]) -> bool:
        """Whether this is what gives the logs."""
        return self._of == compute

    def _read(self) -> None:
        if self._compute is not None:
            compute, self._compute = self._compute, None
            dict.clear(self)
            dict.update(self, pythonify_logs(compute()))

    def __reduce__(self) -> tuple[Any, ...]:
        self._read()
        return dict, (dict(self.items()),)


def _after_reading(name: str) -> Callable[..., Any]:
    method = getattr(dict, name)

    def read(self: LazyLogs, *args: Any, **kwargs: Any) -> Any:
        self._read()
        return method(self, *args, **kwargs)

    read.__name__ = name
    return read


for _name in (
    "__contains__ __delitem__ __eq__ __getitem__ __ior__ __iter__ __len__ __ne__ "
    "__or__ __repr__ __reversed__ __ror__ __setitem__ clear copy get items keys "
    "pop popitem setdefault update values"
).split():
    setattr(LazyLogs, _name, _after_reading(_name))


def of_batch(logs: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Return what the callbacks of a batch receive: not read here if that may wait."""
    if logs is None:
        return {}
    if type(logs) is not dict:
        return logs  # lazy already
    if any(isinstance(v, torch.Tensor | dict) for v in logs.values()):
        given = logs
        return LazyLogs(lambda: given, names=given)
    return pythonify_logs(logs)
