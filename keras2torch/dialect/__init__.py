"""The ``keras`` ONNX domain: a Keras layer is one operator.

:mod:`.nodes` says what a layer's node looks like, :mod:`.attributes` how a config
travels, :mod:`.builder` makes graphs of such nodes.
"""

from keras2torch.dialect.builder import (
    GraphBuilder,
    LayerWeights,
    describe,
    dtype_of,
    shape_of,
)
from keras2torch.dialect.nodes import DOMAIN, LayerNode, from_node, is_layer, to_node

__all__ = [
    "DOMAIN",
    "GraphBuilder",
    "LayerNode",
    "LayerWeights",
    "describe",
    "dtype_of",
    "from_node",
    "is_layer",
    "shape_of",
    "to_node",
]
