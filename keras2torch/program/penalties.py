"""What Keras' regularizers add to the loss, as torch expressions."""

from __future__ import annotations

from typing import Any

from keras2torch.layers.text import literal


def penalty_terms(config: Any, value: str) -> list[str] | None:
    """Return the terms that Keras' L1 / L2 regularizer adds for one weight.

    λ·Σ|w| and λ·Σw²: twice what torch's ``weight_decay=λ`` would be for the second.
    """
    if isinstance(config, str):
        config = {"class_name": config, "config": {}}
    kind = str(config.get("class_name", "")).lower()
    found = dict(config.get("config") or {})
    if kind not in ("l1", "l2", "l1l2", "l1_l2"):
        return None
    default = 0.01 if kind in ("l1", "l2") else 0.0
    terms = []
    if l1 := float(found.get("l1", default if kind == "l1" else 0.0) or 0.0):
        terms.append(f"{_tidy(l1)} * {value}.abs().sum()")
    if l2 := float(found.get("l2", default if kind == "l2" else 0.0) or 0.0):
        terms.append(f"{_tidy(l2)} * {value}.square().sum()")
    return terms


def _tidy(value: float) -> str:
    """Write 0.01 for the 0.009999999776482582 that float32 made of it."""
    short = float(f"{value:.7g}")
    return literal(short if abs(short - value) <= 1e-7 * abs(value) else value)
