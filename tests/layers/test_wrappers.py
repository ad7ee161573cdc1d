"""TimeDistributed and Bidirectional against Keras."""

from __future__ import annotations

from functools import partial
from itertools import product

import numpy as np
import pytest
import torch

from keras2torch.dialect import GraphBuilder
from keras2torch.errors import UnsupportedLayer
from keras2torch.layers.activation import Activation, LeakyReLU
from keras2torch.layers.convolution import Conv1D, Conv2D
from keras2torch.layers.definitions import (
    GRU,
    LSTM,
    RNN,
    Bidirectional,
    Dense,
    Embedding,
    GRUCell,
    LSTMCell,
    Sequential,
    SimpleRNN,
    StackedRNNCells,
    TimeDistributed,
)
from keras2torch.layers.normalization import BatchNormalization
from keras2torch.layers.pooling import (
    AveragePooling2D,
    GlobalAveragePooling2D,
    MaxPooling2D,
)
from keras2torch.layers.regularization import Dropout
from keras2torch.layers.reshaping import Flatten, UpSampling2D
from keras2torch.program import write
from tests.layers.harness import Row, check, graph, rows, stack
from tests.layers.test_recurrent import HOLES, KINDS, STATES, UNITS, one, recurrent

VIDEO = (None, 4, 8, 7, 3)


def both_ways():
    """Return Bidirectional with every merge mode, mask, states in and out."""
    for kind in KINDS:
        name = kind.__name__
        for mode, steps, mask in product(
            ("concat", "sum", "ave", "mul", None), (False, True), (False, True)
        ):
            full = mode in ("concat", None)
            words = ["steps"] * steps + ["masked"] * mask
            yield recurrent(
                "_".join([name, str(mode), *words]),
                Bidirectional(
                    kind(UNITS, return_sequences=steps, return_state=full and mask),
                    merge_mode=mode,
                ),
                mask=mask,
                states=[UNITS] * 2 * STATES[name] * (full and mask),
                contains=("bidirectional=True",),
            )
        for steps, mask in product((False, True), repeat=2):
            yield recurrent(
                f"{name}_stepped{'_steps' * steps}{'_masked' * mask}",
                Bidirectional(kind(UNITS, activation="elu", return_sequences=steps)),
                mask=mask,
                states=[UNITS] * 2 * STATES[name],
                contains=("BidirectionalRNN(",),
            )
        yield recurrent(f"{name}_masked_alone", Bidirectional(kind(UNITS)), mask=True)
        yield recurrent(
            f"{name}_other_backward_layer",
            Bidirectional(
                kind(UNITS),
                backward_layer=kind(
                    UNITS, activation="relu", go_backwards=True, use_bias=False
                ),
            ),
            mask=True,
        )


def unlike():
    """Return pairs that no torch module runs both ways: side by side."""
    for mode, steps, mask in product(
        ("concat", "sum", None), (False, True), (False, True)
    ):
        words = ["steps"] * steps + ["masked"] * mask
        options = {"return_sequences": steps, "return_state": mode is None}
        yield recurrent(
            "_".join(["unlike", str(mode), *words]),
            Bidirectional(
                LSTM(UNITS, **options),
                merge_mode=mode,
                backward_layer=GRU(
                    UNITS if mode == "sum" else 2, go_backwards=True, **options
                ),
            ),
            mask=mask,
            contains=("nn.ModuleDict(", '"backward_layer": nn.GRU('),
        )
    yield recurrent(
        "unlike_dropout",
        Bidirectional(
            SimpleRNN(UNITS, dropout=0.3),
            backward_layer=SimpleRNN(UNITS, go_backwards=True, use_bias=False),
        ),
        mask=True,
    )
    yield recurrent(
        "backwards_first",
        Bidirectional(
            LSTM(UNITS, go_backwards=True, return_sequences=True),
            backward_layer=LSTM(UNITS, return_sequences=True),
        ),
        mask=True,
        states=[UNITS] * 4,
    )
    for steps in (False, True):
        yield recurrent(
            f"unlike_stacked{'_steps' * steps}",
            Bidirectional(
                RNN(StackedRNNCells([LSTMCell(4), GRUCell(2)]), return_sequences=steps),
                backward_layer=RNN(
                    LSTMCell(3, activation="elu"),
                    go_backwards=True,
                    return_sequences=steps,
                ),
            ),
            mask=True,
        )


