"""Every call of the table gives what it gives under Keras, or says what is wrong."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ops.drawn import FLOATS, Drawn, structure
from ops.numpy_calls import (
    CALLS,
    MODEL_IS_WRONG,
    NO_FILE,
    NUMPY,
    REFUSED,
    SPEC_IS_WRONG,
)

import keras2torch as keras
from keras2torch import ops

HERE = Path(__file__).parent
NAMES = {n: getattr(ops, n) for n in ops.__all__}
# Axes of unknown size, and whether all tensors but the first are constants.
SYMBOLIC = {"batch": ([0], False), "inside": ([0, 1], False), "constants": ([0], True)}


# --------------------------------------------------------------------------- both sides
def asked(jobs: list[dict[str, Any]], folder: Path) -> list[dict[str, Any]]:
    """Run jobs in one Keras process and return what each found."""
    job, out = folder / "job.json", folder / "out.npz"
    job.write_text(json.dumps(jobs))
    done = subprocess.run(
        [sys.executable, str(HERE / "numpy_side.py"), str(job), str(out)],
        capture_output=True,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    found: list[dict[str, Any]] = json.loads(Path(f"{out}.json").read_text())
    with np.load(out) as arrays:
        for key in arrays:
            number, name = key.split("/", 1)
            found[int(number)][name] = arrays[key]
    return found


def symbolic_job(do: str, call: str, mode: str) -> dict[str, Any]:
    unknown, constants = SYMBOLIC[mode]
    return {"do": do, "call": call, "unknown": unknown, "constants": constants}


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What Keras gives, by what is done and the call."""
    jobs = [{"do": "names", "call": "names", "namespace": "numpy"}]
    jobs += [{"do": "eager", "call": c} for c in CALLS + REFUSED]
    jobs += [{"do": "gradient", "call": c} for c in CALLS if with_floats(c)]
    jobs += [symbolic_job("spec", c, "batch") for c in CALLS if letters(c)]
    found = asked(jobs, tmp_path_factory.mktemp("numpy"))
    return {f"{j['do']} {j['call']}": f for j, f in zip(jobs, found, strict=True)}


@pytest.fixture(scope="module")
def more_answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What Keras' models give, with unknown sizes, and with constants."""
    cases = [(m, c) for m in SYMBOLIC for c in CALLS if letters(c)]
    jobs = [symbolic_job("symbolic", c, m) for m, c in cases]
    found = asked(jobs, tmp_path_factory.mktemp("numpy_more"))
    return {f"{m} {c}": f for (m, c), f in zip(cases, found, strict=True)}


def letters(call: str) -> list[str]:
    """Return the letters of a call that stand for tensors."""
    return re.findall(r"\b(F|H|D|P|U|I|L|I8|U8|N|B|M|X|C)\(", call)


def with_floats(call: str) -> bool:
    return any(letter in FLOATS for letter in letters(call))


def evaluated(call: str, made: Any, names: dict[str, Any] = NAMES) -> Any:
    return eval(call, names | {"s_": np.s_} | Drawn(call, made).names())


def leaves(result: Any) -> list[Any]:
    if isinstance(result, (list, tuple)):
        return [leaf for part in result for leaf in leaves(part)]
    return [result]


def dtype_of(leaf: Any) -> str:
    if isinstance(leaf, (bool, int, float)):
        return type(leaf).__name__
    return str(leaf.dtype).removeprefix("torch.")


def array(leaf: Any) -> Any:
    return leaf.numpy(force=True) if torch.is_tensor(leaf) else np.asarray(leaf)


def close(mine: Any, wanted: Any, within: float = 1e-5) -> None:
    assert mine.shape == wanted.shape
    if wanted.dtype.kind not in "fc":
        np.testing.assert_array_equal(mine, wanted)
        return
    within = 2e-3 if wanted.dtype == np.float16 else within
    size = min(np.abs(wanted[np.isfinite(wanted)]).max(initial=1.0), 1e3)
    np.testing.assert_allclose(mine, wanted, rtol=within, atol=within * size)


def agree(result: Any, wanted: dict[str, Any]) -> None:
    """Compare structure, dtypes and values."""
    assert structure(result) == wanted["structure"]
    assert [dtype_of(v) for v in leaves(result)] == wanted["dtypes"]
    for i, leaf in enumerate(leaves(result)):
        close(array(leaf), wanted[f"value{i}"])


