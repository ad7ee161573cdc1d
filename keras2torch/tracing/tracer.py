"""What a model computes between its layers, as TensorFlow records it.

A script beside ``worker.py``: self-contained, and for the same Pythons. The root and
every layer that the converter has no rule for is a *body*: a TensorFlow graph of its
own, in which each call of a layer is one opaque operator (``tf.py_function``, never
run) and what stands between is what TensorFlow recorded. Weights are placeholders.
``frozen.to_onnx`` makes ONNX of it, the opaque operators nodes ``keras::Call``.

``trace(loaded, folder, known)`` writes into ``folder``

``trace.json``
    ``{"root": 0, "bodies": [{"path", "class", "module", "onnx", "inputs", "outputs",
    "result", "variables", "calls"}]}``. A structure of arguments or results is JSON
    with ``{"$": k}`` for the k-th tensor. A call has ``layer`` (its path), ``entry``
    (the serialized layer), ``args``, ``kwargs``, ``result``, ``outputs`` (shapes and
    dtypes) and ``body`` (a number, null for a layer with a rule).
``body_<n>.pb``, later ``body_<n>.onnx``
    Inputs ``input_<k>``, ``variable_<k>`` and ``mask_<k>``, outputs ``output_<k>``.
``weights.npz``
    ``path/index`` → array, for the weights of all layers.
"""

# ruff: noqa: UP031

from __future__ import annotations

import contextlib
import functools
import inspect
import json
import os
import re
from collections.abc import Callable, Iterator
from typing import Any

KERAS_PACKAGES = ("keras", "tf_keras", "tensorflow.python.keras", "tensorflow.keras")
# Keras' own attributes that hold layers, beside the user's.
BOOKKEEPING = {
    "_layers",
    "_functional",
    "_inbound_nodes",
    "_outbound_nodes",
    "_self_tracked_trackables",
    "_tracker",
    "_obj_reference_counts_dict",
    "_nested_layers",
    "_metrics",
    "_metrics_lock",
    "_self_unconditional_checkpoint_dependencies",
    "_self_unconditional_dependency_names",
    "_self_unconditional_deferred_dependencies",
    "_unconditional_checkpoint_dependencies",
    "_unconditional_dependency_names",
    "_operations",
    "_operations_by_depth",
    "_nodes",
    "_nodes_by_depth",
    "_layer_call_argspecs",
}


# Classes of Keras whose ``call`` computes nothing by itself.
BASES = ("Layer", "Wrapper", "Model", "Functional", "Network", "Sequential")
# What calls a layer once a step.
LOOPS = ("RNN", "TimeDistributed")


class NotTraced(Exception):
    """What the tracing cannot carry, in a sentence."""


# ------------------------------------------------------------------------- structure


def is_keras_class(cls: Any) -> bool:
    """Whether a class is Keras' own."""
    module = str(getattr(cls, "__module__", ""))
    return any(module == p or module.startswith(p + ".") for p in KERAS_PACKAGES)


def is_functional(lib: Any, layer: Any) -> bool:
    """Whether a model's layers and their order are its config."""
    kinds = {kind.__name__ for kind in type(layer).__mro__ if is_keras_class(kind)}
    built = bool(kinds & {"Functional", "Sequential"}) and hasattr(layer, "layers")
    own = type(layer).__dict__.get("call")
    return built and (own is None or is_keras_class(type(layer)))


def children(lib: Any, layer: Any) -> list[tuple[str, Any]]:
    """Return what a model or a custom layer holds: (path segment, layer), in order.

    The segment is the attribute in the user's class, ``blocks.0`` in a list of them,
    and the layer's name in functional models.
    """
    kind = lib.module.layers.Layer
    if type(layer).__name__ in LOOPS:
        inner = own_code_in(layer)
        if inner is not None:
            # Keras gives what it calls once a step no name of its own.
            return children(lib, inner)
    if is_functional(lib, layer):
        return [(part.name, part) for part in layer.layers]
    found: list[tuple[str, Any]] = []
    seen = {id(layer)}

    def add(segment: str, value: Any) -> None:
        if isinstance(value, kind):
            if id(value) not in seen and not is_metric(lib, value):
                seen.add(id(value))
                found.append((segment, value))
        elif isinstance(value, dict):
            for key in list(value):
                add("%s.%s" % (segment, key), value[key])
        elif isinstance(value, (list, tuple)):
            for number, item in enumerate(value):
                add("%s.%d" % (segment, number), item)

    for name, value in list(vars(layer).items()):
        if name not in BOOKKEEPING and not name.startswith(("_keras", "_self_")):
            add(name.lstrip("_").replace("/", "_") or name, value)
    for part in own_layers(layer):
        add(part.name, part)
    return found


