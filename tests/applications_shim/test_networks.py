"""Networks of ``keras.applications``: Keras' own weights in, Keras' own answers out."""

from __future__ import annotations

import gc
import inspect
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import keras2torch as keras
from keras2torch import applications
from keras2torch.applications import imagenet_utils, pretrained
from tests.applications.cases import SIZES
from tests.applications_shim import scripts
from tests.applications_shim.asking import ask, images, job
from tests.applications_shim.digest import described

pytestmark = pytest.mark.needs_keras

QUICK = [
    job("MobileNetV3Small", (64, 48)),
    job(
        "MobileNet",
        (64, 48),
        "avg",
        include_top=False,
        pooling="avg",
        alpha=0.25,
        also=["h5"],
    ),
    job(
        "MobileNetV2",
        (57, 39),
        "odd",
        classes=7,
        classifier_activation=None,
        alpha=0.35,
        also=["h5", "keras"],
    ),
    job(
        "EfficientNetB0",
        (65, 37),
        "open",
        include_top=False,
        given_shape=(None, None, 3),
    ),
]
BASE = job("MobileNetV2", scripts.SIZE[:2], include_top=False, alpha=0.35)
SMALLEST = [job(name, SIZES[name]) for name in list(SIZES)[:20]]
MORE = [
    job("ResNet50", (97, 61), "odd", classes=10),
    job("ResNet50V2", (64, 48), "max", include_top=False, pooling="max"),
    job("VGG16", (65, 33), "max", include_top=False, pooling="max"),
    job("InceptionV3", (101, 83), "odd", classes=10),
    job("InceptionResNetV2", (75, 88)),
    job("ConvNeXtTiny", (61, 45), "odd", classes=10),
    job("ConvNeXtTiny", (64, 48), "avg", include_top=False, pooling="avg"),
    job("NASNetMobile", (67, 51), "odd", classes=10),
    job("DenseNet121", (71, 53), "logits", classifier_activation=None),
    job("Xception", (81, 73), "odd", classes=10),
    job("EfficientNetV2B0", (64, 48), "plain", include_preprocessing=False),
    job("EfficientNetV2S", (67, 51), "odd", classes=10),
    job("MobileNetV3Large", (64, 48), "minimalistic", minimalistic=True, alpha=0.75),
    job("MobileNetV3Large", (61, 45), "odd", classes=10, include_preprocessing=False),
    job("MobileNet", (67, 51), "odd", depth_multiplier=2, alpha=0.5),
]
# Keras casts the factor of a rescaling, and the root of 2 of its gelu, to float32.
FLOAT32_CONSTANTS = ("Efficient", "MobileNetV3", "ConvNeXt")

WRONG: dict[str, dict[str, Any]] = {
    "no such file": {"weights": "nowhere.h5"},
    "classes of ImageNet": {"weights": "imagenet", "classes": 7},
    "shape of ImageNet": {"weights": "imagenet", "input_shape": (64, 64, 3)},
    "channels of ImageNet": {
        "weights": "imagenet",
        "input_shape": (64, 64, 1),
        "include_top": False,
    },
    "activation": {"weights": "imagenet", "classifier_activation": "sigmoid"},
    "too small": {"weights": None, "input_shape": (31, 64, 3)},
    "a batch": {"weights": None, "input_shape": (2, 64, 64, 3)},
    "unknown size": {"weights": None, "input_shape": (None, 64, 3)},
    "no tensor": {"weights": None, "input_tensor": [1.0, 2.0]},
}


@pytest.fixture
def double() -> Iterator[None]:
    """Compute in float64: rounding is then nothing, an error still one."""
    keras.backend.set_floatx("float64")
    yield
    keras.backend.set_floatx("float32")


@pytest.fixture(scope="module")
def pictures() -> dict[str, np.ndarray]:
    """Return images for each mode, format and kind of preprocessing."""
    rng = np.random.default_rng(0)
    found = {}
    for mode in ("caffe", "tf", "torch"):
        for data_format, shape in (
            ("channels_last", (2, 5, 4, 3)),
            ("channels_first", (2, 3, 5, 4)),
        ):
            for rank in (3, 4):
                made = rng.uniform(0, 255, shape[4 - rank :])
                for kind in ("uint8", "float32", "float64", "tensor"):
                    dtype = "float32" if kind == "tensor" else kind
                    found[f"{kind}-{mode}-{data_format}-{rank}"] = made.astype(dtype)
    return found