def known(table: dict[str, str], call: str) -> bool:
    return any(call.startswith(start) for start in table)


# -------------------------------------------------------------------------- the names
@pytest.mark.needs_keras
def test_every_name_has_its_arguments(answers: dict[str, Any]) -> None:
    """Names, order and defaults, as Keras has them."""
    wanted = answers["names names"]["signatures"]
    ours = {
        n: [
            [p.name, p.kind.name, _default(p)]
            for p in signature(getattr(ops.numpy, n)).parameters.values()
        ]
        for n in ops.numpy.__all__
    }
    assert ours == wanted
    assert all(getattr(ops, n) is getattr(ops.numpy, n) for n in wanted)


def _default(parameter: Parameter) -> str:
    empty = parameter.default is Parameter.empty
    return "required" if empty else repr(parameter.default)


def test_every_name_is_called() -> None:
    """No name is missing in the table."""
    called = {re.match(r"\w+", c)[0] for c in CALLS + NUMPY}  # type: ignore[index]
    assert set(ops.numpy.__all__) - called == {"argpartition", "dsplit"}


# -------------------------------------------------------------------------- on values
@pytest.mark.needs_keras
@pytest.mark.parametrize("call", CALLS)
def test_on_values(call: str, answers: dict[str, Any]) -> None:
    """The same structure, dtypes and values, of tensors and of arrays."""
    wanted = answers[f"eager {call}"]
    assert "error" not in wanted
    agree(evaluated(call, lambda a, letter: torch.as_tensor(a)), wanted)
    if letters(call):
        agree(evaluated(call, lambda a, letter: a), wanted)


@pytest.mark.needs_keras
@pytest.mark.parametrize("call", REFUSED)
def test_what_is_refused(call: str, answers: dict[str, Any]) -> None:
    """Where Keras has an error there is one, of the same kind where Keras made it."""
    kind, _, told = answers[f"eager {call}"]["error"].partition(": ")
    with pytest.raises((ValueError, TypeError, IndexError, RuntimeError)) as raised:
        evaluated(call, lambda a, letter: torch.as_tensor(a))
    assert str(raised.value)
    if kind in ("ValueError", "TypeError") and "Received" in told:
        assert raised.type.__name__ == kind


@pytest.mark.parametrize("call", NUMPY)
def test_what_numpy_gives(call: str) -> None:
    """Where Keras on TensorFlow gives something else than it documents."""
    home = {n: getattr(np, n) for n in dir(np) if n[0] != "_"}
    wanted = evaluated(call, lambda a, letter: a, home)
    found = evaluated(call, lambda a, letter: torch.as_tensor(a))
    for mine, theirs in zip(leaves(found), leaves(wanted), strict=True):
        close(array(mine), np.asarray(theirs))


def test_argpartition() -> None:
    """What is smaller is before, what is larger behind."""
    x = np.random.default_rng(0).standard_normal((3, 9)).astype("float32")
    order = ops.argpartition(x, 4)
    rows = np.take_along_axis(x, order.numpy().astype("int64"), 1)
    assert order.dtype is torch.int32
    assert (rows[:, :4] <= rows[:, 4:5]).all()
    assert (rows[:, 5:] >= rows[:, 4:5]).all()
    np.testing.assert_array_equal(np.sort(rows), np.sort(x))


def test_dsplit() -> None:
    x = np.arange(24.0).reshape(2, 3, 4)
    for mine, wanted in zip(ops.dsplit(x, [1, 2]), np.dsplit(x, [1, 2]), strict=True):
        np.testing.assert_array_equal(mine.numpy(), wanted)


