"""Python text of values and calls: every literal is the ``repr`` of a checked type."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

# Constructor defaults of torch.nn (torch 2.x documentation): what equals its default
# is left out of the generated source, as a person would.
TORCH_DEFAULTS: dict[str, dict[str, Any]] = {
    "nn.Linear": {"bias": True},
    "nn.Embedding": {"padding_idx": None},
    "nn.Dropout": {"p": 0.5, "inplace": False},
    "nn.LayerNorm": {"eps": 1e-5, "elementwise_affine": True, "bias": True},
    "nn.GroupNorm": {"eps": 1e-5, "affine": True},
    "nn.MultiheadAttention": {
        "dropout": 0.0,
        "bias": True,
        "add_bias_kv": False,
        "batch_first": False,
    },
}
for _norm in ("BatchRenorm", "BiasedBatchNorm", "MaskedBatchNorm"):
    TORCH_DEFAULTS[_norm] = {"eps": 1e-5, "momentum": 0.1, "affine": True}
TORCH_DEFAULTS["MelSpectrogram"] = {
    "win_length": None,
    "window": "hann",
    "max_freq": None,
    "power_to_db": True,
    "power": 2.0,
    "min_power": 1e-10,
    "ref_power": 1.0,
}
for _n in (1, 2, 3):
    TORCH_DEFAULTS[f"nn.Dropout{_n}d"] = {"p": 0.5}
    TORCH_DEFAULTS[f"nn.BatchNorm{_n}d"] = {
        "eps": 1e-5,
        "momentum": 0.1,
        "affine": True,
    }
    _conv = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1, "bias": True}
    TORCH_DEFAULTS[f"nn.Conv{_n}d"] = _conv
    TORCH_DEFAULTS[f"nn.ConvTranspose{_n}d"] = {**_conv, "output_padding": 0}
    TORCH_DEFAULTS[f"nn.MaxPool{_n}d"] = {"padding": 0, "ceil_mode": False}
    TORCH_DEFAULTS[f"nn.AvgPool{_n}d"] = {
        "padding": 0,
        "ceil_mode": False,
        "count_include_pad": True,
    }
for _n_name in ("RNN", "LSTM", "GRU"):
    TORCH_DEFAULTS[f"nn.{_n_name}"] = {
        "num_layers": 1,
        "nonlinearity": "tanh",
        "bias": True,
        "batch_first": False,
        "dropout": 0.0,
        "bidirectional": False,
    }
    TORCH_DEFAULTS[f"nn.{_n_name}Cell"] = {"nonlinearity": "tanh", "bias": True}


class Raw(str):
    """Text that stands in the source as it is: an expression, not a string."""


def literal(value: object) -> str:
    """Return the Python literal of a checked value.

    Parameters
    ----------
    value
        ``None``, bool, int, float, str, :class:`Raw`, or a tuple, list or dict of
        them; a numpy scalar is refused, so that no ``np.float64(…)`` gets written.

    Raises
    ------
    TypeError
        For any other type.
    """
    if isinstance(value, Raw):
        return str(value)
    if value is None or type(value) in (bool, int, str):
        return repr(value)
    if type(value) is float:
        if math.isfinite(value):
            # Nobody counts zeros: 1e9.
            return re.sub(r"^(-?[1-9])(0{6,})\.0$", _powered, repr(_plain(value)))
        return f'float("{value}")'
    if isinstance(value, tuple):
        inner = ", ".join(literal(v) for v in value)
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if isinstance(value, list):
        return "[" + ", ".join(literal(v) for v in value) + "]"
    if isinstance(value, dict):
        pairs = (f"{literal(k)}: {literal(v)}" for k, v in value.items())
        return "{" + ", ".join(pairs) + "}"
    raise TypeError(f"no literal for a {type(value).__name__}")


def _powered(found: re.Match[str]) -> str:
    return f"{found[1]}e{len(found[2])}"


def _plain(value: float) -> float:
    """Return 0.15 for the 0.15000000000000002 that arithmetic made of it."""
    found = float(f"{value:.15g}")
    return found if value % 1 and len(repr(found)) < len(repr(value)) - 3 else value


def single(value: float) -> float:
    """Return the shortest number that is the same one in float32.

    For what is not seen in inference: there float64 has to agree as well.

    Examples
    --------
    >>> single(0.15000000000000002), single(0.20000000298023224), single(2 / 15)
    (0.15, 0.2, 0.13333334)
    """
    return float(str(np.float32(value)))


def short(value: float) -> float:
    """Return the number that a person meant: float32 made something longer of it.

    Examples
    --------
    >>> short(0.20000000298023224), short(0.1), short(1 / 3)
    (0.2, 0.1, 0.3333333333333333)
    """
    value = float(value)
    if not abs(value) < 1e38 or float(np.float32(value)) != value:
        return value
    return float(str(np.float32(value)))


def unit_fraction(value: float) -> Raw | None:
    """Return ``1 / 6`` for what float32 made of it, ``None`` for other numbers.

    Examples
    --------
    >>> unit_fraction(0.1666666716337204), unit_fraction(0.125), unit_fraction(0.3)
    ('1 / 6', None, None)
    """
    if not 1e-3 <= abs(value) < 0.5 or len(repr(short(value))) < 9:
        return None
    whole = round(1 / value)
    same = np.float32(1 / whole) == np.float32(value)
    return Raw(f"{'-' if value < 0 else ''}1 / {abs(whole)}") if same else None


def call(function: str, *args: object, **kwargs: object) -> Raw:
    """Return the text of a call, arguments at torch's defaults left out.

    Examples
    --------
    >>> call("nn.Conv2d", 3, 8, kernel_size=3, stride=1, padding=1)
    'nn.Conv2d(3, 8, kernel_size=3, padding=1)'
    """
    defaults = TORCH_DEFAULTS.get(function, {})
    parts = [literal(a) for a in args]
    for key, value in kwargs.items():
        default = defaults.get(key, ...)
        if default == value and type(default) is type(value):
            continue
        parts.append(f"{key}={literal(value)}")
    return Raw(f"{function}({', '.join(parts)})")


def scalar_or_tuple(values: tuple[int, ...]) -> int | tuple[int, ...]:
    """Return ``3`` for ``(3, 3)``: torch takes either, a person writes the first."""
    return values[0] if len(set(values)) == 1 else values