BIDIRECTIONAL = [
    recurrent("reset_before", Bidirectional(GRU(4, reset_after=False)), mask=True),
    recurrent(
        "hard_sigmoid_keras2",
        Bidirectional(LSTM(4, recurrent_activation="hard_sigmoid_keras2")),
        mask=True,
        # The constants in TensorFlow are float32.
        float64=1e-6,
    ),
    recurrent("no_bias", Bidirectional(LSTM(4, use_bias=False))),
    recurrent("dropout", Bidirectional(LSTM(4, dropout=0.2, return_sequences=True))),
    recurrent("recurrent_dropout", Bidirectional(GRU(4, recurrent_dropout=0.2))),
    recurrent(
        "of_a_cell", Bidirectional(RNN(LSTMCell(4), return_sequences=True)), mask=True
    ),
    *unlike(),
    stack(
        "embedding_masked_stacked",
        [
            Embedding(7, 3, mask_zero=True),
            Bidirectional(LSTM(4, return_sequences=True)),
            Bidirectional(LSTM(3, return_sequences=True), merge_mode="sum"),
            Bidirectional(GRU(2)),
            Dense(2, activation="softmax"),
        ],
        (None, 6),
        dtype="int32",
    ),
]


def both_outputs_masked(b: GraphBuilder):
    """With merge_mode=None the mask goes on with both outputs."""
    x = b.input("x", (None, 6), "int32")
    y = b.call(Embedding(7, 3, mask_zero=True, name="e"), [x])
    there, back = b.call(
        Bidirectional(LSTM(4, return_sequences=True), merge_mode=None, name="both"), y
    )
    assert b.mask_of(there) is b.mask_of(back) is not None
    return [*b.call(LSTM(2, name="a"), [there]), *b.call(LSTM(2, name="b"), [back])]


def nested(b: GraphBuilder):
    """TimeDistributed of a model whose inside moves its channels."""
    x = b.input("x", VIDEO)
    inner = b.nested("td")
    y = inner.input("image", VIDEO[:1] + VIDEO[2:])
    for made in (
        Conv2D(5, 3, activation="relu", name="conv"),
        BatchNormalization(name="bn"),
        Flatten(name="flat"),
        Dense(6, name="dense"),
    ):
        [y] = inner.call(made, [y])
    layer = TimeDistributed(Sequential(name="inner"), name="td")
    [z] = b.call_model(layer, inner, [x], [y], [(None, 4, 6)])
    return b.call(LSTM(3, name="lstm"), [z])


def nested_masked(b: GraphBuilder, *, steps: bool):
    """Words of sentences: a masked model for each sentence, then one over them."""
    x = b.input("x", (None, 4, 6), "int32")
    inner = b.nested("td")
    y = [inner.input("words", (None, 6), "int32")]
    y = inner.call(Embedding(7, 3, mask_zero=True, name="e"), y)
    y = inner.call(Bidirectional(GRU(2, return_sequences=steps), name="bi"), y)
    if steps:
        # The mask that the model makes stays inside, so does Keras 3.
        layer = TimeDistributed(Sequential(name="inner"), name="td")
        z = b.call_model(layer, inner, [x], y, [(None, 4, 6, 4)])
        return b.call(TimeDistributed(SimpleRNN(3), name="outer"), z)
    layer = TimeDistributed(Sequential(name="inner"), name="td")
    z = b.call_model(layer, inner, [x], y, [(None, 4, 4)])
    return b.call(LSTM(3, name="lstm"), z)


def nested_behind_a_mask(b: GraphBuilder):
    """The mask over the steps goes past the model to the layer behind it."""
    x = b.input("x", (None, 6), "int32")
    [y] = b.call(Embedding(7, 3, mask_zero=True, name="e"), [x])
    inner = b.nested("td")
    z = inner.call(Dense(2, name="dense"), [inner.input("step", (None, 3))])
    layer = TimeDistributed(Sequential(name="inner"), name="td")
    out = b.call_model(layer, inner, [y], z, [(None, 6, 2)])
    return b.call(LSTM(3, name="lstm"), out)


