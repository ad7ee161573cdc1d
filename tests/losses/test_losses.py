"""Every loss against Keras: values, and gradients with respect to the predictions."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from keras2torch import losses
from tests.losses.cases import LOSSES, Case, cases, cotangent

SCRIPT = Path(__file__).with_name("keras_side.py")
Arrays = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def keras(tmp_path_factory: pytest.TempPathFactory) -> Arrays:
    """What Keras computed, of all cases in one process."""
    out = tmp_path_factory.mktemp("losses") / "out.npz"
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(out)],
        capture_output=True,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    with np.load(out) as arrays:
        return {k: arrays[k] for k in arrays}


def computed(case: Case) -> tuple[np.ndarray, np.ndarray | None]:
    loss = getattr(losses, case.loss.name)(
        **case.loss.arguments, reduction=case.reduction
    )
    x = torch.tensor(case.y_pred, requires_grad=True)
    y: Any = x
    if case.loss.activation:
        y = x.sigmoid() if case.loss.activation == "sigmoid" else x.softmax(-1)
        y._keras_logits, y._keras_logits_activation = x, case.loss.activation
    elif case.mask is not None:
        y = x.view_as(x)
    if case.mask is not None:
        y._keras_mask = torch.tensor(case.mask)
    weight = None if case.weight is None else torch.tensor(case.weight)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value = loss(torch.tensor(case.y_true), y, weight)
    (value * torch.tensor(cotangent(tuple(value.shape)))).sum().backward()
    return value.detach().numpy(), None if x.grad is None else x.grad.numpy()


def off(found: np.ndarray, wanted: np.ndarray, tolerance: float) -> str:
    """Say by how much two arrays differ, nothing if they do not."""
    if found.shape != wanted.shape:
        return f"shape {found.shape}, not {wanted.shape}"
    finite = np.abs(wanted[np.isfinite(wanted)])
    largest = float(finite.max()) if finite.size else 0.0
    if np.allclose(found, wanted, tolerance, tolerance / 5 * largest, equal_nan=True):
        return ""
    return f"off by {np.abs(found - wanted).max():.3g} of {largest:.3g}"


@pytest.mark.needs_keras
@pytest.mark.parametrize("i", range(len(LOSSES)), ids=map(str, LOSSES))
def test_values_and_gradients_are_those_of_keras(i: int, keras: Arrays) -> None:
    wrong, compared = [], 0
    for j, case in enumerate(cases(LOSSES[i])):
        expected = keras.get(f"{i}/{j}/value")
        if expected is None:
            try:
                computed(case)
            except ValueError:
                continue
            wrong.append(f"{case}: Keras refuses")
            continue
        compared += 1
        try:
            value, gradient = computed(case)
        except ValueError as error:
            wrong.append(f"{case}: {error}")
            continue
        wanted = keras[f"{i}/{j}/gradient"]
        for what, found, right in (
            ("value", value, expected),
            ("gradient", np.zeros(1) if gradient is None else gradient, wanted),
        ):
            if difference := off(found, right, case.loss.tolerance):
                wrong.append(f"{case}: {what} {difference}")
    assert compared
    assert not wrong, f"{len(wrong)} of {compared}:\n" + "\n".join(wrong[:12])
