"""The ``keras`` ONNX domain: a Keras layer is one operator.

:mod:`.nodes` says what a layer's node looks like, :mod:`.attributes` how a config
travels, :mod:`.operators` what stands beside them, :mod:`.builder` makes graphs.
"""

from keras2torch.dialect.builder import (
    GraphBuilder,
    LayerWeights,
    describe,
    dtype_of,
    shape_of,
)
from keras2torch.dialect.nodes import (
    DOMAIN,
    DRAWS,
    STOP,
    LayerNode,
    from_node,
    is_layer,
    to_node,
)
from keras2torch.dialect.operators import calls

__all__ = [
    "DOMAIN",
    "DRAWS",
    "STOP",
    "GraphBuilder",
    "LayerNode",
    "LayerWeights",
    "calls",
    "describe",
    "dtype_of",
    "from_node",
    "is_layer",
    "shape_of",
    "to_node",
]
