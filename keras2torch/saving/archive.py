"""``model.save``: a ``.keras`` archive, or Keras' older ``.h5``.

Sources: ``keras/src/saving/saving_api.py`` and ``saving_lib.py`` (Keras 3.15).
"""

from __future__ import annotations

import datetime
import io
import json
import os
import warnings
import zipfile
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from keras2torch.distribution.writing import by_one
from keras2torch.models.configs import KERAS_VERSION, serialized
from keras2torch.replacing import replacing
from keras2torch.saving import legacy
from keras2torch.saving.assets import assets_of
from keras2torch.saving.entries import Entry, entries, write_weights
from keras2torch.saving.weights import allowed

WEIGHTS = "model.weights.h5"


@by_one
def save_model(
    model: Any,
    filepath: str | os.PathLike[str],
    overwrite: bool = True,
    zipped: bool | None = None,
    **kwargs: Any,
) -> None:
    """Save a model: architecture, weights, how it was compiled, the optimizer's state.

    Parameters
    ----------
    model
        The model.
    filepath
        ``NAME.keras``, or ``NAME.h5`` for Keras' older format.
    overwrite
        Whether a file may be replaced; if not, it is asked for at the terminal.
    zipped
        False for a folder that holds what the archive would.
    kwargs
        ``include_optimizer`` for ``.h5``; ``save_format`` of Keras 2 is taken if it
        says what the name says.

    Raises
    ------
    ValueError
        For another ending, or a layer that no config can describe.
    FileExistsError
        If the file is there, ``overwrite`` is false and there is nobody to ask.
    """
    path = str(filepath)
    include_optimizer = kwargs.pop("include_optimizer", True)
    save_format = kwargs.pop("save_format", None)
    if save_format and not path.endswith((".keras", ".h5", ".hdf5")):
        raise ValueError(
            "The `save_format` argument is deprecated in Keras 3. Please remove this "
            "argument and pass a file path with either `.keras` or `.h5` extension. "
            f"Received: save_format={save_format}"
        )
    if kwargs:
        raise ValueError(f"The following argument(s) are not supported: {list(kwargs)}")
    folder = zipped is False
    if path.startswith("hf://"):
        raise ValueError(
            f"{path} is a place on the Hugging Face Hub: save to a folder with "
            "`zipped=False` and upload that by `huggingface_hub.upload_folder`."
        )
    if not folder and not path.endswith((".keras", ".h5", ".hdf5")):
        raise ValueError(
            "Invalid filepath extension for saving. Please add either a `.keras` "
            "extension for the native Keras format (recommended) or a `.h5` "
            "extension. Use `model.export(filepath)` if you want to export a model "
            f"for use without Keras. Received: filepath={path}."
        )
    if folder and path.endswith(".keras"):
        raise ValueError(
            "When using `zipped=False`, the `filepath` argument should not end in "
            f"`.keras`. Received: filepath={path}"
        )
    if not allowed(path, overwrite):
        return
    if path.endswith(".keras") or folder:
        _write(model, Path(path), optimizer=include_optimizer, folder=folder)
        return
    with replacing(path) as beside:
        legacy.write_model(model, beside, include_optimizer=include_optimizer)


def _write(model: Any, to: Path, *, optimizer: bool, folder: bool) -> None:
    if not model.built:
        warnings.warn(
            "You are saving a model that has not yet been built. It might not "
            "contain any weights yet. Consider building the model first by calling "
            "it on some data.",
            stacklevel=4,
        )
    config = serialized(model)
    if not optimizer:
        config["compile_config"] = {}
    now = datetime.datetime.now().strftime("%Y-%m-%d@%H:%M:%S")
    about = {"keras_version": KERAS_VERSION, "date_saved": now}
    texts = {"metadata.json": json.dumps(about), "config.json": json.dumps(config)}
    kept = entries(model, optimizer=optimizer)
    extra = assets_of(model)
    if folder:
        _write_folder(to, texts, kept, extra)
        return
    weights = io.BytesIO()
    write_weights(weights, kept)
    with replacing(to) as beside, zipfile.ZipFile(beside, "w") as archive:
        for name, text in texts.items():
            archive.writestr(name, text)
        archive.writestr(WEIGHTS, weights.getbuffer())
        for name, content in extra.items():
            archive.writestr(name, content)


def _write_folder(
    to: Path, texts: dict[str, str], kept: Iterable[Entry], extra: dict[str, bytes]
) -> None:
    """Write what an archive holds as files; none changes before all are written."""
    to.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        for name, text in texts.items():
            beside = stack.enter_context(replacing(to / name))
            beside.write_text(text, encoding="utf-8")
        for name, content in extra.items():
            stack.enter_context(replacing(to / name)).write_bytes(content)
        write_weights(stack.enter_context(replacing(to / WEIGHTS)), kept)
