"""Who is called, with what, and what need not be called at all."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from keras2torch import callbacks
from keras2torch.callbacks import Callback, CallbackList, History, LambdaCallback
from keras2torch.callbacks.logs import LazyLogs, pythonify_logs
from tests.callbacks.fake import Model

HOOKS = [
    f"on_{phase}{part}_{end}"
    for phase in ("train", "test", "predict")
    for part in ("", "_batch")
    for end in ("begin", "end")
] + ["on_epoch_begin", "on_epoch_end", "on_batch_begin", "on_batch_end"]


class Everything(Callback):
    """Notes every call."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Any] = []


for _hook in HOOKS:

    def _noting(self: Any, *arguments: Any, hook: str = _hook, **named: Any) -> None:
        self.seen.append((hook, *arguments, *named.values()))

    setattr(Everything, _hook, _noting)


class Legacy(Callback):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Any] = []

    def on_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.seen.append(("begin", batch))

    def on_batch_end(self, batch: int, logs: Any = None) -> None:
        self.seen.append(("end", batch, logs["loss"]))


def test_calls_every_hook_of_every_callback() -> None:
    one, two = Everything(), Everything()
    every = CallbackList([[one], (two,)], model=Model(), verbose=0)
    expected = []
    for hook in HOOKS:
        first = () if "batch" not in hook and "epoch" not in hook else (3,)
        getattr(every, hook)(*first, {"b": torch.tensor(2.0), "a": 1})
        expected.append((hook, *first, {"a": 1.0, "b": 2.0}))
    assert one.seen == two.seen == expected
    assert one.params == {"verbose": 0}
    assert one.model is every.model


def test_the_names_of_keras_1_still_work() -> None:
    old = Legacy()
    every = CallbackList(old)
    every.on_train_batch_begin(0)
    every.on_train_batch_end(0, {"loss": torch.tensor(0.5)})
    assert old.seen == [("begin", 0), ("end", 0, 0.5)]


@pytest.mark.parametrize(
    ("given", "wants"),
    [
        ([], ""),
        ([History(), callbacks.EarlyStopping(), callbacks.CSVLogger("x")], ""),
        ([callbacks.LearningRateScheduler(float), callbacks.ReduceLROnPlateau()], ""),
        ([Legacy()], "train"),
        ([callbacks.TerminateOnNaN()], "train"),
        ([callbacks.ModelCheckpoint("x.keras", save_freq=3)], "train"),
        ([LambdaCallback(on_epoch_end=print)], ""),
        ([LambdaCallback(on_train_batch_begin=print)], "train"),
        ([LambdaCallback(on_test_batch_end=print)], "test"),
        ([LambdaCallback(on_predict_batch_begin=print)], "predict"),
        ([callbacks.ProgbarLogger()], "train test predict"),
        ([Callback(), Everything()], "train test predict"),
    ],
)
def test_says_whose_batches_anybody_wants(given: list[Any], wants: str) -> None:
    every = CallbackList(given)
    found = [
        phase
        for phase in ("train", "test", "predict")
        if getattr(every, f"wants_{phase}_batches")
    ]
    assert found == wants.split()


def test_one_epochs_logs_are_shared() -> None:
    rate = callbacks.LearningRateScheduler(lambda epoch, rate: 0.5)
    last = Everything()
    model = Model()
    every = CallbackList([rate, last], add_history=True, model=model)
    every.on_train_begin()
    every.on_epoch_begin(0)
    given = {"loss": torch.tensor(1.0)}
    every.on_epoch_end(0, given)
    assert last.seen[-1] == ("on_epoch_end", 0, {"loss": 1.0, "learning_rate": 0.5})
    assert model.history.history == {"loss": [1.0], "learning_rate": [0.5]}
    assert given == {"loss": 1.0}  # the trainer's own stay as they are


def test_nobody_looks_nothing_is_computed() -> None:
    def compute() -> dict[str, Any]:
        raise AssertionError("read")

    every = CallbackList([Callback(), callbacks.ModelCheckpoint("x.h5", save_freq=99)])
    every.on_train_batch_end(0, LazyLogs(compute))


