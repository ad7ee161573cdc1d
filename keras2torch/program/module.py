"""The generated text as a live module: what is written is what runs."""

from __future__ import annotations

import linecache
import tempfile
import types
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from keras2torch.program.check import check

if TYPE_CHECKING:
    from keras2torch.program.weights import TorchWeight
    from keras2torch.program.writer import Program

_numbers = count()
# Floats in a register of AVX-512.
_VECTOR = 16


def execute(
    source: str, name: str = "model", folder: Path | None = None
) -> types.ModuleType:
    """Execute a generated file.

    Its text is registered with :mod:`linecache`, so that tracebacks, debuggers and
    torch.compile see its lines.

    Parameters
    ----------
    source, name
        The text, and what it is called there.
    folder
        Where the files lie that it reads, if it reads any.
    """
    filename = f"<keras2torch {name} {next(_numbers)}>/model.py"
    module = types.ModuleType(f"keras2torch_{name}")
    module.__file__ = filename if folder is None else str(folder / "model.py")
    linecache.cache[filename] = (len(source), None, source.splitlines(True), filename)
    # What runs is our own text, checked by program.check before it was written.
    code = compile(source, filename, "exec", dont_inherit=True)
    exec(code, module.__dict__)  # noqa: S102
    return module


def load_folder(folder: Path) -> nn.Module:
    """Return what the ``load()`` of a folder's ``model.py`` returns.

    Raises
    ------
    UnsafeSource
        If the file holds more than a model.
    """
    source = (folder / "model.py").read_text(encoding="utf-8")
    check(source)
    module = execute(source, "folder", folder)
    model: nn.Module = module.load(str(folder / "model.safetensors"))
    return model


def executed(program: Program) -> types.ModuleType:
    """Execute a program, the files that it reads beside it as long as it lives."""
    if not program.files:
        return execute(program.source, program.name)
    # Functions keep their globals alive, and these the folder.
    held = tempfile.TemporaryDirectory(prefix="keras2torch-")
    folder = Path(held.name)
    for name, content in program.files.items():
        (folder / name).write_bytes(content)
    module = execute(program.source, program.name, folder)
    module.__dict__["_folder"] = held
    return module


def shield(model: nn.Module) -> None:
    """Have strided convolutions of one pixel read few channels in PyTorch's own order.

    Their gradient on images with channels last, fewer than a vector has, writes past
    its memory in oneDNN 3.13 (https://github.com/uxlfoundation/oneDNN/issues/6035).
    """
    for module in model.modules():
        if isinstance(module, (nn.Conv1d, nn.Conv2d, nn.Conv3d)):
            pixel = set(module.kernel_size) == {1} and max(module.stride) > 1
            if pixel and module.in_channels // module.groups < _VECTOR:
                module.register_forward_pre_hook(_in_order)


def _in_order(_: nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(x.contiguous() for x in given)


def build(program: Program) -> nn.Module:
    """Make the model of a program, weights loaded, in eval mode."""
    module = executed(program)
    model: nn.Module = getattr(module, program.name)()
    shield(model)
    if program.double:
        model = model.double()
    left = model.state_dict()
    for weight in program.weights:
        # One after the other: the arrays of a large model are not all held twice.
        _fill(left.pop(weight.name, None), weight)
    missing = [m for m in left if not m.endswith("num_batches_tracked")]
    if missing:
        raise RuntimeError(f"the state dict does not fit: missing {missing}")
    return model.eval()


def _fill(tensor: torch.Tensor | None, weight: TorchWeight) -> None:
    array = weight.array()
    if tensor is None or tensor.shape != array.shape:
        raise RuntimeError(
            f"the state dict does not fit: {weight.name} has the shape {array.shape} "
            f"and goes into {None if tensor is None else tuple(tensor.shape)}"
        )
    tensor.copy_(torch.from_numpy(array if array.flags.writeable else array.copy()))
