"""The graph as a PyTorch program: readable source, weights, and the module it makes."""

from keras2torch.program.writer import Program, write

__all__ = ["Program", "write"]
