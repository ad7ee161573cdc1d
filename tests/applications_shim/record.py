"""What Keras says of all its networks: ``python record.py`` writes ``recorded.json``.

For each builder, with a top and without one, asked for the weights of ImageNet: which
file it looks for, what goes in, how many layers and weights it has, and a digest of
their names and shapes. Nothing is downloaded.
"""

from __future__ import annotations

import gc
import json
import os
from pathlib import Path
from typing import Any
from unittest import mock

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ["KERAS_BACKEND"] = "tensorflow"

from digest import digest

RECORDED = Path(__file__).with_name("recorded.json")


def shapes(layer: Any) -> list[list[int]]:
    """Return the shapes of a layer's weights."""
    return [list(w.shape) for w in layer.weights]


def recorded(builder: Any, *, include_top: bool) -> dict[str, Any]:
    """Return what one network is."""
    import keras

    asked: list[Any] = []

    def get_file(fname: str, origin: str, **settings: Any) -> str:
        asked.append(
            [fname, origin, settings["cache_subdir"], settings.get("file_hash")]
        )
        return fname

    with (
        mock.patch("keras.src.utils.file_utils.get_file", get_file),
        mock.patch.object(keras.Model, "load_weights"),
    ):
        model = builder(include_top=include_top)
    return {
        "file": asked[0],
        "name": model.name,
        "input": model.input_shape,
        **digest(model, shapes),
    }


def main() -> None:
    """Ask for all of them."""
    import keras

    found = {}
    for name, builder in sorted(vars(keras.applications).items()):
        if name[0].isupper():
            for include_top in (True, False):
                key = name if include_top else f"{name} without top"
                found[key] = recorded(builder, include_top=include_top)
                keras.backend.clear_session()
                gc.collect()
                print(key, found[key]["parameters"], flush=True)
    rows = [f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in found.items()]
    RECORDED.write_text("{\n" + ",\n".join(rows) + "\n}\n")


if __name__ == "__main__":
    main()
