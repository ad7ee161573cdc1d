"""A graph as a ``.onnx`` file, and back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import onnx_ir as ir

from keras2torch.dialect.nodes import DOMAIN, from_node, is_layer
from keras2torch.errors import UnknownLayers, UnusableFile

# Protobuf ends at 2 GiB; larger weights go into a file beside.
_PROTOBUF_LIMIT = 1_800_000_000


def save(model: ir.Model, path: Path) -> None:
    """Write a graph; weights above 1.8 GB go to ``<name>.data`` beside it."""
    held = [v.const_value for v in model.graph.initializers.values()]
    large = sum(t.nbytes for t in held if t is not None) > _PROTOBUF_LIMIT
    ir.save(model, path, external_data=f"{path.name}.data" if large else None)


def is_foreign(model: ir.Model) -> bool:
    """Whether a graph came from an ONNX file of another exporter."""
    return model.metadata_props.get("source") == "onnx"


def load(path: Path) -> ir.Model:
    """Read a graph that :func:`save` wrote.

    Raises
    ------
    UnusableFile
        If it is damaged, holds no Keras layers, or takes data from elsewhere.
    UnknownLayers
        If it holds operators of the ``keras`` domain that have no rule.
    """
    try:
        model = ir.load(path)
    except Exception as error:
        # protobuf, onnx_ir and numpy each have errors of their own for a bad file.
        raise UnusableFile(
            f"{path} cannot be read as ONNX ({type(error).__name__}): it is damaged."
        ) from error
    nodes = list(_all_nodes(model.graph))
    kept = DOMAIN in model.graph.opset_imports
    if not kept and not any(node.domain == DOMAIN for node in nodes):
        raise UnusableFile(
            f"{path} is an ONNX file of another exporter; only graphs that "
            "`keras2torch convert --keep-onnx` wrote can be converted."
        )
    for value in model.graph.initializers.values():
        tensor = value.const_value
        if tensor is None:
            raise UnusableFile(f"{path}: the weight {value.name!r} has no data.")
        if isinstance(tensor, ir.ExternalTensor) and (
            str(tensor.location) != f"{path.name}.data"
        ):
            raise UnusableFile(
                f"{path} takes the weight {value.name!r} from another file "
                f"({str(tensor.location)!r}), which is refused."
            )
    unknown: list[tuple[str, str]] = []
    for node in nodes:
        if is_layer(node):
            try:
                from_node(node)
            except KeyError as error:
                if error.args != (node.op_type,):
                    raise _damaged(path, node) from error
                unknown.append((node.name or "", node.op_type))
            except (TypeError, ValueError, AssertionError) as error:
                raise _damaged(path, node) from error
    if unknown:
        raise UnknownLayers(unknown)
    return model


def _damaged(path: Path, node: ir.Node) -> UnusableFile:
    return UnusableFile(f"{path}: the node {node.name!r} is no layer call: damaged.")


def _all_nodes(graph: ir.Graph) -> Iterator[ir.Node]:
    for node in graph:
        yield node
        body = node.attributes.get("_body")
        if isinstance(body, ir.Attr) and body.type == ir.AttributeType.GRAPH:
            yield from _all_nodes(body.as_graph())
