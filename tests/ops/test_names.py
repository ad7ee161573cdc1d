"""Every name of keras.ops is here, with the arguments that it has in Keras."""

from __future__ import annotations

import inspect
from typing import Any

from keras2torch import ops

HOMES = {"nn": ops.nn, "linalg": ops.linalg, "image": ops.image}


def test_signatures(answers: dict[str, Any]) -> None:
    """The same names in the same order, with the same defaults."""
    wrong = {}
    for path, wanted in answers["signatures"].items():
        home, _, name = path.rpartition(".")
        thing = getattr(HOMES.get(home, ops), name, None)
        if thing is None:
            wrong[path] = "missing"
            continue
        taken = inspect.signature(thing).parameters.values()
        found = [[p.name, str(p.kind), repr(p.default)] for p in taken]
        if found != wanted:
            wrong[path] = f"{found} instead of {wanted}"
    assert not wrong
