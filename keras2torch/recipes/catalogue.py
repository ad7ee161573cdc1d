"""Which recipes there are: each is a folder with two sides, a text and its facts.

A side is a Python file cut into regions by ``# %% title`` lines; both sides of a recipe
have the same titles in the same order. ``recipe.yaml`` says what the pair compares and
how well it has to agree, ``README.md`` is the text.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import yaml

from keras2torch.errors import UnknownRecipe, UnusableFile

_MARKER = re.compile(r"^# %% (.+)$")
_HERE = Path(__file__).resolve().parent
# In an installed package the recipes lie beside this file, in a checkout on top.
_HOMES = (_HERE / "course", _HERE.parents[1] / "recipes")

# The number of each chapter's first recipe.
CHAPTERS = {
    0: "From tensors to a loop",
    11: "Models",
    37: "compile",
    47: "fit",
    64: "Keeping and reproducing",
    68: "Pitfalls: programs that run and are wrong",
}


@dataclass(frozen=True)
class Region:
    """A part of a side, from one ``# %%`` line to the next.

    Parameters
    ----------
    title
        What follows ``# %%``; empty for the docstring and imports on top.
    text
        The lines without the marker, no blank lines around them.
    line
        Number in the file of the first line of ``text``, from 1.
    """

    title: str
    text: str
    line: int


@dataclass(frozen=True)
class Side:
    """One of the two files of a recipe."""

    path: Path

    @property
    def label(self) -> str:
        """What stands over its column: Keras, PyTorch, or what the file is called."""
        name = self.path.stem
        return {"keras_side": "Keras", "pytorch_side": "PyTorch"}.get(name, name)

    @cached_property
    def text(self) -> str:
        """The file."""
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def regions(self) -> tuple[Region, ...]:
        """The file, cut at its markers; the first region has no title."""
        found: list[tuple[str, int, list[str]]] = [("", 1, [])]
        for number, line in enumerate(self.text.splitlines(), start=1):
            if marker := _MARKER.match(line):
                found.append((marker[1], number + 1, []))
            else:
                found[-1][2].append(line)
        regions = []
        for title, number, lines in found:
            while lines and not lines[0].strip():
                del lines[0]
                number += 1
            regions.append(Region(title, "\n".join(lines).rstrip(), number))
        return tuple(regions)


@dataclass(frozen=True)
class Without:
    """What happens to a recipe when its rule is dropped.

    Parameters
    ----------
    rule
        The rule, in words.
    line, becomes
        A text of the PyTorch side, and what stands there without the rule.
    result
        Which of the results is then off.
    differs
        By how much, as a share of the largest value on the Keras side.
    """

    rule: str
    line: str
    becomes: str
    result: str
    differs: float


@dataclass(frozen=True)
class Symptom:
    """What the user of a pitfall's failing loop sees, as a number."""

    shows: str
    result: str
    failing: float
    mended: float


