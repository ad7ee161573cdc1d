"""The weights of the tests as torch keeps them, and the question to Keras."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from keras2torch.training.variables import Part, Variable

STEPS = 9
RNG = np.random.default_rng(7)
# Keras' shapes: a vector, a matrix, a convolution; query, key and value over one
# tensor, a bias over two, and a vector that fills only part of its tensor.
SHAPES = {
    "vector": (5,),
    "matrix": (4, 6),
    "embedding": (3, 4),
    "conv/kernel": (3, 3, 2, 4),
    "query/kernel": (6, 2, 3),
    "key/kernel": (6, 2, 3),
    "value/kernel": (6, 2, 3),
    "gru/bias": (2, 5),
    "part/bias": (5,),
}
NAMES = [n.replace("/", "_") for n in SHAPES]
WEIGHTS = dict(
    zip(
        NAMES,
        [RNG.normal(size=s).astype("float32") for s in SHAPES.values()],
        strict=True,
    )
)
# From far below epsilon to far above: where optimizers differ.
SCALES = 10.0 ** RNG.uniform(-8, 1, size=STEPS)
SCALES[:2] = [0.3, 1e-7]
GRADIENTS = [
    {n: (RNG.normal(size=w.shape) * s).astype("float32") for n, w in WEIGHTS.items()}
    for s in SCALES
]
# One step without a gradient of some.
for absent in ("matrix", "gru_bias"):
    del GRADIENTS[4][absent]
STRANGERS = np.array([7.0, -8.0], dtype="float32")


class Held(nn.Module):
    """The tensors as torch has them."""

    def __init__(self) -> None:
        super().__init__()
        for name, shape in {
            "vector": (5,),
            "matrix": (6, 4),
            "embedding": (3, 4),
            "conv": (4, 2, 3, 3),
            "in_proj": (18, 6),
            "bias_ih": (5,),
            "bias_hh": (5,),
            "wide": (7,),
        }.items():
            self.register_parameter(name, nn.Parameter(torch.zeros(shape)))


def variables(held: Held) -> list[Variable]:
    """Return Keras' variables over the tensors, with the weights of the tests."""
    rows, columns = np.indices((18, 6))
    among = columns * 6 + rows % 6
    first = np.arange(5)
    parts = {
        "vector": [Part(held, "vector", (0,))],
        "matrix": [Part(held, "matrix", (1, 0))],
        "embedding": [Part(held, "embedding", (0, 1))],
        "conv_kernel": [Part(held, "conv", (2, 3, 1, 0))],
        **{
            f"{name}_kernel": [
                Part(held, "in_proj", index=np.where(rows // 6 == n, among, -1))
            ]
            for n, name in enumerate(("query", "key", "value"))
        },
        "gru_bias": [
            Part(held, "bias_ih", index=first),
            Part(held, "bias_hh", index=first + 5),
        ],
        "part_bias": [Part(held, "wide", index=np.array([-1, 0, 1, 2, 3, 4, -1]))],
    }
    found = [Variable(n, n, WEIGHTS[n].shape, parts[n]) for n in NAMES]
    for variable in found:
        variable.assign(WEIGHTS[variable.name])
    with torch.no_grad():
        held.wide[[0, 6]] = torch.from_numpy(STRANGERS)
    return found


def gradients(held: Held, given: dict[str, np.ndarray]) -> dict[str, torch.Tensor]:
    """Return the gradients of the tensors for those of Keras' variables."""
    other = Held()
    made = variables(other)
    with torch.no_grad():
        other.wide[[0, 6]] = 3.0  # of elements that are nobody's, and never move
    found: dict[str, torch.Tensor] = {}
    names = {id(p): n for n, p in other.named_parameters()}
    for variable in made:
        if variable.name in given:
            variable.assign(given[variable.name])
            for p in variable.parameters:
                found[names[id(p)]] = p.detach()
    return found


def ask(
    rows: list[dict[str, Any]],
    schedules: list[dict[str, Any]],
    until: int,
    folder: Path,
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Run every row in one Keras process."""
    job = {
        "rows": rows,
        "names": NAMES,
        "steps": STEPS,
        "schedules": schedules,
        "until": until,
    }
    (folder / "rows.json").write_text(json.dumps(job))
    arrays = {f"w/{n}": w for n, w in WEIGHTS.items()}
    for step, given in enumerate(GRADIENTS):
        arrays |= {f"g/{step}/{n}": g for n, g in given.items()}
    np.savez(folder / "arrays.npz", **arrays)
    script = Path(__file__).with_name("keras_side.py")
    done = subprocess.run(
        [sys.executable, str(script), str(folder)],
        capture_output=True,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    with np.load(folder / "out.npz") as out:
        found = dict(out)
    return found, json.loads((folder / "out.json").read_text())
