"""Operators with stored weights → modules, pattern by pattern.

The graph is changed in place: what is recognized becomes one node of the ``keras``
domain, whose definition is in :mod:`keras2torch.operators.modules`. What is not stays
the operator that it was, and reads what is stored as a parameter of the whole model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir
from onnx_ir.passes.common import RemoveUnusedNodesPass

from keras2torch.dialect.nodes import DOMAIN, VERSION, LayerNode, to_node
from keras2torch.layers.base import Layer
from keras2torch.operators.modules import StoredModule
from keras2torch.program.names import identifier
from keras2torch.reading.onnx_names import is_made_up, module_name, shared_prefix

Array = npt.NDArray[Any]
Rule = Callable[["Recognizer", ir.Node], bool]

# What a module is called that the file gives no name.
_CALLED = {
    "Conv": "conv",
    "ConvTranspose": "up",
    "MaxPool": "pool",
    "AveragePool": "pool",
    "Gemm": "linear",
    "MatMul": "linear",
    "Gather": "embedding",
    "BatchNormalization": "norm",
    "InstanceNormalization": "norm",
    "GroupNormalization": "norm",
    "LayerNormalization": "norm",
}
# Operator → the rules that are tried on it, in order.
RULES: dict[str, list[Rule]] = {}


def rule(*operators: str) -> Callable[[Rule], Rule]:
    """Register a rule: it returns whether it recognized something."""

    def register(function: Rule) -> Rule:
        for operator in operators:
            RULES.setdefault(operator, []).append(function)
        return function

    return register


def recognize(model: ir.Model) -> None:
    """Replace, in place, what is recognized; name what is held."""
    # The rules register themselves.
    from keras2torch.reading import onnx_norms, onnx_recurrent, onnx_rules

    del onnx_norms, onnx_recurrent, onnx_rules
    recognizer = Recognizer(model)
    recognizer.run()
    RemoveUnusedNodesPass()(model)
    recognizer.name_held()
    model.graph.opset_imports[DOMAIN] = VERSION


class Recognizer:
    """One walk over a graph, and what the rules need to look around in it."""

    def __init__(self, model: ir.Model) -> None:
        self.model = model
        self.graph = model.graph
        self.producer = model.producer_name or ""
        names = [str(n.name) for n in self.graph if n.name]
        self._prefix = shared_prefix(names)
        self._paths: dict[Any, str] = {}
        self._taken: set[str] = set()
        self._calls: dict[str, int] = {}
        # Initializer → the module that it belongs to.
        self._owner: dict[ir.Value, str] = {}
        self._derived: dict[tuple[ir.Value, str], ir.Value] = {}

    def run(self) -> None:
        """Try the rules, each operator once, in the order of the graph."""
        for node in list(self.graph):
            if node.graph is None or node.domain != "":
                continue
            for each in RULES.get(node.op_type, ()):
                if each(self, node):
                    break

    # -- looking around
    def stored(self, value: ir.Value | None) -> ir.Value | None:
        """Return a parameter, if that is what a value is."""
        if value is None or not value.is_initializer():
            return None
        return value

    def array(self, value: ir.Value | None) -> Array | None:
        """Return what a parameter or a constant holds."""
        if value is None:
            return None
        if value.is_initializer() and value.const_value is not None:
            return value.const_value.numpy()
        source = value.producer()
        if source is None or source.op_type != "Constant" or source.domain:
            return None
        return source.attributes["value"].as_tensor().numpy()

    def numbers(self, value: ir.Value | None) -> list[Any] | None:
        """Return a constant as a flat list."""
        found = self.array(value)
        return None if found is None else list(found.reshape(-1).tolist())

    def number(self, value: ir.Value | None) -> float | None:
        """Return a constant of one entry."""
        found = self.numbers(value)
        return float(found[0]) if found is not None and len(found) == 1 else None

    def only_reader(self, value: ir.Value) -> ir.Node | None:
        """Return the one operator that reads a value."""
        uses = list(value.uses())
        if len(uses) != 1 or value.is_graph_output():
            return None
        reader: ir.Node = uses[0].node
        return reader

    def other(self, node: ir.Node, value: ir.Value) -> ir.Value | None:
        """Return the other of two operands."""
        left, right = node.inputs[:2]
        if left is right:
            return None
        return right if left is value else left

    # -- making
    def derived(self, value: ir.Value, array: Array, what: str) -> ir.Value:
        """Return a parameter made of another: reshaped, or a part of it."""
        key = (value, what)
        if key not in self._derived:
            self._derived[key] = self._new(f"{value.name}/{what}", array)
        return self._derived[key]

    def filled(self, like: str, array: Array) -> ir.Value:
        """Return a new parameter, where a file leaves one out."""
        return self._new(like, array)

    def _new(self, name: str, array: Array) -> ir.Value:
        unique, n = name, 1
        while unique in self.graph.initializers:
            unique, n = f"{name}.{n}", n + 1
        tensor = ir.tensor(np.ascontiguousarray(array), name=unique)
        made = ir.Value(
            name=unique,
            shape=ir.Shape(list(array.shape)),
            type=ir.TensorType(tensor.dtype),
            const_value=tensor,
        )
        self.graph.register_initializer(made)
        return made

    def vector(self, value: ir.Value, size: int) -> ir.Value | None:
        """Return a stored bias as one row; ``None`` if it is something else."""
        if value.shape is None or value.shape.numpy() == (size,):
            return value if value.shape is not None else None
        sizes = value.shape.numpy()
        if len(sizes) and max(sizes) == size == int(np.prod(sizes)):
            array = self.array(value)
            assert array is not None
            return self.derived(value, array.reshape(-1), "flat")
        return None

    def is_free(self, value: ir.Value, key: Any) -> bool:
        """Whether no other module owns a matrix."""
        return self._owner.get(value, self._paths.get(key)) == self._paths.get(key)

    def put(
        self,
        layer: StoredModule,
        old: Sequence[ir.Node],
        inputs: Sequence[ir.Value],
        weights: Mapping[str, ir.Value],
        results: Sequence[ir.Value],
    ) -> None:
        """Put a module in the place of operators.

        Parameters
        ----------
        layer
            The definition, without its name.
        old
            The operators, the last of them last: there the module is called.
        inputs, weights
            What it reads.
        results
            Values that its outputs take over.
        """
        node, made = self.call(layer, old[0], inputs, weights, results)
        ir.convenience.replace_nodes_and_values(
            self.graph, old[-1], list(old), [node], list(results), made
        )

    def call(
        self,
        layer: StoredModule,
        named_by: ir.Node,
        inputs: Sequence[ir.Value],
        weights: Mapping[str, ir.Value],
        like: Sequence[ir.Value],
        states: Sequence[ir.Value] = (),
    ) -> tuple[ir.Node, list[ir.Value]]:
        """Return the node that calls a module, and its outputs, described like others.

        A second call with the same weights is one of the same module.
        """
        path = self._path(self.key(layer, weights), layer, named_by, weights)
        layer.name = path
        count = self._calls.get(path, 0)
        self._calls[path] = count + 1
        call = LayerNode(
            layer=layer,
            path=path,
            inputs=list(inputs),
            masks=[None] * len(inputs),
            states=list(states),
            weights=self._owned(path, weights),
        )
        node = to_node(call, path if not count else f"{path}:{count}", len(like))
        for i, (value, other) in enumerate(zip(call.outputs, like, strict=True)):
            value.name = f"{node.name}/y{i}"
            value.shape, value.type = other.shape, other.type
        return node, call.outputs

    def key(self, layer: Layer, weights: Mapping[str, ir.Value]) -> Any:
        """Return what two calls of one module have in common."""
        config = {k: v for k, v in vars(layer).items() if k != "name"}
        return (
            (type(layer).__name__, repr(config), tuple(weights.values()))
            if (weights)
            else object()
        )

    def _path(
        self, key: Any, layer: StoredModule, node: ir.Node, weights: Mapping[str, Any]
    ) -> str:
        if key not in self._paths:
            default = _CALLED.get(layer.operator, layer.operator.lower())
            told = [str(v.name) for v in weights.values()]
            name = module_name(str(node.name or ""), told, self._prefix, default)
            unique, n = name, 1
            # Two names that give one identifier would be told apart by numbers anyway.
            while identifier(unique) in self._taken:
                unique, n = f"{name}_{n}", n + 1
            self._taken.add(identifier(unique))
            self._paths[key] = unique
        return self._paths[key]

    def _owned(self, path: str, weights: Mapping[str, ir.Value]) -> dict[str, ir.Value]:
        """Copy what another module owns: exporters keep equal biases once."""
        found = {}
        for name, value in weights.items():
            owner = self._owner.setdefault(value, path)
            if owner != path:
                array = self.array(value)
                assert array is not None
                value = self.derived(value, array, path)
                self._owner[value] = path
            found[name] = value
        return found

    # -- what stays
    def name_held(self) -> None:
        """Give what operators read themselves a name, and its place in the model."""
        used = {v for n in self.graph for v in n.inputs if v is not None}
        plain = {v for n in self.graph if n.domain == "" for v in n.inputs}
        index = 0
        for name, value in list(self.graph.initializers.items()):
            if value not in used and not value.is_graph_output():
                del self.graph.initializers[name]
            elif value in plain or value not in used:
                value.metadata_props["keras_path"] = ""
                value.metadata_props["keras_name"] = self._held_name(value)
                value.metadata_props["keras_key"] = f"/{index}"
                value.metadata_props["trainable"] = "1"
                index += 1

    def _held_name(self, value: ir.Value) -> str:
        name = str(value.name)
        if "/" not in name and ":" not in name and not is_made_up(name):
            return name
        reader = next((u.node for u in value.uses()), None)
        if reader is None:
            return "weight"
        role = {"Mul": "scale", "Add": "shift"}.get(reader.op_type, "weight")
        of = module_name(str(reader.name or ""), [name], self._prefix, "")
        return f"{of}_{role}" if of else role


def attributes_of(node: ir.Node) -> dict[str, Any]:
    """Return the attributes as plain values."""
    found: dict[str, Any] = {}
    for attribute in node.attributes.values():
        value = attribute.value
        if attribute.type == ir.AttributeType.INTS:
            value = [int(v) for v in value]
        elif attribute.type == ir.AttributeType.STRING:
            value = value.decode() if isinstance(value, bytes) else value
        elif attribute.type == ir.AttributeType.STRINGS:
            value = [v.decode() if isinstance(v, bytes) else v for v in value]
        elif attribute.type == ir.AttributeType.FLOATS:
            value = [float(v) for v in value]
        found[attribute.name] = value
    return found


def sizes_of(value: ir.Value) -> list[int | str | None]:
    """Return the sizes of a value: numbers, symbols, or nothing."""
    if value.shape is None:
        return []
    return [
        d if isinstance(d, int) else (None if d.value is None else str(d.value))
        for d in value.shape
    ]
