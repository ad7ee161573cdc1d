"""One definition per Keras layer: signature, weights, and what it is in PyTorch."""

from keras2torch.layers import activation, core, merging, regularization
from keras2torch.layers.base import (
    REGISTRY,
    Call,
    Forward,
    Layer,
    Layout,
    Module,
    Shape,
    Source,
    Tensor,
    Weight,
    from_config,
    to_config,
)
from keras2torch.layers.core import Dense, Embedding, Functional, Masking, Sequential

__all__ = [
    "REGISTRY",
    "Call",
    "Dense",
    "Embedding",
    "Forward",
    "Functional",
    "Layer",
    "Layout",
    "Masking",
    "Module",
    "Sequential",
    "Shape",
    "Source",
    "Tensor",
    "Weight",
    "activation",
    "core",
    "from_config",
    "merging",
    "regularization",
    "to_config",
]