def own_layers(layer: Any) -> list[Any]:
    """What Keras tracks as the layers directly inside a layer."""
    try:
        return list(layer._flatten_layers(recursive=False, include_self=False))
    except (AttributeError, TypeError):
        return list(getattr(layer, "_layers", []))


def is_metric(lib: Any, value: Any) -> bool:
    metrics = getattr(lib.module, "metrics", None)
    return metrics is not None and isinstance(value, metrics.Metric)


def leaf_class(layer: Any, known: set[str]) -> bool:
    """Whether a layer has a rule: Keras' class, and all that it wraps has one too."""
    cls = borrowed(layer) or type(layer)
    if not is_keras_class(cls) or cls.__name__ not in known:
        return False
    if cls.__name__ in ("Functional", "Sequential", "Model"):
        return False
    own = [n for n in ("activation", "recurrent_activation") if is_own(layer, n)]
    if own and (cls.__name__ == "Activation" or own != ["activation"]):
        return False
    if own and hasattr(layer, "cell"):
        return False
    inner = [getattr(layer, n, None) for n in ("layer", "forward_layer", "cell")]
    cells = getattr(inner[-1], "cells", None)
    if isinstance(cells, (list, tuple)):
        inner += list(cells)
    held = [part for part in inner if hasattr(part, "get_config")]
    return all(leaf_class(part, known) for part in held)


def borrowed(layer: Any) -> Any:
    """Return the class of Keras whose ``call`` a user's subclass has as it is."""
    for cls in type(layer).__mro__:
        if "call" in vars(cls):
            kept = is_keras_class(cls) and not is_keras_class(type(layer))
            return cls if kept and cls.__name__ not in BASES else None
    return None


def own_code_in(layer: Any) -> Any:
    """What code of the user Keras' own wrapper or loop holds, ``None`` if none."""
    if not is_keras_class(type(layer)):
        return None
    for name in ("cell", "layer", "forward_layer"):
        inner = getattr(layer, name, None)
        if inner is None or not hasattr(inner, "get_config"):
            continue
        parts = [inner, *(getattr(inner, "cells", None) or [])]
        for part in parts:
            if not is_keras_class(type(part)) or own_code_in(part) is not None:
                return inner
        if name == "layer" and type(inner).__name__ in ("Functional", "Sequential"):
            return None
    return None


def is_own(layer: Any, name: str) -> bool:
    """Whether a layer's activation is a function that Keras has no name for."""
    function = getattr(layer, name, None)
    if function is None or not callable(function):
        return False
    if hasattr(function, "get_config"):  # a layer, which is an object of Keras
        return not is_keras_class(type(function))
    return not is_keras_class(function)


def own_activation(layer: Any) -> Any:
    """Return the user's function that a layer of Keras ends with."""
    steps = hasattr(layer, "recurrent_activation") or hasattr(layer, "cell")
    if steps or not is_keras_class(borrowed(layer) or type(layer)):
        return None
    if type(layer).__name__ == "Activation":
        return None
    return layer.activation if is_own(layer, "activation") else None


# --------------------------------------------------------------------------- tracing


class Body:
    """One graph while it is being traced."""

    def __init__(self, number: int, path: str, layer: Any, graph: Any) -> None:
        self.number = number
        self.path = path
        self.layer = layer
        self.graph = graph
        self.inputs: list[Any] = []
        self.masks: dict[int, Any] = {}
        self.variables: dict[str, Any] = {}
        self.calls: list[dict[str, Any]] = []
        self.tokens: dict[str, int] = {}
        self.outputs: list[Any] = []
        self.arguments: list[str] = []
        self.result: Any = None


