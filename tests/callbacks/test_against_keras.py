"""Every decision, file and line of a callback, beside Keras' own."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from keras2torch import callbacks
from keras2torch.training.variables import Parameter
from tests.callbacks.asking import ask
from tests.callbacks.driver import PLAYS
from tests.callbacks.fake import LIBRARY, Model

pytestmark = pytest.mark.needs_keras
NAN, INF = float("nan"), float("inf")
RNG = np.random.default_rng(5)

# What is monitored, epoch by epoch.
CURVES = {
    "falls": [1.0, 0.8, 0.6, 0.5, 0.45],
    "rises": [0.1, 0.2, 0.4, 0.45, 0.5, 0.6],
    "ties": [1.0, 1.0, 1.0, 0.9, 0.9, 0.9, 0.9],
    "turns": [1.0, 0.6, 0.7, 0.8, 0.9, 0.5, 0.6, 0.7, 0.8],
    "NaN first": [NAN, 1.0, 0.5, 0.4, 0.6],
    "NaN later": [1.0, NAN, NAN, 0.5, 0.4, NAN],
    "infinite": [INF, 2.0, -INF, 1.0, INF],
    "small steps": [1.0 - k * 3e-5 for k in range(12)],
    "below float32": [0.1 - k * 1e-10 for k in range(6)],
    "on the threshold": [1.0, 0.95, 0.90, 0.85, 0.80, 0.80],
    "negative": [-0.1, -0.2, -0.15, -0.3, -0.3],
    "chance": RNG.uniform(0, 1, 25).tolist(),
    "missing": [1.0, None, 0.5, None, 0.7],
}


def stopping(**options: Any) -> list[Any]:
    return ["EarlyStopping", {"monitor": "val_loss", "verbose": 1, **options}]


def plateau(**options: Any) -> list[Any]:
    return ["ReduceLROnPlateau", {"monitor": "val_loss", "verbose": 1, **options}]


def checkpoint(name: str = "{epoch:02d}-{val_loss:.3f}.keras", **options: Any) -> Any:
    return ["ModelCheckpoint", {"filepath": f"DIR/{name}", "verbose": 1, **options}]


# On every curve.
SETTINGS = [
    stopping(),
    stopping(patience=1, restore_best_weights=True),
    stopping(patience=2, restore_best_weights=True, min_delta=0.05),
    stopping(patience=3, min_delta=-0.05),
    stopping(patience=1, mode="max", restore_best_weights=True),
    stopping(patience=2, mode="min", min_delta=1e-4),
    stopping(patience=2, baseline=0.7, restore_best_weights=True),
    stopping(patience=1, baseline=0.01, restore_best_weights=True),
    stopping(patience=1, start_from_epoch=2, restore_best_weights=True),
    stopping(start_from_epoch=100, restore_best_weights=True),
    stopping(patience=2, mode="max", baseline=0.5, min_delta=0.1),
    stopping(mode="wrong"),
    plateau(patience=1),
    plateau(patience=0, factor=0.5),
    plateau(patience=2, factor=0.5, cooldown=1),
    plateau(patience=1, factor=0.5, cooldown=2, min_delta=0.05),
    plateau(patience=1, factor=0.3, min_lr=0.02),
    plateau(patience=1, mode="max", min_delta=0),
    plateau(patience=2, min_delta=3e-5, cooldown=3),
    plateau(patience=1, factor=0.5, min_lr=0.1),
    checkpoint("last.keras", save_best_only=True),
    checkpoint("e{epoch}.keras", save_best_only=True, mode="max"),
    checkpoint("a/b/{epoch:03d}.h5", save_best_only=True, initial_value_threshold=0.55),
    checkpoint("e{epoch}.weights.h5", save_weights_only=True),
    ["CSVLogger", {"filename": "DIR/log.csv"}],
]
Job = dict[str, Any]


def epochs(curve: list[Any], name: str = "val_loss") -> list[dict[str, Any]]:
    """One epoch's logs for each value; without the metric where there is none."""
    return [
        {"loss": 2.0 + n, "accuracy": 0.5, **({} if v is None else {name: v})}
        for n, v in enumerate(curve)
    ]


def fit(
    *callbacks: Any, curve: str = "chance", name: str = "val_loss", **job: Any
) -> Job:
    return {
        "do": "fit",
        "callbacks": list(callbacks),
        "logs": epochs(CURVES[curve], name),
        **job,
    }


JOBS: dict[str, Job] = {
    f"{setting[0]} {n}: {curve}": fit(setting, curve=curve)
    for n, setting in enumerate(SETTINGS)
    for curve in CURVES
}

