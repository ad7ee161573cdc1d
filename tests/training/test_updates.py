"""Optimizers and schedules against Keras 3, tf_keras, and tf_keras' legacy family."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from keras2torch.training import optimizers, schedules
from keras2torch.training.compile_config import Named, Optimizer, Version, parse
from keras2torch.training.text import NoRule
from keras2torch.training.updates import schedule_text, update_text
from tests.training.asking import ask

pytestmark = pytest.mark.needs_keras
STEPS = 8
RNG = np.random.default_rng(11)
SHAPES = [(4, 3), (3,)]
WEIGHTS = [RNG.normal(size=s) for s in SHAPES]
# From far below epsilon to far above: where optimizers differ.
SCALES = 10.0 ** RNG.uniform(-8, 1, size=(STEPS, 1))
GRADIENTS = [[RNG.normal(size=s) * scale[0] for s in SHAPES] for scale in SCALES]


def o(kind: str, **config: Any) -> dict[str, Any]:
    return {
        "module": "keras.optimizers",
        "class_name": kind,
        "config": config,
        "registered_name": None,
    }


def rate(kind: str, **config: Any) -> dict[str, Any]:
    return {
        "module": "keras.optimizers.schedules",
        "class_name": kind,
        "config": config,
        "registered_name": None,
    }


DROP = rate("PiecewiseConstantDecay", boundaries=[2, 5], values=[0.5, 0.05, 0.3])
FALL = rate(
    "ExponentialDecay", initial_learning_rate=0.1, decay_steps=3, decay_rate=0.5
)

KERAS_3 = [
    o("SGD", learning_rate=0.1),
    o("SGD", learning_rate=0.1, momentum=0.9),
    o("SGD", learning_rate=0.1, momentum=0.9, nesterov=True),
    o("SGD", learning_rate=DROP),
    o("SGD", learning_rate=DROP, momentum=0.9),
    o("SGD", learning_rate=FALL, momentum=0.9, nesterov=True, weight_decay=0.01),
    o("SGD", learning_rate=0.1, weight_decay=0.1),
    o("SGD", learning_rate=0.1, clipnorm=0.01),
    o("SGD", learning_rate=0.1, global_clipnorm=0.01),
    o("SGD", learning_rate=0.1, clipvalue=0.02),
    o("Adam", learning_rate=0.01),
    o("Adam", learning_rate=0.01, amsgrad=True, beta_1=0.8, epsilon=1e-4),
    o("Adam", learning_rate=FALL, weight_decay=0.02, clipnorm=0.5),
    o("AdamW", learning_rate=0.01),
    o("AdamW", learning_rate=FALL, weight_decay=0.1),
    o("RMSprop", learning_rate=0.01),
    o("RMSprop", learning_rate=0.01, momentum=0.7),
    o("RMSprop", learning_rate=DROP, momentum=0.7, centered=True),
    o("Adagrad", learning_rate=0.1),
    o("Adagrad", learning_rate=0.1, initial_accumulator_value=0.0, epsilon=1e-3),
    o("Adadelta", learning_rate=1.0),
    o("Adadelta", learning_rate=FALL, rho=0.9, epsilon=1e-5),
    o("Adamax", learning_rate=0.01),
    o("Nadam", learning_rate=0.01),
    o("Nadam", learning_rate=FALL, beta_1=0.8),
    o("Ftrl", learning_rate=0.1),
    o(
        "Ftrl",
        learning_rate=0.1,
        l1_regularization_strength=0.01,
        l2_regularization_strength=0.02,
        l2_shrinkage_regularization_strength=0.03,
        beta=0.1,
        learning_rate_power=-0.4,
    ),
    o("Lion", learning_rate=0.01),
    o("Lion", learning_rate=FALL, weight_decay=0.1),
    o("Lamb", learning_rate=0.01),
]


def k2(kind: str, **config: Any) -> dict[str, Any]:
    return {"class_name": kind, "config": {"name": kind, **config}}


# Since 2.11, and the family before it, whose rate decays by the step.
TF_KERAS = [
    k2("Adam", learning_rate=0.01, use_ema=False, epsilon=1e-7),
    k2("RMSprop", learning_rate=0.01, use_ema=False, momentum=0.5),
    k2("Adagrad", learning_rate=0.1, use_ema=False),
    k2("Nadam", learning_rate=0.01, use_ema=False),
]
LEGACY = [
    k2("SGD", learning_rate=0.1, decay=0.1, momentum=0.0, nesterov=False),
    k2("SGD", learning_rate=0.1, decay=0.1, momentum=0.9, nesterov=True),
    k2("Adam", learning_rate=0.01, decay=0.0, amsgrad=False, epsilon=1e-7),
    k2("Adam", learning_rate=0.01, decay=0.01, amsgrad=True, clipnorm=0.5),
    k2("RMSprop", learning_rate=0.01, decay=0.0, momentum=0.0),
    k2("RMSprop", learning_rate=0.01, decay=0.5, momentum=0.0, centered=True),
    k2("RMSprop", learning_rate=0.01, decay=0.0, momentum=0.9, epsilon=1e-3),
    k2("Adagrad", learning_rate=0.1, decay=0.0, initial_accumulator_value=0.1),
    k2("Adagrad", learning_rate=0.1, initial_accumulator_value=0.0, epsilon=1e-3),
    k2("Adadelta", learning_rate=1.0, decay=0.1, rho=0.95, epsilon=1e-7),
    k2("Adamax", learning_rate=0.01, decay=0.0),
    k2("Nadam", learning_rate=0.01, decay=0.004),
    k2("Ftrl", learning_rate=0.1, l1_regularization_strength=0.01),
]
ROWS = [(c, "3.15.0", "keras", False) for c in KERAS_3]
ROWS += [(c, "2.15.0", "tf_keras", False) for c in TF_KERAS]
ROWS += [(c, "2.10.0", "tf_keras", True) for c in LEGACY]

SCHEDULES = [
    DROP,
    FALL,
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
    rate(
        "PolynomialDecay",
        initial_learning_rate=0.1,
        decay_steps=7,
        end_learning_rate=0.01,
        power=2.0,
    ),
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
AT = list(range(32))


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, np.ndarray]]:
    arrays = {
        "weights": [w.tolist() for w in WEIGHTS],
        "gradients": [[g.tolist() for g in step] for step in GRADIENTS],
    }
    jobs: list[dict[str, Any]] = [
        {"do": "optimizer", "config": c, "keras": lib, "legacy": legacy, **arrays}
        for c, _, lib, legacy in ROWS
    ]
    jobs += [{"do": "schedule", "config": c, "steps": AT} for c in SCHEDULES]
    return ask(jobs, tmp_path_factory.mktemp("updates"))


def parsed(config: Any, version: str) -> Optimizer:
    import json

    text = json.dumps({"optimizer": config, "loss": "mse"})
    made = parse(text, Version.parse(version), ["out"]).optimizer
    assert made is not None
    return made


def stepped(config: Any, version: str) -> list[np.ndarray]:
    """Do the steps with the very statements that the script gets."""
    update = update_text(parsed(config, version), Version.parse(version))
    assert not update.notes
    parameters = [
        torch.nn.Parameter(torch.tensor(w, dtype=torch.float32)) for w in WEIGHTS
    ]
    space: dict[str, Any] = {**vars(optimizers), **vars(schedules)}
    space["parameters"] = parameters
    optimizer = eval(update.make.text, space)
    for step, gradients in enumerate(GRADIENTS):
        for p, g in zip(parameters, gradients, strict=True):
            p.grad = torch.tensor(g, dtype=torch.float32)
        space["step"] = step
        for clip in update.clip:
            exec(clip.text, space)
        if update.schedule is not None:
            now = eval(update.schedule.text, space)
            space["learning_rate"] = lambda step, now=now: now
            optimizer.param_groups[0]["lr"] = now
        if update.decay is not None:
            exec(update.decay.text, space)
        optimizer.step()
    return [p.detach().numpy() for p in parameters]


def label(row: tuple[Any, str, str, bool]) -> str:
    config, _, lib, legacy = row
    options = {
        k: v for k, v in config["config"].items() if k not in ("name", "use_ema")
    }
    short = {
        k: v["class_name"] if isinstance(v, dict) else v for k, v in options.items()
    }
    family = "legacy" if legacy else lib
    return f"{family} {config['class_name']} {short}"


@pytest.mark.parametrize("n", range(len(ROWS)), ids=[label(r) for r in ROWS])
def test_optimizer_moves_weights_as_keras_does(
    n: int, expected: list[dict[str, np.ndarray]]
) -> None:
    config, version, _, _ = ROWS[n]
    for i, (found, start) in enumerate(
        zip(stepped(config, version), WEIGHTS, strict=True)
    ):
        right = expected[n][f"w{i}"]
        # The difference counts against how far the weights moved.
        moved = np.abs(right - start).max()
        rounding = 2e-7 * np.abs(right).max()
        assert np.abs(found - right).max() <= 1e-5 * moved + rounding


@pytest.mark.parametrize(
    "n", range(len(SCHEDULES)), ids=[str(s["class_name"]) for s in SCHEDULES]
)
def test_schedule_goes_by_the_step(
    n: int, expected: list[dict[str, np.ndarray]]
) -> None:
    config = SCHEDULES[n]
    made, first = schedule_text(
        parsed(o("SGD", learning_rate=config), "3.0").learning_rate
    )
    rates = [eval(made.text, {**vars(schedules), "step": step}) for step in AT]
    right = expected[len(ROWS) + n]["rates"]
    assert rates == pytest.approx(list(right), rel=1e-5, abs=1e-8)
    assert first == pytest.approx(rates[0], rel=1e-6)


@pytest.mark.parametrize(
    ("config", "version", "text"),
    [
        (o("SGD", learning_rate=0.1, momentum=0.9), "3.0", "torch.optim.SGD"),
        (o("SGD", learning_rate=FALL, momentum=0.9), "3.0", "KerasSGD"),
        (k2("RMSprop", lr=0.001, rho=0.9, decay=0.0), "2.2.4", "torch.optim.RMSprop"),
        (k2("RMSprop", learning_rate=0.001, use_ema=False), "2.11.0", "KerasRMSprop"),
        (k2("Adagrad", lr=0.01), "2.1.0", "initial_accumulator_value=0.0"),
        (k2("Nadam", lr=0.002, schedule_decay=0.004), "2.1.0", "momentum_decay=0.004"),
        (k2("Custom>Adam", learning_rate=0.001, use_ema=False), "2.12.0", "KerasAdam"),
        (k2("Adam", lr=0.0010000000474974513), "2.3.1", "lr=0.001, betas=(0.9, 0.999)"),
        ("adam", "3.0", "KerasAdam"),
    ],
)
def test_which_optimizer(config: Any, version: str, text: str) -> None:
    made = update_text(parsed(config, version), Version.parse(version))
    assert text in made.make.text


def test_standalone_keras_clipped_over_all_gradients() -> None:
    config = k2("Adam", lr=0.001, clipnorm=1.0)
    for version, function in (
        ("2.3.1", "clip_global_norm"),
        ("2.3.0-tf", "clip_norms"),
        ("2.4.0", "clip_norms"),
    ):
        made = update_text(parsed(config, version), Version.parse(version))
        assert [c.uses for c in made.clip] == [(function,)]


def test_scaled_loss_is_unwrapped() -> None:
    inner = k2("SGD", learning_rate=0.1)
    config = {"class_name": "LossScaleOptimizer", "config": {"inner_optimizer": inner}}
    assert parsed(config, "2.9.0").named.kind == "SGD"


@pytest.mark.parametrize(
    "config",
    [
        o("Adafactor", learning_rate=0.1),
        o("MyOptimizer", learning_rate=0.1),
        o("SGD", learning_rate=rate("Warmup", steps=3)),
        o("SGD", learning_rate={"__import__": "os"}),
        o("SGD", learning_rate=0.1, momentum="0.9; import os"),
        o("Adam", learning_rate=0.1, beta_1=[0.1, 0.2]),
        {**o("Adam", learning_rate=0.1), "module": "mine"},
    ],
)
def test_optimizer_without_a_rule(config: Any) -> None:
    with pytest.raises(NoRule):
        update_text(parsed(config, "3.0"), Version())


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("CosineDecayRestarts", {"first_decay_steps": 5, "t_mul": 0.5}),
        ("CosineDecayRestarts", {"first_decay_steps": 1e-9}),
        ("ExponentialDecay", {"decay_steps": 0, "decay_rate": 0.5}),
        ("ExponentialDecay", {"decay_steps": "5", "decay_rate": 0.5}),
        ("PiecewiseConstantDecay", {"boundaries": (1.0,), "values": (1.0,)}),
    ],
)
def test_schedule_that_keras_would_refuse(kind: str, options: Any) -> None:
    given = {"initial_learning_rate": 0.1, **options}
    if kind.startswith("Piecewise"):
        given = options
    with pytest.raises(NoRule):
        schedule_text(Named(kind, given))
