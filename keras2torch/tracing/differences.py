"""What layers of the user do otherwise in training: compared, and told in sentences.

A script beside ``worker.py``: self-contained, and for the same Pythons. A model is
traced a second time as it trains. Two bodies of a layer that compute the same have the
same operators, whatever they are called; layers that stay whole know themselves what
they do in training.
"""

# ruff: noqa: UP031

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

# The worker gives every script what finds another.
beside: Callable[[str], Any] = globals()["beside"]
holding = beside("holding")

# What TensorFlow writes beside the meaning of an operator.
_SAID = {"_output_shapes", "_class", "container", "shared_name", "token", "_XlaScope"}
_LOST = "which the module does not do"
# What makes a layer of Keras another one in training.
_RATES = ("rate", "dropout", "recurrent_dropout", "stddev")


def told(tracer: Any, again: Any) -> list[list[str]]:
    """Return pairs of a layer's path and what is not carried over of it.

    Parameters
    ----------
    tracer, again
        The model traced as it computes, and as it trains.
    """
    found = [[path, note] for path, note in _of_bodies(tracer, again)]
    found += [[path, note] for path, note in _of_calls(again)]
    return found + losses(tracer)


def losses(tracer: Any) -> list[list[str]]:
    """Return which layers add losses or branch, and which train in their own way."""
    found = [
        [path, "it adds a loss of its own (add_loss), which the module does not return"]
        for path in sorted(tracer.adding)
    ]
    found += [
        [
            path,
            "both sides of its branch are computed, one is chosen: where the other "
            "divides by 0 or takes a logarithm of it, a gradient may be NaN",
        ]
        for path in sorted(tracer.choosing)
    ]
    for path, layer in [("", tracer.loaded.model), *tracer.loaded.layers()]:
        own = [n for n in ("train_step", "compute_loss") if has_own(layer, n)]
        if own and (path or layer is tracer.loaded.model):
            found.append([path, "its own %s is not carried over" % " and ".join(own)])
    unique = []
    for pair in found:
        if pair not in unique:
            unique.append(pair)
    return unique


def has_own(layer: Any, name: str) -> bool:
    """Whether a class of the user defines a method."""
    for cls in type(layer).__mro__:
        if name in vars(cls):
            return not holding.is_keras_class(cls) and cls.__module__ != "builtins"
    return False


def _of_bodies(tracer: Any, again: Any) -> Iterator[tuple[str, str]]:
    first, second = _by_path(tracer), _by_path(again)
    for path in dict.fromkeys([*first, *second]):
        bodies, others = first.get(path, []), second.get(path, [])
        kind = type((bodies or others)[0].layer).__name__
        if not others:
            yield path, f"it ({kind}) is not called in training"
            continue
        updated = sorted({n for body in others for n in _updated(again, body)})
        if updated:
            some = "is" if len(updated) == 1 else "are"
            names = ", ".join(updated)
            yield path, f"its {names} {some} updated in training, {_LOST}"
        one = [_said(tracer, body) for body in bodies]
        other = [_said(again, body) for body in others]
        if not bodies:
            yield path, f"it ({kind}) is called in training alone, {_LOST}"
        elif one != other:
            draws = [sum(text.count("draw:") for text in t) for t in (one, other)]
            if draws[1] > draws[0]:
                yield path, f"it ({kind}) draws random numbers in training, {_LOST}"
            else:
                yield path, f"it ({kind}) computes something else in training, {_LOST}"


def _by_path(tracer: Any) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for body in tracer.bodies:
        found.setdefault(body.path, []).append(body)
    return found


def _of_calls(again: Any) -> Iterator[tuple[str, str]]:
    """Layers that a user's class calls as if it did not train."""
    seen = set()
    for body in again.bodies:
        for call in body.calls:
            layer = again.by_path.get(call.get("layer"))
            if layer is None or call["body"] is not None or call["layer"] in seen:
                continue
            if call["kwargs"].get("training") is not False or not _changes(layer):
                continue
            seen.add(call["layer"])
            kind = type(layer).__name__
            yield (
                call["layer"],
                f"it ({kind}) is called with training=False in training too: keep it "
                "in eval()",
            )


def _changes(layer: Any) -> bool:
    name = type(layer).__name__
    if "BatchNormalization" in name:
        return bool(layer.trainable)
    values = [getattr(layer, rate, 0) for rate in (*_RATES, "_dropout")]
    return name.startswith("Random") or any(
        isinstance(v, (int, float)) and v > 0 for v in values
    )


def _updated(tracer: Any, body: Any) -> set[str]:
    """Return the names of the variables that a body assigns to."""
    inside = {id(inner): outer for outer, inner in body.graph.captures}
    handles = {
        id(getattr(variable, "handle", None)): key
        for key, variable in _variables(tracer)
    }
    found = set()
    for op in body.graph.get_operations():
        if not op.type.startswith(("Assign", "ResourceScatter")) or not op.inputs:
            continue
        handle = op.inputs[0]
        key = handles.get(id(inside.get(id(handle), handle)))
        if key is not None:
            name = str(tracer.loaded.short_name(dict(tracer.keys.values())[key]))
            # Keras counts on with it whenever it draws.
            if not name.startswith("seed_generator"):
                found.add(name)
    return found


def _variables(tracer: Any) -> Iterator[tuple[str, Any]]:
    for key, variable in tracer.keys.values():
        yield key, tracer.worker.tf_variable(variable)


def _said(tracer: Any, body: Any) -> str:
    """Return what a body computes as text that names no operator of its graph."""
    numbers: dict[int, int] = {}
    lines: list[str] = []
    inputs = {t.op.name: "input:%d" % k for k, t in enumerate(body.inputs)}
    inputs.update({m.op.name: "mask:%d" % k for k, m in body.masks.items()})
    inputs.update({t.op.name: "weight:" + k for k, t in body.variables.items()})
    order: list[Any] = []
    waiting = [(t.op, False) for t in reversed(body.outputs)]
    seen = set()
    while waiting:
        op, done = waiting.pop()
        if done:
            order.append(op)
        elif id(op) not in seen:
            seen.add(id(op))
            waiting.append((op, True))
            waiting += [(t.op, False) for t in reversed(list(op.inputs))]
    for op in order:
        if op.name in inputs:
            what = inputs[op.name]
        elif op.type == "EagerPyFunc":
            what = _called(body.calls[body.tokens[op.get_attr("token").decode()]])
        else:
            attributes = {
                k: str(op.get_attr(k)) for k in op.node_def.attr if k not in _SAID
            }
            what = "%s %s" % (op.type, sorted(attributes.items()))
        given = ["%d:%d" % (numbers[id(t.op)], t.value_index) for t in op.inputs]
        numbers[id(op)] = len(lines)
        lines.append("%s(%s)" % (what, ", ".join(given)))
    made = ["%d:%d" % (numbers[id(t.op)], t.value_index) for t in body.outputs]
    return "\n".join([*lines, "-> " + ", ".join(made)])


def _called(call: dict[str, Any]) -> str:
    if "draw" in call:
        return "draw:" + str(call["draw"])
    kwargs = {k: v for k, v in call.get("kwargs", {}).items() if k != "training"}
    return "call:%s %s %s" % (call["layer"], call.get("args"), sorted(kwargs.items()))
