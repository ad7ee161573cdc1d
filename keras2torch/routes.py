"""The roads to the graph: reading a file, tracing what runs, or both."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import onnx_ir as ir

from keras2torch.dialect import from_node, is_layer
from keras2torch.dialect.operators import check as check_operators
from keras2torch.errors import (
    Keras2TorchError,
    NeedsTracing,
    NotTraced,
    UnknownLayers,
    UnsupportedLayer,
    UnusableFile,
)
from keras2torch.layers.activation import has_rule
from keras2torch.layers.definitions import REGISTRY
from keras2torch.reading import kind, read
from keras2torch.reading.keras_classes import are_keras_own
from keras2torch.reading.reader import functions_of, metadata_of
from keras2torch.reading.unknown import own_classes, undefined
from keras2torch.tracing.errors import KerasError, KerasUnavailable

if TYPE_CHECKING:
    from keras2torch.tracing import KerasProcess, LoadedModel
    from keras2torch.tracing.assembly import Trace

# Layers whose call has no rule are traced one after the other; a model that needs more
# of it than this is not worth the wait.
_MOST_TRACES = 20


@dataclass(frozen=True)
class Trust:
    """Which code of the model may run, in the Keras process only.

    Attributes
    ----------
    everything
        ``--trust``: what the file carries.
    custom_objects
        ``--custom-objects``: what the user's file defines.
    """

    everything: bool = False
    custom_objects: Path | None = None

    @property
    def given(self) -> bool:
        """Whether any code may run."""
        return self.everything or self.custom_objects is not None


@dataclass(frozen=True)
class Found:
    """A graph, and what the Keras process holds after it was made.

    Attributes
    ----------
    loaded
        The model in the process, where it was traced: it need not be loaded again.
    """

    graph: ir.Model
    loaded: LoadedModel | None = None


def find(
    path: Path,
    weights: Path | None,
    trust: Trust,
    keras: Callable[[], KerasProcess],
) -> Found:
    """Return the graph of a model, by the road that its source asks for.

    Parameters
    ----------
    path, weights
        A Keras file (an architecture and its weights), a SavedModel folder, a graph
        that was kept.
    trust
        Which code may run.
    keras
        Returns a Keras process; only asked where something has to be traced.

    Raises
    ------
    UnknownLayers
        If there are layers without a rule, and nobody allowed to run their code.
    NotTraced
        If Keras does not load or run the model.
    """
    if path.is_file() and kind(path) == "onnx":
        from keras2torch.reading.onnx_files import read as read_onnx

        return Found(read_onnx(path))
    if path.is_dir():
        if not trust.everything:
            raise UnusableFile(
                f"{path} is a SavedModel, which is a program: it is run, to be traced, "
                "only if you say that you trust it (--trust)."
            )
        return _traced(path, weights, trust, keras())
    try:
        graph = read(path, weights, own=_own(trust))
        _check_activations(graph.graph)
        return Found(graph)
    except UnknownLayers as error:
        if not trust.given:
            return _of_keras_alone(path, weights, keras, error)
        unknown = error
    except NeedsTracing:
        if not trust.given:
            raise
        return _traced(path, weights, trust, keras())
    except UnsupportedLayer as error:
        return _instead(path, weights, trust, keras, error)
    return _mixed(path, weights, trust, keras(), unknown)


def _of_keras_alone(
    path: Path,
    weights: Path | None,
    keras: Callable[[], KerasProcess],
    error: UnknownLayers,
) -> Found:
    """Trace a file whose unknown classes are Keras' own: none of its code runs.

    Raises
    ------
    UnknownLayers
        The one that reading raised, if there are others, or Keras refuses.
    """
    if not are_keras_own(error.items):
        raise error
    try:
        return _mixed(path, weights, Trust(), keras(), error)
    except UnsupportedLayer:
        raise
    except (KerasError, KerasUnavailable, Keras2TorchError) as why:
        raise error from why


def _own(trust: Trust) -> frozenset[str]:
    """Classes of the user's code: in a file, a class is told by its name alone."""
    file = trust.custom_objects
    return own_classes(file) if file is not None else frozenset()


def _instead(
    path: Path,
    weights: Path | None,
    trust: Trust,
    keras: Callable[[], KerasProcess],
    error: UnsupportedLayer,
) -> Found:
    """Trace a model that has a known layer in a way without a rule.

    No code of the file runs for that: without trust Keras loads what is Keras' own.

    Raises
    ------
    UnsupportedLayer
        The one that reading raised, if that does not help either.
    """
    try:
        found = _traced(path, weights, trust, keras())
        check_operators(found.graph.graph)
    except (KerasError, Keras2TorchError) as why:
        raise error from why
    return found