@pytest.fixture(scope="module")
def folder(
    tmp_path_factory: pytest.TempPathFactory, pictures: dict[str, np.ndarray]
) -> Path:
    """Return the folder in which one process of Keras did all that is asked."""
    here = tmp_path_factory.mktemp("applications")
    np.savez(here / "images.npz", **pictures)
    index = {str(n): [f"n{n:08}", f"thing_{n}"] for n in range(1000)}
    (here / "index.json").write_text(json.dumps(index))
    np.save(here / "scores.npy", np.random.default_rng(2).random((3, 1000)))
    saved(here, "MobileNetV3Small", classes=5)
    base = BASE | {"name": "base"}
    refused = [{"builder": "ResNet50", "arguments": a} for a in WRONG.values()]
    ask(here, [*QUICK, base], refused=refused)
    return here


@pytest.fixture(scope="module")
def told(folder: Path) -> dict[str, Any]:
    """Return what Keras told."""
    found: dict[str, Any] = json.loads((folder / "told.json").read_text())
    return found


def saved(folder: Path, builder: str, **arguments: Any) -> Any:
    """Save a network made here, images, and what it computes of them."""
    model = getattr(applications, builder)(
        weights=None, input_shape=(*SIZES[builder], 3), **arguments
    )
    asked = job(builder, SIZES[builder])
    path = folder / f"ours_{builder}.keras"
    np.save(path.with_suffix(".npy"), images(asked).astype("float32"))
    model.save(path)
    return model


def shapes(layer: Any) -> list[list[int]]:
    """Return the shapes of a layer's weights."""
    return [list(w.shape) for w in getattr(layer, "weights", ())]


def made(asked: dict[str, Any], **more: Any) -> Any:
    """Return the network here."""
    keras.utils.clear_session()
    builder = getattr(applications, asked["builder"])
    return builder(**({"weights": None} | asked["arguments"] | more))


def check(asked: dict[str, Any], told: dict[str, Any], folder: Path) -> Any:
    """Assert that it has Keras' layers and weights, and answers as it does."""
    model = made(asked)
    theirs = told["networks"][asked["name"]]
    assert described(model, shapes) == theirs["layers"]
    assert model.name == theirs["model"]
    assert len(model.trainable_weights) == theirs["trained"]
    assert model.count_params() == theirs["parameters"]
    model.load_weights(folder / f"{asked['name']}.weights.h5")
    answers(model, asked["name"], folder)
    return model


def answers(
    model: Any, name: str, folder: Path, tolerance: float | None = None
) -> None:
    """Assert that a network answers as Keras' does."""
    found = model.predict(np.load(folder / f"{name}_images.npy"), verbose=0)
    expected = np.load(folder / f"{name}.npy")
    assert np.std(expected, axis=0).max() > 1e-3 * np.abs(expected).max()
    if tolerance is None:
        tolerance = 1e-5 if name.startswith(FLOAT32_CONSTANTS) else 1e-9
    assert np.abs(found - expected).max() <= tolerance * np.abs(expected).max()


@pytest.mark.parametrize("asked", QUICK, ids=lambda j: j["name"])
def test_quick(
    asked: dict[str, Any], told: dict[str, Any], folder: Path, double: None
) -> None:
    check(asked, told, folder)


@pytest.mark.slow
@pytest.mark.parametrize("asked", [*SMALLEST, *MORE], ids=lambda j: j["name"])
def test_smallest(asked: dict[str, Any], tmp_path: Path, double: None) -> None:
    check(asked, ask(tmp_path, [asked]), tmp_path)
    gc.collect()


