"""States of metrics: where they live and what may be done to them; and `get`."""

from __future__ import annotations

import contextlib
import copy
from typing import Any

import numpy as np
import pytest
import torch

from keras2torch import metrics
from keras2torch.metrics.base import State
from keras2torch.models import naming
from tests.metrics.test_metrics import DATA, ROWS, ids, made

# The data of each row once more: no values are there, so reading one raises.
META = torch.device("meta")


def tensors(
    row: dict[str, Any], weights: str | None, device: str | torch.device = "cpu"
) -> dict[str, Any]:
    names = {
        "y_true" if row["p"] else "values": row["t"],
        "y_pred": row["p"],
        "sample_weight": weights,
    }
    return {k: torch.tensor(DATA[n]).to(device) for k, n in names.items() if n}


def weights_of(row: dict[str, Any]) -> list[str | None]:
    """None, and those that are not refused."""
    found: list[str | None] = [None]
    for name in row["weights"]:
        with contextlib.suppress(ValueError, RuntimeError):
            made(row).update_state(**tensors(row, name))
            found.append(name)
    return found


@pytest.mark.parametrize("n", range(len(ROWS)), ids=ids(ROWS))
@pytest.mark.filterwarnings("ignore")
def test_an_update_reads_no_value_and_states_follow_the_data(n: int) -> None:
    for weights in weights_of(ROWS[n]):
        metric = made(ROWS[n])
        metric.update_state(**tensors(ROWS[n], weights, META))
        assert {v.device for v in metric.variables} == {META}
        metric.reset_state()
        assert {v.device for v in metric.variables} == {META}


@pytest.mark.parametrize("n", range(len(ROWS)), ids=ids(ROWS))
@pytest.mark.filterwarnings("ignore")
def test_no_graph_is_kept(n: int) -> None:
    metric = made(ROWS[n])
    given = tensors(ROWS[n], None)
    for value in given.values():
        if value.is_floating_point():
            value.requires_grad_()
    metric.update_state(**given)
    assert not any(v.requires_grad or v.grad_fn for v in metric.variables)
    assert torch.is_grad_enabled()


def test_a_state_that_moves_is_the_same_object() -> None:
    naming.clear_session()
    metric = metrics.Precision(thresholds=[0.1, 0.2])
    before = metric.true_positives
    metric.update_state(torch.ones(3, device=META), torch.ones(3, device=META))
    assert metric.variables[0] is metric.true_positives is before
    assert type(before) is State
    assert (before.path, before.device) == ("precision/true_positives", META)


def test_a_state_is_a_tensor() -> None:
    naming.clear_session()
    metric = metrics.Mean()
    state = metric.add_variable((2,), "ones", name="two", dtype="float64")
    assert isinstance(state, State)
    assert (state.name, state.path, state.dtype) == ("two", "mean/two", torch.float64)
    assert type(state + 1) is type(torch.sum(state)) is torch.Tensor
    assert (torch.ones(2) + state).tolist() == [2, 2]
    state.assign([3, 4]).assign_add(1).assign_sub(np.ones(2))
    state.assign((state + torch.ones(2)).requires_grad_())
    assert state.numpy().tolist() == np.asarray(state).tolist() == [4, 5]
    assert not state.requires_grad
    with pytest.raises(ValueError, match=r"shape \(2,\), not \(3,\)"):
        state.assign(torch.ones(3))
    again = copy.deepcopy(metric)
    again.reset_state()
    assert state.tolist() == [4, 5]
    assert again.variables[2].tolist() == [0, 0]
    assert again.variables[2].path == "mean/two"


def test_initial_values() -> None:
    metric = metrics.Mean()
    for initializer, value in [
        (None, 0),
        ("zeros", 0),
        ("Ones", 1),
        (3.5, 3.5),
        (lambda shape, dtype: torch.full(shape, 2.0), 2),
        ({"class_name": "Constant", "config": {"value": 7.0}}, 7),
    ]:
        state = metric.add_variable((2,), initializer)
        assert state.tolist() == [value, value]