# --------------------------------------------------------------------------- gradients
@pytest.mark.needs_keras
@pytest.mark.parametrize("call", [c for c in CALLS if with_floats(c)])
def test_gradients(call: str, answers: dict[str, Any]) -> None:
    """The gradients of a weighted sum of what comes out, in float64."""
    wanted = answers[f"gradient {call}"]
    if "error" in wanted:
        pytest.skip("TensorFlow has no gradient of it")
    taken: list[torch.Tensor] = []

    def made(a: Any, letter: str) -> torch.Tensor:
        if letter not in FLOATS:
            return torch.as_tensor(a)
        taken.append(torch.as_tensor(a.astype("float64")).requires_grad_())
        return taken[-1]

    total = torch.zeros((), dtype=torch.float64)
    for leaf in leaves(evaluated(call, made)):
        if torch.is_tensor(leaf) and leaf.is_floating_point():
            factors = torch.cos(torch.arange(leaf.numel(), dtype=torch.float64))
            total = total + (leaf.double() * factors.reshape(leaf.shape)).sum()
    if not total.requires_grad:
        assert not any(wanted.values())
        return
    for i, g in enumerate(torch.autograd.grad(total, taken, allow_unused=True)):
        # TensorFlow has none where torch has zeros, and the other way round.
        nothing = np.zeros(taken[i].shape)
        mine = nothing if g is None else array(g)
        close(mine, wanted.get(f"gradient{i}", nothing), 1e-8)


# -------------------------------------------------------------------------- in a model
def model_of(call: str, mode: str) -> tuple[Any, list[Any], Any]:
    """Return a model of a call, the arrays that it takes, and its outputs."""
    unknown, constants = SYMBOLIC[mode]
    inputs: list[Any] = []
    arrays: list[Any] = []

    def made(a: Any, letter: str) -> Any:
        if constants and inputs:
            return a
        shape = [None if i in unknown else n for i, n in enumerate(a.shape)]
        inputs.append(keras.Input(batch_shape=shape, dtype=a.dtype.name))
        arrays.append(a)
        return inputs[-1]

    outputs = evaluated(call, made)
    return keras.Model(inputs, outputs), arrays, outputs


def in_a_model(call: str, mode: str, wanted: dict[str, Any]) -> None:
    """Draw a model of a call, and compare what it says and what it gives."""
    if "error" in wanted:
        pytest.skip("Keras draws no model of it")
    if known(MODEL_IS_WRONG, call):
        pytest.skip(f"Keras: {next(v for k, v in MODEL_IS_WRONG.items() if k in call)}")
    model, arrays, outputs = model_of(call, mode)
    result = model(arrays if len(arrays) > 1 else arrays[0])
    agree(result, wanted)
    flat = leaves(outputs)
    shapes = [array(v).shape for v in leaves(result)]
    for tensor, shape in zip(flat, shapes, strict=True):
        assert all(n in (None, m) for n, m in zip(tensor.shape, shape, strict=True))
    if known(SPEC_IS_WRONG, call):
        return
    assert [t.dtype for t in flat] == wanted["symbolic_dtypes"]
    for tensor, theirs in zip(flat, wanted["shapes"], strict=True):
        # Of a batch that meets a constant of known size Keras says nothing.
        both = zip(tensor.shape, theirs, strict=True)
        assert all(n == m or m is None for n, m in both)


@pytest.mark.needs_keras
@pytest.mark.parametrize("call", [c for c in CALLS if letters(c)])
def test_in_a_functional_model(call: str, answers: dict[str, Any]) -> None:
    """The shapes and dtypes of Keras' symbolic tensors, the values of its tensors."""
    in_a_model(call, "batch", answers[f"eager {call}"] | answers[f"spec {call}"])


@pytest.mark.slow
@pytest.mark.needs_keras
@pytest.mark.parametrize("mode", SYMBOLIC)
@pytest.mark.parametrize("call", [c for c in CALLS if letters(c)])
def test_as_models_of_keras(call: str, mode: str, more_answers: dict[str, Any]) -> None:
    """What Keras' model gives; with an unknown size inside, with constants."""
    in_a_model(call, mode, more_answers[f"{mode} {call}"])


