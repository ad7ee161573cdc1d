"""A model as an ONNX file: Keras' axes at the boundary, sizes that may be any open.

Source: ``keras/src/export/onnx.py`` (Keras 3.15).
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import onnx
import torch

from keras2torch.export import rules
from keras2torch.export.signature import Plain, Signature, inferring, signature_of
from keras2torch.replacing import replacing

# Traced at two sizes: what differs then was taken for a constant.
_EXAMPLES = ((2, 16), (3, 24))
_OPSET = 18


def export_onnx(
    model: Any,
    filepath: str | os.PathLike[str],
    verbose: bool | None = None,
    input_signature: Any = None,
    opset_version: int | None = None,
    **kwargs: Any,
) -> None:
    """Write what a model computes as ONNX.

    Parameters
    ----------
    model
        Built.
    filepath
        The file.
    verbose
        Whether to say that it is done; yes if not given.
    input_signature
        Shapes and dtypes of the inputs; a size that is None may be any.
    opset_version
        Of ONNX.
    kwargs
        Refused; Keras has none for ONNX.

    Raises
    ------
    ValueError
        For an argument that is not known, or if the model computes with a size in a
        way that a graph cannot hold.
    NotImplementedError
        If ONNX or torch's exporter lacks what the model does.
    """
    if kwargs:
        raise ValueError(f'Unsupported arguments for `format="onnx"`: {list(kwargs)}.')
    signature = signature_of(model, input_signature)
    opset = opset_version or _OPSET
    found = _traced(model, signature, _EXAMPLES[0], opset)
    if signature.is_open:
        again = _traced(model, signature, _EXAMPLES[1], opset)
        if _computed(found) != _computed(again):
            raise ValueError(
                f"Model {model.name!r} computes with the size of an input in a way "
                "that no ONNX graph holds for every size: give an input_signature "
                "whose shapes have no None, the batch included."
            )
    with replacing(filepath) as beside:
        beside.write_bytes(found)
    if verbose is None or verbose:
        print(f"Saved artifact at '{filepath}'.")


def _traced(
    model: Any, signature: Signature, sizes: tuple[int, int], opset: int
) -> bytes:
    names = [taken.name for taken in signature.inputs]
    examples = tuple(taken.example(*sizes) for taken in signature.inputs)
    rules.register(opset)
    with (
        inferring(model),
        warnings.catch_warnings(),
        TemporaryDirectory() as folder,
    ):
        place = Path(folder, "model.onnx")
        warnings.simplefilter("ignore")  # Two sizes tell what is constant.
        plain = Plain(model, signature.struct).eval()
        made = plain(*examples)
        outputs = made if isinstance(made, tuple) else (made,)
        told = [f"output_{i}" for i in range(len(outputs))]
        axes: dict[str, Any] = {
            taken.name: {
                axis: f"{taken.name}_{axis}" if axis else "batch"
                for axis, size in enumerate(taken.shape)
                if size is None
            }
            for taken in signature.inputs
        }
        if signature.is_open:
            axes |= {name: {0: "batch"} for name in told}
        try:
            # The one of the two exporters that needs no further package.
            torch.onnx.export(
                plain,
                examples,
                place,
                input_names=names,
                output_names=told,
                dynamic_axes=axes,
                opset_version=opset,
                dynamo=False,
            )
        except Exception as error:  # C++ raises what it likes
            first = str(error).strip().partition("\n")[0].rstrip(".")
            raise NotImplementedError(
                f"Model {model.name!r} cannot be exported to ONNX by torch's exporter "
                f"({type(error).__name__}: {first}); masked recurrent layers are such "
                "a case. Save it as .keras and export that in Keras itself."
            ) from error
        made_of = place.read_bytes()
    try:
        onnx.checker.check_model(made_of, full_check=True)
    except Exception as error:
        raise NotImplementedError(
            f"Model {model.name!r} cannot be exported to ONNX: torch's exporter writes "
            f"a graph that is none ({error}). Save it as .keras and export that in "
            "Keras itself."
        ) from error
    return made_of


def _computed(data: bytes) -> list[bytes]:
    """Return what a graph computes with: its operators and constants, not its notes."""
    graph = onnx.load_from_string(data).graph
    found = []
    for node in graph.node:
        node.ClearField("doc_string")
        found.append(node.SerializeToString(deterministic=True))
    constants = [t.SerializeToString(deterministic=True) for t in graph.initializer]
    return [*found, *constants]