def test_weights_of_imagenet_in_the_cache(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = QUICK[1]
    there = tmp_path / "models" / "mobilenet_2_5_224_tf_no_top.h5"
    there.parent.mkdir()
    shutil.copy(folder / f"{asked['name']}.h5", there)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.warns(UserWarning, match="weights for 224 x 224"):
        model = made(asked, weights="imagenet")
    answers(model, asked["name"], folder, 1e-5)


@pytest.mark.parametrize("ending", ["weights.h5", "h5", "keras"])
def test_weights_by_path(ending: str, folder: Path) -> None:
    asked = QUICK[2]
    model = made(asked, weights=str(folder / f"{asked['name']}.{ending}"))
    answers(model, asked["name"], folder, 1e-5)


def test_signatures(told: dict[str, Any]) -> None:
    def plain(function: Any) -> str:
        found = inspect.signature(function)
        bare = [p.replace(annotation=p.empty) for p in found.parameters.values()]
        return str(found.replace(parameters=bare, return_annotation=found.empty))

    for home, names in told["signatures"].items():
        module = getattr(applications, home) if home else applications
        ours = {n: plain(getattr(module, n)) for n in names}
        assert ours == names, home
        beside = set() if home else told["signatures"].keys() - {""}
        assert set(module.__all__) == names.keys() | beside
    builders = [n for n in told["signatures"][""] if n[0].isupper()]
    assert len(builders) == 40
    for name in builders:
        builder = getattr(applications, name)
        assert builder.__name__ == name
        for parameter in inspect.signature(builder).parameters:
            assert f"\n{parameter}\n    " in builder.__doc__


@pytest.mark.parametrize("case", WRONG)
def test_wrong_calls(case: str, told: dict[str, Any], monkeypatch: Any) -> None:
    def cached(name: str, *more: Any) -> str:
        raise AssertionError("the arguments are looked at first")

    monkeypatch.setattr(pretrained, "cached", cached)
    assert told["refused"][list(WRONG).index(case)] == "ValueError"
    with pytest.raises(ValueError, match=r"Received"):
        applications.ResNet50(**WRONG[case])


def test_preprocess_input(folder: Path, pictures: dict[str, np.ndarray]) -> None:
    with np.load(folder / "preprocessed.npz") as expected:
        for key, given in pictures.items():
            kind, mode, data_format, _ = key.split("-")
            x = torch.tensor(given) if kind == "tensor" else given.copy()
            found = imagenet_utils.preprocess_input(x, data_format, mode)
            assert isinstance(found, torch.Tensor if kind == "tensor" else np.ndarray)
            assert str(found.dtype).removeprefix("torch.") == str(expected[key].dtype)
            np.testing.assert_allclose(
                np.asarray(found), expected[key], rtol=1e-6, atol=1e-5, err_msg=key
            )
            if kind.startswith("float"):  # written over, as in Keras
                assert np.shares_memory(x, found)
            if kind == "tensor":
                assert torch.equal(x, torch.tensor(given))
            if kind == "uint8":  # Keras takes no such tensors
                again = imagenet_utils.preprocess_input(
                    torch.tensor(given), data_format, mode
                )
                np.testing.assert_allclose(again, expected[key], rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("mode", ["caffe", "tf", "torch"])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_preprocess_symbolic(
    mode: str, data_format: str, folder: Path, pictures: dict[str, np.ndarray]
) -> None:
    key = f"float32-{mode}-{data_format}-4"
    inputs = keras.Input(shape=pictures[key].shape[1:])
    made = imagenet_utils.preprocess_input(inputs, data_format, mode)
    found = keras.Model(inputs, made).predict(pictures[key], verbose=0)
    with np.load(folder / "preprocessed.npz") as expected:
        np.testing.assert_allclose(found, expected[key], rtol=1e-6, atol=1e-5)


def test_preprocess_wrong() -> None:
    with pytest.raises(ValueError, match="mode"):
        imagenet_utils.preprocess_input(np.zeros((2, 2, 3)), mode="keras")
    with pytest.raises(ValueError, match="data_format"):
        imagenet_utils.preprocess_input(np.zeros((2, 2, 3)), data_format="last")


def test_decode_predictions(
    folder: Path, told: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def cached(*given: Any) -> str:
        asked.append(given)
        return str(folder / "index.json")

    monkeypatch.setattr(imagenet_utils, "cached", cached)
    imagenet_utils._class_index.cache_clear()
    scores = np.load(folder / "scores.npy")
    for given in (scores, torch.tensor(scores)):
        found = applications.vgg16.decode_predictions(given, top=3)
        plain = [[[a, b, float(c)] for a, b, c in row] for row in found]
        assert plain == told["decoded"]
    imagenet_utils._class_index.cache_clear()
    assert [name for name, *_ in asked] == ["imagenet_class_index.json"]
    with pytest.raises(ValueError, match="1000"):
        applications.vgg16.decode_predictions(scores[:, :10])


@pytest.mark.parametrize("script", ["transfer", "features", "begun_inside"])
def test_scripts(script: str, folder: Path) -> None:
    weights = folder / "base.weights.h5"
    keras.utils.clear_session()
    if script == "begun_inside":
        found = scripts.begun_inside(keras, weights)
    else:
        base = applications.MobileNetV2(
            weights=weights, include_top=False, input_shape=scripts.SIZE, alpha=0.35
        )
        found = getattr(scripts, script)(keras, base)
    with np.load(folder / f"{script}.npz") as expected:
        assert set(found) == set(expected)
        for key, value in expected.items():
            if value.dtype.kind in "Ub":
                np.testing.assert_array_equal(found[key], value)
                continue
            difference = np.abs(found[key] - value).max()
            assert difference <= 3e-5 * np.abs(value).max(), key


def test_saved_here_opens_in_keras(folder: Path, told: dict[str, Any]) -> None:
    assert told["failures"] == {}
    for path in folder.glob("ours_*.keras"):
        model = keras.models.load_model(path)
        found = model.predict(np.load(path.with_suffix(".npy")), verbose=0)
        expected = np.load(folder / f"read_{path.stem}.npy")
        assert np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max()