class Tracer:
    """Traces one model.

    Parameters
    ----------
    loaded
        The worker's model.
    known
        Classes of Keras that stay whole.
    opaque
        Paths of layers of such classes that are traced all the same.
    worker
        The worker's functions.
    """

    def __init__(
        self, loaded: Any, known: set[str], opaque: set[str], worker: Any
    ) -> None:
        import tensorflow as tf

        self.tf = tf
        self.worker = worker
        self.loaded = loaded
        self.lib = loaded.lib
        self.known = known
        self.opaque = opaque
        self.bodies: list[Body] = []
        self.stack: list[Body] = []
        self.scratch = 0
        self.paths: dict[int, str] = {}
        self.layers: list[Any] = []
        self.keys: dict[int, tuple[str, Any]] = {}
        for path, layer in loaded.layers():
            self.paths.setdefault(id(layer), path)
            self.layers.append(layer)
        for key, variable in loaded.variables():
            inner = worker.tf_variable(variable)
            self.keys.setdefault(id(inner), (key, variable))

    # -- the whole model
    def run(self, inputs: Any) -> None:
        """Trace the model on a structure of ``tf.TensorSpec``."""

        def call(inputs: Any) -> Any:
            return self.worker.called(self.loaded, inputs, training=False)

        model = self.loaded.model
        if not is_keras_class(type(model)):
            convert = self.worker.beside("patches").converted
            model.__dict__["call"] = convert(model.call)
        if self.worker.structure_of(self.loaded.model) is None:
            inputs = self.loaded.inputs = self.with_dtypes(call, inputs)
        try:
            with self.patched():
                self.trace_body("", model, call, [inputs], {})
        finally:
            if not is_keras_class(type(model)):
                model.__dict__.pop("call", None)

    def with_dtypes(self, call: Any, inputs: Any) -> Any:
        """Find which inputs are whole numbers, by what reads them.

        Of a model that is code, Keras keeps the shapes of the inputs alone.
        """
        from tensorflow.python.framework.func_graph import FuncGraph

        tf, patches = self.tf, self.worker.beside("patches")
        specs = self.leaves(inputs)
        with FuncGraph("dtypes").as_default(), patches.whole_numbers():
            given = [tf.compat.v1.placeholder(s.dtype, s.shape) for s in specs]
            call(self.filled(inputs, given))
            whole = [patches.taken_as_integers(t) for t in given]
        found = [
            tf.TensorSpec(s.shape, tf.int32 if w and s.dtype.is_floating else s.dtype)
            for s, w in zip(specs, whole)
        ]
        return self.filled(inputs, found)

    # -- one body
    def trace_body(
        self, path: str, layer: Any, call: Callable[..., Any], args: Any, kwargs: Any
    ) -> Body:
        from tensorflow.python.framework.func_graph import FuncGraph

        tf = self.tf
        graph = FuncGraph("body")
        body = Body(len(self.bodies), path, layer, graph)
        self.bodies.append(body)
        leaves = self.leaves([args, kwargs])
        body.arguments = self.argument_names(call, args, kwargs)
        self.stack.append(body)
        try:
            with graph.as_default():
                given = []
                for number, leaf in enumerate(leaves):
                    dtype, shape = leaf.dtype, leaf.shape
                    name = "input_%d" % number
                    inner = tf.compat.v1.placeholder(dtype, shape, name=name)
                    mask = getattr(leaf, "_keras_mask", None)
                    if mask is not None:
                        name = "mask_%d" % number
                        given_mask = tf.compat.v1.placeholder(
                            mask.dtype, mask.shape, name=name
                        )
                        inner._keras_mask = given_mask
                        body.masks[number] = given_mask
                    body.inputs.append(inner)
                    given.append(inner)
                args, kwargs = self.filled([args, kwargs], given)
                result = call(*args, **kwargs)
                body.outputs, body.result = self.named(result)
        finally:
            self.stack.pop()
        return body

    def argument_names(self, call: Any, args: Any, kwargs: Any) -> list[str]:
        """Return what the user's code calls each tensor that it is given."""
        positions = list(inspect.signature(call).parameters)
        given = dict(zip(positions, args))
        found = []
        for name, value in [*given.items(), *[(k, kwargs[k]) for k in ordered(kwargs)]]:
            count = len(self.leaves(value))
            keys = ordered(value) if isinstance(value, dict) else []
            if len(keys) == count:
                found += [str(key) for key in keys]
            else:
                found += [name] if count == 1 else [f"{name}_{k}" for k in range(count)]
        return found

    def named(self, result: Any) -> tuple[list[Any], Any]:
        """Give what comes out names, masks behind the outputs."""
        tf = self.tf
        leaves = self.leaves(result)
        outputs = []
        for number, leaf in enumerate(leaves):
            tensor = tf.convert_to_tensor(leaf)
            outputs.append(tf.identity(tensor, name="output_%d" % number))
        for number, leaf in enumerate(leaves):
            mask = getattr(leaf, "_keras_mask", None)
            if mask is not None:
                made = tf.identity(mask, name="output_mask_%d" % number)
                outputs[number]._keras_mask = made
        return outputs, result

    # -- calls of layers
    @contextlib.contextmanager
    def patched(self) -> Iterator[None]:
        """Replace the layers' ``call`` and the reading of variables."""
        undo: list[Callable[[], None]] = []
        missing = object()

        def wrap(layer: Any) -> None:
            original = layer.call

            @functools.wraps(original)
            def call(*args: Any, **kwargs: Any) -> Any:
                if not self.stack or self.scratch:
                    return original(*args, **kwargs)
                return self.mark(layer, original, args, kwargs)

            before = layer.__dict__.get("call", missing)
            layer.__dict__["call"] = self.tf.autograph.experimental.do_not_convert(call)

            def restore() -> None:
                if before is missing:
                    layer.__dict__.pop("call", None)
                else:
                    layer.__dict__["call"] = before

            undo.append(restore)

        eager = self.tf.config.functions_run_eagerly()
        try:
            seen = {id(self.loaded.model)}
            for layer in self.layers:
                if id(layer) not in seen:
                    seen.add(id(layer))
                    wrap(layer)
            undo.append(self.patch_variables())
            # A user's tf.function is traced as the Python that it is.
            self.tf.config.run_functions_eagerly(True)
            patches = self.worker.beside("patches")

            def tracing() -> bool:
                return bool(self.stack) and not self.scratch

            with patches.control_flow(tracing), patches.drawn_by(self.draw, tracing):
                yield
        finally:
            self.tf.config.run_functions_eagerly(eager)
            for restore in undo:
                restore()

    def patch_variables(self) -> Callable[[], None]:
        from tensorflow.python.ops import resource_variable_ops

        cls = resource_variable_ops.BaseResourceVariable
        before = {n: getattr(cls, n) for n in ("_read_variable_op", "sparse_read")}
        tracer, tf = self, self.tf

        def read(variable: Any, *args: Any, **kwargs: Any) -> Any:
            if not tracer.stack:
                return before["_read_variable_op"](variable, *args, **kwargs)
            return tracer.read(variable)

        def sparse_read(variable: Any, indices: Any, name: Any = None) -> Any:
            if not tracer.stack:
                return before["sparse_read"](variable, indices, name)
            return tf.gather(tracer.read(variable), indices)

        cls._read_variable_op = read
        cls.sparse_read = sparse_read

        def restore() -> None:
            for name, method in before.items():
                setattr(cls, name, method)

        return restore

    def read(self, variable: Any) -> Any:
        """Return the placeholder of a variable in the body that is being traced."""
        tf = self.tf
        body = self.stack[-1]
        if self.scratch:
            return tf.compat.v1.placeholder(variable.dtype, variable.shape)
        key = self.key_of(variable)
        if key not in body.variables:
            with body.graph.as_default():
                body.variables[key] = tf.compat.v1.placeholder(
                    variable.dtype,
                    variable.shape,
                    name="variable_%d" % len(body.variables),
                )
        return body.variables[key]

    def key_of(self, variable: Any) -> str:
        """Return where the model keeps a variable; a closure's has a key of its own."""
        if id(variable) not in self.keys:
            self.keys[id(variable)] = ("?/%d" % id(variable), variable)
        return self.keys[id(variable)][0]

    def mark(self, layer: Any, original: Any, args: Any, kwargs: Any) -> Any:
        """Put one opaque operator where a layer is called."""
        tf = self.tf
        path = self.paths[id(layer)]
        body = self.stack[-1]
        args, kwargs = list(args), dict(kwargs)
        leaves = self.leaves([args, kwargs])
        for leaf in leaves:
            if type(leaf).__name__ in ("RaggedTensor", "SparseTensor"):
                raise NotTraced(
                    f"layer {path!r} ({type(layer).__name__}) is called with a "
                    f"{type(leaf).__name__}, which cannot be carried"
                )
        if type(layer).__name__ in LOOPS and own_code_in(layer) is not None:
            return self.mark_loop(layer, original, args, kwargs)
        inner: Body | None = None
        masks: list[Any] = []
        own = own_activation(layer)
        if (
            own is not None
            and path not in self.opaque
            and leaf_class(layer, self.known)
        ):
            # The layer stays whole, what the user's function computes follows it.
            layer.activation = self.lib.module.activations.linear
            try:
                return own(self.mark(layer, original, args, kwargs))
            finally:
                layer.activation = own
        if path not in self.opaque and leaf_class(layer, self.known):
            results, structure = self.results_of(original, args, kwargs)
            if type(layer).__name__ == "MultiHeadAttention" and not self.lib.is_keras3:
                # It looks at the masks behind its arguments itself.
                for name, value in zip(("query", "value", "key"), args):
                    mask = getattr(value, "_keras_mask", None)
                    if mask is not None:
                        kwargs[name + "_mask"] = mask
                leaves = self.leaves([args, kwargs])
            specs = [(t.dtype, t.shape) for t in results]
            out_masks: dict[int, Any] = {}
        else:
            patches = self.worker.beside("patches")
            if not is_keras_class(type(layer)):
                original = patches.converted(original)
            inner = self.trace_body(path, layer, original, args, kwargs)
            structure = inner.result
            specs = [(t.dtype, t.shape) for t in inner.outputs]
            masks = [leaves[k]._keras_mask for k in sorted(inner.masks)]
            out_masks = {
                k: t._keras_mask
                for k, t in enumerate(inner.outputs)
                if getattr(t, "_keras_mask", None) is not None
            }
        asked = [*specs, *[(m.dtype, m.shape) for m in out_masks.values()]]
        tensors = [tf.convert_to_tensor(leaf) for leaf in leaves] + masks
        made = tf.py_function(never, tensors, [dtype for dtype, _ in asked])
        made = list(made) if isinstance(made, (list, tuple)) else [made]
        token = made[0].op.get_attr("token").decode()
        outs = [tf.ensure_shape(t, shape) for t, (_, shape) in zip(made, asked)]
        body.tokens[token] = len(body.calls)
        body.calls.append(
            {
                "layer": path,
                "entry": self.serialized(layer),
                "args": self.structure(args, 0),
                "kwargs": self.structure(kwargs, len(self.leaves(args))),
                "masks": sorted(inner.masks) if inner else [],
                "result": self.structure(structure),
                "outputs": [described(t) for t in outs],
                "made_masks": sorted(out_masks),
                "body": None if inner is None else inner.number,
            }
        )
        results = outs[: len(specs)]
        for position, number in enumerate(out_masks):
            results[number]._keras_mask = outs[len(specs) + position]
        return self.filled(structure, results)

    def mark_loop(self, layer: Any, original: Any, args: Any, kwargs: Any) -> Any:
        """Put one opaque operator where a user's cell or layer is called in a loop.

        What it computes in one step is its body.
        """
        tf = self.tf
        path, inner = self.paths[id(layer)], own_code_in(layer)
        results, structure = self.results_of(original, args, kwargs)
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
            states = self.leaves(self.first_states(layer, x))
            own = getattr(type(layer.cell), "get_initial_state", None)
            if initial is None and own is not None and not is_keras_class(own):
                initial = self.first_states(layer, x)
            packed = self.first_states(layer, x)
            for name in ("return_sequences", "go_backwards", "zero_output_for_mask"):
                loop[name] = bool(getattr(layer, name, False))
            loop["sizes"] = [list(s.shape)[1:] for s in states]
            given += [] if initial is None else self.leaves(initial)

            def call(inputs: Any, *states: Any) -> Any:
                made = layer.cell(inputs, self.filled(packed, list(states)))
                return [made[0], *self.leaves(made[1])]

        else:

            def call(inputs: Any, *states: Any) -> Any:
                return layer.layer(inputs)

        specs = [tf.TensorSpec((step.shape[0], *s.shape[1:]), s.dtype) for s in states]
        body = self.trace_body(path, inner, call, [step, *specs], {})
        if states:
            one = len(states) == 1
            named = ["state" if one else "state_%d" % k for k in range(len(states))]
            body.arguments = ["inputs", *named]
        given += [] if mask is None or not states else [mask]
        loop["mask"] = mask is not None and bool(states)
        return self.opaque_call(layer, body, given, results, structure, loop)

    def first_states(self, layer: Any, x: Any) -> Any:
        """What an RNN begins with, in the structure that its cell takes."""
        tf = self.tf
        if self.lib.is_keras3:
            found = layer.get_initial_state(tf.shape(x)[0])
        else:
            found = layer.get_initial_state(x)
        cells = getattr(layer.cell, "cells", None)
        if not isinstance(found, (list, tuple)):
            found = [found]
        return found if cells else list(found)

    def opaque_call(
        self,
        layer: Any,
        body: Body,
        given: list[Any],
        results: list[Any],
        structure: Any,
        loop: dict[str, Any],
    ) -> Any:
        """Put one opaque operator where a loop runs."""
        tf, here = self.tf, self.stack[-1]
        made = tf.py_function(never, given, [t.dtype for t in results])
        made = list(made) if isinstance(made, (list, tuple)) else [made]
        token = made[0].op.get_attr("token").decode()
        here.tokens[token] = len(here.calls)
        outs = [tf.ensure_shape(t, r.shape) for t, r in zip(made, results)]
        here.calls.append(
            {
                "layer": self.paths[id(layer)],
                "loop": loop,
                "entry": self.serialized(layer),
                "args": [],
                "kwargs": {},
                "outputs": [described(t) for t in outs],
                "body": body.number,
            }
        )
        return self.filled(structure, outs)

    def draw(self, kind: str, shape: Any, dtype: Any, bounds: list[Any]) -> Any:
        """Put one opaque operator where a number is drawn."""
        from tensorflow.python.framework import tensor_util

        tf, body = self.tf, self.stack[-1]
        made = tf.py_function(never, [shape, *bounds], [dtype])
        made = made[0] if isinstance(made, (list, tuple)) else made
        body.tokens[made.op.get_attr("token").decode()] = len(body.calls)
        made = tf.ensure_shape(made, tensor_util.constant_value_as_shape(shape))
        body.calls.append({"draw": kind, "body": None, "outputs": [described(made)]})
        return made

    def results_of(self, original: Any, args: Any, kwargs: Any) -> Any:
        """Run a layer in a graph that is thrown away, to learn what comes out."""
        from tensorflow.python.framework.func_graph import FuncGraph

        tf = self.tf
        with FuncGraph("scratch").as_default():
            given = [
                tf.compat.v1.placeholder(leaf.dtype, leaf.shape)
                for leaf in self.leaves([args, kwargs])
            ]
            args, kwargs = self.filled([args, kwargs], given)
            self.scratch += 1
            try:
                result = original(*args, **kwargs)
            finally:
                self.scratch -= 1
            return self.leaves(result), result

    def serialized(self, layer: Any) -> dict[str, Any]:
        """Return a layer's entry as a file would have it; its config may be missing."""
        entry: dict[str, Any] = {
            "class_name": type(layer).__name__,
            "module": type(layer).__module__,
            "name": layer.name,
        }
        if not leaf_class(layer, self.known):
            return entry
        kept = borrowed(layer)
        if kept is not None:
            found = {"class_name": kept.__name__, "config": kept.get_config(layer)}
            if self.lib.is_keras3:
                found = {"module": "keras.layers", "registered_name": None, **found}
        elif self.lib.is_keras3:
            from keras.src.saving import serialization_lib

            found = serialization_lib.serialize_keras_object(layer)
        else:
            found = {
                "class_name": type(layer).__name__,
                "config": layer.get_config(),
            }
        # What numpy and tuples are in a file, they are here.
        text = json.dumps(found, default=plain)
        return dict(json.loads(text), name=layer.name)

    # -- structures
    def leaves(self, value: Any) -> list[Any]:
        """Tensors of a structure, dictionaries by sorted key as Keras flattens them."""
        if isinstance(value, dict):
            return [leaf for k in ordered(value) for leaf in self.leaves(value[k])]
        if isinstance(value, (list, tuple)):
            return [leaf for item in value for leaf in self.leaves(item)]
        return [value] if is_tensor_like(value) else []

    def structure(self, value: Any, start: int = 0) -> Any:
        """The same structure as JSON, ``{"$": k}`` for the tensors."""
        counter = [start]

        def visit(item: Any) -> Any:
            if isinstance(item, dict):
                return {str(k): visit(item[k]) for k in ordered(item)}
            if isinstance(item, (list, tuple)):
                return [visit(part) for part in item]
            if is_tensor_like(item):
                counter[0] += 1
                return {"$": counter[0] - 1}
            return plain(item)

        return visit(value)

    def filled(self, value: Any, tensors: list[Any]) -> Any:
        """Return a structure with other tensors in the place of its own."""
        source = iter(tensors)

        def visit(item: Any) -> Any:
            if isinstance(item, dict):
                made = {k: visit(item[k]) for k in ordered(item)}
                return type(item)(made) if type(item) is not dict else made
            if isinstance(item, (list, tuple)):
                parts = [visit(part) for part in item]
                if hasattr(item, "_fields"):
                    return type(item)(*parts)
                return tuple(parts) if isinstance(item, tuple) else parts
            return next(source) if is_tensor_like(item) else item

        return visit(value)

    # -- what was traced, written
    def write(self, folder: str) -> None:
        """Write every body and the weights."""
        import numpy as np

        bodies = []
        frozen = self.worker.beside("frozen")
        known = [self.worker.tf_variable(v) for _, v in self.keys.values()]
        for body in self.bodies:
            name = "body_%d" % body.number
            try:
                definition, captured = frozen.flat(
                    body.graph,
                    given_to(body),
                    made_by(body),
                    [*known, *body.graph.variables],
                )
            except frozen.NotFrozen as error:
                raise NotTraced(
                    f"layer {body.path!r} ({type(body.layer).__name__}) cannot be "
                    f"traced: {error}"
                ) from error
            with open(os.path.join(folder, name + ".pb"), "wb") as file:
                file.write(definition.SerializeToString())
            bodies.append(self.about(body, name, captured))
        found = {"root": 0, "keras": self.lib.label, "bodies": bodies}
        with open(os.path.join(folder, "trace.json"), "w", encoding="utf-8") as out:
            json.dump(found, out)
        arrays = {}
        for key, variable in self.keys.values():
            arrays[key] = self.worker.array(variable)
        np.savez(
            os.path.join(folder, "weights.npz"),
            **{"w/" + k: v for k, v in arrays.items()},
        )

    def named_apart(self, variable: Any, short: list[str]) -> str:
        """What a variable is called, by its layer too if others are called the same."""
        name = str(self.loaded.short_name(variable))
        if re.fullmatch(r"((non_)?trainable_)?variables?(_?\d+)?|\d+", name, re.I):
            # So Keras and TensorFlow call what nobody named.
            name = self.loaded.attribute_of(variable) or name
        if short.count(name) < 2:
            return name
        parts = self.worker.weight_name(variable).split("/")
        return "_".join(parts[-2:])

    def about(self, body: Body, name: str, captured: Any) -> dict[str, Any]:
        layer = body.layer
        read = [(key, tensor.name) for key, tensor in body.variables.items()]
        read += [(self.key_of(v), node + ":0") for v, node in captured]
        own = dict(self.keys.values())
        short = [self.loaded.short_name(own[key]) for key, _ in read]
        variables = []
        for key, placeholder in read:
            variable = own[key]
            variables.append(
                {
                    "key": key,
                    "input": placeholder,
                    "name": self.named_apart(variable, short),
                    "path": self.worker.weight_name(variable),
                    "trainable": self.loaded.trains(variable, bool(captured)),
                    "own_trainable": self.loaded.was_made_trainable(variable),
                    "shape": [int(n) for n in variable.shape],
                    "dtype": self.worker.tf_variable(variable).dtype.base_dtype.name,
                }
            )
        return {
            "path": body.path,
            "name": str(layer.name),
            "class": type(layer).__name__,
            "keras": is_keras_class(type(layer)),
            "functional": is_functional(self.lib, layer),
            "trainable": bool(layer.trainable),
            "restored": bool(captured),
            "graph": name + ".pb",
            "onnx": name + ".onnx",
            "made": [t.name for t in made_by(body)],
            "tokens": body.tokens,
            "inputs": [dict(described(t), input=t.name) for t in body.inputs],
            "masks": [
                dict(described(body.masks[k]), input=body.masks[k].name)
                for k in sorted(body.masks)
            ],
            "arguments": body.arguments,
            "outputs": [described(t) for t in body.outputs],
            "made_masks": [
                k
                for k, t in enumerate(body.outputs)
                if getattr(t, "_keras_mask", None) is not None
            ],
            "result": self.structure(body.result),
            "variables": variables,
            "calls": body.calls,
        }


