"""Scripts of keras.io that run here, unmodified but for their import lines.

The scripts are others' work and are not part of the project: they are looked for in
``$KERAS_IO`` (a checkout of keras-io, or its ``examples``) or ``../shared/keras-io``.
"""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HOME = Path(os.environ.get("KERAS_IO") or ROOT.parent / "shared" / "keras-io")

# Name → the largest difference of a loss, relative to the loss, from Keras' own. Of
# those without a number the losses depend on random draws that differ between the
# libraries: random augmentation, weights drawn anew, a random start.
SCRIPTS: dict[str, float | None] = {
    "examples/vision/mnist_convnet.py": 1e-3,
    "examples/vision/autoencoder.py": 1e-3,
    "examples/nlp/addition_rnn.py": 1e-3,
    "examples/keras_recipes/antirectifier.py": 1e-3,
    "examples/nlp/bidirectional_lstm_imdb.py": 1e-3,
    "examples/nlp/text_classification_with_transformer.py": 1e-3,
    # Keras differs from itself, with oneDNN and without, by 4e-4.
    "examples/timeseries/timeseries_classification_from_scratch.py": 1e-3,
    "examples/timeseries/timeseries_anomaly_detection.py": 1e-3,
    "examples/structured_data/imbalanced_classification.py": 1e-3,
    "examples/vision/image_classification_with_vision_transformer.py": None,
    "examples/vision/siamese_contrastive.py": 1e-3,
    "guides/writing_your_own_callbacks.py": 1e-3,
    "guides/customizing_saving_and_serialization.py": None,
    "guides/making_new_layers_and_models_via_subclassing.py": None,
}


def found(name: str) -> Path | None:
    """Where a script is, in a checkout or in its folder of examples."""
    for path in (HOME / name, HOME / name.removeprefix("examples/")):
        if path.is_file():
            return path
    return None
