"""Recurrent layers against Keras: gates, masks, states, cells, directions."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch

from keras2torch.dialect import GraphBuilder
from keras2torch.errors import UnsupportedLayer
from keras2torch.layers.definitions import (
    GRU,
    LSTM,
    RNN,
    Call,
    CuDNNGRU,
    CuDNNLSTM,
    Dense,
    Embedding,
    GRUCell,
    Layer,
    LSTMCell,
    Masking,
    SimpleRNN,
    SimpleRNNCell,
    StackedRNNCells,
    Tensor,
)
from keras2torch.program import Program, write
from tests.layers.harness import Row, check, graph, rows, stack

SHAPE = (None, 5, 3)
UNITS = 4
STATES = {"LSTM": 2, "GRU": 1, "SimpleRNN": 1}
# A row without a step, one that begins late, one with a hole that ends early.
HOLES = np.array([[0, 0, 0, 0, 0], [0, 1, 1, 1, 1], [1, 0, 1, 1, 0]], bool)
KINDS = (LSTM, GRU, SimpleRNN)


def recurrent(name, made: Layer, *, mask=False, states=(), shape=SHAPE, **options):
    """Return the row of one layer, with a mask and initial states as inputs."""

    def build(b: GraphBuilder):
        made.name = made.name or "rnn"
        x = b.input("x", shape)
        masks = [b.input("mask", shape[:-1], "bool")] if mask else None
        first = [b.input(f"state_{i}", (shape[0], n)) for i, n in enumerate(states)]
        return b.call(made, [x], masks=masks, states=first)

    if mask:
        options.setdefault("inputs", {"mask": HOLES})
    return Row(name, build, **options)


def table():
    """Return every kind with every combination of what changes the outputs."""
    for kind in KINDS:
        name = kind.__name__
        for sequences, back, mask, first in product((False, True), repeat=4):
            # States come out with every second row, which covers each pair of options.
            state = (sequences + back + mask + first) % 2 == 0
            words = [
                word
                for word, on in {
                    "steps": sequences,
                    "back": back,
                    "masked": mask,
                    "first": first,
                    "state": state,
                }.items()
                if on
            ]
            yield recurrent(
                "_".join([name, *words]),
                kind(
                    UNITS,
                    return_sequences=sequences,
                    return_state=state,
                    go_backwards=back,
                ),
                mask=mask,
                states=[UNITS] * STATES[name] * first,
                contains=(f"nn.{name.removeprefix('Simple')}(",),
                lacks=("Stepped",),
            )
        for back, sequences in product((False, True), repeat=2):
            yield recurrent(
                f"{name}_zero_output_back{back:d}_steps{sequences:d}",
                kind(
                    UNITS,
                    return_sequences=sequences,
                    go_backwards=back,
                    zero_output_for_mask=True,
                ),
                mask=True,
            )
        yield recurrent(f"{name}_no_bias", kind(UNITS, use_bias=False))
        yield recurrent(
            f"{name}_one", kind(1, return_sequences=True), shape=(None, 1, 1)
        )
        yield recurrent(f"{name}_dropout", kind(UNITS, dropout=0.3))
        yield recurrent(
            f"{name}_recurrent_dropout",
            kind(UNITS, dropout=0.3, recurrent_dropout=0.2, go_backwards=True),
            mask=True,
            states=[UNITS] * STATES[name],
            contains=(f"Dropping{name}",),
        )
        yield recurrent(
            f"{name}_softsign",
            kind(UNITS, activation="softsign", return_state=True),
            mask=True,
            states=[UNITS] * STATES[name],
            contains=(f"Stepped{name}", "nn.Softsign()"),
            lacks=("Dropping",),
        )


ACTIVATIONS = [
    recurrent(f"activation_{name}", SimpleRNN(UNITS, activation=name), float64=limit)
    for name, limit in [
        ("relu", 1e-9),
        ("linear", 1e-9),
        ("elu", 1e-9),
        ("softmax", 1e-9),
        ("leaky_relu", 1e-9),
        # TensorFlow's constants for these are float32.
        ("hard_sigmoid", 1e-6),
        ("gelu", 1e-6),
    ]
]
HARD = [
    # Keras 3's slope is 1/6, that of Keras 1 and 2 is 0.2; the constants are float32.
    recurrent(
        f"{kind.__name__}_{name}",
        kind(UNITS, recurrent_activation=name, return_sequences=True),
        mask=True,
        float64=1e-6,
        contains=(text,),
    )
    for kind in (LSTM, GRU)
    for name, text in [
        ("hard_sigmoid", "nn.Hardsigmoid()"),
        ("hard_sigmoid_keras2", "HardSigmoidKeras2()"),
    ]
]
RESET_BEFORE = [
    recurrent(
        f"reset_before_mask{mask:d}_bias{bias:d}_first{first:d}",
        GRU(UNITS, reset_after=False, use_bias=bias, return_sequences=True),
        mask=mask,
        states=[UNITS] * first,
        contains=("reset_after=False",),
    )
    for mask, bias, first in product((False, True), repeat=3)
]
CELLS = [
    recurrent(
        "lstm_cell",
        RNN(LSTMCell(UNITS), return_sequences=True, return_state=True),
        mask=True,
        contains=("nn.LSTM(",),
    ),
    recurrent("gru_cell", RNN(GRUCell(UNITS, reset_after=False), go_backwards=True)),
    recurrent("simple_cell", RNN(SimpleRNNCell(UNITS, activation="relu"))),
    recurrent(
        "stacked_cells",
        RNN(StackedRNNCells([LSTMCell(4), GRUCell(2), SimpleRNNCell(5)])),
    ),
    recurrent(
        "stacked_cells_masked_back",
        RNN(
            StackedRNNCells([LSTMCell(4), LSTMCell(2, activation="elu")]),
            return_sequences=True,
            go_backwards=True,
        ),
        mask=True,
    ),
]


def alone(name, made: Layer, *sizes, **options):
    """Return the row of a cell that is called by itself, twice."""

    def build(b: GraphBuilder):
        made.name = "cell"
        x = b.input("x", (None, 3))
        states = [b.input(f"state_{i}", (None, n)) for i, n in enumerate(sizes)]
        _, *states = b.call(made, [x, *states])
        return b.call(made, [b.input("y", (None, 3)), *states])

    return Row(name, build, **options)


ALONE = [
    alone("alone_lstm", LSTMCell(4), 4, 4, contains=("nn.LSTMCell(",)),
    alone("alone_gru", GRUCell(4), 4, contains=("nn.GRUCell(",)),
    alone("alone_simple", SimpleRNNCell(4), 4, contains=("nn.RNNCell(",)),
    alone("alone_dropout", LSTMCell(4, dropout=0.3), 4, 4, contains=("F.dropout(",)),
    alone("alone_no_bias", GRUCell(4, use_bias=False), 4, contains=("bias=False",)),
    alone("alone_relu", SimpleRNNCell(4, activation="relu"), 4),
    alone("alone_elu", LSTMCell(4, activation="elu"), 4, 4),
    alone("alone_reset_before", GRUCell(4, reset_after=False), 4),
    alone("alone_recurrent_dropout", GRUCell(4, recurrent_dropout=0.2), 4),
]


def shared(b: GraphBuilder):
    """One layer called with a mask, without one, and on its own states."""
    x, mask = b.input("x", SHAPE), b.input("mask", SHAPE[:2], "bool")
    lstm = LSTM(UNITS, return_state=True, name="shared")
    masked, *states = b.call(lstm, [x], masks=[mask])
    plain, *_ = b.call(lstm, [x], masks=[None], states=states)
    return [masked, plain]


MODELS = [
    Row("shared", shared, inputs={"mask": HOLES}),
    stack(
        "embedding_masked_twice",
        [
            Embedding(7, 3, mask_zero=True),
            LSTM(4, return_sequences=True),
            GRU(4, return_sequences=True),
            SimpleRNN(2),
        ],
        (None, 6),
        dtype="int32",
    ),
    stack(
        "masking",
        [Masking(mask_value=0.0), LSTM(4, return_sequences=True), Dense(2)],
        (None, None, 3),
        inputs={"in_x": HOLES[:, :, None] * np.ones((3, 5, 3), "float32")},
    ),
]


TABLE = list(table())
# These stand for the table where time is short.
HARDEST = [r for r in TABLE if "masked_first" in r.name or "zero" in r.name]


@pytest.mark.needs_keras
@rows([*HARDEST, *HARD, *RESET_BEFORE[-2:], *CELLS, *ALONE, *MODELS])
def test_like_keras(row, keras):
    check(row, keras)


@pytest.mark.slow
@pytest.mark.needs_keras
@rows([r for r in [*TABLE, *ACTIVATIONS, *RESET_BEFORE[:-2]] if r not in HARDEST])
def test_every_combination(row, keras):
    check(row, keras)


# ------------------------------------------------------------- without a Keras to ask
def one(layer: Layer, shape=(3, 5, 3), *, mask=False) -> Program:
    """Return the program of one layer."""
    return write(graph(recurrent("one", layer, shape=shape, mask=mask)))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("masked", [False, True])
def test_stateful_goes_on_where_the_last_call_ended(kind, masked):
    """Two calls on halves compute what one call on the whole does."""
    x, mask = torch.randn(3, 10, 3), torch.rand(3, 10) < 0.6
    whole = one(kind(UNITS, return_sequences=True, name="r"), (3, 10, 3), mask=masked)
    halves = one(
        kind(UNITS, return_sequences=True, stateful=True, name="r"), mask=masked
    )
    a, b = whole.module(), halves.module()
    renamed = {k.replace("r.", "r.rnn.", 1): v for k, v in a.state_dict().items()}
    b.load_state_dict(renamed)

    def run(module, part):
        return module(x[:, part], mask[:, part]) if masked else module(x[:, part])

    with torch.no_grad():
        wanted = run(a, slice(0, 10))
        first, second = run(b, slice(0, 5)), run(b, slice(5, 10))
    b.r.reset_states()
    again = run(b, slice(0, 5))
    if masked:
        # A masked first step repeats no output of the call before: compare the rest.
        seen = mask[:, 5:].cumsum(1) > 0
        torch.testing.assert_close(second[seen], wanted[:, 5:][seen])
    else:
        torch.testing.assert_close(second, wanted[:, 5:])
    torch.testing.assert_close(first, wanted[:, :5])
    torch.testing.assert_close(again, first)


def test_dropout_of_inputs_is_the_same_at_every_step():
    module = one(SimpleRNN(3, dropout=0.5, name="r", return_sequences=True)).module()
    module.r.weight_hh_l0.data.zero_()
    module.r.weight_ih_l0.data.copy_(torch.eye(3))
    module.r.bias_ih_l0.data.zero_()
    x = torch.ones(3, 5, 3)
    torch.testing.assert_close(module(x), torch.tanh(x))
    torch.manual_seed(0)
    out = module.train()(x)
    assert (out == out[:, :1]).all()
    dropped = (out[:, 0] == 0).float().mean()
    assert 0 < dropped < 1
    torch.testing.assert_close(out[out != 0], torch.tanh(2 * x)[out != 0])


@pytest.mark.parametrize("kind", KINDS)
def test_recurrent_dropout_is_drawn_once_per_gate(kind):
    made = kind(UNITS, dropout=0.4, recurrent_dropout=0.4, name="r")
    module = one(made).module()
    x = torch.randn(3, 5, 3)
    torch.testing.assert_close(module(x), module(x))
    module.train()
    assert not torch.equal(module(x), module(x))
    drops = module.r.drops
    assert len(drops) == {"LSTM": 4, "GRU": 3, "SimpleRNN": 1}[kind.__name__]
    assert {round(float(v), 4) for d in drops for v in d.unique()} <= {0.0, 1.6667}


def test_keras_2s_cudnn_layers_like_their_conversion():
    """Keras' own rule (legacy/hdf5_format.py, _convert_rnn_weights) gives the same."""
    rng = np.random.default_rng(0)
    for cudnn, plain, gates in [(CuDNNLSTM, LSTM, 4), (CuDNNGRU, GRU, 3)]:
        kernel = rng.normal(size=(3, gates * 4)).astype("float32")
        recurrent_kernel = rng.normal(size=(4, gates * 4)).astype("float32")
        bias = rng.normal(size=2 * gates * 4).astype("float32")
        kernels = [k.T.reshape(k.shape, order="F") for k in np.hsplit(kernel, gates)]
        recurrents = [k.T for k in np.hsplit(recurrent_kernel, gates)]
        merged = bias.reshape(2, -1)
        arrays = {
            cudnn: [kernel, recurrent_kernel, bias],
            plain: [
                np.hstack(kernels),
                np.hstack(recurrents),
                merged.sum(0) if gates == 4 else merged,
            ],
        }
        x = torch.randn(3, 5, 3)
        outs = []
        for kind, values in arrays.items():
            names = ["kernel", "recurrent_kernel", "bias"]
            weights = {f"r/{n}": v for n, v in zip(names, values, strict=True)}
            made = recurrent("one", kind(4, name="r"), weights=weights)
            outs.append(write(graph(made)).module()(x))
        torch.testing.assert_close(*outs)


