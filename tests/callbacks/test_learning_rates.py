"""Rates as the logs have them, of one optimizer or several."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from keras2torch import optimizers
from keras2torch.callbacks import LearningRateScheduler, ReduceLROnPlateau
from keras2torch.callbacks.learning_rates import learning_rate, log_learning_rates
from tests.callbacks.fake import Model


@pytest.mark.parametrize(
    "optimizer",
    [SimpleNamespace(learning_rate=0.01), optimizers.SGD(0.01), optimizers.Adam(0.01)],
)
def test_a_rate_is_a_float32(optimizer: Any) -> None:
    assert learning_rate(optimizer) == 0.009999999776482582
    log_learning_rates(optimizer, logs := {})
    assert logs == {"learning_rate": 0.009999999776482582}


def test_each_of_several_optimizers_has_its_rate(
    capsys: pytest.CaptureFixture[str],
) -> None:
    model = Model()
    several = [
        SimpleNamespace(name="slow", learning_rate=0.25),
        SimpleNamespace(name="fast", learning_rate=0.5),
    ]
    model.optimizer = SimpleNamespace(optimizers=several)
    plateau = ReduceLROnPlateau("loss", factor=0.5, patience=0, min_lr=0.25, verbose=1)
    schedule = LearningRateScheduler(lambda epoch, rate: rate / 2, verbose=1)
    for callback in (plateau, schedule):
        callback.set_model(model)
        callback.on_train_begin()
    for epoch in range(2):
        plateau.on_epoch_end(epoch, logs := {"loss": 1.0})
    assert logs == {"loss": 1.0, "learning_rate_slow": 0.25, "learning_rate_fast": 0.5}
    assert [one.learning_rate for one in several] == [0.25, 0.25]
    schedule.on_epoch_begin(2)
    assert [one.learning_rate for one in several] == [0.125, 0.125]
    assert capsys.readouterr().out == (
        "\nEpoch 2: ReduceLROnPlateau reducing fast learning rate to 0.25.\n"
        "\nEpoch 3: LearningRateScheduler setting slow learning rate to 0.125.\n"
        "\nEpoch 3: LearningRateScheduler setting fast learning rate to 0.125.\n"
    )


def test_a_schedule_of_the_optimizer_cannot_be_set() -> None:
    model = Model()
    rate = optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)
    model.optimizer = optimizers.SGD(rate)
    callback = LearningRateScheduler(lambda epoch, rate: 0.1)
    callback.set_model(model)
    with pytest.raises(TypeError, match="not settable"):
        callback.on_epoch_begin(0)
