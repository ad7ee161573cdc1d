"""Seconds an epoch of ``fit``: beside a hand-written PyTorch loop, and beside Keras.

Usage: ``python benchmarks/fit.py [--model cnn] [--rounds 3] [--epochs 5] [--json OUT]``

Three models on made-up arrays, Adam, cross-entropy and accuracy, one thread. Each row
is a process of its own, and the rounds alternate between the rows:

- ``loop``: the PyTorch loop below, in a process that never heard of keras2torch;
- ``loop-fused``: the same, with ``torch.optim.Adam(fused=True)``;
- ``fit``: keras2torch, and between its epochs the same loop, on the same arrays. fit
  tells glibc to keep large buffers, which helps both: so the loop is measured twice;
- ``keras-tensorflow`` and ``keras-torch``: Keras' own fit on both backends;
- ``poutyne``, ``skorch``, ``lightning``: what :mod:`peers` measures, where installed.

The loop is what an engineer writes who knows PyTorch and measures: whole arrays as
tensors, indexed by a permutation instead of collated by a DataLoader; images channels
last in memory; the loss from logits; gradients set to None; loss and accuracy summed
as tensors and read once an epoch. It does not know about glibc's buffers.

The first epoch of every process is not counted. Beside the seconds on the clock stand
those of the processor, which other work on the machine disturbs less.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
THREADS = ("OMP", "MKL", "OPENBLAS", "TF_NUM_INTRAOP", "TF_NUM_INTEROP")
ONE_THREAD = {
    f"{name}_THREADS" if name.startswith("TF") else f"{name}_NUM_THREADS": "1"
    for name in THREADS
}
PEERS = ("poutyne", "skorch", "lightning")
ROWS = ("loop", "loop-fused", "fit", "keras-tensorflow", "keras-torch", *PEERS)


@dataclass(frozen=True)
class Task:
    """A model's data: samples of one shape, classes, and the size of a batch."""

    shape: tuple[int, ...]
    samples: int
    batch: int
    classes: int = 10


TASKS = {
    "cnn": Task((28, 28, 1), 6400, 128),
    "mlp": Task((32,), 12800, 32),
    "lstm": Task((32, 16), 6400, 64),
}


def arrays(task: Task) -> tuple[Any, Any]:
    """Return samples in which each class is a pattern under noise."""
    import numpy as np

    rng = np.random.RandomState(0)
    patterns = rng.normal(0, 1, (task.classes, *task.shape))
    y = rng.randint(0, task.classes, task.samples)
    x = patterns[y] + rng.normal(0, 2, (task.samples, *task.shape))
    return x.astype("float32"), y.astype("int64")


