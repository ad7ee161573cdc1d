"""The kinds of data that ``fit`` takes, what it prints, and what it gives back."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset, TensorDataset

import keras2torch as keras
from tests.shim import data_cases as cases

SCRIPT = Path(cases.__file__)


def environment() -> dict[str, str]:
    root = str(SCRIPT.parents[2])
    paths = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
    return {**os.environ, "PYTHONPATH": paths}


# ------------------------------------------------------------------- beside Keras
@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("kinds")
    sides = ("keras", "keras2torch")
    running = [
        subprocess.Popen(
            [sys.executable, str(SCRIPT), side, str(folder / side)],
            env=environment(),
            stderr=subprocess.PIPE,
            text=True,
        )
        for side in sides
    ]
    for process in running:
        _, told = process.communicate()
        assert process.returncode == 0, told
    return [json.loads((folder / side).read_text()) for side in sides]


def same(expected: Any, found: Any, at: str) -> None:
    if isinstance(expected, dict):
        assert expected.keys() == found.keys(), at
        for key, value in expected.items():
            same(value, found[key], f"{at}/{key}")
    elif isinstance(expected, list):
        assert len(expected) == len(found), at
        for i, value in enumerate(expected):
            same(value, found[i], f"{at}/{i}")
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, rel=2e-5, abs=1e-6), at
    else:
        assert found == expected, at


@pytest.mark.needs_keras
@pytest.mark.parametrize("name", cases.CASES)
def test_as_keras(name: str, answers: list[dict[str, Any]]) -> None:
    expected, found = (side[name] for side in answers)
    assert not isinstance(expected, str), expected
    if name == "names generated":
        # Keras' last step finds the generator at its end, when its graph has counted
        # the batch in the mean of each output, not in that of the loss.
        for side in (expected, found):
            side["history"].pop("size_loss")
            side["history"].pop("kind_loss")
    same(expected, found, name)


# -------------------------------------------------------------------- of torch
class Rows(Dataset[Any]):
    def __len__(self) -> int:
        return cases.N

    def __getitem__(self, index: int) -> Any:
        a, b = torch.from_numpy(cases.A), torch.from_numpy(cases.B)
        return (a[index], b[index]), (cases.SIZE[index], cases.KIND[index])


class Frame:
    """As much of a pandas DataFrame as anyone looks at."""

    def __init__(self, values: Any) -> None:
        self.values = values
        self.iloc = values
        self.shape = values.shape
        self.ndim = values.ndim

    def to_numpy(self) -> Any:
        return self.values

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.asarray(self.values, dtype)

    def __len__(self) -> int:
        return len(self.values)


def tensors(*arrays: Any) -> list[torch.Tensor]:
    return [torch.from_numpy(a) for a in arrays]


A, B, SIZE, KIND = cases.A, cases.B, cases.SIZE, cases.KIND
KINDS: dict[str, Any] = {
    "torch tensors": lambda: (tensors(A, B), tensors(SIZE, KIND)),
    "float64": lambda: ([A.astype("float64"), B], [SIZE.astype("float64"), KIND]),
    "frames": lambda: ([Frame(A), Frame(B)], [Frame(SIZE), Frame(KIND)]),
    "a dataset": lambda: (Rows(),),
    "a loader": lambda: (DataLoader(Rows(), batch_size=8),),
    "an iterable": lambda: (cases.Again(),),
    "a list of batches": lambda: (Listed(),),
    "a generator": lambda: (cases.forever(),),
}


class Listed:
    """With a length, as a Keras Sequence of old."""

    def __len__(self) -> int:
        return 3

    def __iter__(self) -> Any:
        return cases.rows()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_trains_alike(kind: str) -> None:
    expected = cases.fitted(keras, *cases.PAIR)
    options: dict[str, Any] = {}
    if kind == "a generator":
        options = {"steps_per_epoch": 3}
    found = cases.fitted(keras, *KINDS[kind](), **options)
    same(expected["history"], found["history"], kind)
    assert found["epoch"] == [0, 1]


def test_a_tensor_dataset_and_lists_of_numbers() -> None:
    def made() -> Any:
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
        model.set_weights([np.ones((4, 1)), np.zeros(1)])
        model.compile("sgd", "mse")
        return model

    options = {"batch_size": 8, "epochs": 2, "shuffle": False, "verbose": 0}
    expected = made().fit(A, SIZE, **options).history["loss"]
    dataset = TensorDataset(*tensors(A, SIZE))
    assert made().fit(dataset, **options).history["loss"] == expected
    rows = np.array(A.tolist(), "float32")
    assert made().fit(rows, SIZE[:, 0], **options).history["loss"] == expected
    loader = DataLoader(dataset, batch_size=8)
    history = made().fit(loader, epochs=2, verbose=0, validation_data=loader).history
    assert history["loss"] == expected
    assert len(history["val_loss"]) == 2


def test_a_loader_for_evaluate_and_predict() -> None:
    model = cases.model(keras)
    expected = model.evaluate(*cases.PAIR, batch_size=8, verbose=0, return_dict=True)
    loader = DataLoader(Rows(), batch_size=8)
    found = model.evaluate(loader, verbose=0, return_dict=True)
    same(expected, found, "evaluate")
    for a, b in zip(
        model.predict(loader, verbose=0),
        model.predict([A, B], verbose=0),
        strict=True,
    ):
        np.testing.assert_allclose(a, b, rtol=1e-6)


# -------------------------------------------------------------------- printed
PRINTS = """
import numpy as np, keras2torch as keras
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
model.compile("sgd", "mse", metrics=["mae"])
x = np.zeros((24, 4)); y = np.zeros((24, 1))
model.fit(x, y, batch_size=8, epochs=2, validation_split=0.25{verbose})
model.evaluate(x, y{verbose})
model.predict(x{verbose})
"""


def printed(verbose: str, terminal: bool) -> str:
    code = PRINTS.format(verbose=verbose)
    command = [sys.executable, "-c", code]
    if not terminal:
        done = subprocess.run(
            command, env=environment(), capture_output=True, text=True, check=True
        )
        return done.stdout
    main, side = pty.openpty()
    process = subprocess.Popen(command, env=environment(), stdout=side, stderr=side)
    os.close(side)
    parts = []
    while True:
        try:
            part = os.read(main, 4096)
        except OSError:  # Linux ends a pty so
            break
        if not part:
            break
        parts.append(part)
    os.close(main)
    assert process.wait() == 0
    return b"".join(parts).decode()


TIME = r"\d+(s|ms|us)"
METRICS = r"loss: 0\.0000e\+00 - mae: 0\.0000e\+00"


def test_progress_at_a_terminal() -> None:
    found = printed("", terminal=True)
    plain = re.sub(r"\x1b\[\d+m", "", found)
    # The last drawing of each line is what stays.
    lines = [line.split("\r")[-1] for line in plain.replace("\r\n", "\n").split("\n")]
    lines = [line.rstrip() for line in lines if line.strip()]
    bar = "━" * 20
    both = f"{METRICS} - val_loss: 0\\.0000e\\+00 - val_mae: 0\\.0000e\\+00"
    expected = [
        "Epoch 1/2",
        f"3/3 {bar} {TIME} {TIME}/step - {both}",
        "Epoch 2/2",
        f"3/3 {bar} {TIME} {TIME}/step - {both}",
        f"1/1 {bar} {TIME} {TIME}/step - {METRICS}",
        f"1/1 {bar} {TIME} {TIME}/step",
    ]
    assert len(lines) == len(expected), lines
    for line, pattern in zip(lines, expected, strict=True):
        assert re.fullmatch(pattern, line), line


def test_a_line_an_epoch_without_a_terminal() -> None:
    found = printed("", terminal=False)
    assert "\r" not in found
    assert "\x1b" not in found
    starts = [line.split(" - ")[0] for line in found.splitlines()]
    assert starts == ["Epoch 1/2", "3/3", "Epoch 2/2", "3/3", "1/1", "1/1"]
    assert found.count("━") == 0


@pytest.mark.parametrize("terminal", [False, True])
def test_silence(terminal: bool) -> None:
    assert printed(", verbose=0", terminal).strip() == ""
