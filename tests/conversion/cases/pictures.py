"""Models of images and sounds as they come: resized, augmented, made spectra."""

from __future__ import annotations

from typing import Any

from conversion.cases import Table

TABLE = Table()
ALWAYS = {"training": True}


@TABLE.model()
def resized(keras: Any) -> Any:
    """Images of any size, cut and enlarged before a CNN."""
    layers = keras.layers
    inputs = keras.Input((None, None, 3))
    x = layers.Resizing(17, 12, interpolation="bicubic")(inputs)
    x = layers.Rescaling(1 / 127.5, -1)(x)
    x = layers.Conv2D(5, 3, activation="relu")(x)
    x = layers.UpSampling2D((2, 3), interpolation="lanczos3")(x)
    x = layers.CenterCrop(9, 10)(x)
    x = layers.Resizing(4, 5, interpolation="area")(x)
    x = layers.Resizing(6, 3, crop_to_aspect_ratio=True)(x)
    return keras.Model(inputs, layers.Dense(4)(layers.Flatten()(x)))


@TABLE.model("tf_keras")
def resized_of_keras2(keras: Any) -> Any:
    """Kernels that Keras 3 left behind."""
    layers = keras.layers
    inputs = keras.Input((13, 10, 3))
    x = layers.Conv2D(5, 3, activation="relu")(inputs)
    x = layers.Resizing(7, 12, interpolation="mitchellcubic")(x)
    x = layers.UpSampling2D(2, interpolation="gaussian")(x)
    return keras.Model(inputs, layers.Conv2D(2, 3)(x))


@TABLE.model()
def pixels(keras: Any) -> Any:
    """Whole numbers come in."""
    layers = keras.layers
    inputs = keras.Input((12, 12, 3), dtype="uint8")
    x = layers.Resizing(8, 7)(inputs)
    x = layers.RandomBrightness(0.2)(x)
    x = layers.Rescaling(1 / 255)(x)
    return keras.Model(inputs, layers.Conv2D(2, 3)(x))


@TABLE.model()
def augmented(keras: Any) -> Any:
    """The usual beginning of a small model of images."""
    layers = keras.layers
    augmentation = keras.Sequential(
        [
            layers.RandomFlip("horizontal"),
            layers.RandomContrast(0.2, seed=3),
            layers.RandomBrightness((-0.1, 0.3), value_range=(0, 1)),
        ]
    )
    inputs = keras.Input((12, 11, 3))
    x = layers.Rescaling(1 / 255)(augmentation(inputs))
    x = layers.MaxPooling2D()(layers.Conv2D(4, 3, activation="relu")(x))
    return keras.Model(inputs, layers.Dense(3)(layers.Flatten()(x)))


@TABLE.model("keras")
def colours(keras: Any) -> Any:
    """Each layer that changes colours."""
    layers = keras.layers
    inputs = keras.Input((16, 16, 3))
    x = inputs
    for name in (
        "RandomHue",
        "RandomSaturation",
        "RandomColorDegeneration",
        "RandomSharpness",
    ):
        x = getattr(layers, name)(0.5, value_range=(0, 1))(x)
    x = layers.RandomColorJitter((0, 255), 0.1, 0.2, 0.3, 0.4)(x)
    x = layers.RandomGrayscale(0.3)(layers.RandomInvert(0.5)(x))
    x = layers.RandomPosterization((2, 5))(layers.RandomGaussianBlur()(x))
    x = layers.RandomErasing(0.5, fill_value=(1, 2, 3))(
        layers.Solarization(0.1, 0.5)(x)
    )
    x = layers.AutoContrast()(x)
    x = layers.ContrastLimitedAdaptiveHistogramEqualization(
        value_range=(-4, 4), tile_grid_size=(4, 4)
    )(x)
    return keras.Model(inputs, layers.Conv2D(3, 3)(x))


@TABLE.model()
def always(keras: Any) -> Any:
    """Layers that act in every call."""
    layers = keras.layers
    inputs = keras.Input((10, 9, 3))
    x = layers.RandomContrast(0.3)(inputs, **ALWAYS)
    x = layers.RandomBrightness(0.3)(x, **ALWAYS)
    return keras.Model(inputs, layers.Conv2D(3, 3)(x))


@TABLE.model("keras")
def spectra(keras: Any) -> Any:
    """Kernels that are trained, and frozen ones."""
    layers = keras.layers
    inputs = keras.Input((120, 2))
    kept = layers.STFTSpectrogram(
        frame_length=16, frame_step=7, expand_dims=True, trainable=False, name="kept"
    )(inputs)
    x = layers.Conv2D(3, 3)(kept)
    y = layers.STFTSpectrogram("magnitude", 12, 5, padding="same")(inputs)
    x = layers.Concatenate()(
        [layers.GlobalAveragePooling2D()(x), layers.GlobalMaxPooling1D()(y)]
    )
    return keras.Model(inputs, layers.Dense(3)(x))


@TABLE.model("keras")
def mel(keras: Any) -> Any:
    """A sound of any length."""
    layers = keras.layers
    inputs = keras.Input((400,))
    x = layers.MelSpectrogram(64, 16, num_mel_bins=12, min_freq=200)(inputs)
    x = layers.Conv1D(4, 3)(layers.Permute((2, 1))(x))
    return keras.Model(inputs, layers.GlobalMaxPooling1D()(x))
