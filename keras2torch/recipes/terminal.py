"""Recipes in a terminal: the list, and one recipe with its sides beside each other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.markdown import Markdown
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from keras2torch.recipes.catalogue import Recipe, Region, Side

# Two columns of fewer characters each wrap too many lines to be read.
NARROWEST = 120
_LONGEST_LINE = 100
_THEME = "ansi_dark"
_LINK = re.compile(r"\[([^\]]+)\]\([^)]+\)")


def listed(recipes: Sequence[Recipe]) -> RenderableType:
    """Return the table of some recipes, under the names of their chapters."""
    parts: list[RenderableType] = []
    for chapter in dict.fromkeys(r.chapter for r in recipes):
        table = Table(box=None, show_header=False, pad_edge=False)
        table.add_column(justify="right", style="dim", width=2)
        table.add_column(style="cyan", no_wrap=True)
        table.add_column(width=1)
        table.add_column(overflow="fold")
        for recipe in recipes:
            if recipe.chapter == chapter:
                number, _, name = recipe.name.partition("_")
                star = "★" if recipe.starred else ""
                table.add_row(number, name, star, Text(recipe.about.replace("`", "")))
        parts += [Text(chapter, style="bold"), table, Text()]
    return Group(*parts[:-1])


class Shown:
    """A recipe as :mod:`rich` prints it: its text, its proof, its two sides.

    The sides stand beside each other, region by region, where the console is at least
    120 characters wide, and below each other where it is not.
    """

    def __init__(self, recipe: Recipe, *, code_only: bool = False) -> None:
        self.recipe = recipe
        self.code_only = code_only

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> RenderResult:
        """Yield the parts."""
        if not self.code_only:
            # A link into the folder is of no use here, its words are.
            text = Markdown(_LINK.sub(r"\1", self.recipe.text), code_theme=_THEME)
            width = min(options.max_width, _LONGEST_LINE)
            yield from console.render(text, options.update_width(width))
            yield Text()
            yield Text("Proven by a test", style="bold")
            for sentence in self.recipe.proof:
                yield Text(f"✓ {sentence}".replace("`", ""), style="green")
            yield Text()
        if options.max_width >= NARROWEST:
            yield from self._beside()
        else:
            yield from self._below()

    def _beside(self) -> Iterator[RenderableType]:
        left, right = self.recipe.sides
        heads = Table.grid(expand=True, padding=(0, 1))
        for _ in range(2):
            heads.add_column(ratio=1)
        heads.add_row(_label(left), _label(right))
        yield heads
        for a, b in zip(left.regions, right.regions, strict=True):
            yield _title(a)
            pair = Table.grid(expand=True, padding=(0, 1))
            for _ in range(2):
                pair.add_column(ratio=1)
            pair.add_row(_code(a), _code(b))
            yield pair

    def _below(self) -> Iterator[RenderableType]:
        for a, b in zip(*(side.regions for side in self.recipe.sides), strict=True):
            yield _title(a)
            for side, region in zip(self.recipe.sides, (a, b), strict=True):
                yield _label(side)
                yield _code(region)


def _label(side: Side) -> Text:
    return Text(f"{side.label}  ({side.path.name})", style="bold cyan")


def _title(region: Region) -> Text:
    # Not a Rule: that cuts off what is longer than the line.
    return Text(f"── {region.title or 'what it is, and imports'}", style="yellow")


def _code(region: Region) -> Syntax:
    return Syntax(
        region.text, "python", theme=_THEME, background_color="default", word_wrap=True
    )
