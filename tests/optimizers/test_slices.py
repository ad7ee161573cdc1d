"""Embeddings against Keras: look-ups of one row that no optimizer adds up first."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from keras2torch import optimizers
from keras2torch.training.variables import Part, Variable
from tests.optimizers.test_numbers import OWN, label, made, o

STEPS, COUNT, WIDTH, LONG = 10, 8, 3, 4
RNG = np.random.default_rng(3)
ARRAYS = {
    "table": RNG.normal(size=(COUNT, WIDTH)).astype("float32"),
    "kernel": RNG.normal(size=(LONG * WIDTH, 2)).astype("float32"),
    "bias": np.zeros(2, "float32"),
    # Row 0 comes often, row 5 late, 6 in one step alone, and 7 never.
    "ids": np.minimum(RNG.geometric(0.4, size=(STEPS, 6, LONG)) - 1, 4).astype("int32"),
    "y": RNG.normal(size=(STEPS, 6, 2)).astype("float32"),
}
ARRAYS["ids"][4:, :2, 1:3] = 5
ARRAYS["ids"][6, 5] = 6


def e(kind: str, **options: Any) -> dict[str, Any]:
    how = {k: options.pop(k) for k in ("regularizer", "twice", "graph") if k in options}
    options.setdefault("learning_rate", 0.02)
    return {**o(kind, **options), **how}


COMMON: list[dict[str, Any]] = [
    {"clipnorm": 0.3},
    {"global_clipnorm": 0.4},
    {"global_clipnorm": 1e6},  # adds up even where it does not clip
    {"clipvalue": 0.02},
    {"weight_decay": 0.1, "use_ema": True, "ema_overwrite_frequency": 3},
    {"gradient_accumulation_steps": 2, "clipnorm": 0.3},
]
VARIANTS = {
    **OWN,
    # The mean of squares must stay above the square of the mean, of several look-ups
    # as of one: Keras takes the root of what is left.
    "RMSprop": [{}, {"momentum": 0.7}, {"rho": 0.99, "centered": True}],
}
ROWS = [
    e(kind, **options)
    for kind, variants in VARIANTS.items()
    if kind != "Own"
    for options in [*variants, {"twice": True}, {"regularizer": True}]
]
ROWS += [
    e(kind, **VARIANTS[kind][-1], **options)
    for kind in ("SGD", "Adam", "Adadelta", "Adamax")
    for options in COMMON
]
ROWS += [e("Adam", graph=True, clipnorm=0.3), e("Adadelta", graph=True, twice=True)]
SCALED = o("LossScaleOptimizer", initial_scale=8.0, dynamic_growth_steps=3)
ROWS += [
    {**SCALED, "inner": e("Adam", clipnorm=0.3)},
    {
        **o("MultiOptimizer"),
        "default": e("SGD"),
        "map": {".*embeddings": e("RMSprop", clipvalue=0.02)},
    },
]


class Small(nn.Module):
    """The model of the Keras side."""

    def __init__(self, row: dict[str, Any]) -> None:
        super().__init__()
        self.row = row
        self.table = nn.Embedding(COUNT, WIDTH, sparse=True)
        self.dense = nn.Linear(LONG * WIDTH, 2)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        if self.row.get("twice"):
            # Looked up at once: where torch adds two sparse gradients, it adds up some
            # of their equal rows.
            x, other = self.table(torch.stack([ids, ids.flip(1)]))
            x = x + 0.5 * other
        else:
            x = self.table(ids)
        found: torch.Tensor = self.dense(x.flatten(1))
        return found

    def loss(self, ids: np.ndarray, y: np.ndarray) -> torch.Tensor:
        made = self(torch.from_numpy(ids)) - torch.from_numpy(y)
        loss = made.square().mean()
        if self.row.get("regularizer"):
            loss = loss + 0.01 * self.table.weight.square().sum()
        return loss

    def variables(self) -> list[Variable]:
        held = {
            "embedding/embeddings": ("table", Part(self.table, "weight", (0, 1))),
            "dense/kernel": ("kernel", Part(self.dense, "weight", (1, 0))),
            "dense/bias": ("bias", Part(self.dense, "bias", (0,))),
        }
        found = []
        for path, (key, part) in held.items():
            name = path.rsplit("/", 1)[-1]
            found.append(Variable(name, path, ARRAYS[key].shape, [part]))
            found[-1].assign(ARRAYS[key])
        return found


def prepared(row: dict[str, Any]) -> tuple[Any, Small, list[Variable]]:
    optimizer, model = made(row), Small(row)
    weights = model.variables()
    optimizer.build(weights)
    return optimizer, model, weights


def train(optimizer: Any, model: Small) -> None:
    for ids, y in zip(ARRAYS["ids"], ARRAYS["y"], strict=True):
        optimizer.zero_grad()
        optimizer.scale_loss(model.loss(ids, y)).backward()
        assert model.table.weight.grad is not None
        assert model.table.weight.grad.is_sparse != bool(model.row.get("regularizer"))
        optimizer.step()


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    folder = tmp_path_factory.mktemp("slices")
    (folder / "rows.json").write_text(json.dumps(ROWS))
    np.savez(folder / "arrays.npz", **ARRAYS)
    script = Path(__file__).with_name("slices_side.py")
    done = subprocess.run(
        [sys.executable, str(script), str(folder)],
        capture_output=True,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    with np.load(folder / "out.npz") as out:
        return dict(out)


@pytest.mark.needs_keras
@pytest.mark.parametrize("n", range(len(ROWS)), ids=[label(r) for r in ROWS])
def test_training_is_as_in_keras(n: int, expected: Any) -> None:
    optimizer, model, weights = prepared(ROWS[n])
    train(optimizer, model)
    assert str(expected.get(f"{n}/error", "")) == ""
    for i, weight in enumerate(weights):
        right = expected[f"{n}/w/{i}"]
        assert weight.numpy() == pytest.approx(right, abs=1e-5), weight.path
    for i, variable in enumerate(optimizer.variables):
        right = expected[f"{n}/v/{i}"]
        scale = float(np.abs(right).max(initial=0.0))
        found = np.asarray(variable.numpy())
        assert found == pytest.approx(right, rel=1e-3, abs=1e-5 * scale), variable.name


@pytest.mark.parametrize("amsgrad", [False, True])
def test_fused_adam_is_adam(amsgrad: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    fused, model, weights = prepared(e("Adam", amsgrad=amsgrad))
    train(fused, model)
    monkeypatch.setattr("keras2torch.optimizers.adam.fusable", lambda part: False)
    plain, model, others = prepared(e("Adam", amsgrad=amsgrad))
    train(plain, model)
    for a, b in zip(weights, others, strict=True):
        assert torch.allclose(a.keras(), b.keras(), atol=2e-6)
    for a, b in zip(fused.variables, plain.variables, strict=True):
        assert np.allclose(a.numpy(), b.numpy(), atol=2e-6)


def test_apply_takes_rows_of_a_gradient() -> None:
    stepped, model, weights = prepared(e("Adamax"))
    applied, other, others = prepared(e("Adamax"))
    for ids, y in zip(ARRAYS["ids"], ARRAYS["y"], strict=True):
        for one in (model, other):
            one.zero_grad()
            one.loss(ids, y).backward()
        stepped.step()
        applied.apply_gradients((v.value.grad, v) for v in others)
    for a, b in zip(weights, others, strict=True):
        assert torch.equal(a.keras(), b.keras())


@pytest.fixture
def checked() -> Iterator[None]:
    with torch.sparse.check_sparse_tensor_invariants():
        yield


@pytest.mark.usefixtures("checked")
@pytest.mark.parametrize("by", ["sgd", "torch", "rows and columns"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_other_sparse_gradients(by: str, dtype: torch.dtype) -> None:
    table = nn.Parameter(torch.ones(3, 2, dtype=dtype))
    rows = torch.tensor([[1, 1]])
    given = torch.sparse_coo_tensor(rows, torch.ones(2, 2), (3, 2))
    if by == "rows and columns":
        given = torch.sparse_coo_tensor(
            torch.tensor([[1, 1, 1, 1], [0, 1, 0, 1]]), torch.ones(4), (3, 2)
        )
    made: Any = optimizers.SGD(0.25, loss_scale_factor=2.0)
    if by == "torch":
        made = optimizers.get(type("Half", (torch.optim.SGD,), {}))
    made.apply_gradients([(given, table)])
    moved = 0.25 if by != "torch" else 0.002
    right = torch.tensor([[1.0] * 2, [1.0 - moved] * 2, [1.0] * 2], dtype=dtype)
    assert torch.allclose(table, right)
    # Nothing was looked up: what was kept moves on, and nothing else.
    made.zero_grad(set_to_none=False)
    none = torch.ones(0, 2, dtype=dtype)
    table.grad = torch.sparse_coo_tensor(rows[:, :0], none, (3, 2))
    adam = optimizers.Adam(clipnorm=1.0)
    adam.build([table])
    adam.step()
    assert torch.allclose(table, right)
    with pytest.raises(ValueError, match="shape"):
        adam.apply_gradients([(torch.sparse_coo_tensor(size=(4, 2)), table)])
