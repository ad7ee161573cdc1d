"""Layers that change images' geometry, or mix them, in four ways each."""

from __future__ import annotations

from typing import Any

import numpy as np
from parity.cases.every_layer import WAYS, array, way
from parity.cases.every_layer_rows import Row, one
from parity.recording import Arrays, floats, start
from parity.table import add

SIZE, FIRST = (8, 6, 3), (3, 8, 6)


def at_rest(layer: Any, x: Any) -> Any:
    return layer(x, training=False)


def rows() -> dict[str, Row]:
    first = {"data_format": "channels_first"}

    def made(kind: str, *given: Any, shape: tuple[int, ...] = SIZE, **more: Any) -> Row:
        # What is drawn is compared where the numbers can be given.
        def layer(la: Any) -> Any:
            return getattr(la, kind)(*given, **more)

        return one(layer, shape, call=at_rest, random=True)

    return {
        "flip": made("RandomFlip"),
        "flip-first": made("RandomFlip", "vertical", 3, shape=FIRST, **first),
        "rotation": made("RandomRotation", 0.2),
        "rotation-pair": made("RandomRotation", (0.3, -0.1), "wrap", "nearest", 5),
        "translation": made("RandomTranslation", 0.2, (-0.3, 0.1)),
        "translation-fill": made(
            "RandomTranslation", 0.2, 0.1, "constant", fill_value=0.5
        ),
        "zoom": made("RandomZoom", 0.2),
        "zoom-pair": made("RandomZoom", (-0.2, 0.3), (0.1, 0.2), shape=FIRST, **first),
        "shear": made("RandomShear", (0.1, 0.3), 0.0),
        "perspective": made("RandomPerspective", 0.5, 0.3),
        "elastic": made("RandomElasticTransform", 0.5, (0.1, 0.3)),
        "crop-same": made("RandomCrop", 8, 6, 4),
        "rand-augment": made("RandAugment", (0, 1), 3, 0.2),
        "aug-mix": made("AugMix", (-3, 3), 2, 1, (0.1, 0.4), 0.5, False),
        "mix-up": made("MixUp", 0.3),
        "cut-mix": made("CutMix", (0.2, 0.8)),
    }


for key, row in rows().items():
    for name in WAYS:
        add(f"augmentations/{key}/{name}", way(name, row))

KINDS: dict[str, tuple[Any, ...]] = {
    "RandomFlip": (),
    "RandomRotation": (0.2,),
    "RandomTranslation": (0.3, 0.3),
    "RandomZoom": (0.3,),
    "RandomShear": (0.4, 0.4),
    "RandomPerspective": (),
    "RandomCrop": (5, 4),
    "MixUp": (),
    "CutMix": (),
}


def told_nothing(keras: Any) -> Arrays:
    """Called by themselves, and in a model, these layers act unless told not to."""
    x = np.abs(floats(1, 40, *SIZE)) * 50
    found: Arrays = {}
    for kind, given in KINDS.items():
        layer = getattr(keras.layers, kind)(*given)
        inputs = keras.Input(SIZE)
        model = keras.Model(inputs, layer(inputs))
        calls = {
            "alone": (layer, {}),
            "training": (layer, {"training": True}),
            "rest": (layer, {"training": False}),
            "model": (model, {}),
            "model at rest": (model, {"training": False}),
        }
        for how, (called, told) in calls.items():
            # One draw may leave all as it was: a crop in the corner.
            drawn = [array(called(x, **told)) for _ in range(20)]
            y = drawn[0]
            rows, columns = y.shape[1:3]
            changed = any((y != x[:, :rows, :columns]).any() for y in drawn)
            found[f"{kind}/{how}"] = f"{y.shape} {changed}"
        still = model.predict(x, verbose=0)
        found[f"{kind}/predict"] = f"{still.shape} {bool((still == x).all())}"
    return found


add("augmentations/told-nothing", told_nothing)


def single_images(keras: Any) -> Arrays:
    x = np.abs(floats(1, *SIZE)) * 50
    found: Arrays = {}
    for kind, given in KINDS.items():
        if kind != "MixUp":
            layer = getattr(keras.layers, kind)(*given)
            found[kind] = str(array(layer(x)).shape)
            found[f"{kind}/rest"] = array(layer(x, training=False))
    return found


add("augmentations/single-images", single_images)


def in_front(keras: Any) -> Arrays:
    """A model whose first layers act in ``fit`` alone, and a Pipeline of them."""
    layers = keras.layers
    found: Arrays = {}
    for kind in ("Sequential", "Pipeline"):
        inside = [layers.RandomFlip("horizontal"), layers.RandomTranslation(0.1, 0.1)]
        front = keras.Sequential if kind == "Sequential" else layers.Pipeline
        inputs = keras.Input(SIZE)
        x = front(inside, name="front")(inputs)
        x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(x))
        model = keras.Model(inputs, layers.Dense(2)(x))
        start(model)
        model.compile("sgd", "mse")
        images, wanted = floats(1, 12, *SIZE), floats(2, 12, 2)
        before = model.predict(images, verbose=0)
        again = model.predict(images, verbose=0)
        found[f"{kind}/before"] = before
        found[f"{kind}/same"] = bool((before == again).all())
        loss = model.evaluate(images, wanted, verbose=0)
        fit = model.fit(images, wanted, epochs=2, verbose=0)
        found[f"{kind}/evaluated"] = loss
        found[f"{kind}/moved"] = bool((model.predict(images, verbose=0) != again).any())
        found[f"{kind}/other"] = bool(abs(fit.history["loss"][0] - loss) > 1e-6)
        found[f"{kind}/layers"] = str([type(v).__name__ for v in inside])
    return found


add("augmentations/in-front", in_front)
