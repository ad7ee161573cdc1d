"""The whole way: a Keras file in, PyTorch source, weights and report out."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import onnx_ir as ir

from keras2torch.errors import (
    Keras2TorchError,
    UnusableFile,
    VerificationUnavailable,
)
from keras2torch.layout import Choice
from keras2torch.program import Program, write
from keras2torch.program.names import class_name
from keras2torch.reading import read
from keras2torch.verification import Report, unverified, verify
from keras2torch.verification import reference as keras_reference

if TYPE_CHECKING:
    from torch import nn

Progress = Callable[[str], None]
Verify = Literal["auto", "never", "always"]


@dataclass
class Conversion:
    """A converted model.

    Attributes
    ----------
    program
        Source, state dict and layouts.
    graph
        The model as ONNX, its Keras layers whole.
    report
        What was compared and with which verdict.
    """

    program: Program
    graph: ir.Model
    report: Report
    extra_files: dict[str, str] = field(default_factory=dict)

    @property
    def source(self) -> str:
        """The text of ``model.py``."""
        return self.program.source

    @cached_property
    def module(self) -> nn.Module:
        """The ``nn.Module`` made by executing :attr:`source`, in eval mode."""
        module: nn.Module = self.program.module()
        return module

    def save(self, folder: str | os.PathLike[str], *, keep_onnx: bool = False) -> Path:
        """Write ``model.py``, ``model.safetensors`` and the report.

        Everything is written beside the folder first and then moved into place, so
        that a failure leaves what was there as it was.

        Parameters
        ----------
        folder
            Made if it is not there; other files in it are left alone.
        keep_onnx
            Also write the graph: ``model.onnx``, which ``convert`` takes as well.

        Returns
        -------
        Path
            The folder.
        """
        from safetensors.numpy import save_file

        target = Path(folder)
        if target.exists() and not target.is_dir():
            raise UnusableFile(
                f"{target} is a file; name a folder for the output (-o FOLDER)."
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        prefix = f".{target.name}."
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=prefix) as beside:
            new = Path(beside)
            (new / "model.py").write_text(self.source, encoding="utf-8")
            metadata = {"format": "pt"}
            save_file(self.program.state(), new / "model.safetensors", metadata)
            for name, text in self.report.files().items():
                (new / name).write_text(text, encoding="utf-8")
            for name, text in self.extra_files.items():
                (new / name).write_text(text, encoding="utf-8")
            if keep_onnx:
                ir.save(self.graph, new / "model.onnx")
            target.mkdir(exist_ok=True)
            for file in sorted(new.iterdir()):
                os.replace(file, target / file.name)
        return target


class Stages:
    """Seconds by stage, and who is told when one begins."""

    def __init__(self, progress: Progress | None = None) -> None:
        self.seconds: dict[str, float] = {}
        self._progress = progress

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Time a block as the stage ``name``."""
        if self._progress is not None:
            self._progress(name)
        start = time.perf_counter()
        try:
            yield
        finally:
            took = time.perf_counter() - start
            self.seconds[name] = self.seconds.get(name, 0.0) + took


