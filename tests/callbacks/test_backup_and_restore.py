"""An interrupted training ends as one that was not; no crash loses a backup."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from keras2torch import optimizers
from keras2torch.callbacks import BackupAndRestore, Callback, CallbackList, state
from keras2torch.random import SeedGenerator, generator
from tests.callbacks.driver import Interrupted

EPOCHS, BATCH = 6, 5
X = torch.from_numpy(np.random.default_rng(0).normal(size=(23, 4))).float()
Y = X[:, :1] * 2 - X[:, 1:2]


class Noise(nn.Module):
    """Draws from a row of seeds of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.seeds = SeedGenerator(7)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        drawn = generator(self.seeds, x.device)
        return x + 0.1 * torch.randn(x.shape, generator=drawn)


class Model(nn.Module):
    """Everything that a training draws: order, dropout, noise, numpy's and Python's."""

    def __init__(self, optimizer: Any) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.first, self.last = nn.Linear(4, 8), nn.Linear(8, 1)
        self.noise, self.dropout = Noise(), nn.Dropout(0.2)
        self.tied = self.first  # two names for one weight
        self.register_buffer("seen", torch.tensor(0, dtype=torch.int64))
        self.optimizer = optimizer
        self._initial_epoch: int | None = None
        self._shuffle_generator = torch.Generator().manual_seed(11)
        self.stop_training = False

    @property
    def trainable_variables(self) -> list[nn.Parameter]:
        return list(self.parameters())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.dropout(self.noise(self.first(x)).relu()))

    def fit(self, callbacks: list[Any], validate: bool = False) -> None:
        every = CallbackList(callbacks, model=self, epochs=EPOCHS, steps=5, verbose=0)
        if not self.optimizer.built:
            self.optimizer.build(self.trainable_variables)
        every.on_train_begin()
        for epoch in range(self._initial_epoch or 0, EPOCHS):
            every.on_epoch_begin(epoch)
            order = torch.randperm(len(X), generator=self._shuffle_generator)
            for batch, chosen in enumerate(order.split(BATCH)):
                every.on_train_batch_begin(batch)
                x = X[chosen] + 0.01 * np.random.rand() + 0.01 * random.random()
                self.optimizer.zero_grad()
                (self(x) - Y[chosen]).square().mean().backward()
                self.optimizer.step()
                self.seen += len(chosen)
                every.on_train_batch_end(batch, {})
            every.on_epoch_end(epoch, {})
        every.on_train_end()

    def numbers(self) -> list[np.ndarray]:
        kept = [*self.state_dict().values()]
        kept += [torch.as_tensor(v.numpy()) for v in self.optimizer.variables]
        return [t.detach().numpy() for t in kept]


class InterruptAt(Callback):
    def __init__(self, epoch: int, batch: int | None = None) -> None:
        super().__init__()
        self.at = (epoch, batch)
        self.epoch = -1

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.epoch = epoch
        if self.at == (epoch, None):
            raise Interrupted

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self.at == (self.epoch, batch):
            raise Interrupted


