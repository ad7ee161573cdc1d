"""Every optimizer, option and schedule against Keras, by the weights and the state."""

from __future__ import annotations

import inspect
import itertools
import json
import re
import warnings
from typing import Any

import numpy as np
import pytest
import torch

from keras2torch import optimizers
from keras2torch.optimizers import schedules
from tests.optimizers.asking import (
    GRADIENTS,
    NAMES,
    STRANGERS,
    WEIGHTS,
    Held,
    ask,
    gradients,
    variables,
)

pytestmark = pytest.mark.needs_keras


def rate(kind: str, **config: Any) -> dict[str, Any]:
    return {"class_name": kind, "config": config}


def o(kind: str, **options: Any) -> dict[str, Any]:
    extra = {k: options.pop(k) for k in ("exclude", "constraint") if k in options}
    return {"class_name": kind, "options": options, **extra}


RATES = {
    "constant": 0.02,
    "exponential": rate(
        "ExponentialDecay", initial_learning_rate=0.1, decay_steps=3, decay_rate=0.5
    ),
    "piecewise": rate(
        "PiecewiseConstantDecay", boundaries=[2, 5], values=[0.05, 0.005, 0.03]
    ),
    "custom": rate("Warm", top=0.05),
}
# What only some have, beside their defaults.
OWN: dict[str, list[dict[str, Any]]] = {
    "SGD": [{}, {"momentum": 0.9}, {"momentum": 0.8, "nesterov": True}],
    "RMSprop": [
        {},
        {"momentum": 0.7},
        {"rho": 0.8, "momentum": 0.7, "centered": True, "epsilon": 1e-3},
    ],
    "Adam": [{}, {"amsgrad": True, "beta_1": 0.8, "beta_2": 0.98, "epsilon": 1e-4}],
    "AdamW": [{}],
    "Adadelta": [{}, {"rho": 0.9, "epsilon": 1e-5}],
    "Adagrad": [{}, {"initial_accumulator_value": 0.0, "epsilon": 1e-3}],
    "Adamax": [{}],
    "Adafactor": [{}, {"relative_step": False, "clip_threshold": 0.5}],
    "Nadam": [{}, {"beta_1": 0.8}],
    "Ftrl": [
        {},
        {
            "l1_regularization_strength": 0.01,
            "l2_regularization_strength": 0.02,
            "l2_shrinkage_regularization_strength": 0.03,
            "beta": 0.1,
            "learning_rate_power": -0.4,
        },
    ],
    "Lion": [{}],
    "Lamb": [{}],
    "Muon": [
        {},
        {"nesterov": False, "rms_rate": None, "exclude_layers": ["mat"]},
        {"exclude_embeddings": False, "adam_lr_ratio": 0.5, "ns_steps": 2},
    ],
    "ScheduleFreeAdamW": [{}, {"warmup_steps": 4}],
    "Own": [{}],
}
COMMON: list[dict[str, Any]] = [
    {"weight_decay": 0.1, "clipnorm": 0.5},
    {
        "weight_decay": 0.2,
        "exclude": {"var_names": ["bias"], "var_list": ["key_kernel"]},
        "global_clipnorm": 0.7,
    },
    {"clipvalue": 0.05, "use_ema": True, "ema_momentum": 0.7},
    {
        "use_ema": True,
        "ema_momentum": 0.8,
        "ema_overwrite_frequency": 3,
        "loss_scale_factor": 64.0,
        "constraint": 0.9,
    },
    {
        "gradient_accumulation_steps": 2,
        "use_ema": True,
        "ema_overwrite_frequency": 2,
        "weight_decay": 0.1,
        "clipnorm": 1.0,
    },
]
_turns = itertools.cycle(RATES.values())
ROWS = [
    o(kind, learning_rate=next(_turns), **options)
    for kind, variants in OWN.items()
    for options in (variants * 4)[: max(4, len(variants))]
]
# Each option by itself, and all of them with every optimizer.
ROWS += [
    o("SGD", learning_rate=0.02, **{k: v})
    for options in COMMON
    for k, v in options.items()
    if k != "exclude"
]
ROWS += [
    o(kind, learning_rate=next(_turns), **variants[-1], **options)
    for kind, variants in OWN.items()
    for options in COMMON
]
SCALED = o("LossScaleOptimizer", initial_scale=8.0, dynamic_growth_steps=3)
ROWS += [
    {**SCALED, "inner": o("Adam", learning_rate=0.02, clipnorm=0.1), "gradient": 8.0},
    {**SCALED, "inner": o("SGD", learning_rate=0.02), "gradient": 1e38},
    {
        **o("MultiOptimizer"),
        "default": o("Adam", learning_rate=0.01),
        "map": {
            ".*_kernel": o("SGD", learning_rate=RATES["piecewise"], momentum=0.9),
            "matrix|vector": o("Lamb", learning_rate=0.02, weight_decay=0.01),
        },
    },
]
SCHEDULES = [
    RATES["exponential"],
    RATES["piecewise"],
    RATES["custom"],
    rate(
        "ExponentialDecay",
        initial_learning_rate=0.1,
        decay_steps=10,
        decay_rate=0.5,
        staircase=True,
    ),
    rate("InverseTimeDecay", initial_learning_rate=0.1, decay_steps=4, decay_rate=0.5),
    rate(
        "InverseTimeDecay",
        initial_learning_rate=0.1,
        decay_steps=4,
        decay_rate=0.5,
        staircase=True,
    ),
    rate("PolynomialDecay", initial_learning_rate=0.1, decay_steps=7, power=2.0),
    rate("PolynomialDecay", initial_learning_rate=0.1, decay_steps=7, cycle=True),
    rate("CosineDecay", initial_learning_rate=0.1, decay_steps=20, alpha=0.1),
    rate(
        "CosineDecay",
        initial_learning_rate=0.0,
        decay_steps=20,
        warmup_target=0.1,
        warmup_steps=5,
    ),
    rate("CosineDecayRestarts", initial_learning_rate=0.1, first_decay_steps=5),
    rate(
        "CosineDecayRestarts",
        initial_learning_rate=0.1,
        first_decay_steps=6,
        t_mul=1.0,
        m_mul=0.5,
        alpha=0.05,
    ),
]
UNTIL = 40


