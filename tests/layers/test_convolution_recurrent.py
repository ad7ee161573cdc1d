"""LSTMs over images against Keras: layouts, masks, states, wrappers."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch

from keras2torch.dialect import GraphBuilder
from keras2torch.errors import UnsupportedLayer
from keras2torch.layers.definitions import (
    LSTM,
    Activation,
    BatchNormalization,
    Bidirectional,
    Conv2D,
    Conv3D,
    ConvLSTM1D,
    ConvLSTM2D,
    ConvLSTM3D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePooling3D,
    MaxPooling3D,
    TimeDistributed,
)
from keras2torch.program import write
from tests.layers.harness import Row, check, graph, rows, stack
from tests.layers.test_recurrent import HOLES

F = 3
SHAPES = {
    ConvLSTM1D: (None, 5, 7, 2),
    ConvLSTM2D: (None, 5, 6, 7, 2),
    ConvLSTM3D: (None, 5, 4, 5, 6, 2),
}
STATE = (6, 7, F)


def images(name, made, *, mask=False, states=0, shape=None, **options):
    """Return the row of one layer over a video, with a mask and initial states."""
    given = shape or SHAPES[type(made)]

    def build(b: GraphBuilder):
        made.name = "rnn"
        x = b.input("x", given)
        masks = [b.input("mask", given[:2], "bool")] if mask else None
        first = [b.input(f"state_{i}", (None, *STATE)) for i in range(states)]
        return b.call(made, [x], masks=masks, states=first)

    return Row(name, build, inputs={"mask": HOLES} if mask else {}, **options)


def table():
    """Return every rank with what changes the outputs."""
    for kind, shape in SHAPES.items():
        name = kind.__name__
        for sequences, back, mask in product((False, True), repeat=3):
            # States come out with every second row.
            state = (sequences + back + mask) % 2 == 0
            words = ["steps"] * sequences + ["back"] * back + ["masked"] * mask
            yield images(
                "_".join([name, *words]),
                kind(
                    F,
                    3,
                    padding="same",
                    return_sequences=sequences,
                    return_state=state,
                    go_backwards=back,
                ),
                mask=mask,
                permutes=0,
            )
        yield images(f"{name}_valid", kind(F, 2, return_sequences=True), permutes=0)
        yield images(f"{name}_strides", kind(F, 3, strides=2, return_state=True))
        yield images(f"{name}_same_strides", kind(F, 3, strides=2, padding="same"))
        yield images(f"{name}_even", kind(F, 2, padding="same", return_sequences=True))
        yield images(f"{name}_no_bias", kind(F, 1, use_bias=False))
        if kind is not ConvLSTM3D:  # TensorFlow has no such kernel on a CPU.
            yield images(f"{name}_dilated", kind(F, 2, dilation_rate=2))
        yield images(
            f"{name}_no_length",
            kind(F, 3, return_sequences=True),
            shape=(None, None, *shape[2:]),
        )


ROWS = [
    images("windows", ConvLSTM2D(F, (3, 2), strides=(1, 2), padding="same")),
    images(
        "hard_sigmoid",
        ConvLSTM2D(F, 3, recurrent_activation="hard_sigmoid_keras2"),
        float64=1e-6,
        contains=("HardSigmoidKeras2()",),
    ),
    images("relu", ConvLSTM2D(F, 3, activation="relu"), contains=("nn.ReLU()",)),
    images(
        "softmax",
        ConvLSTM2D(F, 3, activation="softmax", return_sequences=True),
        contains=("nn.Softmax(dim=1)",),
    ),
    images("zero_last", ConvLSTM2D(F, 3, zero_output_for_mask=True), mask=True),
    images(
        "zero_steps_back",
        ConvLSTM2D(
            F, 3, zero_output_for_mask=True, go_backwards=True, return_sequences=True
        ),
        mask=True,
    ),
    images("dropout", ConvLSTM2D(F, 3, dropout=0.3), contains=("DroppingConvLSTM(",)),
    images(
        "recurrent_dropout",
        ConvLSTM2D(F, 2, padding="same", dropout=0.3, recurrent_dropout=0.2),
        mask=True,
        contains=("groups=4",),
    ),
    images("first", ConvLSTM2D(F, 3, padding="same"), states=2),
    images(
        "first_masked_back",
        ConvLSTM2D(
            F,
            3,
            padding="same",
            return_sequences=True,
            return_state=True,
            go_backwards=True,
        ),
        states=2,
        mask=True,
    ),
    stack(
        "next_frame",
        [
            ConvLSTM2D(4, 5, padding="same", return_sequences=True, activation="relu"),
            BatchNormalization(),
            ConvLSTM2D(4, 3, padding="same", return_sequences=True, activation="relu"),
            BatchNormalization(),
            ConvLSTM2D(4, 1, padding="same", return_sequences=True, activation="relu"),
            Conv3D(1, 3, activation="sigmoid", padding="same"),
        ],
        (None, None, 8, 7, 1),
        permutes=0,
        lacks=("permute", "transpose"),
        contains=("time_dim=2",),
    ),
    stack(
        "norm_between",
        [
            ConvLSTM2D(4, 3, return_sequences=True),
            BatchNormalization(),
            Dropout(0.2),
            ConvLSTM2D(2, 3),
            BatchNormalization(),
            Flatten(),
            Dense(3),
        ],
        SHAPES[ConvLSTM2D],
        permutes=0,
    ),
    stack(
        "pooled",
        [
            ConvLSTM2D(4, 3, return_sequences=True),
            Activation("softmax"),
            MaxPooling3D((1, 2, 2)),
            GlobalAveragePooling3D(),
        ],
        SHAPES[ConvLSTM2D],
        permutes=0,
    ),
    stack(
        "distributed_before_and_behind",
        [
            TimeDistributed(Conv2D(4, 3, activation="relu")),
            ConvLSTM2D(3, 2, return_sequences=True),
            TimeDistributed(Conv2D(2, 1)),
            TimeDistributed(Flatten()),
            LSTM(3),
        ],
        SHAPES[ConvLSTM2D],
        permutes=0,
    ),
    stack(
        "flattened_steps",
        [ConvLSTM2D(3, 2, return_sequences=True), Flatten(), Dense(3)],
        SHAPES[ConvLSTM2D],
        permutes=0,
    ),
    stack("inside", [TimeDistributed(ConvLSTM1D(3, 2))], (None, 3, 4, 5, 2)),
    stack(
        "inside_steps",
        [TimeDistributed(ConvLSTM1D(3, 2, return_sequences=True))],
        (None, 3, 4, 5, 2),
        permutes=0,
    ),
]


def both_ways():
    """Return Bidirectional with every merge mode."""
    for mode, steps, mask in product(
        ("concat", "sum", "ave", "mul", None), (False, True), (False, True)
    ):
        words = ["steps"] * steps + ["masked"] * mask
        layer = ConvLSTM2D(
            F, 3, padding="same", return_sequences=steps, return_state=mode is None
        )
        yield images(
            "_".join([str(mode), *words]),
            Bidirectional(layer, merge_mode=mode),
            mask=mask,
            shape=SHAPES[ConvLSTM2D],
            permutes=0,
        )


def encoder_decoder(b: GraphBuilder):
    """The states of one go into another, without leaving their order."""
    x, y = b.input("x", SHAPES[ConvLSTM2D]), b.input("y", (None, 3, 6, 7, 1))
    _, *state = b.call(
        ConvLSTM2D(F, 3, padding="same", return_state=True, name="encoder"), [x]
    )
    steps = b.call(
        ConvLSTM2D(F, 3, padding="same", return_sequences=True, name="decoder"),
        [y],
        states=state,
    )
    return b.call(Conv3D(1, 1, name="out"), steps)


@rows([*table(), *ROWS, *both_ways(), Row("states", encoder_decoder, permutes=0)])
def test_like_keras(row, keras):
    check(row, keras)


def of(layer, shape, *states):
    """Return the module of one layer."""

    def build(b: GraphBuilder):
        layer.name = "rnn"
        given = [b.input(f"s{i}", s) for i, s in enumerate(states)]
        return b.call(layer, [b.input("x", shape)], states=given)

    return write(graph(Row("one", build))).module()


@pytest.mark.parametrize("kind", [ConvLSTM1D, ConvLSTM2D])
def test_channels_first_is_the_same_turned(kind):
    """TensorFlow has no such convolution on a CPU: our own channels last is."""
    rank = 1 if kind is ConvLSTM1D else 2
    last = SHAPES[kind]
    first = (*last[:2], last[-1], *last[2:-1])
    options = {"return_sequences": True, "return_state": True, "padding": "same"}
    a, b = (
        of(kind(F, 3, **options), last),
        of(kind(F, 3, data_format="channels_first", **options), first),
    )
    b.load_state_dict(a.state_dict())
    x = torch.randn(2, 5, 2, *last[2:-1])
    for ours, theirs in zip(a(x), b(x), strict=True):
        assert ours.shape == theirs.shape
        assert ours.shape[-rank:] == torch.Size(last[2:-1])
        torch.testing.assert_close(ours, theirs)


def test_dropout_takes_the_same_values_at_every_step():
    layer = ConvLSTM2D(1, 1, dropout=0.5, use_bias=False, return_sequences=True)
    module = of(layer, (None, 4, 5, 5, 1)).train()
    with torch.no_grad():
        module.rnn.input_conv.weight.fill_(1.0)
        module.rnn.recurrent_conv.weight.zero_()
    torch.manual_seed(0)
    projected = module.rnn.project(torch.ones(64, 4, 1, 5, 5))
    steps = torch.stack(projected)
    assert torch.equal(steps, steps[:1].expand_as(steps))
    assert set(steps.unique().tolist()) == {0.0, 2.0}
    # Each gate drops its own.
    gates = steps[0].unbind(1)
    assert all(not torch.equal(gates[0], gate) for gate in gates[1:])
    assert abs(steps.mean().item() - 1.0) < 0.05


def test_recurrent_dropout_draws_once_a_call():
    layer = ConvLSTM2D(2, 1, recurrent_dropout=0.5, return_sequences=True)
    module = of(layer, (None, 4, 3, 3, 1)).train()
    seen = []
    module.rnn.recurrent_conv.register_forward_pre_hook(
        lambda _, given: seen.append((given[0] == 0).clone())
    )
    x = torch.randn(2, 4, 1, 3, 3)
    module(x)
    assert torch.equal(seen[1], seen[2])
    assert torch.equal(seen[2], seen[3])
    module(x)
    assert not torch.equal(seen[1], seen[5])
    assert torch.equal(module.eval()(x), module(x))


def test_stateful_goes_on_where_it_ended():
    layer = {"padding": "same", "return_sequences": True}
    whole = of(ConvLSTM2D(F, 3, **layer), (2, 6, 4, 4, 1))
    parts = of(ConvLSTM2D(F, 3, stateful=True, **layer), (2, 3, 4, 4, 1))
    state = whole.state_dict()
    parts.load_state_dict({k.replace("rnn.", "rnn.rnn."): v for k, v in state.items()})
    x = torch.randn(2, 6, 1, 4, 4)
    again = torch.cat([parts(x[:, :3]), parts(x[:, 3:])], dim=1)
    torch.testing.assert_close(again, whole(x))


def test_what_has_no_rule_is_named():
    with pytest.raises(UnsupportedLayer, match="rank 4"):
        of(ConvLSTM2D(F, 3), (None, 5, 6, 2))
    with pytest.raises(UnsupportedLayer, match="channel axis"):
        of(ConvLSTM2D(F, 3), (None, 5, 6, 6, None))
    with pytest.raises(UnsupportedLayer, match="1 initial states"):
        of(ConvLSTM2D(F, 3, padding="same"), (None, 5, 6, 7, 2), (None, *STATE))


def test_sizes_may_be_unknown():
    """Keras 3 refuses them, Keras 2 does not: the small image tells of the large."""
    options = {"padding": "same", "strides": 2, "return_sequences": True}
    module = of(ConvLSTM2D(F, 3, **options), (None, None, None, None, 2))
    fixed = of(ConvLSTM2D(F, 3, **options), (None, 4, 8, 7, 2))
    fixed.load_state_dict(module.state_dict())
    x = torch.randn(2, 4, 2, 8, 7)
    torch.testing.assert_close(module(x), fixed(x))
    assert np.isfinite(module(torch.randn(1, 2, 2, 5, 6)).detach().numpy()).all()
