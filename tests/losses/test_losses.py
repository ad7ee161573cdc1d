"""Every loss against Keras: values, and gradients with respect to the predictions."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from keras2torch import losses
from tests.losses.cases import LOSSES, Case, cases, cotangent

SCRIPT = Path(__file__).with_name("keras_side.py")
Arrays = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def keras(tmp_path_factory: pytest.TempPathFactory) -> Arrays:
    """What Keras computed, of all cases in one process."""
    out = tmp_path_factory.mktemp("losses") / "out.npz"
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(out)],
        capture_output=True,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    with np.load(out) as arrays:
        return {k: arrays[k] for k in arrays}


def computed(case: Case) -> tuple[np.ndarray, np.ndarray | None]:
    loss = getattr(losses, case.loss.name)(
        **case.loss.arguments, reduction=case.reduction
    )
    x = torch.tensor(case.y_pred, requires_grad=True)
    y: Any = x
    if case.loss.activation:
        y = x.sigmoid() if case.loss.activation == "sigmoid" else x.softmax(-1)
        y._keras_logits = x
    elif case.mask is not None:
        y = x.view_as(x)
    if case.mask is not None:
        y._keras_mask = torch.tensor(case.mask)
    weight = None if case.weight is None else torch.tensor(case.weight)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value = loss(torch.tensor(case.y_true), y, weight)
    (value * torch.tensor(cotangent(tuple(value.shape)))).sum().backward()
    return value.detach().numpy(), None if x.grad is None else x.grad.numpy()


def off(found: np.ndarray, wanted: np.ndarray, tolerance: float) -> str:
    """Say by how much two arrays differ, nothing if they do not."""
    if found.shape != wanted.shape:
        return f"shape {found.shape}, not {wanted.shape}"
    finite = np.abs(wanted[np.isfinite(wanted)])
    largest = float(finite.max()) if finite.size else 0.0
    if np.allclose(found, wanted, tolerance, tolerance / 5 * largest, equal_nan=True):
        return ""
    with np.errstate(invalid="ignore"):
        return f"off by {np.abs(found - wanted).max():.3g} of {largest:.3g}"


@pytest.mark.needs_keras
@pytest.mark.parametrize("i", range(len(LOSSES)), ids=map(str, LOSSES))
def test_values_and_gradients_are_those_of_keras(i: int, keras: Arrays) -> None:
    wrong, compared = [], 0
    for j, case in enumerate(cases(LOSSES[i])):
        expected = keras.get(f"{i}/{j}/value")
        if expected is None:
            try:
                computed(case)
            except ValueError:
                continue
            wrong.append(f"{case}: Keras refuses")
            continue
        compared += 1
        try:
            value, gradient = computed(case)
        except ValueError as error:
            wrong.append(f"{case}: {error}")
            continue
        wanted = keras[f"{i}/{j}/gradient"]
        for what, found, right in (
            ("value", value, expected),
            ("gradient", np.zeros(1) if gradient is None else gradient, wanted),
        ):
            if difference := off(found, right, case.loss.tolerance):
                wrong.append(f"{case}: {what} {difference}")
    assert compared
    assert not wrong, f"{len(wrong)} of {compared}:\n" + "\n".join(wrong[:12])


# ------------------------------------------------------------------ names and configs
@pytest.mark.needs_keras
def test_every_name_and_config_of_keras_is_there(keras: Arrays) -> None:
    missing = [n for n in keras["names"] if not hasattr(losses, n)]
    assert not missing
    for name, config in json.loads(str(keras["configs"])).items():
        made = getattr(losses, name)()
        assert losses.serialize(made) == config
        assert type(losses.deserialize(config)) is type(made)


@pytest.mark.needs_keras
def test_signatures_are_those_of_keras(keras: Arrays) -> None:
    for name, parameters in json.loads(str(keras["signatures"])).items():
        ours = inspect.signature(getattr(losses, name)).parameters.values()
        assert [[p.name, repr(p.default)] for p in ours] == parameters, name


@pytest.mark.parametrize(
    ("spelling", "expected"),
    [
        ("mse", losses.mean_squared_error),
        ("MSE", losses.mean_squared_error),
        ("KLD", losses.kl_divergence),
        ("bce", losses.binary_crossentropy),
        ("mean_squared_error", losses.mean_squared_error),
        ("ctc", losses.ctc),
        ("logcosh", losses.log_cosh),
        ("MeanSquaredError", losses.MeanSquaredError),
        ("CTC", losses.CTC),
        (losses.Dice, losses.Dice),
        ({"class_name": "Huber", "config": {"delta": 2.0}}, losses.Huber),
        ({"class_name": "Poisson", "config": {}}, losses.Poisson),
    ],
)
def test_get(spelling: Any, expected: Any) -> None:
    found = losses.get(spelling)
    assert found is expected or type(found) is expected


def test_get_gives_back_what_can_be_called_and_none() -> None:
    def own(y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
        return y_true - y_pred

    dice = losses.Dice()
    assert losses.get(own) is own
    assert losses.get(dice) is dice
    assert losses.get(None) is None


def test_an_unknown_name_is_answered_with_those_that_come_near() -> None:
    with pytest.raises(ValueError, match=r"no loss 'mean_square_eror'.*squared_error"):
        losses.get("mean_square_eror")
    with pytest.raises(ValueError, match=r"`reduction` is one of .*, not 'avg'"):
        losses.Hinge(reduction="avg")


@pytest.mark.parametrize(
    "loss",
    [
        losses.Huber(delta=2.5, name="h", reduction="sum"),
        losses.CosineSimilarity(axis=1),
        losses.CategoricalFocalCrossentropy(alpha=[0.2, 0.8]),
        losses.Dice(axis=(1, 2)),
        losses.CategoricalGeneralizedCrossEntropy(q=0.25),
        losses.LossFunctionWrapper(losses.huber, delta=3.0, name="wrapped"),
    ],
    ids=lambda loss: loss.name,
)
def test_a_config_brings_back_the_loss(loss: losses.LossFunctionWrapper) -> None:
    again = losses.deserialize(losses.serialize(loss))
    assert again.get_config() == loss.get_config()
    assert again.wrapped_arguments == loss.wrapped_arguments


# -------------------------------------------------------------------- what is given
class Cubed(losses.Loss):
    def call(self, y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
        assert y_true.dtype == y_pred.dtype
        return (y_true - y_pred).abs().pow(3).mean(-1)


def test_a_subclass_is_reduced_weighted_and_masked() -> None:
    y_pred = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    y_true = np.array([[1, 1], [1, 1]])  # the means of cubes are 0.5 and 17.5
    assert float(Cubed()(y_true, y_pred)) == 9.0
    assert float(Cubed(reduction="sum")(y_true, y_pred, [2.0, 1.0])) == 18.5
    y_pred._keras_mask = torch.tensor([True, False])  # type: ignore[attr-defined]
    assert float(Cubed()(y_true, y_pred)) == 0.5
    assert Cubed().name != Cubed().name
    again = losses.deserialize(losses.serialize(Cubed()), {"Cubed": Cubed})
    assert type(again) is Cubed


def test_a_subclass_that_overrides_call_is_not_passed_by() -> None:
    class Twice(losses.MeanSquaredError):
        def call(self, y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
            return 2.0 * super().call(y_true, y_pred)

    y_true, y_pred = torch.zeros(2, 2), torch.ones(2, 2)
    assert float(Twice()(y_true, y_pred)) == 2.0


def test_a_loss_may_take_a_structure() -> None:
    class Both(losses.Loss):
        def call(self, y_true: Any, y_pred: Any) -> torch.Tensor:
            return (y_true["a"] - y_pred["a"]).abs() + (y_true["b"] - y_pred["b"]).abs()

    y_pred = {"a": torch.ones(3), "b": torch.zeros(3)}
    y_true = {"a": np.zeros(3), "b": np.full(3, 2)}
    assert float(Both()(y_true, y_pred)) == 3.0


@pytest.mark.parametrize("given", ["list", "float64", "int"])
def test_inputs_are_converted(given: str) -> None:
    rows = [[1, 0], [0, 0]], [[1, 1], [1, 0]]
    y_true, y_pred = rows if given == "list" else (np.array(r, given) for r in rows)
    value = losses.MeanSquaredError()(y_true, y_pred)
    assert value.dtype == torch.float32
    assert float(value) == 0.5
    assert (
        losses.MeanSquaredError(dtype="float64")(y_true, y_pred).dtype == torch.float64
    )
    assert losses.mean_squared_error(y_true, y_pred).tolist() == [0.5, 0.5]


def test_an_output_in_half_precision_is_compared_in_float32() -> None:
    y_pred = torch.ones(2, 3, dtype=torch.bfloat16, requires_grad=True)
    value = losses.MeanSquaredError()(torch.zeros(2, 3), y_pred)
    assert value.dtype == torch.float32
    value.backward()
    assert y_pred.grad is not None
    assert y_pred.grad.dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: losses.MeanSquaredError()(torch.ones(4, 3), torch.ones(5, 3)),
            r"targets of shape \(4, 3\) cannot be compared with predictions of shape",
        ),
        (
            lambda: losses.BinaryCrossentropy()(torch.ones(4, 1), torch.ones(4, 3)),
            r"\(4, 1\) cannot be compared .* \(4, 3\)",
        ),
        (
            lambda: losses.SparseCategoricalCrossentropy()(
                torch.tensor([0, 7]), torch.rand(2, 3)
            ),
            "go from 0 to 7, the predictions have 3 classes, 0 to 2",
        ),
        (
            lambda: losses.SparseCategoricalCrossentropy(from_logits=True)(
                torch.tensor([-100, 1]), torch.rand(2, 3), torch.ones(2)
            ),
            "go from -100 to 1",
        ),
        (
            lambda: losses.sparse_categorical_crossentropy([0, 1, 2], torch.rand(2, 3)),
            r"class numbers of shape \(3,\)",
        ),
        (
            lambda: losses.CTC()(torch.tensor([[5]]), torch.rand(1, 3, 4)),
            "go from 5 to 5, the predictions have 4 classes",
        ),
        (
            lambda: losses.Hinge()(torch.ones(3, 2), torch.ones(3, 2), torch.ones(5)),
            r"\(3,\) cannot be weighted by sample weights of shape \(5,\)",
        ),
    ],
)
def test_what_does_not_fit_is_said_in_a_sentence(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_logits_are_taken_whichever_activation_they_went_into() -> None:
    # As Keras 3.15 does: evaluate gave 0.654 where the probabilities give 0.583.
    logits = torch.tensor([[2.0, -1.0, 0.5]])
    y = logits.softmax(-1)
    y._keras_logits = logits  # type: ignore[attr-defined]
    y_true = torch.tensor([[1.0, 0.0, 0.0]])
    expected = losses.BinaryCrossentropy(from_logits=True)(y_true, logits)
    assert torch.equal(losses.BinaryCrossentropy()(y_true, y), expected)


# ------------------------------------------------------------------------ torch's own
def test_a_loss_of_torch_is_called_in_its_order() -> None:
    logits, labels = torch.randn(6, 4), torch.randint(0, 4, (6,))
    module = torch.nn.CrossEntropyLoss(label_smoothing=0.1)
    found = losses.get(module)
    assert torch.equal(found(labels.int(), logits), module(logits, labels))
    assert torch.equal(found(labels.numpy(), logits), module(logits, labels))
    bits = np.array([[1, 0], [0, 1]])
    value = losses.get(torch.nn.BCEWithLogitsLoss)(bits, torch.zeros(2, 2))
    assert float(value) == pytest.approx(np.log(2.0))
    with pytest.raises(ValueError, match="make it with reduction='none'"):
        found(labels, logits, torch.ones(6))
    each = losses.get(torch.nn.CrossEntropyLoss(reduction="none"))
    weight = torch.rand(6)
    unreduced = torch.nn.functional.cross_entropy(logits, labels, reduction="none")
    assert torch.allclose(each(labels, logits, weight), (weight * unreduced).mean())


def test_the_gradient_that_tensorflow_gives_has_a_gradient() -> None:
    y_true = torch.softmax(torch.randn(3, 4, dtype=torch.float64), -1)
    logits = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(
        lambda z: losses.categorical_crossentropy(y_true, z, from_logits=True), logits
    )
