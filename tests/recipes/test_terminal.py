"""Recipes in a terminal: beside each other when it is wide, stacked when it is not."""

from __future__ import annotations

import io
import json

import pytest
from click.testing import CliRunner
from rich.console import Console

from keras2torch.cli import main
from keras2torch.recipes import catalogue, find
from keras2torch.recipes.terminal import NARROWEST, Shown, listed

SAME = "17_conv_same_stride"
KERAS, TORCH = "keras.layers.MaxPooling2D(3", "nn.MaxPool2d(3"


def printed(what: object, width: int, *, coloured: bool = False) -> str:
    out = io.StringIO()
    Console(file=out, width=width, force_terminal=coloured).print(what)
    return out.getvalue()


@pytest.mark.parametrize(
    ("width", "beside"), [(60, False), (NARROWEST - 1, False), (NARROWEST, True)]
)
def test_the_sides_fold_when_narrow(width: int, beside: bool) -> None:
    lines = printed(Shown(find(SAME)), width).splitlines()
    assert max(map(len, lines)) <= width
    both = [line for line in lines if KERAS in line and TORCH in line]
    assert bool(both) is beside
    assert any(KERAS in line for line in lines)
    assert any(TORCH in line for line in lines)


def test_colour_is_for_a_terminal_alone() -> None:
    assert "\x1b[" in printed(Shown(find(SAME)), 140, coloured=True)
    assert "\x1b[" not in printed(Shown(find(SAME)), 140)


def test_text_and_proof_come_first_and_links_are_words() -> None:
    text = printed(Shown(find(SAME)), 100)
    assert text.index("What you wrote in Keras") < text.index("off by 0.953")
    assert text.index("off by 0.953") < text.index(KERAS)
    assert "README.md" not in text
    assert "What you wrote" not in printed(Shown(find(SAME), code_only=True), 100)


@pytest.mark.parametrize("recipe", catalogue(), ids=lambda r: r.name)
def test_every_recipe_is_shown_whole(recipe: object) -> None:
    """Each word of each line of code is there, also folded to a phone's width."""
    assert hasattr(recipe, "sides")
    for width in (50, 160):
        text = "".join(printed(Shown(recipe, code_only=True), width).split())
        for side in recipe.sides:
            for region in side.regions:
                assert region.title.replace(" ", "") in text
        if width == 50:
            for side in recipe.sides:
                for region in side.regions:
                    assert "".join(region.text.split()) in text


def test_the_list_holds_every_recipe() -> None:
    text = printed(listed(catalogue()), 120)
    for recipe in catalogue():
        assert recipe.name.partition("_")[2] in text


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["recipes", *arguments])
    return result.exit_code, result.output


def test_commands_list_search_and_show() -> None:
    assert run() == run("list")
    status, text = run("MaxPooling2D")
    assert status == 0
    assert "conv_same_stride" in text
    assert "zero_grad_misplaced" not in text
    status, text = run("show", "17", "--code")
    assert status == 0
    assert TORCH in text


def test_the_list_as_json() -> None:
    status, text = run("--json")
    assert status == 0
    found = json.loads(text)
    assert [r["name"] for r in found] == [r.name for r in catalogue()]
    assert json.loads(run("xylophone", "--json")[1]) == []


def test_what_no_recipe_speaks_of_is_said() -> None:
    status, text = run("xylophone")
    assert (status, "xylophone" in text) == (0, True)


def test_a_name_that_no_recipe_lists_has_an_equal_all_the_same() -> None:
    status, text = run("Conv2DTranspose")
    assert status == 0
    assert "nn.ConvTranspose2d" in text
    assert "17_conv_same_stride" in text


def test_an_unknown_name_exits_with_2() -> None:
    result = CliRunner().invoke(main, ["recipes", "show", "no_such"])
    assert result.exit_code == 2
    assert result.stderr.startswith("keras2torch: no recipe is called 'no_such'")
    assert "Traceback" not in result.stderr