# ------------------------------------------------------------------ the way of a metric
for _kind in (stopping, plateau):
    for _name in "loss val_loss mse val_mse accuracy val_accuracy hits nowhere".split():
        for _mode in ("auto", "min", "max"):
            JOBS[f"{_kind.__name__} {_mode} {_name}"] = fit(
                _kind(monitor=_name, mode=_mode, patience=2), name=_name
            )
for _name in "mse val_accuracy val_hits".split():
    JOBS[f"checkpoint {_name}"] = fit(
        checkpoint("{epoch}.keras", monitor=_name, save_best_only=True), name=_name
    )

# --------------------------------------------------------------------- rates and files
BATCHES = [
    [{"loss": 1.0 / (1 + e + b), "batch": 3.0} for b in range(4)] for e in range(5)
]
PLAIN = [[{"loss": abs(1.0 - (3 * e + b) % 5)} for b in range(4)] for e in range(5)]
JOBS |= {
    "schedule": fit(["LearningRateScheduler", {"schedule": "halve", "verbose": 1}]),
    "schedule of epochs": fit(
        ["LearningRateScheduler", {"schedule": "epoch alone"}],
        ["CSVLogger", {"filename": "DIR/log.csv"}],
    ),
    "schedule of an int": fit(["LearningRateScheduler", {"schedule": "an int"}]),
    "schedule and plateau": fit(
        ["LearningRateScheduler", {"schedule": "halve"}],
        plateau(patience=1),
        ["CSVLogger", {"filename": "DIR/log.csv", "separator": ";"}],
    ),
    "plateau, then stop": fit(
        plateau(patience=1, cooldown=1),
        stopping(patience=4, restore_best_weights=True),
        fits=2,
    ),
    "two fits": fit(stopping(patience=1), plateau(patience=1), curve="turns", fits=2),
    "checkpoint twice": fit(checkpoint(save_best_only=True), curve="turns", fits=2),
    "factor 1": fit(plateau(factor=1.0)),
    "csv appended": fit(
        ["CSVLogger", {"filename": "DIR/log.csv", "append": True}],
        files={"log.csv": "epoch,loss\n0,1\n"},
        curve="falls",
    ),
    "csv appended to none": fit(
        ["CSVLogger", {"filename": "DIR/log.csv", "append": True}], fits=2
    ),
    "csv overwritten": fit(
        ["CSVLogger", {"filename": "DIR/log.csv"}], fits=2, curve="turns"
    ),
    "csv without validation": fit(
        ["CSVLogger", {"filename": "DIR/log.csv"}], name="mse", curve="NaN later"
    ),
    "csv of lists and words": {
        **fit(["CSVLogger", {"filename": "DIR/log.csv"}]),
        "logs": [{"loss": 1.0, "b": [1, 2.5], "a": "x, y", "n": "7"}, {"loss": 2}],
    },
    "csv in no folder": fit(["CSVLogger", {"filename": "DIR/none/log.csv"}]),
    "nested logs": {
        **fit(["CSVLogger", {"filename": "DIR/log.csv"}]),
        "logs": [{"z": 1, "out": {"loss": 2, "a": True}}],
    },
    "save_freq 3": fit(
        checkpoint("{epoch}-{batch}-{loss:.2f}.keras", save_freq=3),
        curve="falls",
        batches=4,
        batch_logs=PLAIN,
        fits=2,
    ),
    "save_freq 1, a batch in the logs": fit(
        checkpoint("{epoch}-{batch}.weights.h5", save_weights_only=True, save_freq=1),
        curve="falls",
        batches=4,
        batch_logs=BATCHES,
    ),
    "save_freq 4, the best": fit(
        checkpoint(
            "{epoch}-{batch}.keras",
            monitor="loss",
            save_best_only=True,
            save_freq=4,
            initial_value_threshold=None,
        ),
        curve="falls",
        batches=4,
        batch_logs=PLAIN,
    ),
    **{
        f"save_freq {n}, two steps at a time": fit(
            checkpoint("{epoch}-{batch}.keras", save_freq=n),
            curve="falls",
            ends=[1, 3, 4],
        )
        for n in (1, 2, 3, 5, 7)
    },
    "save_freq of a word": fit(checkpoint(save_freq="batch")),
    "filepath of a wrong kind": fit(checkpoint("model.ckpt")),
    "weights of a wrong kind": fit(checkpoint("model.keras", save_weights_only=True)),
    "filepath of a missing name": fit(checkpoint("{val_mse}.keras")),
    "filepath is a folder": fit(checkpoint("here.keras"), folders=["here.keras"]),
    "not a number": fit(
        ["TerminateOnNaN", {}],
        curve="falls",
        batches=4,
        batch_logs=[*PLAIN[:2], [{"loss": 1.0}, {"loss": NAN}] * 2, *PLAIN[:2]],
    ),
    "infinite, raised": fit(
        ["TerminateOnNaN", {"raise_error": True}],
        curve="falls",
        batches=4,
        batch_logs=[*PLAIN[:2], [{"loss": 1.0}, {"loss": -INF}] * 2, *PLAIN[:2]],
    ),
    "no loss": fit(["TerminateOnNaN", {}], curve="falls"),
}


