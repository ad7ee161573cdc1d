"""Numbers that are evenly spaced are written by the rule that a person computes."""

from __future__ import annotations

import re

import numpy as np
import pytest
from torch import nn

from keras2torch.layers.definitions import Add, Dense, Dropout, ReLU
from keras2torch.program import write
from keras2torch.program.schedules import scheduled
from keras2torch.verification.torch_side import run

from .graphs import Graph, dense

PARAMETERS = {"B": ["size", "rate"], "C": ["rate"]}


def _loop(*numbers: str, call: str = "B(8, rate=rate)") -> str:
    return f"nn.Sequential(*[{call} for rate in ({', '.join(numbers)})])"


def _rates(rate: float, count: int, indexes: range) -> list[str]:
    """Return the rates of stochastic depth in the digits of float32."""
    return [str(np.float32(rate * i / count)) for i in indexes]


@pytest.mark.parametrize(
    ("rate", "count", "indexes", "expected"),
    [
        (0.2, 39, range(14, 20), "0.2 * i / 39) for i in range(14, 20)"),
        (0.2, 40, range(1, 40), "0.2 * i / 40) for i in range(1, 40)"),
        (0.25, 10, range(10), "0.25 * i / 10) for i in range(10)"),
        # As torch.linspace counts, up to the rate itself.
        (0.1, 11, range(12), "0.1 * i / 11) for i in range(12)"),
        # The last blocks have none.
        (0.2, 16, range(12, 15), "0.2 * i / 16) for i in range(12, 15)"),
        # There are more blocks than were counted.
        (0.2, 21, range(19, 27), "0.2 * i / 21) for i in range(19, 27)"),
        (0.3, 17, range(16, 0, -1), "0.3 * i / 17) for i in range(16, 0, -1)"),
        (0.5, 10, range(1, 7), "0.05 * i) for i in range(1, 7)"),
    ],
)
def test_a_rule(rate: float, count: int, indexes: range, expected: str) -> None:
    line = _loop(*_rates(rate, count, indexes))
    [written] = scheduled([line], PARAMETERS)
    assert written == f"nn.Sequential(*[B(8, rate={expected}])"


@pytest.mark.parametrize(
    "numbers",
    [
        ("0.1", "0.2", "0.3"),
        ("0.1", "0.2", "0.4", "0.8", "1.6"),
        ("0.05128205", "0.05641026"),
        # A digit is another than the rule's in float32.
        ("0.071794875", "0.07692308", "0.08205129", "0.08717949"),
        # Even, but multiples of nothing that a person writes.
        ("0.271828", "0.314159", "0.35649", "0.398821"),
        ("0.05", "0.15", "0.25", "0.35", "0.45"),
        ("1.0", "2.0", "3.0", "4.0", "5.0"),
        ("8", "16", "32", "48", "64"),
        ("-0.2", "-0.1", "0.0", "0.1", "0.2"),
        ("0.1", "0.1", "0.1", "0.1", "0.1"),
    ],
)
def test_what_stays(numbers: tuple[str, ...]) -> None:
    assert scheduled([_loop(*numbers)], PARAMETERS) == [_loop(*numbers)]


def test_one_rule_for_all_numbers_of_an_argument() -> None:
    """Few in a stage follow the rule of the others; what is no rate does not."""
    few, many = _rates(0.2, 39, range(7, 9)), _rates(0.2, 39, range(10, 15))
    lines = [
        "self.a = B(8, 0.015384615)",
        "self.b = B(8, rate=0.025641026)  # said",
        f"self.c = {_loop(*few, call='C(rate)')}",
        f"self.d = {_loop(*many)}",
        # A third is 65 / 195, too.
        "self.e = B(8, rate=0.33333334)",
        "self.f = nn.Dropout(0.025641026)",
        "self.g = B(0.025641026, rate=0.1)",
    ]
    assert scheduled(lines, PARAMETERS) == [
        "self.a = B(8, 0.2 * 3 / 39)",
        "self.b = B(8, rate=0.2 * 5 / 39)  # said",
        "self.c = nn.Sequential(*[C(0.2 * i / 39) for i in range(7, 9)])",
        "self.d = nn.Sequential(*[B(8, rate=0.2 * i / 39) for i in range(10, 15)])",
        *lines[4:],
    ]


def test_the_rates_of_a_model() -> None:
    """Residual blocks whose rates rise from 0 to a rate, as ``linspace`` gives them."""
    graph = Graph("net")
    y = graph.input("x", (None, 5))
    rates = [float(rate) for rate in np.linspace(0, 0.15, 8)[1:]]
    for i, rate in enumerate(rates, 1):
        [z] = graph.call(Dense(8, name=f"block{i}_1_dense"), [y])
        [z] = graph.call(ReLU(name=f"block{i}_relu"), [z])
        [z] = graph.call(Dense(5, name=f"block{i}_2_dense"), [z])
        [z] = graph.call(Dropout(rate, name=f"block{i}_drop"), [z])
        [y] = graph.call(Add(name=f"block{i}_add"), [y, z])
    program = write(graph.filled(y))
    text = re.sub(r"\s+", " ", program.source)
    assert "ResidualBlock(dropout=0.15 * i / 7) for i in range(1, 8)" in text
    dropouts = [m for m in program.module().modules() if isinstance(m, nn.Dropout)]
    np.testing.assert_allclose([m.p for m in dropouts], rates, rtol=1e-15)
    given = np.random.default_rng(0).normal(size=(3, 5)).astype("float32")
    seen = run(program, [[given]], program.module)
    expected = given
    for i in range(1, 8):
        inner = np.maximum(dense(graph, f"block{i}_1_dense", expected), 0)
        expected = expected + dense(graph, f"block{i}_2_dense", inner)
    np.testing.assert_allclose(seen.outputs[0][0], expected, rtol=1e-4, atol=1e-4)
