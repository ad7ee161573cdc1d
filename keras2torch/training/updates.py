"""Optimizer and schedule of a compile config → expressions of the script."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from keras2torch.training.compile_config import Named, Optimizer, Option, Version
from keras2torch.training.text import (
    NoRule,
    Piece,
    arguments,
    flag,
    number,
    numeric,
    shown,
)

Options = Mapping[str, Option]


@dataclass
class Update:
    """How the script changes the weights.

    Attributes
    ----------
    make
        The optimizer, made of ``parameters``.
    clip, decay
        Statements between ``backward`` and ``step``.
    schedule
        The learning rate as an expression of ``step``, where it changes.
    notes
        What is in the file and not in the script.
    """

    make: Piece
    clip: list[Piece] = field(default_factory=list)
    decay: Piece | None = None
    schedule: Piece | None = None
    notes: list[str] = field(default_factory=list)


# --------------------------------------------------------------------------- schedules
# Schedule → function, and the arguments that it takes.
_SCHEDULES: dict[str, tuple[str, tuple[str, ...]]] = {
    "ExponentialDecay": (
        "exponential_decay",
        ("initial_learning_rate", "decay_steps", "decay_rate", "staircase"),
    ),
    "InverseTimeDecay": (
        "inverse_time_decay",
        ("initial_learning_rate", "decay_steps", "decay_rate", "staircase"),
    ),
    "PiecewiseConstantDecay": ("piecewise_constant_decay", ("boundaries", "values")),
    "PolynomialDecay": (
        "polynomial_decay",
        (
            "initial_learning_rate",
            "decay_steps",
            "end_learning_rate",
            "power",
            "cycle",
        ),
    ),
    "CosineDecay": (
        "cosine_decay",
        (
            "initial_learning_rate",
            "decay_steps",
            "alpha",
            "warmup_target",
            "warmup_steps",
        ),
    ),
    "CosineDecayRestarts": (
        "cosine_decay_restarts",
        ("initial_learning_rate", "first_decay_steps", "t_mul", "m_mul", "alpha"),
    ),
}


def schedule_text(schedule: Named) -> tuple[Piece, float]:
    """Return the rate as an expression of ``step``, and the first rate.

    Raises
    ------
    NoRule
        If it is not one of Keras' own, or has values that Keras would refuse.
    """
    if schedule.own or schedule.kind not in _SCHEDULES:
        raise NoRule("it is not one of Keras' own schedules")
    function, known = _SCHEDULES[schedule.kind]
    for other in (*schedule.strange, *schedule.options):
        if other not in (*known, "name"):
            raise NoRule(f"argument {shown(other)} has no rule")
    options = {k: v for k, v in schedule.options.items() if k in known}
    if function == "piecewise_constant_decay":
        first = _piecewise(options)
    else:
        for name in known:
            if name in ("staircase", "cycle"):
                flag(options, name)
            elif name.endswith("learning_rate") or name == known[1]:
                numeric(options, name, 0.0)
            else:
                numeric(options, name, 1.0)
        # Below one step a period is an endless loop, with t_mul below 1 as well.
        if numeric(options, known[1], 0.0) < 1 or numeric(options, "t_mul", 2.0) < 1:
            raise NoRule("a period shorter than a step has no rule")
        if numeric(options, "warmup_steps", 0) < 0:
            raise NoRule("a negative warm-up has no rule")
        first = numeric(options, "initial_learning_rate", 0.0)
        if options.get("initial_learning_rate") is None:
            raise NoRule("it does not say the rate that it begins with")
    if options.get("warmup_target") is None:
        options.pop("warmup_target", None)
        options.pop("warmup_steps", None)
    ordered = {k: options[k] for k in known if k in options}
    return Piece(f"{function}(step, {arguments(**ordered)})", (function,)), first


def _piecewise(options: Options) -> float:
    boundaries, values = options.get("boundaries"), options.get("values")
    if not isinstance(boundaries, tuple) or not isinstance(values, tuple):
        raise NoRule("boundaries and values are no lists of numbers")
    if len(boundaries) != len(values) - 1:
        raise NoRule("there has to be one value more than boundaries")
    return values[0]


# -------------------------------------------------------------------------- optimizers
@dataclass(frozen=True)
class _Given:
    """What the rule of an optimizer may ask for."""

    options: Options
    lr: float
    legacy: bool
    version: Version
    changes: bool

    def number(self, name: str, default: float) -> float:
        return float(numeric(self.options, name, default))

    def flag(self, name: str) -> bool | None:
        return flag(self.options, name) or None

    def betas(self, beta_2: float = 0.999) -> tuple[float, float]:
        return self.number("beta_1", 0.9), self.number("beta_2", beta_2)

    @property
    def epsilon(self) -> float:
        # null meant backend.epsilon() in Keras 2.
        return self.number("epsilon", 1e-7)

    def torch(self, name: str, **options: Option) -> Piece:
        given = arguments(lr=float(self.lr), **options)
        return Piece(f"torch.optim.{name}(parameters, {given})")

    def own(self, name: str, **options: Option) -> Piece:
        given = arguments(lr=float(self.lr), **options)
        return Piece(f"{name}(parameters, {given})", (name,))


def _sgd(given: _Given) -> Piece:
    momentum = given.number("momentum", 0.0)
    nesterov = given.flag("nesterov")
    if momentum == 0:
        return given.torch("SGD")
    if given.changes:
        return given.own("KerasSGD", momentum=momentum, nesterov=nesterov)
    return given.torch("SGD", momentum=momentum, nesterov=nesterov)


def _adam(given: _Given) -> Piece:
    amsgrad = given.flag("amsgrad")
    return given.own(
        "KerasAdam", betas=given.betas(), eps=given.epsilon, amsgrad=amsgrad
    )


def _rmsprop(given: _Given) -> Piece:
    rho, eps = given.number("rho", 0.9), given.epsilon
    momentum = given.number("momentum", 0.0)
    centered = given.flag("centered")
    if given.legacy and momentum == 0:
        # Until 2.11 epsilon was added to the root (tf_keras/src/optimizers/legacy).
        return given.torch("RMSprop", alpha=rho, eps=eps, centered=centered)
    return given.own(
        "KerasRMSprop", rho=rho, momentum=momentum or None, eps=eps, centered=centered
    )


def _adagrad(given: _Given) -> Piece:
    eps = given.epsilon
    default = 0.0 if given.version.standalone else 0.1
    start = given.number("initial_accumulator_value", default)
    # Under the root or outside makes no difference that float32 could hold here.
    if given.legacy or eps <= 1e-5 * start:
        return given.torch("Adagrad", initial_accumulator_value=start, eps=eps)
    return given.own("KerasAdagrad", initial_accumulator_value=start, eps=eps)


def _adadelta(given: _Given) -> Piece:
    return given.torch("Adadelta", rho=given.number("rho", 0.95), eps=given.epsilon)


def _adamax(given: _Given) -> Piece:
    return given.torch("Adamax", betas=given.betas(), eps=given.epsilon)


def _nadam(given: _Given) -> Piece:
    # 0.96^t in Keras since 2.11; before, 0.96^(0.004 t), and decay was its argument.
    decay = 1.0
    if given.legacy:
        decay = given.number("schedule_decay", given.number("decay", 0.004))
    return given.torch(
        "NAdam", betas=given.betas(), eps=given.epsilon, momentum_decay=decay
    )


def _ftrl(given: _Given) -> Piece:
    found: dict[str, Option] = {}
    for name, keras, default in (
        ("learning_rate_power", "learning_rate_power", -0.5),
        ("initial_accumulator_value", "initial_accumulator_value", 0.1),
        ("l1", "l1_regularization_strength", 0.0),
        ("l2", "l2_regularization_strength", 0.0),
        ("l2_shrinkage", "l2_shrinkage_regularization_strength", 0.0),
        ("beta", "beta", 0.0),
    ):
        value = given.number(keras, default)
        found[name] = None if value == default else value
    return given.own("Ftrl", **found)


def _lion(given: _Given) -> Piece:
    return given.own("Lion", betas=given.betas(0.99))


def _lamb(given: _Given) -> Piece:
    return given.own("Lamb", betas=given.betas(), eps=given.epsilon)


_ADAM = ("beta_1", "beta_2", "epsilon")
# Class → rule, the arguments that it reads, and Keras 3's default rate.
_OPTIMIZERS: dict[str, tuple[Callable[[_Given], Piece], tuple[str, ...], float]] = {
    "sgd": (_sgd, ("momentum", "nesterov"), 0.01),
    "adam": (_adam, (*_ADAM, "amsgrad"), 0.001),
    "adamw": (_adam, (*_ADAM, "amsgrad"), 0.001),
    "rmsprop": (_rmsprop, ("rho", "momentum", "epsilon", "centered"), 0.001),
    "adagrad": (_adagrad, ("initial_accumulator_value", "epsilon"), 0.001),
    "adadelta": (_adadelta, ("rho", "epsilon"), 0.001),
    "adamax": (_adamax, _ADAM, 0.001),
    "nadam": (_nadam, (*_ADAM, "schedule_decay"), 0.001),
    "ftrl": (
        _ftrl,
        (
            "learning_rate_power",
            "initial_accumulator_value",
            "l1_regularization_strength",
            "l2_regularization_strength",
            "l2_shrinkage_regularization_strength",
            "beta",
        ),
        0.001,
    ),
    "lion": (_lion, ("beta_1", "beta_2"), 0.001),
    "lamb": (_lamb, _ADAM, 0.001),
}
_COMMON = frozenset(
    "name decay weight_decay clipnorm clipvalue global_clipnorm use_ema ema_momentum "
    "ema_overwrite_frequency loss_scale_factor jit_compile is_legacy_optimizer".split()
)


def update_text(optimizer: Optimizer, version: Version) -> Update:
    """Return how the script changes the weights.

    Raises
    ------
    NoRule
        If the optimizer or its schedule is not one of Keras' own.
    """
    named = optimizer.named
    known = _OPTIMIZERS.get(named.kind.lower())
    if named.own or known is None:
        raise NoRule("it is not one of Keras' own optimizers that have a rule")
    rule, reads, default = known
    options = named.options
    notes = []
    rate = default
    schedule: Piece | None = None
    if isinstance(optimizer.learning_rate, Named):
        schedule, rate = schedule_text(optimizer.learning_rate)
    elif optimizer.learning_rate is not None:
        rate = optimizer.learning_rate
    elif version.standalone:  # a name alone stands for Keras' defaults, now the same
        notes.append(f"the file does not say a learning rate: {default}, as in Keras 3")
    decay = numeric(options, "decay", 0.0) if optimizer.legacy else 0.0
    if decay and rule is not _nadam:
        base = schedule or Piece(number(rate))
        text = f"{base.text} / (1.0 + {number(decay)} * step)"
        schedule = Piece(text, base.uses)
    legacy = optimizer.legacy
    given = _Given(options, rate, legacy, version, schedule is not None)
    made = Update(rule(given), schedule=schedule)
    made.clip = _clips(options, legacy, version)
    default = 0.004 if named.kind.lower() == "adamw" else 0.0
    amount = numeric(options, "weight_decay", default)
    if amount:
        current = "learning_rate(step)" if schedule is not None else number(rate)
        text = f"decay_weights(parameters, {current} * {number(amount)})"
        made.decay = Piece(text, ("decay_weights",))
    made.notes = notes + _left_out(named, reads)
    return made


def _clips(options: Options, legacy: bool, version: Version) -> list[Piece]:
    alone = numeric(options, "clipnorm", 0.0)
    together = numeric(options, "global_clipnorm", 0.0)
    value = numeric(options, "clipvalue", 0.0)
    if version.standalone:
        # Keras of keras-team took clipnorm over all gradients.
        alone, together = 0.0, alone or together
    found = []
    if alone > 0:
        found.append(_clip("clip_norms", alone))
    if together > 0:
        found.append(_clip("clip_global_norm", together))
    if value > 0:
        text = f"torch.nn.utils.clip_grad_value_(parameters, {number(float(value))})"
        found.append(Piece(text))
    return found if legacy else found[:1]


def _clip(function: str, limit: float) -> Piece:
    return Piece(f"{function}(parameters, {number(float(limit))})", (function,))


def _left_out(named: Named, reads: tuple[str, ...]) -> list[str]:
    notes = []
    if named.options.get("use_ema"):
        notes.append("use_ema: the moving average of the weights is not kept")
    steps = named.options.get("gradient_accumulation_steps")
    if steps not in (None, False):
        notes.append(
            f"gradient_accumulation_steps={shown(steps)}: each batch is a step"
        )
    known = {*reads, *_COMMON, "gradient_accumulation_steps"}
    for name, value in named.options.items():
        if name not in known and value not in (None, False):
            notes.append(f"the argument {shown(name)} of the optimizer has no rule")
    notes += [
        f"the argument {shown(s)} of the optimizer has no rule" for s in named.strange
    ]
    return notes
