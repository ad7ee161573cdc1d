"""The recipes are whole, plain and lined up, and found by name and Keras name."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from keras2torch.errors import Keras2TorchError
from keras2torch.recipes import Recipe, Side, catalogue, find
from keras2torch.recipes.catalogue import amount, search

IDIOMS = Path(__file__).resolve().parents[3] / "shared" / "idioms.md"
RECIPES = catalogue()
BASE = "00_base"
LONGEST = 80
# A feature takes the place of at most so many lines of the loop that it is added to.
REPLACED = 6

HEADINGS = {
    False: [
        "What you wrote in Keras",
        "What it did for you",
        "What you write now",
        "What bites",
        "See also",
    ],
    True: [
        "What you wrote",
        "What you see",
        "Why",
        "What you write instead",
        "See also",
    ],
}
NOT_PLAIN = {"keras", "keras2torch", "tensorflow", "lightning", "ignite", "skorch"}


def name(value: object) -> str:
    return value.name if isinstance(value, Recipe) else ""


every = pytest.mark.parametrize("recipe", RECIPES, ids=name)


def imports(side: Side) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(side.text)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
    return found


@every
def test_the_sides_line_up(recipe: Recipe) -> None:
    left, right = ([r.title for r in side.regions] for side in recipe.sides)
    assert left == right
    assert len(left) == len(set(left)) > 2
    assert left[-1] == "results"


@every
def test_a_side_is_short_and_its_own(recipe: Recipe) -> None:
    keras, torch = recipe.sides
    for side in recipe.sides:
        assert len(side.text.splitlines()) <= LONGEST
        assert ast.get_docstring(ast.parse(side.text))
    assert "torch" in imports(torch)
    assert not imports(torch) & NOT_PLAIN
    if not recipe.is_pitfall:
        assert imports(keras) & {"keras", "tensorflow"}
        assert not imports(keras) & {"torch", "keras2torch"}


@every
def test_the_text_has_its_parts(recipe: Recipe) -> None:
    headings = re.findall(r"^## (.+)$", recipe.text, flags=re.M)
    assert headings == HEADINGS[recipe.is_pitfall]
    for link in re.findall(r"\]\(([^)#]+)\)", recipe.text):
        if not link.startswith("https:"):
            assert (recipe.folder / link).resolve().is_file(), link


@every
def test_a_rule_is_stated_where_it_is_read(recipe: Recipe) -> None:
    """The amounts of recipe.yaml, which are measured, stand in the text."""
    assert bool(recipe.without) >= recipe.starred
    amounts = [w.differs for w in recipe.without]
    if recipe.symptom:
        amounts += [recipe.symptom.failing, recipe.symptom.mended]
    for value in amounts:
        assert any(shown in recipe.text for shown in spellings(value)), value
    for rule in recipe.without:
        assert recipe.sides[1].text.count(rule.line) == 1, rule.line


@pytest.mark.parametrize("recipe", [r for r in RECIPES if r.is_pitfall], ids=name)
def test_the_lines_that_are_mended_are_marked(recipe: Recipe) -> None:
    kept = []
    for side in recipe.sides:
        marked = recipe.marked(side)
        lines = enumerate(side.text.splitlines(), start=1)
        body = [(n, t) for n, t in lines if n >= side.regions[1].line]
        kept.append([text for n, text in body if n not in marked])
        assert len(marked) < len(body)
    assert kept[0] == kept[1]
    assert any(recipe.marked(side) for side in recipe.sides)


def spellings(value: float) -> set[str]:
    return {amount(value), f"{value * 100:g} %", f"{value:,}"}


def statements(text: str) -> list[str]:
    """The lines without docstring, comments and blank lines."""
    body = ast.parse(text).body
    first = body[1].lineno if ast.get_docstring(ast.parse(text)) else body[0].lineno
    lines = [line.strip() for line in text.splitlines()[first - 1 :]]
    return [line for line in lines if line and not line.startswith("#")]


@pytest.mark.parametrize(
    "recipe", [r for r in RECIPES if r.grows_from is not None], ids=name
)
def test_a_feature_is_added_to_the_loop(recipe: Recipe) -> None:
    """But for the lines that it replaces, the loop that it grows from is all there."""
    origin = find(recipe.grows_from or "")
    for before, now in zip(origin.sides, recipe.sides, strict=True):
        kept = statements(before.text)
        replaced = recipe.replaces.get(now.path.stem, ())
        assert len(replaced) <= REPLACED
        for line in replaced:
            kept.remove(line.strip())
        # Each is looked for behind the one before: the order is the loop's too.
        rest = iter(statements(now.text))
        missing = [line for line in kept if not any(line == r for r in rest)]
        assert not missing, missing[:1]


@pytest.mark.skipif(not IDIOMS.is_file(), reason="no ../shared/idioms.md")
def test_every_idiom_has_its_recipe() -> None:
    text = IDIOMS.read_text(encoding="utf-8")
    rows = dict(re.findall(r"^(\d+)\. (.+)$", text, flags=re.M))
    pitfalls = re.findall(r"^- (.+)$", text.partition("## Pitfalls")[2], flags=re.M)
    by_number = {r.number: r for r in RECIPES}
    assert len(by_number) == len(RECIPES)
    for number, row in rows.items():
        recipe = by_number[int(number)]
        assert recipe.starred == ("★" in row), recipe.name
        assert not recipe.is_pitfall
    assert len([r for r in RECIPES if r.is_pitfall]) >= len(pitfalls)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("17", "17_conv_same_stride"),
        ("conv_same_stride", "17_conv_same_stride"),
        ("17_conv_same_stride/", "17_conv_same_stride"),
        ("same-stride", "17_conv_same_stride"),
    ],
)
def test_a_recipe_is_found_by_name(wanted: str, found: str) -> None:
    assert find(wanted).name == found


@pytest.mark.parametrize("wanted", ["no_such_thing", "", "999", "conv_same_strode"])
def test_an_unknown_recipe_is_one_sentence(wanted: str) -> None:
    with pytest.raises(Keras2TorchError, match="no recipe is called") as raised:
        find(wanted)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("words", "first"),
    [
        ("SGD", BASE),
        ("keras.layers.MaxPooling2D", "17_conv_same_stride"),
        ("padding", "17_conv_same_stride"),
        ("tf.keras.callbacks.EarlyStopping", "51_early_stopping"),
        ("early stopping", "51_early_stopping"),
        ("fit(class_weight)", "50_class_weight"),
        ("gpu", "63_several_gpus"),
        ("batch by batch", "62_predict_and_collect"),
    ],
)
def test_a_keras_name_leads_to_its_recipe(words: str, first: str) -> None:
    assert first in [r.name for r in search(words)][:3]


def test_texts_are_searched_where_no_name_or_title_has_it() -> None:
    assert [r.name for r in search("shape inference gives")] == []
    assert all("graphviz" in r.text.lower() for r in search("Graphviz"))
    assert search("Graphviz")
    assert [r for r in RECIPES if "Dense" in r.text and r not in search("Dense")]


def test_what_is_found_nowhere_is_empty() -> None:
    assert search("xylophone") == []