DISTRIBUTED = [
    stack("dense", [TimeDistributed(Dense(4, activation="softmax"))], (None, 5, 3)),
    stack("dense_deep", [TimeDistributed(Dense(4))], (None, 5, 2, 3)),
    stack("twice", [TimeDistributed(TimeDistributed(Dense(4)))], (None, 5, 2, 3)),
    stack("dropout", [TimeDistributed(Dropout(0.3))], (None, 5, 3)),
    stack("no_length", [TimeDistributed(Dense(4))], (None, None, 3)),
    stack(
        "activations",
        [TimeDistributed(Activation("softmax")), TimeDistributed(LeakyReLU())],
        (None, 5, 3),
        float64=1e-6,
    ),
    stack(
        "convolutions",
        [
            TimeDistributed(Conv2D(4, 3, padding="same", activation="relu")),
            TimeDistributed(BatchNormalization()),
            TimeDistributed(Activation("tanh")),
            TimeDistributed(MaxPooling2D(2)),
            TimeDistributed(Dropout(0.2)),
            TimeDistributed(Conv2D(5, 2, strides=2, padding="same")),
            TimeDistributed(Flatten()),
            LSTM(3),
        ],
        VIDEO,
        # The input comes with its channels third, and LSTM's columns are reordered.
        permutes=0,
        lacks=("permute",),
    ),
    stack(
        "flatten_dense",
        [
            TimeDistributed(Conv2D(4, 3)),
            TimeDistributed(Flatten()),
            TimeDistributed(Dense(6, activation="relu")),
            Bidirectional(LSTM(3, return_sequences=True)),
        ],
        VIDEO,
        permutes=0,
    ),
    stack(
        "flatten_both_ways",
        [
            TimeDistributed(Conv2D(4, 3)),
            TimeDistributed(Flatten()),
            Bidirectional(LSTM(3, activation="softsign")),
        ],
        VIDEO,
        permutes=0,
    ),
    stack(
        "flatten_output",
        [TimeDistributed(Conv2D(4, 3)), TimeDistributed(Flatten())],
        VIDEO,
    ),
    stack(
        "unknown_length",
        [
            TimeDistributed(Conv2D(4, 3, padding="same", strides=2)),
            TimeDistributed(UpSampling2D(2)),
            TimeDistributed(AveragePooling2D(2, padding="same")),
            TimeDistributed(GlobalAveragePooling2D()),
            GRU(3, return_sequences=True),
        ],
        (None, None, 8, 7, 3),
    ),
    stack("line", [TimeDistributed(Conv1D(4, 2))], (None, 5, 6, 3)),
    stack("lstm", [TimeDistributed(LSTM(4))], (None, 2, 5, 3)),
    stack(
        "bidirectional",
        [TimeDistributed(Bidirectional(LSTM(4, return_sequences=True)))],
        (None, 2, 5, 3),
    ),
    stack(
        "mask_goes_on",
        [
            Embedding(7, 3, mask_zero=True),
            TimeDistributed(Dense(4, activation="relu")),
            TimeDistributed(Dropout(0.1)),
            LSTM(3),
        ],
        (None, 6),
        dtype="int32",
    ),
    stack("embedding", [TimeDistributed(Embedding(7, 3))], (None, 4, 6), dtype="int32"),
    recurrent(
        "mask_of_words",
        TimeDistributed(LSTM(4)),
        mask=True,
        shape=(None, 2, 5, 3),
        inputs={"mask": np.stack([HOLES, HOLES[::-1]], 1)},
    ),
    # To Keras the wrapper is one layer: its gradients have no names of their own.
    Row("model", nested, gradients=False),
    Row("model_masked", partial(nested_masked, steps=False), gradients=False),
    Row("model_of_steps", partial(nested_masked, steps=True), gradients=False),
    Row("model_behind_a_mask", nested_behind_a_mask, gradients=False),
]


def words_and_sentences(b: GraphBuilder, *, inside: bool, keras2: bool):
    """Words of sentences, masked in both: an LSTM over each, then one over them."""
    x = b.input("x", (None, 4, 6), "int32")
    table = Embedding(7, 3, mask_zero=True, name="e")
    if inside:
        table = TimeDistributed(table, keras2=keras2, name="e")
    y = b.call(table, [x])
    y = b.call(TimeDistributed(LSTM(4), keras2=keras2, name="words"), y)
    return b.call(LSTM(3, name="sentences"), y)


