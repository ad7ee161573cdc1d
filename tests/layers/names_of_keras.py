"""The public layer classes of Keras 3 and tf_keras: ``python names_of_keras.py OUT``.

JSON of package → public name → the class's own name, which files hold.
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

HOMES = {
    "keras": [keras.layers],
    "tf_keras": [
        tf_keras.layers,
        tf_keras.layers.experimental,
        tf_keras.layers.experimental.preprocessing,
        cudnn_gru,
        cudnn_lstm,
    ],
}
BASES = (keras.layers.Layer, tf_keras.layers.Layer)


def main():
    found = {
        package: {
            name: value.__name__
            for home in homes
            for name, value in vars(home).items()
            if inspect.isclass(value)
            and issubclass(value, BASES)
            and not name.startswith("_")
        }
        for package, homes in HOMES.items()
    }
    with open(sys.argv[1], "w") as file:
        json.dump(found, file)


if __name__ == "__main__":
    main()
