"""What Keras answered to the calls of all tables."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def answers() -> dict[str, Any]:
    """What Keras gives for each case, by table and name."""
    from ops.recording import recorded

    return recorded()
