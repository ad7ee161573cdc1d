"""What only the Keras that wrote a file computed, or left out of its config."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from keras2torch.conversion import convert_file
from keras2torch.errors import UnusableFile
from keras2torch.layers.definitions import from_config
from keras2torch.reading.configs import Context, layer_config
from keras2torch.reading.text import from_yaml
from keras2torch.reading.versions import Version

from .conftest import dense, write_h5

Array = npt.NDArray[Any]
Config = dict[str, Any]
rng = np.random.default_rng(3)


def normal(*shape: int) -> Array:
    """Return random float32 numbers."""
    return rng.normal(size=shape).astype(np.float32)


def computed(path: Path, *inputs: Array) -> Array:
    """Return the first output of a file's module, in Keras' order."""
    made = convert_file(path, verify="never")
    given = [
        torch.from_numpy(np.ascontiguousarray(a.transpose(t.layout.axes)))
        for a, (_, t) in zip(inputs, made.program.inputs, strict=True)
    ]
    with torch.no_grad():
        result = made.module(*given)
    array: Array = result.numpy()
    return array.transpose(np.argsort(made.program.outputs[0].layout.axes))


def stack(*layers: Config) -> Config:
    """Return a Sequential as Keras 1 and early Keras 2 wrote it."""
    return {"class_name": "Sequential", "config": list(layers)}


def layer(kind: str, name: str, **config: Any) -> Config:
    """Return a serialized layer."""
    return {"class_name": kind, "config": {"name": name} | config}


def test_keras_by_itself_and_tf_keras() -> None:
    """Keras and tf.keras were two programs before 2.4."""
    alone = {"1.2.2": True, "2.3.1": True, "2.2.4-tf": False, "2.4.0": False}
    for text, expected in alone.items():
        assert Version.of(text, {}).multi_backend is expected
    assert not Version.of(None, {}).multi_backend


@pytest.mark.parametrize("version", ["2.2.4", "2.3.1", "2.1.6-tf"])
def test_bilinear_of_tensorflow_1(tmp_path: Path, version: str) -> None:
    """Pixel i of the larger image was read at i / factor, not at its centre."""
    up = layer(
        "UpSampling2D",
        "up",
        size=[2, 3],
        interpolation="bilinear",
        batch_input_shape=[None, 3, 4, 2],
    )
    path = write_h5(tmp_path / "m.h5", stack(up), {"up": {}}, version)
    x = normal(2, 3, 4, 2)
    expected = x
    for axis, factor in ((1, 2), (2, 3)):
        at = np.arange(expected.shape[axis] * factor) / factor
        low = at.astype(int)
        high = np.minimum(low + 1, expected.shape[axis] - 1)
        part = (at - low).reshape([-1 if a == axis else 1 for a in range(4)])
        a, b = expected.take(low, axis), expected.take(high, axis)
        expected = (a * (1 - part) + b * part).astype(np.float32)
    np.testing.assert_allclose(computed(path, x), expected, atol=1e-5)


def simple_rnn(x: Array, on: Array, weights: Sequence[Array]) -> Array:
    """Return the steps of a SimpleRNN; a masked one repeats the step before."""
    kernel, recurrent, bias = weights
    h, steps = np.zeros((len(x), recurrent.shape[0]), np.float32), []
    for t in range(x.shape[1]):
        new = np.tanh(x[:, t] @ kernel + h @ recurrent + bias)
        h = np.where(on[:, t, None], new, h)
        steps.append(h)
    return np.stack(steps, axis=1)


@pytest.mark.parametrize("version", ["2.3.1", "2.2.4-tf"])
def test_masked_steps_of_a_bidirectional(tmp_path: Path, version: str) -> None:
    """Keras by itself repeated them, tf.keras makes them zero."""
    inner = layer("SimpleRNN", "rnn", units=3, return_sequences=True)
    model = stack(
        layer("Masking", "mask", mask_value=0.0, batch_input_shape=[None, 5, 2]),
        layer("Bidirectional", "both", layer=inner, merge_mode="concat"),
    )
    ways = [[normal(2, 3), normal(3, 3), normal(3)] for _ in range(2)]
    names = ("kernel:0", "recurrent_kernel:0", "bias:0")
    arrays = {
        f"{way}/{name}": array
        for way, arrays in zip(("forward", "backward"), ways, strict=True)
        for name, array in zip(names, arrays, strict=True)
    }
    weights: dict[str, dict[str, Array]] = {"mask": {}, "both": arrays}
    path = write_h5(tmp_path / "m.h5", model, weights, version)
    x = normal(3, 5, 2)
    x[0, 3:], x[1, :2], x[2, 2] = 0, 0, 0
    on = (x != 0).any(axis=-1)
    there = simple_rnn(x, on, ways[0])
    back = simple_rnn(x[:, ::-1], on[:, ::-1], ways[1])[:, ::-1]
    expected = np.concatenate([there, back], axis=-1)
    if version.endswith("tf"):
        expected = expected * on[..., None]
    np.testing.assert_allclose(computed(path, x), expected, atol=1e-5)


def test_layers_of_keras1_without_an_order_of_axes(tmp_path: Path) -> None:
    """ZeroPadding2D wrote none: it is that of the layers which did."""
    pad = layer(
        "ZeroPadding2D", "pad", padding=[1, 2], batch_input_shape=[None, 2, 4, 3]
    )
    pool = layer(
        "MaxPooling2D",
        "pool",
        pool_size=[2, 2],
        strides=[2, 2],
        border_mode="valid",
        dim_ordering="th",
    )
    weights: dict[str, dict[str, Array]] = {"pad": {}, "pool": {}}
    path = write_h5(tmp_path / "m.h5", stack(pad, pool), weights, "1.2.2")
    x = normal(2, 2, 4, 3)
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (2, 2)))[..., :6]
    expected = padded.reshape(2, 2, 3, 2, 3, 2).max(axis=(3, 5))
    np.testing.assert_allclose(computed(path, x), expected, atol=1e-6)


def test_stacks_of_keras1_inside_a_stack(tmp_path: Path) -> None:
    """Their config is a list without a name, their weights are in one group."""
    first = dense("a", 3, batch_input_shape=[None, 4])
    inner = stack(first, dense("b", 2))
    w = {n: normal(*s) for n, s in {"a": (4, 3), "b": (3, 2), "c": (2, 5)}.items()}
    zeros = {n: normal(v.shape[1]) for n, v in w.items()}
    groups = {
        "sequential_7": {
            f"{n}_{kind}": array
            for n in "ab"
            for kind, array in (("W", w[n]), ("b", zeros[n]))
        },
        "c": {"c_W": w["c"], "c_b": zeros["c"]},
    }
    path = write_h5(tmp_path / "m.h5", stack(inner, dense("c", 5)), groups, "1.2.2")
    x = expected = normal(2, 4)
    for n in "abc":
        expected = expected @ w[n] + zeros[n]
    np.testing.assert_allclose(computed(path, x), expected, atol=1e-5)


def test_merges_of_keras1_inside_a_branch(tmp_path: Path) -> None:
    """A branch that begins with a Merge has several inputs."""

    def branch(name: str) -> Config:
        return stack(dense(name, 3, batch_input_shape=[None, 2]))

    both = layer("Merge", "m1", mode="sum", layers=[branch("a"), branch("b")])
    both = stack(both, dense("c", 3))
    outer = layer("Merge", "m2", mode="mul", layers=[both, branch("d")])
    model = stack(outer, dense("e", 2))
    w = {n: normal(2 if n in "abd" else 3, 2 if n == "e" else 3) for n in "abcde"}
    b = {n: normal(v.shape[1]) for n, v in w.items()}
    groups = {n: {f"{n}_W": w[n], f"{n}_b": b[n]} for n in "abcde"}
    path = write_h5(tmp_path / "m.h5", model, groups, "1.2.2")
    xs = [normal(4, 2) for _ in range(3)]
    ab = sum(x @ w[n] + b[n] for x, n in zip(xs, "ab", strict=False))
    left = ab @ w["c"] + b["c"]
    expected = (left * (xs[2] @ w["d"] + b["d"])) @ w["e"] + b["e"]
    np.testing.assert_allclose(computed(path, *xs), expected, atol=1e-4)


def test_cos_merge_of_keras1(tmp_path: Path) -> None:
    """It put an axis of length 1 behind the batch's."""
    branches = [
        stack(layer("Activation", n, activation="linear", batch_input_shape=[None, 3]))
        for n in "ab"
    ]
    merge = layer("Merge", "m", mode="cos", dot_axes=1, layers=branches)
    weights: dict[str, dict[str, Array]] = {"a": {}, "b": {}, "m": {}}
    path = write_h5(tmp_path / "m.h5", stack(merge), weights, "1.2.2")
    a, b = normal(4, 3), normal(4, 3)
    cosine = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    np.testing.assert_allclose(computed(path, a, b), cosine[:, None, None], atol=1e-6)


