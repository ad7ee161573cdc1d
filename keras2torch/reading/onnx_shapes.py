"""Shapes of every value of an ONNX graph: constants folded, shape arithmetic followed.

``onnx.shape_inference`` stops where a shape is computed in ways that it does not
follow. Here what is constant becomes a constant first, and numbers that are sizes are
followed as symbols, in turns until nothing new is learnt.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper, shape_inference

from keras2torch.reading.onnx_sizes import FOLLOWED, Dim, attributes_of, reshaped

Array = npt.NDArray[Any]

_ROUNDS = 12
# No operator makes more than the square of this of what it is given, and those that
# could are asked first.
_FOLDED, _MADE = 4096, 1_000_000
_GROWING = frozenset({"ConstantOfShape", "Expand", "Tile", "Range", "Resize", "Pad"})
# What shape inference leaves out.
_LIKE_INPUT = frozenset({"GroupNormalization", "InstanceNormalization"})
_NEVER = frozenset(
    "RandomNormal RandomUniform RandomNormalLike RandomUniformLike Bernoulli "
    "Multinomial Dropout QuantizeLinear DequantizeLinear Identity".split()
)


def with_shapes(proto: onnx.ModelProto) -> onnx.ModelProto:
    """Return the model with constants folded and with the shapes that can be known."""
    for _ in range(_ROUNDS):
        proto = shape_inference.infer_shapes(proto, data_prop=True)
        learner = _Learner(proto)
        if not learner.learn():
            break
    return proto


def is_weight(tensor: onnx.TensorProto) -> bool:
    """Whether a stored tensor is something that a training moves."""
    floating = tensor.data_type in (
        onnx.TensorProto.FLOAT,
        onnx.TensorProto.FLOAT16,
        onnx.TensorProto.BFLOAT16,
        onnx.TensorProto.DOUBLE,
    )
    return floating and math.prod(tensor.dims) > 1


class _Learner:
    """One pass over the graph, in its order."""

    def __init__(self, proto: onnx.ModelProto) -> None:
        self._graph = proto.graph
        self._opsets = proto.opset_import
        self._constants: dict[str, Array] = {}
        self._weights: set[str] = set()
        # Integers whose value is a size: each an int, a symbol or None.
        self._sizes: dict[str, Array] = {}
        self._shapes: dict[str, list[Dim]] = {}
        self._infos: dict[str, onnx.ValueInfoProto] = {}
        graph = proto.graph
        for info in [*graph.input, *graph.value_info, *graph.output]:
            self._infos[info.name] = info
            if info.type.tensor_type.HasField("shape"):
                self._shapes[info.name] = _dims(info)
        for tensor in graph.initializer:
            self._shapes[tensor.name] = list(tensor.dims)
            self._hold(tensor.name, tensor, weight=is_weight(tensor))

    def _hold(self, name: str, tensor: onnx.TensorProto, *, weight: bool) -> None:
        if weight:
            self._weights.add(name)
        elif math.prod(tensor.dims) <= _FOLDED and (
            tensor.data_location != onnx.TensorProto.EXTERNAL
        ):
            self._constants[name] = numpy_helper.to_array(tensor)

    def learn(self) -> bool:
        """Fold and follow; return whether something new is known."""
        new: list[onnx.NodeProto] = []
        folded = learnt = False
        for node in self._graph.node:
            if node.op_type == "Constant":
                tensor = _constant(node)
                if tensor is not None:
                    # A Constant is no parameter: exporters write those otherwise.
                    self._hold(node.output[0], tensor, weight=False)
                    self._shapes[node.output[0]] = list(tensor.dims)
                new.append(node)
                continue
            if node.op_type == "If" and (taken := self._branch(node)) is not None:
                new += taken
                folded = True
                continue
            found = self._folded(node)
            if found is None:
                self._follow(node)
                found = self._whole(node)
            if found is not None:
                value = numpy_helper.from_array(found)
                self._constants[node.output[0]] = found
                made = onnx.helper.make_node(
                    "Constant", [], [node.output[0]], name=node.name, value=value
                )
                new.append(made)
                folded = True
                continue
            learnt |= self._shaped(node)
            if node.op_type == "Resize" and (scales := self._scales(node)) is not None:
                new.append(scales)
                folded = True
            new.append(node)
        if folded:
            del self._graph.node[:]
            self._graph.node.extend(new)
        return folded or learnt

    # -- branches
    def _branch(self, node: onnx.NodeProto) -> list[onnx.NodeProto] | None:
        """Return the operators of the branch that is always taken, if one is."""
        condition = self._constants.get(node.input[0])
        if condition is None or condition.size != 1:
            return None
        name = "then_branch" if condition.reshape(-1)[0] else "else_branch"
        (branch,) = [a.g for a in node.attribute if a.name == name]
        if any(a.HasField("g") for n in branch.node for a in n.attribute):
            return None
        prefix = f"{node.output[0]}/"
        names = {o: prefix + o for n in branch.node for o in n.output if o}
        names |= {t.name: prefix + t.name for t in branch.initializer}
        for tensor in branch.initializer:
            own = self._graph.initializer.add()
            own.CopyFrom(tensor)
            own.name = names[tensor.name]
        made = []
        for inner in branch.node:
            copy = onnx.NodeProto()
            copy.CopyFrom(inner)
            copy.name = prefix + inner.name
            copy.input[:] = [names.get(i, i) for i in inner.input]
            copy.output[:] = [names.get(o, o) for o in inner.output]
            made.append(copy)
        for value, outer in zip(branch.output, node.output, strict=True):
            source = names.get(value.name, value.name)
            made.append(onnx.helper.make_node("Identity", [source], [outer]))
        return made

    # -- constants
    def _folded(self, node: onnx.NodeProto) -> Array | None:
        """Compute an operator all of whose inputs are constant and small."""
        names = [name for name in node.input if name]
        if node.op_type in _NEVER or not names or len(node.output) != 1:
            return None
        if not all(name in self._constants for name in names):
            return None
        arrays = {name: self._constants[name] for name in names}
        if sum(a.size for a in arrays.values()) > _FOLDED:
            return None
        if node.op_type in _GROWING and not self._modest(node, arrays):
            return None
        from onnx.reference import ReferenceEvaluator

        output = onnx.ValueInfoProto(name=node.output[0])
        graph = onnx.helper.make_graph([node], "one", [], [output])
        graph.input.extend(onnx.ValueInfoProto(name=name) for name in arrays)
        model = onnx.helper.make_model(graph, opset_imports=self._opsets)
        try:
            (made,) = ReferenceEvaluator(model).run(None, arrays)
        except Exception:
            # The reference lacks some operators; then it is computed at run time.
            return None
        array = np.asarray(made)
        return array if array.size <= _MADE and array.dtype.kind in "fiub" else None

    def _modest(self, node: onnx.NodeProto, arrays: Mapping[str, Array]) -> bool:
        given = [arrays[name] if name else np.zeros(0) for name in node.input]
        if node.op_type == "ConstantOfShape":
            count = math.prod(int(n) for n in given[0].reshape(-1))
        elif node.op_type in ("Expand", "Tile"):
            count = given[0].size * math.prod(int(n) for n in given[1].reshape(-1))
        elif node.op_type == "Range":
            start, limit, step = (float(a.reshape(-1)[0]) for a in given)
            count = int(abs((limit - start) / step)) if step else _MADE + 1
        else:
            return False
        return 0 <= count <= _MADE

    # -- sizes
    def _known(self, name: str) -> Array | None:
        """Return the numbers of an integer value, symbols among them."""
        if name in self._sizes:
            return self._sizes[name]
        array = self._constants.get(name)
        if array is None or array.dtype.kind not in "iu" or array.ndim > 1:
            return None
        found = np.empty(array.shape, dtype=object)
        found[...] = [int(n) for n in array] if array.ndim else int(array)
        return found

    def _follow(self, node: onnx.NodeProto) -> None:
        rule = FOLLOWED.get(node.op_type)
        if rule is None or not node.output:
            return
        if node.op_type in ("Shape", "Size"):
            shape = self._shapes.get(node.input[0])
            if shape is None:
                return
            given: list[Array | None] = [np.array(shape, dtype=object)]
        else:
            given = [self._known(name) if name else None for name in node.input]
        if not given or given[0] is None:
            return
        try:
            made = rule(node, given)
        except (IndexError, TypeError, ValueError):
            return
        if made is not None and made.ndim <= 1:
            self._sizes[node.output[0]] = made

    def _whole(self, node: onnx.NodeProto) -> Array | None:
        """Return a followed value all of whose numbers turn out to be known."""
        made = self._sizes.get(node.output[0]) if node.output else None
        if made is None or not all(type(n) is int for n in made.reshape(-1)):
            return None
        info = self._infos.get(node.output[0])
        kind = info.type.tensor_type.elem_type if info is not None else 0
        wide = kind != onnx.TensorProto.INT32
        return made.astype(np.int64 if wide else np.int32)

    def _shaped(self, node: onnx.NodeProto) -> bool:
        """Say what the shape operand of Reshape, Expand and their like says."""
        if node.op_type in _LIKE_INPUT and node.output[0] not in self._shapes:
            like = self._infos.get(node.input[0])
            if like is not None and node.input[0] in self._shapes:
                info = self._infos.get(node.output[0]) or self._graph.value_info.add()
                info.name = node.output[0]
                info.type.CopyFrom(like.type)
                self._shapes[info.name], self._infos[info.name] = _dims(info), info
                return True
        at = {"Reshape": 1, "Expand": 1, "ConstantOfShape": 0}.get(node.op_type)
        if at is None or len(node.input) <= at:
            return False
        target = self._known(node.input[at])
        if target is None or target.ndim != 1:
            return False
        dims: list[Dim] = list(target)
        source = self._shapes.get(node.input[0])
        if node.op_type == "Reshape":
            dims = reshaped(dims, source)
        elif node.op_type == "Expand":
            # Broadcast both ways; what is 1 in the target keeps its own size.
            own: list[Dim] = list(source or [])
            own = [*[1] * (len(dims) - len(own)), *own]
            if len(own) > len(dims) or source is None:
                return False
            dims = [o if d == 1 else d for o, d in zip(own, dims, strict=True)]
        return self._tell(node.output[0], dims)

    def _scales(self, node: onnx.NodeProto) -> onnx.NodeProto | None:
        """Say by how much a Resize enlarges, where it says to what sizes.

        The batch of the sizes may be open; factors are known all the same.
        """
        if len(node.input) < 4 or not node.input[3]:
            return None
        target, source = self._known(node.input[3]), self._shapes.get(node.input[0])
        given = attributes_of(node)
        if target is None or source is None or given.keys() & {"axes"}:
            return None
        if given.get("keep_aspect_ratio_policy", b"stretch") != b"stretch":
            return None
        factors = []
        for new, old in zip(target, source, strict=True):
            if new == old and new is not None:
                factors.append(1.0)
            elif isinstance(new, int) and isinstance(old, int) and not new % old:
                factors.append(new / old)
            else:
                return None
        name = f"{node.output[0]}/scales"
        value = numpy_helper.from_array(np.array(factors, dtype=np.float32))
        del node.input[2:]
        node.input.append(name)
        return onnx.helper.make_node("Constant", [], [name], value=value)

    def _tell(self, name: str, dims: Sequence[Dim]) -> bool:
        """Write a shape down; return whether it says more than was known."""
        before = self._shapes.get(name)
        if before is not None and len(before) == len(dims):
            told = [
                new if new is not None and not isinstance(old, int) else old
                for old, new in zip(before, dims, strict=True)
            ]
        else:
            told = list(dims)
        if told == before:
            return False
        info = self._infos.get(name)
        if info is None or not info.type.tensor_type.elem_type:
            return False
        shape = info.type.tensor_type.shape
        info.type.tensor_type.ClearField("shape")
        shape = info.type.tensor_type.shape
        for dim in told:
            entry = shape.dim.add()
            if isinstance(dim, int):
                entry.dim_value = dim
            elif isinstance(dim, str):
                entry.dim_param = dim
        self._shapes[name] = told
        return True


# ----------------------------------------------------------------------- operators
def _constant(node: onnx.NodeProto) -> onnx.TensorProto | None:
    for attribute in node.attribute:
        value = onnx.helper.get_attribute_value(attribute)
        if attribute.name == "value":
            tensor: onnx.TensorProto = value
            return tensor
        if attribute.name in ("value_float", "value_floats"):
            return numpy_helper.from_array(np.array(value, dtype=np.float32))
        if attribute.name in ("value_int", "value_ints"):
            return numpy_helper.from_array(np.array(value, dtype=np.int64))
    return None


def _dims(info: onnx.ValueInfoProto) -> list[Dim]:
    return [
        d.dim_value if d.HasField("dim_value") else (d.dim_param or None)
        for d in info.type.tensor_type.shape.dim
    ]
