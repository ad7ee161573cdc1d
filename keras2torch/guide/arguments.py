"""What the arguments of a call say: strings that are names, settings that matter."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from keras2torch.guide import advice, equals, shim
from keras2torch.guide.names import canonical
from keras2torch.guide.values import Found
from keras2torch.spelling import snake_case

# The order in which arguments without a name are given.
_POSITIONS = {
    "Dense": "units activation",
    "Conv": "filters kernel_size strides padding",
    "MaxPooling": "pool_size strides padding",
    "AveragePooling": "pool_size strides padding",
    "compile": "optimizer loss metrics",
    "fit": "x y batch_size epochs verbose callbacks validation_split validation_data",
    "Activation": "activation",
    "set_global_policy": "policy",
    "LSTM": "units activation",
    "GRU": "units activation",
}
_GROUPS = {
    "loss": "losses",
    "optimizer": "optimizers",
    "metrics": "metrics",
    "weighted_metrics": "metrics",
    "activation": "activations",
    "recurrent_activation": "activations",
    "init": "initializers",
}
_ENDINGS = {
    "_initializer": "initializers",
    "_regularizer": "regularizers",
    "_constraint": "constraints",
}
# torch pads so without a stride alone.
_SAME, _STRIDED = "Conv(padding=same)", "Conv(padding=same, strides)"
# What Keras 1 called them.
_RENAMED = {
    "border_mode": "padding",
    "subsample": "strides",
    "nb_filter": "filters",
    "W_regularizer": "kernel_regularizer",
    "b_regularizer": "bias_regularizer",
    "W_constraint": "kernel_constraint",
    "dim_ordering": "data_format",
    "nb_epoch": "epochs",
    "p": "rate",
}
# Data: of interest where there are several.
_PLAIN = ("x", "y", "inputs", "outputs", "loss")
_NEVER = "verbose name metrics optimizer weighted_metrics kernel_size".split()
# Of interest where it is more than a number: a schedule.
_NUMBERS = ("learning_rate", "lr")
# What says nothing: the argument might as well not be there.
_DULL = "None False valid linear float32 channels_last auto tanh".split()


def of_call(
    name: str, homes: tuple[str, ...], node: ast.Call, *, sure: bool = True
) -> Iterator[Found]:
    """Yield what the arguments of a call of a canonical name say."""
    last = name.rpartition(".")[2]
    keys = _keys(name, last, homes)
    given: dict[str, ast.expr] = {}
    named = {k.arg: k.value for k in node.keywords if k.arg}
    # The sizes of a kernel were arguments of their own in Keras 1.
    positions = _POSITIONS if named.keys().isdisjoint(_RENAMED) else {}
    for prefix in (last, last.rstrip("123D").removesuffix("Transpose")):
        if prefix in positions:
            given = dict(zip(positions[prefix].split(), node.args, strict=False))
            break
    given |= named
    for argument, value in given.items():
        strings = list(_strings(argument, value)) if _has_names(name, argument) else []
        today = _RENAMED.get(argument, argument)
        key, like = _taught(keys, today, value), _listed(keys, today, value)
        for text, place in strings:
            yield Found(
                place.lineno,
                place.col_offset,
                text,
                f'{argument}="{place.value!s}"',
                "string",
                key or f"{keys[0]}({argument})",
                of=name,
            )
        if like == _SAME and not _is_one(given.get("strides", given.get("subsample"))):
            like = _STRIDED
        refused = sure and shim.takes(name, argument) is False
        if strings or not (key or like or refused):
            continue
        told = f"{last}({(like or key or '').partition('(')[2] or f'{argument})'}"
        written = f"{argument}={_short(value)}"
        at = (value.lineno, value.col_offset)
        yield Found(
            *at, told, written, "argument", key or like or told, True, name, like
        )


def _keys(name: str, last: str, homes: tuple[str, ...]) -> list[str]:
    """Return before which brackets an argument of this call may be listed."""
    found = [last]
    group = name.partition(".")[0]
    if group == "layers":
        if "Conv" in last and not {"LSTM", "Transpose"} & {last[4:8], last[6:]}:
            found.append("Conv")
        if "Pooling" in last:
            found.append(last.rstrip("123D"))
        if last in ("LSTM", "GRU", "SimpleRNN", "RNN", "Bidirectional"):
            found.append("RNN")
    return [*found, *(h for h in homes if h != last), group]


def _spelled(keys: list[str], argument: str, value: ast.expr) -> Iterator[str]:
    """Yield under which keys an argument may be listed, with its value or without."""
    if argument in _PLAIN and not isinstance(value, (ast.Dict, ast.List)):
        return
    if argument in _NEVER or (argument in _NUMBERS and _is_number(value)):
        return
    constant = str(value.value) if isinstance(value, ast.Constant) else ""
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        # Keras takes "Same" for "same".
        constant = constant.lower()
    for key in keys:
        yield f"{key}({argument}={constant})"
        if constant not in _DULL:
            yield f"{key}({argument})"


def _is_number(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and isinstance(value.value, (int, float))


def _listed(keys: list[str], argument: str, value: ast.expr) -> str | None:
    return next(filter(equals.is_listed, _spelled(keys, argument, value)), None)


def _taught(keys: list[str], argument: str, value: ast.expr) -> str | None:
    taught = advice.taught()
    return next((s for s in _spelled(keys, argument, value) if s in taught), None)


def _is_one(value: ast.expr | None) -> bool:
    if isinstance(value, (ast.Tuple, ast.List)):
        return all(map(_is_one, value.elts))
    return value is None or (isinstance(value, ast.Constant) and value.value == 1)


def _has_names(name: str, argument: str) -> bool:
    if argument in ("loss", "optimizer", "metrics", "weighted_metrics"):
        return name.rpartition(".")[2] == "compile"
    return True


def _strings(argument: str, value: ast.expr) -> Iterator[tuple[str, ast.Constant]]:
    """Yield the canonical names that an argument gives in quotes."""
    group = _GROUPS.get(argument)
    group = group or next(
        (g for ending, g in _ENDINGS.items() if argument.endswith(ending)), None
    )
    if group is None:
        return
    for node in _constants(value):
        if isinstance(node.value, str):
            yield resolved(group, node.value), node


def _constants(value: ast.expr) -> Iterator[ast.Constant]:
    if isinstance(value, ast.Constant):
        yield value
    elif isinstance(value, (ast.List, ast.Tuple)):
        for item in value.elts:
            yield from _constants(item)
    elif isinstance(value, ast.Dict):
        for item in value.values:
            yield from _constants(item)


def resolved(group: str, text: str) -> str:
    """Return the canonical name that Keras finds for a string.

    Examples
    --------
    >>> resolved("losses", "mse")
    'losses.MeanSquaredError'
    >>> resolved("optimizers", "adam")
    'optimizers.Adam'
    """
    name = canonical(f"keras.{group}.{text}")
    last = name.rpartition(".")[2]
    for listed in equals.group(group):
        if last in (listed, snake_case(listed)) or last.lower() == listed.lower():
            return f"{group}.{listed}"
    return name


def _short(value: ast.expr) -> str:
    text = ast.unparse(value)
    return text if len(text) <= 30 else "…"
