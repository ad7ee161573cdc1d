"""One definition per Keras layer: signature, weights, and what it is in PyTorch."""

from keras2torch.layers import (
    activation,
    core,
    merging,
    recurrent,
    regularization,
    wrappers,
)
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
from keras2torch.layers.recurrent import GRU, LSTM, RNN, CuDNNGRU, CuDNNLSTM, SimpleRNN
from keras2torch.layers.wrappers import Bidirectional, TimeDistributed

__all__ = [
    "GRU",
    "LSTM",
    "REGISTRY",
    "RNN",
    "Bidirectional",
    "Call",
    "CuDNNGRU",
    "CuDNNLSTM",
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
    "SimpleRNN",
    "Source",
    "Tensor",
    "TimeDistributed",
    "Weight",
    "activation",
    "core",
    "from_config",
    "merging",
    "recurrent",
    "regularization",
    "to_config",
    "wrappers",
]