def never(*_: Any) -> Any:
    raise AssertionError("a traced layer is never run")


def is_tensor_like(value: Any) -> bool:
    import numpy as np
    import tensorflow as tf

    if isinstance(value, np.ndarray):
        return True
    return bool(tf.is_tensor(value)) or isinstance(value, (tf.Variable, tf.TensorSpec))


def ordered(value: dict[Any, Any]) -> list[Any]:
    try:
        return sorted(value)
    except TypeError:
        return list(value)


def plain(value: Any) -> Any:
    """A value as JSON has it; of what JSON does not have, the type's name."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):
        return value.tolist()
    if hasattr(value, "as_list"):
        return value.as_list()
    return {"?": type(value).__name__}


def described(tensor: Any) -> dict[str, Any]:
    shape = tensor.shape
    known = getattr(shape, "rank", 0) is not None
    sizes = [None if n is None else int(n) for n in tuple(shape)] if known else None
    return {"shape": sizes, "dtype": tensor.dtype.name}


def given_to(body: Body) -> list[Any]:
    """What goes into a body's graph: tensors, masks and variables."""
    masks = [body.masks[k] for k in sorted(body.masks)]
    return [*body.inputs, *masks, *body.variables.values()]


def made_by(body: Body) -> list[Any]:
    """What comes out of it, masks behind the tensors."""
    masks = [getattr(t, "_keras_mask", None) for t in body.outputs]
    return [*body.outputs, *[m for m in masks if m is not None]]


def trace(
    loaded: Any, folder: str, known: list[str], opaque: list[str], worker: Any
) -> None:
    """Trace the worker's model and write what was found."""
    if loaded.inputs is None:
        raise NotTraced(
            "the model was never called, so that nobody knows its inputs: call it once "
            "before it is saved"
        )
    asked = [
        name
        for name, p in inspect.signature(loaded.model.call).parameters.items()
        if p.default is p.empty
        and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        and name not in ("self", "training", "mask")
    ]
    if len(asked) > 1 and not isinstance(loaded.inputs, worker.Arguments):
        raise NotTraced(
            "the model is called with several arguments (%s), and Keras wrote down the "
            "shape of the first alone: convert the live model, keras2torch.convert"
            "(model)" % ", ".join(asked)
        )
    tracer = Tracer(loaded, set(known), set(opaque), worker)
    tracer.run(loaded.inputs)
    tracer.write(folder)
