"""What is read from the shim's sources is what the imported shim has."""

from __future__ import annotations

import inspect

import pytest

import keras2torch
from keras2torch.guide import equals, shim
from keras2torch.guide.shim import carries, takes


def reached(name):
    """Whether the package itself has a name, and not to say that it has not."""
    if name in shim.REFUSED:
        return False
    value = keras2torch
    for part in name.split("."):
        try:
            value = getattr(value, part)
        except (AttributeError, KeyError):
            return False
    return True


def listed(prefix):
    return [n for n, _ in equals.names() if n.startswith(prefix) and "*" not in n]


@pytest.mark.parametrize(
    "group",
    "activations. callbacks. config. constraints. datasets. dtype_policies. "
    "initializers. layers. metrics. mixed_precision. models. optimizers. "
    "random. regularizers. saving. tree. utils. losses. applications. "
    "preprocessing. backend.".split(),
)
def test_names(group):
    for name in listed(group):
        if name.startswith(("metrics.accuracy", "metrics.crossentropy")):
            continue
        assert carries(name) == reached(shim.OF_EACH.get(name, name)), name


def test_functions_of_losses():
    for name in ("losses.mean_squared_error", "losses.hinge", "metrics.kl_divergence"):
        assert reached(name)
        assert carries(name)


CLASSES = {
    "Model": "Model",
    "Sequential": "Sequential",
    "Layer": "layers.Layer",
    "Loss": "losses.Loss",
    "Metric": "metrics.Metric",
    "Callback": "callbacks.Callback",
    "Optimizer": "optimizers.Optimizer",
    "LearningRateSchedule": "optimizers.schedules.LearningRateSchedule",
}


def cls(name):
    value = keras2torch
    for part in name.split("."):
        value = getattr(value, part)
    return value


@pytest.mark.parametrize("kind", CLASSES)
def test_methods(kind):
    found = cls(CLASSES[kind])
    for name in listed(f"{kind}."):
        last = name.partition(".")[2]
        if not carries(name):
            ours = getattr(found, last, None)
            # What torch's own class has does not do what Keras' method did.
            home = next((c for c in found.__mro__ if last in vars(c)), None)
            assert ours is None or not home.__module__.startswith("keras2torch"), name
        elif not name.endswith(("adapt",)):
            there = hasattr(found, last) or f"self.{last}" in "".join(
                inspect.getsource(c)
                for c in found.__mro__
                if c.__module__.startswith("keras2torch")
            )
            assert there, name


def test_arguments_of_methods():
    for kind in ("Model",):
        for method in ("fit", "compile", "evaluate", "predict"):
            real = inspect.signature(getattr(cls(kind), method)).parameters
            for argument in (
                "x",
                "epochs",
                "class_weight",
                "workers",
                "loss",
                "verbose",
            ):
                anything = any(p.kind == p.VAR_KEYWORD for p in real.values())
                name = f"{kind}.{method}"
                assert takes(name, argument) == (argument in real or anything), argument


LAYERS = {
    "Dense": (
        dict(units=3),
        "lora_rank input_shape input_dim weights foo init".split(),
    ),
    "LeakyReLU": ({}, ["alpha", "negative_slope", "slope"]),
    "Dropout": (dict(rate=0.1), ["seed", "noise_shape", "p"]),
    "Embedding": (
        dict(input_dim=3, output_dim=2),
        ["input_length", "mask_zero", "nope"],
    ),
    "BatchNormalization": ({}, ["renorm", "fused", "mode", "synchronized"]),
    "LSTM": (dict(units=2), ["implementation", "unroll", "time_major", "nope"]),
    "Conv2D": (dict(filters=2, kernel_size=3), ["padding", "nb_row", "groups"]),
}


@pytest.mark.parametrize("name", LAYERS)
def test_arguments_of_layers(name):
    given, arguments = LAYERS[name]
    made = getattr(keras2torch.layers, name)
    for argument in arguments:
        try:
            made(**given, **{argument: None})
            taken = True
        except (ValueError, TypeError) as error:
            taken = "nrecognized" not in str(error) and "unexpected" not in str(error)
        assert takes(f"layers.{name}", argument) == taken, argument


@pytest.mark.parametrize("method", ["PyDataset.__len__", "Model.zero_grad", "Model.to"])
def test_what_torch_or_a_subclass_has_is_carried(method):
    assert carries(method)


def test_tensorflow_is_no_question():
    assert carries("tf.matmul") is None
    assert shim.takes("tf.matmul", "x") is None
