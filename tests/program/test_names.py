"""Names from files: whatever a file says, an identifier comes out."""

import keyword
import re

import pytest

from keras2torch.layers.text import literal
from keras2torch.program.names import Names, class_name, identifier, variable


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("conv2d_1", "conv2d_1"),
        ("Conv1_bn/Relu", "conv1_bn_relu"),
        ('x"; import os #', "x_import_os"),
        ("../../evil", "evil"),
        ("3d", "layer_3d"),
        ("", "layer"),
        ("ünïcode", "n_code"),
        ("train", "train_layer"),
        ("class", "class_layer"),
        ("match", "match_layer"),
        ("forward", "forward_layer"),
        ("__init__", "init"),
    ],
)
def test_identifier(name: str, expected: str) -> None:
    assert identifier(name) == expected


@pytest.mark.parametrize("name", ["input", "len", "F", "self", "x y", "a" * 500, "\n"])
def test_variable_is_safe(name: str) -> None:
    found = variable(name)
    assert re.fullmatch(r"[a-z_][a-z0-9_]*", found)
    assert not keyword.iskeyword(found)
    assert found not in ("input", "len", "f", "self")
    assert len(found) < 70


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sequential_3", "Model"),
        ("model", "Model"),
        ("resnet50", "Resnet50"),
        ("mini_XCEPTION", "MiniXception"),
        ("U-Net", "UNet"),
        ("UNet", "UNet"),
        ("SE", "SE"),
        ("RMSNorm", "RMSNorm"),
        ("Exception", "ExceptionModel"),
        ("None", "NoneModel"),
        ("4d", "Model4D"),
        ("", "Model"),
        ('x"); import os', "XImportOs"),
    ],
)
def test_class_name(name: str, expected: str) -> None:
    assert class_name(name) == expected


def test_names_are_handed_out_once() -> None:
    names = Names({"taken"})
    assert [names.unique(n) for n in ("a", "a", "taken", "a")] == [
        "a",
        "a_1",
        "taken_1",
        "a_2",
    ]


def test_names_of_classes() -> None:
    names = Names({"Taken"})
    wishes = ("Block", "Block", "Taken", "Block", "Resnet50", "Resnet50")
    assert [names.unique_class(n) for n in wishes] == [
        *("Block", "Block2", "Taken2", "Block3", "Resnet50", "Resnet50_2")
    ]


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (1e9, "1e9"),
        (-3e6, "-3e6"),
        (100000.0, "100000.0"),
        (12000000.0, "12000000.0"),
        (10000001.0, "10000001.0"),
        (1e16, "1e+16"),
        (float("-inf"), 'float("-inf")'),
    ],
)
def test_large_numbers(number: float, expected: str) -> None:
    assert literal(number) == expected
    assert eval(expected) == number
