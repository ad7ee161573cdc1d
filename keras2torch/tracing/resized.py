"""Resizes of a trace, whose scale is a size divided and rounded."""

from __future__ import annotations

import numpy as np
from onnx import ModelProto, helper, numpy_helper


def with_sizes(model: ModelProto) -> bool:
    """Say how large an image becomes, where a scale of it would miss it by a pixel.

    tf2onnx writes 17 pixels of 9 as a scale of 1.8888888, of which ONNX makes 16.

    Parameters
    ----------
    model
        With the shapes of its values; changed in place.

    Returns
    -------
    bool
        Whether a node was changed, so that shapes have to be inferred again.
    """
    graph = model.graph
    arrays = {tensor.name: tensor for tensor in graph.initializer}
    shapes = {
        info.name: [dim.dim_value for dim in info.type.tensor_type.shape.dim]
        for info in [*graph.value_info, *graph.input]
    }
    changed = set()
    for node in graph.node:
        if node.op_type != "Resize" or node.domain or len(node.input) != 3:
            continue
        old = shapes.get(node.input[0], [])[2:]
        if node.input[2] not in arrays or not old or not all(old):
            continue
        scales = numpy_helper.to_array(arrays[node.input[2]])[2:]
        if len(scales) != len(old) or (scales == np.round(scales)).all():
            continue
        new = np.round(np.array(old) * scales.astype(np.float64)).astype(np.int64)
        if ((new / np.array(old)).astype(np.float32) != scales).any():
            continue
        name = f"{node.output[0]}/sizes"
        graph.initializer.append(numpy_helper.from_array(new, name))
        del node.input[1:]
        node.input.extend(["", "", name])
        axes = list(range(2, 2 + len(new)))
        node.attribute.append(helper.make_attribute("axes", axes))
        changed.add(node.output[0])
    if changed:
        # Whatever was inferred behind it counts other pixels.
        made = {name for node in graph.node for name in node.output}
        calls = {n for node in graph.node if node.domain for n in node.output}
        stale = made - calls
        kept = [info for info in graph.value_info if info.name not in stale]
        del graph.value_info[:]
        graph.value_info.extend(kept)
    return bool(changed)