READS: list[Callable[[Any], Any]] = [
    lambda logs: logs["loss"],
    lambda logs: logs.get("loss"),
    lambda logs: dict(logs)["loss"],
    lambda logs: {**logs}["loss"],
    lambda logs: (lambda loss, acc: loss)(**logs),
    lambda logs: dict(logs.items())["loss"],
    lambda logs: list(logs.values())[1],
    lambda logs: logs.copy()["loss"],
    lambda logs: copy.copy(logs)["loss"],
    lambda logs: copy.deepcopy(logs)["loss"],
    lambda logs: (logs or {})["loss"],
    lambda logs: ({} | logs)["loss"],
    lambda logs: json.loads(json.dumps(logs))["loss"],
    lambda logs: float(str(logs).split(": ")[-1].strip("}")),
    lambda logs: "{loss}".format(**logs) and logs.pop("loss"),
    lambda logs: len(logs) == 2 and "loss" in logs and logs["loss"],
    lambda logs: list(logs) == ["acc", "loss"] and logs["loss"],
    lambda logs: logs == {"loss": 0.5, "acc": 1.0} and logs["loss"],
    lambda logs: [v for k, v in sorted(logs.items())][-1],
    lambda logs: (logs.update(x=1), logs["loss"])[1],
]


@pytest.mark.parametrize("read", READS)
def test_lazy_logs_are_a_dict_however_they_are_read(read: Any) -> None:
    times = []

    def compute() -> dict[str, Any]:
        times.append(1)
        return {"loss": torch.tensor(0.5), "acc": 1}

    logs = LazyLogs(compute, ["acc", "loss"])
    assert read(logs) == 0.5
    assert times == [1]


def test_tensors_of_a_plain_dict_are_lazy_too() -> None:
    last = Everything()
    every = CallbackList([last])
    every.on_train_batch_end(0, {"loss": torch.tensor(0.5), "inner": {"a": 1}})
    assert isinstance(last.seen[0][2], LazyLogs)
    assert last.seen[0][2] == {"a": 1.0, "loss": 0.5}


def test_logs_become_floats_where_they_are_numbers() -> None:
    two = torch.tensor([1.0, 2.0])
    found = pythonify_logs({"b": True, "a": two, "c": {"y": "7", "x": "word"}})
    assert list(found) == ["a", "b", "x", "y"]
    assert isinstance(found["a"], np.ndarray)
    assert found["a"].tolist() == [1.0, 2.0]
    assert (found["b"], found["x"], found["y"]) == (1.0, "word", 7.0)
    assert pythonify_logs(None) == {}


def test_the_model_within_a_distributed_one() -> None:
    callback = Callback()
    wrapped = torch.nn.parallel.DistributedDataParallel.__new__(
        torch.nn.parallel.DistributedDataParallel
    )
    torch.nn.Module.__init__(wrapped)
    wrapped.module = inner = Model()
    callback.set_model(wrapped)
    assert callback.model is inner


def test_a_remote_monitor_posts_each_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    from keras2torch.callbacks import remote_monitor

    class Unreachable(Exception):
        pass

    posted: list[Any] = []

    def post(url: str, *data: Any, **named: Any) -> None:
        posted.append((url, data, named))
        if len(posted) > 2:
            raise Unreachable

    fake = SimpleNamespace(
        post=post, exceptions=SimpleNamespace(RequestException=Unreachable)
    )
    monkeypatch.setattr(remote_monitor, "requests", fake)
    body = {"epoch": 4, "loss": 0.5}
    callbacks.RemoteMonitor().on_epoch_end(4, {"loss": 0.5})
    callbacks.RemoteMonitor(
        "http://x", "/y", headers={"k": "v"}, send_as_json=True
    ).on_epoch_end(4, {"loss": 0.5})
    with pytest.warns(UserWarning, match="Could not reach"):
        callbacks.RemoteMonitor(field="f").on_epoch_end(0)
    assert posted == [
        (
            "http://localhost:9000/publish/epoch/end/",
            ({"data": json.dumps(body)},),
            {"headers": None},
        ),
        ("http://x/y", (), {"json": body, "headers": {"k": "v"}}),
        (
            "http://localhost:9000/publish/epoch/end/",
            ({"f": '{"epoch": 0}'},),
            {"headers": None},
        ),
    ]
    monkeypatch.setattr(remote_monitor, "requests", None)
    with pytest.raises(ImportError, match="requests"):
        callbacks.RemoteMonitor().on_epoch_end(0)


def test_nan_is_no_improvement_on_anything() -> None:
    stopping = callbacks.EarlyStopping("loss", patience=1)
    stopping.set_model(Model())
    stopping.on_train_begin()
    stopping.on_epoch_end(0, {"loss": 1.0})
    stopping.on_epoch_end(1, {"loss": math.nan})
    assert stopping.model.stop_training
    assert stopping.best == 1.0
