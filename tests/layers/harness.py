"""A table row → the layer in Keras and in PyTorch, with the same random weights.

Keras' side is rebuilt from the graph, in its own process; PyTorch's is the program
that is written for the graph. Outputs are compared in Keras' axes, in float32 and in
float64, and so is the gradient of a scalar for every weight.

>>> ROWS = [
...     stack("dense", [Dense(3)], (None, 5)),
...     Row("add", lambda b: b.call(Add(name="add"), [...])),
... ]
>>> @rows(ROWS)
... def test_like_keras(row, keras):
...     check(row, keras)
"""

from __future__ import annotations

import subprocess
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx_ir as ir
import pytest
import torch
from ruff import find_ruff_bin

from keras2torch.dialect import GraphBuilder, dtype_of, shape_of
from keras2torch.layers.definitions import Layer, Layout, Weight
from keras2torch.program import Program, write
from keras2torch.tracing.client import KerasProcess, LoadedModel, Reference
from keras2torch.verification.rebuild import Rebuilt, rebuilt

BATCH = 3
Build = Callable[[GraphBuilder], Sequence[ir.Value]]


@dataclass(frozen=True)
class Row:
    """A graph, and how closely PyTorch must compute what Keras computes.

    Attributes
    ----------
    name
        Names the row in a failure.
    build
        Gets a builder and returns the outputs.
    limit
        Integer inputs lie below this; 0 pads the end of some rows.
    sizes
        Sizes for the axes of inputs that have none, in order.
    inputs
        Arrays by input name, where random ones would not do.
    weights
        Arrays by ``"layer/weight"``, where random ones would not do.
    float32, float64
        Largest difference allowed, relative to the largest output; no ``float64``
        where Keras itself fails in it.
    gradients
        Whether to compare the gradients, too.
    contains, lacks
        Text that must and must not stand in the generated source.
    permutes
        How many permutes the program may hold (``None``: any number).
    """

    name: str
    build: Build
    limit: int = 7
    sizes: tuple[int, ...] = (5, 4, 6)
    inputs: Mapping[str, Any] = field(default_factory=dict)
    weights: Mapping[str, Any] = field(default_factory=dict)
    float32: float = 1e-5
    float64: float | None = 1e-9
    gradients: bool = True
    contains: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    permutes: int | None = None


def stack(
    name: str,
    layers: Sequence[Layer],
    *shapes: tuple[int | None, ...],
    dtype: str = "float32",
    **options: Any,
) -> Row:
    """Return the row of layers in a line; the first may take several inputs."""

    def build(b: GraphBuilder) -> Sequence[ir.Value]:
        letters = [chr(ord("x") + i) for i in range(len(shapes))]
        pairs = zip(letters, shapes, strict=True)
        values = [b.input(f"in_{n}", s, dtype) for n, s in pairs]
        for i, made in enumerate(layers):
            if not made.name:
                made.name = f"{type(made).__name__.lower()}_{i}"
            values = b.call(made, values)
        return values

    return Row(name, build, **options)


def together(
    name: str,
    layers: Sequence[Layer],
    shape: tuple[int | None, ...],
    dtype: str = "float32",
    **options: Any,
) -> Row:
    """Return the row of layers that get the same input."""

    def build(b: GraphBuilder) -> Sequence[ir.Value]:
        x = b.input("in_x", shape, dtype)
        outputs = []
        for i, layer in enumerate(layers):
            layer.name = f"{type(layer).__name__.lower()}_{i}"
            outputs += b.call(layer, [x])
        return outputs

    return Row(name, build, **options)


def rows(table: Sequence[Row]) -> Any:
    """Parametrise a test with a table, so that failures name the row."""
    return pytest.mark.parametrize("row", table, ids=[r.name for r in table])


def named(layer: Layer, name: str) -> Layer:
    """Give a layer its name."""
    layer.name = name
    return layer


# ------------------------------------------------------------------------- the graph
def graph(row: Row) -> ir.Model:
    """Build the graph of a row, with random weights."""
    builder = GraphBuilder("model")
    outputs = row.build(builder)
    rng = _generator(row)
    for layer in builder.layers.values():
        for weight, value in zip(layer.weights, layer.values, strict=True):
            given = row.weights.get(f"{layer.path}/{weight.name}")
            array = random_weight(rng, weight) if given is None else given
            array = np.asarray(array, dtype="float32").reshape(weight.shape)
            value.const_value = ir.tensor(array)
    return builder.model(outputs)


