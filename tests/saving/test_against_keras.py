"""Each reads what the other wrote: outputs, weights, how it was compiled, and on.

One process of Keras reads the files of all models of :mod:`zoo` that were written
here, trains them an epoch further, and writes its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

import zoo
import zoo_own

import keras2torch as keras
from keras2torch.layers.base import REGISTRY
from keras2torch.models.keras_arguments import BUILT_AT_ONCE

pytestmark = [pytest.mark.needs_keras, pytest.mark.slow]

# Keras 3.15 writes these .h5 and cannot read them: an operation is no layer to it,
# score_mode="dot" becomes its function ``dot``, and bfloat16 comes as two bytes.
HELPLESS = {f"keras_{name}.h5" for name in "attention bilstm half operations".split()}
FORMATS = [
    (name, ending)
    for name in zoo.ZOO
    for ending in ("keras", "h5")
    if not (name in zoo.NOT_IN_H5 and ending == "h5")
]
# Written as a folder and in shards, too.
IN_PARTS = ("cnn", "two_optimizers")
# A model of layers of one's own comes as a class; ids of the same class in both.
SCRIPT = Path(__file__).with_name("keras_side.py")
KINDS = sorted(set(REGISTRY) - {"Functional", "Sequential", "Lambda"})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    here = tmp_path_factory.mktemp("saving")
    zoo.own_class(keras), zoo.own_function(keras), zoo.own_model(keras)
    zoo_own.register(keras)
    for name in zoo.ZOO:
        model = zoo.trained(keras, name)
        for ending in ("keras", "h5", "weights.h5"):
            if not (name in zoo.NOT_IN_H5 and ending == "h5"):
                save = model.save_weights if "weights" in ending else model.save
                save(here / f"torch_{name}.{ending}")
        if name in IN_PARTS:
            model.save(here / f"torch_{name}_folder", zipped=False)
            model.save_weights(here / f"torch_{name}.weights.json", True, 1e-6)
        np.savez(here / f"torch_{name}.npz", **zoo.observed(model, name))
    (here / "layers.json").write_text(json.dumps(KINDS))
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(here)],
        capture_output=True,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return here


def assert_same(found, expected, *, later=1e-5):
    assert set(found) == set(expected)
    for key, wanted in expected.items():
        got = found[key]
        assert got.shape == wanted.shape, key
        if key.startswith("w") or key == "iterations":
            np.testing.assert_array_equal(got, wanted, err_msg=key)
            continue
        tolerance = later if key.startswith("later") else 1e-6
        scale = max(1.0, float(np.abs(wanted).max(initial=0)))
        np.testing.assert_allclose(
            got, wanted, rtol=0, atol=tolerance * scale, err_msg=key
        )


@pytest.mark.parametrize(("name", "ending"), FORMATS)
def test_keras_reads_what_was_written_here(folder, name, ending):
    failures = json.loads((folder / "failures.json").read_text())
    if f"keras_{name}.{ending}" in HELPLESS and name != "bilstm":
        assert f"{name}.{ending}" in failures
        return
    assert f"{name}.{ending}" not in failures, failures[f"{name}.{ending}"]
    expected = dict(np.load(folder / f"torch_{name}.npz"))
    found = dict(np.load(folder / f"read_{name}_{ending}.npz"))
    if ending == "h5":  # without its optimizer: Keras 3.15 cannot train on
        expected = {k: v for k, v in expected.items() if k[0] in "yw"}
    assert_same(found, expected)


@pytest.mark.parametrize("name", zoo.ZOO)
def test_keras_reads_weights_written_here(folder, name):
    failures = json.loads((folder / "failures.json").read_text())
    assert f"{name}.weights.h5" not in failures, failures[f"{name}.weights.h5"]
    expected = dict(np.load(folder / f"torch_{name}.npz"))
    found = dict(np.load(folder / f"read_{name}_weights.npz"))
    assert_same(found, {k: v for k, v in expected.items() if k[0] in "yw"})


@pytest.mark.parametrize("name", IN_PARTS)
def test_folders_and_shards_of_keras_are_read_here(folder, name):
    assert len(list(folder.glob(f"torch_{name}_0*.weights.h5"))) > 1
    expected = dict(np.load(folder / f"torch_{name}.npz"))
    expected = {k: v for k, v in expected.items() if k[0] in "yw"}
    model = keras.models.load_model(folder / f"keras_{name}_folder")
    assert_same(zoo.observed(model, name, further=False), expected)
    model = zoo.ZOO[name][0](keras)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the optimizer is not built
        model.load_weights(folder / f"keras_{name}.weights.json")
    assert_same(zoo.observed(model, name, further=False), expected)


def test_keras_cannot_read_some_of_its_own(folder):
    assert set(json.loads((folder / "helpless.json").read_text())) == HELPLESS


@pytest.mark.parametrize(("name", "ending"), FORMATS)
def test_what_keras_wrote_is_read_here(folder, name, ending):
    model = keras.models.load_model(folder / f"keras_{name}.{ending}")
    expected = dict(np.load(folder / f"keras_{name}.npz"))
    assert_same(zoo.observed(model, name), expected)


@pytest.mark.parametrize("name", zoo.ZOO)
def test_weights_of_keras_are_read_here(folder, name):
    expected = dict(np.load(folder / f"keras_{name}.npz"))
    expected = {k: v for k, v in expected.items() if k[0] in "yw"}
    for ending in ("weights.h5", "keras", "h5"):
        path = folder / f"keras_{name}.{ending}"
        if path.exists():
            model = zoo.ZOO[name][0](keras)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the optimizer is not built
                model.load_weights(path)
            assert_same(zoo.observed(model, name, further=False), expected)


@pytest.mark.parametrize("name", zoo.ZOO)
def test_configs_are_those_of_keras(folder, name):
    """Read what Keras wrote and say it again."""
    if name == "bilstm":
        pytest.skip("Keras writes the masks that it computed as layers")
    said = json.loads((folder / f"keras_{name}.json").read_text())
    model = keras.models.load_model(folder / f"keras_{name}.keras")
    assert cleaned(json.loads(model.to_json())) == cleaned(said)


def test_layers_say_of_themselves_what_keras_says(folder):
    found = json.loads((folder / "layers_of_keras.json").read_text())
    assert len(found) > 80
    for kind, theirs in found.items():
        built = theirs.pop("built")
        assert (kind in BUILT_AT_ONCE) == built, kind
        said = keras.saving.serialize_keras_object(zoo.layer(keras, kind))
        assert nameless(json.loads(json.dumps(said))) == nameless(theirs), kind


def nameless(config):
    """Leave out the names that count."""
    if isinstance(config, list):
        return [nameless(v) for v in config]
    if not isinstance(config, dict):
        return config
    skipped = ("name", "shared_object_id")
    return {k: nameless(v) for k, v in config.items() if k not in skipped}


def cleaned(config):
    """Leave out numbers of objects, and arguments of calls that Keras fills in."""
    if isinstance(config, list):
        return [cleaned(v) for v in config]
    if not isinstance(config, dict):
        return config
    found = {k: cleaned(v) for k, v in config.items() if k != "shared_object_id"}
    if "keras_history" not in found and set(found) == {"args", "kwargs"}:
        kwargs = found["kwargs"]
        found["kwargs"] = {
            k: v for k, v in kwargs.items() if k not in ("mask", "training")
        }
    for key in ("layer", "backward_layer", "cell", "cells"):
        inner = found.get(key)
        if isinstance(inner, (dict, list)):  # Keras has built it by itself
            found[key] = without_builds(inner)
    return found


def without_builds(value):
    if isinstance(value, list):
        return [without_builds(v) for v in value]
    if not isinstance(value, dict):
        return value
    return {k: without_builds(v) for k, v in value.items() if k != "build_config"}


@pytest.mark.parametrize(
    ("name", "ending"),
    # Of its older optimizers Keras 2 keeps nothing in a .keras file.
    [(n, "h5") for n in zoo.older(keras)]
    + [("new_adam", "keras"), ("new_momentum", "keras")],
)
def test_what_an_older_keras_began_is_trained_on(folder, name, ending):
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*begins anew.*")
        warnings.filterwarnings("ignore", message="Argument.*")
        model = keras.models.load_model(folder / f"older_{name}.{ending}")
    x, t = zoo.batch("own_model")
    model.fit(x, t, batch_size=5, shuffle=False, verbose=0)
    later = {f"later{i}": w for i, w in enumerate(model.get_weights())}
    # Its RMSprop had epsilon behind the root.
    tolerance = 1e-4 if name == "rmsprop" else 1e-5
    expected = dict(np.load(folder / f"older_{name}.npz"))
    assert_same(later, expected, later=tolerance)


def test_built_at_once_is_nothing_that_has_weights():
    for kind in BUILT_AT_ONCE:
        definition = getattr(keras.layers, kind).definition_class
        assert definition.weights.__qualname__.startswith("Layer."), kind
