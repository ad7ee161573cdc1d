"""What the guide says of a script: each idiom at its line, and the sum of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from keras2torch.errors import UnusableFile
from keras2torch.guide import advice, equals, limits, script, shim, sources
from keras2torch.guide.values import Found
from keras2torch.recipes.catalogue import Recipe, find


@dataclass(frozen=True)
class Idiom:
    """A Keras idiom at a place of a script, and what becomes of it.

    Parameters
    ----------
    found
        The place and the name.
    label
        The line as it is called: a number, in a notebook ``cell:line``.
    recipes
        Those that teach it, the closest first.
    torch
        The equal in PyTorch, a short expression; None if there is none.
    note
        A caution, or what to do instead.
    shim
        ``yes``, ``no``, or None where that is no question: for TensorFlow's own.
    known
        Whether there is a recipe, an equal, or a word on what to do instead.
    """

    found: Found
    label: str
    recipes: tuple[Recipe, ...]
    torch: str | None
    note: str
    shim: str | None
    known: bool

    @property
    def name(self) -> str:
        """The canonical name."""
        return self.found.name

    @property
    def key(self) -> tuple[str, str]:
        """What is the same at another line: the name and the argument it is about."""
        if self.found.kind == "import":
            return self.name, self.found.written
        return self.name, self.found.argument or ""

    @property
    def closest(self) -> tuple[Recipe, ...]:
        """The recipes that are shown."""
        return self.recipes[: advice.CLOSE]

    @property
    def counts(self) -> bool:
        """Whether it is a name of Keras or TensorFlow, not an argument or an import."""
        return self.found.kind in ("name", "method", "override", "string", "imported")

    @property
    def lack(self) -> str:
        """What is said where the shim has it not; an argument by the script's name."""
        if self.shim != "no":
            return ""
        given = f"{self.found.given}= " if self.found.kind == "argument" else ""
        return f"{given}not in the shim"

    @property
    def has_no_equal(self) -> bool:
        """Whether PyTorch has nothing like it and no recipe builds it."""
        return self.known and self.torch is None and not self.recipes

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "line": self.label,
            "name": self.name,
            "written": self.found.written,
            "kind": self.found.kind,
            "argument": self.found.argument,
            "sure": self.found.sure,
            "known": self.known,
            "recipes": [r.name for r in self.recipes],
            "torch": self.torch,
            "note": self.note,
            "shim": self.shim,
        }