def random_weight(rng: np.random.Generator, weight: Weight) -> Any:
    """Return values that show an error: no zero biases, statistics of their own."""
    kind = weight.name.rpartition("/")[2]
    shape = weight.shape
    if "variance" in kind:
        return rng.uniform(0.5, 2.0, shape)
    if "gamma" in kind or kind == "scale":
        return rng.uniform(0.5, 1.5, shape)
    if kind == "count":
        return np.full(shape, 11.0)
    if len(shape) < 2:
        return rng.normal(0.0, 0.5, shape)
    fan = int(np.prod(shape[:-1])) if len(shape) > 1 else 1
    return rng.normal(0.0, 1.0, shape) / np.sqrt(max(fan, 1))


def random_inputs(row: Row, model: ir.Model) -> list[Any]:
    """Return an array per input, in Keras' axes."""
    rng = _generator(row)
    made = []
    for value in model.graph.inputs:
        name = str(value.metadata_props.get("keras_name", value.name))
        if name in row.inputs:
            made.append(np.asarray(row.inputs[name]))
            continue
        open_sizes = iter(row.sizes)
        first, *rest = shape_of(value)
        shape = [BATCH if first is None else first]
        shape += [next(open_sizes) if n is None else n for n in rest]
        dtype = dtype_of(value)
        if dtype.startswith("float"):
            made.append(rng.standard_normal(shape).astype("float32"))
        elif dtype == "bool":
            made.append(_padded(np.ones(shape, bool)))
        else:
            whole = rng.integers(1, row.limit, shape)
            made.append(_padded(whole) if len(shape) == 2 else whole)
    return made


def _padded(array: Any) -> Any:
    """Zero the end of the second row, and one entry inside the third."""
    if array.ndim > 1 and len(array) > 2 and array.shape[1] > 3:
        array[1, -2:] = 0
        array[2, 1] = 0
    return array


def _generator(row: Row) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(row.name.encode()))


# ------------------------------------------------------------------------- PyTorch
@contextmanager
def double_precision() -> Iterator[None]:
    """Make float64 torch's default."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@dataclass
class Torch:
    """What the program computes, in Keras' axes."""

    outputs: list[Any]
    gradients: dict[str, Any]


def run(program: Program, inputs: Sequence[Any], *, double: bool) -> Torch:
    """Run the program in inference mode, and differentiate the worker's scalar."""
    module = program.module()
    module = module.double() if double else module
    tensors = []
    for array, (_, info) in zip(inputs, program.inputs, strict=True):
        if info.dtype == "string":
            tensors.append(array.tolist())
            continue
        if array.dtype.kind == "f":
            array = array.astype("float64" if double else "float32")
        elif array.dtype.kind in "iu":
            array = array.astype("int64")
        moved = np.ascontiguousarray(array.transpose(info.layout.axes))
        tensors.append(torch.from_numpy(moved))
    with torch.no_grad():
        plain = _outputs(program, module(*tensors))
    loss = torch.zeros(())
    for out in _outputs(program, module(*tensors)):
        if isinstance(out, torch.Tensor) and out.is_floating_point():
            ramp = torch.arange(out.numel(), dtype=torch.float64).cos()
            loss = loss + (out * ramp.reshape(out.shape).to(out.dtype)).sum()
    if loss.requires_grad:
        loss.backward()
    gradients = {k: p.grad for k, p in module.named_parameters()}
    trained = _outputs(program, module(*tensors))
    for a, b in zip(plain, trained, strict=True):
        if not isinstance(a, torch.Tensor):
            continue
        # nn.MultiheadAttention and its like take other kernels without gradients.
        tolerance = 1e-9 if double else 1e-4
        torch.testing.assert_close(a, b.detach(), rtol=tolerance, atol=tolerance)
    return Torch(
        [np.asarray(o) for o in plain],
        {k: g.numpy() for k, g in gradients.items() if g is not None},
    )


def _outputs(program: Program, result: Any) -> list[torch.Tensor]:
    """Return the outputs in Keras' axes."""
    results = result if isinstance(result, tuple) else (result,)
    assert len(results) == len(program.outputs)
    found = []
    for tensor, info in zip(results, program.outputs, strict=True):
        layout: Layout = info.layout
        if info.dtype == "string":
            found.append(tensor)
            continue
        assert layout.flat is None
        back = sorted(range(len(layout.axes)), key=lambda i: layout.axes[i])
        found.append(tensor.permute(back).contiguous())
    return found


