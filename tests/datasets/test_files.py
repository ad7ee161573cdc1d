"""The cache: what is found in it, what is put there, and what is refused."""

from __future__ import annotations

import hashlib
import os
import pickle

import numpy as np
import pytest

from keras2torch.datasets import files, objects

DATA = b"a data set"
SHA = hashlib.sha256(DATA).hexdigest()
MD5 = hashlib.md5(DATA).hexdigest()


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def origin(tmp_path):
    """An address that needs no network."""
    file = tmp_path / "origin.bin"
    file.write_bytes(DATA)
    return file.as_uri()


@pytest.mark.parametrize("file_hash", [None, SHA, MD5])
def test_downloads_once(home, origin, file_hash, tmp_path):
    path = files.cached("a.bin", origin, file_hash)
    assert path == home / "datasets" / "a.bin"
    assert path.read_bytes() == DATA
    (tmp_path / "origin.bin").unlink()
    assert files.cached("a.bin", origin, file_hash) == path
    assert os.listdir(home / "datasets") == ["a.bin"]


def test_without_keras_home(tmp_path, monkeypatch):
    monkeypatch.delenv("KERAS_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert files.home() == tmp_path / ".keras"


def test_other_file_is_replaced(home, origin, capsys):
    (home / "datasets").mkdir(parents=True)
    (home / "datasets" / "a.bin").write_bytes(b"half a data")
    assert files.cached("a.bin", origin, SHA).read_bytes() == DATA
    assert "not the file expected" in capsys.readouterr().out


def test_wrong_download_is_not_kept(home, origin):
    with pytest.raises(files.DatasetUnavailable, match="not the file expected"):
        files.cached("a.bin", origin, "0" * 64)
    assert os.listdir(home / "datasets") == []


def test_without_a_network(home, tmp_path):
    nowhere = (tmp_path / "nowhere.bin").as_uri()
    with pytest.raises(files.DatasetUnavailable, match=r"put the file at .*a\.bin"):
        files.cached("a.bin", nowhere, SHA)
    assert os.listdir(home / "datasets") == []


def test_failed_download_keeps_what_was_there(home, tmp_path):
    (home / "datasets").mkdir(parents=True)
    (home / "datasets" / "a.bin").write_bytes(b"mine")
    with pytest.raises(files.DatasetUnavailable):
        files.cached("a.bin", (tmp_path / "nowhere.bin").as_uri(), SHA)
    assert (home / "datasets" / "a.bin").read_bytes() == b"mine"


@pytest.mark.parametrize("name", ["../a.bin", "/tmp/a.bin", "b/a.bin"])
def test_a_name_is_no_path(home, origin, name):
    with pytest.raises(ValueError, match="KERAS_HOME"):
        files.cached(name, origin, SHA)


class Runs:
    def __reduce__(self):
        return os.mkdir, ("made-by-a-pickle",)


def test_pickles_run_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = np.empty(1, dtype="object")
    rows[0] = Runs()
    np.savez(tmp_path / "a.npz", x=rows)
    with pytest.raises(files.DatasetUnavailable, match="mkdir"):
        objects.npz(tmp_path / "a.npz")
    assert not (tmp_path / "made-by-a-pickle").exists()


def test_arrays_of_numpy_1_and_2(tmp_path):
    """Both names of the module that arrays are built by."""
    array = np.arange(6, dtype="uint8").reshape(2, 3)
    # Protocol 3 names a global in a line of its own; 2 would write bytes as calls.
    line = b"cnumpy._core.multiarray\n"
    data = pickle.dumps(array, protocol=3)
    assert line in data.replace(b"numpy.core", b"numpy._core")
    for name in (line, line.replace(b"_core", b"core")):
        found = data.replace(line, name)
        (tmp_path / "a").write_bytes(found)
        with (tmp_path / "a").open("rb") as file:
            assert (objects.unpickled(file) == array).all()
