"""Scripts that run under Keras and here: each is given ``keras``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

SIZE = (48, 40, 3)


def images(seed: int, count: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Return images and their classes, of three."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 255, (count, *SIZE)).astype("float32")
    return x, rng.integers(0, 3, count)


def transfer(keras: Any, base: Any) -> dict[str, Any]:
    """Train a new top on a frozen base, then a little of the base, too.

    ``base`` has no top, and weights that are everywhere the same.
    """
    base.trainable = False
    inputs = keras.Input(shape=SIZE)
    x = keras.applications.mobilenet_v2.preprocess_input(inputs)
    x = base(x, training=False)
    x = keras.layers.GlobalAveragePooling2D()(x)
    outputs = keras.layers.Dense(3, name="top")(x)
    model = keras.Model(inputs, outputs)
    kernel = np.random.default_rng(3).normal(0, 0.03, (x.shape[-1], 3))
    model.get_layer("top").set_weights([kernel, np.zeros(3)])
    x_train, y_train = images(1)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def fitted(rate: float) -> Any:
        model.compile(keras.optimizers.SGD(rate), loss=loss, metrics=["accuracy"])
        told = model.fit(
            x_train, y_train, batch_size=5, epochs=2, shuffle=False, verbose=0
        )
        return told.history["loss"]

    found = {"trained_frozen": np.array(len(model.trainable_weights))}
    before = [np.array(w) for w in base.get_weights()]
    found["frozen"] = np.array(fitted(1e-3))
    after = base.get_weights()
    found["unmoved"] = np.array(
        all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    )
    base.trainable = True
    for layer in base.layers[:-30]:
        layer.trainable = False
    found["trained_thawed"] = np.array(len(model.trainable_weights))
    found["thawed"] = np.array(fitted(1e-4))
    found["predictions"] = np.asarray(model.predict(images(2)[0], verbose=0))
    # Called with training=False, it keeps its statistics; its kernels move.
    found["last"] = np.asarray(base.get_weights()[-1])
    found["kernel"] = np.asarray(base.get_layer("Conv_1").get_weights()[0])
    return found


def features(keras: Any, base: Any) -> dict[str, Any]:
    """Take what comes out of layers in the middle, by their names."""
    names = ("block_1_project_BN", "block_3_expand_relu", "block_16_project")
    middle = [base.get_layer(n).output for n in names]
    model = keras.Model(base.input, middle)
    x = keras.applications.mobilenet_v2.preprocess_input(images(4, 3)[0])
    made = model(keras.ops.convert_to_tensor(x), training=False)
    return {n: keras.ops.convert_to_numpy(v) for n, v in zip(names, made, strict=True)}


def begun_inside(keras: Any, weights: Path) -> dict[str, Any]:
    """Begin a network at a tensor in the middle of another's."""
    inputs = keras.Input(shape=SIZE, name="picture")
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    base = keras.applications.MobileNetV2(
        weights=None, include_top=False, input_tensor=x, alpha=0.35, pooling="max"
    )
    base.load_weights(weights, skip_mismatch=False)
    return {
        "layers": np.array([layer.name for layer in base.layers]),
        "answers": keras.ops.convert_to_numpy(base(images(5, 3)[0], training=False)),
    }
