"""Models of tf_keras whose numbers Keras 3 changed: ``tf_keras_side.py FOLDER``.

Writes each as ``.h5`` and ``.keras``, and what all predict to ``out.npz``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import numpy as np
import tf_keras
from tf_keras import layers

RNG = np.random.default_rng(0)


def begun(layer, states):
    """A recurrent layer over masked steps that begins with given states."""
    steps, state = layers.Input((6, 3)), layers.Input((5,))
    first = [state] * states if states > 1 else state
    outputs = layer(layers.Masking()(steps), initial_state=first)
    return tf_keras.Model([steps, state], outputs)


def translated(kind):
    """An encoder's last states begin a decoder, both over masked steps."""
    one, two = layers.Input((6, 3)), layers.Input((6, 3))
    encoded = getattr(layers, kind)(5, return_state=True)(layers.Masking()(one))
    decoder = getattr(layers, kind)(5, return_sequences=True)
    outputs = decoder(layers.Masking()(two), initial_state=encoded[1:])
    return tf_keras.Model([one, two], outputs)


MODELS = {
    "lstm": lambda: begun(layers.LSTM(5), 2),
    "gru": lambda: begun(layers.GRU(5, return_sequences=True), 1),
    "gru_old": lambda: begun(layers.GRU(5, reset_after=False, go_backwards=True), 1),
    "simple": lambda: begun(layers.SimpleRNN(5, return_sequences=True), 1),
    "cell": lambda: begun(layers.RNN(layers.LSTMCell(5)), 2),
    "both_ways": lambda: begun(layers.Bidirectional(layers.GRU(5)), 2),
    "translated_lstm": lambda: translated("LSTM"),
    "translated_gru": lambda: translated("GRU"),
}


def main():
    folder = Path(sys.argv[1])
    steps = RNG.normal(size=(4, 6, 3)).astype("float32")
    steps[0, :2] = steps[1, 4:] = steps[2, 2] = 0
    state = RNG.normal(size=(4, 5)).astype("float32")
    found = {"steps": steps, "state": state}
    for name, make in MODELS.items():
        model = make()
        drawn = [RNG.normal(size=w.shape) * 0.5 for w in model.get_weights()]
        model.set_weights(drawn)
        for ending in ("h5", "keras"):
            model.save(folder / f"{name}.{ending}")
        second = steps[::-1] if name.startswith("translated") else state
        found[name] = model.predict([steps, second], verbose=0)
    np.savez(folder / "out.npz", **found)


if __name__ == "__main__":
    main()
