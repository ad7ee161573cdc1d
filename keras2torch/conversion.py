"""The whole way: a Keras file in, PyTorch source, weights and report out."""

from __future__ import annotations

import json
import os
import re
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import onnx_ir as ir

from keras2torch import training, verification
from keras2torch.dialect.files import is_foreign
from keras2torch.dialect.files import save as save_onnx
from keras2torch.errors import (
    UnusableFile,
    VerificationUnavailable,
)
from keras2torch.layers.convolution_recurrent import ConvLSTM2D
from keras2torch.layers.wrappers import TimeDistributed
from keras2torch.layout import Choice
from keras2torch.plugins import using
from keras2torch.plugins.registry import Files, listed
from keras2torch.program import Program, write
from keras2torch.program.form import Form
from keras2torch.program.names import class_name
from keras2torch.program.state_file import save_state
from keras2torch.reading import kind
from keras2torch.reading.revisions import as_today, older
from keras2torch.routes import Found, Trust, find
from keras2torch.stages import Progress, Stages

if TYPE_CHECKING:
    from torch import nn

    from keras2torch.tracing import KerasProcess
    from keras2torch.training import TrainScript
    from keras2torch.verification import OnnxRuntime, Report

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
    train_script
        The text of ``train.py``, where the file carries a compile config.
    """

    program: Program
    graph: ir.Model
    report: Report
    train_script: str | None = None

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
        """Write ``model.py``, its weights, the report, and ``train.py``.

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
            save_state(self.program.weights, new / "model.safetensors")
            for name, content in self.program.files.items():
                (new / name).write_bytes(content)
            for name, text in self.report.files().items():
                (new / name).write_text(text, encoding="utf-8")
            if self.train_script is not None:
                (new / "train.py").write_text(self.train_script, encoding="utf-8")
            if keep_onnx:
                save_onnx(self.graph, new / "model.onnx")
            target.mkdir(exist_ok=True)
            for file in sorted(new.iterdir()):
                os.replace(file, target / file.name)
        return target


