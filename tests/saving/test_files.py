"""Files by themselves: replaced whole or not at all, refused in one sentence."""

from __future__ import annotations

import json
import sys
import warnings
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parent))

import zoo

import keras2torch as keras
from keras2torch.errors import UnusableFile
from keras2torch.saving import archive, entries

L = keras.layers
X = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")


def dense():
    model = keras.Sequential([L.Input((4,)), L.Dense(3, "relu"), L.Dense(1)])
    model.compile("adam", "mse", metrics=["mae"])
    return model


def same(a, b, x=X):
    a, b = (zoo.flat(m.predict(x, verbose=0)) for m in (a, b))
    return all(np.array_equal(v, w) for v, w in zip(a, b, strict=True))


@pytest.mark.parametrize("name", zoo.ZOO)
@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_what_is_written_is_read(tmp_path, name, ending):
    if name in zoo.NOT_IN_H5 and ending == "h5":
        zoo.trained(keras, name).save(tmp_path / "m.h5")
        with pytest.raises(ValueError, match="expected 0 layers"):
            keras.models.load_model(tmp_path / "m.h5")
        return
    model = zoo.trained(keras, name)
    model.save(tmp_path / f"m.{ending}")
    again = keras.models.load_model(tmp_path / f"m.{ending}")
    expected = zoo.observed(model, name)
    found = zoo.observed(again, name)
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        # Trained on, a sum may be taken in another order: the last bit of it.
        bit = 1e-6 if key.startswith("later") else 0
        np.testing.assert_allclose(found[key], value, bit, bit, err_msg=key)


def test_a_stack_in_two_models_stays_one(tmp_path):
    model = zoo.across(keras)
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    assert again.get_layer("inner") is again.get_layer("held").get_layer("inner")
    assert len(again.weights) == len(model.weights)
    assert same(model, again)


def test_best_model_of_a_training(tmp_path):
    model = dense()
    best = tmp_path / "best.keras"
    checkpoint = keras.callbacks.ModelCheckpoint(
        best, monitor="loss", save_best_only=True
    )
    target = X.sum(axis=1, keepdims=True)
    history = model.fit(X, target, epochs=4, verbose=0, callbacks=[checkpoint])
    again = keras.models.load_model(best)
    loss = again.evaluate(X, target, verbose=0)[0]
    assert loss < history.history["loss"][-1]
    assert int(again.optimizer.iterations) == 4
    weights_only = tmp_path / "{epoch:02d}.weights.h5"
    model.fit(
        X,
        target,
        epochs=2,
        verbose=0,
        callbacks=[
            keras.callbacks.ModelCheckpoint(weights_only, save_weights_only=True)
        ],
    )
    again.load_weights(tmp_path / "02.weights.h5")
    assert same(model, again)


