"""One Keras process for every table of layers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from keras2torch.tracing.client import KerasProcess


@pytest.fixture(scope="session")
def keras() -> Iterator[KerasProcess]:
    """Keras in its own process; torch lives in this one."""
    with KerasProcess(timeout=120) as process:
        yield process
