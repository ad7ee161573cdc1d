"""Dtype policies: compared in float32, and measured under the policy itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from conversion.cases.dtypes import TABLE
from conversion.making import judged, made_by_keras

from keras2torch.conversion import convert_file
from keras2torch.errors import UnsupportedLayer
from keras2torch.tracing import KerasProcess

pytestmark = pytest.mark.needs_keras
UNLIKE = ("quantized_int8", "cut_to_integers")
ROWS = [row for row in TABLE.rows() if row[1] not in UNLIKE]
# What rounding to a half precision after every layer may come to.
ALLOWED = {"float16": 2.0**-7, "bfloat16": 2.0**-4}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return a folder for each Keras."""
    return made_by_keras(tmp_path_factory, "dtypes")


@pytest.mark.parametrize(("library", "name"), ROWS)
def test_policies(
    folders: dict[str, Path], library: str, name: str, keras_process: KerasProcess
) -> None:
    made = judged(folders, library, name, keras_process)
    report = made.report
    half = made.program.precision.half
    assert report.max_rel_diff is not None
    assert report.max_rel_diff <= 1e-5, report.sentence()
    assert not any("float64 runs differ" in r for r in report.remarks)
    if half is None:
        assert report.policy is None
        return
    assert report.policy is not None
    assert report.policy.max_rel_diff is not None, report.remarks
    assert report.policy.max_rel_diff <= ALLOWED[half], report.policy
    assert "Under the policy" in report.files()["report.md"]


def test_float64_stays_float64(folders: dict[str, Path]) -> None:
    for library, ending in (("keras", ".keras"), ("tf_keras", ".h5")):
        made = convert_file(
            folders[library] / f"global_float64{ending}", verify="never"
        )
        assert {p.dtype for p in made.module.parameters()} == {torch.float64}
        assert made.report.inputs[0].dtype == "float64"
        assert ".double()" in made.source
        x = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 3, 12, 13)))
        assert made.module(x).dtype == torch.float64


def test_what_the_module_computes_otherwise_is_told(folders: dict[str, Path]) -> None:
    made = convert_file(folders["keras"] / "each_its_own.keras", verify="never")
    told = " ".join(n["note"] for n in made.report.notes)
    for word in ("float64", "float16", "bfloat16"):
        assert word in told, told


def test_whole_numbers_are_no_policy_here(
    folders: dict[str, Path], keras_process: KerasProcess
) -> None:
    path = folders["keras"] / "cut_to_integers.keras"
    report = convert_file(path, process=keras_process).report
    assert report.verdict == "different"
    assert ["int32 is not followed" in n["note"] for n in report.notes] == [True]


def test_quantized_layers_are_refused(folders: dict[str, Path]) -> None:
    with pytest.raises(UnsupportedLayer, match=r"dense.*int8_from_float32"):
        convert_file(folders["keras"] / "quantized_int8.keras", verify="never")
