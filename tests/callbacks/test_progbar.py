"""Where our lines are not Keras': off the terminal, and how often logs are read."""

from __future__ import annotations

import io
import re
import time
from typing import Any

import pytest

from keras2torch.callbacks import CallbackList, ProgbarLogger
from keras2torch.callbacks.logs import LazyLogs
from keras2torch.callbacks.progbar import Progbar
from tests.callbacks.driver import Terminal
from tests.callbacks.fake import Model

BAR = "━" * 20


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(time, "time", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def fitted(clock: Clock, verbose: Any, out: Any, steps: int | None = 40) -> list[int]:
    """Two epochs of 40 steps of 10 ms; return the steps whose logs were read."""
    read: list[int] = []
    every = CallbackList(
        None, True, True, Model(), verbose=verbose, epochs=2, steps=steps
    )
    every.on_train_begin()
    for epoch in range(2):
        every.on_epoch_begin(epoch)
        for step in range(40):
            clock.now += 0.01

            def compute(step: int = step) -> dict[str, float]:
                read.append(step)
                return {"loss": 0.5}

            every.on_train_batch_end(step, LazyLogs(compute))
        every.on_epoch_end(epoch, {"loss": 0.25, "val_loss": 0.75})
    every.on_train_end()
    return read


FINISHED = "0s 10ms/step - loss: 0.2500 - val_loss: 0.7500"
SHORT = "40/40 - 0s - 10ms/step - loss: 0.2500 - val_loss: 0.7500"


@pytest.mark.parametrize(
    ("verbose", "line"),
    [(1, f"40/40 {BAR} {FINISHED}"), (2, SHORT), ("auto", SHORT), (0, None)],
)
def test_writes_whole_lines_where_nothing_can_be_drawn_over(
    verbose: Any, line: str | None, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = io.StringIO()
    monkeypatch.setattr("sys.stdout", out)
    assert fitted(clock, verbose, out) == []  # nothing waited for the device
    expected = "".join(f"Epoch {n}/2\n{line}\n" for n in (1, 2)) if line else ""
    assert out.getvalue() == expected


def test_counts_where_the_number_of_steps_is_not_known(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout", out := io.StringIO())
    fitted(clock, 2, out, steps=None)
    assert out.getvalue().count(SHORT) == 2


@pytest.mark.parametrize("verbose", [1, "auto"])
def test_reads_logs_only_where_it_draws(
    verbose: Any, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout", out := Terminal())
    read = fitted(clock, verbose, out)
    # 0.4 s at 15 a second, and the first step.
    assert read == [0, 7, 14, 21, 28, 35] * 2
    drawn = re.findall(r"\r\x1b\[1m *\d+/40", out.getvalue())
    assert len(drawn) == 2 * (6 + 1)
    assert out.getvalue().endswith("\n")


def test_covers_what_a_longer_line_left(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout", out := Terminal())
    bar = Progbar(2, stateless_metrics=())
    clock.now += 1
    bar.update(1, [("loss", 123456.0)])
    clock.now += 1
    bar.update(2, [("loss", 1.0)])
    widths = [
        len(re.sub(r"\x1b\[\d+m", "", part)) for part in out.getvalue().split("\r")[1:]
    ]
    assert widths[0] == widths[1] - 1  # the end of line


def test_writes_ascii_where_the_encoding_has_no_bar(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii")
    monkeypatch.setattr("sys.stdout", out)
    bar = Progbar(4)
    clock.now += 1
    bar.update(4)
    assert raw.getvalue() == b"4/4 " + b"=" * 20 + b" 1s 250ms/step\n"


def test_both_lists_of_names() -> None:
    with pytest.raises(ValueError, match="Only one of"):
        Progbar(1, stateful_metrics=(), stateless_metrics=())


def test_a_logger_of_the_user_takes_the_place() -> None:
    mine = ProgbarLogger()
    every = CallbackList([mine], False, True, verbose=0, epochs=1, steps=1)
    assert every.callbacks == [mine]
