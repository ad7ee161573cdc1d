"""What is exported computes what the model computes, read by others than torch."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "saving"))

import zoo

import keras2torch as keras

L = keras.layers
# Torch's exporter has no rule for packed sequences of any batch, and TimeDistributed
# of a model folds the batch into a number.
NOT_IN_ONNX = {"bilstm": NotImplementedError, "steps": ValueError}
NOT_IN_TORCH = {"bilstm": RuntimeError}
# ONNX Runtime has no kernels for bfloat16 on a CPU: the file is only checked.
NOT_IN_RUNTIME = ("half",)


def built(name):
    zoo.own_class(keras), zoo.own_function(keras), zoo.own_model(keras)
    model = zoo.ZOO[name][0](keras)
    x, _ = zoo.batch(name)
    return model, keras.tree.flatten(x), keras.tree.flatten(model.predict(x, verbose=0))


def close(found, expected):
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        assert a.shape == b.shape
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=0, atol=2e-6 * max(1, np.abs(b).max()))


@pytest.mark.parametrize("name", zoo.ZOO)
def test_onnx(tmp_path, name, capfd):
    onnxruntime = pytest.importorskip("onnxruntime")
    model, x, y = built(name)
    path = tmp_path / "m.onnx"
    if name in NOT_IN_ONNX:
        with pytest.raises(NOT_IN_ONNX[name], match="ONNX"):
            model.export(path, format="onnx")
        assert list(tmp_path.iterdir()) == []
        return
    model.export(path, format="onnx")
    assert capfd.readouterr().out == f"Saved artifact at '{path}'.\n"
    if name in NOT_IN_RUNTIME:
        onnx.checker.check_model(str(path), full_check=True)
        return
    session = onnxruntime.InferenceSession(path)
    names = [i.name for i in session.get_inputs()]
    for batch in (1, len(x[0])):
        given = {n: v[:batch] for n, v in zip(names, x, strict=True)}
        close(session.run(None, given), [v[:batch] for v in y])
    assert not model.training


@pytest.mark.parametrize("name", ["cnn", "attention", "dicts", "own_model", "bilstm"])
def test_a_program_of_torch(tmp_path, name):
    model, x, y = built(name)
    path = tmp_path / "m.pt2"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if name in NOT_IN_TORCH:
            with pytest.raises(NOT_IN_TORCH[name], match=r"program of torch"):
                model.export(path, format="torch")
            assert list(tmp_path.iterdir()) == []
            return
        model.export(path, format="torch", verbose=False)
    program = torch.export.load(path).module()
    for batch in (3, len(x[0])):
        made = program(*[torch.as_tensor(v[:batch]) for v in x])
        found = made if isinstance(made, tuple) else (made,)
        close([v.detach().numpy() for v in found], [v[:batch] for v in y])


def test_what_is_taken_can_be_said(tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    model = zoo.steps(keras)  # not of any size, but of this
    x = np.random.default_rng(0).normal(size=(4, 6, 5)).astype("float32")
    spec = keras.InputSpec(shape=(4, 6, 5), dtype="float32", name="signal")
    model.export(
        tmp_path / "m.onnx", "onnx", False, input_signature=[spec], opset_version=17
    )
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx")
    assert [(i.name, i.shape) for i in session.get_inputs()] == [("signal", [4, 6, 5])]
    close(session.run(None, {"signal": x}), [model.predict(x, verbose=0)])


def test_sizes_that_a_script_computes_with_are_found_out(tmp_path):
    class ByBatch(keras.Model):
        def call(self, x):
            return x * float(x.shape[0])

    model = ByBatch()
    model(np.ones((2, 3), "float32"))
    with pytest.raises(ValueError, match="size of an input"):
        model.export(tmp_path / "m.onnx", format="onnx")


def one():
    model = keras.Sequential([L.Input((3,)), L.Dense(2)])
    return model


@pytest.mark.parametrize(
    ("act", "error", "says"),
    [
        (lambda p: one().export(p), NotImplementedError, "SavedModel"),
        (lambda p: one().export(p, format="litert"), NotImplementedError, "LiteRT"),
        (lambda p: one().export(p, format="coreml"), ValueError, "Unrecognized format"),
        (lambda p: one().export(p, format="torch"), ValueError, ".pt2"),
        (lambda p: one().export(p, format="onnx", nope=1), ValueError, "nope"),
        (lambda p: one().export(f"{p}.pt2", "torch", nope=1), ValueError, "nope"),
        (
            lambda p: keras.Sequential([L.Dense(2)]).export(p, format="onnx"),
            ValueError,
            "not yet been built",
        ),
        (lambda p: keras.export.ExportArchive(), NotImplementedError, "SavedModel"),
        (lambda p: L.TFSMLayer(p), NotImplementedError, "keras2torch.convert"),
        (lambda p: L.JaxLayer(None), NotImplementedError, "JAX"),
        (lambda p: L.FlaxLayer(None), NotImplementedError, "Flax"),
        (
            lambda p: keras.callbacks.OrbaxCheckpoint(p),
            NotImplementedError,
            "ModelCheckpoint",
        ),
    ],
)
def test_refusals(tmp_path, act, error, says):
    with pytest.raises(error, match=says):
        act(tmp_path / "m")
    assert list(tmp_path.iterdir()) == []
