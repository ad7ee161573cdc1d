"""One Keras process, and small graphs with weights that show an error."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from keras2torch.dialect import GraphBuilder
from keras2torch.layers.definitions import REGISTRY
from keras2torch.program import Program, write
from keras2torch.tracing import KerasProcess
from keras2torch.verification import Report, verify

Layers = REGISTRY
Build = Callable[[GraphBuilder], Sequence[ir.Value]]
Verify = Callable[..., Report]


@pytest.fixture(scope="session")
def keras() -> Iterator[KerasProcess]:
    """Keras in its own process; torch lives in this one."""
    with KerasProcess(timeout=120) as process:
        yield process


def graph(build: Build, seed: int = 0) -> ir.Model:
    """Build a graph and fill its weights: no zero biases, positive variances."""
    builder = GraphBuilder("net")
    outputs = build(builder)
    rng = np.random.default_rng(seed)
    for layer in builder.layers.values():
        for weight, value in zip(layer.weights, layer.values, strict=True):
            array = rng.normal(0.0, 0.5, weight.shape)
            if "variance" in weight.name or "gamma" in weight.name:
                array = np.abs(array) + 0.5
            value.const_value = ir.tensor(array.astype("float32"), name=value.name)
    return builder.model(outputs)


@pytest.fixture
def compare(keras: KerasProcess, tmp_path: Path) -> Verify:
    """Compare a program, or what is written for a graph, with the graph in Keras.

    There is no file, so the judge is a Keras model rebuilt from the graph.
    """

    def run(model: ir.Model, program: Program | None = None) -> Report:
        program = program or write(model)
        return verify(program, model, tmp_path / "none.h5", None, keras)

    return run
