"""Make small Keras files and what Keras itself computes for them.

Run as a script, in a process of its own: ``python make_models.py FOLDER``. Nothing of
keras2torch is imported, so that the expectations are Keras' alone.
"""

from __future__ import annotations

import json
import os
import sys
import zipfile
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ["KERAS_BACKEND"] = "tensorflow"

import h5py
import keras
import numpy as np
import tensorflow as tf
import tf_keras

folder = Path(sys.argv[1])
rng = np.random.default_rng(0)
expected: dict[str, np.ndarray] = {}


def floats(*shape: int) -> np.ndarray:
    return rng.standard_normal(shape).astype("float32")


def shake(model) -> None:
    """Give every weight a value that is not its initial one."""
    model.set_weights(
        [np.abs(floats(*w.shape)) * 0.5 + 0.1 for w in model.get_weights()]
    )


def nested() -> None:
    inner = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(5), keras.layers.BatchNormalization()],
        name="inner",
    )
    x = keras.Input((4,), name="x")
    shared = keras.layers.Dense(4, activation="tanh", name="shared")
    # The second call of `shared` runs first: more layers follow it.
    first = shared(keras.layers.Dense(4, name="before")(x))
    second = inner(shared(x))
    joined = keras.layers.Concatenate(name="joined")([first, second])
    model = keras.Model(x, [joined, keras.layers.Dense(2, name="head")(joined)])
    shake(model)
    model.save(folder / "nested.keras")
    (folder / "nested.json").write_text(model.to_json())
    model.save_weights(folder / "nested.weights.h5")
    (folder / "config.json").write_text(
        json.dumps(keras.saving.serialize_keras_object(model))
    )

    batches = [floats(2, 4), floats(3, 4)]
    for number, batch in enumerate(batches):
        expected[f"nested/x{number}"] = batch
        for k, output in enumerate(model(batch, training=False)):
            expected[f"nested/b{number}/o{k}"] = output.numpy()
    dense, norm = inner.layers
    before = model.get_layer("before")(batches[0])
    expected["nested/shared/0"] = shared(before).numpy()
    expected["nested/shared/1"] = shared(batches[0]).numpy()
    expected["nested/inner/dense"] = dense(shared(batches[0])).numpy()
    expected["nested/inner"] = norm(dense(shared(batches[0])), training=False).numpy()
    expected["nested/parameters"] = np.array([model.count_params()])

    variables = [dense.kernel.value, shared.bias.value, norm.gamma.value]
    with tf.GradientTape() as tape:
        loss = sum(
            tf.reduce_sum(
                tf.reshape(y, [-1])
                * np.cos(np.arange(y.numpy().size)).astype("float32")
            )
            for y in model(batches[0], training=False)
        )
    for name, slope in zip(
        ("dense", "shared", "gamma"), tape.gradient(loss, variables), strict=True
    ):
        expected[f"nested/grad/{name}"] = slope.numpy()


def masked() -> None:
    model = keras.Sequential(
        [
            keras.Input((6,), dtype="int32"),
            keras.layers.Embedding(7, 3, mask_zero=True, name="embedding"),
            keras.layers.Bidirectional(keras.layers.LSTM(4), name="both"),
            keras.layers.Dense(2, name="head"),
        ]
    )
    model.save(folder / "masked.h5")
    tokens = np.array([[1, 2, 3, 0, 0, 0], [4, 0, 0, 0, 0, 0]], "int32")
    expected["masked/x"] = tokens
    expected["masked/y"] = model.predict(tokens, verbose=0)


def stateful() -> None:
    model = keras.Sequential(
        [
            keras.Input(batch_shape=(2, 3, 2)),
            keras.layers.LSTM(4, stateful=True, name="lstm"),
        ]
    )
    model.save(folder / "stateful.keras")
    x = floats(2, 3, 2)
    expected["stateful/x"] = x
    expected["stateful/y"] = model(x).numpy()
    assert np.abs(model(x).numpy() - expected["stateful/y"]).max() > 1e-3


def long_loop() -> None:
    model = tf_keras.Sequential(
        [
            tf_keras.layers.LSTM(
                3,
                recurrent_activation="hard_sigmoid",
                return_sequences=True,
                input_shape=(80, 2),
                name="lstm",
            ),
            tf_keras.layers.Dense(1, name="head"),
        ]
    )
    model.save(folder / "hard_sigmoid.h5")
    x = floats(2, 80, 2)
    expected["hard_sigmoid/x"] = x
    expected["hard_sigmoid/y"] = model(x).numpy()
    expected["hard_sigmoid/lstm"] = model.layers[0](x).numpy()


def channels_first() -> None:
    arguments = {"strides": 2, "padding": "same"}
    layers = [
        tf_keras.layers.Conv2D(
            3, 3, data_format="channels_first", input_shape=(2, 7, 8), **arguments
        ),
        tf_keras.layers.MaxPooling2D(2, data_format="channels_first", padding="same"),
        tf_keras.layers.BatchNormalization(axis=1),
    ]
    model = tf_keras.Sequential(layers)
    model.save(folder / "channels_first.h5")
    last = tf_keras.Sequential(
        [
            tf_keras.layers.Conv2D(3, 3, input_shape=(7, 8, 2), **arguments),
            tf_keras.layers.MaxPooling2D(2, padding="same"),
            tf_keras.layers.BatchNormalization(),
        ]
    )
    last.set_weights(model.get_weights())
    x = floats(2, 2, 7, 8)
    expected["channels_first/x"] = x
    y = last(x.transpose(0, 2, 3, 1)).numpy()
    expected["channels_first/y"] = y.transpose(0, 3, 1, 2)


