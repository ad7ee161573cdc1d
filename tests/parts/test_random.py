"""Seeded random numbers: the distributions, and what a seed means."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from keras2torch import random
from keras2torch.random import SeedGenerator
from tests.parts.asking import ask
from tests.parts.table import same_names

N = (300, 400)
DRAWS: dict[str, Callable[..., torch.Tensor]] = {
    "normal": lambda **k: random.normal(N, 1.0, 2.0, **k),
    "uniform": lambda **k: random.uniform(N, -1.0, 3.0, **k),
    "truncated": lambda **k: random.truncated_normal(N, 1.0, 2.0, **k),
    "randint": lambda **k: random.randint(N, 2, 7, **k),
    "gamma": lambda **k: random.gamma(N, 3.0, **k),
    "beta": lambda **k: random.beta(N, 2.0, 3.0, **k),
    "binomial": lambda **k: random.binomial(N, 10, 0.3, **k),
    "categorical": lambda **k: random.categorical([[0.0, math.log(3)]] * 300, 400, **k),
    "dropout": lambda **k: random.dropout(torch.ones(N), 0.25, **k),
}
# Mean and variance, from the textbook.
MOMENTS = {
    "normal": (1.0, 4.0),
    "uniform": (1.0, 16 / 12),
    "truncated": (1.0, 4 * 0.87962566103423978**2),
    "randint": (4.0, 2.0),
    "gamma": (3.0, 3.0),
    "beta": (0.4, 0.04),
    "binomial": (3.0, 2.1),
    "categorical": (0.75, 0.1875),
    "dropout": (1.0, 1 / 0.75 - 1),
}


@pytest.mark.needs_keras
def test_names(tmp_path: Path) -> None:
    same_names(random, ask([{"do": "names", "module": "random"}], tmp_path)[0])


@pytest.mark.parametrize("name", DRAWS)
def test_distributions(name: str) -> None:
    torch.manual_seed(0)
    values = DRAWS[name]().double()
    mean, variance = MOMENTS[name]
    assert tuple(values.shape) == N
    near = 5 * math.sqrt(variance / values.numel())
    assert values.mean().item() == pytest.approx(mean, abs=near)
    assert values.var().item() == pytest.approx(variance, rel=0.03)


@pytest.mark.parametrize("name", DRAWS)
def test_what_a_seed_means(name: str) -> None:
    draw = DRAWS[name]
    assert torch.equal(draw(seed=3), draw(seed=3))
    assert not torch.equal(draw(seed=3), draw(seed=4))
    seeds = SeedGenerator(3)
    first, second = draw(seed=seeds), draw(seed=seeds)
    assert torch.equal(first, draw(seed=3))
    assert not torch.equal(first, second)
    torch.manual_seed(5)
    free = draw()
    assert not torch.equal(free, draw())
    torch.manual_seed(5)
    assert torch.equal(free, draw())


def test_seed_generator() -> None:
    seeds = SeedGenerator(7)
    assert seeds.next().tolist() == [7, 0]
    assert seeds.next(ordered=False).tolist() == [7, 1]
    assert seeds.next().tolist() == [8 * 5387 % 933199, 2 * 5387 % 933199]
    again = SeedGenerator.from_config(SeedGenerator(7, name="mine").get_config())
    assert (again.name, again.next().tolist()) == ("mine", [7, 0])
    torch.manual_seed(2)
    drawn = SeedGenerator()
    torch.manual_seed(2)
    assert torch.equal(drawn.state, SeedGenerator().state)
    assert drawn.get_config()["seed"] is None
    with pytest.raises(ValueError, match="integer"):
        SeedGenerator("7")  # type: ignore[arg-type]


def test_generators_with_near_seeds_go_apart() -> None:
    rows = [SeedGenerator(seed) for seed in range(20)]
    drawn = {tuple(random.normal(3, seed=r).tolist()) for r in rows for _ in range(20)}
    assert len(drawn) == 400


def test_dropout_shapes() -> None:
    x = torch.ones(2, 50, 4, requires_grad=True)
    found = random.dropout(x, 0.5, noise_shape=(None, 1, None), seed=1)
    assert (found == found[:, :1]).all()
    assert set(found.unique().tolist()) == {0.0, 2.0}
    found.sum().backward()
    assert torch.equal(x.grad, found.detach())
    assert random.dropout(x, 0.0) is x
    assert not random.dropout(x, 1.0).any()


def test_shuffle() -> None:
    x = torch.arange(12).reshape(3, 4)
    found = random.shuffle(x, axis=1, seed=1)
    assert torch.equal(found.sort(dim=1).values, x)
    assert torch.equal(found - found[:1], torch.tensor([[0], [4], [8]]).expand(3, 4))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_dtypes(dtype: str) -> None:
    for draw in (random.normal, random.uniform, random.truncated_normal):
        assert draw((3,), dtype=dtype, seed=1).dtype == getattr(torch, dtype)
    with pytest.raises(ValueError, match="floats"):
        random.normal((3,), dtype="int32")


def test_refuses_other_seeds() -> None:
    wrong: Any = "3"
    with pytest.raises(ValueError, match="SeedGenerator"):
        random.uniform((2,), seed=wrong)
