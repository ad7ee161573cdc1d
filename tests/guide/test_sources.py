"""Bad input is one sentence; notebooks are read as their code."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from keras2torch.cli import main
from keras2torch.errors import UnusableFile
from keras2torch.guide import guide, sources

BAD = {
    "missing": (None, "there is no file"),
    "syntax": (b"def f(:\n", "is not Python: line 1"),
    "print": (b"import keras\nprint 'loss', 3\n", "Python 2, by its line 2"),
    "except": (b"try:\n    pass\nexcept ValueError, e:\n    pass\n", "Python 2"),
    "backslash": (b"x = 1 \\ 2\n", "is not Python: line 1"),
    "octal": (b"import os\nos.chmod('a', 0755)\n", "Python 2"),
    "binary": (b"\x89HDF\r\n\x1a\n\0\0\0", "binary"),
    "latin": ("é = 1\n".encode("latin-1"), "UTF-8"),
    "encoding": (b"# coding: wobble\n", "encoding"),
    "nested": (b"x = " + b"(" * 5000 + b")" * 5000, "is not Python"),
    "deep": (b"x = " + b"-" * 100000 + b"1\n", "is not Python|deeply"),
    "long": (b"x = 1" + b" + 1" * 20000 + b"\n", "deeply|is not Python"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_sentence(case, tmp_path):
    data, expected = BAD[case]
    path = tmp_path / "train.py"
    if data is not None:
        path.write_bytes(data)
    result = CliRunner().invoke(main, ["guide", str(path)])
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    message = result.stderr.strip()
    assert "\n" not in message
    assert "Traceback" not in message
    assert any(word in message for word in expected.split("|")), message


def test_a_folder_is_refused(tmp_path):
    result = CliRunner().invoke(main, ["guide", str(tmp_path)])
    assert result.exit_code == 2
    assert "folder" in result.stderr


def test_what_is_too_large_is_not_read(tmp_path):
    path = tmp_path / "train.py"
    path.write_bytes(b"#" * ((2 << 20) + 1))
    with pytest.raises(UnusableFile, match="bytes"):
        guide(path)


def test_nothing_is_run_and_no_page_is_left(tmp_path):
    trace = tmp_path / "trace"
    path = tmp_path / "train.py"
    path.write_text(
        f"import keras\nopen({str(trace)!r}, 'w')\nraise SystemExit(7)\nkeras.Model()"
    )
    assert list(guide(path).names) == ["Model"]
    assert not trace.exists()
    bad = tmp_path / "bad.py"
    bad.write_text("(")
    page = tmp_path / "page.html"
    result = CliRunner().invoke(main, ["guide", str(bad), "--html", str(page)])
    assert result.exit_code == 2
    assert not page.exists()


def test_spaces_that_do_not_break(tmp_path):
    path = tmp_path / "train.py"
    path.write_text("import\xa0keras\nkeras.Model()", encoding="utf-8")
    assert list(guide(path).names) == ["Model"]


def test_an_empty_script(tmp_path):
    path = tmp_path / "train.py"
    path.write_bytes(b"")
    report = guide(path)
    assert report.names == {}
    assert report.share == 1
    result = CliRunner().invoke(main, ["guide", str(path)])
    assert result.exit_code == 0
    assert "no name of Keras" in result.output


@pytest.mark.parametrize(
    "head", [b"\xef\xbb\xbf", b"# -*- coding: latin-1 -*-\n# \xe9\n", b"#!/bin/x\r\n"]
)
def test_encodings_and_ends_of_lines(head, tmp_path):
    path = tmp_path / "train.py"
    path.write_bytes(head + b"import keras\r\nkeras.Model()\r\n")
    report = guide(path)
    assert list(report.names) == ["Model"]
    assert len(report.source.lines) == len(report.source.labels)


def notebook(*cells):
    kinds = [("markdown" if c.startswith("#!") else "code", c) for c in cells]
    return json.dumps(
        {
            "nbformat": 4,
            "cells": [
                {"cell_type": kind, "source": text.splitlines(keepends=True)}
                for kind, text in kinds
            ],
        }
    )


def test_a_notebook(tmp_path):
    path = tmp_path / "train.ipynb"
    path.write_text(
        notebook(
            "#! a title",
            "!pip install \\\n    keras\n%matplotlib inline\nimport keras\nfiles = !ls",
            "%%bash\necho keras.Model",
            "%%time\nm = keras.Sequential()\nif m:\n    %timeit m\nm.summary()\nm()??",
            "x = [\n  1\n  %2\n]\nm.fit(\n  x)",
        )
    )
    report = guide(path)
    places = {i.name: i.label for i in report.idioms if i.counts}
    assert places == {"Sequential": "4:2", "Model.summary": "4:5", "Model.fit": "5:5"}


def test_notebooks_of_version_3(tmp_path):
    cell = {"cell_type": "code", "input": ["import keras\n", "keras.Model()"]}
    path = tmp_path / "train.ipynb"
    path.write_text(json.dumps({"worksheets": [{"cells": [cell]}]}))
    assert list(guide(path).names) == ["Model"]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"cells": 3}', '{"cells": [3]}'])
def test_what_is_no_notebook(text, tmp_path):
    path = tmp_path / "train.ipynb"
    path.write_text(text)
    with pytest.raises(UnusableFile, match="not a notebook"):
        guide(path)


def test_a_broken_cell_is_named(tmp_path):
    path = tmp_path / "train.ipynb"
    path.write_text(notebook("import keras", "x = (\n"))
    with pytest.raises(UnusableFile, match="line 2:"):
        guide(path)


def test_lines_are_those_of_the_syntax_tree(tmp_path):
    path = tmp_path / "train.py"
    path.write_bytes(b"x = 'a\x0cb'\n\x0c\nimport keras\nkeras.Model()\n")
    source = sources.read(path)
    assert source.lines[2] == "import keras"
    assert [i.label for i in guide(path).idioms if i.counts] == ["4"]