def test_inference_mode_and_after() -> None:
    metric = metrics.BinaryAccuracy()
    with torch.inference_mode():
        metric.update_state(torch.ones(3), torch.ones(3))
    metric.update_state(torch.ones(1), torch.zeros(1))
    assert float(metric.result()) == 0.75
    metric.reset_state()
    assert float(metric.result()) == 0.0


def test_arrays_lists_and_numbers() -> None:
    metric = metrics.MeanSquaredError()
    metric.update_state([[1.0], [2.0]], np.array([[2.0], [4.0]]))
    metric.update_state([torch.tensor([1.0])], torch.tensor([[1.0]]))
    assert float(metric.result()) == pytest.approx(5 / 3)
    assert float(metrics.Mean()(3)) == 3.0
    assert float(metrics.Mean()([1, 2], sample_weight=[1, 0])) == 1.0
    assert float(metrics.Sum()(np.arange(4))) == 6.0


def test_empty_batches_count_nothing() -> None:
    metric = metrics.BinaryAccuracy()
    metric.update_state(torch.ones(0, 3), torch.ones(0, 3))
    assert float(metric.result()) == 0.0
    metric.update_state(torch.ones(2, 3), torch.ones(2, 3))
    assert float(metric.result()) == 1.0


def test_logits_of_a_prediction_reach_the_crossentropy() -> None:
    y_true, logits = torch.tensor([[1.0], [0.0]]), torch.tensor([[-40.0], [3.0]])
    y_pred = logits.sigmoid()
    y_pred._keras_logits = logits  # type: ignore[attr-defined]
    expected = metrics.BinaryCrossentropy(from_logits=True)(y_true, logits)
    assert float(metrics.BinaryCrossentropy()(y_true, y_pred)) == float(expected) > 20


def test_stateless() -> None:
    metric = metrics.Mean()
    metric.update_state([8.0])
    states = metric.stateless_reset_state()
    states = metric.stateless_update_state(states, [1.0, 2.0])
    assert [float(s) for s in states] == [3.0, 2.0]
    assert float(metric.stateless_result(states)) == 1.5
    assert float(metric.result()) == 8.0
    with pytest.raises(ValueError, match="2 variables"):
        metric.stateless_result(states[:1])


class Mute(metrics.Metric):
    def __init__(self) -> None:
        pass


class Bare(metrics.Metric):
    pass


def test_what_a_subclass_forgot() -> None:
    with pytest.raises(RuntimeError, match=r"super\(\).__init__"):
        Mute()()
    with pytest.raises(RuntimeError, match=r"super\(\).__init__"):
        Mute().add_variable((), "zeros")
    for method in ("update_state", "result"):
        with pytest.raises(NotImplementedError):
            getattr(Bare(), method)()


def test_metrics_within_metrics() -> None:
    class Outer(metrics.Metric):
        def __init__(self) -> None:
            super().__init__()
            self.parts = {"a": metrics.Mean(), "b": [metrics.Sum()]}

        def update_state(self, values: Any) -> None:
            self.parts["a"].update_state(values)
            self.parts["b"][0].update_state(values)

        def result(self) -> dict[str, torch.Tensor]:
            return {"a": self.parts["a"].result(), "b": self.parts["b"][0].result()}

    outer = Outer()
    assert {k: float(v) for k, v in outer([1.0, 3.0]).items()} == {"a": 2.0, "b": 4.0}
    assert len(outer.variables) == 3
    outer.reset_state()
    assert {k: float(v) for k, v in outer.result().items()} == {"a": 0.0, "b": 0.0}