@dataclass(frozen=True)
class Recipe:
    """One recipe.

    Parameters
    ----------
    name
        Of its folder: ``17_conv_same_stride``.
    title, about
        A few words, and a sentence.
    keras
        Keras names that lead here: ``layers.Dense``, ``Model.fit``, and arguments as
        ``fit(class_weight)``.
    compares
        What the two sides compute that is compared.
    tolerance
        How far a result may be off, as a share of its largest value on the Keras side.
    starred
        Whether the numbers differ unless a rule is followed.
    grows_from
        The recipe to which this one adds a feature.
    replaces
        By side, the lines of that recipe which are not here any more.
    without
        What dropping a rule does.
    symptom
        For a pitfall.
    processes
        In how many processes the PyTorch side runs, under torchrun.
    """

    folder: Path
    title: str
    about: str
    keras: tuple[str, ...]
    compares: str = ""
    tolerance: float = 1e-5
    starred: bool = False
    grows_from: str | None = None
    replaces: dict[str, tuple[str, ...]] = field(default_factory=dict)
    without: tuple[Without, ...] = ()
    symptom: Symptom | None = None
    processes: int = 1

    @property
    def name(self) -> str:
        """The name of the folder."""
        return self.folder.name

    @property
    def number(self) -> int:
        """The place in the course."""
        return int(self.name.partition("_")[0])

    @property
    def chapter(self) -> str:
        """The chapter of the course that it stands in."""
        return [name for first, name in CHAPTERS.items() if first <= self.number][-1]

    @property
    def is_pitfall(self) -> bool:
        """Whether it shows a failing loop and the mended one."""
        return self.symptom is not None

    @property
    def proof(self) -> list[str]:
        """What its test shows, a sentence each."""
        if self.symptom:
            shown = self.symptom
            failing, mended = amount(shown.failing), amount(shown.mended)
            return [f"{shown.shows}: {failing}; mended: {mended}"]
        told = [f"{self.compares}: equal within {amount(self.tolerance)}"]
        return told + [
            f"without the rule that {rule.rule}: "
            f"{rule.result} off by {amount(rule.differs)}"
            for rule in self.without
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return what a program may want to know of it, as JSON has it."""
        return {
            "name": self.name,
            "title": self.title,
            "chapter": self.chapter,
            "about": self.about,
            "keras": list(self.keras),
            "starred": self.starred,
            "proof": self.proof,
            "files": [str(side.path) for side in self.sides],
        }

    @cached_property
    def sides(self) -> tuple[Side, Side]:
        """Keras and PyTorch; of a pitfall the failing and the mended loop."""
        left, right = (
            ("failing", "mended") if self.is_pitfall else ("keras_side", "pytorch_side")
        )
        return Side(self.folder / f"{left}.py"), Side(self.folder / f"{right}.py")

    def marked(self, side: Side) -> set[int]:
        """Return the lines of a side that it is all about, counted from 1.

        Those that hold a rule; of a pitfall those that are mended.
        """
        found: set[int] = set()
        left, right = self.sides
        if self.is_pitfall:
            other = (right if side == left else left).text.splitlines()
            mine = side.text.splitlines()
            changes = difflib.SequenceMatcher(None, other, mine, autojunk=False)
            for kind, _, _, begin, end in changes.get_opcodes():
                found |= set(range(begin + 1, end + 1)) if kind != "equal" else set()
        elif side == right:
            for rule in self.without:
                begin = side.text[: side.text.index(rule.line)].count("\n") + 1
                found |= set(range(begin, begin + rule.line.rstrip().count("\n") + 1))
        # The docstrings differ anyway.
        return {n for n in found if n >= side.regions[1].line}

    @cached_property
    def text(self) -> str:
        """The README of the recipe, Markdown."""
        return (self.folder / "README.md").read_text(encoding="utf-8")


def amount(value: float) -> str:
    """Return a number as the texts have it: ``0.953``, ``1e-5``."""
    return f"{value:g}".replace("e-0", "e-")


def _read(folder: Path) -> Recipe:
    path = folder / "recipe.yaml"
    try:
        facts: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
        facts["keras"] = tuple(facts["keras"])
        facts["replaces"] = {
            side: tuple(lines) for side, lines in facts.pop("replaces", {}).items()
        }
        facts["without"] = tuple(Without(**w) for w in facts.pop("without", ()))
        if symptom := facts.pop("symptom", None):
            facts["symptom"] = Symptom(**symptom)
        return Recipe(folder=folder, **facts)
    except (KeyError, TypeError, yaml.YAMLError) as error:
        raise UnusableFile(f"{path} does not describe a recipe: {error}.") from error


@cache
def catalogue() -> tuple[Recipe, ...]:
    """Return all recipes in the order of the course.

    Raises
    ------
    UnusableFile
        Where the recipes are missing, or one's ``recipe.yaml`` is not understood.
    """
    for home in _HOMES:
        found = sorted(home.glob("[0-9]*/recipe.yaml"))
        if found:
            recipes = (_read(path.parent) for path in found)
            return tuple(sorted(recipes, key=lambda r: r.number))
    raise UnusableFile("the recipes are not installed: install keras2torch again.")


def find(name: str) -> Recipe:
    """Return the recipe of a name, a number, or a part of a name that one alone has.

    Raises
    ------
    UnknownRecipe
        Where none is meant, or several are; the sentence names those that come near.
    """
    wanted = name.strip("/").replace("-", "_").lower()
    recipes = catalogue()
    for recipe in recipes:
        if wanted in (recipe.name, recipe.name.partition("_")[2]):
            return recipe
        if wanted.isdecimal() and int(wanted) == recipe.number:
            return recipe
    part = [r.name for r in recipes if wanted and wanted in r.name]
    if len(part) == 1:
        return find(part[0])
    near = part or difflib.get_close_matches(
        wanted, [r.name for r in recipes], cutoff=0.5
    )
    raise UnknownRecipe(name, near)


def search(words: str) -> list[Recipe]:
    """Return the recipes of a Keras name (``EarlyStopping``) or of words, best first.

    A Keras name that a recipe lists comes before a part of one, and this before words
    in its title. Its text is searched where nothing of that kind is found, and its two
    sides where the texts have nothing either.
    """
    wanted = _plain(words).removeprefix("tf.").removeprefix("keras.")
    ranked = [(_rank(recipe, wanted), recipe) for recipe in catalogue()]
    best = min((rank for rank, _ in ranked if rank is not None), default=_WRITTEN)
    chosen = [
        (rank, recipe)
        for rank, recipe in ranked
        if rank is not None and rank <= max(best, _TITLED)
    ]
    return [recipe for _, recipe in sorted(chosen, key=lambda c: (c[0], c[1].number))]


_EXACT, _PART, _TITLED, _TOLD, _WRITTEN = range(5)


def _rank(recipe: Recipe, wanted: str) -> int | None:
    names = [_plain(name) for name in recipe.keras]
    last = {part for name in names for part in re.split(r"[.()=, ]+", name) if part}
    # `early stopping` is EarlyStopping, and `learning rate` learning_rate.
    for spelled in (wanted, wanted.replace(" ", "")):
        if spelled in names or spelled in last:
            return _EXACT
        if any(spelled in name for name in names):
            return _PART
    words = wanted.split()
    title = _plain(f"{recipe.name} {recipe.title} {recipe.about}")
    if all(word in title for word in words):
        return _TITLED
    if all(word in f"{title} {_plain(recipe.text)}" for word in words):
        return _TOLD
    sides = _plain(" ".join(side.text for side in recipe.sides))
    return _WRITTEN if all(word in sides for word in words) else None


def _plain(text: str) -> str:
    return re.sub(r"[-_\s]+", " ", text.lower()).strip()
