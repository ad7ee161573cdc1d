"""A model as a program of torch: ``torch.export``, ``.pt2``.

Source: ``keras/src/export/torch.py`` (Keras 3.15).
"""

from __future__ import annotations

import inspect
import os
from typing import Any

import torch

from keras2torch.export.signature import Plain, inferring, signature_of
from keras2torch.replacing import replacing

_EXAMPLE = (2, 16)


def export_torch(
    model: Any,
    filepath: str | os.PathLike[str],
    input_signature: Any = None,
    verbose: bool | None = None,
    **kwargs: Any,
) -> None:
    """Write what a model computes as a program that ``torch.export.load`` reads.

    Parameters
    ----------
    model
        Built.
    filepath
        ``NAME.pt2``.
    input_signature
        Shapes and dtypes of the inputs; a size that is None may be any.
    verbose
        Whether to say that it is done; yes if not given.
    kwargs
        Arguments of ``torch.export.export``.

    Raises
    ------
    ValueError
        For another ending, or an argument that torch does not know.
    RuntimeError
        If torch cannot follow what the model does.
    """
    path = str(filepath)
    if not path.endswith(".pt2"):
        raise ValueError(
            f"The PyTorch export requires the filepath to end with '.pt2'. Got: {path}"
        )
    known = set(inspect.signature(torch.export.export).parameters)
    known -= {"mod", "args", "kwargs"}
    if unknown := sorted(set(kwargs) - known):
        raise ValueError(
            f'Unsupported arguments for `format="torch"`: {", ".join(unknown)}. '
            f"Supported arguments are: {', '.join(sorted(known))}."
        )
    signature = signature_of(model, input_signature)
    kwargs.setdefault("strict", False)
    open_sizes = tuple(
        {axis: torch.export.Dim.DYNAMIC for axis, n in enumerate(t.shape) if n is None}
        for t in signature.inputs
    )
    # The tensors are one argument to torch: ``*tensors``.
    given = kwargs.get("dynamic_shapes")
    if given is None:
        kwargs["dynamic_shapes"] = (open_sizes,)
    elif isinstance(given, dict) and all(isinstance(k, int) for k in given):
        kwargs["dynamic_shapes"] = ((given,),)
    elif isinstance(given, (list, tuple)):
        kwargs["dynamic_shapes"] = (tuple(given),)
    examples = tuple(taken.example(*_EXAMPLE) for taken in signature.inputs)
    with inferring(model):
        try:
            program = torch.export.export(
                Plain(model, signature.struct), examples, **kwargs
            )
        except Exception as error:
            raise RuntimeError(
                f"Model {model.name!r} cannot be exported as a program of torch: "
                f"{error}"
            ) from error
    # A file, not a path: torch wants the ending, which what lies beside has not.
    with replacing(path) as beside, beside.open("wb") as file:
        torch.export.save(program, file)
    if verbose is None or verbose:
        print(f"Saved PyTorch ExportedProgram at '{path}'.")
