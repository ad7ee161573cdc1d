"""Files that a module reads lie beside ``model.py``, and beside what runs in memory."""

from __future__ import annotations

import gc
from dataclasses import dataclass, replace
from pathlib import Path

import onnx_ir as ir
import pytest
import torch

from keras2torch.conversion import Conversion
from keras2torch.layers.base import INTERNAL, Call, Forward, Layer, Module
from keras2torch.program import write
from keras2torch.program.module import load_folder
from keras2torch.verification import unverified

from .graphs import Graph


@dataclass(eq=False)
class _Reads(Layer):
    """Adds the length of a file."""

    def module(self, call: Call) -> Module:
        text = 'Adds(len(open(__file__.replace("model.py", "more.bin"), "rb").read()))'
        source = (
            "class Adds(nn.Module):\n"
            "    def __init__(self, n):\n"
            "        super().__init__()\n"
            "        self.n = n\n"
            "    def forward(self, x):\n"
            "        return x + self.n\n"
        )
        return Module(text, pieces={"Adds": source}, files={"more.bin": b"12345"})

    def forward(self, call: Call, module: str) -> Forward:
        return Forward(f"{module}({call.x.name})")


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> ir.Model:
    # open() is what no generated file may hold: only this test's does.
    monkeypatch.setitem(INTERNAL, "_Reads", _Reads)
    monkeypatch.setattr("keras2torch.program.check.check_inside", lambda *_: None)
    graph = Graph("net")
    x = graph.input("x", (None, 4))
    return graph.filled(*graph.call(_Reads(name="reads"), [x]))


def test_in_memory(model: ir.Model) -> None:
    program = write(model)
    assert program.files == {"more.bin": b"12345"}
    module = program.module()
    namespace = type(module).forward.__globals__
    folder = Path(namespace["__file__"]).parent
    assert (folder / "more.bin").read_bytes() == b"12345"
    assert torch.equal(module(torch.zeros(2, 4)), torch.full((2, 4), 5.0))
    del module, namespace
    gc.collect()
    assert not folder.exists()


def test_in_a_folder(model: ir.Model, tmp_path: Path) -> None:
    program = write(model)
    Conversion(program, model, unverified(program, model)).save(tmp_path / "out")
    assert (tmp_path / "out" / "more.bin").read_bytes() == b"12345"
    (tmp_path / "out" / "more.bin").write_bytes(b"123")
    module = load_folder(tmp_path / "out")
    assert torch.equal(module(torch.zeros(2, 4)), torch.full((2, 4), 3.0))


@pytest.mark.parametrize("name", ["../evil", "model.py", ".hidden", "a/b"])
def test_a_name_is_no_path(
    model: ir.Model, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    made = _Reads.module

    def module(self: _Reads, call: Call) -> Module:
        return replace(made(self, call), files={name: b""})

    monkeypatch.setattr(_Reads, "module", module)
    with pytest.raises(ValueError, match="no name"):
        write(model)
