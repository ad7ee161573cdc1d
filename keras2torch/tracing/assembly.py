"""From a trace to the graph that reading would have made: layers whole, ops between.

``tracer.py`` says what a trace is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
from onnx import TensorProto, helper, shape_inference

from keras2torch.dialect import DOMAIN, GraphBuilder
from keras2torch.dialect.builder import dtype_named
from keras2torch.errors import NeedsTracing, UnsupportedLayer
from keras2torch.layers.definitions import (
    CellLoop,
    Functional,
    Layer,
    Shape,
    TimeDistributed,
)
from keras2torch.layers.replaced import Replaced
from keras2torch.reading import operations
from keras2torch.reading.build import Assembler
from keras2torch.reading.configs import Context
from keras2torch.reading.hdf5 import Stored
from keras2torch.reading.reader import fill
from keras2torch.reading.topology import CallSpec, LayerSpec, flat, layer_spec
from keras2torch.reading.versions import Version
from keras2torch.tracing.resized import with_sizes
from keras2torch.tracing.restored import with_modules

# A custom layer without weights that computes no more than this is an expression in
# its caller and no class of its own.
_FEW = 8


class NoRule(UnsupportedLayer):
    """A layer of a known class that is called in a way that has no rule.

    Attributes
    ----------
    path
        The layer; a trace in which it is opaque carries it.
    """

    def __init__(self, path: str, why: str) -> None:
        super().__init__(why)
        self.path = path


@dataclass
class Body:
    """One traced graph: ``about`` is its entry in ``trace.json``."""

    about: dict[str, Any]
    nodes: list[ir.Node]
    constants: dict[str, ir.TensorProtocol]
    values: dict[str, tuple[Shape, str]]
    inputs: list[str]
    outputs: list[str]

    @property
    def path(self) -> str:
        """The layer's path."""
        return str(self.about["path"])

    @property
    def small(self) -> bool:
        """Whether it is an expression: no layers, no weights, few operators."""
        layers = any("draw" not in call for call in self.about["calls"])
        own = layers or self.about["variables"]
        return not own and len(self.nodes) <= _FEW


@dataclass
class Trace:
    """A trace as it lies in a folder."""

    bodies: list[Body]
    weights: dict[str, np.ndarray[Any, Any]]
    keras: str
    notes: list[list[str]] = field(default_factory=list)
    calls: dict[str, list[int]] = field(default_factory=dict)
    loops: set[str] = field(default_factory=set)


def load(folder: Path) -> Trace:
    """Read a trace."""
    found = json.loads((folder / "trace.json").read_text(encoding="utf-8"))
    bodies = [_body(folder, about) for about in found["bodies"]]
    with np.load(folder / "weights.npz", allow_pickle=False) as arrays:
        weights = {key[2:]: arrays[key] for key in arrays.files}
    trace = Trace(bodies, weights, found["keras"], found["notes"])
    for body in bodies:
        for call in body.about["calls"]:
            if "loop" in call:
                trace.loops.add(call["layer"])
            if call["body"] is not None:
                trace.calls.setdefault(call["layer"], []).append(call["body"])
    return trace


