"""The report: its schema is public, its text is for a reader."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path

import pytest
from rich.console import Console

from keras2torch.program import write
from keras2torch.verification import Report, unverified
from keras2torch.verification.report import Gradients, LayerRow
from keras2torch.verification.terminal import show

from .conftest import graph
from .test_compare import image_net


@pytest.fixture
def report() -> Report:
    """A report as if the model had been compared."""
    model = graph(image_net)
    made = unverified(write(model), model, {"reading": 0.1})
    made.verdict, made.reference = "close", "Keras 3.15.1"
    made.max_abs_diff, made.max_rel_diff, made.float64_rel_diff = 2e-4, 1e-4, 1e-6
    made.first_different = "norm"
    made.parameters.update(torch_trainable=533, torch_total=541)
    made.gradients = Gradients(10, [], "close", 1e-4, 1e-6, "conv1.weight")
    made.batches = [3, 2]
    for row in made.layers:
        row.verdict, row.diff = "exact", 1e-7
    return made


def test_schema(report: Report) -> None:
    data = json.loads(report.to_json())
    assert {
        "verdict",
        "max_abs_diff",
        "max_rel_diff",
        "float64_rel_diff",
        "inputs",
        "outputs",
        "parameters",
        "layers",
        "not_converted",
        "seconds",
    } <= data.keys()
    assert data["inputs"] == [
        {
            "name": "image",
            "shape": [None, 3, 8, 10],
            "dtype": "float32",
            "axes": [0, 3, 1, 2],
        }
    ]
    assert data["outputs"][0]["axes"] == [0, 1]
    assert data["parameters"].keys() == {
        "keras_trainable",
        "torch_trainable",
        "keras_total",
        "torch_total",
    }
    assert data["not_converted"] == []
    assert data["seconds"] == {"reading": 0.1}
    rows = {row["name"]: row for row in data["layers"]}
    assert list(rows)[:3] == ["conv1", "norm", "conv2"]
    assert rows["norm"] == {
        "name": "norm",
        "class": "BatchNormalization",
        "torch_name": "norm",
        "how": rows["norm"]["how"],
        "verdict": "exact",
        "diff": 1e-7,
        "float64_diff": None,
    }
    assert rows["norm"]["how"].startswith("nn.BatchNorm2d(4")
    assert rows["softmax"]["torch_name"] is None
    assert "softmax" in rows["softmax"]["how"]
    weights = {row["torch_name"]: row for row in data["weights"]}
    assert weights["conv1.weight"] == {
        "torch_name": "conv1.weight",
        "shape": [4, 3, 3, 3],
        "keras": [
            {"layer": "conv1", "name": "kernel", "index": 0, "shape": [3, 3, 3, 4]}
        ],
        "how": "transpose(3, 2, 0, 1)",
        "axes": [3, 2, 0, 1],
        "steps": [{"op": "transpose", "of": [0], "axes": [3, 2, 0, 1]}],
        "trainable": True,
    }
    assert data["form"] == {"layout": "torch", "flat": False, "faithful": False}
    [idiom] = data["idioms"]
    assert idiom["layer"] == "norm"
    assert idiom["idiomatic"] == rows["norm"]["how"]
    assert idiom["faithful"].startswith("BiasedBatchNorm(4")


def test_what_is_not_finite_is_null(report: Report) -> None:
    report.max_rel_diff = math.inf
    report.layers[0].diff = math.nan
    data = json.loads(report.to_json())
    assert data["max_rel_diff"] is None
    assert data["layers"][0]["diff"] is None


def test_read_again(report: Report, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(report.to_json())
    assert Report.load(path) == report


def test_markdown_begins_with_the_verdict(report: Report) -> None:
    text = report.files()["report.md"]
    assert text.startswith("# Net: close\n")
    assert "| input | `image` | (N, 3, 8, 10) | float32 | [0, 3, 1, 2] |" in text
    assert "x = torch.randn(1, 3, 8, 10)" in text
    assert "The first that differs is `norm`." in text
    assert "batches of 3 and 2" in text


def test_unverified_says_so_in_as_many_words() -> None:
    model = graph(image_net)
    report = unverified(write(model), model, {}, "TensorFlow is not installed")
    assert "NOT VERIFIED against Keras" in report.files()["report.md"]
    assert "NOT VERIFIED against Keras: TensorFlow" in report.sentence()
    assert json.loads(report.to_json())["max_rel_diff"] is None


@pytest.mark.parametrize(
    ("verdict", "plain", "required"),
    [("exact", 0, 0), ("close", 0, 0), ("different", 1, 1), ("unverified", 0, 1)],
)
def test_exit_status(report: Report, verdict, plain: int, required: int) -> None:
    report.verdict = verdict
    assert report.exit_status() == plain
    assert report.exit_status(require_verified=True) == required
    report.not_converted = ["lambda_1"]
    assert report.exit_status() == 1


def test_names_from_a_file_are_no_markup(report: Report) -> None:
    report.layers.append(LayerRow("[red]`x`|\n<b>", "Dense", None, "nn.Linear(1, 1)"))
    text = report.files()["report.md"]
    assert "`[red]'x'\\| &lt;b>`" in text
    assert "[red]" in shown(report)


def shown(report: Report, terminal: bool = True) -> str:
    out = io.StringIO()
    show(report, Console(file=out, force_terminal=terminal, width=120, no_color=True))
    return out.getvalue()


def test_terminal_shows_layers_and_verdict(report: Report) -> None:
    text = shown(report)
    assert "conv1" in text
    assert "close, against Keras 3.15.1" in text
    assert "trainable parameters: Keras 533, PyTorch 533" in text


def test_a_pipe_gets_one_line(report: Report) -> None:
    assert shown(report, terminal=False) == report.sentence() + "\n"


def test_the_worst_come_first_where_layers_are_many(report: Report) -> None:
    report.layers = [
        LayerRow(f"layer{i}", "Dense", None, "", "exact", 1e-8) for i in range(60)
    ]
    report.layers[50] = LayerRow("wrong", "Dense", None, "", "different", 1.0)
    lines = shown(report).splitlines()
    assert "wrong" in lines[1]
    assert any("36 more" in line for line in lines)
    assert len(lines) < 32
