"""The second lock: no generated file holds more than a model needs."""

import pytest

from keras2torch.program.check import UnsafeSource, check

GOOD = '''"""A model."""
import torch
from torch import nn


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.dense = nn.Linear(2, 2)

    def forward(self, x):
        return self.dense(x)
'''


def test_a_model_passes() -> None:
    check(GOOD)


@pytest.mark.parametrize(
    "line",
    [
        "import os",
        "from subprocess import run",
        "from . import x",
        "print(1)",
        "exec('1')",
        "x = eval('1')",
        "x = __import__('os')",
        "x = (1).__class__",
        "x = open('f')",
        "for i in range(3): pass",
    ],
)
def test_anything_else_is_refused(line: str) -> None:
    with pytest.raises(UnsafeSource):
        check(f"{GOOD}\n{line}\n")


def test_what_load_may_import_a_model_may_not() -> None:
    inside = "    from pathlib import Path\n"
    check(f"{GOOD}\ndef load():\n{inside}")
    with pytest.raises(UnsafeSource):
        check(f"{GOOD}\ndef other():\n{inside}")
