"""The generated script does what Keras' ``fit`` did, epoch by epoch."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ruff import find_ruff_bin
from safetensors.numpy import load_file

from keras2torch.program import write
from keras2torch.reading import read
from keras2torch.training import write_train_script
from tests.training.asking import ask
from tests.training.scripts import lay_out, to_torch, train

pytestmark = pytest.mark.needs_keras
RNG = np.random.default_rng(5)
N, EPOCHS, BATCH = 50, 3, 16
CLASSES = RNG.integers(0, 10, N)
IMAGES = RNG.uniform(size=(N, 8, 8, 1)).astype("float32")
IMAGES += CLASSES[:, None, None, None].astype("float32") / 10
ROWS = RNG.normal(size=(N, 6)).astype("float32")
BITS = (ROWS.sum(1, keepdims=True) > 0).astype("float32")


def optimizer(kind: str, **config: Any) -> dict[str, Any]:
    return {
        "module": "keras.optimizers",
        "class_name": kind,
        "config": config,
        "registered_name": None,
    }


FALL = {
    "module": "keras.optimizers.schedules",
    "class_name": "ExponentialDecay",
    "config": {"initial_learning_rate": 0.05, "decay_steps": 3, "decay_rate": 0.7},
    "registered_name": None,
}


@dataclass
class Case:
    name: str
    model: str
    compile: dict[str, Any]
    x: list[np.ndarray]
    y: list[np.ndarray]
    keras: str = "keras"
    ending: str = "keras"
    layout: Any = "torch"
    scale: float = 0.0


SPARSE = "sparse_categorical_crossentropy"
CASES = [
    Case(
        "keras-3-cnn-adam",
        "cnn",
        {"optimizer": "adam", "loss": SPARSE, "metrics": ["accuracy"]},
        [IMAGES],
        [CLASSES],
    ),
    Case(
        "keras-3-cnn-h5-adamw-keras-layout",
        "cnn",
        {
            "optimizer": optimizer("AdamW", learning_rate=0.01, clipnorm=0.5),
            "loss": SPARSE,
            "metrics": ["acc"],
        },
        [IMAGES],
        [CLASSES],
        ending="h5",
        layout="keras",
    ),
    # Saved before it saw targets: "accuracy" is written as that of one-hot targets.
    Case(
        "keras-2-cnn-h5-sparse",
        "cnn",
        {"optimizer": "adam", "loss": SPARSE, "metrics": ["accuracy", "crossentropy"]},
        [IMAGES],
        [CLASSES],
        keras="tf_keras",
        ending="h5",
    ),
    Case(
        "keras-2-cnn-h5",
        "cnn",
        {
            "optimizer": "rmsprop",
            "loss": "categorical_crossentropy",
            "metrics": ["acc"],
        },
        [IMAGES],
        [np.eye(10, dtype="float32")[CLASSES]],
        keras="tf_keras",
        ending="h5",
    ),
    Case(
        "keras-2-binary",
        "sigmoid",
        {
            "optimizer": "adagrad",
            "loss": "binary_crossentropy",
            "metrics": ["accuracy", "AUC", "Precision"],
        },
        [ROWS],
        [BITS],
        keras="tf_keras",
        ending="keras",
    ),
    Case(
        "keras-3-penalties-on-outputs",
        "sparse_code",
        {"optimizer": "adam", "loss": "binary_crossentropy", "metrics": ["mae"]},
        [ROWS],
        [BITS],
    ),
    Case(
        "keras-2-penalties-on-outputs",
        "sparse_code",
        {"optimizer": "sgd", "loss": "mse", "metrics": []},
        [ROWS],
        [BITS],
        keras="tf_keras",
        ending="h5",
    ),
    Case(
        "keras-3-regression-momentum-schedule",
        "linear",
        {
            "optimizer": optimizer("SGD", learning_rate=FALL, momentum=0.9),
            "loss": "huber",
            "metrics": ["mae", "mse"],
        },
        [ROWS],
        [ROWS[:, :3] * 2],
    ),
    # Weights so large that every probability is 0 or 1 in float32.
    Case(
        "keras-3-saturated-softmax",
        "softmax",
        {"optimizer": "sgd", "loss": SPARSE, "metrics": []},
        [ROWS],
        [CLASSES % 4],
        scale=60.0,
    ),
    Case(
        "keras-3-saturated-sigmoid",
        "sigmoid",
        {"optimizer": "sgd", "loss": "binary_crossentropy", "metrics": ["accuracy"]},
        [ROWS],
        [1 - BITS],
        scale=60.0,
    ),
    Case(
        "keras-3-segmentation",
        "segmentation",
        {
            "optimizer": "adamax",
            "loss": "categorical_crossentropy",
            "metrics": ["accuracy"],
        },
        [IMAGES],
        [np.eye(3, dtype="float32")[(IMAGES[..., 0] * 1.5).astype(int)]],
    ),
    Case(
        "keras-3-two-outputs",
        "two_outputs",
        {
            "optimizer": optimizer("Adam", learning_rate=0.01, weight_decay=0.1),
            "loss": {"kind": SPARSE, "size": "mse"},
            "loss_weights": {"kind": 1.0, "size": 0.3},
            "metrics": {"kind": ["accuracy"], "size": ["mae"]},
        },
        [ROWS],
        [CLASSES % 4, ROWS.sum(1, keepdims=True)],
    ),
]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    folder = tmp_path_factory.mktemp("fit")
    jobs = []
    for case in CASES:
        data = folder / f"{case.name}.npz"
        arrays = {f"x{i}": a for i, a in enumerate(case.x)}
        arrays |= {f"y{i}": a for i, a in enumerate(case.y)}
        np.savez(data, **arrays)
        jobs.append(
            {
                "do": "fit",
                "keras": case.keras,
                "model": case.model,
                "compile": case.compile,
                "data": str(data),
                "save": str(folder / f"{case.name}.{case.ending}"),
                "epochs": EPOCHS,
                "batch": BATCH,
                "scale": case.scale,
            }
        )
    return folder, ask(jobs, folder)


@pytest.mark.parametrize("n", range(len(CASES)), ids=[c.name for c in CASES])
def test_losses_of_every_epoch(
    n: int,
    kept: tuple[Path, list[dict[str, Any]]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    case, (folder, expected) = CASES[n], kept
    graph = read(folder / f"{case.name}.{case.ending}", None)
    program = write(graph, layout=case.layout)
    made = write_train_script(
        program,
        graph.metadata_props["training_config"],
        graph.metadata_props["keras_version"],
    )
    assert made is not None
    assert not made.notes
    assert "TODO" not in made.source
    out = lay_out(program, made.source, tmp_path / "out")
    given = [to_torch(a, t) for a, (_, t) in zip(case.x, program.inputs, strict=True)]
    given += [to_torch(a, t) for a, t in zip(case.y, program.outputs, strict=True)]
    history = train(out, monkeypatch, given, epochs=EPOCHS, batch_size=BATCH)
    right = expected[n]
    for epoch, seen in enumerate(history):
        for name, value in seen.items():
            if name not in right:
                # tf_keras counts its metric objects: "auc_1" for a second "auc".
                name = next(k for k in right if k.lower().startswith(name.lower()))
            assert value == pytest.approx(right[name][epoch], rel=1e-4, abs=1e-6), name
    assert history[0]["loss"] != pytest.approx(history[-1]["loss"], rel=1e-3)
    trained = load_file(out / "trained.safetensors")
    assert trained.keys() == load_file(out / "model.safetensors").keys()
    for command in (["check", "--select", "E,F,W,I,B,UP"], ["format", "--check"]):
        done = subprocess.run(
            [find_ruff_bin(), *command[:1], "--isolated", *command[1:], "train.py"],
            cwd=out,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
    if n == 0:
        alone = subprocess.run(
            [sys.executable, "train.py"],
            cwd=out,
            capture_output=True,
            text=True,
            check=False,
        )
        assert alone.returncode == 1
        assert alone.stderr.strip() == "train.py: return your arrays from data() first"
