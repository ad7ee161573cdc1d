"""Code of the user that runs once a step: ``K.rnn``, models under TimeDistributed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from keras2torch.conversion import convert_file
from keras2torch.tracing import KerasProcess

pytestmark = pytest.mark.needs_keras

LAYERS = """
from tensorflow.keras import backend as K
from tensorflow.keras.layers import Layer


class Pointer(Layer):
    # Of each step of one sequence, weights of the steps of the other.
    def build(self, input_shape):
        self.mix = self.add_weight(name="mix", shape=(4, 4))
        self.built = True

    def call(self, inputs):
        asked, read = inputs

        def step(x, states):
            score = K.batch_dot(states[-1], K.dot(x, self.mix) + states[0][:, :4])
            return K.softmax(score), [K.tanh(states[0] + K.mean(x))]

        first = K.zeros_like(read[:, 0, :])
        last, made, states = K.rnn(step, asked, [first], constants=[read])
        return K.concatenate([made, K.expand_dims(last, 1)], axis=1)


class Pooled(Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, input_shape):
        self.score = self.add_weight(name="score", shape=(int(input_shape[-1]), 1))
        self.built = True

    def call(self, x, mask=None):
        weights = K.exp(K.dot(K.tanh(x), self.score))
        if mask is not None:
            weights *= K.expand_dims(K.cast(mask, K.floatx()), -1)
        return K.sum(x * weights, axis=1) / (K.sum(weights, axis=1) + K.epsilon())

    def compute_mask(self, inputs, mask=None):
        return None


class Shifted(Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, x, mask=None):
        return x if mask is None else x + K.cast(K.expand_dims(mask), K.floatx())
"""
MAKE = """
import tf_keras
from tf_keras import Input, Model, layers
from own import Pointer, Pooled, Shifted

asked, read = Input((5, 4)), Input((7, 4))
pointer = Model([asked, read], Pointer()([asked, read]))

words = Input((6,), dtype="int32")
x = layers.Embedding(20, 3, mask_zero=True)(words)
sentence = Model(words, Pooled()(layers.GRU(5, return_sequences=True)(x)))
text = Input((4, 6), dtype="int32")
x = layers.TimeDistributed(sentence)(text)
stepwise = Model(text, layers.Dense(2)(layers.LSTM(3)(x)))

x = layers.Embedding(20, 3, mask_zero=True)(words)
masked = Model(words, Shifted()(x))

for name, model in dict(pointer=pointer, stepwise=stepwise, masked=masked).items():
    for number, variable in enumerate(model.weights):
        drawn = tf_keras.backend.random_normal(variable.shape, seed=number)
        variable.assign(drawn)
    model.save(name + ".h5")
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models of Keras 2, and the code of their layers."""
    made = tmp_path_factory.mktemp("steps")
    (made / "own.py").write_text(LAYERS)
    done = subprocess.run(
        [sys.executable, "-c", MAKE],
        cwd=made,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "TF_USE_LEGACY_KERAS": "1"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return made


def test_computes_what_keras_does(folder: Path) -> None:
    with KerasProcess() as process:
        for name, weights in (("pointer", 16), ("stepwise", 331), ("masked", 60)):
            made = convert_file(
                folder / f"{name}.h5",
                custom_objects=folder / "own.py",
                process=process,
            )
            report = made.report
            assert report.verdict == "exact", (name, report.reason)
            assert report.gradients.verdict == "exact", name
            assert report.parameters["torch_trainable"] == weights, name
            if name == "stepwise":
                assert "nn.GRU(" in made.source
