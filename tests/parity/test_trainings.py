"""Six whole trainings: the losses of all epochs and of all steps coincide."""

from __future__ import annotations

import numpy as np
import pytest
from parity.asking import ours
from parity.cases import CASES
from parity.checking import check, common, rows
from parity.stored import recorded

GROUPS = ("trainings",)


@pytest.mark.parametrize("name", rows(*GROUPS))
def test_same_curves(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    check(name, GROUPS, tmp_path_factory)


@pytest.mark.parametrize("name", rows(*GROUPS))
def test_each_step(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Step by step, and not only relative to the largest; and something is learnt."""
    keras = recorded(CASES[name].group)[name]
    found = ours(GROUPS, common(tmp_path_factory))[name]
    assert len(keras["steps"]) >= 3 * 8
    np.testing.assert_allclose(found["steps"], keras["steps"], rtol=1e-4)
    for curve in ("history/loss", "history/val_loss"):
        np.testing.assert_allclose(found[curve], keras[curve], rtol=1e-4)
    assert keras["history/loss"][-1] < 0.97 * keras["history/loss"][0]
