"""LSTMs over images, unlike directions and cells, alone, with their configs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from parity.cases.every_layer import way
from parity.cases.every_layer_rows import STEPS, Row, one
from parity.table import add

VIDEO, LINES = (4, 6, 5, 2), (4, 7, 2)


def listed(layer: Any, x: Any) -> Any:
    return list(layer(x))


def over_images() -> dict[str, Row]:
    def make(kind: str = "ConvLSTM2D", **given: Any) -> Callable[[Any], Any]:
        return lambda la: getattr(la, kind)(3, 2, **given)

    def both(mode: str | None, **given: Any) -> Callable[[Any], Any]:
        return lambda la: la.Bidirectional(la.ConvLSTM2D(2, 3, **given), mode)

    steps, penalties = {"return_sequences": True}, {"kernel_regularizer": "l2"}
    penalties |= {"bias_regularizer": "l1", "recurrent_regularizer": "l1"}
    return {
        "lines": one(make("ConvLSTM1D"), LINES),
        "lines-steps": one(make("ConvLSTM1D", **steps), LINES),
        "images": one(make(), VIDEO),
        "images-steps": one(make(padding="same", **steps), VIDEO),
        "images-back": one(make(go_backwards=True, **steps), VIDEO),
        "images-strides": one(make(strides=2, padding="same"), VIDEO),
        "images-dilated": one(make(dilation_rate=2), VIDEO),
        "images-odd": one(
            make(activation="relu", recurrent_activation="hard_sigmoid"), VIDEO
        ),
        "images-states": one(make(return_state=True), VIDEO, call=listed),
        "images-no-forget": one(make(unit_forget_bias=False, use_bias=True), VIDEO),
        "images-penalties": one(make(**penalties), VIDEO),
        "volumes": one(make("ConvLSTM3D"), (3, 3, 4, 3, 2)),
        "images-both": one(both("concat", padding="same", **steps), VIDEO),
        "images-both-sum": one(both("sum"), VIDEO),
        "images-each-step": one(
            lambda la: la.TimeDistributed(la.ConvLSTM1D(2, 2)), VIDEO
        ),
    }


def directions() -> dict[str, Row]:
    def unlike(mode: str | None, units: int, **given: Any) -> Callable[[Any], Any]:
        return lambda la: la.Bidirectional(
            la.LSTM(3, **given),
            merge_mode=mode,
            backward_layer=la.GRU(units, go_backwards=True, **given),
        )

    steps = {"return_sequences": True}
    return {
        "unlike": one(unlike("concat", 3), STEPS),
        "unlike-units": one(unlike("concat", 4), STEPS),
        "unlike-steps": one(unlike("mul", 3, **steps), STEPS),
        "unlike-states": one(unlike("ave", 3, return_state=True), STEPS, call=listed),
        "unlike-none": one(unlike(None, 2, **steps), STEPS, call=listed),
        "stack-both": one(
            lambda la: la.Bidirectional(la.RNN([la.LSTMCell(3), la.GRUCell(2)])), STEPS
        ),
    }


TABLES = (over_images, directions)
for _name, _row in [pair for table in TABLES for pair in table().items()]:
    for _way in ("eager", "config"):
        add(f"frames/{_name}/{_way}", way(_way, _row))
