"""What the arguments of constructors mean, and what they are called."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from keras2torch.program.library import signature

# The leading arguments of torch.nn (torch 2.x documentation).
_TORCH: dict[str, tuple[str, ...]] = {
    "Linear": ("in_features", "out_features"),
    "Embedding": ("num_embeddings", "embedding_dim"),
    "LayerNorm": ("normalized_shape",),
    "RMSNorm": ("normalized_shape",),
    "GroupNorm": ("num_groups", "num_channels"),
    "MultiheadAttention": ("embed_dim", "num_heads"),
    "PReLU": ("num_parameters",),
    "LeakyReLU": ("negative_slope",),
    "ELU": ("alpha",),
    "Flatten": ("start_dim",),
    "range": ("depth",),
    "torch.arange": ("length",),
    # What the user's own gamma and beta are.
    "torch.empty of one axis": ("num_features",),
    "torch.empty of a matrix": ("in_features", "out_features"),
    "Softmax": ("dim",),
}
for _name in ("LSTM", "GRU", "RNN"):
    _TORCH[_name] = ("input_size", "hidden_size")
for _n in ("", "1d", "2d", "3d"):
    _conv = ("in_channels", "out_channels", "kernel_size", "stride", "padding")
    _TORCH[f"Conv{_n}"] = _TORCH[f"ConvTranspose{_n}"] = _conv
    _TORCH[f"BatchNorm{_n}"] = _TORCH[f"InstanceNorm{_n}"] = ("num_features",)
    _TORCH[f"Dropout{_n}"] = ("dropout",)
    _TORCH[f"MaxPool{_n}"] = _TORCH[f"AvgPool{_n}"] = ("kernel_size", "stride")
_CLEARER = {"p": "dropout"}


class Meanings:
    """Knows what a positional argument is called, in torch and in this file."""

    def __init__(self) -> None:
        self._classes: dict[str, list[str]] = {}
        self._defaults: dict[str, dict[str, str]] = {}

    def add(self, name: str, parameters: Mapping[str, str]) -> None:
        """Say what the arguments of a class of this file are called.

        ``parameters``: name → type and default, as ``__init__`` has them.
        """
        self._classes[name] = list(parameters)
        parts = {n: text.rpartition(" = ") for n, text in parameters.items()}
        self._defaults[name] = {n: text for n, (_, has, text) in parts.items() if has}

    def defaults(self, function: str) -> dict[str, str]:
        """Return what need not be told to a class of this file."""
        return self._defaults.get(function, {})

    def usual(self) -> dict[str, str]:
        """Return argument → default, of all classes of this file."""
        found: dict[str, str] = {}
        for defaults in self._defaults.values():
            found |= defaults
        return found

    def of(self, function: str, position: int) -> str:
        """Return the name of an argument, ``""`` if nobody knows it."""
        known: Sequence[str] = self._classes.get(function, ())
        known = known or _TORCH.get(function.removeprefix("nn."), ())
        known = known or signature(function)
        return self.named(known[position]) if position < len(known) else ""

    def named(self, keyword: str) -> str:
        """Return what a person calls the value of a keyword."""
        return _CLEARER.get(keyword, keyword)


def annotation(values: Sequence[str]) -> str:
    """Return the type of an argument that has these values, as text."""
    if is_class(values[0]):
        return "type[nn.Module]"
    kinds = dict.fromkeys(_kind(ast.literal_eval(value)) for value in values)
    if {"int", "float"} <= set(kinds):
        del kinds["int"]
    return " | ".join(sorted(kinds, key="None".__eq__))


def is_class(value: str) -> bool:
    """Whether the value of an argument is a module's class."""
    return value.startswith("nn.")


def _kind(value: object) -> str:
    if isinstance(value, tuple):
        return f"tuple[{', '.join(_kind(v) for v in value)}]"
    if isinstance(value, list):
        inner = dict.fromkeys(_kind(v) for v in value)
        return f"list[{' | '.join(inner)}]"
    return "None" if value is None else type(value).__name__