def pooling3d() -> None:
    model = tf_keras.Sequential(
        [
            tf_keras.layers.AveragePooling3D(
                2, padding="same", input_shape=(3, 4, 5, 2)
            ),
            tf_keras.layers.MaxPooling3D(2, strides=1),
        ]
    )
    model.save(folder / "pooling3d.h5")
    x = floats(2, 3, 4, 5, 2)
    expected["pooling3d/x"] = x
    expected["pooling3d/y"] = model(x).numpy()


def training() -> None:
    model = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Dense(4, activation="relu", name="dense"),
            keras.layers.BatchNormalization(name="norm"),
            keras.layers.Dense(1, name="head"),
        ]
    )
    shake(model)
    model.save(folder / "training.keras")
    model.compile(keras.optimizers.SGD(0.1), "mse")
    for step in range(3):
        x, y = floats(8, 3), floats(8, 1)
        expected[f"training/x{step}"], expected[f"training/y{step}"] = x, y
        model.reset_metrics()
        expected[f"training/loss{step}"] = np.array(float(model.train_on_batch(x, y)))
    for layer in model.layers:
        for k, value in enumerate(layer.get_weights()):
            expected[f"training/{layer.name}/{k}"] = value


def preprocessing() -> None:
    normalization = keras.layers.Normalization(name="normalization")
    normalization.adapt(floats(20, 3) * 5 + 2)
    inner = keras.Sequential([keras.Input((3,)), normalization], name="inner")
    model = keras.Sequential([keras.Input((3,)), inner])
    model.save(folder / "normalization.h5")
    x = floats(2, 3)
    expected["normalization/x"], expected["normalization/y"] = x, model(x).numpy()

    vectorize = keras.layers.TextVectorization(output_sequence_length=3)
    vectorize.adapt(["hello world", "foo bar"])
    words = keras.Input((1,), dtype="string")
    model = keras.Model(words, keras.layers.Embedding(10, 2)(vectorize(words)))
    model.save(folder / "words.keras")
    words = tf.constant([["hello foo"], ["bar"]])
    expected["words/y"] = model(words).numpy()


def cudnn() -> None:
    """Write an LSTM as a CuDNNLSTM, which cannot be made without a GPU."""
    layer = tf_keras.layers.LSTM(3, input_shape=(5, 2), name="lstm")
    model = tf_keras.Sequential([layer])
    shake(model)
    model.save(folder / "cudnn.h5")
    x = floats(2, 5, 2)
    expected["cudnn/x"], expected["cudnn/y"] = x, model(x).numpy()

    def gates(matrix: np.ndarray) -> list[np.ndarray]:
        return np.split(matrix, 4, axis=1)

    kernel, recurrent, bias = layer.get_weights()
    # cuDNN stores each gate's matrices row by row where Keras does column by column,
    # and a bias for the input and one for the state.
    kernel = np.hstack([gate.T.reshape(gate.shape) for gate in gates(kernel)])
    recurrent = np.hstack([gate.T for gate in gates(recurrent)])
    bias = np.concatenate([bias * 0.25, bias * 0.75])
    with h5py.File(folder / "cudnn.h5", "r+") as file:
        config = json.loads(file.attrs["model_config"])
        lstm = config["config"]["layers"][-1]
        lstm["class_name"] = "CuDNNLSTM"
        kept = ("name", "trainable", "units", "return_sequences", "batch_input_shape")
        lstm["config"] = {k: v for k, v in lstm["config"].items() if k in kept}
        file.attrs["model_config"] = json.dumps(config)
        file.attrs["keras_version"] = "2.2.4"
        group = file["model_weights/lstm"]
        names = list(group.attrs["weight_names"])
        for name, value in zip(names, (kernel, recurrent, bias), strict=True):
            del group[name]
            group[name] = value


def trusted() -> None:
    model = tf_keras.Sequential(
        [tf_keras.layers.Lambda(lambda x: x * 3.0, input_shape=(2,), name="triple")]
    )
    model.save(folder / "lambda.h5")


def checkpoint_dependencies() -> None:
    """Write a file as Keras 2.14 did on Windows."""
    inner = tf_keras.Sequential(
        [tf_keras.layers.Dense(3, input_shape=(2,)), tf_keras.layers.Dense(3)]
    )
    model = tf_keras.Sequential([inner, tf_keras.layers.Softmax()])
    model.build((None, 2))
    model.save(folder / "plain.keras")
    x = floats(2, 2)
    expected["windows/x"], expected["windows/y"] = x, model(x).numpy()
    weights = folder / "windows.weights.h5"
    with zipfile.ZipFile(folder / "plain.keras") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    weights.write_bytes(members["model.weights.h5"])
    with h5py.File(weights, "r+") as old, h5py.File(folder / "new.h5", "w") as new:

        def copy(name: str, item: object) -> None:
            path, variables, index = ("/" + name).rpartition("/vars")
            path = path.replace("layers", "_layer_checkpoint_dependencies")
            target = path[1:].replace("/", "\\") + variables + index
            if isinstance(item, h5py.Dataset):
                new[target] = item[()]
            elif variables:
                new.require_group(target)

        old.visititems(copy)
    members["model.weights.h5"] = (folder / "new.h5").read_bytes()
    with zipfile.ZipFile(folder / "windows.keras", "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


nested()
masked()
stateful()
long_loop()
channels_first()
pooling3d()
training()
preprocessing()
cudnn()
trusted()
checkpoint_dependencies()
np.savez(folder / "expected.npz", **expected)
