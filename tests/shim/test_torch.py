"""What a PyTorch user does with a model that comes from a Keras script."""

from __future__ import annotations

import copy
import functools
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import keras2torch as keras

layers = keras.layers
RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 6)).astype("float32")
LABELS = RNG.integers(0, 3, 40)


def functional() -> Any:
    x = i = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, activation="relu", name="conv")(x)
    x = layers.BatchNormalization(name="bn")(x)
    x = layers.Dropout(0.5)(layers.Flatten()(x))
    return keras.Model(i, layers.Dense(3, activation="softmax", name="out")(x))


def sequential() -> Any:
    return keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(5, activation="relu"),
            layers.Dropout(0.3),
            layers.Dense(2),
        ]
    )


def nested() -> Any:
    inner = keras.Sequential(
        [keras.Input((6,)), layers.Dense(5), layers.BatchNormalization()], name="inner"
    )
    i = keras.Input((6,))
    return keras.Model(i, layers.Dense(2, name="o")(inner(i)))


def shared() -> Any:
    dense = layers.Dense(4, name="d")
    i = keras.Input((6,))
    return keras.Model(i, layers.Add()([dense(i), dense(i * 2.0)]))


class Subclass(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.first = layers.Dense(4)
        self.branches = [layers.Dense(3), layers.Dense(3)]
        self.named = {"norm": layers.BatchNormalization()}
        self.torch = nn.Linear(3, 2)

    def call(self, x: Any, training: Any = None) -> Any:
        x = self.first(x)
        x = self.branches[0](x) + self.branches[1](x)
        return self.torch(self.named["norm"](x, training=training))


def subclassed() -> Any:
    model = Subclass()
    model(X[:2])
    return model


MODELS = [functional, sequential, nested, shared, subclassed]
each = pytest.mark.parametrize("make", MODELS, ids=lambda f: f.__name__)


def batch(make: Callable[[], Any]) -> torch.Tensor:
    torch.manual_seed(0)
    return torch.randn(4, 8, 8, 3) if make is functional else torch.randn(4, 6)


# ------------------------------------------------------------------------- state
@each
def test_state_goes_into_another_model_of_the_same_script(make: Any) -> None:
    """Even where layers without names count on."""
    a, b, x = make().eval(), make().eval(), batch(make)
    stream = io.BytesIO()
    torch.save(a.state_dict(), stream)
    stream.seek(0)
    b.load_state_dict(torch.load(stream, weights_only=True))
    torch.testing.assert_close(b(x), a(x), rtol=0, atol=0)
    for u, v in zip(a.get_weights(), b.get_weights(), strict=True):
        np.testing.assert_array_equal(u, v)


def test_another_state_is_refused() -> None:
    with pytest.raises(RuntimeError, match=r"Missing key|Unexpected key"):
        functional().load_state_dict(nested().state_dict())


def test_names_are_those_of_keras_layers() -> None:
    assert [n for n, _ in functional().named_parameters()] == [
        f"{layer}.{kind}"
        for layer in ("conv", "bn", "out")
        for kind in ("weight", "bias")
    ]
    assert {n.split(".")[0] for n in nested().state_dict()} == {"inner", "o"}
    names = set(subclassed().state_dict())
    assert {"branches.0.weight", "branches.1.bias", "named.norm.running_mean"} <= names


@each
def test_a_copy_is_another_model(make: Any) -> None:
    model, x = make().eval(), batch(make)
    expected = model(x).detach()
    other = copy.deepcopy(model)
    torch.testing.assert_close(other(x), expected, rtol=0, atol=0)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(1.0)
    assert (other(x) - expected).abs().max() > 1e-3
    torch.testing.assert_close(model(x), expected, rtol=0, atol=0)
    gaps = [
        np.abs(a - b).max()
        for a, b in zip(model.get_weights(), other.get_weights(), strict=True)
    ]
    assert max(gaps) == pytest.approx(1.0)


def test_a_copy_trains_with_its_own_optimizer() -> None:
    model = sequential()
    model.compile("adam", "mse")
    y = X[:, :2]
    model.fit(X, y, verbose=0)
    before = model.get_weights()
    other = copy.deepcopy(model)
    other.fit(X, y, epochs=2, verbose=0)
    for a, b, c in zip(before, model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
        assert np.abs(a - c).max() > 0


# ------------------------------------------------------------------------- moving
@each
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_moved_to_another_dtype(make: Any, dtype: torch.dtype) -> None:
    model, x = make().eval(), batch(make)
    expected = model(x).detach()
    model.to(dtype)
    assert {p.dtype for p in model.parameters()} == {dtype}
    for given in (x, x.to(dtype), x.numpy()):
        found = model(given)
        assert found.dtype == dtype
        tolerance = 1e-6 if dtype == torch.float64 else 0.2
        torch.testing.assert_close(
            found.double(), expected.double(), rtol=tolerance, atol=tolerance
        )
    model.float()
    assert model(x).dtype == torch.float32


@each
def test_meta(make: Any) -> None:
    model = make().to("meta")
    assert {t.device.type for t in model.state_dict().values()} == {"meta"}
    assert model(batch(make).to("meta")).device.type == "meta"


@each
def test_modes_reach_every_module(make: Any) -> None:
    model = make()
    assert all(m.training for m in model.train().modules())
    assert not any(m.training for m in model.eval().modules())


@each
def test_frozen_by_torch(make: Any) -> None:
    model = make()
    model.requires_grad_(False)
    assert model.trainable_weights == []
    model.requires_grad_(True)
    assert len(model.trainable_weights) == len(list(model.parameters()))


def test_a_layer_of_a_model_that_was_not_called_has_its_parameters() -> None:
    """Or an optimizer of torch over them would train nothing."""
    model = sequential()
    groups = [
        {"params": model.layers[0].parameters(), "lr": 0.0},
        {"params": model.layers[2].parameters()},
    ]
    optimizer = torch.optim.SGD(groups, 0.1)
    before = model.get_weights()
    model.compile(optimizer, "mse")
    model.fit(X, X[:, :2], verbose=0)
    moved = [
        bool((a != b).any()) for a, b in zip(before, model.get_weights(), strict=True)
    ]
    assert moved == [False, False, True, True]


def test_apply_finds_torch_modules() -> None:
    model = sequential()
    found: list[nn.Module] = []
    model.apply(lambda m: found.append(m) if isinstance(m, nn.Linear) else None)
    assert [m.out_features for m in found] == [5, 2]
    for module in found:
        nn.init.constant_(module.weight, 0.25)
    assert [float(w.max()) for w in model.get_weights()[::2]] == [0.25, 0.25]


# ------------------------------------------------------------------------- training
@each
def test_a_loop_of_torch(make: Any) -> None:
    model, x = make(), batch(make)
    y = torch.arange(len(x)) % 2
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    model.train()
    losses = []
    for _ in range(25):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert all(p.grad is not None for p in model.parameters())
    assert losses[-1] < losses[0]
    model.zero_grad()
    assert all(p.grad is None for p in model.parameters())


def test_dropout_and_statistics_go_by_the_mode() -> None:
    model, x = functional(), batch(functional)
    model.eval()
    buffers = {k: v.clone() for k, v in model.named_buffers()}
    torch.testing.assert_close(model(x), model(x), rtol=0, atol=0)
    for name, value in model.named_buffers():
        torch.testing.assert_close(value, buffers[name], rtol=0, atol=0)
    model.train()
    assert (model(x) - model(x)).abs().max() > 0
    assert (model.get_layer("bn").moving_mean.numpy() != 0).any()
    # A frozen one stays in inference mode whatever the mode is, as in Keras.
    model.get_layer("bn").trainable = False
    frozen = model.get_layer("bn").moving_mean.numpy()
    model.train()
    model(x)
    np.testing.assert_array_equal(model.get_layer("bn").moving_mean.numpy(), frozen)


@each
def test_gradients_of_inputs(make: Any) -> None:
    x = batch(make).requires_grad_()
    make().eval()(x).square().sum().backward()
    assert x.grad is not None
    assert x.grad.shape == x.shape
    assert x.grad.abs().sum() > 0


@each
def test_no_grad(make: Any) -> None:
    with torch.no_grad():
        assert not make()(batch(make)).requires_grad


def test_functional_call() -> None:
    model, x = functional().eval(), batch(functional)
    zeros = {n: torch.zeros_like(p) for n, p in model.named_parameters()}
    found = torch.func.functional_call(model, zeros, (x,))
    torch.testing.assert_close(found, torch.full((4, 3), 1 / 3))
    assert (model(x) - found).abs().max() > 1e-3


# ------------------------------------------------------------------------- together
@each
def test_in_a_module_of_torch(make: Any) -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = make()
            self.head = nn.LazyLinear(1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(self.body(x))

    net, x = Net(), batch(make)
    net(x).sum().backward()
    grads = [p.grad for p in net.parameters()]
    assert all(g is not None for g in grads)
    assert len(grads) == 2 + len(list(net.body.parameters()))
    assert any(n.startswith("body.") for n in net.state_dict())
    net.double()
    assert net(x.double()).dtype == torch.float64
    assert not net.eval().body.training
    stack = nn.Sequential(make(), nn.Flatten())
    assert stack(x).shape[0] == 4


@each
def test_hooks_on_the_model(make: Any) -> None:
    model, seen = make(), []
    handle = model.register_forward_hook(lambda m, args, out: seen.append(out.shape))
    model(batch(make))
    handle.remove()
    model(batch(make))
    assert len(seen) == 1


def test_hooks_on_layers_of_a_subclass() -> None:
    model, seen = subclassed(), []
    for layer in model.layers:
        layer.register_forward_hook(lambda m, a, out: seen.append((m, out.shape[-1])))
    model(X[:3])
    assert [size for _, size in seen] == [4, 3, 3, 3]


@pytest.mark.parametrize("name", ["parameters", "train", "modules"])
def test_what_torch_calls_is_no_attribute(name: str) -> None:
    with pytest.raises(AttributeError, match=f"{name}_ for instance"):
        setattr(layers.Dense(2), name, [1])


@pytest.mark.parametrize("name", ["forward", "half", "type", "apply", "to"])
def test_layers_under_names_of_torch(name: str) -> None:
    class Own(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            setattr(self, name, layers.Dense(3))
            self.backward = layers.Dense(3)

        def call(self, x: Any) -> Any:
            return getattr(self, name)(x) - self.backward(x)

    x = keras.Input((6,))
    model = keras.Model(x, Own()(x))
    model.compile("sgd", "mse")
    before = model.get_weights()
    model.fit(X, X[:, :3], verbose=0)
    assert len(before) == 4
    for old, new in zip(before, model.get_weights(), strict=True):
        assert np.abs(old - new).max() > 0


def test_hooks_on_layers_of_a_program() -> None:
    model, seen = functional(), {}
    x = batch(functional)
    before = model(x)
    for layer in model.layers[1:]:
        layer.register_forward_hook(
            lambda m, args, out: seen.update({m.name: (args, out)})
        )
    torch.testing.assert_close(model(x), before)
    assert [*seen] == [layer.name for layer in model.layers[1:]]
    for layer in model.layers[1:]:
        assert tuple(seen[layer.name][1].shape)[1:] == layer.output.shape[1:]
    model.get_layer("conv").register_forward_hook(lambda m, args, out: out * 0)
    assert not torch.allclose(model(x), before)


@each
def test_torch_compile_traces_it(make: Any) -> None:
    model, x = make().eval(), batch(make)
    torch._dynamo.reset()
    compiled = torch.compile(model, backend="eager")
    torch.testing.assert_close(compiled(x), model(x))


# ------------------------------------------------------------------------- modules
def test_modules_in_a_stack() -> None:
    frozen = nn.Linear(5, 5).requires_grad_(False)
    model = keras.Sequential(
        [
            keras.Input((6,)),
            nn.Linear(6, 5),
            nn.BatchNorm1d(5),
            nn.ReLU(),
            frozen,
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    before = frozen.weight.clone()
    history = model.fit(X, LABELS, epochs=8, verbose=0).history["loss"]
    assert history[-1] < history[0]
    torch.testing.assert_close(frozen.weight, before, rtol=0, atol=0)
    assert len(model.trainable_weights) == 6
    assert len(model.non_trainable_weights) == 4  # two statistics, two frozen


def test_modules_between_layers_see_images_channels_first() -> None:
    conv, norm = nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4)
    x = i = keras.Input((5, 7, 3))
    x = layers.TorchModuleWrapper(conv)(x)
    x = layers.TorchModuleWrapper(norm, trainable=False)(x)
    model = keras.Model(i, layers.Dense(2)(layers.GlobalAveragePooling2D()(x)))
    assert x.shape == (None, 5, 7, 4)
    images = RNG.normal(size=(4, 5, 7, 3)).astype("float32")
    first = torch.from_numpy(images).permute(0, 3, 1, 2)
    expected = norm.eval()(conv(first)).mean((2, 3))
    expected = expected @ torch.from_numpy(model.layers[-1].get_weights()[0])
    np.testing.assert_allclose(
        model.predict(images, verbose=0), expected.detach(), atol=1e-6
    )
    model.compile("sgd", "mse")
    before = conv.weight.clone()
    model.fit(images, images[:, 0, 0, :2], verbose=0)
    assert (conv.weight != before).any()
    assert all(not p.requires_grad for p in norm.parameters())


# ------------------------------------------------------------------------- compile
def logits() -> Any:
    return keras.Sequential([keras.Input((6,)), layers.Dense(3)])


OPTIMIZERS: dict[str, Callable[[Any], Any]] = {
    "instance": lambda m: torch.optim.SGD(m.parameters(), 0.1, momentum=0.9),
    "class": lambda m: torch.optim.AdamW,
    "partial": lambda m: functools.partial(torch.optim.AdamW, lr=0.1),
}
LOSSES: dict[str, Any] = {
    "module": nn.CrossEntropyLoss(),
    "class": nn.CrossEntropyLoss,
    "function": F.cross_entropy,
}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_parts_of_torch_in_compile(optimizer: str, loss: str) -> None:
    model = logits()
    model.compile(OPTIMIZERS[optimizer](model), LOSSES[loss], metrics=["accuracy"])
    history = model.fit(X, LABELS, epochs=6, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]


def test_fit_with_parts_of_torch_is_the_loop_of_torch() -> None:
    model, plain = logits(), nn.Linear(6, 3)
    plain.load_state_dict(
        dict(zip(plain.state_dict(), model.state_dict().values(), strict=True))
    )
    make = functools.partial(torch.optim.Adam, lr=0.05)
    model.compile(make(model.parameters()), nn.CrossEntropyLoss())
    history = model.fit(X, LABELS, batch_size=16, epochs=3, shuffle=False, verbose=0)
    optimizer = make(plain.parameters())
    for _ in range(3):
        for at in range(0, 40, 16):
            optimizer.zero_grad()
            x, y = torch.from_numpy(X[at : at + 16]), torch.from_numpy(LABELS)
            F.cross_entropy(plain(x), y[at : at + 16]).backward()
            optimizer.step()
    for a, b in zip(model.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-7)
    assert len(history.history["loss"]) == 3


def test_schedulers_of_torch_and_callbacks_of_keras_on_an_optimizer_of_torch() -> None:
    model = logits()
    name = model.layers[0].name
    groups = [
        {"params": [model.get_parameter(f"{name}.weight")], "lr": 0.1},
        {"params": [model.get_parameter(f"{name}.bias")], "lr": 0.01},
    ]
    optimizer = torch.optim.SGD(groups, 0.1)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)
    model.compile(optimizer, nn.CrossEntropyLoss())
    step = keras.callbacks.LambdaCallback(on_epoch_end=lambda e, logs: scheduler.step())
    model.fit(X, LABELS, epochs=2, verbose=0, callbacks=[step])
    assert [g["lr"] for g in optimizer.param_groups] == pytest.approx([0.025, 0.0025])
    rate = keras.callbacks.LearningRateScheduler(lambda epoch, lr: lr * 2)
    history = model.fit(X, LABELS, epochs=2, verbose=0, callbacks=[rate]).history
    assert history["learning_rate"] == pytest.approx([0.05, 0.1])
    assert [g["lr"] for g in optimizer.param_groups] == pytest.approx([0.1, 0.01])
    plateau = keras.callbacks.ReduceLROnPlateau("loss", 0.1, patience=1, min_delta=9)
    history = model.fit(X, LABELS, epochs=3, verbose=0, callbacks=[plateau]).history
    assert history["learning_rate"] == pytest.approx([0.1, 0.1, 0.01])


class Accuracy(nn.Module):
    """Like those of torchmetrics: update(preds, target), compute(), reset()."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("right", torch.tensor(0.0))
        self.seen = 0

    def update(self, preds: torch.Tensor, target: torch.Tensor) -> None:
        self.seen += len(target)
        self.right += (preds.argmax(-1) == target).sum()

    def compute(self) -> torch.Tensor:
        return self.right / self.seen

    def reset(self) -> None:
        self.seen = 0
        self.right.zero_()


def test_metrics_like_those_of_torchmetrics() -> None:
    model = logits()
    model.compile("sgd", nn.CrossEntropyLoss(), metrics=[Accuracy(), "accuracy"])
    history = model.fit(
        X, LABELS, batch_size=16, epochs=3, validation_split=0.25, verbose=0
    ).history
    assert len(history) == 6
    for before in ("", "val_"):
        (own,) = [
            values
            for name, values in history.items()
            if name.startswith(before)
            and name.removeprefix(before) not in ("loss", "accuracy")
            and name.startswith("val_") == bool(before)
        ]
        np.testing.assert_allclose(own, history[f"{before}accuracy"], rtol=1e-6)


def _with_dropout(told: bool | None, *, nested: bool) -> Any:
    inputs = keras.Input((50,))
    model = keras.Model(inputs, keras.layers.Dropout(0.5)(inputs, training=told))
    if not nested:
        return model
    around = keras.Input((50,))
    return keras.Model(around, model(around))


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("told", [None, False, True])
def test_what_a_layer_was_told_holds_where_the_call_says_nothing(
    told: bool | None, nested: bool
) -> None:
    """As measured with Keras 3.15: ``Dropout(0.5)(x, training=True)``."""
    model, x = _with_dropout(told, nested=nested), torch.ones(2, 50)
    for _ in range(2):
        assert bool((model(x) != x).any()) is bool(told)
        assert bool((model(x, training=True) != x).any())
        assert bool((model(x, training=False) == x).all())
    assert (model.predict(x, verbose=0) == x.numpy()).all()


def test_a_layer_is_found_by_its_own_name_and_by_that_in_the_source() -> None:
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(3)], name="tower")
    model = keras.Sequential([keras.Input((4,)), inner, layers.Dense(2)])
    last, first = model.layers[-1], inner.layers[-1]
    assert model.get_submodule(last.name) is model.get_submodule("fc")
    weight = model.get_parameter(f"tower.{first.name}.weight")
    assert weight is model.get_parameter("tower.fc.weight")
    assert weight.shape == (3, 4)
    with pytest.raises(AttributeError):
        model.get_submodule("dense_of_another_model")