def convert(
    source: Any,
    output: str | os.PathLike[str] | None = None,
    *,
    layout: Choice = "torch",
    verify: Verify = "auto",
    trust: bool = False,
    custom_objects: str | os.PathLike[str] | None = None,
    name: str | None = None,
    keras_python: str | None = None,
    keep_onnx: bool = False,
    progress: Progress | None = None,
) -> Conversion:
    """Convert a Keras model to PyTorch.

    Parameters
    ----------
    source
        A path (HDF5 or ``.keras``, known by its bytes; architecture JSON; a graph kept
        by ``keep_onnx``), a pair (architecture, weights), or a live Keras model.
    output
        Folder to write; nothing is written without.
    layout
        ``"torch"``: channels first at the boundary. ``"keras"``: as Keras has it.
    verify
        ``"auto"``: compare with Keras if TensorFlow is installed. ``"always"``: fail
        if it is not. ``"never"``: do not compare.
    trust, custom_objects
        Kept for layers that carry code; such files are refused by name today.
    name
        Class name of the model.
    keras_python
        Interpreter of an environment with TensorFlow, if not this one.
    keep_onnx
        Also write the graph as ``model.onnx``.
    progress
        Called with the name of each stage as it begins.

    Returns
    -------
    Conversion
        ``.module``, ``.source``, ``.report``, ``.save(folder)``.

    Raises
    ------
    UnusableFile
        If the file is no Keras model, damaged, or holds what a reader refuses.
    UnknownLayers
        If it holds layers without a rule: all of them are listed.
    UnsupportedLayer
        If a layer has an argument or shape without a rule.
    WeightMismatch
        If weights and architecture do not belong together.
    VerificationUnavailable
        With ``verify="always"``, if Keras cannot be run.
    """
    if layout not in ("torch", "keras"):
        raise ValueError(f"layout is 'torch' or 'keras', not {layout!r}")
    if verify not in ("auto", "never", "always"):
        raise ValueError(f"verify is 'auto', 'never' or 'always', not {verify!r}")
    if _is_live(source):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.keras"
            source.save(path)
            made = _in_own_process(path, folder, layout, verify, name or source.name)
    else:
        made = _convert_file(
            *_paths(source), layout, verify, name, keras_python, progress
        )
    if output is not None:
        made.save(output, keep_onnx=keep_onnx)
    return made


def _convert_file(
    path: Path,
    weights: Path | None,
    layout: Choice,
    verified: Verify,
    name: str | None,
    keras_python: str | None,
    progress: Progress | None,
) -> Conversion:
    stage = Stages(progress)
    with ExitStack() as stack:
        process = None
        if verified != "never" and path.exists():
            # Started first, so that TensorFlow loads while the rest is done.
            process = keras_reference(stack, keras_python, needed=verified == "always")
        with stage("reading"):
            graph = read(path, weights)
        with stage("writing"):
            program = write(graph, layout=layout, name=name or _name(graph, path))
        if process is None:
            if verified == "always":
                raise VerificationUnavailable(_NO_KERAS)
            return Conversion(program, graph, unverified(program, graph, stage.seconds))
        report = verify(program, graph, path, weights, process, stage)
        if verified == "always" and report.verdict == "unverified":
            raise VerificationUnavailable(report.reason or _NO_KERAS)
        return Conversion(program, graph, report)


_NO_KERAS = (
    "Keras is not installed here, so nothing can be compared; install "
    "keras2torch[tensorflow] or name an interpreter that has it (--keras-python)."
)


def _name(graph: ir.Model, path: Path) -> str:
    """Return the model's own name, or the file's where Keras made one up."""
    own = graph.graph.name or "model"
    return path.stem if class_name(own) == "Model" else own


def _paths(source: Any) -> tuple[Path, Path | None]:
    if isinstance(source, (tuple, list)) and len(source) == 2:
        return Path(source[0]), Path(source[1])
    return Path(source), None


def _is_live(source: Any) -> bool:
    return hasattr(source, "get_config") and hasattr(source, "save")


def _in_own_process(
    path: Path, folder: str, layout: Choice, verified: Verify, name: str
) -> Conversion:
    """Convert a live model's file elsewhere: torch may not join TensorFlow here."""
    out = Path(folder) / "out"
    flags = {"never": ["--no-verify"], "always": ["--require-verified"], "auto": []}
    done = subprocess.run(
        [
            *[sys.executable, "-m", "keras2torch", "convert", str(path)],
            *["-o", str(out), "--layout", layout, "--name", name],
            *flags[verified],
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if not (out / "report.json").exists():
        raise Keras2TorchError(done.stderr.strip() or done.stdout.strip())
    graph = read(path, None)
    for value in graph.graph.initializers.values():
        # The file goes away: hold the arrays themselves.
        if value.const_value is not None:
            value.const_value = ir.tensor(value.const_value.numpy(), name=value.name)
    program = write(graph, layout=layout, name=name)
    return Conversion(program, graph, Report.load(out / "report.json"))
