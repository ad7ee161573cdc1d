"""Building a graph layer by layer, the way Keras calls layers.

The builder infers shapes, makes Keras' implicit masks explicit, and gives each layer
its weights as named initializers (without data: whoever reads a file fills them).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy.typing as npt
import onnx_ir as ir

from keras2torch.dialect.nodes import (
    DOMAIN,
    VERSION,
    LayerNode,
    is_layer,
    to_node,
)
from keras2torch.errors import UnsupportedLayer
from keras2torch.layers.definitions import Functional, Layer, Shape, Weight

OPSET = 21
_DTYPES = {
    "float16": ir.DataType.FLOAT16,
    "bfloat16": ir.DataType.BFLOAT16,
    "float32": ir.DataType.FLOAT,
    "float64": ir.DataType.DOUBLE,
    "int8": ir.DataType.INT8,
    "uint8": ir.DataType.UINT8,
    "int16": ir.DataType.INT16,
    "int32": ir.DataType.INT32,
    "int64": ir.DataType.INT64,
    "uint16": ir.DataType.UINT16,
    "uint32": ir.DataType.UINT32,
    "uint64": ir.DataType.UINT64,
    "bool": ir.DataType.BOOL,
    "string": ir.DataType.STRING,
    "complex64": ir.DataType.COMPLEX64,
    "complex128": ir.DataType.COMPLEX128,
}
_NAMES = {v: k for k, v in _DTYPES.items()}


def shape_of(value: ir.Value) -> Shape:
    """Return the Keras shape of a value: ``None`` for an unknown size."""
    assert value.shape is not None, value.name
    return tuple(d if isinstance(d, int) else None for d in value.shape)


def dtype_of(value: ir.Value) -> str:
    """Return the dtype of a value as Keras spells it."""
    assert value.dtype is not None, value.name
    return _NAMES[value.dtype]


def dtype_named(kind: ir.DataType) -> str:
    """Return an ONNX dtype as Keras spells it."""
    return _NAMES[kind]


def describe(value: ir.Value, name: str, shape: Shape, dtype: str) -> ir.Value:
    """Give a value its name, shape and dtype."""
    value.name = name
    value.shape = ir.Shape(list(shape))
    value.type = ir.TensorType(_DTYPES[dtype])
    return value


@dataclass
class LayerWeights:
    """The weights of one layer: what Keras declares, and the values to fill."""

    layer: Layer
    path: str
    weights: list[Weight]
    values: list[ir.Value]


@dataclass
class _Shared:
    """What all graphs of one model have in common."""

    initializers: list[ir.Value] = field(default_factory=list)
    layers: dict[str, LayerWeights] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)


class GraphBuilder:
    """Builds one graph; :meth:`nested` gives the builder of a model inside.

    Parameters
    ----------
    name
        The model's Keras name.
    path
        Prefix of the paths of its layers: ``"encoder/"``, ``""`` outermost.
    explicit
        No mask travels with a value: calls are given theirs.

    Examples
    --------
    >>> from keras2torch.layers.definitions import Dense
    >>> b = GraphBuilder("model")
    >>> x = b.input("x", (None, 4))
    >>> [y] = b.call(Dense(2, name="dense"), [x])
    >>> model = b.model([y])
    """

    def __init__(
        self,
        name: str,
        *,
        path: str = "",
        shared: _Shared | None = None,
        explicit: bool = False,
    ) -> None:
        self.name = name
        self.path = path
        self._explicit = explicit
        self._shared = shared or _Shared()
        self._inputs: list[ir.Value] = []
        self._nodes: list[ir.Node] = []
        self._operations: set[ir.Node] = set()
        self._masks: dict[ir.Value, ir.Value] = {}
        # Values that have no mask when the model runs: attention took it away.
        self._stripped: set[ir.Value] = set()
        # Of a nested model: the mask given to an input, here → out there.
        self._given_masks: dict[ir.Value, ir.Value] = {}

    # -- values
    def input(self, name: str, shape: Shape, dtype: str = "float32") -> ir.Value:
        """Add an input; ``shape`` includes the batch axis."""
        value = describe(ir.Value(), self._unique(self.path + name), shape, dtype)
        value.metadata_props["keras_name"] = name
        self._inputs.append(value)
        return value

    def masked_input(self, value: ir.Value, mask: ir.Value) -> None:
        """Say that a nested model's input comes with a mask.

        The body gets an input for it, after its other inputs and only if it is used.

        Parameters
        ----------
        value
            What :meth:`input` returned.
        mask
            The mask where the model is called.
        """
        name = f"{value.name}/mask"
        inner = describe(ir.Value(), self._unique(name), shape_of(mask), "bool")
        self._given_masks[inner] = mask
        self._masks[value] = inner

    def mask_of(self, value: ir.Value) -> ir.Value | None:
        """Return the mask that travels with a value, as ``_keras_mask`` does."""
        return self._masks.get(value)

    def _seen_mask(self, layer: Layer, value: ir.Value) -> ir.Value | None:
        """Return the mask of a value that a layer reads when the model runs."""
        reads = layer.masking == "use" and not layer.makes_mask([True])
        lost = value in self._stripped and reads and not layer.told_masks()
        return None if lost else self._masks.get(value)

    def live_mask_of(
        self, value: ir.Value, given: ir.Value | None = None
    ) -> ir.Value | None:
        """Return the mask that a value has when the model runs.

        Where no mask travels with a value it is the ``given`` one.
        """
        if self._explicit:
            return given
        return None if value in self._stripped else self._masks.get(value)

    def nested(self, name: str) -> GraphBuilder:
        """Return the builder of a model inside this one."""
        return GraphBuilder(
            name,
            path=f"{self.path}{name}/",
            shared=self._shared,
            explicit=self._explicit,
        )

    @property
    def layers(self) -> dict[str, LayerWeights]:
        """Weights of every layer, by path, in order of first call."""
        return self._shared.layers

    # -- calls
    def call(
        self,
        layer: Layer,
        inputs: Sequence[ir.Value],
        *,
        masks: Sequence[ir.Value | None] | None = None,
        states: Sequence[ir.Value] = (),
        named: Mapping[str, ir.Value] | None = None,
        options: Mapping[str, Any] | None = None,
        unseen: bool = False,
    ) -> list[ir.Value]:
        """Call a layer and return its outputs.

        Parameters
        ----------
        layer
            The definition; a second call with the same name shares its weights.
        inputs
            Tensors of the first argument, or of the leading arguments.
        masks
            Masks given in the call; without, those that travel with the inputs.
        states, named, options
            ``initial_state``, other tensors, and other arguments of the call.
        unseen
            The layer does not see the masks that travel with its inputs; they go on
            all the same.
        """
        path = self.path + layer.name
        if not layer.reads_strings:
            _no_strings(inputs, layer.unsupported)
        shapes = [shape_of(v) for v in inputs]
        there = (
            list(masks)
            if masks is not None
            else [self._seen_mask(layer, value) for value in inputs]
        )
        weights = self._weights(layer, path, shapes)
        made = not self._explicit and layer.call_makes_mask(
            dict(options or {}), [m is not None for m in there]
        )
        node = LayerNode(
            layer=layer,
            path=path,
            inputs=list(inputs),
            masks=there if layer.masking == "use" and not unseen else [],
            states=list(states),
            named=dict(named or {}),
            weights=dict(
                zip([w.name for w in weights.weights], weights.values, strict=True)
            ),
            options=dict(options or {}),
            mask=ir.Value() if made else None,
        )
        out_shapes = layer.call_shapes(node.options, *shapes)
        given = [dtype_of(v) for v in inputs]
        kinds = layer.call_dtypes(node.options, len(out_shapes), *given)
        self._append(node, list(zip(out_shapes, kinds, strict=True)))
        if node.mask is not None:
            describe(
                node.mask,
                self._unique(f"{node.outputs[0].name}/mask"),
                layer.mask_shape(*shapes),
                "bool",
            )
            self._masks[node.outputs[0]] = node.mask
        elif there and there[0] is not None and not self._explicit:
            passes = layer.masking == "pass" or (
                layer.masking == "use" and layer.passes_mask()
            )
            if passes:
                for value in node.outputs[: layer.masked_outputs()]:
                    self._masks[value] = there[0]
        self._follow_stripped(layer, inputs, node.outputs)
        return node.outputs

    def _follow_stripped(
        self, layer: Layer, inputs: Sequence[ir.Value], outputs: Sequence[ir.Value]
    ) -> None:
        """Follow where Keras 3 has masks while a model is made, and none as it runs."""
        source = self._masks.get(inputs[0]) if inputs else None
        if layer.strips_masks() and source is not None and outputs:
            self._masks[outputs[0]] = source
        if not layer.told_masks() and self._stripped & set(inputs):
            self._stripped |= {v for v in outputs if v in self._masks}
        if layer.strips_masks():
            self._stripped |= {v for v in inputs if v in self._masks}

    def call_model(
        self,
        layer: Layer,
        inner: GraphBuilder,
        inputs: Sequence[ir.Value],
        outputs: Sequence[ir.Value],
        out_shapes: Sequence[Shape] | None = None,
        *,
        options: Mapping[str, Any] | None = None,
        mask: ir.Value | None = None,
    ) -> list[ir.Value]:
        """Call a layer that holds a model: a nested model, or TimeDistributed of one.

        Parameters
        ----------
        layer
            ``Functional(name=…)``, or a wrapper whose inside is the model.
        inner
            Builder of the model inside, after its layers were called.
        inputs, outputs
            Values given to the model here, and the inner values that it returns.
        out_shapes
            Shapes out here, where they differ from the inner ones; of a loop that
            keeps its states to itself there is one.
        mask
            That of a loop's steps, which the model inside never sees.

        Raises
        ------
        UnsupportedLayer
            If the model makes two masks.
        """
        steps = not isinstance(layer, Functional)
        # A wrapper forgets the masks of its steps, but hands on its own.
        made = [] if steps else inner.made_masks(outputs)
        if len(made) > 1:
            raise layer.unsupported("a model that makes several masks")
        used = inner.used_masks()
        at = {body_input: i for i, body_input in enumerate(inner.inputs)}
        masks: list[ir.Value | None] = [None] * len(inputs)
        for body_input, body_mask in inner.masks.items():
            if body_input in at and body_mask in used:
                masks[at[body_input]] = used[body_mask]
        node = LayerNode(
            layer=layer,
            path=self.path + layer.name,
            inputs=list(inputs),
            masks=[mask, *masks[1:]] if mask is not None else masks if used else [],
            options=dict(options or {}),
            mask=ir.Value() if made else None,
            body=inner.graph([*outputs, *made]),
        )
        self._shared.layers.setdefault(
            node.path, LayerWeights(layer, node.path, [], [])
        )
        shapes = out_shapes or [shape_of(v) for v in outputs]
        outputs = outputs[: len(shapes)]
        self._append(
            node, [(s, dtype_of(v)) for s, v in zip(shapes, outputs, strict=True)]
        )
        if node.mask is not None:
            name = self._unique(f"{node.outputs[0].name}/mask")
            describe(node.mask, name, shape_of(made[0]), "bool")
        for value, body_output in zip(node.outputs, outputs, strict=True):
            mask = inner.mask_of(body_output)
            if steps:
                if (own := self._masks.get(inputs[0])) is not None:
                    self._masks[value] = own
            elif mask is not None:
                outer = inner.given_mask(mask) or node.mask
                assert outer is not None
                self._masks[value] = outer
        return node.outputs

    # -- what a nested model's builder tells the one that calls it
    @property
    def inputs(self) -> list[ir.Value]:
        """The inputs, masks not included."""
        return list(self._inputs)

    @property
    def masks(self) -> dict[ir.Value, ir.Value]:
        """The mask that travels with a value."""
        return dict(self._masks)

    def given_mask(self, mask: ir.Value) -> ir.Value | None:
        """Return the mask out there that a mask in here is, if it came in."""
        return self._given_masks.get(mask)

    def used_masks(self) -> dict[ir.Value, ir.Value]:
        """Return the masks that came in and are read: in here → out there."""
        return {m: outer for m, outer in self._given_masks.items() if m.uses()}

    def made_masks(self, outputs: Sequence[ir.Value]) -> list[ir.Value]:
        """Return the masks that go out with these and were made in here."""
        found = [self._masks.get(value) for value in outputs]
        made = [m for m in found if m is not None and m not in self._given_masks]
        return list(dict.fromkeys(made))

    # -- what is no layer
    def operator(
        self,
        op_type: str,
        inputs: Sequence[ir.Value],
        name: str,
        shape: Shape,
        dtype: str,
        attributes: Sequence[ir.Attr] = (),
    ) -> ir.Value:
        """Add an operator of standard ONNX; no mask goes through it."""
        return self.operators(op_type, inputs, name, [(shape, dtype)], attributes)[0]

    def operators(
        self,
        op_type: str,
        inputs: Sequence[ir.Value | None],
        name: str,
        outputs: Sequence[tuple[Shape, str]],
        attributes: Sequence[ir.Attr] = (),
        domain: str = "",
    ) -> list[ir.Value]:
        """Add an operator with several outputs, or with absent inputs.

        Parameters
        ----------
        outputs
            Shape and dtype of each.
        domain
            That of what draws numbers, where it is none of standard ONNX.
        """
        path = self._unique(self.path + name)
        _no_strings(
            inputs,
            lambda why: UnsupportedLayer(f"operation {path!r} ({op_type}): {why}"),
        )
        node = ir.Node(
            domain, op_type, inputs, attributes, num_outputs=len(outputs), name=path
        )
        for i, (value, (shape, dtype)) in enumerate(
            zip(node.outputs, outputs, strict=True)
        ):
            text = path if len(outputs) == 1 else f"{path}/{i}"
            describe(value, self._unique(f"{text}/y"), shape, dtype)
        self._nodes.append(node)
        return list(node.outputs)

    def initializer(self, value: ir.Value) -> None:
        """Add an array that operators read and no layer owns."""
        value.name = self._unique(str(value.name))
        self._shared.initializers.append(value)

    def name_operator(self, value: ir.Value, name: str) -> None:
        """Give the operator that made a value the name of the layer that it is."""
        node = value.producer()
        assert node is not None
        if node.domain != DOMAIN:
            node.name = self._unique(self.path + name)

    def stands_for_operation(self, value: ir.Value) -> None:
        """Say that the layer that made a value stands for an operation in the file."""
        node = value.producer()
        assert node is not None
        self._operations.add(node)

    def is_operation(self, value: ir.Value) -> bool:
        """Whether an operation made a value, not a layer."""
        node = value.producer()
        return node is not None and (node.domain != DOMAIN or node in self._operations)

    def constant(self, array: npt.NDArray[Any], name: str) -> ir.Value:
        """Add a constant."""
        attribute = ir.AttrTensor("value", ir.Tensor(array))
        shape: Shape = tuple(array.shape)
        return self.operator("Constant", [], name, shape, str(array.dtype), [attribute])

    def _append(self, call: LayerNode, outputs: list[tuple[Shape, str]]) -> None:
        count = self._shared.calls.get(call.path, 0)
        self._shared.calls[call.path] = count + 1
        name = call.path if count == 0 else f"{call.path}:{count}"
        node = to_node(call, name, len(outputs))
        for i, (value, (shape, dtype)) in enumerate(
            zip(call.outputs, outputs, strict=True)
        ):
            text = name if len(outputs) == 1 else f"{name}/{i}"
            describe(value, self._unique(text + "/y"), shape, dtype)
        self._nodes.append(node)

    def _weights(self, layer: Layer, path: str, shapes: list[Shape]) -> LayerWeights:
        if path not in self._shared.layers:
            declared = layer.weights(*shapes)
            values = [
                describe(ir.Value(), f"{path}/{w.name}", w.shape, "float32")
                for w in declared
            ]
            self._shared.initializers += values
            self._shared.layers[path] = LayerWeights(layer, path, declared, values)
        return self._shared.layers[path]

    def _unique(self, name: str) -> str:
        unique, n = name, 1
        while unique in self._shared.names:
            unique, n = f"{name}.{n}", n + 1
        self._shared.names.add(unique)
        return unique

    # -- graphs
    def graph(self, outputs: Sequence[ir.Value]) -> ir.Graph:
        """Return the graph; the outermost one owns all initializers.

        Operators whose result nobody takes are left out; layers stay.
        """
        kept = set(outputs)
        for node in reversed(list(self._nodes)):
            idle = not any(v.uses() or v in kept for v in node.outputs)
            if idle and (not is_layer(node) or node in self._operations):
                for i in range(len(node.inputs)):
                    node.replace_input_with(i, None)
                self._nodes.remove(node)
        return ir.Graph(
            [*self._inputs, *self.used_masks()],
            list(outputs),
            nodes=self._nodes,
            initializers=self._shared.initializers if not self.path else (),
            opset_imports={"": OPSET, DOMAIN: VERSION},
            name=self.name,
        )

    def model(self, outputs: Sequence[ir.Value], **metadata: str) -> ir.Model:
        """Return the finished model with metadata (``keras_version`` …)."""
        return ir.Model(
            self.graph(outputs),
            ir_version=10,
            producer_name="keras2torch",
            metadata_props=dict(metadata),
        )


def _no_strings(
    values: Sequence[ir.Value | None], error: Callable[[str], UnsupportedLayer]
) -> None:
    """Raise where strings, which no tensor holds, come to what computes on tensors."""
    if any(v is not None and v.dtype == ir.DataType.STRING for v in values):
        raise error("it is called on strings, which only layers that look them up read")


__all__ = [
    "Functional",
    "GraphBuilder",
    "LayerWeights",
    "describe",
    "dtype_of",
    "shape_of",
]
