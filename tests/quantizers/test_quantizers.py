"""The integers, scales and rounded numbers of Keras."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from quantizers.cases import run

import keras2torch as keras

HERE = Path(__file__).parent


@pytest.mark.needs_keras
@pytest.mark.slow
def test_numbers_of_keras(tmp_path):
    done = subprocess.run(
        [sys.executable, str(HERE / "keras_side.py"), str(tmp_path / "k.npz")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    expected, found = dict(np.load(tmp_path / "k.npz")), run(keras)
    assert found.keys() == expected.keys()
    for name, wanted in expected.items():
        assert found[name].shape == wanted.shape, name
        assert found[name].dtype == wanted.dtype, name
        if wanted.dtype.kind == "f":
            np.testing.assert_allclose(found[name], wanted, 2e-6, 1e-7, err_msg=name)
        else:
            np.testing.assert_array_equal(found[name], wanted, err_msg=name)


def test_gradients_reach_the_range_from_beyond():
    x = torch.tensor([-2.0, -0.2, 0.4, 5.0, 6.0], requires_grad=True)
    low = torch.tensor(-1.0, requires_grad=True)
    high = torch.tensor(1.0, requires_grad=True)
    made = keras.quantizers.fake_quant_with_min_max_vars(x, low, high)
    made.backward(torch.arange(1.0, 6.0))
    assert x.grad.tolist() == [0.0, 2.0, 3.0, 0.0, 0.0]
    assert (low.grad.item(), high.grad.item()) == (1.0, 9.0)


def test_by_names():
    made = keras.quantizers.get("abs_max_quantizer", axis=1)
    assert made.axis == (1,)
    again = keras.quantizers.deserialize(keras.quantizers.serialize(made))
    assert again.get_config() == made.get_config()
    assert keras.quantizers.get(None) is None
    assert issubclass(keras.quantizers.AbsMaxQuantizer, keras.Quantizer)


@pytest.mark.parametrize(
    ("act", "error", "says"),
    [
        (lambda Q: Q.AbsMaxQuantizer(0, (-300, 7)), ValueError, "-128, 127"),
        (lambda Q: Q.pack_int4(np.ones(3, "int8"), dtype="int4"), ValueError, "int4"),
        (lambda Q: Q.pack_int4(np.ones(3, "int32")), TypeError, "int32"),
        (lambda Q: Q.unpack_int4(np.ones(3, "int32"), 6), TypeError, "int32"),
        (lambda Q: Q.get("no_quantizer"), ValueError, "no_quantizer"),
    ],
)
def test_refusals(act, error, says):
    with pytest.raises(error, match=says):
        act(keras.quantizers)
