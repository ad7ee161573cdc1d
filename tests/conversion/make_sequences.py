"""Sequence, attention and tabular models with random weights (runs in a Keras process).

``python make_sequences.py keras FOLDER`` writes the models of this file, ``python
make_sequences.py tf_keras FOLDER SEEDS`` also as many drawn at random as it is told:
``NAME.keras`` from Keras 3, ``NAME.h5`` from Keras 2.
"""

import importlib
import os
import random
import sys
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import numpy as np

FLAVOUR, FOLDER, SEEDS = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
keras = importlib.import_module(FLAVOUR)
layers = keras.layers
TWO = FLAVOUR == "tf_keras"


# ------------------------------------------- each of these went wrong once, somewhere
def masked_states():
    """States in the call: Keras 3 loses the mask that travels with the steps."""
    words, state = keras.Input((6,), name="words"), keras.Input((4,), name="state")
    x = layers.Embedding(9, 4, mask_zero=True)(words)
    x = layers.GRU(4, return_sequences=True)(x, initial_state=state)
    x = layers.Bidirectional(layers.GRU(3))(x, initial_state=[state[:, :3]] * 2)
    return keras.Model([words, state], layers.Dense(2)(x))


def tower_with_and_without_mask():
    """One model called with a mask and without."""
    inside = keras.Input((5, 4))
    x = layers.LSTM(3, return_sequences=True)(inside)
    tower = keras.Model(inside, layers.GlobalAveragePooling1D()(x), name="tower")
    left, right = keras.Input((5,), name="left"), keras.Input((5,), name="right")
    a = tower(layers.Embedding(9, 4, mask_zero=True)(left))
    b = tower(layers.Embedding(9, 4)(right))
    return keras.Model([left, right], layers.Dense(2)(layers.Subtract()([a, b])))


def joined_masks():
    """One of two joined inputs has a mask: Keras 3 writes how it joins them."""
    left, right = keras.Input((5,), name="left"), keras.Input((5,), name="right")
    a = layers.Embedding(9, 4, mask_zero=True)(left)
    b = layers.Embedding(9, 4)(right)
    return keras.Model([left, right], layers.LSTM(3)(layers.Concatenate()([a, b])))


def scores():
    """Attention that returns its scores, its first argument given by name."""
    x = keras.Input((5, 6))
    attend = layers.MultiHeadAttention(2, 3)
    y, weights = attend(query=x, value=x, return_attention_scores=True)
    return keras.Model(x, [layers.Dense(2)(y), weights])


def between_layers():
    """Operations between layers."""
    x = keras.Input((5, 4))
    y = layers.Dense(4)(x)
    y = y[:, 1:] * 2.0 - 1.0 / (3.0 + y[:, :1] ** 2)
    last = y[:, -1] + y[:, None, 2][:, 0] - y[..., ::2, :][:, 0] if TWO else y[:, -1]
    return keras.Model(x, [layers.Dense(2)(y), layers.Dense(2)(last)])


def whole_numbers():
    """Integers into Dense."""
    x = keras.Input((4,), dtype="int32")
    return keras.Model(x, layers.Dense(3, activation="relu")(x))


FIXED = [
    masked_states,
    tower_with_and_without_mask,
    joined_masks,
    scores,
    between_layers,
    whole_numbers,
]


# ------------------------------------------------------------------- drawn at random
def recurrent(draw, units, **options):
    """Return a recurrent layer with some of its arguments."""
    kind = draw.choice(["LSTM", "GRU", "SimpleRNN"])
    if draw.random() < 0.3:
        options["activation"] = draw.choice(["relu", "sigmoid", "softsign"])
    if draw.random() < 0.3 and kind != "SimpleRNN":
        options["recurrent_activation"] = "hard_sigmoid"
    if draw.random() < 0.3:
        options["use_bias"] = False
    if draw.random() < 0.3:
        options["dropout"] = 0.2
    if draw.random() < 0.2:
        options["recurrent_dropout"] = 0.1
    if draw.random() < 0.5 and kind == "GRU":
        options["reset_after"] = False
    return getattr(layers, kind)(units, **options)


def both_ways(draw, units, **options):
    """Return a Bidirectional."""
    mode = draw.choice(["concat", "sum", "ave", "mul"])
    return layers.Bidirectional(recurrent(draw, units, **options), merge_mode=mode)


