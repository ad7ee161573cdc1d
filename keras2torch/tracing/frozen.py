"""SavedModels without Keras, and what TensorFlow's own functions compute.

A script beside ``worker.py``: self-contained, and for the same Pythons. A function that
was restored from a SavedModel is called, not traced again: its graph holds calls of
other graphs and reads variables by their handles. :func:`flat` inlines these calls and
turns each variable into a placeholder. :class:`Signature` is the model that the worker
holds where no Keras makes one of a folder. :func:`to_onnx` makes ONNX files of a trace:
old environments have no tf2onnx, so that another process may do it.
"""

# ruff: noqa: UP031

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

# The worker gives every script what finds another.
beside: Callable[[str], Any] = globals()["beside"]
OPSET = 18
CALLS = ("PartitionedCall", "StatefulPartitionedCall")
LOOPS = ("While", "StatelessWhile")
SERVING = "serving_default"


class NotFrozen(Exception):
    """What cannot be carried of a restored function, in a sentence."""


# ---------------------------------------------------------------------------- graphs


def is_flat(graph: Any, outputs: list[Any]) -> bool:
    """Whether outputs need no restored function and nothing that is captured."""
    captured = {id(inner.op) for _, inner in graph.captures}
    seen, waiting = set(), [tensor.op for tensor in outputs]
    while waiting:
        op = waiting.pop()
        if op.type in CALLS or id(op) in captured:
            return False
        if id(op) not in seen:
            seen.add(id(op))
            waiting += [tensor.op for tensor in op.inputs]
    return True


def flat(
    graph: Any, inputs: list[Any], outputs: list[Any], variables: list[Any]
) -> tuple[Any, list[tuple[Any, str]]]:
    """Return a graph's definition without calls, and its captured variables.

    Parameters
    ----------
    graph
        A ``FuncGraph``.
    inputs, outputs
        Its tensors.
    variables
        Every ``tf.Variable`` that it may capture.

    Returns
    -------
    definition, captured
        The ``GraphDef``; pairs of a variable and the name of its placeholder.
    """
    if is_flat(graph, outputs):
        definition = graph.as_graph_def(add_shapes=True)
        # A variable that is assigned to, and not read, is no input.
        _keep_needed(definition, [*inputs, *outputs])
        return definition, []
    import tensorflow as tf
    from tensorflow.python.framework import convert_to_constants

    by_handle = {}
    for variable in variables:
        handle = getattr(variable, "handle", None)
        if handle is not None:
            by_handle[id(handle)] = variable
    # A list of pairs since TensorFlow 2.0, in one form or another.
    pairs = [(outer, inner) for outer, inner in graph.captures]
    captured = []
    for outer, inner in pairs:
        if outer.dtype == tf.resource:
            if id(outer) not in by_handle:
                raise NotFrozen(
                    "it reads %s, which is no variable (a lookup table?)"
                    % (getattr(outer, "name", "") or "a resource")
                    if not hasattr(outer, "numpy")
                    else "it reads a resource that is no variable (a lookup table?)"
                )
            name = inner.name.partition(":")[0]
            captured.append((by_handle[id(outer)], name))
        elif not hasattr(outer, "numpy"):
            raise NotFrozen("it reads a tensor of the code around it")
    # Weak references: the list keeps the variables.
    graph.variables = [variable for variable, _ in captured]
    inner_inputs = [inner for _, inner in pairs]
    function = _Function(graph, inputs + inner_inputs, outputs, [o for o, _ in pairs])
    kind = getattr(convert_to_constants, "_FunctionConverterDataInEager", None)
    if kind is None:
        kind = convert_to_constants._FunctionConverterData
    data = kind(func=function, lower_control_flow=False, aggressive_inlining=True)
    definition, _ = convert_to_constants._replace_variables_by_constants(data)
    left = [node for node in definition.node if node.op in CALLS]
    if left:
        raise NotFrozen("its function %s cannot be inlined" % left[0].name)
    _keep_needed(definition, [*inputs, *outputs])
    _check_loops(definition, {name: v for v, name in captured})
    _with_placeholders(definition, {name: v for v, name in captured})
    there = {node.name for node in definition.node}
    return definition, [(v, name) for v, name in captured if name in there]


