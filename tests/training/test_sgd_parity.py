"""After conversion the model trains: twenty plain SGD steps give Keras' losses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from keras2torch.program import write
from keras2torch.reading import read
from tests.training.asking import ask
from tests.training.scripts import to_torch

pytestmark = pytest.mark.needs_keras
STEPS, BATCH = 20, 16
N = STEPS * BATCH
RNG = np.random.default_rng(9)


def words() -> np.ndarray:
    """Sentences of 1 to 9 words, zeros behind."""
    found = RNG.integers(1, 20, (N, 9))
    found[np.arange(9) >= RNG.integers(1, 10, (N, 1))] = 0
    return found.astype("int32")


def normal(*shape: int) -> np.ndarray:
    return RNG.normal(size=(N, *shape)).astype("float32")


# Model → its inputs and the rate of the steps.
MODELS: dict[str, tuple[np.ndarray, float]] = {
    "batch_norm_cnn": (normal(10, 10, 2), 0.05),
    "masked_bilstm": (words(), 0.5),
    "transformer": (normal(7, 8), 0.05),
    "gru": (normal(7, 4), 0.2),
}


@pytest.fixture(scope="module")
def kept(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, dict[str, np.ndarray], dict[str, np.ndarray]]:
    folder = tmp_path_factory.mktemp("sgd")
    targets = {name: normal(3) for name in MODELS}
    jobs: list[dict[str, Any]] = []
    for name, (x, lr) in MODELS.items():
        np.savez(folder / f"{name}.npz", x=x, y=targets[name])
        jobs.append(
            {
                "do": "sgd",
                "model": name,
                "data": str(folder / f"{name}.npz"),
                "save": str(folder / f"{name}.keras"),
                "steps": STEPS,
                "batch": BATCH,
                "lr": lr,
            }
        )
    losses = [found["losses"] for found in ask(jobs, folder)]
    return folder, targets, dict(zip(MODELS, losses, strict=True))


@pytest.mark.parametrize("layout", ["torch", "keras"])
@pytest.mark.parametrize("name", MODELS)
def test_twenty_steps(
    name: str,
    layout: Any,
    kept: tuple[Path, dict[str, np.ndarray], dict[str, np.ndarray]],
) -> None:
    folder, targets, expected = kept
    x, lr = MODELS[name]
    program = write(read(folder / f"{name}.keras", None), layout=layout)
    model = program.module().train()
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(parameters, lr=lr)
    inputs = to_torch(x, program.inputs[0][1]).split(BATCH)
    losses = []
    for a, b in zip(inputs, torch.from_numpy(targets[name]).split(BATCH), strict=True):
        loss = (model(a) - b).square().mean()
        if hasattr(model, "regularization"):
            loss = loss + model.regularization()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses == pytest.approx(list(expected[name]), rel=1e-4)
    assert hasattr(model, "regularization") == (name == "batch_norm_cnn")
    # The steps have to matter: another model would not arrive at the same losses.
    with torch.no_grad():
        trained = (model(inputs[0]) - torch.from_numpy(targets[name])[:BATCH]).square()
    assert abs(trained.mean().item() - losses[0]) > 0.005 * losses[0]
