"""Keras' loops over code of the user: an ``RNN`` of his cell, steps of his layer.

A script beside ``worker.py``: self-contained, and for the same Pythons.
"""

# ruff: noqa: UP031

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

# The worker gives every script what finds another.
beside: Callable[[str], Any] = globals()["beside"]
holding, tensors = beside("holding"), beside("tensors")
NotTraced = holding.NotTraced


def mark(tracer: Any, layer: Any, original: Any, args: Any, kwargs: Any) -> Any:
    """Put one opaque operator where a user's cell or layer is called in a loop.

    What it computes in one step is its body.
    """
    tf = tracer.tf
    path, inner = tracer.paths[id(layer)], holding.own_code_in(layer)
    results, structure = tracer.results_of(original, args, kwargs)
    bound = inspect.signature(original).bind(*args, **kwargs).arguments
    x = next(iter(bound.values()))
    mask = bound.get("mask")
    loop: dict[str, Any] = {"kind": type(layer).__name__}
    step = tf.TensorSpec((x.shape[0], *x.shape[2:]), x.dtype)
    if isinstance(x, (list, tuple)) or bound.get("constants"):
        raise NotTraced(f"layer {path!r} loops over more than one tensor")
    given, states = [x], []
    if type(layer).__name__ == "RNN":
        if getattr(layer, "stateful", False):
            raise NotTraced(f"layer {path!r} keeps its state between calls")
        initial = bound.get("initial_state")
        states = tensors.leaves(first_states(tracer, layer, x))
        own = getattr(type(layer.cell), "get_initial_state", None)
        if initial is None and own is not None and not holding.is_keras_class(own):
            initial = first_states(tracer, layer, x)
        packed = first_states(tracer, layer, x)
        for name in ("return_sequences", "go_backwards", "zero_output_for_mask"):
            loop[name] = bool(getattr(layer, name, False))
        loop["sizes"] = [list(s.shape)[1:] for s in states]
        given += [] if initial is None else tensors.leaves(initial)

        def call(inputs: Any, *states: Any) -> Any:
            made = layer.cell(inputs, tensors.filled(packed, list(states)))
            return [made[0], *tensors.leaves(made[1])]

    else:

        def call(inputs: Any, *states: Any) -> Any:
            return layer.layer(inputs)

    specs = [tf.TensorSpec((step.shape[0], *s.shape[1:]), s.dtype) for s in states]
    body = tracer.trace_body(path, inner, call, [step, *specs], {})
    if states:
        one = len(states) == 1
        named = ["state" if one else "state_%d" % k for k in range(len(states))]
        body.arguments = ["inputs", *named]
    given += [] if mask is None or not states else [mask]
    loop["mask"] = mask is not None and bool(states)
    return opaque_call(tracer, layer, body, given, results, structure, loop)


def first_states(tracer: Any, layer: Any, x: Any) -> Any:
    """What an RNN begins with, in the structure that its cell takes."""
    tf = tracer.tf
    if tracer.lib.is_keras3:
        found = layer.get_initial_state(tf.shape(x)[0])
    else:
        found = layer.get_initial_state(x)
    cells = getattr(layer.cell, "cells", None)
    if not isinstance(found, (list, tuple)):
        found = [found]
    return found if cells else list(found)


def opaque_call(
    tracer: Any,
    layer: Any,
    body: Any,
    given: list[Any],
    results: list[Any],
    structure: Any,
    loop: dict[str, Any],
) -> Any:
    """Put one opaque operator where a loop runs."""
    tf, here = tracer.tf, tracer.stack[-1]
    made = tf.py_function(tensors.never, given, [t.dtype for t in results])
    made = list(made) if isinstance(made, (list, tuple)) else [made]
    token = made[0].op.get_attr("token").decode()
    here.tokens[token] = len(here.calls)
    outs = [tf.ensure_shape(t, r.shape) for t, r in zip(made, results)]
    here.calls.append(
        {
            "layer": tracer.paths[id(layer)],
            "loop": loop,
            "entry": tracer.serialized(layer),
            "args": [],
            "kwargs": {},
            "outputs": [tensors.described(t) for t in outs],
            "body": body.number,
        }
    )
    return tensors.filled(structure, outs)