def _keep_needed(definition: Any, tensors: list[Any]) -> None:
    """Leave what some tensors are computed of: no counting and no other assignment."""
    read = {}
    for node in definition.node:
        data = [name for name in node.input if not name.startswith("^")]
        del node.input[:]
        node.input.extend(data)
        read[node.name] = [name.partition(":")[0] for name in data]
    needed: set[str] = set()
    waiting = [tensor.op.name for tensor in tensors]
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            waiting += read[name]
    kept = [node for node in definition.node if node.name in needed]
    for node in kept:
        if "_class" in node.attr:  # beside which node it runs, which may be gone
            del node.attr["_class"]
    del definition.node[:]
    definition.node.extend(kept)


class _Function:
    """What the freezing asks of a ``ConcreteFunction``."""

    def __init__(
        self, graph: Any, inputs: list[Any], outputs: list[Any], captured: list[Any]
    ) -> None:
        self.graph = graph
        self.inputs = inputs
        self.outputs = outputs
        self.captured_inputs = captured
        self._captured_inputs = captured


def _check_loops(definition: Any, variables: dict[str, Any]) -> None:
    """Refuse a loop that reads variables: ONNX knows recurrent layers by constants."""
    nodes = {node.name: node for node in definition.node}
    for node in definition.node:
        if node.op not in LOOPS:
            continue
        for name in node.input:
            source = name.partition(":")[0]
            while nodes[source].op == "Identity":
                source = nodes[source].input[0].partition(":")[0]
            if source in variables:
                raise NotFrozen(
                    "it loops over steps with the weight %s, and what layer that was "
                    "is lost in a SavedModel; convert the .keras or .h5 file of the "
                    "model instead" % variables[source].name.partition(":")[0]
                )


def _with_placeholders(definition: Any, variables: dict[str, Any]) -> None:
    """Make the constants that were variables placeholders again."""
    for node in definition.node:
        variable = variables.get(node.name)
        if variable is None or node.op != "Const":
            continue
        dtype = variable.dtype.base_dtype
        node.op = "Placeholder"
        del node.input[:]
        node.attr.clear()
        node.attr["dtype"].type = dtype.as_datatype_enum
        node.attr["shape"].shape.CopyFrom(variable.shape.as_proto())


# ------------------------------------------------------------------------------ ONNX


def to_onnx(folder: str) -> None:
    """Make an ONNX file of each graph of a trace, with tf2onnx."""
    import tf2onnx.optimizer  # type: ignore[import-untyped,unused-ignore]
    from onnx import helper
    from tensorflow.core.framework import graph_pb2

    handlers = beside("handlers")
    with open(os.path.join(folder, "trace.json"), encoding="utf-8") as file:
        bodies = json.load(file)["bodies"]
    for body in bodies:
        definition = graph_pb2.GraphDef()
        with open(os.path.join(folder, body["graph"]), "rb") as source:
            definition.ParseFromString(source.read())

        def keep(
            ctx: Any, node: Any, name: str, args: Any, calls: Any = body["tokens"]
        ) -> None:
            token = node.get_attr("token").s.decode()
            for attribute in list(node.attr):
                del node.attr[attribute]
            node.domain = "keras"
            node.type = "Call"
            node.set_attr("call", calls[token])

        given = [*body["inputs"], *body["masks"], *body["variables"]]
        # An einsum says more than the reshapes and products that it can be.
        tf2onnx.optimizer._optimizers.pop("einsum_optimizer", None)
        model, _ = tf2onnx.convert._convert_common(
            definition,
            name="body",
            input_names=[value["input"] for value in given],
            output_names=body["made"],
            opset=OPSET,
            custom_op_handlers={
                **handlers.of(definition),
                "EagerPyFunc": (keep, []),
                "Einsum": (letters, []),
                "Erfc": (complement, []),
                "ReverseV2": (flip, []),
                "SelectV2": (where, []),
            },
            extra_opset=[helper.make_opsetid("keras", 1)],
        )
        with open(os.path.join(folder, body["onnx"]), "wb") as target:
            target.write(model.SerializeToString())


