"""Models that read words and categories (runs in a Keras process).

``python make_words.py keras FOLDER`` or ``python make_words.py tf_keras FOLDER`` writes
``NAME.keras``, and ``NAME.h5`` where that Keras can, with random weights.
"""

import importlib
import os
import sys
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import numpy as np

FLAVOUR, FOLDER = sys.argv[1], Path(sys.argv[2])
keras = importlib.import_module(FLAVOUR)
layers = keras.layers
TWO = FLAVOUR == "tf_keras"

TEXTS = np.array(
    [
        "The cat sat on the mat.",
        "A dog, a DOG and another dog!",
        "Über den Wolken; über den Wolken",
        "日本語 is not split",
        *[f"word{i} word{i // 2} the" for i in range(40)],
    ]
)
COLORS = np.array([["red"], ["green"], ["light blue"], ["Rot"], ["red"], [""]])
MANY = np.array([[f"city {i % 37}"] for i in range(80)])
IDS = np.array([[3], [-1], [700], [3], [12345678901], [0]])
NUMBERS = np.random.default_rng(5).normal(40.0, 12.0, (300, 1)).astype("float32")


def fitted(layer, data):
    """Adapt a layer."""
    layer.adapt(data)
    return layer


def words(name=None, shape=(1,)):
    """An input of strings."""
    return keras.Input(shape, name=name, dtype="string")


def classifier():
    """Text classification with the words looked up inside."""
    x = words()
    y = fitted(layers.TextVectorization(25, output_sequence_length=7), TEXTS)(x)
    y = layers.Embedding(25, 4)(y)
    y = layers.Conv1D(5, 3, activation="relu")(y)
    y = layers.GlobalMaxPooling1D()(y)
    return keras.Model(x, layers.Dense(1, activation="sigmoid")(y))


def stacked():
    """An exported model: a stack around a trained one."""
    inside = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Embedding(30, 3, mask_zero=True),
            layers.GlobalAveragePooling1D(),
            layers.Dense(2),
        ],
        name="inside",
    )
    vectorize = fitted(layers.TextVectorization(30, output_sequence_length=6), TEXTS)
    return keras.Sequential([words(), vectorize, inside, layers.Softmax()])


def bag():
    """Pairs of words, weighted."""
    x = words(shape=())
    layer = layers.TextVectorization(50, ngrams=2, output_mode="tf_idf")
    return keras.Model(x, layers.Dense(3)(fitted(layer, TEXTS)(x)))


def letters():
    """Letters, and no punctuation stripped."""
    x = words()
    layer = layers.TextVectorization(
        standardize="lower", split="character", output_mode="count"
    )
    return keras.Model(x, layers.Dense(3)(fitted(layer, TEXTS)(x)))


def places():
    """The places themselves come out."""
    x, i = words("color"), keras.Input((1,), name="id", dtype="int64")
    found = [
        fitted(layers.StringLookup(mask_token="", num_oov_indices=3), COLORS)(x),
        fitted(layers.IntegerLookup(num_oov_indices=2, mask_token=0), IDS)(i),
        layers.Hashing(1000, salt=[133, 137])(x),
        layers.Hashing(10**6, mask_value=0)(i),
        layers.HashedCrossing(10**4)([x, i]),
        layers.StringLookup(vocabulary=["b", "a"])(x),
    ]
    return keras.Model([x, i], found)


def structured():
    """Structured data: each feature in its own way, then together."""
    color, city = words("color"), words("city")
    age, year = (
        keras.Input((1,), name="age"),
        keras.Input((1,), name="year", dtype="int64"),
    )
    bins = fitted(layers.Discretization(num_bins=5, output_mode="one_hot"), NUMBERS)
    crossing = layers.HashedCrossing(16, output_mode="one_hot")
    features = [
        fitted(layers.StringLookup(output_mode="one_hot"), COLORS)(color),
        layers.Flatten()(
            layers.Embedding(40, 3)(fitted(layers.StringLookup(), MANY)(city))
        ),
        fitted(layers.Normalization(), NUMBERS)(age),
        bins(age),
        layers.IntegerLookup(vocabulary=[1999, 2000, 2003], output_mode="multi_hot")(
            year
        ),
        layers.CategoryEncoding(6, output_mode="one_hot")(
            layers.StringLookup(vocabulary=list("abcde"))(color)
        ),
        crossing([color, city]),
        layers.Hashing(8, output_mode="multi_hot")(city),
    ]
    if not TWO:
        # Integers, whatever Keras 3 declares: it cannot join them with floats.
        features = [layers.Rescaling(1.0)(f) for f in features]
    y = layers.Concatenate()(features)
    y = layers.Dense(8, activation="relu")(y)
    y = layers.Dropout(0.5)(y)
    return keras.Model(
        [color, city, age, year], layers.Dense(1, activation="sigmoid")(y)
    )


