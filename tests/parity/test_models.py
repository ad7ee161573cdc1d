"""Models of many shapes, and models and layers that are subclassed."""

from __future__ import annotations

import pytest
from parity.checking import check, rows

GROUPS = ("models", "custom", "subclassing", "results", "trainers", "words")


@pytest.mark.parametrize("name", rows(*GROUPS))
def test_same_numbers(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    check(name, GROUPS, tmp_path_factory)