def convert(
    source: Any,
    output: str | os.PathLike[str] | None = None,
    *,
    layout: Choice = "torch",
    flat: bool = False,
    faithful: bool = False,
    verify: Verify = "auto",
    trust: bool = False,
    custom_objects: str | os.PathLike[str] | None = None,
    name: str | None = None,
    keras_python: str | None = None,
    keep_onnx: bool = False,
    plugins: Files = None,
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
    flat
        One line a layer: what the model repeats is not made a class.
    faithful
        Keras' numbers in training come before idiom: where torch's own module trains
        otherwise, a small class that does as Keras. The report names each place.
    verify
        ``"auto"``: compare with Keras if TensorFlow is installed. ``"always"``: fail
        if it is not. ``"never"``: do not compare.
    trust
        Run the code that the model carries (Lambda, SavedModel), in the Keras process.
    custom_objects
        A Python file with the model's own Keras classes, run in that process too.
    name
        Class name of the model.
    keras_python
        Interpreter of an environment with TensorFlow, if not this one.
    keep_onnx
        Also write the graph as ``model.onnx``.
    plugins
        Python files with PyTorch replacements for custom layers, for this conversion:
        see :func:`keras2torch.register`.
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
        options = {
            "layout": layout,
            "flat": flat,
            "faithful": faithful,
            "verify": verify,
            "name": name or source.name,
            "keras_python": keras_python,
            "plugins": listed(plugins),
        }
        made = _of_live(source, options, plugins, progress)
        if output is not None:
            made.save(output, keep_onnx=keep_onnx)
        return made
    path, weights = _paths(source)
    with using(plugins):
        made = convert_file(
            path,
            weights,
            layout=layout,
            flat=flat,
            faithful=faithful,
            verify=verify,
            name=name,
            trust=trust,
            custom_objects=custom_objects,
            keras_python=keras_python,
            progress=progress,
        )
    if output is not None:
        made.save(output, keep_onnx=keep_onnx)
    return made


def convert_file(
    path: Path,
    weights: Path | None = None,
    *,
    layout: Choice = "torch",
    flat: bool = False,
    faithful: bool = False,
    verify: Verify = "auto",
    name: str | None = None,
    trust: bool = False,
    custom_objects: str | os.PathLike[str] | None = None,
    keras_python: str | None = None,
    process: KerasProcess | None = None,
    progress: Progress | None = None,
) -> Conversion:
    """Convert a file or a SavedModel folder; see :func:`convert`.

    Parameters
    ----------
    process
        A Keras process to compare with; whoever converts many files starts one once.
    """
    stage = Stages(progress)
    with ExitStack() as stack:
        keras = _Keras(stack, keras_python, process)
        if verify != "never" and path.exists() and not _is_onnx(path):
            # Started first, so that TensorFlow loads while the rest is done.
            keras.start(needed=verify == "always")
        with stage("reading"):
            found = find(path, weights, _trust(trust, custom_objects), keras)
        graph = found.graph
        with stage("writing"):
            form = Form(layout, flat, faithful)
            program = _written(graph, form, name or _name(graph, path))
            loop = _training(program, graph)
        judge = None
        unseen = verify != "never" and verification.draws_unseen(graph)
        if verify != "never" and not unseen:
            judge = keras.judge(graph, needed=verify == "always")
        if judge is None:
            reason = "" if verify == "never" else _DRAWS if unseen else _NO_KERAS
            report = verification.unverified(program, graph, stage.seconds, reason)
        else:
            own = None if custom_objects is None else Path(custom_objects)

            def compared(program: Program, found: Found) -> Report:
                return verification.verify(
                    program,
                    found.graph,
                    path,
                    weights,
                    judge,
                    stage,
                    trust=trust,
                    custom_objects=own,
                    loaded=found.loaded,
                )

            report = compared(program, found)
            if report.verdict == "different" and (
                changed := _changed_since(program, graph)
            ):
                with as_today():
                    again = find(path, weights, _trust(trust, custom_objects), keras)
                renewed = _written(again.graph, form, program.name)
                today = compared(renewed, again)
                report = _as_released(report, today, changed, graph)
    if verify == "always" and report.verdict == "unverified":
        raise VerificationUnavailable(report.reason or _NO_KERAS)
    return _concluded(program, graph, report, loop)


def verify_folder(
    folder: Path,
    source: Path,
    weights: Path | None = None,
    *,
    trust: bool = False,
    custom_objects: Path | None = None,
    keras_python: str | None = None,
    progress: Progress | None = None,
) -> Report:
    """Compare the model that lies in a folder with a Keras file.

    What is compared is the folder's own ``model.py`` with the weights beside it, as
    its ``load()`` returns it; where the text is what would be written today, layer by
    layer.

    Raises
    ------
    UnusableFile
        If the folder holds no converted model.
    VerificationUnavailable
        If Keras cannot be run.
    """
    for file in ("model.py", "model.safetensors"):
        if not (folder / file).is_file():
            raise UnusableFile(f"{folder} holds no {file}; convert a model into it.")
    stage = Stages(progress)
    with ExitStack() as stack:
        keras = _Keras(stack, keras_python)
        if not _is_onnx(source):
            keras.start(needed=True)
        with stage("reading"):
            found = find(source, weights, _trust(trust, custom_objects), keras)
        graph = found.graph
        judge = keras.judge(graph, needed=True)
        assert judge is not None
        text = (folder / "model.py").read_text(encoding="utf-8")
        with stage("writing"):
            program = _same_program(graph, source, text, _form_of(folder))
        from keras2torch.program.module import load_folder

        report = verification.verify(
            program,
            graph,
            source,
            weights,
            judge,
            stage,
            module=lambda: load_folder(folder),
            trust=trust,
            custom_objects=custom_objects,
            loaded=found.loaded,
        )
        if report.verdict == "different" and (
            changed := _changed_since(program, graph)
        ):
            report.remarks.append(_told_release(changed, graph))
        return report


class _Keras:
    """The Keras process of one conversion: at most one, started when it is asked for.

    Parameters
    ----------
    stack
        Ends the process.
    python
        Its interpreter, if not this one.
    process
        One that runs already.
    """

    def __init__(
        self, stack: ExitStack, python: str | None, process: KerasProcess | None = None
    ) -> None:
        self._stack = stack
        self._python = python
        self._process = process

    def start(self, *, needed: bool) -> KerasProcess | None:
        """Start it, without waiting; ``None`` where TensorFlow is not installed."""
        if self._process is None:
            started = verification.reference(self._stack, self._python, needed=needed)
            self._process = started
        return self._process

    def __call__(self) -> KerasProcess:
        """Return it, for what cannot do without."""
        process = self.start(needed=True)
        assert process is not None
        return process

    def judge(
        self, graph: ir.Model, *, needed: bool
    ) -> KerasProcess | OnnxRuntime | None:
        """Return who computes what the module has to compute."""
        if is_foreign(graph):
            return verification.OnnxRuntime(graph)
        return self.start(needed=needed)


def _is_onnx(path: Path) -> bool:
    return path.is_file() and kind(path) == "onnx"


def _written(graph: ir.Model, form: Form, name: str | None) -> Program:
    return write(graph, name=name, **form.to_dict())


def _form_of(folder: Path) -> Form | None:
    """Return the form that a folder's report tells of."""
    try:
        told = json.loads((folder / "report.json").read_text(encoding="utf-8"))
        return Form.from_dict(told["form"])
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _same_program(
    graph: ir.Model, source: Path, text: str, told: Form | None
) -> Program:
    """Return the program whose text this is; with no captures if it was changed.

    ``told``: the form that the report beside it says; without one all are tried.
    """
    found = re.findall(r"^class (\w+)\(", text, re.MULTILINE)
    names = [found[-1] if found else None, _name(graph, source)]
    for form in [told] if told is not None else Form.every():
        for name in names:
            program = _written(graph, form, name)
            if program.source == text:
                return program
    # Somebody edited the file: its inputs and outputs are compared all the same.
    program = _written(graph, told or Form(), _name(graph, source))
    return replace(program, source=text, classes=[])


def _training(program: Program, graph: ir.Model) -> TrainScript | None:
    """Return the loop that the model was compiled for."""
    metadata = graph.metadata_props
    config = metadata.get("training_config")
    if not config:
        return None
    return training.write_train_script(program, config, metadata.get("keras_version"))


def _concluded(
    program: Program, graph: ir.Model, report: Report, loop: TrainScript | None
) -> Conversion:
    """Return the conversion; what train.py leaves open stands in the report."""
    report.remarks += _of_theano(program, graph)
    if loop is None:
        return Conversion(program, graph, report)
    known = {note["note"] for note in report.notes}
    report.notes += [
        {"layer": "train.py", "note": n} for n in loop.notes if n not in known
    ]
    return Conversion(program, graph, report, loop.source)


def _changed_since(program: Program, graph: ir.Model) -> list[str]:
    """Return the layers that compute what only an older Keras 3, the file's, did."""
    if not graph.metadata_props.get("keras_version", "").startswith("3."):
        return []
    steps = program.plan.layer_steps()
    return sorted({s.node.layer.name for s in steps if older(s.node.layer)})


def _as_released(
    report: Report, today: Report, layers: list[str], graph: ir.Model
) -> Report:
    """Return what holds of a file of an older Keras 3 than the one at hand.

    Parameters
    ----------
    report
        Of the model as the file's own Keras computed it.
    today
        Of the same model with the layers as today's Keras computes them.
    layers
        Those that were changed.
    """
    told = _told_release(layers, graph)
    if today.verdict != "exact":
        report.remarks.append(told)
        return report
    compared = "All else was compared with these as in the Keras at hand."
    today.remarks = [f"{told} {compared}", *today.remarks]
    version = graph.metadata_props["keras_version"]
    today.reference += f", but for what Keras {version} did otherwise"
    today.notes = report.notes
    return today


def _told_release(layers: list[str], graph: ir.Model) -> str:
    version = graph.metadata_props["keras_version"]
    return (
        f"As in Keras {version}, which wrote the file, and not as in later releases: "
        f"{', '.join(layers)}."
    )


def _of_theano(program: Program, graph: ir.Model) -> list[str]:
    """Say where Keras on Theano computed otherwise than on TensorFlow.

    Theano padded "same" by k // 2 before, TensorFlow splits what the stride leaves;
    today's Keras, with which a file is compared, is TensorFlow's.
    """
    metadata = graph.metadata_props
    version, backend = metadata.get("keras_version", ""), metadata.get("backend", "")
    if backend != "theano" and (backend or not version.startswith(("0.", "1."))):
        return []

    def other(layer: Any) -> bool:
        same = getattr(layer, "padding", None) == "same"
        even = np.atleast_1d(getattr(layer, "kernel_size", 1)) % 2 == 0
        strides = np.atleast_1d(getattr(layer, "strides", None) or 1)
        # The recurrent convolution always pads so, and has no strides.
        recurrent = isinstance(layer, ConvLSTM2D) and even.any()
        return bool(recurrent or (same and (even.any() or (strides > 1).any())))

    layers = {
        la.name: la.inner if isinstance(la, TimeDistributed) else la
        for la in (step.node.layer for step in program.plan.layer_steps())
    }
    remarks = []
    if found := sorted(name for name, layer in layers.items() if other(layer)):
        which = "was" if backend == "theano" else "may have been"
        remarks.append(
            f"The file {which} written by Keras on Theano, whose 'same' padding is "
            f"another one with even kernels or strides: {', '.join(found)} compute "
            "what Keras on TensorFlow computes."
        )
    kernels = sorted(n for n, la in layers.items() if hasattr(la, "kernel_size"))
    if version.startswith("0.") and kernels:
        remarks.append(
            "Keras 0.3 did not write whether it ran on Theano, its default, or on "
            f"TensorFlow: the kernels of {', '.join(kernels)} are read as Theano's, "
            "which are mirrored. Compare some predictions if you have them."
        )
    return remarks


def _trust(trust: bool, custom_objects: str | os.PathLike[str] | None) -> Trust:
    return Trust(trust, None if custom_objects is None else Path(custom_objects))


_DRAWS = (
    "it draws random numbers where nobody can let both sides draw the same ones (in "
    "the functions of a SavedModel, in operators of ONNX): convert the .keras or .h5 "
    "file of the model to have it compared."
)
_NO_KERAS = (
    "Keras is not installed here, so nothing can be compared; install "
    "keras2torch[tensorflow] or name an interpreter that has it (--keras-python)."
)


def _name(graph: ir.Model, path: Path) -> str:
    """Return the model's own name, or the file's where Keras made one up."""
    own = graph.graph.name or "model"
    return path.stem if class_name(own) == "Model" else own


def _is_live(source: Any) -> bool:
    """Whether it is a Keras model, and no path."""
    return hasattr(source, "get_config") and hasattr(source, "save")


def _paths(source: Any) -> tuple[Path, Path | None]:
    if isinstance(source, (tuple, list)) and len(source) == 2:
        return Path(source[0]), Path(source[1])
    return Path(source), None


def _of_live(
    model: Any, options: dict[str, Any], plugins: Files, progress: Progress | None
) -> Conversion:
    """Convert a live model in a child: torch may not join TensorFlow here."""
    from keras2torch import live
    from keras2torch.reading.onnx_files import read as read_onnx

    with tempfile.TemporaryDirectory(prefix="keras2torch-") as name, using(plugins):
        folder = Path(name)
        live.convert(model, folder, options, progress)
        out = folder / "out"
        graph = read_onnx(out / "model.onnx")
        for value in graph.graph.initializers.values():
            # The file goes away: hold the arrays themselves.
            if value.const_value is not None:
                array = value.const_value.numpy().copy()
                value.const_value = ir.tensor(array, name=value.name)
        form = Form(options["layout"], options["flat"], options["faithful"])
        program = _written(graph, form, options["name"])
        report = verification.Report.load(out / "report.json")
    return _concluded(program, graph, report, _training(program, graph))
