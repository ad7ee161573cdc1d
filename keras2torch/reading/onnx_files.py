"""Any ``.onnx`` file: loaded safely, made one kind, its modules recognized.

A graph that ``--keep-onnx`` wrote is read as it is. One of another exporter is brought
to the operators of one opset, its constants are folded and its shapes inferred, and
what has stored weights becomes a module again (:mod:`.onnx_recognize`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import onnx
import onnx_ir as ir

from keras2torch.dialect.builder import OPSET
from keras2torch.dialect.files import load as load_kept
from keras2torch.dialect.nodes import DOMAIN
from keras2torch.errors import Keras2TorchError, UnsupportedLayer, UnusableFile
from keras2torch.reading.onnx_recognize import recognize
from keras2torch.reading.onnx_shapes import with_shapes
from keras2torch.reading.onnx_tidy import tidied

# Protobuf's own limit; weights beyond it lie in files beside.
_LARGEST = 2**31
_OLDEST_OPSET = 7
_STANDARD = ("", "ai.onnx")
_CONTROL_FLOW = frozenset({"If", "Loop", "Scan", "SequenceMap"})
# Widths that a stranger's tensor may declare.
_RANK, _NODES = 64, 200_000


def read(path: Path) -> ir.Model:
    """Read an ONNX file.

    Parameters
    ----------
    path
        From any exporter, or written by ``--keep-onnx``.

    Returns
    -------
    ir.Model
        Modules as nodes of the ``keras`` domain, the rest as standard operators.

    Raises
    ------
    UnusableFile
        If the file is damaged, holds no graph, or takes data from elsewhere.
    UnsupportedLayer
        If it holds operators that are no standard ONNX, or values of unknown shape.
    """
    path = Path(path)
    proto = _parsed(path)
    # A model may be operators alone, and is kept all the same.
    if any(
        entry.domain == DOMAIN for entry in [*proto.opset_import, *proto.graph.node]
    ):
        return load_kept(path)
    try:
        return _foreign(proto, path)
    except Keras2TorchError:
        raise
    except (ArithmeticError, AssertionError, LookupError, TypeError) as error:
        raise _senseless(path, error) from error
    except (RecursionError, ValueError, RuntimeError) as error:
        raise _senseless(path, error) from error


def _senseless(path: Path, error: Exception) -> UnusableFile:
    why = " ".join(str(error).split())[:200]
    return UnusableFile(
        f"{path}: its graph makes no sense ({type(error).__name__}: {why})."
    )


def _foreign(proto: onnx.ModelProto, path: Path) -> ir.Model:
    _check_domains(proto, path)
    proto = _inlined(proto)
    proto = with_shapes(_of_one_opset(proto, path))
    _check_control_flow(proto.graph, path)
    model = ir.from_proto(proto)
    for value in model.graph.initializers.values():
        if isinstance(tensor := value.const_value, ir.ExternalTensor):
            value.const_value = ir.ExternalTensor(
                tensor.location,
                tensor.offset,
                tensor.length,
                tensor.dtype,
                shape=tensor.shape,
                name=tensor.name,
                base_dir=path.parent,
            )
    tidied(model)
    recognize(model)
    _check_described(model, path)
    model.metadata_props["source"] = "onnx"
    model.graph.name = path.stem
    return model


# ------------------------------------------------------------------------- loading
def _parsed(path: Path) -> onnx.ModelProto:
    try:
        size = path.stat().st_size
    except OSError as error:
        raise UnusableFile(f"{path} cannot be read ({error.strerror}).") from error
    if size > _LARGEST:
        raise UnusableFile(f"{path} is larger than 2 GiB, which no ONNX file may be.")
    try:
        proto = onnx.load(path, load_external_data=False)
    except Exception as error:
        # protobuf has errors of its own for a bad file.
        raise UnusableFile(
            f"{path} cannot be read as ONNX ({type(error).__name__}): it is damaged."
        ) from error
    if not proto.graph.node and not proto.graph.output:
        raise UnusableFile(f"{path} is no ONNX model: it holds no graph.")
    if len(proto.graph.node) > _NODES:
        raise UnusableFile(f"{path} holds more than {_NODES} operators.")
    for tensor in proto.graph.initializer:
        _check_tensor(tensor, path, external=True)
    for node in _nodes_of(proto.graph):
        for attribute in node.attribute:
            for tensor in [attribute.t, *attribute.tensors]:
                _check_tensor(tensor, path, external=False)
    if proto.graph.sparse_initializer:
        raise UnusableFile(f"{path} holds sparse weights, which have no rule.")
    return proto


def _check_tensor(tensor: onnx.TensorProto, path: Path, *, external: bool) -> None:
    """Refuse a tensor whose data are not what it declares, or lie elsewhere."""
    name = tensor.name or "a constant"
    if len(tensor.dims) > _RANK or any(n < 0 for n in tensor.dims):
        raise UnusableFile(f"{path}: the shape of {name!r} makes no sense.")
    count = math.prod(tensor.dims)
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        if not external:
            raise UnusableFile(f"{path} keeps {name!r} in another file, as no weight.")
        _check_external(tensor, count, path)
        return
    if tensor.data_type in (onnx.TensorProto.UNDEFINED, onnx.TensorProto.STRING):
        return
    try:
        width = ir.DataType(tensor.data_type).bitwidth
    except (TypeError, ValueError) as error:
        raise UnusableFile(f"{path}: {name!r} has no known dtype.") from error
    there = (
        len(tensor.raw_data) * 8 // width
        if tensor.HasField("raw_data")
        else max(
            len(tensor.float_data),
            len(tensor.int64_data),
            len(tensor.double_data),
            len(tensor.uint64_data),
            # Small types lie in int32_data, several 4-bit numbers to an entry.
            len(tensor.int32_data) * max(1, 8 // width),
        )
    )
    if there < count:
        raise UnusableFile(
            f"{path}: {name!r} declares {count} numbers and holds {there}: damaged."
        )


def _check_external(tensor: onnx.TensorProto, count: int, path: Path) -> None:
    entries = {e.key: e.value for e in tensor.external_data}
    location = entries.get("location", "")
    folder = path.resolve().parent if not path.is_symlink() else path.parent.resolve()
    file = (folder / location).resolve()
    if not location or not file.is_relative_to(folder):
        raise UnusableFile(
            f"{path} takes the weight {tensor.name!r} from {location!r}, which is not "
            "in its own folder; that is refused."
        )
    try:
        size = file.stat().st_size
        offset, length = int(entries.get("offset", 0)), int(entries.get("length", 0))
    except (OSError, ValueError) as error:
        raise UnusableFile(
            f"{path} needs the file {location!r} beside it, with its weights."
        ) from error
    width = ir.DataType(tensor.data_type).bitwidth
    needed = -(-count * width // 8)
    if min(offset, length) < 0 or offset + max(needed, length) > size:
        raise UnusableFile(
            f"{path}: the weight {tensor.name!r} does not fit into {location!r}."
        )


def _nodes_of(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in [attribute.g, *attribute.graphs]:
                yield from _nodes_of(inner)


# -------------------------------------------------------------------------- one kind
def _check_domains(proto: onnx.ModelProto, path: Path) -> None:
    own = {(f.domain, f.name) for f in proto.functions}
    foreign = {
        (f"{node.domain}::" if node.domain else "") + node.op_type: None
        for node in _nodes_of(proto.graph)
        if (node.domain, node.op_type) not in own and not _is_standard(node)
    }
    if foreign:
        raise UnsupportedLayer(
            f"{path} holds operators that are not of standard ONNX and have no rule: "
            + ", ".join(foreign)
        )


def _is_standard(node: onnx.NodeProto) -> bool:
    return node.domain in _STANDARD and onnx.defs.has(node.op_type)


def _inlined(proto: onnx.ModelProto) -> onnx.ModelProto:
    if not proto.functions:
        return proto
    from onnx import inliner

    inlined: onnx.ModelProto = inliner.inline_local_functions(proto)
    return inlined


def _check_control_flow(graph: onnx.GraphProto, path: Path) -> None:
    """Refuse what runs a graph of its own, by name."""
    found = [n for n in graph.node if n.op_type in _CONTROL_FLOW]
    if found:
        listed = ", ".join(f"{n.op_type} ({n.name!r})" for n in found)
        raise UnsupportedLayer(
            f"{path} holds control flow, which has no rule: {listed}; export the model "
            "without loops and branches."
        )


def _of_one_opset(proto: onnx.ModelProto, path: Path) -> onnx.ModelProto:
    """Return the graph in the opset that the rules know, or nearly."""
    version = next((o.version for o in proto.opset_import if o.domain in _STANDARD), 0)
    if version < _OLDEST_OPSET or version > onnx.defs.onnx_opset_version():
        raise UnusableFile(
            f"{path} is written in opset {version}; {_OLDEST_OPSET} to "
            f"{onnx.defs.onnx_opset_version()} are read."
        )
    if version >= OPSET:
        # What came after 21 takes more dtypes and adds operators; none changed.
        return proto
    from onnx import version_converter

    try:
        converted: onnx.ModelProto = version_converter.convert_version(proto, OPSET)
    except Exception as error:
        why = (str(error).strip().splitlines() or [type(error).__name__])[-1]
        raise UnsupportedLayer(
            f"{path} is written in opset {version} and cannot be brought to opset "
            f"{OPSET}: {why[:200]}"
        ) from error
    return converted


def _check_described(model: ir.Model, path: Path) -> None:
    """Refuse a graph with values whose rank or dtype nobody knows."""
    for node in model.graph:
        for value in [*node.inputs, *node.outputs]:
            if value is None or not (value.uses() or value.is_graph_output()):
                continue
            if value.shape is None or value.dtype is None:
                raise UnsupportedLayer(
                    f"{path}: the shape of {value.name!r}, which the operator "
                    f"{node.op_type} ({node.name!r}) reads or makes, cannot be inferred"
                )