# ------------------------------------------------------------------ backup and restore
def interrupted(*at: list[int], **options: Any) -> Job:
    fresh = options.pop("fresh", False)
    ends = {"ends": options.pop("ends")} if "ends" in options else {}
    return fit(
        ["BackupAndRestore", {"backup_dir": "DIR/backup", **options}],
        curve="chance",
        batches=4,
        interrupts={str(n): where for n, where in enumerate(at)},
        fits=len(at) + 1,
        **{"really saves": True, "new callbacks": fresh, **ends},
    )


JOBS |= {
    "backup of an epoch": interrupted([3, 0]),
    "backup of an epoch, at its end": interrupted([3, 3]),
    "backup of an epoch, fresh": interrupted([3, 2], fresh=True),
    "backup before there is any": interrupted([0, 1]),
    "backup every 3 batches": interrupted([2, 3], save_freq=3),
    "backup every 3 batches, fresh": interrupted([2, 3], save_freq=3, fresh=True),
    "backup every 100 batches": interrupted([3, 3], save_freq=100),
    "backup with the one before": interrupted([3, 0], double_checkpoint=True),
    "two interruptions": interrupted([3, 0], [5, 2]),
    "two interruptions, fresh": interrupted([3, 0], [5, 2], fresh=True),
    "two within epochs": interrupted([2, 3], [4, 1], save_freq=3),
    "two within epochs, fresh": interrupted([2, 3], [2, 3], save_freq=3, fresh=True),
    **{
        f"backup every {n} batches, two at a time": interrupted(
            [6, 3], save_freq=n, fresh=True, ends=[1, 3, 4]
        )
        for n in (2, 3, 7)
    },
    "backup kept": interrupted([5, 1], delete_checkpoint=False),
    "backup nowhere": fit(["BackupAndRestore", {"backup_dir": ""}]),
    "backup of a wrong frequency": fit(
        ["BackupAndRestore", {"backup_dir": "DIR/backup", "save_freq": "batch"}]
    ),
}

# ------------------------------------------------------------------ averages of weights
EVALUATE = [["on_test_begin"], ["on_test_end"]]
HOOKS = [
    h
    for epoch in range(3)
    for h in (["on_epoch_begin", epoch], *EVALUATE, ["on_epoch_end", epoch])
]
JOBS |= {
    f"averages {swap}": {
        "do": "swap",
        "swap_on_epoch": swap,
        "epochs": 3,
        "hooks": [*HOOKS, *EVALUATE],
    }
    for swap in (False, True)
}
JOBS["averages and predict"] = {
    "do": "swap",
    "swap_on_epoch": False,
    "epochs": 3,
    "hooks": [["on_predict_begin"], ["on_predict_end"]],
}

