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
from pathlib import Path
from typing import Any

from keras2torch.models.configs import KERAS_VERSION, serialized
from keras2torch.replacing import replacing
from keras2torch.saving import legacy
from keras2torch.saving.weights import allow, write_weights


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
        Whether a file may be replaced.
    zipped
        Only archives are written.
    kwargs
        ``include_optimizer`` for ``.h5``; ``save_format`` of Keras 2 is taken if it
        says what the name says.

    Raises
    ------
    ValueError
        For another ending, or a layer that no config can describe.
    FileExistsError
        If the file is there and ``overwrite`` is false.
    """
    path = str(filepath)
    include_optimizer = kwargs.pop("include_optimizer", True)
    kwargs.pop("save_format", None)
    if kwargs:
        raise ValueError(f"Arguments not recognized: {kwargs}")
    if zipped is False:
        raise ValueError("A folder in place of a .keras archive is not written.")
    if path.endswith((".h5", ".hdf5")):
        allow(path, overwrite)
        with replacing(path) as beside:
            legacy.write_model(model, beside, include_optimizer=include_optimizer)
        return
    if not path.endswith(".keras"):
        raise ValueError(
            "Invalid filepath extension for saving. Please add either a `.keras` "
            "extension for the native Keras format (recommended) or a `.h5` "
            f"extension. Received: filepath={path}."
        )
    allow(path, overwrite)
    with replacing(path) as beside:
        _write_archive(model, beside, optimizer=include_optimizer)


def _write_archive(model: Any, to: Path, *, optimizer: bool) -> None:
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
    weights = io.BytesIO()
    write_weights(model, weights, optimizer=optimizer)
    with zipfile.ZipFile(to, "w") as archive:
        archive.writestr("metadata.json", json.dumps(about))
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", weights.getbuffer())