class Clock:
    """Seconds on the clock and of this process' processor, an entry an epoch."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.cpu: list[float] = []

    def start(self) -> None:
        """Begin an epoch."""
        self.began = time.perf_counter(), time.process_time()

    def stop(self) -> None:
        """End it."""
        self.seconds.append(time.perf_counter() - self.began[0])
        self.cpu.append(time.process_time() - self.began[1])

    def found(self, losses: list[float]) -> dict[str, Any]:
        """What was measured."""
        return {"seconds": self.seconds, "cpu": self.cpu, "loss": losses}


# ---------------------------------------------------------------- Keras' side of it
def keras_model(keras: Any, name: str) -> Any:
    """Return the compiled model; ``keras`` is Keras or keras2torch."""
    task = TASKS[name]
    layers = keras.layers
    hidden = {
        "cnn": lambda: [
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
        ],
        "mlp": lambda: [layers.Dense(64, activation="relu")],
        "lstm": lambda: [layers.LSTM(32)],
    }
    model = keras.Sequential(
        [
            keras.Input(shape=task.shape),
            *hidden[name](),
            layers.Dense(task.classes, activation="softmax"),
        ]
    )
    model.compile(
        optimizer="adam",
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def fitted(
    keras: Any, name: str, epochs: int, between: Callable[[], None] = lambda: None
) -> dict[str, Any]:
    """Fit and return the seconds of each epoch and its loss.

    ``between`` runs before each epoch and is not counted.
    """
    task = TASKS[name]
    x, y = arrays(task)
    clock = Clock()

    class Epochs(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            between()
            clock.start()

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            clock.stop()

    history = keras_model(keras, name).fit(
        x,
        y,
        batch_size=task.batch,
        epochs=epochs,
        verbose=0,
        callbacks=[Epochs()],
    )
    return clock.found([float(v) for v in history.history["loss"]])


# -------------------------------------------------------------------- the loop by hand
def network(name: str) -> Any:
    """Return the same model as a hand-written module: scores, no probabilities."""
    import torch
    from torch import nn

    task = TASKS[name]

    class Last(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(task.shape[-1], 32, batch_first=True)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.lstm(x)[0][:, -1]

    hidden: dict[str, Callable[[], list[nn.Module]]] = {
        "cnn": lambda: [
            nn.Conv2d(1, 32, 3),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(1600, task.classes),
        ],
        "mlp": lambda: [nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, task.classes)],
        "lstm": lambda: [Last(), nn.Linear(32, task.classes)],
    }
    return nn.Sequential(*hidden[name]())


def tensors(name: str) -> tuple[Any, Any]:
    """Return the arrays as tensors, images channels first."""
    import torch

    x, y = (torch.from_numpy(a) for a in arrays(TASKS[name]))
    # A view: channels last in memory, in which convolutions on a CPU are faster.
    return (x.permute(0, 3, 1, 2) if name == "cnn" else x), y


def loop(name: str, fused: bool | None = None) -> Callable[[], tuple[float, float]]:
    """Return an epoch of the loop, which returns its loss and accuracy.

    ``fused`` goes to ``torch.optim.Adam``.
    """
    import torch
    from torch.nn import functional as F

    torch.set_num_threads(1)
    task = TASKS[name]
    model = network(name)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=fused)
    x, y = tensors(name)

    def epoch() -> tuple[float, float]:
        total = torch.zeros(())
        correct = torch.zeros((), dtype=torch.int64)
        model.train()
        for part in torch.randperm(len(x)).split(task.batch):
            target = y[part]
            logits = model(x[part])
            loss = F.cross_entropy(logits, target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.detach() * len(part)
            correct += (logits.detach().argmax(dim=1) == target).sum()
        return total.item() / len(x), correct.item() / len(x)

    return epoch


class Timed:
    """An epoch of the loop with its seconds and losses."""

    def __init__(self, name: str, fused: bool | None = None) -> None:
        self.epoch = loop(name, fused)
        self.clock = Clock()
        self.losses: list[float] = []

    def __call__(self) -> None:
        """Run an epoch."""
        self.clock.start()
        self.losses.append(self.epoch()[0])
        self.clock.stop()

    def found(self) -> dict[str, Any]:
        """What was measured."""
        return self.clock.found(self.losses)


# --------------------------------------------------------------------------- processes
def measured(row: str, name: str, epochs: int) -> dict[str, Any]:
    """Measure a row in this process."""
    if row.startswith("loop"):
        by_hand = Timed(name, fused=True if row == "loop-fused" else None)
        for _ in range(epochs):
            by_hand()
        return {row: by_hand.found()}
    if row == "fit":
        import keras2torch

        by_hand = Timed(name)
        return {
            "fit": fitted(keras2torch, name, epochs, by_hand),
            "loop beside fit": by_hand.found(),
        }
    if row in PEERS:
        import torch

        # They would load its TensorBoard, and it shares no process with torch.
        sys.modules["tensorflow"] = None  # type: ignore[assignment]
        from peers import FITS

        torch.set_num_threads(1)

        clock = Clock()
        x, y = tensors(name)
        return {
            row: clock.found(FITS[row](network(name), x, y, TASKS[name], clock, epochs))
        }
    import keras

    if row == "keras-torch":
        import torch

        torch.set_num_threads(1)
    return {row: fitted(keras, name, epochs)}


def started(row: str, name: str, epochs: int) -> dict[str, Any]:
    """Measure a row in a process of its own."""
    backend = "torch" if row == "keras-torch" else "tensorflow"
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    done = subprocess.run(
        [sys.executable, __file__, "--row", row, name, str(epochs)],
        env={
            **os.environ,
            **ONE_THREAD,
            **quiet,
            "KERAS_BACKEND": backend,
            "PYTHONPATH": str(ROOT),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        return {"failed": {row: lines[-1] if lines else str(done.returncode)}}
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def summary(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """Return medians, ratios to both loops, and losses, of all rounds of a model."""
    found: dict[str, Any] = {"rows": {}, "failed": {}}
    pairs: dict[str, list[float]] = {"seconds": [], "cpu": []}
    for of_round in rounds:
        found["failed"] |= of_round.pop("failed", {})
        for row, values in of_round.items():
            entry = found["rows"].setdefault(row, {"seconds": [], "cpu": []})
            for kind in pairs:
                entry[kind] += values[kind][1:]
            entry["loss"] = values["loss"][-1]
        if "fit" in of_round:
            ours, theirs = of_round["fit"], of_round["loop beside fit"]
            for kind, ratios in pairs.items():
                both = zip(ours[kind], theirs[kind], strict=True)
                ratios += [a / b for a, b in both][1:]
    for entry in found["rows"].values():
        for kind in pairs:
            median = statistics.median(entry[kind])
            entry[f"median_{kind}"] = median
            if "loop" in found["rows"]:
                clean = found["rows"]["loop"][f"median_{kind}"]
                entry[f"{kind}_to_loop"] = median / clean
    if pairs["seconds"]:
        found["rows"]["fit"]["paired"] = {
            kind: statistics.median(ratios) for kind, ratios in pairs.items()
        }
    return found


# ------------------------------------------------------------------------------ report
def table(results: dict[str, Any]) -> Any:
    """Return the table of ratios."""
    from rich.table import Table

    shown = Table(title="an epoch, and its ratio to the hand-written loop")
    shown.add_column("model")
    shown.add_column("process")
    titles = "seconds|ratio|processor s|ratio|paired|paired, processor|last loss"
    for column in titles.split("|"):
        shown.add_column(column, justify="right")
    for name, found in results.items():
        for row, entry in found["rows"].items():
            cells = []
            for kind in ("seconds", "cpu"):
                ratio = entry.get(f"{kind}_to_loop")
                cells.append(f"{entry[f'median_{kind}']:.3f}")
                cells.append(f"{ratio:.2f}" if ratio else "")
            paired = entry.get("paired", {})
            cells += [
                f"{paired[kind]:.2f}" if paired else "" for kind in ("seconds", "cpu")
            ]
            shown.add_row(name, row, *cells, f"{entry['loss']:.3f}")
        for row, why in found["failed"].items():
            shown.add_row(name, row, f"failed: {why[:60]}")
        shown.add_section()
    return shown


def main() -> None:
    """Run every row of every model and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", action="append", choices=[*TASKS])
    parser.add_argument("--skip", action="append", choices=ROWS, default=[])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--row", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.row:
        row, name, epochs = given.row
        print(json.dumps(measured(row, name, int(epochs))))
        return

    from rich.console import Console
    from rich.progress import track

    rows = [row for row in ROWS if row not in given.skip]
    names = given.model or [*TASKS]
    # One more epoch, which is not counted.
    jobs = [(n, r) for n in names for _ in range(given.rounds) for r in rows]
    rounds: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for name, row in track(jobs, description="processes", transient=True):
        rounds[name].append(started(row, name, given.epochs + 1))
    results = {name: summary(found) for name, found in rounds.items()}
    Console().print(table(results))
    if given.json:
        environment = {
            "machine": platform.processor() or platform.machine(),
            "python": platform.python_version(),
            **{p: version(p) for p in ("torch", "tensorflow", "keras")},
        }
        told = {"environment": environment, "models": results}
        given.json.write_text(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
