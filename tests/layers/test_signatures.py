"""A definition's fields are the arguments of Keras' layer: order, names and defaults.

``name``, ``trainable``, ``dtype`` and ``activity_regularizer`` are keywords of every
definition, wherever a Keras layer has them.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

from keras2torch.layers.definitions import REGISTRY, Layer, from_config
from keras2torch.layers.legacy import KERAS_1_ONLY

SCRIPT = Path(__file__).with_name("signatures_of_keras.py")
KEYWORDS = {f.name for f in dataclasses.fields(Layer)}

# A model used as a layer is made from its graph, not by a constructor's arguments; no
# Keras of today has the layers of Keras 1.
MODELS = {"Functional", "Sequential"} | KERAS_1_ONLY

# Initial weights, which Keras sets in the constructor: a definition holds no arrays,
# and `weights` is what it answers with names and shapes.
ARRAYS = {"Bidirectional": {"weights"}, "Embedding": {"weights"}}

# What stands for a required argument; 1 for others.
REQUIRED = {
    "cells": [{"class_name": "LSTMCell", "config": {"units": 2}}],
    "layer": {"class_name": "LSTM", "config": {"units": 2}},
}

Argument = tuple[str, str, str | None]
pytestmark = pytest.mark.needs_keras


@pytest.fixture(scope="module")
def signatures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Argument]]:
    """The signature of each registered layer that Keras has."""
    folder = tmp_path_factory.mktemp("signatures")
    names, out = folder / "names.json", folder / "out.json"
    names.write_text(json.dumps(sorted(REGISTRY.keys() - MODELS)))
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(names), str(out)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return {
        name: [tuple(a) for a in arguments]
        for name, arguments in json.loads(out.read_text()).items()
    }


def fields(name: str) -> dict[str, dataclasses.Field]:
    """The arguments of a definition, in order and without the common keywords."""
    return {
        f.name: f
        for f in dataclasses.fields(REGISTRY[name])
        if f.init and f.name not in KEYWORDS
    }


def own(arguments: list[Argument]) -> list[Argument]:
    """The arguments that a Keras layer names, without the common keywords."""
    return [
        (name, kind, default)
        for name, kind, default in arguments
        if kind == "POSITIONAL_OR_KEYWORD" and name not in KEYWORDS
    ]


def default_of(field: dataclasses.Field) -> str | None:
    """As Keras' process writes it."""
    if field.default is not dataclasses.MISSING:
        return repr(field.default)
    if field.default_factory is not dataclasses.MISSING:
        return repr(field.default_factory())
    return None


def test_every_layer_is_found(signatures):
    assert REGISTRY.keys() - MODELS == signatures.keys()


@pytest.mark.parametrize("name", sorted(REGISTRY.keys() - MODELS))
def test_like_keras(name, signatures):
    ours, keras = fields(name), own(signatures[name])
    cls = REGISTRY[name]

    # Kinds: nothing of Keras' is keyword-only, and **kwargs are the common keywords.
    kinds = {kind for _, kind, _ in signatures[name]}
    assert kinds <= {"POSITIONAL_OR_KEYWORD", "VAR_KEYWORD"}

    # Names: what a definition has no field for changes nothing that is computed.
    arrays = ARRAYS.get(name, set())
    absent = {n for n, _, _ in keras} - ours.keys()
    assert absent <= cls.ignored | arrays

    # Order: Keras' first, then ours that say what old files meant. What has no field
    # may only come last, or the arguments behind it would move up.
    wanted = [n for n, _, _ in keras if n not in absent]
    assert list(ours)[: len(wanted)] == wanted
    assert not (absent - arrays) & {n for n, _, _ in keras[: len(wanted)]}
    assert all(default_of(ours[n]) is not None for n in list(ours)[len(wanted) :])

    # Defaults, and which arguments have none.
    assert {n: default_of(ours[n]) for n in wanted} == {
        n: default for n, _, default in keras if n in wanted
    }


@pytest.mark.parametrize("name", sorted(REGISTRY.keys() - MODELS))
def test_defaults_may_be_passed(name, signatures):
    """An argument at its default never fails, with a field for it or without."""
    ours = fields(name)
    required = [n for n, f in ours.items() if default_of(f) is None]
    config = {n: REQUIRED.get(n, 1) for n in required}
    for argument, _, default in own(signatures[name]):
        if default is None:
            continue
        if argument in ours:
            config[argument] = ours[argument].default
        else:
            assert default == "None"
            config[argument] = None
    from_config(name, config)
