"""Entries of a stack that are alike are written in a loop."""

from __future__ import annotations

import pytest

from keras2torch.program.comprehensions import comprehended

PARAMETERS = {"B": ["size", "rate"]}
LONG = "'a long argument that fills a line of the file, and then a few characters'"


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ("B(1), B(1)", "B(1), B(1)"),
        ("B(1), B(1), B(1)", "*[B(1) for _ in range(3)]"),
        ("B(2), B(1), B(1), B(1)", "B(2), *[B(1) for _ in range(3)]"),
        ("B(8), B(16), B(24)", "*[B(size) for size in range(8, 32, 8)]"),
        ("B(8), B(9), B(24)", "*[B(size) for size in (8, 9, 24)]"),
        (
            "B(8, rate=0.1), B(8, rate=0.2), B(8, rate=0.4)",
            "*[B(8, rate=rate) for rate in (0.1, 0.2, 0.4)]",
        ),
        # Two things differ, or something else is between.
        ("B(1, 2), B(2, 3), B(3, 4)", "B(1, 2), B(2, 3), B(3, 4)"),
        ("B(1), B(1), nn.ReLU(), B(1)", "B(1), B(1), nn.ReLU(), B(1)"),
        ("B(1), B(1, rate=2), B(1)", "B(1), B(1, rate=2), B(1)"),
        # Nobody knows what the argument is called.
        ("nn.Some(1), nn.Some(2), nn.Some(3)", "nn.Some(1), nn.Some(2), nn.Some(3)"),
        # What fills a line is written once already where it is there twice.
        (f"B({LONG}), B({LONG})", f"*[B({LONG}) for _ in range(2)]"),
    ],
)
def test_entries(entries: str, expected: str) -> None:
    line = f"self.a = nn.Sequential({entries})"
    assert comprehended(line, PARAMETERS) == f"self.a = nn.Sequential({expected})"


def test_within_a_choice_and_with_a_remark() -> None:
    line = "self.a = nn.Sequential(B(1), B(1), B(1)) if b else nn.Identity()  # c"
    expected = (
        "self.a = nn.Sequential(*[B(1) for _ in range(3)]) if b else nn.Identity()  # c"
    )
    assert comprehended(line, PARAMETERS) == expected


def test_other_lines_stay_as_they_are() -> None:
    line = "self.a = nn.ParameterList([B(1), B(1),  B(1)])"
    assert comprehended(line, PARAMETERS) == line


def test_a_list_that_counts_up_stays() -> None:
    line = "self.a = nn.ModuleList([B(1), B(2), B(3)])"
    assert comprehended(line, PARAMETERS) == line
