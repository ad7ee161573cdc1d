"""Keras 1 and 2 as they wrote: other names, other arrays, chunked attributes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import pytest

from keras2torch.dialect import from_node
from keras2torch.errors import WeightMismatch
from keras2torch.layers.definitions import Layer
from keras2torch.reading import read

from .conftest import dense, write_h5, write_weights

Array = npt.NDArray[Any]
rng = np.random.default_rng(1)


def normal(*shape: int) -> Array:
    """Return random float32 numbers."""
    return rng.normal(size=shape).astype(np.float32)


def of_layer(path: Path, layer: str) -> dict[str, Array]:
    """Return the arrays of a layer by weight name."""
    found = {}
    for name, value in read(path).graph.initializers.items():
        if name.startswith(f"{layer}/"):
            assert value.const_value is not None
            found[name.removeprefix(f"{layer}/")] = value.const_value.numpy()
    return found


def definitions(path: Path) -> list[Layer]:
    """Return the layers of a model's outer graph."""
    return [from_node(node).layer for node in read(path).graph]


def sequential(*layers: dict[str, Any]) -> dict[str, Any]:
    """Return a bare-list Sequential, as Keras 1 and early Keras 2 wrote it."""
    return {"class_name": "Sequential", "config": list(layers)}


GATES = ("i", "c", "f", "o")


def keras1_lstm(name: str, **config: Any) -> dict[str, Any]:
    """Return an LSTM of Keras 1."""
    return {
        "class_name": "LSTM",
        "config": {
            "name": name,
            "output_dim": 2,
            "input_dim": 3,
            "batch_input_shape": [None, 4, 3],
            "init": "glorot_uniform",
            "inner_init": "orthogonal",
            "forget_bias_init": "one",
            "activation": "tanh",
            "inner_activation": "hard_sigmoid",
            "W_regularizer": {"name": "WeightRegularizer", "l1": 0.0, "l2": 0.5},
            "dropout_W": 0.25,
            "dropout_U": 0.0,
            "consume_less": "cpu",
            "return_sequences": False,
            "go_backwards": False,
            "stateful": False,
            "unroll": False,
        }
        | config,
    }


def test_keras1_lstm_gates(tmp_path: Path) -> None:
    """Twelve arrays in the order i, c, f, o become three in the order i, f, c, o."""
    arrays = {}
    for gate in GATES:
        arrays |= {
            f"l_W_{gate}:0": normal(3, 2),
            f"l_U_{gate}:0": normal(2, 2),
            f"l_b_{gate}:0": normal(2),
        }
    path = write_h5(
        tmp_path / "m.h5", sequential(keras1_lstm("l")), {"l": arrays}, "1.2.2"
    )
    found = of_layer(path, "l")
    for part, name in (("W", "kernel"), ("U", "recurrent_kernel"), ("b", "bias")):
        wanted = [arrays[f"l_{part}_{gate}:0"] for gate in ("i", "f", "c", "o")]
        np.testing.assert_array_equal(found[name], np.concatenate(wanted, axis=-1))
    [layer] = definitions(path)
    assert layer.recurrent_activation == "hard_sigmoid_keras2"  # type: ignore[attr-defined]
    assert layer.dropout == 0.25  # type: ignore[attr-defined]
    assert layer.kernel_regularizer == {  # type: ignore[attr-defined]
        "class_name": "L1L2",
        "config": {"l1": 0.0, "l2": 0.5},
    }


def test_keras1_lstm_for_gpus(tmp_path: Path) -> None:
    """``consume_less="gpu"`` kept the gates together, in today's order."""
    arrays = {"l_W:0": normal(3, 8), "l_U:0": normal(2, 8), "l_b:0": normal(8)}
    model = sequential(keras1_lstm("l", consume_less="gpu"))
    path = write_h5(tmp_path / "m.h5", model, {"l": arrays}, "1.1.0")
    np.testing.assert_array_equal(of_layer(path, "l")["kernel"], arrays["l_W:0"])


def convolution(**config: Any) -> dict[str, Any]:
    """Return a Convolution2D of Keras 1."""
    return {
        "class_name": "Convolution2D",
        "config": {
            "name": "c",
            "nb_filter": 4,
            "nb_row": 3,
            "nb_col": 2,
            "batch_input_shape": [None, 3, 6, 6],
            "border_mode": "valid",
            "subsample": [1, 1],
            "dim_ordering": "th",
            "bias": True,
            "activation": "relu",
        }
        | config,
    }


