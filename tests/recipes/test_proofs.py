"""Both sides of every recipe compute the same; without its rule they do not."""

from __future__ import annotations

from typing import Any

import pytest
from recipes.proving import Answers, answers, difference

from keras2torch.recipes import Recipe, catalogue

pytestmark = pytest.mark.needs_keras

PAIRS = [r for r in catalogue() if not r.is_pitfall]
PITFALLS = [r for r in catalogue() if r.is_pitfall]
DROPPED = [(r, i) for r in catalogue() for i in range(len(r.without))]
# How near the amount that a recipe states has to come to the one that is measured.
STATED = 0.02


def name(value: Any) -> str:
    return value.name if isinstance(value, Recipe) else str(value)


@pytest.fixture(scope="module")
def answered(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Answers:
    """What the sides of all recipes that this run asks for answer."""
    wanted = {
        item.callspec.params["recipe"].name
        for item in request.session.items
        if item.path == request.path and isinstance(item, pytest.Function)
    }
    chosen = [recipe for recipe in catalogue() if recipe.name in wanted]
    return answers(chosen, tmp_path_factory.mktemp("proofs"))


def results(answered: Answers, recipe: Recipe, side: str) -> dict[str, Any]:
    answer = answered[f"{recipe.name}/{side}"]
    assert answer["error"] is None, answer["error"]
    assert answer["results"], "nothing is compared"
    found: dict[str, Any] = answer["results"]
    return found


@pytest.mark.parametrize("recipe", PAIRS, ids=name)
def test_both_sides_agree(answered: Answers, recipe: Recipe) -> None:
    keras = results(answered, recipe, "keras_side")
    torch = results(answered, recipe, "pytorch_side")
    assert keras.keys() == torch.keys()
    apart = {k: difference(keras[k], torch[k]) for k in keras}
    off = {k: (v, keras[k], torch[k]) for k, v in apart.items() if v > recipe.tolerance}
    assert not off, off


@pytest.mark.parametrize("recipe", catalogue(), ids=name)
def test_a_side_run_by_hand_prints_and_leaves_nothing(
    answered: Answers, recipe: Recipe
) -> None:
    for side in recipe.sides:
        answer = answered[f"{recipe.name}/{side.path.stem}"]
        assert answer["printed"].strip(), side.label
        assert answer["left"] == [], side.label


@pytest.mark.parametrize(("recipe", "i"), DROPPED, ids=name)
def test_dropping_the_rule_shows(answered: Answers, recipe: Recipe, i: int) -> None:
    rule = recipe.without[i]
    keras = results(answered, recipe, recipe.sides[0].path.stem)
    torch = results(answered, recipe, f"without {i}")
    off = difference(keras[rule.result], torch[rule.result])
    assert off > 10 * recipe.tolerance
    assert off == pytest.approx(rule.differs, rel=STATED), "recipe.yaml states another"


@pytest.mark.parametrize("recipe", PITFALLS, ids=name)
def test_a_pitfall_shows_its_symptom(answered: Answers, recipe: Recipe) -> None:
    symptom = recipe.symptom
    assert symptom is not None
    for side, stated in (("failing", symptom.failing), ("mended", symptom.mended)):
        shown = results(answered, recipe, side)[symptom.result]
        shown = shown[-1] if isinstance(shown, list) else shown
        assert shown == pytest.approx(stated, rel=STATED, abs=recipe.tolerance), side
    assert abs(symptom.failing - symptom.mended) > 10 * recipe.tolerance
