"""Train the Keras model that the other examples convert, and write `digits_cnn.h5`.

A small CNN, with the layers on which a conversion goes wrong most quietly. The file
that lies here is of Keras 3.12, the last for Python 3.10: it opens nothing of 3.15.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import digits
import keras


def build() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((8, 8, 1), name="image"),
            keras.layers.Conv2D(16, 3, padding="same", use_bias=False, name="stem"),
            keras.layers.BatchNormalization(name="stem_norm"),
            keras.layers.ReLU(name="stem_relu"),
            # On an even size Keras pads a stride of 2 on the right and at the bottom
            # alone; padding=1, the usual translation, shifts every window.
            keras.layers.Conv2D(
                24, 3, strides=2, padding="same", activation="relu", name="reduce"
            ),
            keras.layers.MaxPooling2D(2, name="pool"),
            keras.layers.Dropout(0.25, name="dropout"),
            # In Keras' order the rows of the next kernel run height, width, channel.
            keras.layers.Flatten(name="flatten"),
            keras.layers.Dense(32, activation="relu", name="hidden"),
            keras.layers.Dense(10, activation="softmax", name="digit"),
        ],
        name="digits_cnn",
    )


def main() -> None:
    keras.utils.set_random_seed(digits.SEED)
    x_train, x_test, y_train, y_test = digits.load()
    model = build()
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate=2e-3),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.fit(x_train, y_train, batch_size=32, epochs=12, verbose=2)
    _, accuracy = model.evaluate(x_test, y_test, verbose=0)
    model.save(digits.MODEL)
    print(f"test accuracy {accuracy:.4f}, written to {digits.MODEL}")


if __name__ == "__main__":
    main()
