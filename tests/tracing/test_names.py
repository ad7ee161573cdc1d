"""A user's ``tensorflow.keras`` is the Keras of his file, and his classes go first."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from keras2torch.conversion import convert_file
from keras2torch.tracing import KerasProcess

pytestmark = pytest.mark.needs_keras

# As Keras 2 code was written: three names of Keras, one of them in ``call``, modules
# that are gone, and a class that is called as Keras calls one of its own.
LAYERS = """
import tensorflow as tf
from keras.engine.topology import Layer
from tensorflow.keras import backend as K
from tensorflow.keras.layers import Dense
from beside import half


class LayerNormalization(Layer):
    def build(self, input_shape):
        self.gain = self.add_weight(name="gain", shape=(int(input_shape[-1]),))
        self.built = True

    def call(self, x):
        from keras import backend

        y = x - backend.mean(x, axis=-1, keepdims=True)
        return tf.keras.activations.relu(self.gain * y) + half(K.softmax(x))
"""
BESIDE = """
from tensorflow.keras import backend as K


def half(x):
    return K.tanh(x) / 2
"""
MAKE = """
import sys
import tf_keras
from layers import LayerNormalization

model = tf_keras.Sequential([tf_keras.layers.Dense(5), LayerNormalization()])
model.build((None, 3))
for variable in model.weights:
    variable.assign(tf_keras.backend.random_normal(variable.shape, seed=3))
model.save("model.h5")
model.save("model.keras")
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models of Keras 2, and the code of their layer."""
    made = tmp_path_factory.mktemp("names")
    (made / "beside.py").write_text(BESIDE)
    # In the environment that wrote it every Keras was Keras 2.
    legacy = LAYERS.replace("keras.engine.topology", "tf_keras.layers")
    (made / "layers.py").write_text(legacy.replace("from keras ", "from tf_keras "))
    done = subprocess.run(
        [sys.executable, "-c", MAKE],
        cwd=made,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "TF_USE_LEGACY_KERAS": "1"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    (made / "layers.py").write_text(LAYERS)
    return made


def test_each_name_is_the_keras_of_the_file(folder: Path) -> None:
    with KerasProcess() as process:
        for _ in range(2):  # what was imported for one file serves another
            for name in ("model.h5", "model.keras"):
                made = convert_file(
                    folder / name,
                    custom_objects=folder / "layers.py",
                    process=process,
                )
                assert made.report.verdict == "exact", made.report.reason
                # Not Keras' own layer of that name.
                assert "class LayerNormalization(nn.Module)" in made.source
                assert made.report.parameters["torch_trainable"] == 25
