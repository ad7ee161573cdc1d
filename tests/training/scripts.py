"""Running a generated ``train.py`` beside its ``model.py``."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from safetensors.numpy import save_file
from torch.utils.data import TensorDataset

from keras2torch.layers.definitions import Tensor
from keras2torch.program import Program


def lay_out(program: Program, script: str, folder: Path) -> Path:
    """Write what a user receives."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.py").write_text(program.source, encoding="utf-8")
    (folder / "train.py").write_text(script, encoding="utf-8")
    save_file(program.state(), folder / "model.safetensors", {"format": "pt"})
    return folder


def to_torch(array: np.ndarray, tensor: Tensor) -> torch.Tensor:
    """Bring Keras' array into the order of a tensor of the program."""
    axes = tensor.layout.axes
    moved = array.transpose(axes) if array.ndim == len(axes) else array
    return torch.from_numpy(np.ascontiguousarray(moved))


def train(
    folder: Path,
    monkeypatch: Any,
    tensors: Sequence[torch.Tensor],
    *,
    epochs: int,
    batch_size: int,
) -> list[dict[str, float]]:
    """Run ``main`` of the script there, its data() answered with these tensors."""
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(folder)
    for name in ("model", "train"):
        sys.modules.pop(name, None)
    importlib.invalidate_caches()
    module: ModuleType = importlib.import_module("train")
    dataset = TensorDataset(*tensors)
    monkeypatch.setattr(module, "data", lambda: (dataset, dataset))
    monkeypatch.setattr(module, "epochs", epochs)
    monkeypatch.setattr(module, "batch_size", batch_size)
    monkeypatch.setattr(module, "shuffle", False)
    monkeypatch.setattr(module, "device", "cpu")
    history: list[dict[str, float]] = module.main()
    for name in ("model", "train"):
        sys.modules.pop(name, None)
    return history
