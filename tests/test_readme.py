"""What the README shows is what the code says today."""

import io
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from rich.console import Console

from keras2torch.coverage import table
from keras2torch.guide import guide
from keras2torch.guide.terminal import show

README = Path(__file__).resolve().parents[1] / "README.md"
START, END = "<!-- layers -->", "<!-- /layers -->"
# A script, and what the guide says of it.
GUIDE = re.compile(
    r"(<!-- guide -->\n```python\n(.*?)```\n\n```text\n)(.*?)(```\n<!-- /guide -->)",
    flags=re.S,
)
# A subclassed model of examples/, converted.
CUSTOM = re.compile(
    r"(<!-- custom -->\n```python\n)(.*?)(```\n<!-- /custom -->)", flags=re.S
)
AGAIN = "run `python -m tests.test_readme` to write it anew"


def guided(text: str) -> str:
    """What the guide prints for a script."""
    out = io.StringIO()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train.py"
        path.write_text(text, encoding="utf-8")
        show(guide(path), Console(file=out, width=88, highlight=False))
    said = out.getvalue().replace(f"{folder}/", "")
    return "".join(f"{line.rstrip()}\n" for line in said.splitlines())


def converted() -> str:
    """The classes of model.py for the model of examples/residual.py."""
    script = README.parent / "examples" / "residual.py"
    quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    with tempfile.TemporaryDirectory() as folder:
        for command in (
            [sys.executable, str(script)],
            [
                *[sys.executable, "-m", "keras2torch", "convert", "residual.keras"],
                *["--custom-objects", str(script), "--require-verified", "-o", "out"],
            ],
            [
                *[sys.executable, "-m", "keras2torch", "verify", "out"],
                *["residual.keras", "--custom-objects", str(script)],
            ],
        ):
            quiet["PYTHONPATH"] = str(README.parent)
            subprocess.run(
                command, cwd=folder, env=quiet, capture_output=True, check=True
            )
        text = (Path(folder) / "out" / "model.py").read_text(encoding="utf-8")
    start, end = text.index("class "), text.index("def load(")
    return text[start:end].rstrip() + "\n"


@pytest.mark.needs_keras
def test_the_custom_layers_become_what_is_shown() -> None:
    shown = CUSTOM.search(README.read_text(encoding="utf-8"))
    assert shown
    assert shown[2] == converted(), AGAIN


def test_the_layer_table_is_fresh() -> None:
    text = README.read_text(encoding="utf-8")
    shown = text.partition(START)[2].partition(END)[0].strip()
    assert shown == table(), AGAIN


def test_the_guide_says_what_is_shown() -> None:
    shown = GUIDE.search(README.read_text(encoding="utf-8"))
    assert shown
    assert shown[3] == guided(shown[2]), AGAIN


def test_the_plugin_is_the_one_that_is_tested() -> None:
    text = README.read_text(encoding="utf-8")
    shown = text.partition("<!-- plugin -->\n```python\n")[2].partition("```\n")[0]
    file = README.parent / "examples" / "my_torch_layers.py"
    assert shown == file.read_text(encoding="utf-8")


def main() -> None:
    """Write them into the README."""
    text = README.read_text(encoding="utf-8")
    head, _, rest = text.partition(START)
    tail = rest.partition(END)[2]
    text = f"{head}{START}\n{table()}\n{END}{tail}"
    text = GUIDE.sub(lambda m: f"{m[1]}{guided(m[2])}{m[4]}", text)
    text = CUSTOM.sub(lambda m: f"{m[1]}{converted()}{m[3]}", text)
    README.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
