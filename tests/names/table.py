"""Which of Keras' public names the shim has: ``python -m tests.names.table``.

Keras lists its names in a process of its own; the table is the one in the README.
"""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import keras2torch
from tests.names.reasons import MISSING, OTHERWISE

SCRIPT = Path(__file__).with_name("keras_side.py")


@cache
def asked() -> dict[str, list[str] | None]:
    """Keras' public names → their parameters."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "names.json"
        done = subprocess.run(
            [sys.executable, str(SCRIPT), str(out)],
            capture_output=True,
            text=True,
            env=dict(os.environ),
            check=False,
        )
        assert done.returncode == 0, done.stderr[-4000:]
        found: dict[str, list[str] | None] = json.loads(out.read_text())
    return found


def ours(name: str) -> Any:
    """What has a name here; raises AttributeError for what is missing."""
    thing: Any = keras2torch
    for part in name.split("."):
        # What an object has once it is made is there, too.
        made = made_of(thing) if inspect.isclass(thing) else None
        if made is not None and not hasattr(thing, part):
            thing = made
        thing = getattr(thing, part)
    return thing


@cache
def made_of(cls: Any) -> Any:
    """An object of a class; None if it cannot be made without more."""
    x = keras2torch.Input((3,))
    arguments: dict[str, tuple[Any, ...]] = {
        "Model": (x, keras2torch.layers.Dense(1)(x)),
        "KerasTensor": ((None, 3),),
        "Wrapper": (keras2torch.layers.Dense(1),),
        "RNN": (keras2torch.layers.LSTMCell(2),),
        "Variable": (0.0,),
    }
    try:
        return cls(*arguments.get(cls.__name__, ()))
    except Exception:
        return None


def parameters(thing: Any) -> tuple[list[str], bool] | None:
    """Names of the arguments in order, and whether it takes any others."""
    try:
        taken = inspect.signature(thing).parameters.values()
    except (TypeError, ValueError):
        return None
    named = [p.name for p in taken if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    return named, any(p.kind is p.VAR_KEYWORD for p in taken)


def reason(name: str, table: dict[str, str]) -> str | None:
    """Why a name is in a table."""
    return next((why for key, why in table.items() if fnmatchcase(name, key)), None)


@dataclass
class Namespace:
    """The names of one module or class of Keras."""

    here: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    otherwise: dict[str, tuple[list[str], list[str]]] = field(default_factory=dict)


def compared() -> dict[str, Namespace]:
    """Every namespace of Keras, and what of it is here."""
    found: dict[str, Namespace] = {}
    for name, wanted in asked().items():
        home, _, _ = name.rpartition(".")
        space = found.setdefault(home, Namespace())
        try:
            thing = ours(name)
        except AttributeError:
            space.missing.append(name)
            continue
        space.here.append(name)
        taken = parameters(thing) if wanted is not None and callable(thing) else None
        if taken is None or wanted is None:
            continue
        if not fits(wanted, *taken):
            space.otherwise[name] = (wanted, taken[0])
    return found


def fits(wanted: list[str], named: list[str], anything: bool) -> bool:
    """Whether Keras' arguments can be given, by name and in their order.

    Further arguments of ours come last; some of Keras' may be taken by name alone.
    """
    common = [n for n in named if n in wanted]
    in_order = common == [n for n in wanted if n in named]
    return (
        in_order
        and named[: len(common)] == common
        and (anything or set(wanted) <= set(named))
    )


def heading(home: str) -> str:
    """What a namespace is called in the table."""
    head = home.partition(".")[0]
    if not home or head[0].isupper():
        return "keras" if not home else f"keras.{head}"
    parts = home.split(".")
    own = [p for p in parts if p[0].islower()]
    deep = own[0] in ("ops", "utils", "optimizers") and len(own) > 1
    return ".".join(["keras", *own[: 2 if deep else 1]])


def table() -> str:
    """Markdown: a row for each namespace."""
    rows: dict[str, list[list[str]]] = {}
    for home, space in compared().items():
        here, missing = rows.setdefault(heading(home), [[], []])
        here += space.here
        missing += space.missing
    total = sum(len(h) + len(m) for h, m in rows.values())
    have = sum(len(h) for h, _ in rows.values())
    lines = [
        f"{have} of {total} public names of Keras 3.15 ({100 * have / total:.1f} %).",
        "",
        "| names of | here | of | missing |",
        "|---|--:|--:|---|",
    ]
    for name in sorted(rows):
        here, missing = rows[name]
        lines.append(
            f"| `{name}` | {len(here)} | {len(here) + len(missing)} | "
            f"{listed(missing)} |"
        )
    return "\n".join(lines)


def listed(names: list[str]) -> str:
    """Missing names, by their reasons."""
    by_reason: dict[str, list[str]] = {}
    for name in names:
        why = reason(name, MISSING) or "no reason is given"
        by_reason.setdefault(why, []).append(f"`{name.rpartition('.')[2]}`")
    return "; ".join(
        f"{', '.join(sorted(set(found)))}: {why}" for why, found in by_reason.items()
    )


def main() -> None:
    """Print the table, and what is not explained."""
    print(table())
    for space in compared().values():
        for name, (wanted, named) in space.otherwise.items():
            if reason(name, OTHERWISE) is None:
                print(f"\n{name}\n  Keras: {wanted}\n  here:  {named}")


if __name__ == "__main__":
    main()