@pytest.mark.parametrize("theano", [False, True])
def test_keras1_convolution(tmp_path: Path, theano: bool) -> None:
    """``th`` kernels have the filters first; Theano's kernels are flipped as well.

    Keras 1 did not write its backend: TensorFlow's variables are called ``c_W:0``.
    """
    ending = "" if theano else ":0"
    arrays = {f"c_W{ending}": normal(4, 3, 3, 2), f"c_b{ending}": normal(4)}
    path = write_h5(
        tmp_path / "m.h5", sequential(convolution()), {"c": arrays}, "1.2.2"
    )
    kernel = arrays[f"c_W{ending}"].transpose(2, 3, 1, 0)
    wanted = kernel[::-1, ::-1] if theano else kernel
    np.testing.assert_array_equal(of_layer(path, "c")["kernel"], wanted)
    [layer] = definitions(path)
    assert type(layer).__name__ == "Conv2D"
    assert layer.data_format == "channels_first"  # type: ignore[attr-defined]


def test_keras2_theano_kernels(tmp_path: Path) -> None:
    """Keras 2 says ``backend: theano``; Dense kernels are what they are."""
    conv = {"name": "c", "filters": 4, "kernel_size": [3], "padding": "valid"}
    conv["batch_input_shape"] = [None, 8, 5]
    model = sequential({"class_name": "Conv1D", "config": conv}, dense("d", 2))
    weights = {
        "c": {"c/kernel": normal(3, 5, 4), "c/bias": normal(4)},
        "d": {"d/kernel": normal(4, 2), "d/bias": normal(2)},
    }
    path = write_h5(tmp_path / "m.h5", model, weights, "2.1.3", "theano")
    kernel = weights["c"]["c/kernel"]
    np.testing.assert_array_equal(of_layer(path, "c")["kernel"], kernel[::-1])
    np.testing.assert_array_equal(
        of_layer(path, "d")["kernel"], weights["d"]["d/kernel"]
    )


def test_weights_of_cudnn_in_a_plain_layer(tmp_path: Path) -> None:
    """The rule of ``_convert_rnn_weights``: transposed by gate, biases added."""
    lstm = {"name": "l", "units": 2, "batch_input_shape": [None, 4, 3]}
    lstm |= {"activation": "tanh", "recurrent_activation": "sigmoid"}
    kernel, recurrent, bias = normal(3, 8), normal(2, 8), normal(16)
    path = write_h5(
        tmp_path / "m.h5",
        sequential({"class_name": "LSTM", "config": lstm}),
        {"l": {"k:0": kernel, "r:0": recurrent, "b:0": bias}},
        "2.2.4",
    )
    found = of_layer(path, "l")
    for gate in range(4):
        part = slice(2 * gate, 2 * gate + 2)
        # cuDNN reads each gate's memory as a (units, inputs) matrix.
        wanted = kernel[:, part].T.reshape(3, 2, order="F")
        np.testing.assert_array_equal(found["kernel"][:, part], wanted)
        np.testing.assert_array_equal(
            found["recurrent_kernel"][:, part], recurrent[:, part].T
        )
    np.testing.assert_allclose(found["bias"], bias[:8] + bias[8:], rtol=1e-6)


def test_branches_that_merge(tmp_path: Path) -> None:
    """A Sequential of Keras 1 that begins with two stacks."""

    def branch(name: str) -> dict[str, Any]:
        layer = {"name": name, "output_dim": 2, "batch_input_shape": [None, 3]}
        return sequential({"class_name": "Dense", "config": layer})

    merge = {"name": "m", "mode": "concat", "concat_axis": -1, "dot_axes": -1}
    merge["layers"] = [branch("a"), branch("b")]
    last = {"class_name": "Dense", "config": {"name": "end", "output_dim": 1}}
    model = sequential({"class_name": "Merge", "config": merge}, last)
    # The stacks are taken apart in the file: "flattened_layers".
    weights = {
        name: {f"{name}_W:0": normal(size, out), f"{name}_b:0": normal(out)}
        for name, size, out in (("a", 3, 2), ("b", 3, 2), ("end", 4, 1))
    }
    path = write_h5(tmp_path / "m.h5", model, weights, "1.2.2")
    graph = read(path).graph
    assert [tuple(v.shape or ()) for v in graph.inputs] == [(None, 3)] * 2
    kinds = [type(layer).__name__ for layer in definitions(path)]
    assert kinds == ["Sequential", "Sequential", "Concatenate", "Dense"]
    for name in ("a", "b"):
        found = of_layer(path, f"branch_{1 if name == 'a' else 2}/{name}")
        np.testing.assert_array_equal(found["kernel"], weights[name][f"{name}_W:0"])


