"""Several layers beside each other on one input: one model, one run of Keras."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import onnx_ir as ir

from keras2torch.dialect import GraphBuilder
from keras2torch.layers.definitions import Layer
from tests.layers.harness import Row


def fan(
    name: str,
    layers: Sequence[Layer],
    shape: tuple[int | None, ...],
    dtype: str = "float32",
    **options: Any,
) -> Row:
    """Return the row whose output number ``i`` is that of layer number ``i``."""

    def build(b: GraphBuilder) -> Sequence[ir.Value]:
        x = b.input("in_x", shape, dtype)
        outputs: list[ir.Value] = []
        for i, made in enumerate(layers):
            made.name = f"{type(made).__name__.lower()}_{i}"
            outputs += b.call(made, [x])
        return outputs

    return Row(name, build, **options)