# ------------------------------------------------------------------------ what is shown
METRICS = [["loss", 0.5], ["accuracy", 1e-4], ["mae", -3.25], ["count", 12]]
UPDATES = [[s, n, METRICS, None] for s, n in ((1.0, 1), (2.0, 3), (100.0, 10))]
ETAS = [[7000.0, 1, [], None], [1.0, 300, [], None], [0.5, 4990, [], None]]
BARS: list[dict[str, Any]] = [
    {"bar": {"target": 10}, "updates": UPDATES},
    {"bar": {"target": 10, "verbose": 2}, "updates": UPDATES},
    {"bar": {"target": 10, "verbose": 0}, "updates": UPDATES},
    {"bar": {"target": None}, "updates": UPDATES},
    {"bar": {"target": None, "verbose": 2}, "updates": UPDATES},
    {"bar": {"target": 1000, "width": 30, "unit_name": "sample"}, "updates": UPDATES},
    {"bar": {"target": 10, "stateless_metrics": []}, "updates": UPDATES},
    {"bar": {"target": 10, "stateful_metrics": ["loss"]}, "updates": UPDATES},
    {"bar": {"target": 5000}, "updates": ETAS},
    {
        "bar": {"target": 7},
        "updates": [[0.01, 1, METRICS, None], [0.01, 2, METRICS, None], *UPDATES[1:2]],
    },
    {"bar": {"target": 3}, "updates": [[0.0004, n, [], None] for n in (1, 2, 3)]},
    {"bar": {"target": 3}, "updates": [[1, 2, [], True], [1, 0, [], None]]},
]
LOGS = {"accuracy": 0.25, "loss": 1.5}
FIT = [
    [0, "on_train_begin"],
    *(
        step
        for epoch in range(2)
        for step in (
            [0, "on_epoch_begin", epoch],
            [1, "on_train_batch_end", 0, LOGS],
            [1, "on_train_batch_end", 1, LOGS],
            [1, "on_train_batch_end", 2, LOGS],
            [0.5, "on_test_begin"],
            [0.5, "on_test_batch_end", 0, LOGS],
            [0, "on_test_end", LOGS],
            [0, "on_epoch_end", epoch, {**LOGS, "val_loss": 1.0}],
        )
    ),
]
ALONE = [
    *(
        [0, "on_test_begin"],
        [1, "on_test_batch_end", 0, LOGS],
        [0, "on_test_end", LOGS],
    ),
    *([0, "on_predict_begin"], [1, "on_predict_batch_end", 0, {"outputs": 1}]),
    [1, "on_predict_end"],
]
for _verbose in (0, 1, 2):
    for _steps in (3, None):
        for _epochs in (1, 2):
            params = {"verbose": _verbose, "epochs": _epochs, "steps": _steps}
            BARS += [
                {"params": params, "hooks": FIT},
                {"params": params, "hooks": ALONE},
            ]
JOBS |= {f"bar {n}": {"do": "progress", **bar} for n, bar in enumerate(BARS)}

# --------------------------------------------------------------------------- signatures
JOBS["signatures"] = {
    "do": "signatures",
    # OrbaxCheckpoint is there for its sentence alone.
    "classes": [*sorted({*callbacks.__all__} - {"OrbaxCheckpoint"}), "Progbar"],
}

# Where we differ on purpose: what Keras does, and we do.
DIFFERENT: dict[str, dict[str, tuple[Any, Any]]] = {
    # A new process counts its epochs from 0 in Keras: the third `fit` begins anew.
    "two within epochs, fresh": {
        "restored": (
            [[None, 0.0], [2, 303.0], [0, 1302.0]],
            [[None, 0.0], [2, 303.0], [2, 1302.0]],
        )
    },
    # `on_predict_end` asks for the opposite of what it means.
    "averages and predict": {
        "seen": (
            [["on_predict_begin", 7.0, 3.0], ["on_predict_end", 7.0, 3.0]],
            [["on_predict_begin", 7.0, 3.0], ["on_predict_end", 3.0, 7.0]],
        )
    },
}


@pytest.fixture(scope="module")
def keras(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("keras")
    found = ask(list(JOBS.values()), folder)
    return dict(zip(JOBS, found, strict=True))


def ours(job: Job, folder: Path) -> Any:
    model = Model()
    if job["do"] == "swap":
        average = Parameter(torch.zeros(1, 1), requires_grad=False)
        model.optimizer.state[model.kernel]["average"] = average
        # Where Keras' optimizer has it, for the driver.
        model.optimizer._model_variables_moving_average = [average]
    found = PLAYS[job["do"]](job, LIBRARY, model, folder)
    return json.loads(json.dumps(found))


def lines(printed: str) -> list[str]:
    """What is drawn, without how the cursor went back and what it covered."""
    return [
        part.rstrip(" ")
        for part in re.split(r"[\b\r\n]+", printed.replace("\x1b[37m\x1b[0m", ""))
    ]


@pytest.mark.parametrize("name", JOBS)
def test_does_what_keras_does(name: str, keras: dict[str, Any], tmp_path: Path) -> None:
    expected, found = keras[name], ours(JOBS[name], tmp_path / "files")
    if JOBS[name]["do"] == "progress":
        assert lines(found["printed"]) == lines(expected["printed"])
        return
    if name in DIFFERENT:
        for key, (theirs, mine) in DIFFERENT[name].items():
            assert (expected[key], found[key]) == (theirs, mine)
        return
    # As text: NaN is equal to NaN, and every float to its last digit.
    for key in expected:
        assert json.dumps(found[key]) == json.dumps(expected[key]), key