SENTENCES = np.array([[3, 1, 0, 0, 0, 0], [0] * 6, [5, 0, 6, 0, 2, 1], [0] * 6])
# Keras 2 alone computes these: Keras 3 fails, and forgets the mask made inside.
KERAS_2 = [
    Row(
        f"sentences_{'inside' if inside else 'outside'}",
        partial(words_and_sentences, inside=inside, keras2=True),
        inputs={"x": np.stack([SENTENCES, SENTENCES[::-1], 0 * SENTENCES])},
    )
    for inside in (False, True)
]
KERAS_3 = [
    Row("made_inside", partial(words_and_sentences, inside=True, keras2=False)),
]
EVERY = list(both_ways())
HARDEST = [r for r in EVERY if "masked" in r.name and "LSTM" in r.name]


@pytest.mark.needs_keras
@rows([*HARDEST, *BIDIRECTIONAL, Row("both_outputs", both_outputs_masked)])
def test_bidirectional(row, keras):
    check(row, keras)


@pytest.mark.slow
@pytest.mark.needs_keras
@rows([r for r in EVERY if r not in HARDEST])
def test_bidirectional_in_every_way(row, keras):
    check(row, keras)


@pytest.mark.needs_keras
@rows([*DISTRIBUTED, *KERAS_2, *KERAS_3])
def test_time_distributed(row, keras):
    check(row, keras)


def test_stateful_bidirectional_keeps_both_states():
    module = one(Bidirectional(GRU(2, stateful=True), name="both")).module()
    x = torch.randn(3, 5, 3)
    first, second = module(x), module(x)
    assert not torch.allclose(first, second)
    module.both.reset_states()
    torch.testing.assert_close(module(x), first)


def test_where_keras_3_stores_the_weights():
    shape = (None, 4, 5, 3)
    made = TimeDistributed(Bidirectional(LSTM(2)))
    paths = [w.path for w in made.weights(shape)]
    assert paths == ["layer/forward_layer/cell"] * 3 + ["layer/backward_layer/cell"] * 3
    assert [w.path for w in TimeDistributed(Dense(2)).weights(shape)] == ["layer"] * 2
    stacked = RNN(StackedRNNCells([LSTMCell(2), GRUCell(3), LSTMCell(4)]))
    found = [w.path for w in stacked.weights(shape[1:])][::3]
    prefix = "cell/cells/"
    assert found == [f"{prefix}lstm_cell", f"{prefix}gru_cell", f"{prefix}lstm_cell_1"]


def test_a_frozen_layer_inside_is_frozen():
    made = TimeDistributed(Dense(2, trainable=False), name="td")
    assert not any(w.trainable for w in made.weights((None, 5, 3)))
    module = write(graph(recurrent("frozen", made))).module()
    assert not any(p.requires_grad for p in module.parameters())


@pytest.mark.parametrize(
    ("layer", "why"),
    [
        (Bidirectional(LSTM(2), backward_layer=LSTM(2)), "in the same direction"),
        (Bidirectional(Dense(2)), "Dense"),
        (
            Bidirectional(
                LSTM(2),
                backward_layer=LSTM(2, go_backwards=True, return_state=True),
            ),
            "differ in return_state",
        ),
        (
            Bidirectional(
                LSTM(2), merge_mode="sum", backward_layer=LSTM(3, go_backwards=True)
            ),
            "cannot be merged",
        ),
    ],
)
def test_what_has_no_rule_is_named(layer, why):
    with pytest.raises(UnsupportedLayer, match=why):
        one(layer)


def test_an_unknown_layer_inside_is_named():
    with pytest.raises(UnsupportedLayer, match=r"'td'.*'Mine'"):
        TimeDistributed({"class_name": "Mine", "config": {}}, name="td")


def masked_steps(b: GraphBuilder):
    x, mask = b.input("x", (None, 2, 5, 3)), b.input("mask", (None, 2), "bool")
    return b.call(TimeDistributed(LSTM(4), name="td"), [x], masks=[mask])


def test_a_mask_over_steps_does_not_fit_a_layer_that_masks():
    with pytest.raises(UnsupportedLayer, match="mask over its steps"):
        write(graph(Row("masked_steps", masked_steps)))
