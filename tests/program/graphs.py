"""Graphs made by hand, with weights, and what a program computes on them."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from keras2torch.dialect import GraphBuilder, describe
from keras2torch.program import Program

Array = npt.NDArray[Any]


class Graph(GraphBuilder):
    """A builder with random weights, and weights that a user's own code made."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.random = np.random.default_rng(7)

    def initializer(self, name: str, array: Array) -> ir.Value:
        """Add an array that is no layer's weight."""
        value = describe(ir.Value(), name, array.shape, str(array.dtype))
        value.const_value = ir.tensor(array, name=name)
        self._shared.initializers.append(value)
        return value

    def weight(
        self,
        path: str,
        name: str,
        *shape: int,
        trainable: bool = True,
        own: bool | None = None,
        index: int = 0,
    ) -> ir.Value:
        """Add what ``add_weight`` of the layer at ``path`` made.

        ``own``: whether it was made trainable, where it is frozen since.
        """
        array = self.random.normal(size=shape).astype("float32")
        value = self.initializer(f"{path}/{name}".strip("/"), array)
        value.metadata_props.update(
            keras_path=path,
            keras_name=name,
            keras_key=f"{path}/{index}",
            trainable=str(int(trainable)),
            own_trainable=str(int(trainable if own is None else own)),
        )
        return value

    def filled(self, *outputs: ir.Value) -> ir.Model:
        """Return the model, each layer's weights random."""
        for layer in self.layers.values():
            for value in layer.values:
                shape = [int(d) for d in value.shape or ()]
                array = self.random.normal(size=shape).astype("float32")
                value.const_value = ir.tensor(array, name=value.name)
        return self.model(list(outputs))


def data(value: ir.Value) -> Array:
    """Return the array of a weight, as Keras has it."""
    assert value.const_value is not None
    return value.const_value.numpy()


def classes(program: Program) -> list[str]:
    """Return the classes of a file, in order."""
    return re.findall(r"^class (\w+)", program.source, re.MULTILINE)


def dense(graph: Graph, name: str, x: Array) -> Array:
    """Return what a Dense of a graph computes."""
    kernel, bias = graph.layers[name].values
    return x @ data(kernel) + data(bias)
