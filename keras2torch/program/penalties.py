"""What Keras' regularizers add to the loss, as torch expressions."""

from __future__ import annotations

from typing import Any

from keras2torch.layers.text import literal, short


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
    kind, given = _named(config)
    if kind in ("orthogonalregularizer", "orthogonal_regularizer"):
        return _orthogonal(given, value, order)
    sums = l1_and_l2(config)
    if sums is None:
        return None
    kinds = ("abs", "square")
    return [
        f"{literal(short(factor))} * {value}.{kind}().sum()"
        for factor, kind in zip(sums, kinds, strict=True)
        if factor
    ]


def l1_and_l2(config: Any) -> tuple[float, float] | None:
    """Return the factors of a regularizer, ``None`` for one of another kind."""
    kind, given = _named(config)
    if kind not in ("l1", "l2", "l1l2", "l1_l2"):
        return None
    usual = {"l1": (0.01, 0.0), "l2": (0.0, 0.01)}.get(kind, (0.0, 0.0))
    l1, l2 = (
        float(given.get(key, default) or 0.0)
        for key, default in zip(("l1", "l2"), usual, strict=True)
    )
    return l1, l2


def _named(config: Any) -> tuple[str, dict[str, Any]]:
    """Return the class of a regularizer in small letters, and its arguments."""
    if isinstance(config, str):
        config = {"class_name": config, "config": {}}
    kind = str(config.get("class_name", "")).lower()
    return kind, dict(config.get("config") or {})


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
    factor = literal(short(config.get("factor", 0.01)))
    return [f"{factor} * orthogonal_penalty({matrix})"]
