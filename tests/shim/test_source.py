"""``model.source()``: a file of torch alone, with the names of the layers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import keras2torch as keras

layers = keras.layers
RNG = np.random.default_rng(0)


def mlp() -> Any:
    return keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(5, activation="relu", name="hidden"),
            layers.Dropout(0.3),
            layers.Dense(2, activation="softmax", name="out"),
        ]
    )


def cnn() -> Any:
    x = i = keras.Input((12, 10, 3))
    x = layers.Conv2D(4, 3, strides=2, padding="same", name="conv")(x)
    x = layers.ReLU()(layers.BatchNormalization(name="norm")(x))
    x = layers.DepthwiseConv2D(3, padding="same", name="depth")(
        layers.MaxPooling2D()(x)
    )
    return keras.Model(i, layers.Dense(3, name="out")(layers.Flatten()(x)))


def bilstm() -> Any:
    x = i = keras.Input((7,), dtype="int32")
    x = layers.Embedding(11, 4, mask_zero=True, name="words")(x)
    x = layers.Bidirectional(layers.LSTM(3), name="both")(x)
    return keras.Model(i, layers.Dense(2, name="out")(x))


def transformer() -> Any:
    x = i = keras.Input((6, 8))
    y = layers.MultiHeadAttention(2, 4, name="attention")(x, x)
    x = layers.LayerNormalization(name="first")(x + y)
    y = layers.Dense(8, name="down")(layers.Dense(16, "gelu", name="up")(x))
    x = layers.LayerNormalization(name="second")(layers.Add()([x, y]))
    return keras.Model(i, layers.GlobalAveragePooling1D()(x))


def two_in_two_out() -> Any:
    a, b = keras.Input((4,), name="a"), keras.Input((3,), name="b")
    x = layers.Concatenate()([layers.Dense(5, name="of_a")(a), b])
    return keras.Model(
        [a, b], [layers.Dense(1, name="size")(x), layers.Dense(3, name="kind")(x)]
    )


def nested() -> Any:
    inner = keras.Sequential(
        [keras.Input((4,)), layers.Dense(4), layers.BatchNormalization()], name="inner"
    )
    i = keras.Input((4,))
    return keras.Model(i, layers.Dense(2, name="out")(inner(inner(i))))


def frozen() -> Any:
    model = mlp()
    model.get_layer("hidden").trainable = False
    return model


MODELS = [mlp, cnn, bilstm, transformer, two_in_two_out, nested, frozen]


def data(model: Any, channels_first: bool) -> list[torch.Tensor]:
    found = []
    for tensor in model.inputs:
        shape = (3, *tensor.shape[1:])
        if tensor.dtype.startswith("int"):
            # Rows of several lengths, 0 for what is not there.
            value = np.arange(np.prod(shape)).reshape(shape) % 11
            value[:, 4:] = 0
            found.append(torch.from_numpy(value).int())
            continue
        value = torch.from_numpy(
            np.random.default_rng(1).normal(size=shape).astype("float32")
        )
        images = channels_first and value.ndim == 4
        found.append(value.permute(0, 3, 1, 2) if images else value)
    return found


def ruff(*arguments: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ruff", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


def check_style(path: Path) -> None:
    checked = ruff("check", "--isolated", "--select", "E,F,W,I", path)
    assert checked.returncode == 0, checked.stdout
    formatted = ruff("format", "--isolated", "--check", "--diff", path)
    assert formatted.returncode == 0, formatted.stdout


def module(source: str, name: str = "Model") -> Any:
    namespace: dict[str, Any] = {}
    exec(compile(source, "model.py", "exec"), namespace)
    return namespace[name]


@pytest.mark.parametrize("make", MODELS, ids=lambda f: f.__name__)
def test_the_source_computes_the_same(make: Callable[[], Any], tmp_path: Path) -> None:
    model = make()
    for weight in model.weights:  # statistics of zero and one tell nothing
        if weight.shape:
            weight.assign(np.abs(RNG.normal(size=weight.shape)) + 0.1)
    source = model.source()
    path = tmp_path / "model.py"
    path.write_text(source)
    check_style(path)
    imported = {
        line.split()[1].split(".")[0]
        for line in source.splitlines()
        if line.startswith(("import ", "from "))
    }
    assert imported <= {"torch", "math", "__future__", "collections"}
    own = module(source)()
    own.load_state_dict(model.state_dict())
    own.eval()
    model.eval()
    expected = model(data(model, False))
    found = own(*data(model, True))
    if isinstance(found, torch.Tensor):
        expected, found = [expected], [found]
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-6)
    # Its layers are called as in Keras.
    names = {n.split(".")[0] for n in own.state_dict()}
    assert names == {layer.name for layer in model.layers if layer.weights}


def test_the_source_trains_the_same() -> None:
    model = cnn()
    own = module(model.source())()
    own.load_state_dict(model.state_dict())
    for trained, first in ((model, False), (own, True)):
        optimizer = torch.optim.SGD(trained.parameters(), 0.1)
        trained.train()
        for _ in range(3):
            optimizer.zero_grad()
            trained(*data(model, first)).square().mean().backward()
            optimizer.step()
    for (name, a), b in zip(
        model.state_dict().items(), own.state_dict().values(), strict=True
    ):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6, msg=name)


class Scale(keras.layers.Layer):
    def build(self, shape: Any) -> None:
        self.by = self.add_weight(shape=(shape[-1],), name="by")

    def call(self, x: Any) -> Any:
        return x * self.by


def test_layers_of_ones_own_are_handed_over(tmp_path: Path) -> None:
    i = keras.Input((4,))
    x = Scale(name="scale")(layers.Dense(4, name="dense")(i))
    model = keras.Model(i, layers.TorchModuleWrapper(nn.Linear(4, 2), name="torch")(x))
    source = model.source()
    path = tmp_path / "model.py"
    path.write_text(source)
    check_style(path)
    own = module(source)(model.get_layer("scale"), model.get_layer("torch"))
    own.load_state_dict(model.state_dict())
    x = torch.from_numpy(RNG.normal(size=(3, 4)).astype("float32"))
    torch.testing.assert_close(own(x), model(x))


class Net(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.first = layers.Dense(4, name="first")
        self.body = mlp()

    def call(self, x: Any) -> Any:
        return self.body(self.first(x)[:, :6])


def test_a_subclass_is_shown_with_what_its_layers_are(tmp_path: Path) -> None:
    model = Net()
    model.first = layers.Dense(6, name="first")
    model(np.zeros((2, 6), "float32"))
    source = model.source()
    assert "class Net(keras.Model)" in source
    assert "first: nn.Linear(6, 6)" in source
    assert "self.hidden = nn.Linear(6, 5)" in source
    compile(source, "shown.py", "exec")