def shared():
    """One lookup of two inputs, one of them within a model."""
    lookup = fitted(layers.StringLookup(name="lookup"), MANY)
    embed = layers.Embedding(40, 3)
    inside = words()
    tower = keras.Model(inside, layers.Flatten()(embed(lookup(inside))), name="tower")
    left, right = words("left"), words("right")
    a = layers.Flatten()(embed(lookup(left)))
    return keras.Model([left, right], layers.Dot(-1)([a, tower(right)]))


def bins():
    """Bins of numbers, found and given."""
    x = keras.Input((1,))
    found = fitted(layers.Discretization(num_bins=40), NUMBERS)
    y = layers.Embedding(41, 2)(found(x))
    return keras.Model(
        x,
        [
            layers.Flatten()(y),
            layers.Discretization([0.1, 33.3], output_mode="count")(x),
        ],
    )


def back():
    """From places to words."""
    x = keras.Input((2,), dtype="int64")
    return keras.Model(x, layers.StringLookup(vocabulary=["yes", "no"], invert=True)(x))


def given():
    """Vocabularies that the layers were given."""
    x, i = words("text"), keras.Input((3,), name="ids", dtype="int64")
    text = layers.TextVectorization(
        vocabulary=["the", "cat", "the cat"], ngrams=(1, 2), output_sequence_length=9
    )
    counts = layers.IntegerLookup(
        vocabulary=[4, 5, 6], idf_weights=[0.5, 0.7, 2.0], output_mode="tf_idf"
    )
    y = layers.Flatten()(layers.Embedding(5, 2)(text(x)))
    return keras.Model([x, i], layers.Dense(2)(layers.Concatenate()([y, counts(i)])))


def deferred():
    """A stack that saw its input when it was called."""
    vectorize = fitted(layers.TextVectorization(output_mode="count"), TEXTS)
    model = keras.Sequential([vectorize, layers.Dense(2)])
    model(np.array(["the cat", "a dog"]))
    return model


def space():
    """A FeatureSpace and a model on it."""
    import tensorflow as tf

    made = keras.utils.FeatureSpace
    features = made(
        features={
            "color": made.string_categorical(num_oov_indices=2),
            "city": made.string_hashed(num_bins=8),
            "id": made.integer_categorical(),
            "age": made.float_discretized(num_bins=5),
            "weight": made.float_normalized(),
            "height": made.float_rescaled(scale=0.1),
            "plain": made.float(),
        },
        crosses=[made.cross(("color", "city"), crossing_dim=16)],
        output_mode="concat",
    )
    numbers = NUMBERS[:6, 0]
    data = {
        "color": COLORS[:, 0],
        "city": MANY[:6, 0],
        "id": IDS[:, 0],
        "age": numbers,
        "weight": numbers + 1.0,
        "height": numbers * 2.0,
        "plain": numbers,
    }
    features.adapt(tf.data.Dataset.from_tensor_slices(data).batch(2))
    encoded = features.get_encoded_features()
    return keras.Model(features.get_inputs(), layers.Dense(2)(encoded))


MODELS = [
    classifier,
    stacked,
    bag,
    letters,
    places,
    structured,
    shared,
    bins,
    back,
    given,
    deferred,
    *([] if TWO else [space]),
]


def main():
    """Write the models."""
    for seed, make in enumerate(MODELS):
        keras.backend.clear_session()
        model, rng = make(), np.random.default_rng(seed)
        for weight in model.trainable_weights:
            weight.assign(rng.normal(0, 0.5, tuple(weight.shape)))
        if seed % 2 == 0 and model.trainable_weights:
            model.compile("adam", "mse")
        model.save(FOLDER / f"{make.__name__}.keras")
        try:
            model.save(FOLDER / f"{make.__name__}.h5")
        except NotImplementedError:
            # tf_keras: "not an instance of tf.Variable", a table of words.
            (FOLDER / f"{make.__name__}.h5").unlink(missing_ok=True)


if __name__ == "__main__":
    main()