class Warm(schedules.LearningRateSchedule):
    """The schedule of the Keras side, as a user of torch writes it."""

    def __init__(self, top: float) -> None:
        self.top = top

    def __call__(self, step: Any) -> Any:
        step = step + 1.0
        return self.top * torch.minimum(step**-0.5, step * 0.2)

    def get_config(self) -> dict[str, Any]:
        return {"top": self.top}


class Own(optimizers.Optimizer):
    """The optimizer of the Keras side."""

    def build(self, variables: Any) -> None:
        super().build(variables)
        self.kept = self.add_optimizer_variables(variables, "kept")

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        kept = self.kept[self._get_variable_index(variable)]
        norm = torch.sqrt(torch.sum(torch.square(gradient)))
        self.assign(kept, 0.5 * kept.keras() + gradient / (norm + 0.001))
        self.assign_sub(variable, learning_rate * kept.keras())


def made_rate(given: Any) -> Any:
    if not isinstance(given, dict):
        return given
    if given["class_name"] == "Warm":
        return Warm(**given["config"])
    return schedules.deserialize(given)


def made(row: dict[str, Any]) -> Any:
    options = dict(row["options"])
    if "learning_rate" in options:
        options["learning_rate"] = made_rate(options["learning_rate"])
    if row["class_name"] == "LossScaleOptimizer":
        return optimizers.LossScaleOptimizer(made(row["inner"]), **options)
    if row["class_name"] == "MultiOptimizer":
        mapped = {k: made(v) for k, v in row["map"].items()}
        return optimizers.MultiOptimizer(
            optimizers.OptimizerMap(made(row["default"]), mapped), **options
        )
    kind = row["class_name"]
    return (Own if kind == "Own" else getattr(optimizers, kind))(**options)


def prepared(row: dict[str, Any]) -> tuple[Any, Held, list[Any]]:
    optimizer, held = made(row), Held()
    weights = variables(held)
    if "constraint" in row:
        for w in weights:
            w.constraint = lambda value: value.clamp(
                -row["constraint"], row["constraint"]
            )
    if "exclude" in row:
        excluded = row["exclude"]["var_list"]
        optimizer.exclude_from_weight_decay(
            var_list=[w for w in weights if w.name in excluded],
            var_names=row["exclude"]["var_names"],
        )
    return optimizer, held, weights


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return ask(ROWS, SCHEDULES, UNTIL, tmp_path_factory.mktemp("optimizers"))


def near(found: np.ndarray, right: np.ndarray, start: np.ndarray) -> None:
    # The difference counts against how far the weights moved.
    finite = np.isfinite(right)
    assert (np.isfinite(found) == finite).all()
    found, right, start = found[finite], right[finite], start[finite]
    moved = np.abs(right - start).max(initial=0.0)
    rounding = 3e-7 * np.abs(right).max(initial=0.0)
    assert np.abs(found - right).max(initial=0.0) <= 1e-5 * moved + rounding


def label(row: dict[str, Any]) -> str:
    return json.dumps({k: v for k, v in row.items() if v != {}}).replace('"', "")


