"""Files that others made: ``load_model`` computes what ``convert`` writes."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from keras2torch import models
from keras2torch.errors import Keras2TorchError
from keras2torch.program import write
from keras2torch.reading import read

SHARED = Path(__file__).resolve().parents[3] / "shared" / "models"
FILES = [
    path
    for tier in ("real", "suite", "recorded")
    for path in sorted((SHARED / tier).rglob("*"))
    if path.suffix in (".h5", ".hdf5", ".keras")
    and not path.stem.endswith("_io")
    and path.stat().st_size < 40_000_000
]
# A user's own regularizer, which has to be handed over here as in Keras; what convert
# does not need it for.
OWN = ("EEGConvNet",)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not FILES, reason=f"no files in {SHARED}"),
]


def given(program, rng):
    found = []
    for _, tensor in program.inputs:
        shape = [
            {0: 3}.get(i, 24) if n is None else n for i, n in enumerate(tensor.shape)
        ]
        if tensor.dtype.startswith("float"):
            found.append(rng.uniform(0, 2, shape).astype("float32"))
        else:
            found.append(rng.integers(0, 2, shape).astype(tensor.dtype))
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_load_model_computes_what_convert_writes(path):
    try:
        program = write(read(path), layout="keras")
        reference = program.module()
    except Keras2TorchError:
        with pytest.raises((ValueError, Keras2TorchError)):
            models.load_model(path, compile=False)
        return
    if path.stem == "tfkeras_cnn3d_22":
        # Keras 3 refuses it too: its Cropping3D leaves nothing.
        with pytest.raises(ValueError, match="leaves nothing"):
            models.load_model(path)
        return
    if any(name in path.stem for name in OWN):
        with pytest.raises(ValueError, match="register your own"):
            models.load_model(path)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = models.load_model(path)
    x = given(program, np.random.default_rng(0))
    with torch.no_grad():
        expected = reference(*map(torch.from_numpy, x))
    if not isinstance(expected, tuple):
        expected = (expected,)
    made = model(x[0] if len(x) == 1 else x, training=False)
    from keras2torch import tree

    for found, wanted in zip(tree.flatten(made), expected, strict=True):
        a, b = found.detach().numpy(), wanted.numpy()
        assert a.shape == b.shape
        scale = max(1.0, float(np.abs(b[np.isfinite(b)]).max(initial=0)))
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=2e-6 * scale)
