"""The signatures of Keras' layers: ``python signatures_of_keras.py NAMES OUT``, JSON.

In a process of its own. Layers that left Keras 3 are asked from tf_keras. An argument
is ``[name, kind, default]``, the default as its ``repr`` and ``null`` if required.
"""

from __future__ import annotations

import inspect
import json
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import keras
import tf_keras
from tf_keras.src.layers.rnn import cudnn_gru, cudnn_lstm

HOMES = (keras.layers, tf_keras.layers, cudnn_gru, cudnn_lstm)


def signature(cls):
    arguments = list(inspect.signature(cls.__init__).parameters.values())[1:]
    return [
        [p.name, p.kind.name, None if p.default is p.empty else repr(p.default)]
        for p in arguments
    ]


def main():
    found = {}
    with open(sys.argv[1]) as file:
        names = json.load(file)
    for name in names:
        homes = [h for h in HOMES if hasattr(h, name)]
        if homes:
            found[name] = signature(getattr(homes[0], name))
    with open(sys.argv[2], "w") as file:
        json.dump(found, file)


if __name__ == "__main__":
    main()
