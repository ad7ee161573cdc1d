"""Which of Keras' public names the shim has: ``python -m tests.names.table``.

Keras lists its names in a process of its own; the table is the one in the README, where
``--write`` puts it.
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
from tests.names.reasons import MISSING, OTHERWISE, REFUSED

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
    if cls.__name__ == "Distiller":
        student = keras2torch.Model(x, keras2torch.layers.Dense(1)(x))
        kept = keras2torch.distillation.LogitsDistillation()
        return cls(student, student, kept)
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
        here, refused, missing = rows.setdefault(heading(home), [[], [], []])
        for name in space.here:
            (refused if name in REFUSED else here).append(name)
        missing += space.missing
    total = sum(len(names) for row in rows.values() for names in row)
    have = sum(len(here) for here, _, _ in rows.values())
    lines = [
        f"{have} of {total} public names of Keras 3.15 ({100 * have / total:.1f} %), "
        "methods and second places of a name counted; with Keras' arguments but for "
        f"{len(OTHERWISE)}.",
        "",
        "| names of | here | of | not here |",
        "|---|--:|--:|---|",
    ]
    for name in sorted(rows):
        here, refused, missing = rows[name]
        told = [listed(missing)] if missing else []
        if refused:
            told.append(f"{shown(refused)}: calling them says what to do instead")
        lines.append(
            f"| `{name}` | {len(here)} | {len(here) + len(refused) + len(missing)} | "
            f"{'; '.join(told)} |"
        )
    return "\n".join(lines)


def shown(names: list[str]) -> str:
    """Names without their homes, each once."""
    return ", ".join(f"`{n}`" for n in sorted({n.rpartition(".")[2] for n in names}))


def listed(names: list[str]) -> str:
    """Missing names, by their reasons."""
    by_reason: dict[str, list[str]] = {}
    for name in names:
        why = reason(name, MISSING) or "no reason is given"
        by_reason.setdefault(why, []).append(name)
    return "; ".join(f"{shown(found)}: {why}" for why, found in by_reason.items())


def main() -> None:
    """Print the table, and what is not explained; or put it into the README."""
    if "--write" in sys.argv:
        readme = Path(__file__).resolve().parents[2] / "README.md"
        text = readme.read_text(encoding="utf-8")
        before, start, rest = text.partition("<!-- names -->")
        _, end, after = rest.partition("<!-- /names -->")
        whole = f"{before}{start}\n{table()}\n{end}{after}"
        readme.write_text(whole, encoding="utf-8")
        return
    print(table())
    for space in compared().values():
        for name, (wanted, named) in space.otherwise.items():
            if name not in OTHERWISE:
                print(f"\n{name}\n  Keras: {wanted}\n  here:  {named}")


if __name__ == "__main__":
    main()
