"""What Keras' regularizers add to the loss, as torch expressions."""

from __future__ import annotations

from typing import Any

from keras2torch.layers.text import literal


def penalty_terms(
    config: Any, value: str, order: tuple[int, ...] | None = None
) -> list[str] | None:
    """Return the terms that Keras' regularizer adds for one weight.

    λ·Σ|w| and λ·Σw²: twice what torch's ``weight_decay=λ`` would be for the second.

    Parameters
    ----------
    config
        Of the regularizer.
    value
        The parameter.
    order
        The Keras axis at each of its axes, if it is a transpose of the weight.

    Returns
    -------
    list of str or None
        ``None`` for a regularizer that has no rule.
    """
    if isinstance(config, str):
        config = {"class_name": config, "config": {}}
    kind = str(config.get("class_name", "")).lower()
    found = dict(config.get("config") or {})
    if kind in ("orthogonalregularizer", "orthogonal_regularizer"):
        return _orthogonal(found, value, order)
    if kind not in ("l1", "l2", "l1l2", "l1_l2"):
        return None
    default = 0.01 if kind in ("l1", "l2") else 0.0
    terms = []
    if l1 := float(found.get("l1", default if kind == "l1" else 0.0) or 0.0):
        terms.append(f"{_tidy(l1)} * {value}.abs().sum()")
    if l2 := float(found.get("l2", default if kind == "l2" else 0.0) or 0.0):
        terms.append(f"{_tidy(l2)} * {value}.square().sum()")
    return terms


def _orthogonal(
    config: dict[str, Any], value: str, order: tuple[int, ...] | None
) -> list[str] | None:
    """Return the term of an OrthogonalRegularizer, over Keras' rows or columns."""
    mode = config.get("mode", "rows")
    if order not in ((0, 1), (1, 0)) or mode not in ("rows", "columns"):
        return None
    # Keras' rows are the second axis of what was transposed.
    flipped = (order == (1, 0)) != (mode == "columns")
    matrix = f"{value}.mT" if flipped else value
    return [f"{_tidy(config.get('factor', 0.01))} * orthogonal_penalty({matrix})"]


def _tidy(value: float) -> str:
    """Write 0.01 for the 0.009999999776482582 that float32 made of it."""
    short = float(f"{value:.7g}")
    return literal(short if abs(short - value) <= 1e-7 * abs(value) else value)