def _check_activations(graph: ir.Graph) -> None:
    """See that each activation is one of Keras' own: others are code.

    Raises
    ------
    UnsupportedLayer
        For one that is not.
    """
    for node in graph:
        if not is_layer(node):
            continue
        call = from_node(node)
        for name in ("activation", "recurrent_activation"):
            activation = getattr(call.layer, name, None)
            if activation is not None and not has_rule(activation):
                raise call.layer.unsupported(f"{name} {activation!r} has no rule")
        if call.body is not None:
            _check_activations(call.body)


def _mixed(
    path: Path,
    weights: Path | None,
    trust: Trust,
    process: KerasProcess,
    unknown: UnknownLayers,
) -> Found:
    """Read the file; what is in the layers without a rule comes from a trace."""
    # Only here: onnx takes 0.3 s to import.
    from keras2torch.tracing.assembly import Inside, told

    _load(path, weights, trust, process, unknown)
    trace, loaded = _trace(process, [])
    try:
        graph = read(path, weights, Inside(trace), _own(trust))
        _check_activations(graph.graph)
    except (UnusableFile, UnknownLayers, UnsupportedLayer):
        return _assembled(path, weights, process, trace, loaded)
    graph.metadata_props.update(told(trace))
    return Found(graph, loaded)


def _traced(
    path: Path, weights: Path | None, trust: Trust, process: KerasProcess
) -> Found:
    """Trace the whole model."""
    _load(path, weights, trust, process, None)
    trace, loaded = _trace(process, [])
    return _assembled(path, weights, process, trace, loaded)


def _assembled(
    path: Path,
    weights: Path | None,
    process: KerasProcess,
    trace: Trace,
    loaded: LoadedModel,
) -> Found:
    from keras2torch.tracing.assembly import NoRule, assemble

    metadata = metadata_of(path, weights)
    metadata.setdefault("keras_version", loaded.keras.rpartition(" ")[2])
    names = [tensor.name for tensor in loaded.inputs]
    opaque: list[str] = []
    for _ in range(_MOST_TRACES):
        try:
            return Found(assemble(trace, names, **metadata), loaded)
        except NoRule as error:
            if error.path in opaque:
                raise
            opaque.append(error.path)
            trace, loaded = _trace(process, opaque)
    raise NotTraced("too many layers are called in ways that have no rule.")


def _load(
    path: Path,
    weights: Path | None,
    trust: Trust,
    process: KerasProcess,
    unknown: UnknownLayers | None,
) -> LoadedModel:
    try:
        return process.load(
            path,
            weights,
            trust=trust.everything,
            custom_objects=trust.custom_objects,
            functions=functions_of(path, weights),
        )
    except KerasUnavailable as error:
        raise _without_keras(process, error) from error
    except KerasError as error:
        if unknown is not None:
            file = trust.custom_objects
            raise unknown.failed(
                trust=trust.everything,
                custom_objects=file,
                missing=undefined(unknown.items, file) if file is not None else (),
                reason=next(iter(error.tried.values()), str(error)),
            ) from error
        raise NotTraced(_why(error)) from error


def _trace(process: KerasProcess, opaque: list[str]) -> tuple[Trace, LoadedModel]:
    from keras2torch.tracing.assembly import load

    with tempfile.TemporaryDirectory(prefix="keras2torch-") as folder:
        try:
            loaded = process.trace(folder, sorted(REGISTRY), opaque)
        except KerasError as error:
            raise NotTraced(_why(error)) from error
        except KerasUnavailable as error:
            raise _without_keras(process, error) from error
        return load(Path(folder)), loaded


def _without_keras(process: KerasProcess, error: KerasUnavailable) -> NotTraced:
    why = str(error).splitlines()[0]
    return NotTraced(
        f"the model's code needs a Keras that runs, and {process.python} has none "
        f"({why}): name an interpreter with TensorFlow (--keras-python), install "
        "keras2torch[tensorflow], or give PyTorch replacements (--plugin)."
    )


def _why(error: KerasError) -> str:
    tried = "; ".join(f"{name}: {why}" for name, why in error.tried.items())
    return f"Keras does not run the model: {error}" + (f" ({tried})" if tried else "")
