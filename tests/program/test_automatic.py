"""What is called how where nobody named it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from keras2torch.layers.definitions import (
    REGISTRY,
    BatchNormalization,
    Concatenate,
    Conv2D,
    Dense,
    Flatten,
    Functional,
    Layer,
    MaxPooling2D,
    ReLU,
)
from keras2torch.program import write
from keras2torch.program.automatic import argument, by_class, is_automatic, spoken

from .graphs import Graph

_GIVEN: dict[str, dict[str, Any]] = {
    "Conv1D": {"filters": 2, "kernel_size": 3},
    "Conv2D": {"filters": 2, "kernel_size": 3},
    "Conv2DTranspose": {"filters": 2, "kernel_size": 3},
    "DepthwiseConv2D": {"kernel_size": 3},
    "SeparableConv2D": {"filters": 2, "kernel_size": 3},
    "Dense": {"units": 2},
    "LSTM": {"units": 2},
    "CuDNNLSTM": {"units": 2},
    "SimpleRNN": {"units": 2},
    "AveragePooling2D": {"pool_size": 2},
    "Dropout": {"rate": 0.5},
    "SpatialDropout2D": {"rate": 0.5},
    "Embedding": {"input_dim": 2, "output_dim": 2},
    "Bidirectional": {"layer": {"class_name": "LSTM", "config": {"units": 2}}},
    "TimeDistributed": {"layer": {"class_name": "Dense", "config": {"units": 2}}},
    "MultiHeadAttention": {"num_heads": 2, "key_dim": 2},
    "Activation": {"activation": "relu"},
}
# Class, what Keras named it, what it is called.
_NAMES = [
    ("Conv2D", "conv2d", "conv"),
    ("Conv2D", "conv2d_94", "conv"),
    ("Conv2D", "convolution2d_1", "conv"),
    ("Conv1D", "conv1d_2", "conv"),
    ("Conv2DTranspose", "conv2d_transpose_3", "deconv"),
    ("DepthwiseConv2D", "depthwise_conv2d", "depthwise"),
    ("SeparableConv2D", "separable_conv2d_7", "separable"),
    ("Dense", "dense_3", "fc"),
    ("BatchNormalization", "batch_normalization_12", "bn"),
    ("BatchNormalization", "batchnormalization_1", "bn"),
    ("BatchNormalization", "batch_normalization_v1_3", "bn"),
    ("LayerNormalization", "layer_normalization_1", "norm"),
    ("ReLU", "re_lu_12", "relu"),
    ("LeakyReLU", "leaky_re_lu_2", "leaky_relu"),
    ("PReLU", "p_re_lu", "prelu"),
    ("MaxPooling2D", "max_pooling2d_1", "max_pool"),
    ("MaxPooling2D", "maxpooling2d_1", "max_pool"),
    ("AveragePooling2D", "average_pooling2d", "avg_pool"),
    ("GlobalAveragePooling2D", "global_average_pooling2d", "global_pool"),
    ("UpSampling2D", "up_sampling2d_4", "upsample"),
    ("ZeroPadding2D", "zero_padding2d", "pad"),
    ("SpatialDropout2D", "spatial_dropout2d", "dropout"),
    ("Dropout", "dropout_5", "dropout"),
    ("LSTM", "lstm_1", "lstm"),
    ("CuDNNLSTM", "cu_dnnlstm_1", "lstm"),
    ("SimpleRNN", "simple_rnn", "rnn"),
    ("Bidirectional", "bidirectional_2", "lstm"),
    ("TimeDistributed", "time_distributed_1", "fc"),
    ("MultiHeadAttention", "multi_head_attention_3", "attention"),
    ("Embedding", "embedding_1", "embedding"),
    ("Add", "add_6", "total"),
    ("Add", "tf.__operators__.add_3", "add"),
    ("Activation", "tf.nn.relu_3", "relu"),
]
# Names that somebody gave.
_KEPT = [
    ("Conv2D", "stem_conv"),
    ("Conv2D", "conv1"),
    ("Conv2D", "conv2d_last"),
    ("Conv2D", "dense_1"),
    ("Dense", "predictions"),
    ("Dense", "fc1000"),
    ("BatchNormalization", "bn_conv1"),
    ("ReLU", "relu1"),
    ("MaxPooling2D", "pool1_pool"),
]


def _layer(kind: str, name: str) -> Layer:
    return REGISTRY[kind](name=name, **_GIVEN.get(kind, {}))


@pytest.mark.parametrize(("kind", "name", "called"), _NAMES)
def test_automatic(kind: str, name: str, called: str) -> None:
    layer = _layer(kind, name)
    assert is_automatic(layer)
    assert spoken(layer) == called


@pytest.mark.parametrize(("kind", "name"), _KEPT)
def test_kept(kind: str, name: str) -> None:
    layer = _layer(kind, name)
    assert not is_automatic(layer)
    assert spoken(layer) == name


def test_every_class_has_a_name_without_its_axes() -> None:
    for kind, cls in REGISTRY.items():
        if kind in ("Bidirectional", "TimeDistributed"):
            continue
        layer = object.__new__(cls)
        layer.name = kind.lower()
        name = by_class(layer)
        assert re.fullmatch(r"[a-z][a-z_]*", name), (kind, name)
        assert not name.endswith("_")


def test_inputs() -> None:
    names = ["input_1", "input_layer_3", "input", "image", "input_ids"]
    told = [argument(n, i) for i, n in enumerate(names, 1)]
    assert told == ["x1", "x2", "x3", "image", "input_ids"]


def test_they_are_counted_within_the_class() -> None:
    """Keras' counter runs on from model to model."""
    graph = Graph("net")
    x = graph.input("input_7", (None, 9, 8, 3))
    other = graph.input("input_8", (None, 4))
    y = x
    for n in (41, 42):
        [y] = graph.call(Conv2D(4, 2, use_bias=False, name=f"conv2d_{n}"), [y])
        [y] = graph.call(BatchNormalization(name=f"batch_normalization_{n}"), [y])
        [y] = graph.call(ReLU(name=f"re_lu_{n}"), [y])
    [y] = graph.call(MaxPooling2D(name="max_pooling2d_3"), [y])
    [y] = graph.call(Flatten(name="flatten_2"), [y])
    [y] = graph.call(Concatenate(name="concatenate_5"), [y, other])
    [y] = graph.call(Dense(5, name="dense_9"), [y])
    [y] = graph.call(Dense(2, name="predictions"), [y])
    program = write(graph.filled(y), flat=True)
    assert list(dict.fromkeys(w.name.rpartition(".")[0] for w in program.weights)) == [
        *("conv1", "bn1", "conv2", "bn2", "fc", "predictions")
    ]
    assert "def forward(self, x1: torch.Tensor, x2: torch.Tensor)" in program.source
    assert not re.search(
        r"conv2d_|_lu\b|normalization|input_|pooling", _code(program.source)
    )
    # The map tells Keras' names.
    assert next(w.path for w in program.weights) == "conv2d_41"


def _code(source: str) -> str:
    return re.sub(r'"""(.|\n)*?"""', "", source)


def test_a_class_of_the_users_keeps_its_attributes() -> None:
    graph = Graph("net")
    x = graph.input("x", (None, 4))
    inner = graph.nested("encoder")
    z = inner.input("z", (None, 4))
    [out] = inner.call(Dense(3, name="dense"), [z])
    [out] = inner.call(Dense(3, name="dense_1"), [out])
    own = Functional(name="encoder", class_name="Encoder")
    [y] = graph.call_model(own, inner, [x], [out])
    [y] = graph.call(Dense(2, name="dense_4"), [y])
    names = [w.name for w in write(graph.filled(y)).weights]
    assert names[::2] == ["encoder.dense.weight", "encoder.dense_1.weight", "fc.weight"]
