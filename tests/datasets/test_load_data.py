"""Each data set from a made-up cache: the arrays that Keras reads from those files."""

from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import struct
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from keras2torch import datasets
from keras2torch.datasets import files

SCRIPT = Path(__file__).with_name("keras_datasets.py")
RNG = np.random.default_rng(0)

CALLS = [
    ("mnist", {}),
    ("fashion_mnist", {}),
    ("cifar10", {}),
    ("cifar100", {}),
    ("cifar100", {"label_mode": "coarse"}),
    ("imdb", {}),
    ("imdb", {"num_words": 20, "skip_top": 5, "seed": 3}),
    ("imdb", {"maxlen": 6, "oov_char": None, "num_words": 30}),
    ("imdb", {"start_char": None, "index_from": 2}),
    ("imdb", {"start_char": None, "index_from": 0}),
    ("reuters", {}),
    ("reuters", {"num_words": 20, "skip_top": 5, "test_split": 0.35}),
    ("reuters", {"maxlen": 6, "oov_char": None, "seed": 1}),
    ("reuters", {"start_char": None, "index_from": 0}),
    ("boston_housing", {}),
    ("boston_housing", {"test_split": 0.0, "seed": 1}),
    ("california_housing", {"test_split": 0.31}),
    ("california_housing", {"version": "small"}),
]


def texts(number: int) -> np.ndarray:
    rows = np.empty(number, dtype="object")
    rows[:] = [RNG.integers(1, 40, n).tolist() for n in RNG.integers(1, 9, number)]
    return rows


def images(*shape: int) -> np.ndarray:
    return RNG.integers(0, 256, shape, dtype="uint8")


class Python2(pickle._Pickler):
    """Writes strings as Python 2 did, which made CIFAR's files."""

    def save_string(self, value):
        data = value if isinstance(value, bytes) else value.encode()
        self.write(pickle.BINSTRING + struct.pack("<i", len(data)) + data)

    dispatch: ClassVar = {
        **pickle._Pickler.dispatch,
        bytes: save_string,
        str: save_string,
    }


def packed(path: Path, members: dict[str, dict[bytes, object]]) -> None:
    with tarfile.open(path, "w:gz") as archive:
        for name, batch in members.items():
            data = io.BytesIO()
            Python2(data, protocol=2).dump(batch)
            info = tarfile.TarInfo(name)
            info.size = data.tell()
            data.seek(0)
            archive.addfile(info, data)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Keras home with small files in the published formats."""
    home = tmp_path_factory.mktemp("keras")
    folder = home / "datasets"
    (folder / "fashion-mnist").mkdir(parents=True)
    np.savez(
        folder / "mnist.npz",
        x_train=images(5, 28, 28),
        y_train=images(5),
        x_test=images(3, 28, 28),
        y_test=images(3),
    )
    for name, number in (("train", 5), ("t10k", 3)):
        for kind, data in (
            ("labels-idx1", bytes(8) + images(number).tobytes()),
            ("images-idx3", bytes(16) + images(number, 28, 28).tobytes()),
        ):
            file = folder / "fashion-mnist" / f"{name}-{kind}-ubyte.gz"
            file.write_bytes(gzip.compress(data))
    ten = [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]
    packed(
        folder / "cifar-10-batches-py-target_archive",
        {
            f"cifar-10-batches-py/{name}": {
                b"data": images(1, 3072),
                b"labels": [int(RNG.integers(10))],
            }
            for name in ten
        },
    )
    packed(
        folder / "cifar-100-python-target_archive",
        {
            f"cifar-100-python/{name}": {
                b"data": images(n, 3072),
                b"fine_labels": RNG.integers(0, 100, n).tolist(),
                b"coarse_labels": RNG.integers(0, 20, n).tolist(),
            }
            for name, n in (("train", 4), ("test", 2))
        },
    )
    np.savez(
        folder / "imdb.npz",
        x_train=texts(40),
        y_train=RNG.integers(0, 2, 40),
        x_test=texts(30),
        y_test=RNG.integers(0, 2, 30),
    )
    np.savez(folder / "reuters.npz", x=texts(50), y=RNG.integers(0, 46, 50))
    for name, rows, columns in (("boston", 506, 13), ("california", 800, 8)):
        table = RNG.normal(size=(rows, columns))
        np.savez(folder / f"{name}_housing.npz", x=table, y=RNG.normal(size=rows))
    return home


@pytest.fixture(scope="module")
def expected(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> list:
    folder = tmp_path_factory.mktemp("asked")
    calls, out = folder / "calls.json", folder / "out.json"
    calls.write_text(json.dumps(CALLS))
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(calls), str(out)],
        capture_output=True,
        text=True,
        env={**os.environ, "KERAS_HOME": str(cache)},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(out.read_text())


@pytest.mark.needs_keras
@pytest.mark.parametrize(
    "number", range(len(CALLS)), ids=[f"{n}-{a}" for n, a in CALLS]
)
def test_like_keras(number, cache, expected, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(cache))
    monkeypatch.setattr(files, "matches", lambda *_: True)
    name, arguments = CALLS[number]
    found = getattr(datasets, name).load_data(**arguments)
    told = [[[str(a.dtype), list(a.shape), a.tolist()] for a in side] for side in found]
    assert told == expected[number]


@pytest.mark.parametrize(
    "name", sorted({name for name, _ in CALLS} - {"fashion_mnist"})
)
def test_only_the_published_file_is_read(name, cache, monkeypatch):
    """A file in the cache with another hash is not opened, whatever is in it."""
    monkeypatch.setenv("KERAS_HOME", str(cache))

    def refused(origin, target, file_hash):
        assert len(file_hash) == 64
        raise files.DatasetUnavailable(f"{origin} cannot be downloaded")

    monkeypatch.setattr(files, "download", refused)
    with pytest.raises(files.DatasetUnavailable, match="https://"):
        getattr(datasets, name).load_data()


def test_arguments_that_keras_refuses():
    with pytest.raises(ValueError, match="label_mode"):
        datasets.cifar100.load_data("both")
    with pytest.raises(ValueError, match="test_split"):
        datasets.boston_housing.load_data(test_split=1.0)
    with pytest.raises(ValueError, match="version"):
        datasets.california_housing.load_data("medium")


def test_no_review_is_short_enough(cache, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(cache))
    monkeypatch.setattr(files, "matches", lambda *_: True)
    with pytest.raises(ValueError, match="maxlen=1"):
        datasets.imdb.load_data(maxlen=1)


def test_label_names():
    names = datasets.reuters.get_label_names()
    assert (len(names), names[3], names[45]) == (46, "earn", "lead")