def test_prelu_of_keras1_forgot_its_shared_axes(tmp_path: Path) -> None:
    """They show in the shape of the slopes."""
    prelu = layer("PReLU", "p", init="zero", batch_input_shape=[None, 3, 4, 2])
    alpha = normal(1, 1, 2)
    path = write_h5(
        tmp_path / "m.h5", stack(prelu), {"p": {"p_alphas:0": alpha}}, "1.2.2"
    )
    x = normal(2, 3, 4, 2)
    expected = np.where(x > 0, x, alpha * x)
    np.testing.assert_allclose(computed(path, x), expected, atol=1e-6)


NUMPY = """
size: !!python/object/apply:numpy.core.multiarray.scalar
- &id001 !!python/object/apply:numpy.dtype
  args: [i8, 0, 1]
  state: !!python/tuple [3, <, null, null, null, -1, -1, 0]
- !!binary |
  BwAAAAAAAAA=
limit: !!python/object/apply:numpy.core.multiarray._reconstruct
  args:
  - !!python/name:numpy.ndarray ''
  - !!python/tuple [0]
  - !!binary |
    Yg==
  state: !!python/tuple
  - 1
  - !!python/tuple []
  - !!python/object/apply:numpy.dtype
    args: [f4, 0, 1]
    state: !!python/tuple [3, <, null, null, null, -1, -1, 0]
  - false
  - !!binary |
    AACAPw==
axis: !!python/object/apply:MODULE.ListWrapper
- - 3
""".replace("MODULE", "tensorflow.python.training.tracking.data_structures")