def where(ctx: Any, node: Any, name: str, args: Any) -> None:
    """Choose by a condition; of whole numbers tf2onnx makes sums of products."""
    node.type = "Where"
    for attribute in list(node.attr):
        del node.attr[attribute]


def letters(ctx: Any, node: Any, name: str, args: Any) -> None:
    """Keep H and h apart: tf2onnx writes an equation in small letters."""
    from string import ascii_lowercase

    equation = node.get_attr_str("equation").replace(" ", "")
    free = [c for c in ascii_lowercase if c not in equation]
    large = [c for c in dict.fromkeys(equation) if c.isupper()]
    small = {c: c.lower() for c in large if c.lower() in free}
    rest = [c for c in free if c not in small.values()]
    small |= dict(zip([c for c in large if c not in small], rest))
    for attribute in list(node.attr):
        del node.attr[attribute]
    node.set_attr("equation", equation.translate(str.maketrans(small)))


def complement(ctx: Any, node: Any, name: str, args: Any) -> None:
    """Write the complementary error function as 1 - erf(x)."""
    import numpy as np

    dtype, shape = ctx.get_dtype(node.output[0]), ctx.get_shape(node.output[0])
    kind = ctx.get_dtype(node.input[0]) or dtype
    one = ctx.make_const(name + "/one", np.ones((), _array_dtype(kind))).output[0]
    made = ctx.make_node("Erf", [node.input[0]], dtypes=[dtype], shapes=[shape])
    node.type = "Sub"
    for attribute in list(node.attr):
        del node.attr[attribute]
    ctx.replace_inputs(node, [one, made.output[0]])


def _array_dtype(kind: int) -> Any:
    """Return NumPy's name of an ONNX type."""
    from onnx import helper

    return helper.tensor_dtype_to_np_dtype(kind)


def flip(ctx: Any, node: Any, name: str, args: Any) -> None:
    """Reverse axes by a slice; tf2onnx' own way depends on the batch."""
    import numpy as np

    axes = np.asarray(node.inputs[1].get_tensor_value(as_list=False), "int64")
    axes = axes.reshape(-1)
    parts = {
        "starts": np.full_like(axes, -1),
        "ends": np.full_like(axes, np.iinfo("int64").min),
        "axes": axes,
        "steps": np.full_like(axes, -1),
    }
    made = [ctx.make_const(name + "/" + k, v).output[0] for k, v in parts.items()]
    node.type = "Slice"
    for attribute in list(node.attr):
        del node.attr[attribute]
    ctx.replace_inputs(node, [node.input[0], *made])


# ----------------------------------------------------------------------- SavedModels


def is_keras_folder(path: str) -> bool:
    """Whether Keras 2 wrote a SavedModel: its root is a layer."""
    if os.path.exists(os.path.join(path, "keras_metadata.pb")):
        return True
    from tensorflow.core.protobuf import saved_model_pb2

    found = saved_model_pb2.SavedModel()
    with open(os.path.join(path, "saved_model.pb"), "rb") as file:
        found.ParseFromString(file.read())
    nodes = found.meta_graphs[0].object_graph_def.nodes if found.meta_graphs else []
    root = nodes[0].user_object.identifier if len(nodes) else ""
    return str(root).startswith("_tf_keras_")


class Holder:
    """What holds variables: one segment of their names, as a layer would."""

    def __init__(self, name: str, weights: list[Any], trained: set[int]) -> None:
        self.name = name
        self.weights = weights
        self.trainable_weights = [v for v in weights if id(v) in trained]
        self.trainable = True

    def call(self, inputs: Any) -> Any:
        """It is no layer: the restored graph reads its variables."""
        raise NotFrozen("%s is not called" % self.name)


