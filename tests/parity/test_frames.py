"""Layers of images in a row and of cells in four ways."""

from __future__ import annotations

import pytest
from parity.checking import check, rows

GROUPS = ("frames",)


@pytest.mark.parametrize("name", rows(*GROUPS))
def test_same_numbers(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    check(name, GROUPS, tmp_path_factory)