# -------------------------------------------------------------------------------- get
def test_get() -> None:
    def own(y_true: Any, y_pred: Any) -> Any:
        return y_true - y_pred

    mean = metrics.Mean()
    assert metrics.get(None) is None
    assert metrics.get(mean) is mean
    assert metrics.get(own) is own
    for spelling in ("mse", "MSE", "mean_squared_error", "MeanSquaredError"):
        assert isinstance(metrics.get(spelling), metrics.MeanSquaredError)
    assert isinstance(metrics.get(metrics.AUC), metrics.AUC)
    given = {"class_name": "Recall", "config": {"thresholds": 0.3, "name": "r"}}
    assert metrics.get(given).thresholds == [0.3]
    with pytest.raises(ValueError, match="there is no metric 'mean_square_error'; did"):
        metrics.get("mean_square_error")
    with pytest.raises(ValueError, match="no metric"):
        metrics.get(3)


def test_a_wrapped_function_comes_back_from_its_config() -> None:
    def own(y_true: Any, y_pred: Any, power: int = 1) -> Any:
        return (y_true - y_pred).abs() ** power

    metric = metrics.MeanMetricWrapper(own, name="own", power=2)
    config = metrics.serialize(metric)
    again = metrics.deserialize(config, custom_objects={"own": own})
    assert float(again(torch.ones(2), torch.zeros(2) - 1)) == 4.0
    with pytest.raises(ValueError, match="'own'"):
        metrics.deserialize(config)


class Torchlike:
    """The shape of a metric of torchmetrics."""

    higher_is_better = True

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def update(self, preds: torch.Tensor, target: torch.Tensor) -> None:
        self.seen.append((preds.tolist(), target.tolist()))

    def compute(self) -> torch.Tensor:
        return torch.tensor(float(len(self.seen)))

    def reset(self) -> None:
        self.seen.clear()


def test_a_metric_of_torchmetrics_is_taken_as_it_is() -> None:
    given = Torchlike()
    metric = metrics.get(given)
    assert isinstance(metric, metrics.Metric)
    assert metric.name == "torchlike"
    assert metric._direction == "up"
    metric.update_state(np.array([1, 0]), [0.5, 0.25])
    assert given.seen == [([0.5, 0.25], [1, 0])]
    assert float(metric.result()) == 1.0
    metric.reset_state()
    assert given.seen == []
    with pytest.raises(ValueError, match="no sample weights"):
        metric.update_state([1], [1], sample_weight=[1])
    assert isinstance(metrics.get(Torchlike), metrics.TorchMetric)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: metrics.Precision(thresholds=[0.1, 2]), "thresholds are in"),
        (lambda: metrics.AUC(curve="x"), "`curve` is one of"),
        (lambda: metrics.AUC(num_thresholds=1), "above 1"),
        (lambda: metrics.AUC(num_labels=2), "multi_label"),
        (lambda: metrics.AUC(multi_label=True)([1], [1.0]), "samples, labels"),
        (lambda: metrics.PrecisionAtRecall(2), "`recall` is in"),
        (lambda: metrics.RecallAtPrecision(0.5, 0), "above 0"),
        (lambda: metrics.Recall(class_id=1)([1], [1.0]), "class_id"),
        (lambda: metrics.FBetaScore(average="x"), "average"),
        (lambda: metrics.FBetaScore(beta=1), "beta"),
        (lambda: metrics.F1Score(threshold=2.0), "threshold"),
        (lambda: metrics.F1Score()([1], [1.0]), "samples, classes"),
        (lambda: metrics.R2Score(class_aggregation="x"), "class_aggregation"),
        (lambda: metrics.R2Score(num_regressors=-1), "num_regressors"),
        (lambda: metrics.IoU(2, [2]), "none of 2"),
        (lambda: metrics.Mean(dtype="float33"), "dtype"),
    ],
)
def test_what_is_refused(make: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make()


def test_what_is_warned_of() -> None:
    with pytest.warns(UserWarning, match="integers"):
        metrics.MeanIoU(2)([0, 1], [0, 1], sample_weight=torch.tensor([0.5, 1.0]))
    with pytest.warns(UserWarning, match="not adjusted"):
        metrics.R2Score(num_regressors=9)(torch.ones(4, 1), torch.zeros(4, 1))