def _body(folder: Path, about: dict[str, Any]) -> Body:
    """Read one ONNX file; every value gets a shape and a dtype."""
    proto = onnx.load(str(folder / about["onnx"]))
    graph = proto.graph
    del graph.value_info[:]
    for node in graph.node:
        if node.domain != "keras":
            continue
        told = {a.name: a for a in node.attribute}
        if "call" in told:
            infos = [
                _info(name, made)
                for name, made in zip(
                    node.output, about["calls"][told["call"].i]["outputs"], strict=True
                )
            ]
        else:
            infos = [
                helper.make_tensor_value_info(name, kind, sizes)
                for name, (sizes, kind) in zip(
                    node.output, json.loads(told["made"].s), strict=True
                )
                if sizes is not None
            ]
        there = {o.name for o in graph.output}
        graph.value_info.extend(i for i in infos if i.name not in there)
    names = _names(about)
    for value in graph.input:
        if value.name in names:
            value.CopyFrom(_info(value.name, names[value.name]))
    proto = shape_inference.infer_shapes(proto, data_prop=True)
    if with_sizes(proto):
        proto = shape_inference.infer_shapes(proto, data_prop=True)
    made = ir.from_proto(proto)
    values: dict[str, tuple[Shape, str]] = {}
    for info in [*proto.graph.value_info, *proto.graph.input, *proto.graph.output]:
        if info.type.tensor_type.elem_type in _ONNX_DTYPES.values():
            values[info.name] = _known(info)
    return Body(
        about,
        list(made.graph),
        {
            v.name: v.const_value
            for v in made.graph.initializers.values()
            if v.const_value is not None and v.name is not None
        },
        values,
        [str(v.name) for v in made.graph.inputs],
        [str(v.name) for v in made.graph.outputs],
    )


