"""Masks, from Embedding and Masking through layers into the loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from parity.recording import (
    Arrays,
    floats,
    integers,
    padded_tokens,
    start,
    train,
    train_and_ask,
)
from parity.table import add, case

N, STEPS, VOCABULARY = 13, 6, 8
TOKENS = padded_tokens(1, N, STEPS, VOCABULARY)
LABELS = integers(2, 3, N)
TAGS = integers(3, 3, N, STEPS)
SPARSE = "sparse_categorical_crossentropy"
Make = Callable[[Any], Any]

BODIES: dict[str, Make] = {
    "lstm": lambda la: la.LSTM(4),
    "gru": lambda la: la.GRU(4),
    "gru-reset-before": lambda la: la.GRU(4, reset_after=False),
    "simple-rnn": lambda la: la.SimpleRNN(4),
    "bidirectional-lstm": lambda la: la.Bidirectional(la.LSTM(3)),
    "bidirectional-gru-sum": lambda la: la.Bidirectional(la.GRU(3), merge_mode="sum"),
    "backwards": lambda la: la.LSTM(4, go_backwards=True),
    "average": lambda la: la.GlobalAveragePooling1D(),
    "rnn-cells": lambda la: la.RNN([la.LSTMCell(3), la.GRUCell(4)]),
}


def classifier(keras: Any, *body: Any) -> Any:
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((STEPS,)),
            layers.Embedding(VOCABULARY, 4, mask_zero=True),
            *body,
            layers.Dense(3, activation="softmax"),
        ]
    )
    start(model)
    model.compile(
        keras.optimizers.Adam(0.05),
        SPARSE,
        metrics=["accuracy"],
        weighted_metrics=["accuracy", SPARSE],
    )
    return model


def one(make: Make) -> Callable[[Any], Arrays]:
    def run(keras: Any) -> Arrays:
        model = classifier(keras, make(keras.layers))
        return train(model, TOKENS, LABELS, batch_size=5)

    return run


for name, make in BODIES.items():
    add(f"masks/{name}", one(make))


def looked_up_twice(nested: bool) -> Callable[[Any], Arrays]:
    # Keras' Adam squares each look-up, whichever use of the table it comes from. Where
    # a batch looks up more rows than the table has numbers, torch sums equal ones.
    def run(keras: Any) -> Arrays:
        layers = keras.layers
        a, b = keras.Input((STEPS,)), keras.Input((STEPS,))
        table = layers.Embedding(40, 4)
        shared: Any = table
        if nested:
            shared = keras.Sequential([keras.Input((STEPS,)), table, layers.Flatten()])
        x = layers.Flatten()(layers.Subtract()([shared(a), shared(b)]))
        y = layers.Dense(3, activation="softmax")(x)
        model = start(keras.Model([a, b], y))
        model.compile(keras.optimizers.Adam(0.05), SPARSE)
        given = [TOKENS, padded_tokens(7, N, STEPS, VOCABULARY)]
        return train(model, given, LABELS, batch_size=5, epochs=4)

    return run


add("masks/table-twice", looked_up_twice(False))
add("masks/table-twice-nested", looked_up_twice(True))


SEQUENCES: dict[str, Make] = {
    "lstm": lambda la: la.LSTM(4, return_sequences=True),
    "bidirectional": lambda la: la.Bidirectional(la.GRU(3, return_sequences=True)),
    "gru-reset-before": lambda la: la.GRU(4, reset_after=False, return_sequences=True),
    "time-distributed": lambda la: la.TimeDistributed(la.Dense(4)),
    "dropout-none": lambda la: la.Dropout(0.0),
}


def tagging(make: Make, weighted: bool) -> Callable[[Any], Arrays]:
    def run(keras: Any) -> Arrays:
        # The mask reaches the loss: padding neither costs nor counts.
        model = classifier(keras, make(keras.layers))
        more = {"sample_weight": np.abs(floats(4, N, STEPS))} if weighted else {}
        return train(model, TOKENS, TAGS, batch_size=5, **more)

    return run


for name, make in SEQUENCES.items():
    add(f"masks/sequences/{name}", tagging(make, False))
add("masks/sequences-weighted/lstm", tagging(SEQUENCES["lstm"], True))


@case("masks/stacked")
def stacked(keras: Any) -> Arrays:
    layers = keras.layers
    model = classifier(
        keras,
        layers.Bidirectional(layers.LSTM(3, return_sequences=True)),
        layers.LayerNormalization(),
        layers.GRU(4),
    )
    return train(model, TOKENS, LABELS, batch_size=5)


@case("masks/masking")
def masking(keras: Any) -> Arrays:
    layers = keras.layers
    x = floats(5, N, STEPS, 3)
    x[TOKENS == 0] = -1.0
    model = keras.Sequential(
        [
            keras.Input((STEPS, 3)),
            layers.Masking(-1.0),
            layers.LSTM(4, return_sequences=True),
            layers.Dense(2),
        ]
    )
    start(model)
    model.compile(keras.optimizers.SGD(0.1), "mse", weighted_metrics=["mae"])
    return train_and_ask(model, x, floats(6, N, STEPS, 2), batch_size=5)


@case("masks/holes")
def holes(keras: Any) -> Arrays:
    # Zeros within and before, and a row of nothing else.
    tokens = integers(7, 4, N, STEPS)
    tokens[3] = 0
    tokens[4, :3] = 0
    model = classifier(keras, keras.layers.Bidirectional(keras.layers.LSTM(3)))
    return train_and_ask(model, tokens, LABELS, batch_size=5)


@case("masks/attention")
def attention(keras: Any) -> Arrays:
    layers = keras.layers
    x = keras.Input((STEPS,))
    y = layers.Embedding(VOCABULARY, 4, mask_zero=True)(x)
    z = layers.MultiHeadAttention(2, 3)(y, y)
    z = layers.GlobalAveragePooling1D()(layers.Add()([y, z]))
    model = start(keras.Model(x, layers.Dense(3, activation="softmax")(z)))
    model.compile(keras.optimizers.SGD(0.2), SPARSE)
    return train(model, TOKENS, LABELS, batch_size=5)


@case("masks/dot-attention")
def dot_attention(keras: Any) -> Arrays:
    layers = keras.layers
    x = keras.Input((STEPS,))
    y = layers.Embedding(VOCABULARY, 4, mask_zero=True)(x)
    z = layers.Attention()([y, y])
    z = layers.GlobalAveragePooling1D()(z)
    model = start(keras.Model(x, layers.Dense(3, activation="softmax")(z)))
    model.compile(keras.optimizers.SGD(0.2), SPARSE)
    return train(model, TOKENS, LABELS, batch_size=5)


@case("masks/merged")
def merged(keras: Any) -> Arrays:
    layers = keras.layers
    a, b = keras.Input((STEPS,)), keras.Input((STEPS,))
    embed = layers.Embedding(VOCABULARY, 4, mask_zero=True)
    y = layers.Concatenate()([embed(a), embed(b)])
    y = layers.LSTM(4)(y)
    model = start(keras.Model([a, b], layers.Dense(3, activation="softmax")(y)))
    model.compile(keras.optimizers.SGD(0.2), SPARSE)
    x = [TOKENS, padded_tokens(9, N, STEPS, VOCABULARY)]
    return train(model, x, LABELS, batch_size=5)


@case("masks/of-two-outputs")
def two_outputs(keras: Any) -> Arrays:
    layers = keras.layers
    x = keras.Input((STEPS,))
    y = layers.Embedding(VOCABULARY, 4, mask_zero=True)(x)
    y = layers.LSTM(4, return_sequences=True)(y)
    tags = layers.Dense(3, activation="softmax", name="tags")(y)
    kind = layers.Dense(3, activation="softmax", name="kind")(layers.GRU(3)(y))
    model = start(keras.Model(x, [tags, kind]))
    model.compile("adam", [SPARSE, SPARSE], loss_weights=[0.4, 1.0])
    return train(model, TOKENS, [TAGS, LABELS], batch_size=5)
