"""A script as text: a Python file, or the code cells of a notebook."""

from __future__ import annotations

import ast
import io
import json
import re
import tokenize
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keras2torch.errors import UnusableFile

# A script of this size was written by a program; a notebook carries its pictures.
_LARGEST = {".py": 2 << 20, ".ipynb": 64 << 20}
_PYTHON_2 = re.compile(
    r"""^\s*print\s*(>>|[^\s(=.,:\[])   # print "text", print >>file
      | ^\s*print\s+\(.*\)\s*%          # print ("%d") % 3
      | ^\s*except\s+[\w.,\s()]+,\s*\w+\s*:
      | ^\s*raise\s+[\w.]+\s*,
      | ^\s*exec\s+[^\s(=]
      | <>
      | \b0[0-7]+[lL]?\b | \b\d+[lL]\b | \bur["']""",
    re.VERBOSE,
)
_MAGIC = re.compile(r"^\s*(%|!|\?)|^[^#'\"]*=\s*[!%]|^[^#'\"]*\?\s*$")
# Magics over a whole cell that is Python nevertheless.
_PYTHON_CELLS = ("%%time", "%%timeit", "%%capture", "%%prun")


@dataclass(frozen=True)
class Source:
    """A script that was read.

    Parameters
    ----------
    path
        Where it came from.
    text
        Python; of a notebook the code cells, one below the other.
    tree
        Its syntax tree.
    labels
        What each line is called: its number, in a notebook ``cell:line``.
    """

    path: Path
    text: str
    tree: ast.Module
    labels: tuple[str, ...]

    @property
    def lines(self) -> list[str]:
        """The text, line by line, as the syntax tree counts them."""
        return _split(self.text)


def read(path: Path) -> Source:
    """Read a script without running anything of it.

    Raises
    ------
    UnusableFile
        Where it is missing, too large, or no Python 3; the sentence says which.
    """
    if path.is_dir():
        raise UnusableFile(f"{path} is a folder; name the scripts in it.")
    if not path.is_file():
        raise UnusableFile(f"there is no file {path}.")
    suffix = ".ipynb" if path.suffix == ".ipynb" else ".py"
    try:
        size = path.stat().st_size
        if size > _LARGEST[suffix]:
            raise UnusableFile(
                f"{path} has {size:,} bytes; a script of more than "
                f"{_LARGEST[suffix] >> 20} MB is not read."
            )
        data = path.read_bytes()
    except OSError as error:
        raise UnusableFile(f"{path} cannot be read: {error.strerror}.") from error
    text = _decoded(path, data)
    if suffix == ".ipynb":
        text, labels = _cells(path, text)
    else:
        labels = tuple(str(n) for n in range(1, len(_split(text)) + 1))
    return Source(path, text, _parsed(path, text, labels), labels)


def _decoded(path: Path, data: bytes) -> str:
    if b"\0" in data:
        raise UnusableFile(
            f"{path} is not Python: it holds binary data; a model file is for "
            "`keras2torch convert`."
        )
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        text = data.decode(encoding)
    except (SyntaxError, UnicodeDecodeError, LookupError) as error:
        raise UnusableFile(
            f"{path} is not Python: it is no text in the encoding that it names, or in "
            "UTF-8."
        ) from error
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\xa0", " ")


def _split(text: str) -> list[str]:
    # Not `splitlines`: the syntax tree does not count form feeds as ends of lines.
    return text.removesuffix("\n").split("\n")


def _parsed(path: Path, text: str, labels: tuple[str, ...]) -> ast.Module:
    try:
        with warnings.catch_warnings():
            # An invalid escape in somebody's docstring is not ours to report.
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except SyntaxError as error:
        number = error.lineno or 1
        label = labels[min(number, len(labels)) - 1] if labels else "1"
        lines = _split(text)
        line = lines[number - 1] if number <= len(lines) else ""
        said = error.msg or "invalid syntax"
        if _PYTHON_2.search(line) or "in call to 'print'" in said:
            raise UnusableFile(
                f"{path} is Python 2, by its line {label}; the guide reads Python 3: "
                "bring it over with 2to3 first."
            ) from error
        raise UnusableFile(f"{path} is not Python: line {label}, {said}.") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise UnusableFile(
            f"{path} is not Python that can be read: {error}."
        ) from error


def _cells(path: Path, text: str) -> tuple[str, tuple[str, ...]]:
    """Return the code of a notebook, and what its lines are called."""
    try:
        notebook: Any = json.loads(text)
        # Before version 4 the cells lay in worksheets.
        sheets = notebook.get("worksheets") or [notebook]
        cells = [cell for sheet in sheets for cell in sheet["cells"]]
        kinds = [(c["cell_type"], c.get("source", c.get("input", ""))) for c in cells]
        codes = [
            (n, "".join(code))
            for n, (kind, code) in enumerate(kinds, start=1)
            if kind == "code"
        ]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UnusableFile(f"{path} is not a notebook.") from error
    lines: list[str] = []
    labels: list[str] = []
    for number, code in codes:
        for at, line in enumerate(_python(code), start=1):
            lines.append(line)
            labels.append(f"{number}:{at}")
    return "\n".join(lines) + "\n", tuple(labels)


def _python(code: str) -> list[str]:
    """Return a cell's lines, what IPython alone understands commented out."""
    lines = _split(code)
    first = next((line for line in lines if line.strip()), "")
    if first.startswith("%%") and not first.startswith(_PYTHON_CELLS):
        return [f"# {line}" for line in lines]
    found, continued, depth = [], False, 0
    for line in lines:
        if continued:
            continued = line.rstrip().endswith("\\")
            found.append(f"# {line}")
        elif not depth and _MAGIC.match(line):
            continued = line.rstrip().endswith("\\")
            indent = line[: len(line) - len(line.lstrip())]
            # `pass`, as a magic may be all that a block holds.
            found.append(f"{indent}pass  # {line.strip()}" if indent else f"# {line}")
        else:
            found.append(line)
            depth = max(0, depth + sum(map(line.count, "([{")))
            depth = max(0, depth - sum(map(line.count, ")]}")))
    return found
