"""What a person calls the result of a layer or operator."""

from __future__ import annotations

from keras2torch.layers.definitions import Layer, Tensor
from keras2torch.operators import Operator
from keras2torch.program.automatic import spoken
from keras2torch.program.classtext import Attribute
from keras2torch.program.lists import position
from keras2torch.program.names import variable

# What a person calls the result of an operator.
_RESULTS = {
    **dict.fromkeys(("Add", "ReduceSum", "CumSum", "Sum"), "total"),
    **dict.fromkeys(("Sub",), "difference"),
    **dict.fromkeys(("Mul", "MatMul", "Gemm", "Einsum"), "product"),
    **dict.fromkeys(("Div",), "ratio"),
    **dict.fromkeys(("Pow", "Exp"), "power"),
    **dict.fromkeys(("Sqrt",), "root"),
    **dict.fromkeys(("ReduceMean", "Mean"), "mean"),
    **dict.fromkeys(("ReduceMax", "Max"), "highest"),
    **dict.fromkeys(("ReduceMin", "Min"), "lowest"),
    **dict.fromkeys(("ArgMax", "ArgMin"), "index"),
    **dict.fromkeys(("Softmax",), "weights"),
    **dict.fromkeys(("Slice", "Item", "Gather", "GatherND"), "part"),
    **dict.fromkeys(("Concat",), "joined"),
    **dict.fromkeys(("Split",), "parts"),
    **dict.fromkeys(("Transpose", "Reshape", "Unsqueeze", "Squeeze"), "reshaped"),
    **dict.fromkeys(("Expand", "Tile"), "repeated"),
    **dict.fromkeys(("Relu", "Sigmoid", "Tanh", "Erf", "Softplus"), "activated"),
}


def result_name(
    layer: Layer, tensor: Tensor, attribute: Attribute | None = None
) -> str:
    """Return the variable for a layer's result: an operator's is told by its kind."""
    if isinstance(layer, Operator):
        if tensor.dtype == "bool":
            return "mask"
        return _RESULTS.get(layer.kind, "h")
    if position(layer.name) is not None:
        return "h"
    # ``conv1 = self.conv1(x)``
    named = attribute is not None and attribute.name.isidentifier()
    return variable(attribute.name if attribute and named else spoken(layer))


def is_short(layer: Layer, tensor: Tensor) -> bool | None:
    """Whether a result is called ``x`` wherever that is free."""
    if isinstance(layer, Operator):
        return ("float" in tensor.dtype and tensor.rank > 1) or None
    return position(layer.name) is not None or None
