"""Every array lands where Keras had it: compared with `get_weights`, layer by layer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from keras2torch.reading import inspect, read

MODELS = (
    "stack graph images nested nested_partly_frozen nested_frozen nested_deep "
    "nested_frozen_at_birth nested_wrappers steps_partly_thawed "
    "siamese two_outputs dict_inputs nested_dict translator recurrent masked_nested "
    "each_step attention arithmetic without_shape"
).split()


def check(path: Path, weights: Path | None, expected: Path) -> None:
    """Compare every array of a file with what Keras said."""
    found = read(path, weights).graph.initializers
    wanted = np.load(expected)
    by_layer: dict[str, int] = {}
    for key in wanted.files:
        by_layer[key.rpartition("|")[0]] = by_layer.get(key.rpartition("|")[0], 0) + 1
    assert len(found) == len(wanted.files)
    for layer, count in by_layer.items():
        mine = [v for name, v in found.items() if name.startswith(f"{layer}/")]
        assert len(mine) == count, layer
        for i, value in enumerate(mine):
            assert value.const_value is not None
            array = value.const_value.numpy()
            np.testing.assert_array_equal(array, wanted[f"{layer}|{i}"], value.name)
            assert array.dtype == np.float32


@pytest.mark.needs_keras
@pytest.mark.parametrize("flavour", ["keras", "tf_keras"])
@pytest.mark.parametrize("name", MODELS)
def test_arrays_are_those_of_keras(
    keras_files: Callable[[str], Path], flavour: str, name: str
) -> None:
    """The whole-model formats, and the architecture with its weights beside it."""
    folder = keras_files(flavour)
    for ending in (".h5", ".keras"):
        check(folder / f"{name}{ending}", None, folder / f"{name}.npz")
    architecture, weights = folder / f"{name}.json", folder / f"{name}.weights.h5"
    check(architecture, weights, folder / f"{name}.npz")
    # The HDF5 weights of a whole model serve as well.
    check(architecture, folder / f"{name}.h5", folder / f"{name}.npz")


@pytest.mark.needs_keras
@pytest.mark.parametrize("layout", ["2.12", "2.14"])
@pytest.mark.parametrize("name", ["stack", "nested_deep", "recurrent", "attention"])
def test_key_layouts_of_early_keras_archives(
    keras_files: Callable[[str], Path], layout: str, name: str
) -> None:
    """``_layer_checkpoint_dependencies``; 2.12 counts layers with weights twice."""
    folder = keras_files("tf_keras")
    check(folder / f"{name}.{layout}.keras", None, folder / f"{name}.npz")


@pytest.mark.needs_keras
def test_large_files_are_read_when_asked(keras_files: Callable[[str], Path]) -> None:
    """After reading, the file is closed: Keras may write it again."""
    path = keras_files("keras") / "stack.keras"
    model = read(path)
    value = next(iter(model.graph.initializers.values()))
    assert value.const_value is not None
    with path.open("r+b"):
        np.testing.assert_array_equal(
            value.const_value.numpy(), value.const_value.numpy()
        )


@pytest.mark.needs_keras
@pytest.mark.parametrize("flavour", ["keras", "tf_keras"])
def test_inspection(keras_files: Callable[[str], Path], flavour: str) -> None:
    """What is in the file, without converting it."""
    found = inspect(keras_files(flavour) / "nested.h5")
    assert (found.format, found.kind, found.problems) == ("hdf5", "Functional", [])
    by_path = {layer.path: layer for layer in found.layers}
    assert by_path["base/d1"].weights == {"kernel": (6, 5), "bias": (5,)}
    assert by_path["base/d1"].config == {"units": 5}
    assert found.compile_config["loss"] == "mse"
    assert found.parameters == 6 * 5 + 5 + 5 * 5 + 5 + 2 * 4 * 5 + 5 * 2 + 2
    assert list(found.inputs.values()) == [(None, 6)]
    assert found.to_dict()["parameters"] == found.parameters
