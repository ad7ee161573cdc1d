"""The tables: every name of torch in them is there, every name of Keras is Keras'."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
import yaml
from torchvision.transforms import v2

from keras2torch.guide import equals
from keras2torch.guide.names import canonical
from keras2torch.guide.spellings import OLD, SAME

TABLES = Path(equals.__file__).with_name("tables")
KERAS_SIDE = Path(__file__).with_name("keras_side.py")
HOMES = {
    "torch": torch,
    "torchvision": torchvision,
    "nn": torch.nn,
    "F": torch.nn.functional,
    "optim": torch.optim,
    "v2": v2,
    "x": torch.eye(2),
    "y": torch.eye(2),
    "weight": torch.Tensor(),
    "loss": torch.Tensor(),
    "model": torch.nn.Sequential(),
    "layer": torch.nn.Linear(1, 1),
    "optimizer": torch.optim.SGD([torch.zeros(1)]),
    "scaler": torch.amp.GradScaler("cpu"),
    "generator": torch.Generator(),
}
# What a module has after it is made with arguments of the user's; and what imports
# TensorFlow where there is one, which ends a process with torch in it.
NOT_ASKED = {"torch.utils.tensorboard.SummaryWriter", "model.fc", "layer.weight_hh_l0"}
CHAIN = re.compile(r"(?<![\w.\"])([A-Za-z_]\w*)((?:\.\w+)+)")


def chains(expression):
    """The dotted names of an expression that begin at something known."""
    for root, rest in CHAIN.findall(expression):
        if root in HOMES:
            yield root, rest[1:].split(".")


def test_every_torch_name_is_there():
    missing = []
    asked = 0
    for name, equal in equals.names():
        for root, path in chains(equal.torch or ""):
            value = HOMES[root]
            for part in path:
                if f"{root}.{'.'.join(path)}" in NOT_ASKED:
                    break
                if not hasattr(value, part):
                    missing.append((name, f"{root}.{'.'.join(path)}"))
                    break
                value = getattr(value, part)
                asked += 1
    assert not missing
    assert asked > 500


def test_expressions_are_python():
    for name, equal in equals.names():
        if equal.torch and not equal.torch.startswith(("with ", "if ")):
            compile(equal.torch, name, "exec")


def test_what_has_no_equal_says_what_to_do():
    silent = [n for n, e in equals.names() if e.torch is None and len(e.note) < 4]
    assert not silent


def test_notes_are_sentences():
    for name, equal in equals.names():
        assert not equal.note or equal.note.endswith((".", "…", ")")), name
        assert len(equal.note) < 180, name


@pytest.fixture(scope="module")
def keras(tmp_path_factory):
    out = tmp_path_factory.mktemp("keras") / "names.json"
    subprocess.run([sys.executable, str(KERAS_SIDE), str(out)], check=True)
    return json.loads(out.read_text())


@pytest.mark.needs_keras
@pytest.mark.slow
def test_the_whole_surface_of_keras_is_listed(keras):
    assert len(keras["names"]) > 1500
    unknown = {
        n for n in keras["names"] if equals.lookup(canonical(f"keras.{n}")) is None
    }
    assert not unknown


@pytest.mark.needs_keras
@pytest.mark.slow
def test_methods_are_listed(keras):
    # What only Keras itself calls.
    inner = re.compile(r"^(__|tf\.\w+\.__)")
    missing = [
        f"{kind}.{name}"
        for kind, names in keras["methods"].items()
        if kind not in CALLED_BY_KERAS
        for name in names
        if not inner.match(name)
        and not any(
            equals.is_listed(f"{home}.{name}")
            for home in {
                "Model": ("Model", "Layer"),
                "FeatureSpace": ("FeatureSpace", "Layer"),
                "Sequential": ("Sequential", "Model", "Layer"),
            }.get(kind, (kind,))
        )
    ]
    assert not missing


@pytest.mark.needs_keras
@pytest.mark.slow
def test_what_is_listed_is_keras_or_old(keras):
    old = set()
    for group, names in yaml.safe_load((TABLES / "old.yaml").read_text()).items():
        old |= {f"{group}.{n}" for n in names}
    there = {canonical(f"keras.{n}") for n in keras["names"]}
    there |= {f"{kind}.{n}" for kind, names in keras["methods"].items() for n in names}
    groups = {n.partition(".")[0] for n in keras["names"]} - {""}
    wrong = [
        name
        for name, _ in equals.names()
        if name.rpartition(".")[0].partition(".")[0] in groups
        and name not in there | old | IN_QUOTES | ON_INSTANCES
    ]
    assert not wrong


CALLED_BY_KERAS = ("Initializer", "Regularizer", "Constraint", "DTypePolicy")
# What an object has, or one of a subclass, and the class has not.
ON_INSTANCES = {
    *(f"Model.{n}" for n in "inputs outputs input_shape output_shape".split()),
    *(f"Model.{n}" for n in "output_names optimizer history compiled".split()),
    *(f"Model.{n}" for n in "train_function stop_training".split()),
    *(f"Layer.{n}" for n in "kernel bias built input_shape output_shape cell".split()),
    *(f"Layer.{n}" for n in "stateful reset_state adapt get_vocabulary".split()),
    *(f"Layer.{n}" for n in "set_vocabulary vocabulary_size enable_lora".split()),
    *(f"Layer.{n}" for n in "activity_regularizer get_initial_state".split()),
    "Layer.get_causal_attention_mask",
    "Loss.reduction",
}
# Names that Keras knows in quotes alone.
IN_QUOTES = {"metrics.accuracy", "metrics.crossentropy"}


@pytest.mark.needs_keras
@pytest.mark.slow
def test_other_spellings_are_the_same_object(keras):
    group_of = {n: i for i, group in enumerate(keras["same"]) for n in group}
    for name, other in SAME.items():
        # Of the two files of an object the canonical one may be nested.
        assert name in group_of, name
        assert other in keras["same"][group_of[name]], (name, other)
    # What is gone is gone: else it belongs into SAME.
    names = set(keras["names"])
    assert not names & set(OLD)
    assert {v for v in OLD.values() if v not in names} <= IN_QUOTES


@pytest.mark.parametrize(
    ("name", "torch_text"),
    [
        ("backend.exp", "torch.exp(x)"),
        ("tf.nn.relu", "torch.relu(x)"),
        ("tf.math.log", "torch.log(x)"),
        ("losses.mean_squared_error", "nn.MSELoss()"),
        ("metrics.mean_squared_error", "F.mse_loss(x, y)"),
        ("losses.Huber.from_config", "nn.HuberLoss(delta=1.0)"),
        ("tf.float32.max", "torch.float32"),
    ],
)
def test_names_like_a_listed_one(name, torch_text):
    assert equals.lookup(name).torch == torch_text


CROSS = np.cross(np.eye(3), np.ones((3, 3)))
ROWS = torch.tensor([[1.0, 0.0], [0.0, 2.0], [3.0, 3.0]])
ROW = torch.tensor([3.0, -4.0])


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("ops.equal", {"x": ROW, "y": ROW.abs()}, [True, False]),
        ("ops.sort", {"x": ROW, "dim": 0}, [-4, 3]),
        ("ops.roll", {"x": ROW, "shift": 1, "dim": 0}, [-4, 3]),
        ("ops.hanning", {"n": 3}, np.hanning(3)),
        ("ops.kaiser", {"n": 3, "beta": 2.0}, np.kaiser(3, 2.0)),
        ("ops.digitize", {"x": ROW, "bins": ROW.sort().values}, [2, 1]),
        ("ops.nanmedian", {"x": ROW}, -0.5),
        ("ops.nonzero", {"x": torch.eye(2)}, np.nonzero(np.eye(2))),
        ("ops.cross", {"x": torch.eye(3), "y": torch.ones(3, 3)}, CROSS),
        ("ops.segment_max", {"n": 1, "index": torch.tensor([0]), "x": ROW[1:]}, [-4]),
        (
            "tf.math.unsorted_segment_mean",
            {"n": 1, "index": torch.tensor([0, 0]), "x": ROW},
            [-0.5],
        ),
        (
            "tf.tensor_scatter_nd_add",
            {"x": torch.zeros(2, 2), "index": torch.tensor([[0, 1]]), "values": ROW[0]},
            [[0, 3], [0, 0]],
        ),
        ("tf.gather_nd", {"x": torch.eye(2), "index": torch.tensor([[1, 1]])}, [1]),
        ("tf.clip_by_norm", {"x": ROW, "norm": 1.0}, [0.6, -0.8]),
        ("tf.image.per_image_standardization", {"x": ROW}, [1, -1]),
        (
            "regularizers.OrthogonalRegularizer",
            {
                "factor": 0.01,
                "n": torch.nn.functional.normalize(ROWS, dim=1),
                "pairs": 3,
            },
            # Keras 3.15 on the same rows.
            0.01 * (0.5**0.5 + 0.5**0.5) / 3,
        ),
        ("layers.Dot", {"x": ROW[None], "y": ROW[None]}, [[25]]),
    ],
)
def test_what_an_equal_computes(name, given, expected):
    made = eval(equals.lookup(name).torch, {**HOMES, **given})
    made = torch.stack(made) if isinstance(made, tuple) else made
    other = torch.as_tensor(np.array(expected))
    torch.testing.assert_close(made, other, check_dtype=False)


@pytest.mark.parametrize(
    "name", ["layers.Wobble", "Model.wobble", "tf.wobble", "wobble"]
)
def test_unknown_is_unknown(name):
    assert equals.lookup(name) is None
