"""What Keras 1 on Theano padded: k // 2 before, whatever the stride."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from keras2torch.conversion import convert_file

from .conftest import write_h5


def convolution(**config: Any) -> dict[str, Any]:
    """Return a Convolution2D that adds up neighbours in a column."""
    config = {"name": "c", "nb_filter": 1, "nb_col": 1} | config
    config |= {"dim_ordering": "th", "activation": "linear", "bias": False}
    return {"class_name": "Convolution2D", "config": config}


# Of the column 1 2 3 4. TensorFlow makes 3 5 7 4 of the first, 6 7 of the second.
@pytest.mark.parametrize("stepwise", [False, True])
@pytest.mark.parametrize(
    ("mode", "rows", "stride", "wanted"),
    [
        ("same", 2, 1, [1, 3, 5, 7]),
        ("same", 3, 2, [3, 9]),
        ("same", 3, 1, [3, 6, 9, 7]),
        ("full", 2, 1, [1, 3, 5, 7, 4]),
        ("valid", 2, 1, [3, 5, 7]),
    ],
)
def test_columns(
    mode: str,
    rows: int,
    stride: int,
    wanted: list[float],
    stepwise: bool,
    tmp_path: Path,
) -> None:
    shape = [None, 3, 1, 4, 1] if stepwise else [None, 1, 4, 1]
    given = {"batch_input_shape": shape, "input_dtype": "float32"}
    config = {"nb_row": rows, "border_mode": mode, "subsample": [stride, 1]}
    if stepwise:
        around = {"name": "c", "layer": convolution(**config)} | given
        layer = {"class_name": "TimeDistributed", "config": around}
    else:
        layer = convolution(**config, **given)
    kernel = np.ones((1, 1, rows, 1), np.float32)
    model = {"class_name": "Sequential", "config": [layer]}
    path = write_h5(tmp_path / "m.h5", model, {"c": {"c_W": kernel}}, "1.2.2")
    made = convert_file(path, verify="never")
    assert made.report.remarks == []
    x = torch.arange(1.0, 5.0).reshape(4, 1).expand(2, *shape[1:])
    with torch.no_grad():
        y = made.module(x)
    assert y.shape[1:-2] == tuple(shape[1:-2])
    column = torch.tensor(wanted).reshape(-1, 1).float()
    torch.testing.assert_close(y, column.expand_as(y))
