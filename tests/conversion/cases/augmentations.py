"""Classifiers of images that are augmented within the model."""

from __future__ import annotations

from typing import Any

from conversion.cases import Table

TABLE = Table()


def classified(keras: Any, inputs: Any, x: Any) -> Any:
    """A small CNN of any size on top."""
    layers = keras.layers
    x = layers.Rescaling(1 / 255)(x)
    x = layers.Conv2D(6, 3, strides=2, padding="same", activation="relu")(x)
    x = layers.BatchNormalization()(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(4)(layers.Dropout(0.3)(x)))


@TABLE.model()
def front(keras: Any) -> Any:
    """As keras.io begins its models of images: a Sequential inside."""
    layers = keras.layers
    inputs = keras.Input((20, 23, 3))
    stack = [
        layers.RandomFlip("horizontal_and_vertical"),
        layers.RandomRotation(0.1, fill_mode="wrap"),
        layers.RandomZoom((-0.2, 0.1), (-0.3, 0.3), interpolation="nearest"),
        layers.RandomTranslation(0.1, 0.2, fill_mode="constant", fill_value=7.0),
    ]
    augmentation = keras.Sequential(stack, name="data_augmentation")
    return classified(keras, inputs, augmentation(inputs))


@TABLE.model()
def any_size(keras: Any) -> Any:
    """Pixels of images of unknown size."""
    inputs = keras.Input((None, None, 3), dtype="uint8")
    x = keras.layers.RandomFlip("vertical", seed=3)(inputs)
    return classified(keras, inputs, keras.layers.RandomZoom(0.2)(x))


@TABLE.model()
def switched_off(keras: Any) -> Any:
    """Layers that are called for inference."""
    inputs = keras.Input((12, 11, 3))
    x = keras.layers.RandomFlip()(inputs, training=False)
    x = keras.layers.RandomCrop(8, 9)(x, training=False)
    return classified(keras, inputs, x)


@TABLE.model()
def cropped(keras: Any) -> Any:
    """Keras 3 passes larger images on at inference, tf_keras resizes them."""
    inputs = keras.Input((20, 23, 3))
    return classified(keras, inputs, keras.layers.RandomCrop(14, 11)(inputs))


@TABLE.model("tf_keras")
def stretched(keras: Any) -> Any:
    """Layers that only Keras 2 had, and a crop whose size a Dense counts on."""
    layers = keras.layers
    inputs = keras.Input((12, 11, 3))
    x = layers.RandomHeight(0.2)(inputs)
    x = layers.RandomWidth((-0.1, 0.3), interpolation="nearest")(x)
    x = layers.Conv2D(4, 3)(layers.RandomCrop(8, 10)(x))
    return keras.Model(inputs, layers.Dense(3)(layers.Flatten()(x)))


@TABLE.model("tf_keras")
def always(keras: Any) -> Any:
    """Layers that act in every call."""
    layers = keras.layers
    inputs = keras.Input((12, 11, 3))
    x = layers.RandomFlip("horizontal")(inputs, training=True)
    x = layers.RandomCrop(8, 10)(layers.RandomRotation(0.1)(x, training=True))
    return keras.Model(inputs, layers.Conv2D(4, 3)(x))


@TABLE.model("keras")
def geometry(keras: Any) -> Any:
    """The rarer ones; Keras cannot read a RandomShear of one number again."""
    layers = keras.layers
    inputs = keras.Input((12, 11, 3))
    x = layers.RandomShear((0.0, 0.2), (0.1, 0.3))(inputs)
    x = layers.RandomPerspective(0.5, scale=0.2)(x)
    x = layers.RandomElasticTransform(0.4, 0.3, value_range=(-9, 300))(x)
    return classified(keras, inputs, x)


@TABLE.model("keras")
def compositions(keras: Any) -> Any:
    """Layers of layers, and those that mix a batch."""
    layers = keras.layers
    inputs = keras.Input((12, 11, 3))
    x = layers.RandAugment(num_ops=3, factor=0.2)(inputs)
    x = layers.AugMix(all_ops=False, num_chains=2)(x)
    x = layers.MaxNumBoundingBoxes(3)(layers.CutMix(0.5)(layers.MixUp(0.3)(x)))
    return classified(keras, inputs, x)


@TABLE.model("keras")
def pipeline(keras: Any) -> Any:
    """Layers in a row, also with weights."""
    layers = keras.layers
    inputs = keras.Input((12, 11, 3))
    inside = [layers.RandomFlip(), layers.Conv2D(3, 2), layers.BatchNormalization()]
    return classified(keras, inputs, layers.Pipeline(inside, name="front")(inputs))