@pytest.mark.parametrize("ending", ["keras", "h5", "weights.h5"])
def test_a_failure_leaves_what_was_there(tmp_path, ending, monkeypatch):
    model = dense()
    path = tmp_path / f"m.{ending}"
    save = model.save_weights if "weights" in ending else model.save
    save(path)
    before = path.read_bytes()

    def broken(value):
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(entries, "array_of", broken)
    monkeypatch.setattr("keras2torch.saving.legacy.array_of", broken)
    with pytest.raises(RuntimeError, match="disk"):
        save(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_overwrite(tmp_path):
    model = dense()
    for name, save in (
        ("m.keras", model.save),
        ("m.h5", model.save),
        ("m.weights.h5", model.save_weights),
    ):
        save(tmp_path / name)
        save(tmp_path / name)
        with pytest.raises(FileExistsError, match="overwrite=True"):
            save(tmp_path / name, overwrite=False)


@pytest.mark.parametrize(
    ("act", "error", "says"),
    [
        (lambda m, p: m.save(p / "m.pt"), ValueError, "extension"),
        (lambda m, p: m.save_weights(p / "m.h5"), ValueError, "weights.h5"),
        (lambda m, p: m.save(p / "m.keras", zipped=False), ValueError, "zipped=False"),
        (lambda m, p: m.save("hf://me/it"), ValueError, "upload_folder"),
        (lambda m, p: m.save(p / "m", save_format="tf"), ValueError, "deprecated"),
        (lambda m, p: m.save_weights(p / "m.h5", True, 1), ValueError, "weights.json"),
        (lambda m, p: m.load_weights(p / "m.h5", objects_to_skip=[]), ValueError, "on"),
        (lambda m, p: m.save(p / "m.keras", nope=1), ValueError, "nope"),
        (lambda m, p: m.load_weights(p / "none.h5"), ValueError, "not found"),
        (lambda m, p: keras.models.load_model(p / "no.keras"), UnusableFile, "exist"),
        (lambda m, p: m.load_weights(p, by=1), ValueError, "by"),
    ],
)
def test_refusals(tmp_path, act, error, says):
    with pytest.raises(error, match=says):
        act(dense(), tmp_path)


def test_weights_need_a_built_model(tmp_path):
    model = keras.Sequential([L.Dense(2)])
    with pytest.raises(ValueError, match="not yet been built"):
        model.save_weights(tmp_path / "m.weights.h5")
    with pytest.raises(ValueError, match="not yet been built"):
        model.load_weights(tmp_path / "m.weights.h5")


def test_an_unbuilt_model_keeps_its_layers(tmp_path):
    model = keras.Sequential([L.Dense(2), L.Dense(1)])
    with pytest.warns(UserWarning, match="not yet been built"):
        model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    assert [la.name for la in again.layers] == [la.name for la in model.layers]
    assert not again.built


@pytest.mark.parametrize("ending", ["weights.h5", "h5"])
def test_weights_that_do_not_fit(tmp_path, ending):
    wide = keras.Sequential([L.Input((4,)), L.Dense(5), L.Dense(1, name="end")])
    path = tmp_path / f"m.{ending}"
    (wide.save_weights if "weights" in ending else wide.save)(path)
    narrow = keras.Sequential([L.Input((4,)), L.Dense(3), L.Dense(1, name="end")])
    before = narrow.get_weights()
    with pytest.raises(ValueError, match="shape"):
        narrow.load_weights(path)
    with pytest.warns(UserWarning, match="shape"):
        narrow.load_weights(path, skip_mismatch=True)
    np.testing.assert_array_equal(narrow.get_weights()[0], before[0])


def test_by_name(tmp_path):
    first = keras.Sequential(
        [L.Input((4,)), L.Dense(3, name="a"), L.Dense(2, name="b")]
    )
    first.save(tmp_path / "m.h5")
    other = keras.Sequential(
        [L.Input((3,)), L.Dense(2, name="b"), L.Dense(4, name="c")]
    )
    other.load_weights(tmp_path / "m.h5", by_name=True)
    np.testing.assert_array_equal(
        other.get_layer("b").get_weights()[0], first.get_layer("b").get_weights()[0]
    )
    first.save_weights(tmp_path / "m.weights.h5")
    with pytest.raises(ValueError, match="by_name"):
        other.load_weights(tmp_path / "m.weights.h5", by_name=True)


def test_whether_to_overwrite_is_asked_at_a_terminal(tmp_path, monkeypatch, capsys):
    first, second = dense(), dense()
    first.save(tmp_path / "m.keras")
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    answers = iter(["what?", "n", "y"])
    monkeypatch.setattr("builtins.input", lambda asked: next(answers))
    second.save(tmp_path / "m.keras", overwrite=False)
    assert same(keras.models.load_model(tmp_path / "m.keras"), first)
    second.save(tmp_path / "m.keras", overwrite=False)
    assert same(keras.models.load_model(tmp_path / "m.keras"), second)


def test_a_folder_is_an_archive(tmp_path):
    model = dense()
    model.fit(X, X[:, :1], verbose=0)
    model.save(tmp_path / "m", zipped=False)
    again = keras.models.load_model(tmp_path / "m")
    assert same(model, again)
    assert int(again.optimizer.iterations) == 1
    assert sorted(p.name for p in (tmp_path / "m").iterdir()) == [
        "config.json",
        "metadata.json",
        "model.weights.h5",
    ]


def test_shards_are_as_large_as_asked(tmp_path):
    model = dense()  # 15 and 4 numbers, and twice as many and two of Adam
    model.fit(X, X[:, :1], verbose=0)
    with pytest.raises(ValueError, match="maximum shard size"):
        model.save_weights(tmp_path / "m.weights.json", max_shard_size=40 / 2**30)
    assert list(tmp_path.iterdir()) == []
    model.save_weights(tmp_path / "m.weights.json", max_shard_size=80 / 2**30)
    about = json.loads((tmp_path / "m.weights.json").read_text())
    assert about["metadata"]["total_size"] == 4 * 3 * 19 + 8 + 4
    assert isinstance(about["weight_map"]["/optimizer/vars"], list)
    again = dense()
    with pytest.warns(UserWarning, match="has 2 variables whereas the saved"):
        again.load_weights(tmp_path / "m.weights.json")  # as in Keras: not built yet
    again.optimizer.build(again.trainable_variables)
    again.load_weights(tmp_path / "m.weights.json")
    assert same(model, again)
    for found, kept in zip(
        again.optimizer.get_weights(), model.optimizer.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(found, kept)
    with pytest.warns(UserWarning, match="renamed"):
        model.save_weights(tmp_path / "n.weights.h5", max_shard_size=1)
    assert (tmp_path / "n.weights.json").exists()


def test_objects_to_skip(tmp_path):
    model, other = dense(), dense()
    model.save_weights(tmp_path / "m.weights.h5")
    before = other.layers[0].get_weights()
    skipped = [other.layers[0], other.optimizer]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        other.load_weights(tmp_path / "m.weights.h5", objects_to_skip=skipped)
    np.testing.assert_array_equal(other.layers[0].get_weights()[0], before[0])
    for a, b in zip(model.layers[1].weights, other.layers[1].weights, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    keras.saving.save_weights(
        model, tmp_path / "n.weights.h5", objects_to_skip=[model.layers[0]]
    )
    with h5py.File(tmp_path / "n.weights.h5") as file:
        assert list(file["layers"]) == ["dense_1"]


def test_nothing_of_the_optimizer_if_it_is_not_wanted(tmp_path):
    model = dense()
    model.fit(X, X[:, :1], verbose=0)
    model.save(tmp_path / "m.keras", include_optimizer=False)
    again = keras.models.load_model(tmp_path / "m.keras")
    assert again.optimizer is None
    assert not again.compiled
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras", compile=False)
    assert again.optimizer is None
    assert same(model, again)


def test_torch_optimizers_are_not_saved(tmp_path):
    model = dense()
    model.compile(torch.optim.SGD(model.parameters(), 0.1), nn.MSELoss())
    with pytest.warns(UserWarning, match="cannot be saved"):
        model.save(tmp_path / "m.keras")
    assert same(model, keras.models.load_model(tmp_path / "m.keras"))


def test_a_lambda_is_not_run(tmp_path):
    x = keras.Input((4,))
    model = keras.Model(x, L.Lambda(double, name="twice")(x))
    nameless = keras.Model(x, L.Lambda(lambda t: t * 2)(x))
    with pytest.warns(UserWarning, match="hand one over"):
        nameless.save(tmp_path / "l.keras")
    with pytest.raises(ValueError, match="not run"):
        keras.models.load_model(tmp_path / "l.keras")
    given = {nameless.layers[1].name: double}
    assert same(nameless, keras.models.load_model(tmp_path / "l.keras", given))
    model.save(tmp_path / "m.keras")
    with pytest.raises(ValueError, match="Lambda"):
        keras.models.load_model(tmp_path / "m.keras")
    again = keras.models.load_model(
        tmp_path / "m.keras", custom_objects={"double": double}
    )
    np.testing.assert_array_equal(again.predict(X, verbose=0), X * 2)
    rewrite(tmp_path / "m.keras", '"double"', '"AAAA"')
    with pytest.raises(ValueError, match="not run"):
        keras.models.load_model(tmp_path / "m.keras")


def double(x):
    return x * 2


def rewrite(path, old, new):
    with zipfile.ZipFile(path) as given:
        members = {n: given.read(n) for n in given.namelist()}
    members["config.json"] = members["config.json"].replace(old.encode(), new.encode())
    with zipfile.ZipFile(path, "w") as made:
        for name, content in members.items():
            made.writestr(name, content)


class Twice(L.Layer):
    def call(self, inputs):
        return inputs * 2


def test_classes_that_are_not_known(tmp_path):
    x = keras.Input((4,))
    model = keras.Model(x, L.Dense(2)(Twice(name="mine")(x)))
    for ending in ("keras", "h5"):
        path = tmp_path / f"m.{ending}"
        model.save(path)
        with pytest.raises(ValueError, match="Unknown layer 'Twice'"):
            keras.models.load_model(path)
        again = keras.models.load_model(path, custom_objects={"Twice": Twice})
        assert type(again.get_layer("mine")) is Twice
        assert same(model, again)
        with keras.saving.custom_object_scope({"Twice": Twice}):
            assert same(model, keras.models.load_model(path))


@pytest.mark.parametrize("name", [n for n in zoo.ZOO if n not in zoo.NOT_IN_H5])
def test_json_and_clones(name):
    model = zoo.trained(keras, name)
    x, _ = zoo.batch(name)
    for again in (
        keras.models.model_from_json(model.to_json()),
        keras.models.clone_model(model),
        type(model).from_config(model.get_config()),
    ):
        assert again.name == model.name
        assert not any(a is b for a in again.layers for b in model.layers)
        again.set_weights(model.get_weights())
        assert same(model, again, x)


def test_clones_keep_how_they_are_trained():
    model = dense()
    again = keras.models.clone_model(model)
    assert again.compiled
    assert again.optimizer is not model.optimizer
    assert again.get_compile_config()["loss"] == "mse"

    def renamed(layer):
        config = layer.get_config()
        config["name"] += "_copy"
        return type(layer).from_config(config)

    x = keras.Input((4,))
    functional = keras.Model(x, L.Dense(2, name="d")(x) + 1.0)
    made = keras.models.clone_model(functional, clone_function=renamed)
    assert [la.name for la in made.layers][-1] == "d_copy"
    y = keras.Input((4,), name="other")
    made = keras.models.clone_model(functional, input_tensors=y)
    assert made.inputs[0] is y


def test_a_file_says_what_it_is(tmp_path):
    model = dense()
    model.save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as made:
        names = made.namelist()
        about = json.loads(made.read("metadata.json"))
        config = json.loads(made.read("config.json"))
    assert names == ["metadata.json", "config.json", "model.weights.h5"]
    assert about["keras_version"] == archive.KERAS_VERSION
    assert config["compile_config"]["loss"] == "mse"
    assert config["compile_config"]["metrics"] == ["mae"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.save_weights(tmp_path / "m.weights.h5")
    with h5py.File(tmp_path / "m.weights.h5") as file:
        assert file["layers/dense/vars"].attrs["name"] == model.layers[0].name
        assert file["layers/dense_1/vars/0"].shape == (3, 1)


def test_layers_and_objects_by_themselves():
    layer = L.Dense(3, kernel_initializer=keras.initializers.HeNormal(seed=3))
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(layer)
    )
    assert again.get_config() == layer.get_config()
    wrapped = L.Bidirectional(L.GRU(3, return_sequences=True))
    again = L.deserialize(L.serialize(wrapped))
    assert again.get_config() == wrapped.get_config()
