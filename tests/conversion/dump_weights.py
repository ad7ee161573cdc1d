"""Look the weights up in Keras that reports name: ``python … MODEL REPORT NPZ …``.

``NPZ`` holds under ``i_j`` the j-th Keras weight of the i-th row of the map.
"""

from __future__ import annotations

import json
import sys

import keras
import numpy as np


def main():
    """Write them, for each three arguments."""
    given = iter(sys.argv[1:])
    for path, report, out in zip(given, given, given, strict=True):
        model = keras.models.load_model(path, compile=False)
        with open(report, encoding="utf-8") as file:
            rows = json.load(file)["weights"]
        np.savez(out, **dict(looked_up(model, rows)))


def looked_up(model, rows):
    """Give name and array."""
    for i, row in enumerate(rows):
        for j, weight in enumerate(row["keras"]):
            layer = model
            for part in weight["layer"].split("/"):
                layer = getattr(layer, "layer", layer).get_layer(part)
            name = layer.weights[weight["index"]].name
            assert name == weight["name"].split("/")[-1], (weight, name)
            yield f"{i}_{j}", layer.get_weights()[weight["index"]]


if __name__ == "__main__":
    main()
