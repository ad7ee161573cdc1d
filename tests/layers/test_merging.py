"""Merge layers against Keras: layouts, broadcasting, masks."""

from __future__ import annotations

import pytest

from keras2torch.layers.merging import (
    Add,
    Subtract,
)
from tests.layers.harness import check, rows, stack

pytestmark = pytest.mark.needs_keras
SPACE = (None, 5, 4, 3)
ROWS = [
    stack("add", [Add()], (None, 5), (None, 5)),
    stack("add_three", [Add()], (None, 4, 5), (None, 4, 5), (None, 4, 5)),
    stack("subtract", [Subtract()], (None, 5), (None, 5)),
]


@rows(ROWS)
def test_like_keras(row, keras):
    check(row, keras)