class HalveRate(Callback):
    """A rate that only the backup remembers."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.model.optimizer.learning_rate = float(self.model.optimizer.lr) * 0.7


def seed() -> None:
    torch.manual_seed(1)
    np.random.seed(1)
    random.seed(1)


OPTIMIZERS: dict[str, Callable[[], Any]] = {
    "Adam": lambda: optimizers.Adam(0.01),
    "Adam with averages": lambda: optimizers.Adam(0.01, use_ema=True, amsgrad=True),
    "SGD": lambda: optimizers.SGD(0.05, momentum=0.9, nesterov=True),
    "SGD, accumulating": lambda: optimizers.SGD(0.05, gradient_accumulation_steps=3),
    "RMSprop": lambda: optimizers.RMSprop(0.01, momentum=0.5, centered=True),
    "Nadam": lambda: optimizers.Nadam(0.01),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("at", [(3, None), (3, 2), (EPOCHS - 1, 4)])
def test_ends_with_the_weights_of_the_unbroken_training(
    name: str, at: tuple[int, int | None], tmp_path: Path
) -> None:
    seed()
    unbroken = Model(OPTIMIZERS[name]())
    unbroken.fit([HalveRate()])

    seed()
    backup = tmp_path / "backup"
    broken = Model(OPTIMIZERS[name]())
    with pytest.raises(Interrupted):
        # Before the backup: what others do at the end of an epoch is in it.
        broken.fit([HalveRate(), BackupAndRestore(backup), InterruptAt(*at)])
    del broken

    # Another process: other random numbers, another beginning.
    torch.manual_seed(99)
    np.random.seed(99)
    random.seed(99)
    resumed = Model(OPTIMIZERS[name]())
    with torch.no_grad():
        resumed.first.weight.fill_(5)
    resumed._shuffle_generator.manual_seed(5)
    resumed.fit([HalveRate(), BackupAndRestore(backup)])
    for a, b in zip(resumed.numbers(), unbroken.numbers(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert resumed._initial_epoch == at[0]
    assert not backup.exists()


def backed_up(folder: Path, epochs: int = 2, **options: Any) -> Model:
    seed()
    model = Model(optimizers.Adam(0.01))
    with pytest.raises(Interrupted):
        model.fit([BackupAndRestore(folder, **options), InterruptAt(epochs)])
    return model


def restored(folder: Path, **options: Any) -> Model:
    model = Model(optimizers.Adam(0.01))
    model.optimizer.build(model.trainable_variables)
    callback = BackupAndRestore(folder, **options)
    callback.set_model(model)
    callback.on_train_begin()
    return model


def current(folder: Path) -> Path:
    named = json.loads((folder / "training_metadata.json").read_text())
    return folder / str(named["state"])


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


DAMAGE: dict[str, Callable[[Path], None]] = {
    "a file cut off": lambda folder: cut(current(folder)),
    "an empty file": lambda folder: current(folder).write_bytes(b""),
    "a file of something else": lambda folder: current(folder).write_text("x" * 99),
    "no file": lambda folder: current(folder).unlink(),
    "half the JSON": lambda folder: cut_json(folder),
    "JSON of something else": lambda folder: metadata(folder).write_text("[1]"),
    "a file elsewhere": lambda folder: metadata(folder).write_text(
        '{"epoch": 1, "state": "../other.safetensors"}'
    ),
}


def metadata(folder: Path) -> Path:
    return folder / "training_metadata.json"


def cut_json(folder: Path) -> None:
    metadata(folder).write_text(metadata(folder).read_text()[:12])


@pytest.mark.parametrize("how", DAMAGE)
def test_takes_the_backup_before_where_the_last_is_damaged(
    how: str, tmp_path: Path
) -> None:
    backed_up(tmp_path, epochs=3, double_checkpoint=True)
    assert len(list(tmp_path.iterdir())) == 4
    assert restored(tmp_path)._initial_epoch == 3
    DAMAGE[how](tmp_path)
    model = restored(tmp_path)
    assert model._initial_epoch == 2
    assert int(model.seen) == 2 * len(X)


@pytest.mark.parametrize("how", DAMAGE)
def test_says_that_a_backup_is_damaged(how: str, tmp_path: Path) -> None:
    backed_up(tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    DAMAGE[how](tmp_path)
    with pytest.raises(OSError, match=r"the backup in .* cannot be read: .*Delete"):
        restored(tmp_path)


@pytest.mark.parametrize("double", [False, True])
@pytest.mark.parametrize("step", range(1, 5))
def test_no_crash_while_saving_loses_a_backup(
    step: int, double: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = backed_up(tmp_path, double_checkpoint=double)
    done = 0
    real = Path.replace

    def replace(self: Path, target: Any) -> Any:
        nonlocal done
        done += 1
        if done == step:
            raise Interrupted
        return real(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    callback = BackupAndRestore(tmp_path, double_checkpoint=double)
    callback.set_model(model)
    model.seen.fill_(1000)
    try:
        callback.on_epoch_end(2)
    except Interrupted:
        expected = (2, 2 * len(X))
    else:
        expected = (3, 1000)
    monkeypatch.undo()
    found = restored(tmp_path, double_checkpoint=double)
    assert (found._initial_epoch, int(found.seen)) == expected
    # The next backup clears what the crash left.
    callback = BackupAndRestore(tmp_path, double_checkpoint=double)
    callback.set_model(found)
    callback.on_epoch_end(3)
    assert restored(tmp_path)._initial_epoch == 4
    assert len(list(tmp_path.iterdir())) == (4 if double else 2)


def test_deletes_nothing_but_the_backup(tmp_path: Path) -> None:
    mine = tmp_path / "thesis.txt"
    mine.write_text("precious")
    model = Model(optimizers.SGD(0.01))
    model.fit([BackupAndRestore(tmp_path, double_checkpoint=True)])
    assert list(tmp_path.iterdir()) == [mine]


@pytest.mark.parametrize(("save_freq", "saves"), [(False, 0), (7, 4), ("epoch", 6)])
def test_saves_so_often(save_freq: Any, saves: int, tmp_path: Path) -> None:
    callback = BackupAndRestore(tmp_path / "backup", save_freq)
    count = []
    save = callback._save_model
    callback._save_model = lambda: (count.append(1), save())  # type: ignore[method-assign]
    Model(optimizers.SGD(0.01)).fit([callback])
    assert len(count) == saves


def test_a_model_without_weights_cannot_go_on(tmp_path: Path) -> None:
    model = Model(optimizers.SGD(0.01))
    model.built = False
    with pytest.raises(ValueError, match="must be built"):
        model.fit([BackupAndRestore(tmp_path)])


def test_another_model_is_refused(tmp_path: Path) -> None:
    backed_up(tmp_path)
    other = nn.Module()
    other.last = nn.Linear(4, 1)
    other.optimizer = None
    callback = BackupAndRestore(tmp_path)
    callback.set_model(other)
    with pytest.raises(ValueError, match="the backup is of another model"):
        callback.on_train_begin()


def test_a_model_that_is_not_compiled_keeps_its_weights(tmp_path: Path) -> None:
    model = backed_up(tmp_path)
    model.optimizer = None
    callback = BackupAndRestore(tmp_path)
    callback.set_model(model)
    callback.on_epoch_end(0)
    callback.on_train_begin()
    assert model._initial_epoch == 1


# ------------------------------------------------------------------- tensors and JSON
TIED = torch.arange(6.0)
NESTS: list[Any] = [
    {"state": {0: {"step": torch.tensor(3.0), "m": torch.ones(2, 3)}, 1: {}}},
    {"betas": (0.9, 0.999), "lr": 0.1, "none": None, "flag": True, "name": "x"},
    [float("nan"), float("inf"), -float("inf"), -0.0, 2**60, "", [], (), {}],
    {"a.b": {"c": torch.zeros(0)}, "a": {"b.c": torch.ones(())}},
    {"x": TIED, "y": TIED, "part": TIED[2:4], "turned": torch.ones(2, 3).T},
    [torch.tensor([1], dtype=d) for d in (torch.int64, torch.bool, torch.bfloat16)],
    {"array": np.arange(3, dtype="uint32"), "one": np.float64(0.1), "bool": np.True_},
    {"tensor": "a word", "dict": [["x", 1]], "": {"float": "nan"}},
    np.random.RandomState(0).get_state(),
    random.Random(0).getstate(),
]


def same(a: Any, b: Any) -> bool:
    if isinstance(a, torch.Tensor):
        return type(b) is torch.Tensor and a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b)
    if isinstance(a, np.generic):
        return bool(a.item() == b)
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and repr(a) == repr(b)


@pytest.mark.parametrize("number", range(len(NESTS)))
def test_a_state_comes_back_as_it_was(number: int, tmp_path: Path) -> None:
    nest = {"outer": NESTS[number]}
    state.write(tmp_path / "x.safetensors", nest)
    assert same(nest, state.read(tmp_path / "x.safetensors"))


@pytest.mark.parametrize("nest", [{"x": object()}, {(1, 2): 3}, {"x": {1.5: 2}}])
def test_what_could_run_is_refused(nest: Any, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="backup"):
        state.write(tmp_path / "x.safetensors", nest)