@pytest.mark.parametrize(
    ("layer", "why"),
    [
        (LSTM(4, activation="glu"), "glu"),
        (RNN({"class_name": "MyCell", "config": {}}), "MyCell"),
    ],
)
def test_what_has_no_rule_is_named(layer, why):
    with pytest.raises(UnsupportedLayer, match=why):
        one(layer)


def test_keras_1_names():
    from keras2torch.layers.definitions import from_config

    config = {
        "name": "lstm_1",
        "output_dim": 7,
        "inner_activation": "hard_sigmoid_keras2",
        "dropout_W": 0.1,
        "dropout_U": 0.2,
        "consume_less": "cpu",
        "input_dim": 3,
    }
    made = from_config("LSTM", config)
    assert isinstance(made, LSTM)
    assert made.units == 7
    assert made.recurrent_activation == "hard_sigmoid_keras2"
    assert (made.dropout, made.recurrent_dropout) == (0.1, 0.2)


def test_dropout_follows_the_call():
    x = Tensor((None, 5, 3))
    x.name = "x"
    made = LSTM(4, dropout=0.2, name="r")
    for options, text in [
        ({}, "self.r(step_dropout(x, 0.2, self.r.training))"),
        ({"training": True}, "self.r(step_dropout(x, 0.2, True))"),
        ({"training": False}, "self.r(x)"),
    ]:
        call = Call([x], [Tensor((None, 4))], options=options)
        assert made.forward(call, "self.r").results == f"{text}[0][:, -1]"


def test_states_in_the_first_argument():
    """Keras 2 writes ``lstm([x, h, c])`` too."""
    x, h, c = Tensor((None, 5, 3)), Tensor((None, 4)), Tensor((None, 4))
    for name, tensor in zip("xhc", (x, h, c), strict=True):
        tensor.name = name
    call = Call([x, h, c], [Tensor((None, 4))])
    made = LSTM(4, name="r").forward(call, "self.r")
    assert made.results == "self.r(x, (h[None], c[None]))[0][:, -1]"
