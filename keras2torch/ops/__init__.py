"""Standard ONNX operators as torch expressions: what in a graph is no Keras layer."""

from keras2torch.ops.definitions import OPERATORS, Operator, definition

__all__ = ["OPERATORS", "Operator", "definition"]
