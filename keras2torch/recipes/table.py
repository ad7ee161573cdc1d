"""The table of the recipes as it stands in ``recipes/README.md``."""

from __future__ import annotations

from keras2torch.recipes.catalogue import Recipe, amount, catalogue


def table() -> str:
    """Return a table a chapter: recipe, what is compared, how well it agrees.

    How well is the bound that the test holds the recipe to, not one machine's figure.
    """
    recipes = catalogue()
    parts = []
    for chapter in dict.fromkeys(r.chapter for r in recipes):
        rows = [r for r in recipes if r.chapter == chapter]
        pitfalls = rows[0].is_pitfall
        heads = (
            ("", "recipe", "the symptom", "failing", "mended")
            if pitfalls
            else ("", "recipe", "what is compared", "agrees within", "without the rule")
        )
        lines = [f"## {chapter}", "", _row(heads), _row(["--:", *["---"] * 4])]
        lines += [_row(_cells(recipe)) for recipe in rows]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _cells(recipe: Recipe) -> list[str]:
    star = " ★" if recipe.starred else ""
    link = f"[{recipe.title}]({recipe.name}/README.md){star}"
    if shown := recipe.symptom:
        rest = [shown.shows, amount(shown.failing), amount(shown.mended)]
    else:
        off = "; ".join(
            f"{w.result} off by {amount(w.differs)}" for w in recipe.without
        )
        rest = [recipe.compares, amount(recipe.tolerance), off]
    return [f"{recipe.number:02}", link, *rest]


def _row(cells: list[str] | tuple[str, ...]) -> str:
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"
