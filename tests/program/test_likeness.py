"""Whether steps are the same, but for parts that some lack."""

from __future__ import annotations

from typing import Any

import pytest

from keras2torch.program import likeness


def test_blocks_are_compared_in_the_order_of_the_model(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else what a bounded search finds changes from one process to the next."""
    names = [f"block{i}" for i in range(50)]
    monkeypatch.setattr(likeness, "schema_of", lambda n: None if n == "?" else n)
    blocks: list[Any] = [*names, "?", *reversed(names)]
    assert list(likeness.schemas(blocks)) == names