def _names(about: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what each input of the ONNX file is."""
    found = {i["input"]: i for i in about["inputs"]}
    found |= {m["input"]: m for m in about["masks"]}
    found |= {v["input"]: v for v in about["variables"]}
    return found


def _info(name: str, made: Mapping[str, Any]) -> onnx.ValueInfoProto:
    kind = _ONNX_DTYPES[made["dtype"]]
    return helper.make_tensor_value_info(name, kind, made["shape"])


# What the tracer calls the distributions → operators of the dialect.
_DRAWS = {
    "normal": "RandomNormal",
    "uniform": "RandomUniform",
    "truncated": "RandomTruncated",
    "integer": "RandomInteger",
}
_ONNX_DTYPES = {
    "float16": TensorProto.FLOAT16,
    "bfloat16": TensorProto.BFLOAT16,
    "float32": TensorProto.FLOAT,
    "float64": TensorProto.DOUBLE,
    "int8": TensorProto.INT8,
    "uint8": TensorProto.UINT8,
    "int16": TensorProto.INT16,
    "uint16": TensorProto.UINT16,
    "int32": TensorProto.INT32,
    "uint32": TensorProto.UINT32,
    "int64": TensorProto.INT64,
    "uint64": TensorProto.UINT64,
    "bool": TensorProto.BOOL,
    "string": TensorProto.STRING,
}


def _made(body: Body, node: ir.Node, value: ir.Value) -> tuple[Shape, str]:
    """Return the shape and dtype of what an operator makes; absent: of nothing."""
    if not value.name:
        return (), "float32"
    if value.name not in body.values:
        kind = body.about["class"]
        what = "is none of ONNX'" if not _is_standard(node) else "makes another type"
        raise UnsupportedLayer(
            f"layer {body.path!r} ({kind}) computes {node.op_type}, which {what}: "
            "that has no rule"
        )
    return body.values[value.name]


def _is_standard(node: ir.Node) -> bool:
    """Whether it is an operator of standard ONNX."""
    return node.domain == "" and onnx.defs.has(node.op_type)


def _known(info: onnx.ValueInfoProto) -> tuple[Shape, str]:
    kind = info.type.tensor_type
    sizes: Shape = tuple(
        d.dim_value if d.HasField("dim_value") else None for d in kind.shape.dim
    )
    return sizes, dtype_named(ir.DataType(kind.elem_type))


def assemble(trace: Trace, inputs: Sequence[str], **metadata: str) -> ir.Model:
    """Put a trace together as one graph of the ``keras`` domain.

    Parameters
    ----------
    trace
        Of a whole model.
    inputs
        What Keras calls the inputs.

    Raises
    ------
    NoRule
        For a layer whose arguments or call have no rule.
    """
    return _Assembly(trace).model(inputs, metadata)


def told(trace: Trace) -> dict[str, str]:
    """Return what the graph says of what is not carried over."""
    return {"notes": json.dumps(trace.notes)} if trace.notes else {}


class Inside:
    """The bodies of a trace, for a reader that has the rest from the file."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._assembly = _Assembly(trace)

    def has(self, path: str) -> bool:
        """Whether a layer was traced, that is no model whose layers are listed."""
        bodies = [self._trace.bodies[n] for n in self._trace.calls.get(path, [])]
        return bool(bodies) and not bodies[0].about["functional"]

    def call(self, b: GraphBuilder, layer: LayerSpec, call: CallSpec) -> list[ir.Value]:
        """Call a layer on the tensors that the file names.

        Raises
        ------
        NeedsTracing
            Where only a whole trace says what the call is given or what comes out: with
            masks, or if the calls of the layer compute different things.
        """
        path = b.path + layer.name
        if path in self._trace.loops:
            raise NeedsTracing(f"{path!r} is a loop over code.")
        if self._assembly.differs(path):
            raise NeedsTracing(f"the calls of {path!r} compute different things.")
        body = self._trace.bodies[self._trace.calls[path][0]]
        given = [v for v in flat([call.args, call.kwargs]) if isinstance(v, ir.Value)]
        masked = any(b.mask_of(v) is not None for v in given)
        own = body.about["inputs"]
        if masked or body.about["masks"] or body.about["made_masks"]:
            raise NeedsTracing(f"masks meet the layer {path!r}.")
        if len(given) != len(own):
            raise NeedsTracing(f"{path!r} is called with more than the file says.")
        return self._assembly.called_body(b, layer.name, body, given)

    def fill(self, b: GraphBuilder) -> None:
        """Give every initializer its value."""
        self._assembly.fill(b)


class _Assembly:
    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        version = trace.keras.rpartition(" ")[2]
        self._context = Context(Version.of(version, {}))
        self._assembler = Assembler(self._context.version.major, self._peek)
        self._held: dict[str, ir.Value] = {}
        self._drawn: set[ir.Value] = set()

    def _peek(self, layer: Any) -> None:
        """Know no weights: every input has its shape."""

    # -- the whole
    def model(self, inputs: Sequence[str], metadata: Mapping[str, str]) -> ir.Model:
        root = self._trace.bodies[0]
        # Of a subclassed model the class says more than the name that Keras made of it.
        own = metadata.get("name") if root.about["functional"] else root.about["class"]
        b = GraphBuilder(own or root.about["name"], explicit=True)
        given = [
            b.input(name, tuple(about["shape"]), about["dtype"])
            for name, about in zip(inputs, root.about["inputs"], strict=True)
        ]
        # The masks of what comes out have no reader.
        outputs = self._filled(b, root, given)[: len(root.about["outputs"])]
        for value, name in zip(outputs, _leaf_names(root.about["result"]), strict=True):
            if name:
                value.metadata_props["keras_name"] = name
        self.fill(b)
        metadata = {**metadata, **told(self._trace)}
        subclassed = str(int(not root.about["functional"]))
        made = b.model(outputs, **{**metadata, "subclassed": subclassed})
        if root.about["restored"] and not root.about["calls"]:
            with_modules(made)
        return made

    def fill(self, b: GraphBuilder) -> None:
        """Give every initializer its array."""
        arrays: dict[str, list[Stored]] = {}
        for path, here in b.layers.items():
            if isinstance(here.layer, Replaced):
                # In the order of the file, not in that of Keras.
                own = here.layer.made_arrays.items()
                arrays[path] = [_stored(f"{path}/{n}", a) for n, a in own]
                continue
            keys = [f"{path}/{k}" for k in range(len(here.weights))]
            found = [(key, self._trace.weights.get(key)) for key in keys]
            arrays[path] = [_stored(k, a) for k, a in found if a is not None]
        fill(b.layers, arrays, None)
        for key, value in self._held.items():
            path, _, index = key.rpartition("/")
            layer = b.layers.get(path)
            if layer is not None and layer.values:
                # It is a layer's: an embedding's table as the last projection.
                ir.convenience.replace_all_uses_with(value, layer.values[int(index)])
            else:
                array = self._trace.weights[key]
                value.const_value = ir.tensor(array, name=value.name)
                b.initializer(value)

    # -- one body
    def _filled(
        self, b: GraphBuilder, body: Body, given: Sequence[ir.Value]
    ) -> list[ir.Value]:
        """Add a body's nodes to a graph; masks come and go behind the tensors."""
        at: dict[str, ir.Value] = {}
        about = body.about
        own = [*about["inputs"], *about["masks"]]
        for entry, value in zip(own, given, strict=True):
            at[entry["input"]] = value
        for variable in about["variables"]:
            at[variable["input"]] = self._variable(variable)
        for node in body.nodes:
            self._node(b, body, node, at)
        return [self._value(b, body, name, at) for name in body.outputs]

    def _value(
        self, b: GraphBuilder, body: Body, name: str, at: dict[str, ir.Value]
    ) -> ir.Value:
        if name not in at:
            tensor = body.constants[name]
            at[name] = b.constant(tensor.numpy(), _tidy(name) or "constant")
        return at[name]

    def _node(
        self, b: GraphBuilder, body: Body, node: ir.Node, at: dict[str, ir.Value]
    ) -> None:
        given = [
            None if v is None else self._value(b, body, str(v.name), at)
            for v in node.inputs
        ]
        if node.domain == "keras" and node.op_type == "Op":
            results = self._kernel(b, body, node, given)
        elif node.domain == "keras":
            call = body.about["calls"][node.attributes["call"].as_int()]
            there = [v for v in given if v is not None]
            if "draw" in call:
                made = [body.values[str(v.name)] for v in node.outputs]
                kind = _DRAWS[call["draw"]]
                results = b.operators(kind, there, "noise", made, domain=DOMAIN)
                self._drawn.update(results)
            else:
                results = self._call(b, call, there)
        elif (same := self._as_drawn(node, given)) is not None:
            results = [same]
        else:
            if any(a.type == ir.AttributeType.GRAPH for a in node.attributes.values()):
                kind = body.about["class"]
                raise UnsupportedLayer(
                    f"layer {body.path!r} ({kind}) holds a loop or a branch "
                    f"({node.op_type}) that depends on its inputs, which has no rule"
                )
            made = [_made(body, node, v) for v in node.outputs]
            attributes = [a for a in node.attributes.values() if isinstance(a, ir.Attr)]
            name = _tidy(node.name or "") or node.op_type.lower()
            results = b.operators(node.op_type, given, name, made, attributes)
        for value, result in zip(node.outputs, results, strict=True):
            at[str(value.name)] = result

    def _kernel(
        self,
        b: GraphBuilder,
        body: Body,
        node: ir.Node,
        given: Sequence[ir.Value | None],
    ) -> list[ir.Value]:
        """Compute a kernel of TensorFlow by the rule that files have for it."""
        text = node.attributes["node"].as_string()
        op = str(json.loads(text)["op"])
        name = _tidy(node.name or "") or op.lower()
        constants = {
            str(k): array.tolist()
            for k, value in enumerate(given)
            if (array := _constant(value)) is not None
        }
        kind = "TensorFlowOpLayer"
        config = {"name": name, "node_def": text, "constants": constants}
        spec = LayerSpec(name, kind, config, kind)
        if not operations.known(spec):
            raise UnsupportedLayer(
                f"layer {body.path!r} ({body.about['class']}) computes TensorFlow's "
                f"{op}, which has no rule"
            )
        taken = [v for k, v in enumerate(given) if str(k) not in constants]
        results = operations.call(b, spec, taken, {})
        return results[: len(node.outputs)]

    def _as_drawn(
        self, node: ir.Node, given: Sequence[ir.Value | None]
    ) -> ir.Value | None:
        """Return what was drawn, if this only gives it the mean 0 or deviation 1."""
        neutral = {"Mul": 1.0, "Add": 0.0}.get(node.op_type)
        if neutral is None or not self._drawn.intersection(v for v in given if v):
            return None
        for value, other in (given, given[::-1]):
            source = None if value is None else value.producer()
            if other in self._drawn and source is not None:
                held = source.attributes.get("value")
                array = None if held is None else held.as_tensor().numpy()
                if array is not None and not array.ndim and array == neutral:
                    return other
        return None

    def _variable(self, about: Mapping[str, Any]) -> ir.Value:
        key = about["key"]
        if key not in self._held:
            path = key.rpartition("/")[0]
            value = ir.Value(
                name=f"{path}/{about['name']}" if path else about["name"],
                shape=ir.Shape(about["shape"]),
                type=ir.TensorType(ir.DataType(_ONNX_DTYPES[about["dtype"]])),
            )
            value.metadata_props.update(
                keras_path=path,
                keras_name=about["name"],
                keras_key=key,
                trainable=str(int(about["trainable"])),
                own_trainable=str(int(about["own_trainable"])),
            )
            self._held[key] = value
        return self._held[key]

    # -- calls
    def _call(
        self, b: GraphBuilder, call: Mapping[str, Any], given: Sequence[ir.Value]
    ) -> list[ir.Value]:
        path = str(call["layer"])
        name = path.removeprefix(b.path)
        if "loop" in call:
            return self._loop(b, name, call, given)
        if call["body"] is not None:
            return self.called_body(b, name, self._trace.bodies[call["body"]], given)
        entry = dict(call["entry"], name=name)
        entry["config"] = dict(entry["config"], name=name)

        def tensors(value: Any) -> Any:
            if isinstance(value, dict):
                if list(value) == ["$"]:
                    return given[value["$"]]
                return {k: tensors(v) for k, v in value.items()}
            return [tensors(v) for v in value] if isinstance(value, list) else value

        spec = CallSpec(tensors(call["args"]), tensors(call["kwargs"]))
        if not spec.kwargs.get("training"):
            spec.kwargs.pop("training", None)
        unknown = len(self._context.unknown)
        layer = layer_spec(entry, self._context, 0, name)
        if len(self._context.unknown) > unknown:
            raise NoRule(path, f"layer {path!r} ({layer.kind}) has no rule")
        try:
            outputs = self._assembler.call(b, layer, spec, {})
        except UnsupportedLayer as error:
            raise NoRule(path, str(error)) from error
        return outputs

    def _loop(
        self,
        b: GraphBuilder,
        name: str,
        call: Mapping[str, Any],
        given: Sequence[ir.Value],
    ) -> list[ir.Value]:
        """Call a loop over a user's cell or layer: what it does in a step is a body."""
        body, about = self._trace.bodies[call["body"]], dict(call["loop"])
        if self.differs(body.path):
            raise UnsupportedLayer(
                f"the calls of the loop {body.path!r} compute different things"
            )
        inner = b.nested(name)
        inputs = [
            inner.input(_argument(body, k), tuple(a["shape"]), a["dtype"])
            for k, a in enumerate(body.about["inputs"])
        ]
        outputs = self._filled(inner, body, inputs)
        kind, masked = about.pop("kind"), about.pop("mask")
        options: dict[str, Any] = {
            "name": name,
            "trainable": bool(body.about["trainable"]),
        }
        layer: Layer
        if kind == "RNN":
            layer = CellLoop(class_name=body.about["class"], **about, **options)
        else:
            config = {"name": name, "class_name": body.about["class"]}
            held = {"class_name": "Functional", "config": config}
            layer = TimeDistributed(layer=held, **options)
        mask = given[-1] if masked else None
        shapes = [tuple(o["shape"]) for o in call["outputs"]]
        there = given[:-1] if masked else given
        return b.call_model(layer, inner, there, outputs, shapes, mask=mask)

    def called_body(
        self, b: GraphBuilder, name: str, body: Body, given: Sequence[ir.Value]
    ) -> list[ir.Value]:
        if body.small or self.differs(body.path) or self._reaches_out(body):
            return self._filled(b, body, given)
        inner = b.nested(name)
        own = [*body.about["inputs"], *body.about["masks"]]
        inputs = [
            inner.input(_argument(body, k), tuple(about["shape"]), about["dtype"])
            for k, about in enumerate(own)
        ]
        outputs = self._filled(inner, body, inputs)
        kind = "" if body.about["functional"] else str(body.about["class"])
        layer = Functional(
            name=name, class_name=kind, trainable=bool(body.about["trainable"])
        )
        return b.call_model(layer, inner, given, outputs)

    def _reaches_out(self, body: Body, path: str | None = None) -> bool:
        """Whether it calls a layer, or reads a weight, that others hold."""
        path = body.path if path is None else path
        own = f"{path}/" if path else ""
        for variable in body.about["variables"]:
            if not f"{variable['key']}".startswith(own):
                return True
        for call in body.about["calls"]:
            if "draw" in call:
                continue
            if not call["layer"].startswith(own):
                return True
            if call["body"] is not None and self._reaches_out(
                self._trace.bodies[call["body"]], path
            ):
                return True
        return False

    def differs(self, path: str) -> bool:
        """Whether the calls of a custom layer compute different things."""
        bodies = [self._trace.bodies[n] for n in self._trace.calls.get(path, [])]
        return len({_signature(body) for body in bodies}) > 1


def _constant(value: ir.Value | None) -> np.ndarray[Any, Any] | None:
    """Return what is known of a value before the model runs."""
    source = None if value is None else value.producer()
    if source is None or source.op_type != "Constant":
        return None
    array: np.ndarray[Any, Any] = source.attributes["value"].as_tensor().numpy()
    return array


def _argument(body: Body, position: int) -> str:
    count = len(body.about["inputs"])
    names = body.about.get("arguments") or []
    if position >= count:
        return "mask" if len(body.about["masks"]) == 1 else f"mask_{position - count}"
    return names[position] if position < len(names) else f"input_{position}"


def _leaf_names(result: Any) -> list[str]:
    """Return the key of each tensor in a structure of results, where it has one."""
    found: dict[int, str] = {}

    def visit(value: Any, name: str) -> None:
        if isinstance(value, dict):
            if list(value) == ["$"]:
                found[value["$"]] = name
                return
            for key, part in value.items():
                visit(part, str(key))
        elif isinstance(value, list):
            for part in value:
                visit(part, name)

    visit(result, "")
    return [found[k] for k in sorted(found)]


def _signature(body: Body) -> str:
    """Return what two traces of one layer have in common, as text."""
    number: dict[str, str] = {}

    def known(value: ir.Value | None) -> str:
        if value is None:
            return "-"
        name = str(value.name)
        if name in body.constants:
            array = body.constants[name].numpy()
            return f"{array.dtype}{array.shape}{array.tobytes()!r}"
        return number.setdefault(name, f"v{len(number)}")

    lines = []
    for node in body.nodes:
        parts = [node.op_type, *map(known, node.inputs)]
        if node.domain == "keras" and "call" in node.attributes:
            call = body.about["calls"][node.attributes["call"].as_int()]
            told = ("draw", "layer", "args", "kwargs")
            parts.append(json.dumps([call.get(k) for k in told]))
        else:
            parts += [str(a) for _, a in sorted(node.attributes.items())]
        parts += ["->", *map(known, node.outputs)]
        lines.append(" ".join(parts))
    return "\n".join(lines)


def _tidy(name: str) -> str:
    """Return what TensorFlow calls an operation within its layer."""
    last = name.partition(":")[0].rpartition("/")[2]
    return re.sub(r"__\d+$", "", last).lower()


def _stored(name: str, array: np.ndarray[Any, Any]) -> Stored:
    return Stored(name, array.shape, array.dtype, lambda: array, changed=True)


__all__ = ["Body", "NoRule", "Trace", "assemble", "load", "told"]
