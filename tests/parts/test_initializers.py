"""Initializers: what is fixed against Keras, what is drawn against its formulas.

Random values cannot be TensorFlow's; their bounds, means and deviations are computed
from many on both sides.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from keras2torch import initializers, random
from keras2torch.initializers import (
    STFT,
    Constant,
    GlorotUniform,
    HeNormal,
    Identity,
    Initializer,
    Orthogonal,
    RandomNormal,
    RandomUniform,
    VarianceScaling,
    Zeros,
    compute_fans,
)
from tests.parts.asking import ask
from tests.parts.table import same_names

# Class, arguments, shape, dtype.
Row = tuple[str, dict[str, Any], tuple[int, ...], str | None]
FIXED: list[Row] = [
    ("Zeros", {}, (2, 3), None),
    ("zeros", {}, (), "float64"),
    ("Zeros", {}, (2,), "bool"),
    ("Ones", {}, (2, 0, 3), None),
    ("ones", {}, (2,), "int32"),
    ("Constant", {}, (2,), None),
    ("Constant", {"value": 0.3}, (3, 2), "float16"),
    ("constant", {"value": 2.5}, (3,), "int32"),
    ("Constant", {"value": [1.0, 2.0]}, (3, 2), None),
    ("Constant", {"value": True}, (2,), "bool"),
    ("Identity", {}, (3, 3), None),
    ("identity", {"gain": 0.5}, (2, 4), "float64"),
    ("IdentityInitializer", {}, (4, 2), None),
    ("STFT", {}, (16, 1, 9), None),
    ("STFT", {"side": "imag"}, (12, 1, 9), "float64"),
    ("STFT", {"window": None}, (8, 1, 5), "float64"),
    ("STFT", {"scaling": None, "periodic": True}, (9, 1, 5), None),
    ("STFTInitializer", {"scaling": "spectrum", "window": "hamming"}, (9, 1, 5), None),
    ("stft", {"window": [1.0, 2.0, 3.0, 4.0]}, (4, 1, 3), None),
    *[
        ("STFT", {"window": w, "periodic": p}, (10, 1, 6), "float64")
        for w in ("blackman", "bartlett", "cosine", "nuttall", "parzen", "hamming")
        for p in (True, False)
    ],
]

SCALED = [
    f"{who}_{how}" for who in ("glorot", "he", "lecun") for how in ("uniform", "normal")
]
BIG = (3, 3, 100, 200)
DRAWN: list[Row] = [
    ("RandomNormal", {}, (400, 500), None),
    ("random_normal", {"mean": 2.0, "stddev": 0.5}, (200_000,), "float64"),
    ("RandomUniform", {}, (400, 500), None),
    ("random_uniform", {"minval": 1.0, "maxval": 3.0}, (200_000,), None),
    ("TruncatedNormal", {}, (400, 500), None),
    ("truncated_normal", {"mean": -1.0, "stddev": 2.0}, (200_000,), None),
    ("TruncatedNormal", {}, (400, 500), "float16"),
    *[(name, {}, shape, None) for name in SCALED for shape in (BIG, (300, 500))],
    *[
        ("VarianceScaling", {"scale": 0.3, "mode": mode, "distribution": d}, BIG, None)
        for mode in ("fan_in", "fan_out", "fan_avg")
        for d in ("uniform", "normal", "truncated_normal", "Untruncated_Normal")
    ],
    ("GlorotUniform", {"input_axes": [0, 1], "output_axes": [3]}, BIG, None),
    ("VarianceScaling", {"input_axes": [2], "output_axes": [3]}, BIG, None),
    ("HeNormal", {}, (200_000,), None),
]
REFUSED: list[dict[str, Any]] = [
    {"name": "VarianceScaling", "config": {"scale": 0.0}},
    {"name": "VarianceScaling", "config": {"mode": "fan"}},
    {"name": "VarianceScaling", "config": {"distribution": "gamma"}},
    {"name": "GlorotUniform", "config": {"seed": "a"}},
    {"name": "STFT", "config": {"side": "left"}},
    {"name": "STFT", "config": {"window": "curtain"}},
    {"name": "STFT", "config": {"scaling": "none"}},
    {"name": "STFT", "config": {"window": [1.0]}, "call": [[4, 1, 3]]},
    {"name": "Identity", "config": {}, "call": [[3]]},
    {"name": "Orthogonal", "config": {}, "call": [[3]]},
    {"name": "glorot"},
]
SEEDS: list[tuple[int | None, bool]] = [(3, False), (None, False), (3, True)]


@pytest.fixture(scope="module")
def keras(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    of: dict[str, Any] = {"module": "initializers"}

    def asked(rows: list[Row], do: str, **more: Any) -> list[dict[str, Any]]:
        return [
            {"do": do, **of, "name": n, "config": c, "shape": s, "dtype": d, **more}
            for n, c, s, d in rows
        ]

    parts: dict[str, list[dict[str, Any]]] = {
        "names": [{"do": "names", **of}],
        "fixed": asked(FIXED, "initial"),
        "fixed configs": asked(FIXED, "config"),
        "drawn": asked(DRAWN, "statistics"),
        "drawn configs": asked(DRAWN, "config"),
        "refused": [{"do": "refused", **of, **row} for row in REFUSED],
        "twice": [{"do": "same_twice", "seed": s, "generator": g} for s, g in SEEDS],
        "fans": [{"do": "fans", "shape": s} for s in SHAPES],
    }
    found = ask([j for p in parts.values() for j in p], tmp_path_factory.mktemp("init"))
    answers = iter(found)
    return {name: [next(answers) for _ in part] for name, part in parts.items()}


SHAPES = [(), (7,), (3, 5), (2, 3, 5), (3, 3, 4, 5), (2, 2, 2, 3, 4)]


def made(name: str, config: dict[str, Any]) -> Any:
    return getattr(initializers, name)(**config)


@pytest.mark.needs_keras
def test_names(keras: dict[str, list[dict[str, Any]]]) -> None:
    same_names(initializers, keras["names"][0])


@pytest.mark.needs_keras
@pytest.mark.parametrize("n", range(len(FIXED)), ids=[str(r) for r in FIXED])
def test_fixed_values(n: int, keras: dict[str, list[dict[str, Any]]]) -> None:
    name, config, shape, dtype = FIXED[n]
    found = made(name, config)(shape, dtype)
    expected = keras["fixed"][n]["value"]
    assert str(found.dtype) == f"torch.{expected.dtype.name}"
    assert tuple(found.shape) == expected.shape
    if "stft" in name.lower():
        tolerance = 1e-6 if dtype is None else 1e-12
        np.testing.assert_allclose(found.numpy(), expected, atol=tolerance)
    else:
        np.testing.assert_array_equal(found.numpy(), expected)


@pytest.mark.needs_keras
@pytest.mark.parametrize("n", range(len(DRAWN)), ids=[str(r) for r in DRAWN])
def test_drawn_values(n: int, keras: dict[str, list[dict[str, Any]]]) -> None:
    torch.manual_seed(n)
    name, config, shape, dtype = DRAWN[n]
    found = made(name, config)(shape, dtype)
    expected = keras["drawn"][n]
    assert str(found.dtype) == f"torch.{dtype or 'float32'}"
    values = found.double().numpy()
    deviation = expected["deviation"]
    assert values.shape == shape
    # Of ≥ 150 000 values, within 5 standard errors of what as many of Keras' give.
    near = 5 * math.sqrt(2) * deviation / math.sqrt(values.size)
    assert values.mean() == pytest.approx(expected["mean"], abs=near)
    assert values.std() == pytest.approx(deviation, abs=near)
    # Quantiles tell a uniform from a normal distribution, and a cut from a whole one.
    found_quantiles = np.quantile(values, expected["at"])
    np.testing.assert_allclose(
        found_quantiles, expected["quantiles"], atol=0.03 * deviation
    )
    if "ntruncated" not in str(config) and "andom" not in name:
        for end in ("lowest", "highest"):
            found_end = values.min() if end == "lowest" else values.max()
            assert found_end == pytest.approx(expected[end], abs=0.01 * deviation)


@pytest.mark.needs_keras
@pytest.mark.parametrize("kind", ["fixed", "drawn"])
def test_configs(kind: str, keras: dict[str, list[dict[str, Any]]]) -> None:
    rows = FIXED if kind == "fixed" else DRAWN
    for (name, config, shape, dtype), answer in zip(
        rows, keras[f"{kind} configs"], strict=True
    ):
        one = made(name, config)
        if isinstance(one, Identity):  # Keras loses its gain
            answer["config"]["config"]["gain"] = one.gain
        assert initializers.serialize(one) == answer["config"]
        again = initializers.get(answer["config"])
        assert type(again) is type(one)
        assert again.get_config() == one.get_config()
        if kind == "fixed":
            torch.testing.assert_close(again(shape, dtype), one(shape, dtype))


@pytest.mark.needs_keras
@pytest.mark.parametrize("n", range(len(REFUSED)), ids=[str(r) for r in REFUSED])
def test_what_keras_refuses(n: int, keras: dict[str, list[dict[str, Any]]]) -> None:
    row = REFUSED[n]
    assert keras["refused"][n] == {"refused": True}

    def do() -> None:
        one = made(row["name"], row["config"]) if "config" in row else None
        if one is None:
            initializers.get(row["name"])
        elif "call" in row:
            one(*row["call"])

    with pytest.raises(ValueError):  # noqa: PT011
        do()


@pytest.mark.needs_keras
@pytest.mark.parametrize("n", range(len(SEEDS)), ids=[str(s) for s in SEEDS])
def test_called_twice(n: int, keras: dict[str, list[dict[str, Any]]]) -> None:
    seed, generator = SEEDS[n]
    one = RandomNormal(seed=random.SeedGenerator(seed) if generator else seed)
    assert bool((one((8,)) == one((8,))).all()) == keras["twice"][n]["same"]


@pytest.mark.needs_keras
def test_fans(keras: dict[str, list[dict[str, Any]]]) -> None:
    for shape, answer in zip(SHAPES, keras["fans"], strict=True):
        assert list(compute_fans(shape)) == answer["fans"]


@pytest.mark.parametrize(
    "name", [n for n in initializers._OBJECTS if "tializer" not in n]
)
def test_an_integer_seed_is_a_promise(name: str) -> None:
    if "seed" not in initializers.get(name).get_config():
        return
    kind = initializers._OBJECTS[name]
    one, other = kind(seed=5)((4, 6)), kind(seed=5)((4, 6))
    assert torch.equal(one, other)
    assert not torch.equal(one, kind(seed=6)((4, 6)))


def test_without_a_seed_the_global_one_rules() -> None:
    torch.manual_seed(1)
    first = [GlorotUniform()((3, 4)), GlorotUniform()((3, 4))]
    assert not torch.equal(*first)
    torch.manual_seed(1)
    assert torch.equal(first[0], GlorotUniform()((3, 4)))
    one = HeNormal()
    assert torch.equal(one((2, 3)), one((2, 3)))
    assert not torch.equal(one((2, 3)), one.clone()((2, 3)))
    seeded = HeNormal(seed=4)
    assert torch.equal(seeded((2, 3)), seeded.clone()((2, 3)))


def test_an_integer_seed_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(1)
    RandomUniform(seed=3)((5,))
    drawn = torch.rand(2)
    torch.manual_seed(1)
    assert torch.equal(drawn, torch.rand(2))


@pytest.mark.parametrize("shape", [(6, 6), (8, 3), (3, 8), (3, 3, 4, 5), (2, 2, 40)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_orthogonal(shape: tuple[int, ...], dtype: str) -> None:
    matrix = Orthogonal(gain=1.5, seed=2)(shape, dtype)
    assert tuple(matrix.shape) == shape
    flat = matrix.reshape(-1, shape[-1]) / 1.5
    product = flat @ flat.mT if flat.shape[0] < flat.shape[1] else flat.mT @ flat
    one = torch.eye(len(product), dtype=matrix.dtype)
    torch.testing.assert_close(product, one, atol=1e-5, rtol=0)


def test_orthogonal_is_uniform() -> None:
    # Without the sign correction of QR, the diagonal would be mostly negative.
    diagonal = torch.stack([Orthogonal(seed=s)((4, 4)).diagonal() for s in range(300)])
    assert abs(diagonal.mean().item()) < 5 * 0.5 / math.sqrt(1200)


def test_get() -> None:
    assert initializers.get(None) is None
    assert isinstance(initializers.get("uniform"), RandomUniform)
    assert isinstance(initializers.get(Zeros), Zeros)
    one = Constant(3)
    assert initializers.get(one) is one
    keras_2 = {"class_name": "VarianceScaling", "config": {"mode": "fan_out"}}
    assert initializers.get(keras_2).mode == "fan_out"
    function = initializers.get(lambda shape, dtype=None: torch.full(shape, 7.0))
    assert function((2,)).tolist() == [7, 7]
    with pytest.raises(ValueError, match="did you mean 'glorot_uniform'"):
        initializers.get("glorotuniform")


@pytest.mark.parametrize(
    "values", [np.arange(6.0).reshape(2, 3), torch.arange(6).reshape(2, 3)]
)
def test_values_as_an_initializer(values: Any) -> None:
    one = initializers.get(values)
    found = one((2, 3))
    assert found.dtype == torch.float32
    assert found.tolist() == values.tolist()
    found += 1
    assert one((2, 3)).tolist() == values.tolist()
    with pytest.raises(ValueError, match="have shape"):
        one((3, 2))


def test_a_seed_generator_survives_its_config() -> None:
    one = VarianceScaling(seed=random.SeedGenerator(9, name="mine"))
    again = initializers.deserialize(initializers.serialize(one))
    assert isinstance(again.seed, random.SeedGenerator)
    assert torch.equal(one((2, 3)), again((2, 3)))
    assert torch.equal(one((2, 3)), again((2, 3)))


def test_a_users_own() -> None:
    class Ramp(Initializer):
        def __init__(self, start: float = 0.0) -> None:
            self.start = start

        def __call__(self, shape: Any, dtype: Any = None) -> torch.Tensor:
            return torch.arange(math.prod(shape)).reshape(shape) + self.start

        def get_config(self) -> dict[str, Any]:
            return {"start": self.start}

    one = initializers.deserialize(initializers.serialize(Ramp(2.0)), {"Ramp": Ramp})
    assert one((2,)).tolist() == [2, 3]
    with pytest.raises(NotImplementedError):
        Initializer()((2,))


def test_follows_the_default_device_and_dtype() -> None:
    torch.set_default_dtype(torch.float64)
    try:
        assert Zeros()(2).dtype == GlorotUniform()((2, 3)).dtype == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
    with torch.device("meta"):
        kinds = (Zeros(), Constant(2), RandomNormal(), Identity(), Orthogonal(), STFT())
        for one in kinds:
            shape = (4, 1, 3) if isinstance(one, STFT) else (3, 3)
            assert one(shape).device.type == "meta"
