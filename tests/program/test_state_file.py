"""The weights in ``model.safetensors``: what the state dict holds, read one by one."""

from __future__ import annotations

import json
import math
import tracemalloc
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest
from safetensors.numpy import load_file

from keras2torch.layers.definitions import from_config
from keras2torch.program import Program, state_file, write
from keras2torch.program.state_file import pieces, save_state

from .graphs import Graph

LAYERS = [
    ("Conv2D", {"filters": 6, "kernel_size": (2, 3)}),
    ("DepthwiseConv2D", {"kernel_size": 2, "depth_multiplier": 2}),
    # A convolution of width 1, and after Flatten columns in PyTorch's order.
    ("Dense", {"units": 5}),
    ("Conv2DTranspose", {"filters": 4, "kernel_size": 3}),
    ("BatchNormalization", {}),
    ("Flatten", {}),
    ("Dense", {"units": 7}),
    ("RepeatVector", {"n": 3}),
    ("Bidirectional", {"layer": {"class_name": "GRU", "config": {"units": 5}}}),
    ("Dense", {"units": 2, "use_bias": False}),
]


@pytest.fixture(scope="module")
def program() -> Program:
    graph = Graph("net")
    x = graph.input("x", (None, 6, 7, 3))
    for i, (kind, config) in enumerate(LAYERS):
        (x,) = graph.call(from_config(kind, {**config, "name": f"layer_{i}"}), [x])
    return write(graph.filled(x))


@pytest.mark.parametrize("piece", [1, 40, 1 << 20])
def test_as_the_state_dict(
    program: Program, piece: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_file, "_PIECE", piece)
    file = tmp_path / "model.safetensors"
    save_state(program.weights, file)
    found, wanted = load_file(file), program.state()
    assert found.keys() == wanted.keys()
    for name, array in wanted.items():
        assert found[name].dtype == array.dtype, name
        np.testing.assert_array_equal(found[name], array, err_msg=name)
    parts = [len(list(pieces(weight))) for weight in program.weights]
    assert max(parts) > 1 if piece < 100 else max(parts) == 1


def test_every_tensor_begins_where_its_items_do(tmp_path: Path) -> None:
    graph = Graph("net")
    x, at = graph.input("x", (None, 3)), graph.input("at", (None,), "int64")
    (y,) = graph.call(from_config("Dense", {"units": 5, "name": "dense"}), [x])
    odd = graph.initializer("odd", np.arange(11) % 2 == 1)
    far = graph.initializer("far", np.arange(11, dtype="int64") ** 9)
    taken = [
        graph.operators("Gather", [table, at], name, [((None,), dtype)])[0]
        for table, name, dtype in ((odd, "is_odd", "bool"), (far, "how_far", "int64"))
    ]
    program = write(graph.filled(y, *taken))
    save_state(program.weights, tmp_path / "model.safetensors")
    raw = (tmp_path / "model.safetensors").read_bytes()
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + length])
    del header["__metadata__"]
    sizes = {"BOOL": 1, "F32": 4, "I64": 8}
    assert {entry["dtype"] for entry in header.values()} == sizes.keys()
    for entry in header.values():
        assert (8 + length + entry["data_offsets"][0]) % sizes[entry["dtype"]] == 0
    found = load_file(tmp_path / "model.safetensors")
    for name, array in program.state().items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)


def test_no_array_waits_for_another(tmp_path: Path) -> None:
    width, layers = 2048, 3
    graph = Graph("net")
    x = graph.input("x", (None, width))
    for i in range(layers):
        (x,) = graph.call(from_config("Dense", {"units": width, "name": f"d{i}"}), [x])
    model = graph.model([x])
    for value in model.graph.initializers.values():
        value.const_value = _read_when_asked(value)
    program = write(model)
    one = 4 * width**2
    tracemalloc.start()
    save_state(program.weights, tmp_path / "model.safetensors")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (tmp_path / "model.safetensors").stat().st_size > layers * one
    # The array, and two pieces of it in torch's order: the last and the next.
    assert one < peak < 1.5 * one


def _read_when_asked(value: ir.Value) -> ir.LazyTensor:
    shape = [int(n) for n in value.shape or ()]

    def read() -> ir.Tensor:
        array = np.arange(math.prod(shape), dtype="float32").reshape(shape)
        return ir.Tensor(array, name=value.name)

    return ir.LazyTensor(read, ir.DataType.FLOAT, ir.Shape(shape), name=value.name)