@dataclass(frozen=True)
class Report:
    """What the guide says of one script."""

    source: sources.Source
    idioms: tuple[Idiom, ...]

    @property
    def path(self) -> Path:
        """The file."""
        return self.source.path

    @cached_property
    def first(self) -> dict[tuple[str, str], list[Idiom]]:
        """Each name, with the argument it is about, and all its places."""
        places: dict[tuple[str, str], list[Idiom]] = {}
        for idiom in self.idioms:
            places.setdefault(idiom.key, []).append(idiom)
        return places

    @cached_property
    def names(self) -> dict[str, list[Idiom]]:
        """Each Keras name that counts, and its places."""
        places: dict[str, list[Idiom]] = {}
        for idiom in self.idioms:
            if idiom.counts:
                places.setdefault(idiom.name, []).append(idiom)
        return places

    @property
    def unknown(self) -> list[str]:
        """The names of which nothing is known."""
        return [n for n, places in self.names.items() if not places[0].known]

    @property
    def share(self) -> float:
        """The share of the Keras names that is known, from 0 to 1."""
        return 1 - len(self.unknown) / len(self.names) if self.names else 1.0

    @property
    def without_shim(self) -> list[str]:
        """Keras' names that ``import keras2torch as keras`` does not carry."""
        return [
            name
            for name, places in self.names.items()
            if any(p.shim == "no" for p in places)
        ]

    @property
    def refused(self) -> dict[str, str]:
        """The arguments that the shim does not take, and the line of the first."""
        refused: dict[str, str] = {}
        for idiom in self.idioms:
            if idiom.found.kind == "argument" and idiom.shim == "no":
                owner = (idiom.found.of or "").rpartition(".")[2]
                refused.setdefault(f"{owner}({idiom.found.given})", idiom.label)
        return refused

    @property
    def tensorflow(self) -> list[str]:
        """TensorFlow's own names, which no shim of Keras can carry."""
        return [n for n in self.names if n.startswith("tf.")]

    @property
    def without_equal(self) -> list[tuple[str, str]]:
        """The names for which PyTorch has nothing alike, and what to do instead."""
        return [(n, p[0].note) for n, p in self.names.items() if p[0].has_no_equal]

    @cached_property
    def recipes(self) -> list[Recipe]:
        """The recipes to read, in the order of the course."""
        found = {r.name: r for i in self.idioms for r in i.recipes[:1]}
        # Where the numbers differ unless a rule is followed, a second one is worth it.
        found |= {r.name: r for i in self.idioms for r in i.closest[1:] if r.starred}
        # What grows from the base loop is read after it.
        for base in {r.grows_from for r in found.values() if r.grows_from}:
            found[base] = find(base)
        return sorted(found.values(), key=lambda r: r.number)

    def sentence(self) -> str:
        """Return the sum of it."""
        if not self.names:
            return "no name of Keras or TensorFlow is in it."
        known = len(self.names) - len(self.unknown)
        return (
            f"{len(self.names)} Keras names, {known} known ({100 * self.share:.0f} %), "
            f"{len(self.recipes)} recipes"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "file": str(self.path),
            "names": len(self.names),
            "known": len(self.names) - len(self.unknown),
            "share": round(self.share, 4),
            "unknown": self.unknown,
            "shim_lacks": self.without_shim,
            "shim_refuses": list(self.refused),
            "tensorflow": self.tensorflow,
            "no_equal": dict(self.without_equal),
            "recipes": [r.name for r in self.recipes],
            "idioms": [i.to_dict() for i in self.idioms],
        }

    def to_json(self) -> str:
        """Return it as JSON."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False)


def guide(path: str | Path) -> Report:
    """Read a Keras script, without running it, and say what becomes of it.

    Parameters
    ----------
    path
        A Python file or a notebook.

    Raises
    ------
    UnusableFile
        Where it is no Python 3 text.
    """
    source = sources.read(Path(path))
    try:
        found = script.idioms(source.tree, source.lines)
    except RecursionError as error:
        raise UnusableFile(f"{path} nests its expressions too deeply.") from error
    used = {f.name for f in found if f.kind != "imported"}
    told = [_told(f, source) for f in found if f.kind != "imported"]
    told = [i for i in told if not _says_nothing(i)]
    for one in found:
        # What is imported is told where it is used; what nobody knows is told anyway.
        if one.kind == "imported" and one.name not in used and _is_object(one.name):
            idiom = _told(one, source)
            told += [] if idiom.known else [idiom]
    told.sort(key=lambda i: (i.found.line, i.found.column))
    return Report(source, tuple(told))


def _recipes(found: Found) -> tuple[Recipe, ...]:
    if found.kind != "string" or not found.argument:
        return advice.recipes_for(found.name, found.argument)
    # Of `loss="mse"` the loss comes first, of `activation="relu"` where it stands.
    both = [advice.recipes_for(found.name), advice.recipes_for("", found.argument)]
    if "activation" in found.argument:
        both.reverse()
    return tuple({r.name: r for recipes in both for r in recipes}.values())


def _says_nothing(idiom: Idiom) -> bool:
    """Whether an argument is taught where its function is, with no more to it."""
    if idiom.found.kind != "argument" or idiom.torch or idiom.note:
        return False
    whole = advice.recipes_for(idiom.found.of or "")
    taught = bool(idiom.recipes) and idiom.recipes[0] in whole[: advice.CLOSE]
    return taught and idiom.shim != "no"


def _is_object(name: str) -> bool:
    return name.rpartition(".")[2] != name.rpartition(".")[2].lower()


def _told(found: Found, source: sources.Source) -> Idiom:
    label = source.labels[min(found.line, len(source.labels)) - 1]
    name = found.name
    if found.kind == "import":
        return Idiom(found, label, (), None, found.written, None, True)
    if found.kind == "package":
        equal = equals.lookup(f"packages.{name}") or equals.Equal(None)
        return Idiom(found, label, (), equal.torch, equal.note, None, True)
    known = equals.lookup(found.like or name)
    recipes = _recipes(found)
    carried = shim.carries(name) if found.kind != "argument" else _taken(found)
    return Idiom(
        found,
        label,
        recipes,
        known.torch if known else None,
        " ".join(filter(None, [known.note if known else "", limits.of(name)])),
        None if carried is None else "yes" if carried else "no",
        known is not None or bool(recipes) or found.kind == "argument",
    )


def _taken(found: Found) -> bool | None:
    return shim.takes(found.of, found.given) if found.of else None