@pytest.mark.parametrize("n", range(len(ROWS)), ids=[label(r) for r in ROWS])
def test_weights_and_state_are_as_in_keras(n: int, expected: Any) -> None:
    arrays, about = expected[0], expected[1]["rows"]
    row = ROWS[n]
    optimizer, held, weights = prepared(row)
    optimizer.build(weights)
    for given in GRADIENTS:
        optimizer.zero_grad()
        for name, gradient in gradients(held, given).items():
            getattr(held, name).grad = gradient * np.float32(row.get("gradient", 1.0))
        optimizer.step()
    for w in weights:
        near(w.numpy(), arrays[f"{n}/w/{w.name}"], WEIGHTS[w.name])
    assert held.wide[[0, 6]].tolist() == STRANGERS.tolist()
    kept = optimizer.variables
    names = about[n]["kept"]
    assert len(kept) == len(names)
    for i, (variable, name) in enumerate(zip(kept, names, strict=True)):
        right = arrays[f"{n}/v/{i}"]
        found = np.asarray(variable.numpy())
        assert found.shape == right.shape, name
        # Keras numbers what it has no name for, and a MultiOptimizer's names are alike.
        assert name == variable.name or name.startswith("variable"), name
        scale = np.abs(right[np.isfinite(right)]).max(initial=0.0)
        assert found == pytest.approx(right, rel=1e-4, abs=1e-5 * float(scale)), name
    optimizer.finalize_variable_values(weights)
    for w in weights:
        near(w.numpy(), arrays[f"{n}/f/{w.name}"], WEIGHTS[w.name])


def plain(config: Any) -> Any:
    """Drop names: a counter behind them goes up with every optimizer."""
    if not isinstance(config, dict):
        return config
    named = config.get("class_name")
    found = {k: plain(v) for k, v in config.items() if k != "registered_name"}
    if named and isinstance(found.get("config"), dict) and "Decay" not in named:
        found["config"].pop("name", None)
    return found


WRITTEN = [n for n, r in enumerate(ROWS) if not re.search("Warm|Own", label(r))]


@pytest.mark.parametrize("n", WRITTEN, ids=[label(ROWS[n]) for n in WRITTEN])
def test_configuration_is_keras_own(n: int, expected: Any) -> None:
    right = expected[1]["rows"][n]["written"]
    optimizer = made(ROWS[n])
    written = json.loads(json.dumps(optimizers.serialize(optimizer)))
    if ROWS[n]["class_name"] != "MultiOptimizer":  # there ours says less about a dict
        assert plain(written) == plain(right)
    for config in (written, right):
        again = optimizers.deserialize(config)
        assert plain(json.loads(json.dumps(optimizers.serialize(again)))) == plain(
            written
        )


def test_signatures_are_keras_own(expected: Any) -> None:
    found = {}
    for name in expected[1]["signatures"]:
        if name == "Optimizer":  # there Keras' backend hides it behind *args
            continue
        made = getattr(optimizers, name, None) or getattr(schedules, name)
        parameters = inspect.signature(made.__init__).parameters.values()
        found[name] = [[p.name, p.kind.name, repr(p.default)] for p in parameters]
    assert {k: v for k, v in found.items() if v != expected[1]["signatures"][k]} == {}


@pytest.mark.parametrize(
    "n", range(len(SCHEDULES)), ids=[s["class_name"] for s in SCHEDULES]
)
def test_schedule_goes_by_the_step(n: int, expected: Any) -> None:
    right = expected[0]["schedules"][n]
    schedule = made_rate(SCHEDULES[n])
    assert [schedule.at(s) for s in range(UNTIL)] == pytest.approx(
        right, rel=1e-5, abs=1e-8
    )
    at = schedule(torch.arange(UNTIL))
    assert at.tolist() == pytest.approx(right, rel=1e-5, abs=1e-8)


@pytest.mark.parametrize("kind", [k for k in OWN if k != "Own"])
def test_apply_gradients_is_step(kind: str) -> None:
    row = o(kind, learning_rate=0.02, **OWN[kind][-1])
    stepped, held, weights = prepared(row)
    stepped.build(weights)
    applied, other, others = prepared(row)
    for given in GRADIENTS:
        stepped.zero_grad()
        here = gradients(held, given)
        for name, gradient in here.items():
            getattr(held, name).grad = gradient
        stepped.step()
        by_tensor = {id(getattr(other, name)): g for name, g in here.items()}
        pairs = [
            (
                given.get(v.name) if len(v.parts) > 1 else by_tensor.get(id(v.value)),
                v,
            )
            for v in others
        ]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            applied.apply_gradients(pairs)
    for a, b in zip(weights, others, strict=True):
        assert torch.equal(a.keras(), b.keras())
    assert [v.name for v in weights] == NAMES