def test_numbers_and_lists_in_yaml() -> None:
    """Keras wrote numpy's numbers and TensorFlow's lists as Python objects."""
    assert from_yaml(NUMPY, "m.yaml") == {"size": 7, "limit": 1.0, "axis": [3]}
    assert json.dumps(from_yaml(NUMPY, "m.yaml"))


@pytest.mark.parametrize(
    "text",
    [
        "a: !!python/object/apply:os.system [echo]",
        "a: !!python/name:os.system ''",
        "a: !!python/object/apply:numpy.core.multiarray.scalar [1, 2]",
        "a: !!python/object/apply:numpy.core.multiarray.scalar [1]",
        "a: !!python/object/apply:numpy.core.multiarray._reconstruct [1]",
    ],
)
def test_other_objects_in_yaml_are_refused(text: str) -> None:
    """Nothing that a tag names is called."""
    with pytest.raises(UnusableFile):
        from_yaml(text, "m.yaml")


@pytest.mark.parametrize(("version", "lost"), [("3.3.3", True), ("3.4.1", False)])
def test_early_keras3_lost_the_masks_of_a_list(version: str, lost: bool) -> None:
    """No mask comes out of a merge there: ``Layer.__call__`` asked the list for one."""
    for kind in ("Add", "Concatenate"):
        context = Context(Version.of(version, {}))
        spec = (
            layer(kind, "merge", axis=1) if kind == "Concatenate" else layer(kind, "m")
        )
        _, config = layer_config(spec, "merge", context)
        assert from_config(kind, config).makes_mask([True, True]) is not lost


@pytest.mark.parametrize(
    ("kind", "flag", "last", "first"),
    [
        ("RandomContrast", "keras2", "3.5.0", "3.6.0"),
        ("RandomCrop", "keras2", "3.5.0", "3.6.0"),
        ("RandomCrop", "cuts", "3.7.0", "3.8.0"),
        ("RandomFlip", "keras2", "3.5.0", "3.6.0"),
        ("MultiHeadAttention", "keeps_masks", "3.7.0", "3.8.0"),
        ("MultiHeadAttention", "fills_empty", "3.9.0", "3.10.0"),
        ("GroupQueryAttention", "fills_empty", "3.9.0", "3.10.0"),
        ("Softmax", "keras2", "3.9.0", "3.10.0"),
    ],
)
def test_what_keras3_changed_is_as_the_files_keras_had_it(
    kind: str, flag: str, last: str, first: str
) -> None:
    """By the sources of these releases."""
    for version, old in ((last, True), (first, False), ("3.15.1", False)):
        context = Context(Version.of(version, {}))
        _, config = layer_config(layer(kind, "layer"), "layer", context)
        assert config.get(flag, False) is old
