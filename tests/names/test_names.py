"""Every public name of Keras is here, or a reason says why it is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.names.reasons import MISSING, OTHERWISE, REFUSED
from tests.names.table import asked, compared, ours, reason, table

README = Path(__file__).resolve().parents[2] / "README.md"
START, END = "<!-- names -->", "<!-- /names -->"
AGAIN = "run `python -m tests.names.table --write` to write it anew"

pytestmark = pytest.mark.needs_keras


def test_what_is_missing_has_a_reason() -> None:
    missing = [name for space in compared().values() for name in space.missing]
    assert [n for n in missing if reason(n, MISSING) is None] == []
    # A reason for what is here by now is no longer true.
    unused = [p for p in MISSING if all(reason(n, {p: "?"}) is None for n in missing)]
    assert unused == []


def test_arguments_are_those_of_keras() -> None:
    found = {n: a for s in compared().values() for n, a in s.otherwise.items()}
    assert {n: a for n, a in found.items() if n not in OTHERWISE} == {}
    assert [n for n in OTHERWISE if n not in found] == []


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_says_so(name: str) -> None:
    assert name in asked()
    with pytest.raises(NotImplementedError, match=r"\w+ .*[.)]$"):
        ours(name)(*REFUSED[name])


def test_the_readme_has_the_table_of_today() -> None:
    text = README.read_text(encoding="utf-8")
    shown = text.partition(START)[2].partition(END)[0].strip()
    assert shown == table(), AGAIN