def test_names_in_chunks(tmp_path: Path) -> None:
    """HDF5 holds no attribute above 64 kB: Keras writes layer_names0, layer_names1."""
    names = [f"{i:03d}_{'x' * 60}" for i in range(6)]
    layers = [dense(name, 3, use_bias=False) for name in names]
    layers[0]["config"]["batch_input_shape"] = [None, 3]
    weights = {name: {f"{name}/kernel:0": normal(3, 3)} for name in names}
    path = write_h5(tmp_path / "m.h5", sequential(*layers), weights)
    with h5py.File(path, "r+") as file:
        group = file["model_weights"]
        whole = list(group.attrs["layer_names"])
        del group.attrs["layer_names"]
        for i in range(3):
            group.attrs[f"layer_names{i}"] = whole[2 * i : 2 * i + 2]
        here = group[names[0]]
        del here.attrs["weight_names"]
        here.attrs["weight_names0"] = [f"{names[0]}/kernel:0".encode()]
    for name in names:
        np.testing.assert_array_equal(
            of_layer(path, name)["kernel"], weights[name][f"{name}/kernel:0"]
        )


def test_weights_by_order_where_names_differ(tmp_path: Path) -> None:
    """`load_weights` goes by the order of the layers that have weights."""
    first = dense("one", 2, batch_input_shape=[None, 3])
    activation = {
        "class_name": "Activation",
        "config": {"name": "act", "activation": "linear"},
    }
    path = tmp_path / "m.json"
    path.write_text(json.dumps(sequential(first, activation, dense("two", 1))))
    a, b = normal(3, 2), normal(2, 1)
    other = tmp_path / "w.h5"
    with h5py.File(other, "w") as file:
        group = {
            "x": {"x/kernel:0": a, "x/bias:0": normal(2)},
            "empty": {},
            "y": {"y/kernel:0": b, "y/bias:0": normal(1)},
        }
        write_weights(file, group)
    found = read(path, other).graph.initializers
    assert found["one/kernel"].const_value is not None
    np.testing.assert_array_equal(found["one/kernel"].const_value.numpy(), a)
    with h5py.File(other, "w") as file:
        write_weights(file, {"x": {"x/kernel:0": a, "x/bias:0": normal(2)}})
    with pytest.raises(WeightMismatch, match="2 layers with weights, the file 1"):
        read(path, other)


def test_shapes_are_checked(small: Path) -> None:
    """The message names layer, weight and both shapes."""
    with h5py.File(small, "r+") as file:
        del file["model_weights/d/d/kernel:0"]
        file["model_weights/d/d/kernel:0"] = normal(2, 3)
    with pytest.raises(
        WeightMismatch, match=r"'kernel' of layer 'd'.*\(3, 2\).*\(2, 3"
    ):
        read(small)


def test_hard_sigmoid_and_old_defaults(tmp_path: Path) -> None:
    """The same name is another function, and an absent argument another default."""
    gru = {"name": "g", "units": 2, "batch_input_shape": [None, 4, 3]}
    gru |= {"recurrent_activation": "hard_sigmoid", "activation": "swish"}
    arrays = {"k:0": normal(3, 6), "r:0": normal(2, 6), "b:0": normal(6)}
    model = sequential({"class_name": "GRU", "config": gru})
    path = write_h5(tmp_path / "m.h5", model, {"g": arrays}, "2.2.4")
    [layer] = definitions(path)
    assert layer.recurrent_activation == "hard_sigmoid_keras2"  # type: ignore[attr-defined]
    assert layer.activation == "silu"  # type: ignore[attr-defined]
    assert layer.reset_after is False  # type: ignore[attr-defined]


def test_odd_arrays(tmp_path: Path) -> None:
    """Half precision becomes single; no numbers and no units are allowed."""
    layers = [dense("a", 0, batch_input_shape=[None, 3]), dense("b", 2)]
    weights = {
        "a": {"a/kernel:0": normal(3, 0), "a/bias:0": normal(0)},
        "b": {
            "b/kernel:0": normal(0, 2).astype("f2"),
            "b/bias:0": np.array([np.nan, np.inf], "f2"),
        },
    }
    path = write_h5(tmp_path / "m.h5", sequential(*layers), weights)
    assert of_layer(path, "a")["kernel"].shape == (3, 0)
    bias = of_layer(path, "b")["bias"]
    assert bias.dtype == np.float32
    assert not np.isfinite(bias).any()
