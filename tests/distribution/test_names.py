"""``keras.distribution`` in a process that is alone, and cutting batches by rows."""

import numpy as np
import pytest
import torch

import keras2torch as keras
from keras2torch.distribution.parts import bounds_of

distribution = keras.distribution


def test_a_process_that_is_alone_has_one_device():
    kind = "gpu" if torch.cuda.is_available() else "cpu"
    assert distribution.list_devices()[0] == f"{kind}:0"
    assert distribution.list_devices("cpu") == ["cpu:0"]
    assert distribution.get_device_count("cpu") == 1
    assert distribution.get_device_count("tpu") == 0


def test_a_strategy_holds_within_its_scope():
    assert distribution.distribution() is None
    strategy = distribution.DataParallel(devices=["cpu:0", "cpu:1"])
    with strategy.scope():
        assert distribution.distribution() is strategy
    assert distribution.distribution() is None
    assert strategy.num_model_replicas == 2
    assert strategy.batch_dim_name == "batch"
    assert strategy.get_data_layout((8, 3)).axes == ("batch", None)
    assert strategy.get_variable_layout(np.zeros((2, 3))).axes == (None, None)


def test_layouts_by_pattern():
    mesh = distribution.DeviceMesh(
        (2, 2), ["batch", "model"], [f"cpu:{n}" for n in range(4)]
    )
    layouts = distribution.LayoutMap(mesh)
    layouts[".*kernel"] = (None, "model")
    layouts[".*bias"] = distribution.TensorLayout(("model",))
    assert layouts["dense/kernel"].axes == (None, "model")
    assert layouts["dense/bias"].device_mesh is mesh
    assert layouts["dense/gamma"] is None
    assert len(layouts) == 2
    with pytest.raises(ValueError, match="already exist"):
        layouts[".*bias"] = ("model",)
    with pytest.raises(ValueError, match="Invalid axis names"):
        layouts["other"] = ("rows",)
    layouts["dense/.*"] = (None,)
    with pytest.raises(ValueError, match="multiple layout"):
        layouts["dense/kernel"]
    with pytest.warns(UserWarning, match="FSDP2"):
        parallel = distribution.ModelParallel(layout_map=layouts)
    assert parallel.num_model_replicas == 2
    assert parallel.get_tensor_layout("x/kernel").axes == (None, "model")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (((), ()), "cannot be empty"),
        (((2,), ["a", "b"]), "same size"),
        (((3,), ["a"], ["cpu:0"]), "number of devices"),
    ],
)
def test_a_mesh_that_is_none(arguments, told):
    with pytest.raises(ValueError, match=told):
        distribution.DeviceMesh(*arguments)


def test_what_needs_processes_says_so():
    mesh = distribution.DeviceMesh((1,), ["batch"], ["cpu:0"])
    with pytest.raises(ValueError, match="torchrun"):
        distribution.distribute_tensor(
            np.zeros(2), distribution.TensorLayout(["batch"], mesh)
        )
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    with pytest.raises(ValueError, match='"ddp" or "fsdp"'):
        model.compile("sgd", "mse", distribute="horovod")


@pytest.mark.parametrize(("rows", "world"), [(7, 2), (1, 3), (8, 4), (2, 5)])
def test_parts_are_even_and_whole(rows, world):
    bounds = bounds_of(rows, world)
    sizes = np.diff(bounds)
    assert bounds[0] == 0
    assert bounds[-1] == rows
    assert sizes.max() - sizes.min() <= 1