@pytest.mark.slow
@pytest.mark.needs_keras
def test_keras_opens_its_files(answers: dict[str, Any], tmp_path: Path) -> None:
    """A file of each model computes the same in Keras."""
    jobs = []
    for n, call in enumerate(CALLS):
        drawn = letters(call) and "error" not in answers[f"spec {call}"]
        if not drawn or known(NO_FILE | MODEL_IS_WRONG, call):
            continue
        path = tmp_path / f"{n}.keras"
        model_of(call, "batch")[0].save(path)
        jobs.append({"do": "loaded", "call": call, "path": str(path)})
    wrong = {}
    for job, found in zip(jobs, asked(jobs, tmp_path), strict=True):
        wanted = answers[f"eager {job['call']}"]
        if "error" in found:
            wrong[job["call"]] = found["error"]
            continue
        assert found["dtypes"] == wanted["dtypes"], job["call"]
        for i in range(len(wanted["dtypes"])):
            close(found[f"value{i}"], wanted[f"value{i}"])
    assert not wrong, "\n".join(f"{c}: {e}" for c, e in wrong.items())


def test_source_is_torch() -> None:
    """What has a rule is a line of torch."""
    x = keras.Input((5, 4))
    y = ops.concatenate([x, ops.mean(ops.square(x), axis=-1, keepdims=True)], axis=-1)
    y = ops.einsum("bij,kj->bik", y, np.ones((2, 5), "float32"))
    text = keras.Model(x, ops.sort(y, axis=1)).source()
    assert "torch.einsum" in text
    assert "torch.cat" in text
    assert "dim=1, stable=True)" in text
    assert "def __init__(self) -> None" in text  # nothing is handed to it


def test_a_weight_of_a_layer_trains() -> None:
    """A weight that an operation takes is the layer's own."""
    embedding = keras.layers.Embedding(10, 4)
    ids = keras.Input((5,), dtype="int32")
    scores = ops.matmul(embedding(ids), ops.transpose(embedding.embeddings))
    model = keras.Model(ids, scores)
    model.compile("sgd", "mse")
    before = embedding.embeddings.numpy().copy()
    unused = np.setdiff1d(np.arange(10), [1])
    model.fit(np.ones((4, 5), "int32"), np.ones((4, 5, 10), "float32"), verbose=0)
    # Rows that no id looks up move by the transposed weight alone.
    assert np.abs(embedding.embeddings.numpy() - before)[unused].max() > 0
    table = embedding.embeddings.numpy()
    found = model(np.ones((2, 5), "int32")).detach()
    np.testing.assert_allclose(found[0, 0], table[1] @ table.T, 1e-5)


def test_tensors_and_arrays_are_constants() -> None:
    """A constant of a model keeps its dtype, whatever it came as."""
    x = keras.Input((3,))
    for constant in (np.ones(3), torch.ones(3, dtype=torch.float64)):
        assert ops.add(x, constant).dtype == "float64"
    assert ops.add(x, [1, 2, 3]).dtype == "float32"
    model = keras.Model(x, ops.add(x, torch.tensor([1.0, 2.0, 3.0])))
    np.testing.assert_allclose(model(np.zeros((2, 3), "float32")), [[1, 2, 3]] * 2)


VALUES_DECIDE = ("bincount", "histogram", "nonzero", "repeat", "unique", "where(I(3, 4")


@pytest.mark.parametrize("call", [c for c in CALLS if letters(c)])
def test_results_stay_where_the_tensors_are(call: str) -> None:
    """What an operation makes on the way is made on the device of its tensors."""
    if call.startswith((*VALUES_DECIDE, "corrcoef(F(3", "corrcoef(I")):
        pytest.skip("torch computes it on no meta tensor")
    result = evaluated(call, lambda a, letter: torch.as_tensor(a, device="meta"))
    tensors = [v for v in leaves(result) if torch.is_tensor(v)]
    assert all(t.device.type == "meta" for t in tensors)


def test_weights_are_tensors() -> None:
    """Weights come in Keras' shape, and the gradient goes back to them."""
    layer = keras.layers.Dense(3)
    layer.build((None, 4))
    x = np.ones((2, 4), "float32")
    y = ops.add(ops.matmul(x, layer.kernel), layer.bias)
    np.testing.assert_allclose(y.detach(), layer(x).detach(), rtol=1e-6)
    (gradient,) = torch.autograd.grad(ops.sum(y * y), list(layer.parameters())[:1])
    assert gradient.abs().sum() > 0
    assert ops.mean(layer.kernel, axis=0).shape == (3,)
    assert ops.stack([layer.bias, layer.bias]).shape == (2, 3)
    assert ops.maximum(layer.bias, 0.0).requires_grad