def steps(draw):
    """Return a layer from steps to steps."""
    return draw.choice(
        [
            lambda: recurrent(draw, 4, return_sequences=True),
            lambda: both_ways(draw, 3, return_sequences=True),
            lambda: layers.Dropout(0.2),
            lambda: layers.BatchNormalization(),
            lambda: layers.LayerNormalization(),
            lambda: layers.Conv1D(4, 3, padding=draw.choice(["same", "causal"])),
            lambda: layers.TimeDistributed(layers.Dense(4, activation="tanh")),
        ]
    )()


def end(draw):
    """Return a layer from steps to one vector."""
    return draw.choice(
        [
            lambda: recurrent(draw, 4),
            lambda: both_ways(draw, 3),
            lambda: layers.GlobalAveragePooling1D(),
            lambda: layers.GlobalMaxPooling1D(),
        ]
    )()


def text(draw):
    """Words, padded or not."""
    x = words = keras.Input((draw.choice([None, 6]),), name="words")
    x = layers.Embedding(12, 5, mask_zero=draw.random() < 0.7)(x)
    for _ in range(draw.choice([1, 2])):
        x = steps(draw)(x)
    return keras.Model(words, layers.Dense(2)(end(draw)(x)))


def translator(draw):
    """An encoder, its states, a decoder, attention."""
    source, target = keras.Input((None, 3), name="source"), keras.Input((None, 4))
    kind = getattr(layers, draw.choice(["LSTM", "GRU"]))
    padded = layers.Masking()(source) if draw.random() < 0.5 else source
    coded, *states = kind(4, return_sequences=True, return_state=True)(padded)
    decoder = kind(4, return_sequences=True, return_state=True, name="decoder")
    out, *_ = decoder(target, initial_state=states)
    kind = draw.choice([layers.Attention, layers.AdditiveAttention])
    attended = kind()([out, coded])
    x = layers.Concatenate()([out, attended])
    return keras.Model([source, target], layers.Dense(5, activation="softmax")(x))


def transformer(draw):
    """Blocks of attention."""
    x = words = keras.Input((6,), name="words")
    x = layers.Embedding(10, 4)(x)
    for i in range(draw.choice([1, 2])):
        options = {"use_causal_mask": True} if draw.random() < 0.5 else {}
        size = draw.choice([2, 3])
        y = layers.MultiHeadAttention(2, size, name=f"attention_{i}")(x, x, **options)
        x = layers.LayerNormalization()(x + y)
        y = layers.Dense(4)(layers.Dense(8, activation="relu")(x))
        x = layers.LayerNormalization()(layers.Add()([x, y]))
    x = x[:, 0] if draw.random() < 0.5 else layers.Flatten()(x)
    return keras.Model(words, layers.Dense(2)(x))


def table(draw):
    """Categories and numbers, some outputs."""
    kinds, numbers = keras.Input((1,), name="kind"), keras.Input((3,), name="numbers")
    a = layers.Embedding(5, 3)(kinds)
    a = draw.choice([layers.Flatten(), layers.Reshape((3,))])(a)
    b = layers.BatchNormalization()(numbers) if draw.random() < 0.5 else numbers
    deep = layers.Dense(6, activation=draw.choice(["relu", "selu"]))(
        layers.Concatenate()([a, b])
    )
    wide = layers.Dense(1, activation="sigmoid", name="wide")(
        layers.Concatenate()([deep, b])
    )
    return keras.Model([kinds, numbers], [wide, layers.Dense(3, name="deep")(deep)])


def randomize(model, seed):
    """Give every weight random values; variances and scales stay positive."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        name = getattr(weight, "path", weight.name)
        if "seed" in name:
            continue
        positive = "variance" in name or "gamma" in name
        shape = tuple(weight.shape)
        value = rng.uniform(0.5, 1.5, shape) if positive else rng.normal(0, 0.4, shape)
        weight.assign(value.astype("float32"))


def save(model, name, seed):
    """Write a model."""
    randomize(model, seed)
    if seed % 2:
        model.compile("adam", "mse")
    model.save(FOLDER / f"{name}{'.h5' if TWO else '.keras'}")


def main():
    """Write the models."""
    for i, make in enumerate(FIXED):
        save(make(), make.__name__, i)
    for seed in range(SEEDS):
        for make in (text, translator, transformer, table):
            draw = random.Random(f"{make.__name__} {seed}")
            save(make(draw), f"{make.__name__}_{seed}", seed)


if __name__ == "__main__":
    main()
