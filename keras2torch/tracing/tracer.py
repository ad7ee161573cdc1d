"""What a model computes between its layers, as TensorFlow records it.

A script beside ``worker.py``: self-contained, and for the same Pythons. The root and
every layer that the converter has no rule for is a *body*: a TensorFlow graph of its
own, in which each call of a layer is one opaque operator (``tf.py_function``, never
run) and what stands between is what TensorFlow recorded. Weights are placeholders.
``frozen.to_onnx`` makes ONNX of it, the opaque operators nodes ``keras::Call``.

``trace(loaded, folder, known)`` writes into ``folder``

``trace.json``
    ``{"root": 0, "notes": [[path, text]], "bodies": [{"path", "class", "module",
    "onnx", "inputs", "outputs", "result", "variables", "calls"}]}``. A structure of
    arguments or results is JSON with ``{"$": k}`` for the k-th tensor. A call has
    ``layer`` (its path), ``entry`` (the serialized layer), ``args``, ``kwargs``,
    ``result``, ``outputs`` (shapes and dtypes) and ``body`` (a number, null for a
    layer with a rule). A note is what of a layer is not carried over.
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

# The worker gives every script what finds another.
beside: Callable[[str], Any] = globals()["beside"]
holding, tensors = beside("holding"), beside("tensors")
NotTraced = holding.NotTraced


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
    training
        Whether the model computes as it trains.
    """

    def __init__(
        self,
        loaded: Any,
        known: set[str],
        opaque: set[str],
        worker: Any,
        *,
        training: bool = False,
    ) -> None:
        import tensorflow as tf

        self.tf = tf
        self.worker = worker
        self.loaded = loaded
        self.lib = loaded.lib
        self.known = known
        self.opaque = opaque
        self.training = training
        # Paths of the layers that add losses.
        self.adding: set[str] = set()
        # Paths of the layers with a branch that depends on its inputs.
        self.choosing: set[str] = set()
        self.bodies: list[Body] = []
        self.stack: list[Body] = []
        self.scratch = 0
        self.paths: dict[int, str] = {}
        self.by_path: dict[str, Any] = {}
        self.layers: list[Any] = []
        self.keys: dict[int, tuple[str, Any]] = {}
        for path, layer in loaded.layers():
            self.paths.setdefault(id(layer), path)
            self.by_path.setdefault(path, layer)
            self.layers.append(layer)
        for key, variable in loaded.variables():
            inner = worker.tf_variable(variable)
            self.keys.setdefault(id(inner), (key, variable))

    # -- the whole model
    def run(self, inputs: Any) -> None:
        """Trace the model on a structure of ``tf.TensorSpec``."""

        def call(inputs: Any) -> Any:
            return self.worker.called(self.loaded, inputs, training=self.training)

        model = self.loaded.model
        if not holding.is_keras_class(type(model)):
            convert = self.worker.beside("patches").converted
            model.__dict__["call"] = convert(model.call)
        if self.worker.structure_of(self.loaded.model) is None:
            inputs = self.loaded.inputs = self.with_dtypes(call, inputs)
        try:
            with self.patched():
                self.trace_body("", model, call, [inputs], {})
        finally:
            if not holding.is_keras_class(type(model)):
                model.__dict__.pop("call", None)

    def with_dtypes(self, call: Any, inputs: Any) -> Any:
        """Find which inputs are whole numbers, by what reads them.

        Of a model that is code, Keras keeps the shapes of the inputs alone.
        """
        from tensorflow.python.framework.func_graph import FuncGraph

        tf, patches = self.tf, self.worker.beside("patches")
        specs = tensors.leaves(inputs)
        with FuncGraph("dtypes").as_default(), patches.whole_numbers():
            given = [tf.compat.v1.placeholder(s.dtype, s.shape) for s in specs]
            call(tensors.filled(inputs, given))
            whole = [patches.taken_as_integers(t) for t in given]
        found = [
            tf.TensorSpec(s.shape, tf.int32 if w and s.dtype.is_floating else s.dtype)
            for s, w in zip(specs, whole)
        ]
        return tensors.filled(inputs, found)

    # -- one body
    def trace_body(
        self, path: str, layer: Any, call: Callable[..., Any], args: Any, kwargs: Any
    ) -> Body:
        from tensorflow.python.framework.func_graph import FuncGraph

        tf = self.tf
        graph = FuncGraph("body")
        body = Body(len(self.bodies), path, layer, graph)
        self.bodies.append(body)
        leaves = tensors.leaves([args, kwargs])
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
                args, kwargs = tensors.filled([args, kwargs], given)
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
        for name, value in [
            *given.items(),
            *[(k, kwargs[k]) for k in tensors.ordered(kwargs)],
        ]:
            count = len(tensors.leaves(value))
            keys = tensors.ordered(value) if isinstance(value, dict) else []
            if len(keys) == count:
                found += [str(key) for key in keys]
            else:
                found += [name] if count == 1 else [f"{name}_{k}" for k in range(count)]
        return found

    def named(self, result: Any) -> tuple[list[Any], Any]:
        """Give what comes out names, masks behind the outputs."""
        tf = self.tf
        leaves = tensors.leaves(result)
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
            undo.append(self.patch_losses())
            # A user's tf.function is traced as the Python that it is.
            self.tf.config.run_functions_eagerly(True)
            patches = self.worker.beside("patches")

            def tracing() -> bool:
                return bool(self.stack) and not self.scratch

            def chose() -> None:
                self.choosing.add(self.stack[-1].path)

            with patches.control_flow(tracing, chose), patches.drawn_by(
                self.draw, tracing
            ):
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

    def patch_losses(self) -> Callable[[], None]:
        """Note who adds a loss; a layer shall not keep a tensor of a trace."""
        undo: list[Callable[[], None]] = []

        def wrap(cls: Any) -> None:
            original = cls.add_loss

            def add_loss(layer: Any, *args: Any, **kwargs: Any) -> Any:
                if not self.stack:
                    return original(layer, *args, **kwargs)
                if not self.scratch:
                    self.adding.add(self.paths.get(id(layer), ""))
                return None

            cls.add_loss = add_loss
            undo.append(lambda: setattr(cls, "add_loss", original))

        kinds = {cls for layer in self.layers for cls in type(layer).__mro__}
        kinds |= set(type(self.loaded.model).__mro__)
        for kind in kinds:
            if "add_loss" in vars(kind):
                wrap(kind)

        def restore() -> None:
            for step in undo:
                step()

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
        leaves = tensors.leaves([args, kwargs])
        for leaf in leaves:
            if type(leaf).__name__ in ("RaggedTensor", "SparseTensor"):
                raise NotTraced(
                    f"layer {path!r} ({type(layer).__name__}) is called with a "
                    f"{type(leaf).__name__}, which cannot be carried"
                )
        if (
            type(layer).__name__ in holding.LOOPS
            and holding.own_code_in(layer) is not None
        ):
            return beside("loops").mark(self, layer, original, args, kwargs)
        inner: Body | None = None
        masks: list[Any] = []
        own = holding.own_activation(layer)
        if (
            own is not None
            and path not in self.opaque
            and holding.leaf_class(layer, self.known)
        ):
            # The layer stays whole, what the user's function computes follows it.
            layer.activation = self.lib.module.activations.linear
            try:
                return own(self.mark(layer, original, args, kwargs))
            finally:
                layer.activation = own
        if path not in self.opaque and holding.leaf_class(layer, self.known):
            results, structure = self.results_of(original, args, kwargs)
            if type(layer).__name__ == "MultiHeadAttention" and not self.lib.is_keras3:
                # It looks at the masks behind its arguments itself.
                for name, value in zip(("query", "value", "key"), args):
                    mask = getattr(value, "_keras_mask", None)
                    if mask is not None:
                        kwargs[name + "_mask"] = mask
                leaves = tensors.leaves([args, kwargs])
            if type(layer).__name__ == "MultiHeadAttention" and self.strips_masks():
                for value in leaves:
                    if getattr(value, "_keras_mask", None) is not None:
                        value._keras_mask = None
            specs = [(t.dtype, t.shape) for t in results]
            out_masks: dict[int, Any] = {}
        else:
            patches = self.worker.beside("patches")
            if not holding.is_keras_class(type(layer)):
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
        given = [tf.convert_to_tensor(leaf) for leaf in leaves] + masks
        made = tf.py_function(tensors.never, given, [dtype for dtype, _ in asked])
        made = list(made) if isinstance(made, (list, tuple)) else [made]
        token = made[0].op.get_attr("token").decode()
        outs = [tf.ensure_shape(t, shape) for t, (_, shape) in zip(made, asked)]
        body.tokens[token] = len(body.calls)
        body.calls.append(
            {
                "layer": path,
                "entry": self.serialized(layer),
                "args": tensors.structure(args, 0),
                "kwargs": tensors.structure(kwargs, len(tensors.leaves(args))),
                "masks": sorted(inner.masks) if inner else [],
                "result": tensors.structure(structure),
                "outputs": [tensors.described(t) for t in outs],
                "made_masks": sorted(out_masks),
                "body": None if inner is None else inner.number,
            }
        )
        results = outs[: len(specs)]
        for position, number in enumerate(out_masks):
            results[number]._keras_mask = outs[len(specs) + position]
        return tensors.filled(structure, results)

    def strips_masks(self) -> bool:
        """Whether attention takes the masks of its inputs away: since Keras 3.8."""
        if not self.lib.is_keras3:
            return False
        numbers = str(self.lib.module.__version__).split(".")[:2]
        return [int(n) for n in numbers] >= [3, 8]

    def draw(self, kind: str, shape: Any, dtype: Any, bounds: list[Any]) -> Any:
        """Put one opaque operator where a number is drawn."""
        from tensorflow.python.framework import tensor_util

        tf, body = self.tf, self.stack[-1]
        made = tf.py_function(tensors.never, [shape, *bounds], [dtype])
        made = made[0] if isinstance(made, (list, tuple)) else made
        body.tokens[made.op.get_attr("token").decode()] = len(body.calls)
        made = tf.ensure_shape(made, tensor_util.constant_value_as_shape(shape))
        body.calls.append(
            {"draw": kind, "body": None, "outputs": [tensors.described(made)]}
        )
        return made

    def results_of(self, original: Any, args: Any, kwargs: Any) -> Any:
        """Run a layer in a graph that is thrown away, to learn what comes out."""
        from tensorflow.python.framework.func_graph import FuncGraph

        tf = self.tf
        with FuncGraph("scratch").as_default():
            given = [
                tf.compat.v1.placeholder(leaf.dtype, leaf.shape)
                for leaf in tensors.leaves([args, kwargs])
            ]
            args, kwargs = tensors.filled([args, kwargs], given)
            self.scratch += 1
            try:
                result = original(*args, **kwargs)
            finally:
                self.scratch -= 1
            return tensors.leaves(result), result

    def serialized(self, layer: Any) -> dict[str, Any]:
        """Return a layer's entry as a file would have it; its config may be missing."""
        entry: dict[str, Any] = {
            "class_name": type(layer).__name__,
            "module": type(layer).__module__,
            "name": layer.name,
        }
        if not holding.leaf_class(layer, self.known):
            return entry
        kept = holding.borrowed(layer)
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
        text = json.dumps(found, default=tensors.plain)
        return dict(json.loads(text), name=layer.name)

    # -- what was traced, written
    def write(self, folder: str, notes: list[list[str]]) -> None:
        """Write every body, the weights, and what is not carried over."""
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
        found = {"root": 0, "keras": self.lib.label, "bodies": bodies, "notes": notes}
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
            "keras": holding.is_keras_class(type(layer)),
            "functional": holding.is_functional(self.lib, layer),
            "trainable": bool(layer.trainable),
            "restored": bool(captured),
            "graph": name + ".pb",
            "onnx": name + ".onnx",
            "made": [t.name for t in made_by(body)],
            "tokens": body.tokens,
            "inputs": [dict(tensors.described(t), input=t.name) for t in body.inputs],
            "masks": [
                dict(tensors.described(body.masks[k]), input=body.masks[k].name)
                for k in sorted(body.masks)
            ],
            "arguments": body.arguments,
            "outputs": [tensors.described(t) for t in body.outputs],
            "made_masks": [
                k
                for k, t in enumerate(body.outputs)
                if getattr(t, "_keras_mask", None) is not None
            ],
            "result": tensors.structure(body.result),
            "variables": variables,
            "calls": body.calls,
        }


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
    tracer.write(folder, notes_of(tracer))


def notes_of(tracer: Tracer) -> list[list[str]]:
    """Return what is not carried over of the model, by layer."""
    loaded = tracer.loaded
    calls = beside("frozen").CALLS
    ops = (op for body in tracer.bodies for op in body.graph.get_operations())
    if any(op.type in calls for op in ops):
        restored = "it is restored from a SavedModel: in training it computes what it "
        return [["", restored + "does at inference"]]
    differences = beside("differences")
    again = Tracer(loaded, tracer.known, tracer.opaque, tracer.worker, training=True)
    try:
        again.run(loaded.inputs)
        found: list[list[str]] = differences.told(tracer, again)
    except Exception as error:
        why = tracer.worker.one_line(error)
        note = "what the model does otherwise in training is not known: " + why
        found = [["", note], *differences.losses(tracer)]
    return found
