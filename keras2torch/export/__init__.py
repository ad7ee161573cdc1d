"""``model.export``: a model without Keras, as ONNX or as a program of torch.

Sources: ``keras/src/export`` (Keras 3.15).
"""

from __future__ import annotations

import os
from typing import Any

from keras2torch.distribution.writing import by_one
from keras2torch.export.onnx_file import export_onnx
from keras2torch.export.torch_file import export_torch

_FORMATS = ("tf_saved_model", "onnx", "openvino", "litert", "torch")
_ELSEWHERE = (
    "a {kind} is made by TensorFlow, which never shares a process with torch: export "
    'with format="onnx" or format="torch", or save the model as .keras and call '
    '`keras.saving.load_model(path).export(filepath, format="{format}")` in Keras '
    "itself."
)
_KINDS = {
    "tf_saved_model": "SavedModel",
    "openvino": "model of OpenVINO",
    "litert": "model of LiteRT",
}


@by_one
def export_model(
    model: Any,
    filepath: str | os.PathLike[str],
    format: str = "tf_saved_model",
    verbose: bool | None = None,
    input_signature: Any = None,
    **kwargs: Any,
) -> None:
    """Write what a model computes in inference.

    Parameters
    ----------
    model
        Built; a model with a ``call`` of its own has been called, unless
        ``input_signature`` says what it takes.
    filepath
        Where to.
    format
        ``"onnx"`` or ``"torch"``. Keras' default, ``"tf_saved_model"``, is refused.
    verbose
        Whether to say that it is done; yes if not given.
    input_signature
        Structure of ``keras.InputSpec``, symbolic tensors or tensors: shapes and
        dtypes of the inputs. A size that is None may be any.
    kwargs
        ``opset_version`` of ONNX; arguments of ``torch.export.export``.

    Raises
    ------
    ValueError
        For a format that is not known.
    NotImplementedError
        For one that TensorFlow writes.
    """
    if format not in _FORMATS:
        raise ValueError(
            f"Unrecognized format={format}. Supported formats are: {list(_FORMATS)}."
        )
    if format in _KINDS:
        raise NotImplementedError(_ELSEWHERE.format(kind=_KINDS[format], format=format))
    write = export_onnx if format == "onnx" else export_torch
    write(model, filepath, verbose=verbose, input_signature=input_signature, **kwargs)


class ExportArchive:
    """Endpoints of a SavedModel, which TensorFlow writes: not here.

    Raises
    ------
    NotImplementedError
        Always, with what to do.
    """

    def __init__(self) -> None:
        raise NotImplementedError(
            "ExportArchive writes a SavedModel with endpoints, which TensorFlow makes: "
            'export each function as a model with format="onnx" or format="torch", or '
            "save the model as .keras and use ExportArchive in Keras itself."
        )


__all__ = ["ExportArchive", "export_model", "export_onnx", "export_torch"]
