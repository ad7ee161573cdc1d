"""Keras' learning-rate schedules: the rate of a step, the first step being 0.

Code that ``train.py`` receives as text, cut out by name. Source:
``keras/src/optimizers/schedules/learning_rate_schedule.py`` (3.15).
"""

import math


def exponential_decay(
    step: int,
    initial_learning_rate: float,
    decay_steps: float,
    decay_rate: float,
    staircase: bool = False,
) -> float:
    """Multiply by ``decay_rate`` every ``decay_steps`` steps."""
    p = step // decay_steps if staircase else step / decay_steps
    return initial_learning_rate * math.pow(decay_rate, p)


def inverse_time_decay(
    step: int,
    initial_learning_rate: float,
    decay_steps: float,
    decay_rate: float,
    staircase: bool = False,
) -> float:
    """Divide by 1, 1 + rate, 1 + 2 rate … every ``decay_steps`` steps."""
    p = step // decay_steps if staircase else step / decay_steps
    return initial_learning_rate / (1.0 + decay_rate * p)


def piecewise_constant_decay(
    step: int, boundaries: list[float], values: list[float]
) -> float:
    """Step through the values; a boundary still has the value before it."""
    return values[sum(step > b for b in boundaries)]


def polynomial_decay(
    step: int,
    initial_learning_rate: float,
    decay_steps: float,
    end_learning_rate: float = 0.0001,
    power: float = 1.0,
    cycle: bool = False,
) -> float:
    """Fall to ``end_learning_rate`` along a power, once or again and again."""
    length = (
        decay_steps * max(1, math.ceil(step / decay_steps)) if cycle else decay_steps
    )
    p = min(step, length) / length
    fall = initial_learning_rate - end_learning_rate
    return fall * math.pow(1.0 - p, power) + end_learning_rate


def cosine_decay(
    step: int,
    initial_learning_rate: float,
    decay_steps: float,
    alpha: float = 0.0,
    warmup_target: float | None = None,
    warmup_steps: int = 0,
) -> float:
    """Fall along half a cosine, after a warm-up along a line."""
    top = initial_learning_rate
    if warmup_target is not None:
        if step < warmup_steps:
            return top + (warmup_target - top) * step / warmup_steps
        step, top = step - warmup_steps, warmup_target
    cosine = 0.5 * (1.0 + math.cos(math.pi * min(step / decay_steps, 1.0)))
    return top * ((1.0 - alpha) * cosine + alpha)


def cosine_decay_restarts(
    step: int,
    initial_learning_rate: float,
    first_decay_steps: float,
    t_mul: float = 2.0,
    m_mul: float = 1.0,
    alpha: float = 0.0,
) -> float:
    """Fall along half a cosine again and again, each ``t_mul`` longer."""
    since, length, height = float(step), first_decay_steps, 1.0
    while since >= length:
        since, length, height = since - length, length * t_mul, height * m_mul
    cosine = 0.5 * height * (1.0 + math.cos(math.pi * since / length))
    return initial_learning_rate * ((1.0 - alpha) * cosine + alpha)
