"""What is in a file, said without converting it."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from keras2torch.dialect import GraphBuilder, LayerWeights
from keras2torch.errors import Keras2TorchError, UnknownLayers
from keras2torch.layers.definitions import REGISTRY, Shape
from keras2torch.reading.keras_classes import are_keras_own
from keras2torch.reading.reader import (
    arrays_of,
    built,
    context_of,
    stored_shapes,
    unknown_layers,
)
from keras2torch.reading.sources import Source, open_source
from keras2torch.reading.topology import LayerSpec, ModelSpec, flat, model_spec
from keras2torch.reading.unknown import described
from keras2torch.reading.vocabularies import complete

_SHOWN_CHARACTERS = 60


@dataclass
class LayerInfo:
    """One layer.

    Attributes
    ----------
    path
        ``encoder/conv1`` for a layer of a nested model.
    kind
        Its class as the file names it.
    config
        Its arguments that are not at their defaults, in today's spelling.
    weights
        Weight name → shape.
    """

    path: str
    kind: str
    config: dict[str, Any]
    weights: dict[str, tuple[int, ...]] = field(default_factory=dict)
    trainable: bool = True


@dataclass
class Inspection:
    """A file's content.

    Attributes
    ----------
    format
        ``"hdf5"``, ``"keras"``, ``"json"``, ``"yaml"``.
    inputs
        Name and shape of each input, as far as the file declares them.
    compile_config
        As Keras wrote it, ``None`` if the model was not compiled.
    problems
        What stands in the way of converting it, in sentences.
    ways
        What to do about layers without a rule, as lines for a terminal.
    """

    path: str
    format: str
    keras_version: str
    backend: str
    kind: str
    name: str
    inputs: dict[str, Shape | None]
    layers: list[LayerInfo]
    compile_config: Any
    problems: list[str]
    ways: list[str] = field(default_factory=list)

    @property
    def parameters(self) -> int:
        """Number of weights in all."""
        shapes = [s for layer in self.layers for s in layer.weights.values()]
        return sum(math.prod(s) for s in shapes)

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return dataclasses.asdict(self) | {"parameters": self.parameters}


def inspect(source: Path, weights: Path | None = None) -> Inspection:
    """Say what is in a Keras model file.

    A file that cannot be converted is described as far as it is understood; one that
    holds no Keras model raises.

    Raises
    ------
    UnusableFile
        If it is no Keras model, or damaged, or not to be trusted.
    """
    second = Path(weights) if weights is not None else None
    with open_source(Path(source), second) as opened:
        return _inspected(opened)


def _inspected(opened: Source) -> Inspection:
    ctx = context_of(opened)
    model = model_spec(opened.config, None, ctx)
    unknown = described(unknown_layers(ctx, model), opened.config)
    problems = [
        f"layer {item.name!r} ({item.kind}) has no PyTorch rule"
        + (f": {item.what}" if item.what else "")
        for item in unknown
    ]
    refusal = UnknownLayers(unknown, opened.path, opened.weights_path)
    layers: Mapping[str, LayerWeights] = {}
    if not problems:
        builder = GraphBuilder(model.name)
        try:
            complete(opened, model)
            built(opened, model, builder)
            arrays_of(opened, model, builder)
        except Keras2TorchError as error:
            problems.append(str(error))
        layers = builder.layers
    if opened.weights is None:
        problems.append("there are no weights: give the weights file too")
    weights_of = {
        path: {w.name: w.shape for w in here.weights} for path, here in layers.items()
    }
    return Inspection(
        path=str(opened.path),
        format=opened.format,
        keras_version=opened.version.text,
        backend=opened.metadata.get("backend", ""),
        kind=model.kind,
        name=opened.metadata.get("name", model.name),
        inputs=_inputs(model),
        layers=list(_layers(model, weights_of or stored_shapes(opened, model))),
        compile_config=_compiled(opened),
        problems=problems,
        ways=_ways(refusal) if unknown else [],
    )


def _ways(refusal: UnknownLayers) -> list[str]:
    if are_keras_own(refusal.items):
        return [
            "All of them are Keras' own: where TensorFlow is installed, `keras2torch "
            "convert` traces them, and no code of the file runs."
        ]
    return refusal.ways()


def _compiled(source: Source) -> Any:
    raw = source.metadata.get("training_config")
    try:
        return json.loads(raw) if raw else None
    except (ValueError, RecursionError):
        return None


def _inputs(model: ModelSpec) -> dict[str, Shape | None]:
    if model.sequential:
        first = model.layers[0] if model.layers else None
        shape = first.shape if first is not None else None
        return {first.name if first else model.name: shape or model.shape}
    layers = {layer.name: layer for layer in model.layers}
    names = [ref.layer for ref in flat(model.inputs)]
    return {name: layers[name].shape for name in names if name in layers}


def _layers(
    model: ModelSpec,
    weights: Mapping[str, Mapping[str, tuple[int, ...]]],
    prefix: str = "",
) -> Iterator[LayerInfo]:
    for spec in model.layers:
        path = prefix + spec.name
        yield LayerInfo(
            path=path,
            kind=spec.given,
            config=_summary(spec),
            weights=dict(weights.get(path, {})),
            trainable=spec.trainable,
        )
        if spec.model is not None:
            yield from _layers(spec.model, weights, f"{path}/")


def _summary(spec: LayerSpec) -> dict[str, Any]:
    """Return what a reader wants to know of a config: no defaults, no initializers."""
    cls = REGISTRY.get(spec.kind)
    defaults: dict[str, Any] = {}
    if cls is not None:
        defaults = {f.name: f.default for f in dataclasses.fields(cls)}
    kept = {}
    for key, value in spec.config.items():
        dull = key in ("name", "trainable", "dtype", "seed")
        dull = dull or value is None or value == "linear"
        if dull or key.endswith("_initializer") or defaults.get(key) == value:
            continue
        text = json.dumps(value, default=str)
        kept[key] = value if len(text) <= _SHOWN_CHARACTERS else "…"
    if spec.shape is not None:
        kept["batch_shape"] = list(spec.shape)
    return kept
