"""What a file says about training, as checked values.

Keras 1 and 2 write ``optimizer_config``, Keras 3 and the ``.keras`` files of Keras 2
``optimizer``; losses and metrics are names, serialized objects, or lists and
dictionaries of them by output. Nothing that a file names is looked up or run: a name
that no rule knows stays a name.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Option = bool | int | float | str | tuple[float, ...] | None


@dataclass(frozen=True)
class Named:
    """A loss, metric, schedule or optimizer by the name that the file gives it.

    Attributes
    ----------
    kind
        Class or function name: ``"mse"``, ``"BinaryCrossentropy"``, ``"my_loss"``.
    options
        Its arguments as far as they are plain values.
    own
        Whether the file says that it is the user's own, whatever its name.
    strange
        Names of arguments whose values are nothing plain.
    """

    kind: str
    options: Mapping[str, Option] = field(default_factory=dict)
    own: bool = False
    strange: tuple[str, ...] = ()


@dataclass(frozen=True)
class Optimizer:
    """An optimizer with its hyper-parameters.

    Attributes
    ----------
    named
        Class and hyper-parameters, the learning rate not among them.
    learning_rate
        A number, ``None`` where the file says none, or a schedule.
    legacy
        Whether it is of the family that Keras replaced in 2.11.
    """

    named: Named
    learning_rate: float | Named | None
    legacy: bool


@dataclass(frozen=True)
class CompileConfig:
    """The arguments of ``compile``, one entry an output.

    Attributes
    ----------
    optimizer
        ``None`` where the file names none.
    losses, loss_weights, metrics
        By output; a loss is ``None`` where an output has none.
    """

    optimizer: Optimizer | None
    losses: list[Named | None]
    loss_weights: list[float]
    metrics: list[list[Named]]
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Version:
    """The Keras that wrote a file.

    ``standalone`` is the package of keras-team before 2.4, where ``tf.keras`` already
    was another implementation (its versions end in ``-tf``).
    """

    number: tuple[int, int] = (3, 0)
    standalone: bool = False

    @staticmethod
    def parse(text: str | None) -> Version:
        """Read ``2.2.4-tf``, ``2.3.1``, ``3.9.2``; what is no version is taken as 3."""
        match = re.match(r"(\d{1,3})(?:\.(\d{1,3}))?", text or "")
        if match is None:
            return Version()
        number = int(match[1]), int(match[2] or 0)
        return Version(number, number < (2, 4) and "-tf" not in (text or ""))


# ---------------------------------------------------------------------------- values
def _plain(value: Any) -> tuple[bool, Option]:
    """Return whether a value is plain, and the value."""
    if value is None or isinstance(value, (bool, str)):
        return True, value
    if isinstance(value, (int, float)):
        # A JSON integer may have a million digits, and 1e999 is infinite.
        fits = abs(value) < 1e30 if isinstance(value, int) else math.isfinite(value)
        return fits, value
    if isinstance(value, list) and all(_is_number(v) for v in value):
        return True, tuple(value)
    return False, None


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return abs(value) < 1e30 and math.isfinite(value)


def _items(value: Any) -> Any:
    """Return the list that Keras 3 writes for a tuple, other values as they are."""
    if isinstance(value, dict) and value.get("class_name") == "__tuple__":
        return value.get("items") if isinstance(value.get("items"), list) else []
    return list(value) if isinstance(value, tuple) else value


_SERIALIZED = frozenset({"class_name", "config"})
# What Keras 2.11 and 2.12 registered their own optimizers under.
_CUSTOM = re.compile(r"^(Custom|keras|tf_keras|tensorflow)>", re.IGNORECASE)


def named(value: Any) -> Named | None:
    """Return what a string or a serialized object names; ``None`` for neither."""
    if isinstance(value, str):
        return Named(value)
    if not isinstance(value, dict) or not isinstance(value.get("class_name"), str):
        return None
    kind, config = value["class_name"], value.get("config")
    module = value.get("module")
    if kind == "function" or isinstance(config, str):
        # A function: Keras 3 writes its name where an object has its config.
        own = module == "builtins" and value.get("registered_name") != "function"
        return Named(config, own=own) if isinstance(config, str) else None
    own = isinstance(module, str) and not re.match(r"(tf_)?keras(\.|$)", module)
    registered = value.get("registered_name")
    own = own or (isinstance(registered, str) and registered.split(">")[-1] != kind)
    options: dict[str, Option] = {}
    strange = []
    for key, raw in (config if isinstance(config, dict) else {}).items():
        inner = _items(raw)
        if key == "fn" and (function := named(inner)) is not None:
            inner = function.kind
        fits, plain = _plain(inner)
        if fits:
            options[str(key)] = plain
        else:
            strange.append(str(key))
    return Named(_CUSTOM.sub("", kind), options, own, tuple(strange))


# --------------------------------------------------------------------------- outputs
def _is_object(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() >= _SERIALIZED


def _by_output(value: Any, outputs: Sequence[str], problems: list[str]) -> list[Any]:
    """Spread a loss, or what else is given by output, over the outputs."""
    value = _items(value)
    if value is None or isinstance(value, str) or _is_object(value):
        return [value] * len(outputs)
    if isinstance(value, dict):
        problems += [
            f"the compile config names an output {key!r} that the model has not"
            for key in value
            if key not in outputs
        ]
        return [value.get(name) for name in outputs]
    if isinstance(value, list) and len(value) == len(outputs):
        return [_items(v) for v in value]
    problems.append(f"the compile config holds {_short(value)} for {len(outputs)}")
    return [None] * len(outputs)


def _short(value: Any) -> str:
    if isinstance(value, list):
        return f"a list of {len(value)}"
    return f"a {type(value).__name__}"


def _losses(
    value: Any, outputs: Sequence[str], problems: list[str]
) -> list[Named | None]:
    found: list[Named | None] = []
    for raw in _by_output(value, outputs, problems):
        # One loss of an output may come in a list of its own.
        one = raw[0] if isinstance(raw, list) and len(raw) == 1 else raw
        made = named(one)
        if made is None and one is not None:
            made = Named(_short(one), own=True)
        found.append(made)
    return found


def _loss_weights(
    value: Any, outputs: Sequence[str], problems: list[str]
) -> list[float]:
    value = _items(value)
    if _is_number(value):
        return [float(value)] * len(outputs)
    found = []
    for raw in _by_output(value, outputs, problems):
        if raw is not None and not _is_number(raw):
            problems.append(f"a loss weight is {_short(raw)}, no number")
        found.append(float(raw) if _is_number(raw) else 1.0)
    return found


def _metrics(
    value: Any, outputs: Sequence[str], version: Version, problems: list[str]
) -> list[list[Named]]:
    value = _items(value)
    flat = isinstance(value, list) and not any(
        isinstance(_items(v), list) or (isinstance(v, dict) and not _is_object(v))
        for v in value
    )
    if value is None or value == []:
        spread: list[Any] = [None] * len(outputs)
    elif flat and (len(outputs) == 1 or version.number < (3, 0)):
        # Keras 1 and 2 give every output all of them, Keras 3 each output its own.
        spread = [value] * len(outputs)
    else:
        spread = _by_output(value, outputs, problems)
    found = []
    for raw in spread:
        listed = raw if isinstance(raw, list) else [raw]
        while len(listed) == 1 and isinstance(_items(listed[0]), list):
            listed = _items(listed[0])
        made: list[Named] = []
        for one in listed:
            if one is None:
                continue
            made.append(named(one) or Named(_short(one), own=True))
        found.append(made)
    return found


# ------------------------------------------------------------------------ the whole
_WRAPPERS = frozenset({"LossScaleOptimizer", "LossScaleOptimizerV3"})


def _optimizer(value: Any, version: Version) -> Optimizer | None:
    if isinstance(value, dict) and value.get("class_name") in _WRAPPERS:
        # float32 needs no loss scale: what is inside does the steps.
        config = value.get("config")
        inner = config.get("inner_optimizer") if isinstance(config, dict) else None
        return _optimizer(inner, version)
    made = named(value)
    if made is None or value is None:
        return None
    raw: Any = None
    config = value.get("config") if isinstance(value, dict) else None
    if isinstance(config, dict):
        raw = config.get("learning_rate", config.get("lr"))
    rate: float | Named | None = None
    if _is_number(raw):
        rate = float(raw)
    elif raw is not None:
        rate = named(raw) or Named(_short(raw), own=True)
    options = {
        k: v for k, v in made.options.items() if k not in ("learning_rate", "lr")
    }
    legacy = version.number < (2, 11)
    if options:
        legacy = "use_ema" not in options and version.number < (3, 0)
    strange = tuple(s for s in made.strange if s not in ("learning_rate", "lr"))
    clean = Named(made.kind, options, made.own, strange)
    return Optimizer(clean, rate, legacy)


def parse(text: str, version: Version, outputs: Sequence[str]) -> CompileConfig:
    """Parse a compile config.

    Parameters
    ----------
    text
        The JSON that stands in the file.
    version
        Of the Keras that wrote it.
    outputs
        Names of the model's outputs.

    Returns
    -------
    CompileConfig
        What is missing or no config at all is ``None`` in it, and named among its
        ``problems``.
    """
    problems: list[str] = []
    try:
        config = json.loads(text)
    except (ValueError, RecursionError):
        config = None
    if not isinstance(config, dict):
        problems.append("the compile config of the file is no JSON object")
        config = {}
    try:
        metrics = _metrics(config.get("metrics"), outputs, version, problems)
        weighted = _metrics(config.get("weighted_metrics"), outputs, version, problems)
        return CompileConfig(
            _optimizer(
                config.get("optimizer_config", config.get("optimizer")), version
            ),
            _losses(config.get("loss"), outputs, problems),
            _loss_weights(config.get("loss_weights"), outputs, problems),
            [m + w for m, w in zip(metrics, weighted, strict=True)],
            tuple(problems),
        )
    except RecursionError:
        problems.append("the compile config is nested too deeply")
        n = len(outputs)
        return CompileConfig(None, [None] * n, [1.0] * n, [[]] * n, tuple(problems))
