"""Keras models exported by tf2onnx and by Keras itself, in a TensorFlow process.

Run as ``… FOLDER``. Writes the files and, as ``trainable.json``, how many parameters
each model trains.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import keras
import numpy as np
import tensorflow as tf
import tf2onnx
from keras import layers as L


def cnn() -> keras.Model:
    """Strides, odd sizes, a separable and a depthwise convolution, a flatten."""
    x = inputs = keras.Input((17, 19, 3), name="image")
    x = L.Conv2D(8, 3, strides=2, padding="same")(x)
    x = L.ReLU()(L.BatchNormalization()(x))
    x = L.SeparableConv2D(6, 3, padding="same", activation="relu")(x)
    x = L.DepthwiseConv2D(3, padding="same")(x)
    x = L.BatchNormalization()(x)
    x = L.MaxPooling2D(padding="same")(x)
    x = L.Flatten()(x)
    return keras.Model(inputs, L.Dense(5, activation="softmax")(x))


def resnet() -> keras.Model:
    """Residual blocks, average pooling, a global mean."""
    x = inputs = keras.Input((None, None, 3))
    x = L.Conv2D(6, 5, padding="same", activation="relu")(x)
    for _ in range(2):
        y = L.Conv2D(6, 3, padding="same", activation="relu")(x)
        y = L.Conv2D(6, 3, padding="same")(y)
        x = L.ReLU()(L.Add()([x, y]))
    x = L.AveragePooling2D(2)(x)
    return keras.Model(inputs, L.Dense(4)(L.GlobalAveragePooling2D()(x)))


def unet() -> keras.Model:
    """Skips, a transposed convolution, upsampling."""
    x = inputs = keras.Input((24, 32, 3))
    first = L.Conv2D(4, 3, padding="same", activation="relu")(x)
    second = L.Conv2D(6, 3, padding="same", activation="relu")(L.MaxPooling2D()(first))
    x = L.Conv2D(6, 3, padding="same", activation="elu")(L.MaxPooling2D()(second))
    x = L.Conv2DTranspose(6, 3, strides=2, padding="same")(x)
    x = L.Conv2D(4, 3, padding="same")(L.Concatenate()([x, second]))
    x = L.Concatenate()([L.UpSampling2D(interpolation="bilinear")(x), first])
    return keras.Model(inputs, L.Conv2D(1, 1, activation="sigmoid")(x))


def conv1d() -> keras.Model:
    """Convolutions over time, one of them causal and dilated."""
    x = inputs = keras.Input((20, 4))
    x = L.Conv1D(6, 3, padding="causal", dilation_rate=2, activation="relu")(x)
    x = L.Conv1D(5, 4, strides=2, padding="same")(x)
    x = L.BatchNormalization()(x)
    return keras.Model(inputs, L.Dense(3)(L.GlobalMaxPooling1D()(x)))


def recurrent() -> keras.Model:
    """LSTMs both ways and forwards; Dense over the steps."""
    x = inputs = keras.Input((None, 6))
    x = L.Bidirectional(L.LSTM(5, return_sequences=True))(x)
    x = L.LSTM(4, return_sequences=True)(x)
    x = L.Dense(3, activation="tanh")(x)
    return keras.Model(inputs, [x, L.LSTM(4)(x)])


def gru() -> keras.Model:
    """A GRU, which tf2onnx leaves as a loop."""
    x = inputs = keras.Input((9, 4))
    return keras.Model(inputs, L.GRU(5)(x))


def gelu(x: Any) -> Any:
    """Return the form with tanh: tf2onnx has no rule for the one with erfc."""
    return keras.activations.gelu(x, approximate=True)


def transformer() -> keras.Model:
    """Embeddings, attention, layer normalization, GELU, Dense on three axes."""
    tokens = keras.Input((11,), dtype="int32")
    x = L.Embedding(23, 12)(tokens)
    y = L.MultiHeadAttention(3, 4)(x, x)
    x = L.LayerNormalization(epsilon=1e-6)(L.Add()([x, y]))
    y = L.Dense(12)(L.Dense(20, activation=gelu)(x))
    x = L.LayerNormalization()(L.Add()([x, y]))
    return keras.Model(tokens, L.Dense(2)(L.GlobalAveragePooling1D()(x)))


def mlp() -> keras.Model:
    """Two inputs, Dropout, a difference."""
    left, right = keras.Input((7,), name="left"), keras.Input((7,), name="right")
    shared = keras.Sequential([L.Dense(9, "relu"), L.Dropout(0.2), L.Dense(6)])
    x = L.Subtract()([shared(left), shared(right)])
    x = L.PReLU()(L.LayerNormalization()(x))
    return keras.Model([left, right], L.Dense(1, use_bias=False)(x))


MODELS = (cnn, resnet, unet, conv1d, recurrent, gru, transformer, mlp)


def spread(model: keras.Model) -> None:
    """Give every weight values that show where they went."""
    rng = np.random.default_rng(7)
    for weight in model.weights:
        if len(weight.shape) == 1 or "bias" in weight.path:
            weight.assign(rng.uniform(0.2, 1.0, weight.shape))


def exported(model: keras.Model, path: Path, opset: int) -> None:
    """Write by tf2onnx."""
    specs = [tf.TensorSpec(i.shape, i.dtype, name=i.name) for i in model.inputs]

    def run(*tensors: Any) -> Any:
        return model(list(tensors) if len(tensors) > 1 else tensors[0], training=False)

    function = tf.function(run, input_signature=specs)
    tf2onnx.convert.from_function(
        function, input_signature=specs, opset=opset, output_path=str(path)
    )


def main(folder: Path) -> None:
    """Export every model, by tf2onnx and some by Keras."""
    trainable = {}
    for make in MODELS:
        keras.utils.clear_session()
        keras.utils.set_random_seed(len(make.__name__))
        model = make()
        spread(model)
        count = sum(int(np.prod(w.shape)) for w in model.trainable_weights)
        name = f"tf_{make.__name__}"
        exported(model, folder / f"{name}.onnx", 12 if make is cnn else 15)
        trainable[name] = count
        if make in (cnn, unet, transformer):
            sizes = [[2, *i.shape[1:]] for i in model.inputs]
            model(
                *[
                    np.ones(s, dtype=i.dtype)
                    for s, i in zip(sizes, model.inputs, strict=True)
                ]
            )
            name = f"keras_{make.__name__}"
            path = str(folder / f"{name}.onnx")
            model.export(path, format="onnx", verbose=False)
            trainable[name] = count
    (folder / "trainable.json").write_text(json.dumps(trainable))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
