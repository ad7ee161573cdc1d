"""keras.utils, keras.config, keras.backend and keras.tree against Keras."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import keras2torch
from keras2torch.data import Dataset
from tests.conveniences import boxes, folders, objects, pipelines, settings, trees

pytestmark = pytest.mark.needs_keras


def test_folders(root: Path, keras_says: dict[str, Any]) -> None:
    """Files, splits, labels and pixels, in every case."""
    expected, found = keras_says["folders"], folders.answers(keras2torch, root)
    assert found.keys() >= expected.keys()
    for name, value in expected.items():
        ours = np.asarray(found[name])
        assert ours.shape == value.shape, name
        if value.dtype.kind in "US":
            assert ours.tolist() == value.tolist(), name
            continue
        assert ours.dtype == value.dtype, name
        np.testing.assert_allclose(ours, value, rtol=1e-5, atol=1e-3, err_msg=name)


def test_trees(keras_says: dict[str, Any]) -> None:
    """Values, types, order and what raises."""
    assert trees.answers(keras2torch.tree) == keras_says["trees"]


def test_settings(keras_says: dict[str, Any]) -> None:
    """Dtypes, epsilon, data formats and limits."""
    expected = keras_says["settings"]
    found = json.loads(json.dumps(settings.answers(keras2torch)))
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        if name.startswith("epsilon"):
            assert found[name] == pytest.approx(value, rel=1e-5), name
        else:
            assert found[name] == value, name


def test_pipelines(keras_says: dict[str, Any]) -> None:
    """What data sets yield, in which dtypes, and how long they say they are."""
    expected = keras_says["pipelines"]
    found = json.loads(json.dumps(pipelines.answers(Dataset)))
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name] == value, name


def test_boxes(keras_says: dict[str, Any]) -> None:
    """Formats, overlaps and anchors of bounding boxes."""
    expected, found = keras_says["boxes"], boxes.answers(keras2torch)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name].dtype == value.dtype, name
        np.testing.assert_allclose(
            found[name], value, rtol=2e-5, atol=2e-5, err_msg=name
        )


def test_objects(keras_says: dict[str, Any]) -> None:
    """Variables, specifications, operations, policies and estimators."""
    expected = keras_says["objects"]
    found = json.loads(json.dumps(objects.answers(keras2torch)))
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        if _is_numeric(value):
            np.testing.assert_allclose(
                _flat(found[name]), _flat(value), rtol=1e-5, atol=1e-6, err_msg=name
            )
        else:
            assert found[name] == value, name


def _flat(value: Any) -> list[Any]:
    if isinstance(value, list):
        return [leaf for part in value for leaf in _flat(part)]
    return [value]


def _is_numeric(value: Any) -> bool:
    return all(isinstance(leaf, (int, float)) for leaf in _flat(value))