# --------------------------------------------------------------------- the comparison
def relative(ours: Any, theirs: Any, at_least: float = 1e-12) -> float:
    """Return the largest difference, relative to the largest entry."""
    assert ours.shape == theirs.shape, f"shape {ours.shape}, in Keras {theirs.shape}"
    if not ours.size:
        return 0.0
    if theirs.dtype.kind == "U":
        return float((ours != theirs).any())
    ours, theirs = ours.astype("float64"), theirs.astype("float64")
    assert np.isfinite(theirs).all(), "Keras computes no finite numbers here"
    difference = float(np.abs(ours - theirs).max())
    return difference / max(float(np.abs(theirs).max()), at_least, 1e-12)


def check(row: Row, keras: KerasProcess) -> Program:
    """Compare a row with Keras."""
    model = graph(row)
    program = write(model)
    _check_text(row, program)
    again = rebuilt(model)
    loaded = keras.rebuild(again.config, again.weights, again.keras)
    inputs = random_inputs(row, model)
    double = row.float64 is not None
    wanted = keras.run([inputs], float64=double, gradients=double and row.gradients)
    ours = run(program, inputs, double=False)
    _check_outputs(ours, wanted.native, row.float32)
    if row.float64 is None:
        _check_counts(program, loaded)
        return program
    assert wanted.float64 is not None, wanted.float64_error
    with double_precision():
        ours = run(program, inputs, double=True)
    _check_outputs(ours, wanted.float64, row.float64)
    if row.gradients:
        assert wanted.gradient_error is None, wanted.gradient_error
        _check_gradients(program, again, ours, wanted.float64, 100 * row.float64)
    _check_counts(program, loaded)
    return program


def _check_text(row: Row, program: Program) -> None:
    for text in row.contains:
        assert text in program.source, program.source
    for text in row.lacks:
        assert text not in program.source, program.source
    if row.permutes is not None:
        assert program.plan.permutes() == row.permutes, program.source
    done = subprocess.run(
        [find_ruff_bin(), "check", "--isolated", "--select=E,F,W,I,B", "-"],
        input=program.source,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + program.source


def _check_outputs(ours: Torch, wanted: Reference, limit: float) -> None:
    [batch] = wanted.outputs
    assert len(ours.outputs) == len(batch)
    for i, (mine, theirs) in enumerate(zip(ours.outputs, batch, strict=True)):
        difference = relative(mine, theirs)
        assert difference <= limit, f"output {i} differs by {difference:.2g}"


def _check_gradients(
    program: Program, again: Rebuilt, ours: Torch, wanted: Reference, limit: float
) -> None:
    """Every torch gradient is Keras' gradient, transformed as the weight was."""
    indices = _indices(program, again)
    # What is 0 but for rounding (a key's bias) is compared with the other gradients.
    largest = max(
        (np.abs(g).max(initial=0) for g in wanted.gradients.values()), default=0
    )
    for weight in program.weights:
        if not weight.trainable:
            continue
        theirs = []
        for value in weight.values:
            key = indices[id(value)]
            shape = tuple(int(n) for n in value.shape)  # type: ignore[union-attr]
            theirs.append(wanted.gradients.get(key, np.zeros(shape)))
        expected = weight.source(*theirs)
        mine = ours.gradients.get(weight.name, np.zeros_like(expected))
        difference = relative(mine, expected, at_least=1e-3 * largest)
        assert difference <= limit, f"gradient of {weight.name}: {difference:.2g}"


def _indices(program: Program, again: Rebuilt) -> dict[int, tuple[str, int]]:
    """Return for each weight value its layer's path and its index there."""
    found = {}
    for step in program.plan.layer_steps():
        path = again.paths.get(step.node.path)
        for i, value in enumerate(step.node.weights.values()):
            found[id(value)] = (path or step.node.path, i)
    return found


def _check_counts(program: Program, loaded: LoadedModel) -> None:
    module = program.module()
    moved = sum(p.numel() for p in module.parameters() if p.requires_grad)
    assert moved == loaded.trainable, f"{moved} trainable, in Keras {loaded.trainable}"
    used = {id(v) for w in program.weights for v in w.values}
    for step in program.plan.layer_steps():
        for name, value in step.node.weights.items():
            # Normalization counts samples, and Keras 1's other modes of
            # BatchNormalization have statistics, which nothing reads.
            unread = name == "count" or getattr(step.node.layer, "mode", 0) in (1, 2)
            assert id(value) in used or unread, f"{value.name} is lost"
