"""Files of a script, what is printed, galleries and data sets in fit: without Keras."""

from __future__ import annotations

import hashlib
import io
import logging
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import keras2torch as keras
from keras2torch.data import Dataset
from keras2torch.datasets.files import DatasetUnavailable


@pytest.fixture
def served(tmp_path: Path) -> Path:
    """Return a folder with archives, in which some members lead out of the folder."""
    folder = tmp_path / "served"
    folder.mkdir()
    members = {"ok/x.txt": b"first", "../evil.txt": b"out", "/tmp/evil.txt": b"out"}
    with tarfile.open(folder / "a.tar.gz", "w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
            info = tarfile.TarInfo(f"ok/link{ord(kind)}")
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
    with zipfile.ZipFile(folder / "z.zip", "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    (folder / "plain.txt").write_text("plain")
    return folder


def files(folder: Path) -> list[str]:
    return sorted(
        str(p.relative_to(folder)) for p in folder.rglob("*") if not p.is_dir()
    )


@pytest.mark.parametrize(
    ("name", "options", "there"),
    [
        ("a.tar.gz", {"fname": "a.tar.gz", "extract": True}, "datasets/a_extracted"),
        ("a.tar.gz", {"untar": True}, "datasets/a.tar.gz"),
        ("z.zip", {"extract": True, "cache_subdir": "two"}, "two/z.zip"),
        ("z.zip", {"fname": "some", "extract": True}, "datasets/some"),
    ],
)
def test_archives(
    name: str, options: dict[str, Any], there: str, served: Path, tmp_path: Path
) -> None:
    """Folders are called as in Keras; what leads out of them is skipped."""
    cache = tmp_path / "cache"
    origin = (served / name).as_uri()
    with pytest.warns(UserWarning, match="Skipping invalid path"):
        found = keras.utils.get_file(origin=origin, cache_dir=cache, **options)
    assert found == str(cache / there)
    # A tar's absolute path becomes one within the folder (PEP 706).
    assert set(files(Path(found))) <= {"ok/x.txt", "tmp/evil.txt"}
    assert (Path(found) / "ok/x.txt").read_bytes() == b"first"
    assert not list(tmp_path.glob("**/evil.txt")) or name == "a.tar.gz"
    assert not (cache / "evil.txt").exists()


def test_file(served: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is downloaded once, and again where its hash is another one."""
    origin = (served / "plain.txt").as_uri()
    digest = hashlib.sha256(b"plain").hexdigest()
    found = Path(keras.utils.get_file("f.txt", origin, cache_dir=tmp_path))
    assert found == tmp_path / "datasets" / "f.txt"
    assert found.read_text() == "plain"
    assert capsys.readouterr().out.count("Downloading data from") == 1
    found.write_text("cut short")
    again = {"origin": origin, "cache_dir": tmp_path, "fname": "f.txt"}
    keras.utils.get_file(**again)
    assert found.read_text() == "cut short"
    assert "Downloading" not in capsys.readouterr().out
    keras.utils.get_file(file_hash=digest, **again)
    assert found.read_text() == "plain"
    with pytest.raises(DatasetUnavailable, match="is not the file expected"):
        keras.utils.get_file("g.txt", origin, md5_hash="0" * 32, cache_dir=tmp_path)
    assert files(tmp_path / "datasets") == ["f.txt"]


def test_file_that_cannot_be(tmp_path: Path) -> None:
    """One sentence without a network, and for names that are paths."""
    missing = "http://localhost:9/x.bin"
    with pytest.raises(DatasetUnavailable, match=r"put the file at .*x\.bin"):
        keras.utils.get_file(origin=missing, cache_dir=tmp_path)
    for name in ("../x", "a/b", ".."):
        with pytest.raises(ValueError, match="Paths are no longer accepted"):
            keras.utils.get_file(name, missing, cache_dir=tmp_path)
    with pytest.raises(ValueError, match="origin"):
        keras.utils.get_file("x")


def test_logging(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """What fit prints goes to logging where interactive logging is disabled."""
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.ones((4, 2), dtype="float32")
    keras.utils.disable_interactive_logging()
    try:
        with caplog.at_level(logging.INFO, "keras2torch"):
            model.fit(x, x[:, :1])
    finally:
        keras.utils.enable_interactive_logging()
    assert capsys.readouterr().out == ""
    assert "loss" in caplog.text
    model.fit(x, x[:, :1])
    assert "loss" in capsys.readouterr().out


def test_boxes_are_drawn() -> None:
    """The outline has the colour, inside and outside nothing changed."""
    image = np.full((1, 20, 24, 3), 10, dtype="uint8")
    boxes = {
        "boxes": np.array([[[4.0, 3.0, 15.0, 12.0], [0.0, 0.0, 5.0, 5.0]]]),
        "labels": np.array([[1, -1]]),
    }
    made = keras.visualization.draw_bounding_boxes(
        image, boxes, "xyxy", color=(200, 100, 0), line_thickness=1
    )
    expected = image.copy()
    expected[0, 3:13, [4, 15]] = expected[0, [3, 12], 4:16] = (200, 100, 0)
    np.testing.assert_array_equal(made, expected)


def test_galleries(tmp_path: Path) -> None:
    """Files of the size that rows and columns make."""
    pytest.importorskip("matplotlib").use("Agg")
    images = np.random.default_rng(0).uniform(0, 1, (4, 9, 9, 3))
    path = tmp_path / "gallery.png"
    keras.visualization.plot_image_gallery(
        images,
        y_true=[0, 1, 0, 1],
        label_map={0: "cat"},
        value_range=(0, 1),
        rows=1,
        cols=4,
        path=path,
    )
    wide = Image.open(path).size
    assert wide[0] > 2.5 * wide[1]
    boxes = {"boxes": np.ones((4, 1, 4)) * 3, "labels": np.zeros((4, 1), int)}
    keras.visualization.plot_bounding_box_gallery(
        images, "xywh", boxes, class_mapping={0: "a"}, legend=True, path=path
    )
    masks = np.zeros((4, 9, 9, 1), int)
    keras.visualization.plot_segmentation_mask_gallery(
        images, 2, y_true=masks, y_pred=masks, path=path
    )
    assert Image.open(path).size[1] > Image.open(path).size[0]


def test_a_data_set_in_fit() -> None:
    """A map, its threads and batches give what arrays give; layers in it infer."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(22, 3)).astype("float32")
    y = x.sum(1, keepdims=True)

    def history(data: Any, *rest: Any) -> Any:
        model = keras.Sequential([keras.layers.Dense(1, kernel_initializer="ones")])
        model.compile(keras.optimizers.SGD(0.1), "mse")
        fitted = model.fit(data, *rest, epochs=3, shuffle=False, verbose=0)
        return fitted.history["loss"], model

    scale = keras.layers.Rescaling(0.5)
    dataset = Dataset.from_tensor_slices((x, y)).batch(8)
    mapped = dataset.map(lambda a, b: (scale(a), b), num_parallel_calls=2).prefetch(2)
    losses, model = history(mapped.cache())
    slow, _ = history(mapped)
    model_of_arrays = keras.Sequential(
        [keras.layers.Dense(1, kernel_initializer="ones")]
    )
    model_of_arrays.compile(keras.optimizers.SGD(0.1), "mse")
    expected = model_of_arrays.fit(
        x * 0.5, y, batch_size=8, epochs=3, shuffle=False, verbose=0
    ).history["loss"]
    assert losses == pytest.approx(expected)
    assert slow == pytest.approx(expected)
    assert model.predict(mapped, verbose=0).shape == (22, 1)
    assert model.evaluate(mapped, verbose=0) > 0


def test_a_map_is_outside_of_the_model() -> None:
    """Augmentation in a map acts in predict, too, and keeps no gradients."""
    flip = keras.layers.RandomFlip("horizontal", seed=1)
    x = np.arange(64, dtype="float32").reshape(1, 8, 8, 1).repeat(16, 0)
    dataset = Dataset.from_tensor_slices(x).batch(4)
    mapped = dataset.map(lambda a: flip(a, training=True))
    model = keras.Sequential([keras.layers.Flatten()])
    rows = {tuple(r[:8]) for r in model.predict(mapped, verbose=0)}
    assert len(rows) == 2
    dense = keras.layers.Dense(2)
    [first, *_] = dataset.map(lambda a: dense(a))
    assert not first.requires_grad


def test_prefetch_stops_with_the_loop() -> None:
    """No thread goes on reading what nobody takes."""
    read: list[int] = []

    def numbers() -> Any:
        for n in range(1000):
            read.append(n)
            yield n

    dataset = Dataset.from_generator(numbers).prefetch(3)
    for n in dataset:
        if int(n) == 4:
            break
    assert len(read) < 12


def test_rematerialized() -> None:
    """Results and gradients are those of the function, dropout included."""
    layer = keras.layers.Dense(3)
    x = torch.randn(4, 5, requires_grad=True)
    layer(x).square().sum().backward()
    assert x.grad is not None
    expected, x.grad = x.grad.clone(), None
    keras.remat(layer)(x).square().sum().backward()
    torch.testing.assert_close(x.grad, expected)
    drop = keras.layers.Dropout(0.5)
    made = keras.remat(lambda t: drop(t, training=True) * t)(x)
    x.grad = None
    made.sum().backward()
    torch.testing.assert_close(x.grad, 2 * made / x, equal_nan=True)


def test_texts_in_a_model(root: Path) -> None:
    """Texts go through map and adapt, and into a model that reads them."""
    texts = keras.utils.text_dataset_from_directory(
        root / "texts", batch_size=5, shuffle=False, verbose=False
    )
    lookup = keras.layers.TextVectorization(output_sequence_length=6)
    lookup.adapt(texts.map(lambda x, y: x))
    assert {"text", "käse"} <= set(lookup.get_vocabulary())
    numbers = texts.map(lambda x, y: (lookup(x), y)).cache()
    inputs = keras.Input((None,), dtype="int64")
    x = keras.layers.Embedding(lookup.vocabulary_size(), 4)(inputs)
    x = keras.layers.GlobalAveragePooling1D()(x)
    model = keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(x))
    model.compile("adam", "sparse_categorical_crossentropy")
    losses = model.fit(numbers, epochs=8, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    words = keras.Input((1,), dtype="string")
    whole = keras.Model(words, model(lookup(words)))
    whole.compile("adam", "sparse_categorical_crossentropy")
    expected = model.evaluate(numbers, verbose=0)
    assert whole.evaluate(texts, verbose=0) == pytest.approx(expected)
    rows = texts.map(lambda x, y: x)
    np.testing.assert_allclose(
        whole.predict(rows, verbose=0), model.predict(numbers, verbose=0), rtol=1e-5
    )
