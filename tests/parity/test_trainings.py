"""Six whole trainings: the losses of all epochs and of all steps coincide."""

from __future__ import annotations

import numpy as np
import pytest
from parity.asking import answers
from parity.checking import check, common, rows

pytestmark = pytest.mark.needs_keras
GROUPS = ("trainings",)


@pytest.mark.xdist_group("parity-trainings")
@pytest.mark.parametrize("name", rows(*GROUPS))
def test_same_curves(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    check(name, GROUPS, tmp_path_factory)


@pytest.mark.xdist_group("parity-trainings")
@pytest.mark.parametrize("name", rows(*GROUPS))
def test_each_step(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Step by step, and not only relative to the largest; and something is learnt."""
    keras, ours = (side[name] for side in answers(GROUPS, common(tmp_path_factory)))
    assert len(keras["steps"]) >= 3 * 8
    np.testing.assert_allclose(ours["steps"], keras["steps"], rtol=1e-4)
    for curve in ("history/loss", "history/val_loss"):
        np.testing.assert_allclose(ours[curve], keras[curve], rtol=1e-4)
    assert keras["history/loss"][-1] < 0.97 * keras["history/loss"][0]
