"""The coverage table: each registered layer, and the line that it really becomes."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import onnx_ir as ir

from keras2torch.dialect import GraphBuilder
from keras2torch.errors import Keras2TorchError
from keras2torch.layers.cells import CellBase, StackedRNNCells
from keras2torch.layers.definitions import MODELS, REGISTRY, Layer, Shape
from keras2torch.program import write

# What a layer is shown with, where its constructor asks for something.
_ARGUMENTS: dict[str, Any] = {
    "activation": "relu",
    "equation": "abc,cd->abd",
    "filters": 8,
    "units": 8,
    "rate": 0.25,
    "stddev": 0.1,
    "input_dim": 1000,
    "output_dim": 16,
    "output_shape": [None, 8],
    "head_dim": 4,
    "num_heads": 4,
    "num_key_value_heads": 2,
    "num_query_heads": 4,
    "key_dim": 4,
    "target_shape": [4, 8],
    "dims": [2, 1],
    "n": 5,
    "pool_size": 2,
    "size": 2,
    "groups": 4,
    "axes": 1,
    "scale": 0.1,
    "factor": 0.2,
    "height_factor": 0.2,
    "width_factor": 0.2,
    "height": 180,
    "max_number": 10,
    "num_bins": 10,
    "width": 180,
    "cell": {"class_name": "LSTMCell", "config": {"units": 8}},
    "cells": [{"class_name": "LSTMCell", "config": {"units": 8}}],
}
_WRAPPED = {
    "SpectralNormalization": {
        "class_name": "Dense",
        "config": {"units": 8, "name": "d"},
    },
    "Bidirectional": {"class_name": "LSTM", "config": {"units": 8, "name": "lstm"}},
    "TimeDistributed": {"class_name": "Dense", "config": {"units": 8, "name": "d"}},
}
# What the others would not do for.
_ARGUMENTS_OF: dict[str, dict[str, Any]] = {"RandomPosterization": {"factor": 4}}
# What they look up or count is no required argument, and shows what they are.
_VOCABULARY = {"vocabulary": ["the", "cat", "sat"]}
_GIVEN: dict[str, dict[str, Any]] = {
    "ActivityRegularization": {"l2": 0.01},
    "CategoryEncoding": {"num_tokens": 10},
    "Discretization": {"bin_boundaries": [0.5, 1.5]},
    "IntegerLookup": {"vocabulary": [3, 7, 11]},
    "StringLookup": _VOCABULARY,
    "TextVectorization": {**_VOCABULARY, "output_sequence_length": 200},
}
_DTYPES = {
    "CategoryEncoding": "int64",
    "HashedCrossing": "string",
    "Hashing": "string",
    "IntegerLookup": "int64",
    "StringLookup": "string",
    "TextVectorization": "string",
}
_IMAGES: Shape = (None, 224, 224, 3)
_SIZES: dict[str, Shape] = {
    "1D": (None, 32, 4),
    "2D": (None, 32, 32, 4),
    "3D": (None, 16, 16, 16, 4),
}
_SHAPES: dict[str, Shape] = {
    "recurrent": (None, 10, 4),
    "cells": (None, 10, 4),
    "wrappers": (None, 10, 4),
    "attention": (None, 10, 16),
    "images": _IMAGES,
    "augmentation": _IMAGES,
    "augmentation_colours": _IMAGES,
    "augmentation_compositions": _IMAGES,
}
_BY_CLASS: dict[str, Shape] = {
    "EinsumDense": (None, 10, 16),
    "Embedding": (None, 10),
    "ReversibleEmbedding": (None, 10),
    "Masking": (None, 10, 4),
    "BatchNormalization": (None, 32, 32, 4),
    "GroupNormalization": (None, 32, 32, 64),
    "LayerNormalization": (None, 10, 16),
    "RMSNormalization": (None, 10, 16),
    "Reshape": (None, 32),
    "Permute": (None, 10, 4),
    "Flatten": (None, 7, 7, 4),
    "MelSpectrogram": (None, 16000),
    "STFTSpectrogram": (None, 16000, 1),
    "PReLU": (None, 16),
    "RepeatVector": (None, 4),
    **dict.fromkeys(
        ["HashedCrossing", "Hashing", "StringLookup", "TextVectorization"], (None, 1)
    ),
    "ConvLSTM1D": (None, 10, 32, 4),
    "ConvLSTM2D": (None, 10, 32, 32, 4),
    "ConvLSTM3D": (None, 10, 16, 16, 16, 4),
    "TimeDistributedMerge": (None, 10, 4),
    **dict.fromkeys(
        ["GRUCell", "LSTMCell", "SimpleRNNCell", "StackedRNNCells"], (None, 4)
    ),
}
# Modules that share a family.
_FAMILIES = {
    "categories": "preprocessing",
    "lookup": "preprocessing",
    "text_vectorization": "preprocessing",
    "bidirectional": "wrappers",
    "convolution_recurrent": "recurrent",
    "einsum": "core",
    "legacy": "Keras 1",
    "spectral": "normalization",
    "grouped_query": "attention",
    "multi_head": "attention",
}
# What becomes of everything else.
REST = """\
A layer above with an argument that has no rule is traced, which runs no code of the
file. Other layers, a Lambda, a custom class are refused by name until you say how:
  --trust                        run the code in the file, in a process of its own
  --custom-objects my_layers.py  trace them with your Keras code
  --plugin my_torch_layers.py    take your PyTorch modules: @keras2torch.register(…)"""
_NOT_LISTED = MODELS | {"InputLayer"}


@dataclass(frozen=True)
class Row:
    """One layer: its Keras class, its family, and an example of what it becomes."""

    name: str
    family: str
    becomes: str


def rows() -> list[Row]:
    """Return a row per registered layer, by family and name."""
    found = []
    for name, cls in REGISTRY.items():
        if name in _NOT_LISTED:
            continue
        family = _family(cls)
        found.append(Row(name, family.replace("_", " "), _becomes(name)))
    return sorted(found, key=lambda r: (r.family, r.name))


def _family(cls: type[Layer]) -> str:
    home = cls.__module__.rpartition(".")[2]
    return _FAMILIES.get(home, home)


def example(name: str) -> ir.Model:
    """Return a model of one layer alone, without its weights."""
    cls = REGISTRY[name]
    family = _family(cls)
    arguments: dict[str, Any] = {"name": "layer"}
    for field in dataclasses.fields(cls):
        if field.name == "layer":
            arguments["layer"] = _WRAPPED[name]
        elif field.name == "kernel_size":
            arguments["kernel_size"] = 3
        elif field.name == "output_size":
            arguments["output_size"] = 7
        elif _required(field):
            own = _ARGUMENTS_OF.get(name, {})
            arguments[field.name] = own.get(field.name) or _ARGUMENTS[field.name]
    arguments |= _GIVEN.get(name, {})
    shape = _BY_CLASS.get(name) or _SIZES.get(name[-2:])
    shape = shape or _SIZES.get(name.removesuffix("Transpose")[-2:])
    shape = shape or _SHAPES.get(family, (None, 16))
    builder = GraphBuilder("example")
    several = family in ("merging", "attention") or name == "HashedCrossing"
    dtype = _DTYPES.get(name, "float32")
    inputs = [
        builder.input(f"x{i}" if i else "x", shape, dtype) for i in range(1 + several)
    ]
    layer = cls(**arguments)
    if isinstance(layer, (CellBase, StackedRNNCells)):
        states = layer.state_shapes(shape)
        inputs += [builder.input(f"state{i}", s) for i, s in enumerate(states)]
    return builder.model(builder.call(layer, inputs))


def _becomes(name: str) -> str:
    """Write a model of this layer alone and return its line."""
    try:
        program = write(example(name))
    except Keras2TorchError as error:
        return str(error).partition(": ")[2]
    text = program.classes[-1]
    for attribute in text.attributes.values():
        return f"`{attribute.text}`"
    return "`" + text.forward[-1].removeprefix("return ") + "`"


def _required(field: dataclasses.Field[Any]) -> bool:
    return (
        field.default is dataclasses.MISSING
        and field.default_factory is dataclasses.MISSING
    )


def table() -> str:
    """Return the table as it stands in the README."""
    lines = ["| Keras layer | family | for example |", "|---|---|---|"]
    lines += [f"| `{r.name}` | {r.family} | {r.becomes} |" for r in rows()]
    return "\n".join(lines)


def show(*, markdown: bool = False) -> None:
    """Print the table."""
    if markdown:
        print(table())
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    found = rows()
    shown = Table(title=f"{len(found)} Keras layers", title_justify="left")
    for head in ("Keras layer", "family", "for example"):
        shown.add_column(head)
    for r in found:
        shown.add_row(r.name, r.family, escape(r.becomes.replace("`", "")))
    Console().print(shown)
    print(REST)
