"""Files and lines, written by one of several processes."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar, cast

from torch import distributed as dist

from keras2torch.distribution.processes import is_main, is_several, joined

Write = TypeVar("Write", bound=Callable[..., Any])

# Writing a large model to a slow disk takes minutes.
PATIENCE = timedelta(hours=1)
_done: Counter[str] = Counter()
_DONE = "done"


def by_one(write: Write) -> Write:
    """Have the first process do what is decorated, while the others wait for it.

    It is told through the store, not by a message to all: a script that has its first
    process alone save does not wait for the others.

    Raises
    ------
    RuntimeError
        In the others, if it failed.
    """

    @functools.wraps(write)
    def written(*args: Any, **kwargs: Any) -> Any:
        if not is_several():
            return write(*args, **kwargs)
        joined()
        # A model, or a callback of one.
        model = getattr(args[0], "model", args[0]) if args else None
        # Not by the path: each process may have a temporary folder of its own.
        name = write.__qualname__
        _done[name] += 1
        key = f"keras2torch/{name}/{_done[name]}"
        if getattr(model, "_sharded_root", None) is None:
            return _one(key, write, args, kwargs)
        from keras2torch.distribution import fsdp

        with fsdp.whole(model):
            return _one(key, write, args, kwargs)

    return cast(Write, written)


def _one(key: str, write: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    store = dist.distributed_c10d._get_default_store()
    if not is_main():
        store.wait([key], PATIENCE)
        failure = store.get(key).decode()
        if failure != _DONE:
            raise RuntimeError(f"process 0 failed to write: {failure}")
        return None
    try:
        made = write(*args, **kwargs)
    except Exception as error:
        store.set(key, f"{type(error).__name__}: {error}")
        raise
    store.set(key, _DONE)
    return made