class Signature:
    """A signature of a SavedModel, called and described like a model.

    Parameters
    ----------
    path
        The folder.
    """

    def __init__(self, path: str) -> None:
        import tensorflow as tf

        self.restored = tf.saved_model.load(path)
        found = dict(getattr(self.restored, "signatures", None) or {})
        self.function = chosen(found, path)
        self.name = os.path.basename(os.path.normpath(path)) or "model"
        self.trainable = True
        named = self.function.structured_input_signature[1]
        self.specs = {name: named[name] for name in sorted(named)}
        outputs = self.function.structured_outputs
        self.outputs = [
            tf.TensorSpec(outputs[name].shape, outputs[name].dtype, name=name)
            for name in sorted(outputs)
        ]
        self.weights = used_variables(self.function)
        trained = trained_variables(self.restored)
        kept = [v for v in self.weights if id(v) in trained or trained == set()]
        ours = [v for v in kept if v.trainable]
        self.trainable_weights = ours if not trained else kept
        self.layers: list[Any] = []
        self.holders = held(self, self.restored)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Compute the signature."""
        return self.function(**inputs)

    def __call__(self, inputs: Any, training: bool = False) -> Any:
        """Compute the signature."""
        return self.call(inputs, training)

    def get_config(self) -> Any:
        """A restored function has none."""
        raise NotFrozen("a restored function computes in its own dtypes")

    @classmethod
    def from_config(cls, config: Any, custom_objects: Any = None) -> Any:
        """A restored function is not made again."""
        raise NotFrozen("a restored function computes in its own dtypes")


def chosen(signatures: dict[str, Any], path: str) -> Any:
    """Return the signature that is meant: for serving, or the only one."""
    if SERVING in signatures:
        return signatures[SERVING]
    if len(signatures) == 1:
        return next(iter(signatures.values()))
    if not signatures:
        raise NotFrozen(
            "%s holds no signature: save it with tf.saved_model.save(module, folder, "
            "signatures=module.call.get_concrete_function(tf.TensorSpec(…)))" % path
        )
    raise NotFrozen(
        "%s holds several signatures and none is called %s: %s; save it with the one "
        "to convert as its only one" % (path, SERVING, ", ".join(sorted(signatures)))
    )


def used_variables(function: Any) -> list[Any]:
    """Return what a restored function reads, each variable once."""
    found: list[Any] = []
    for variable in function.graph.variables:
        if all(variable is not other for other in found):
            found.append(variable)
    return found


def trained_variables(restored: Any) -> set[int]:
    """Return what the object itself calls trainable; empty if it says nothing."""
    try:
        listed = list(restored.trainable_variables)
        others = list(restored.non_trainable_variables)
    except (AttributeError, TypeError, ValueError):
        return set()
    return {id(v) for v in listed} if listed and others is not None else set()


def held(signature: Signature, restored: Any) -> list[tuple[str, Holder]]:
    """Return path → what holds variables there, by the names of the variables.

    Where two variables share a name, or it says nothing, the attributes that lead to
    them in the SavedModel's objects do.
    """
    names = [v.name.partition(":")[0] for v in signature.weights]
    if len(set(names)) < len(names) or any("/" not in name for name in names):
        attributes = paths_of(restored)
        names = [
            attributes.get(id(variable), name)
            for variable, name in zip(signature.weights, names)
        ]
    groups: dict[str, list[Any]] = {}
    signature.names = {}  # type: ignore[attr-defined]
    for variable, name in zip(signature.weights, names):
        path, _, last = name.rpartition("/")
        groups.setdefault(path, []).append(variable)
        signature.names[id(variable)] = last  # type: ignore[attr-defined]
    trained = {id(v) for v in signature.trainable_weights}
    return [
        (path, Holder(path.rpartition("/")[2], variables, trained))
        for path, variables in groups.items()
    ]


def paths_of(restored: Any) -> dict[int, str]:
    """Return the attributes that lead to each variable, the shortest way."""
    import tensorflow as tf

    found: dict[int, str] = {}
    seen = {id(restored)}
    queue = [("", restored)]
    while queue:
        path, item = queue.pop(0)
        for name, child in sorted(children_of(item).items()):
            if id(child) in seen:
                continue
            seen.add(id(child))
            inner = path + "/" + name if path else name
            if isinstance(child, tf.Variable):
                found[id(child)] = inner
            else:
                queue.append((inner, child))
    return found


def children_of(item: Any) -> dict[str, Any]:
    """Return what a restored object tracks, by attribute."""
    try:
        found = dict(item._trackable_children())
    except (AttributeError, TypeError):
        tracked = getattr(item, "_checkpoint_dependencies", [])
        found = {str(reference.name): reference.ref for reference in tracked}
    return {str(k): v for k, v in found.items() if k != "signatures"}
