"""What scripts do with optimizers beside training: ask, set, save, copy, go wrong."""

from __future__ import annotations

import copy
import math
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from keras2torch import optimizers
from keras2torch.optimizers import schedules
from keras2torch.serialization import (
    deserialize_keras_object,
    get_custom_objects,
    register_keras_serializable,
    serialize_keras_object,
)
from keras2torch.training.variables import Parameter
from tests.optimizers.asking import GRADIENTS, WEIGHTS, Held, gradients, variables

FALL = schedules.ExponentialDecay(0.1, 3, 0.5)
EVERY = [
    optimizers.SGD(momentum=0.9, nesterov=True),
    optimizers.RMSprop(momentum=0.5, centered=True),
    optimizers.Adam(amsgrad=True),
    optimizers.AdamW(),
    optimizers.Adadelta(),
    optimizers.Adagrad(),
    optimizers.Adamax(),
    optimizers.Adafactor(),
    optimizers.Nadam(),
    optimizers.Ftrl(),
    optimizers.Lion(),
    optimizers.Lamb(),
    optimizers.Muon(),
    optimizers.ScheduleFreeAdamW(),
    optimizers.Adam(FALL, use_ema=True, gradient_accumulation_steps=2),
    optimizers.LossScaleOptimizer(optimizers.Adam()),
    optimizers.MultiOptimizer(
        optimizers.OptimizerMap(optimizers.Adam(), {"conv.*": optimizers.SGD()})
    ),
]


def two() -> list[nn.Parameter]:
    return [nn.Parameter(torch.ones(4, 3)), nn.Parameter(torch.ones(3))]


def train(optimizer: Any, held: Held, steps: range) -> None:
    for step in steps:
        optimizer.zero_grad()
        for name, gradient in gradients(held, GRADIENTS[step]).items():
            getattr(held, name).grad = gradient
        optimizer.step()


def test_is_an_optimizer_of_torch() -> None:
    made = optimizers.Adam()
    assert isinstance(made, torch.optim.Optimizer)
    made.zero_grad()
    with pytest.raises(ValueError, match=r"optimizer\.build"):
        made.step()
    weights = two()
    made.build(weights)
    assert [id(p) for p in made.param_groups[0]["params"]] == [id(w) for w in weights]
    falling = torch.optim.lr_scheduler.StepLR(made, step_size=1, gamma=0.5)
    weights[0].grad = torch.ones(4, 3)
    made.step(lambda: torch.tensor(1.0))
    falling.step()
    assert float(made.learning_rate) == pytest.approx(0.0005)
    assert set(made.state[weights[0]]) == {"momentum", "velocity"}
    assert torch.equal(weights[1], torch.ones(3))  # without gradient
    made.zero_grad(set_to_none=False)
    assert torch.equal(weights[0].grad, torch.zeros(4, 3))
    made.zero_grad()
    assert weights[0].grad is None
    made.step()
    assert int(made.iterations) == 1


def test_learning_rate_as_an_array() -> None:
    rate = optimizers.SGD(0.25).learning_rate
    assert np.array(rate) == np.float32(0.25)
    assert np.asarray(rate, "float64").shape == ()


def test_learning_rate() -> None:
    made = optimizers.SGD(0.5)
    assert float(made.learning_rate) == 0.5
    made.learning_rate = 0.25
    assert made.lr.numpy() == np.float32(0.25)
    made.learning_rate.assign(np.float32(0.125))
    made.lr.assign_sub(0.025)
    assert float(made.learning_rate) == pytest.approx(0.1)
    assert f"{float(made.learning_rate * 2):.2f}" == "0.20"
    assert type(made.learning_rate * 2) is torch.Tensor
    made.learning_rate = FALL
    assert float(made.learning_rate) == pytest.approx(0.1)
    with pytest.raises(TypeError, match="not settable"):
        made.learning_rate = 0.1
    weights = two()
    made.apply_gradients([(torch.ones(4, 3), weights[0])] * 2)
    assert float(made.learning_rate) == pytest.approx(0.1 * 0.5 ** (1 / 3))
    assert made.iterations.numpy() == 1
    made.iterations.assign(3)
    assert float(made.learning_rate) == pytest.approx(0.05)
    rates = iter([0.5, 0.25])
    of_function = optimizers.SGD(lambda: next(rates))
    of_function.apply([torch.ones(3)], [weights[1]])
    of_function.apply([torch.ones(3)])
    assert weights[1].tolist() == [0.25] * 3


@pytest.mark.parametrize(
    "formula",
    [
        lambda step: 0.1 / math.sqrt(step + 1),
        lambda step: 0.1 * np.power(int(step) + 1.0, -0.5),
        lambda step: torch.tensor([0.1])[0] * torch.rsqrt(step + 1.0),
        lambda step: 0.1 * (int(step) + 1) ** -0.5,
        lambda step: 0.1 if step < 1 else 0.1 * 2**-0.5,
    ],
)
def test_step_of_a_schedule_goes_into_any_formula(formula: Any) -> None:
    class Own(schedules.LearningRateSchedule):
        def __call__(self, step: Any) -> Any:
            return formula(step)

    weight = nn.Parameter(torch.zeros(1))
    made = optimizers.SGD(Own())
    for _ in range(2):
        made.apply_gradients([(torch.ones(1), weight)])
    assert weight.item() == pytest.approx(-0.1 - 0.1 * 2**-0.5, rel=1e-6)


def test_schedule_of_a_schedule() -> None:
    class Longer(schedules.ExponentialDecay):
        def __call__(self, step: Any) -> Any:
            return 2.0 * super().__call__(step)

    assert Longer(0.1, 3, 0.5).at(0) == pytest.approx(0.2)


@pytest.mark.parametrize("made", EVERY, ids=lambda o: type(o).__name__)
def test_training_goes_on_from_what_was_saved(made: Any) -> None:
    made = copy.deepcopy(made)
    held = Held()
    weights = variables(held)
    made.build(weights)
    train(made, held, range(4))
    both = copy.deepcopy((made, held))
    stores: list[Any] = [both]
    for how in ("state_dict", "variables"):
        other = Held()
        others = variables(other)
        for a, b in zip(others, weights, strict=True):
            a.assign(b)
        again = copy.deepcopy(EVERY[[type(e) for e in EVERY].index(type(made))])
        if type(made) is optimizers.Adam:
            again = optimizers.deserialize(optimizers.serialize(made))
        again.build(others)
        if how == "state_dict":
            again.load_state_dict(copy.deepcopy(made.state_dict()))
        else:
            store: dict[str, Any] = {}
            made.save_own_variables(store)
            again.load_own_variables(store)
        stores.append((again, other))
    train(made, held, range(4, 9))
    for again, other in stores:
        train(again, other, range(4, 9))
        for a, b in zip(held.parameters(), other.parameters(), strict=True):
            if a is not held.wide:
                assert torch.equal(a, b), type(made).__name__
    assert not torch.equal(weights[0].keras(), torch.from_numpy(WEIGHTS["vector"]))


def test_state_that_does_not_fit() -> None:
    made = optimizers.Adam()
    with pytest.warns(UserWarning, match="Skipping variable loading"):
        made.load_own_variables({"0": np.zeros(())})
    with pytest.raises(ValueError, match="has not yet been built"):
        made.set_weights([])
    made.build(two())
    values = made.get_weights()
    values[2] = np.ones((4, 3))
    made.set_weights(values)
    assert made.variables[2].numpy().tolist() == np.ones((4, 3)).tolist()


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("adam", optimizers.Adam),
        ("Adam", optimizers.Adam),
        ("ADAMW", optimizers.AdamW),
        ("rmsprop", optimizers.RMSprop),
        ("RMSProp", optimizers.RMSprop),
        ("lamb", optimizers.Lamb),
        ({"class_name": "sgd", "config": {"learning_rate": 0.5}}, optimizers.SGD),
        (
            {"class_name": "Adam", "config": {"jit_compile": False, "decay": 0.0}},
            optimizers.Adam,
        ),
        (optimizers.Nadam, optimizers.Nadam),
        (optimizers.legacy.Adam, optimizers.Adam),
    ],
)
@pytest.mark.filterwarnings("ignore:Argument `decay`")
def test_get(name: Any, kind: type) -> None:
    assert type(optimizers.get(name)) is kind


def test_get_others() -> None:
    assert optimizers.get(None) is None
    of_torch = torch.optim.SGD(two(), lr=0.1)
    assert optimizers.get(of_torch) is of_torch
    with pytest.raises(ValueError, match="did you mean Adam"):
        optimizers.get("adamm")
    with pytest.raises(ValueError, match="Could not interpret"):
        optimizers.get(3)
    made = optimizers.get(torch.optim.Adam)
    weights, others = two(), two()
    plain = torch.optim.Adam(others)
    made.build(weights)
    for w in (*weights, *others):
        w.grad = torch.full_like(w, 0.3)
    made.step()
    plain.step()
    assert torch.equal(weights[0], others[0])
    assert float(made.learning_rate) == pytest.approx(0.001)
    made.load_state_dict(made.state_dict())

    class Mine(optimizers.SGD):
        pass

    written = optimizers.serialize(Mine(0.5))
    again = optimizers.deserialize(written, {"Mine": Mine})
    assert type(again) is Mine


def test_what_a_user_registered_is_found() -> None:
    @register_keras_serializable("mine")
    class Slow(schedules.LearningRateSchedule):
        def __init__(self, top: float) -> None:
            self.top = top

        def __call__(self, step: Any) -> Any:
            return self.top / (step + 2.0)

        def get_config(self) -> dict[str, Any]:
            return {"top": self.top}

    @register_keras_serializable("mine", "RMSprop")
    class Other(optimizers.SGD):
        @classmethod
        def from_config(cls, config: Any) -> Any:  # without custom_objects
            return super().from_config(config)

    @register_keras_serializable()
    def fixed() -> float:
        return 0.25

    made = Other(Slow(0.5), momentum=0.5)
    written = optimizers.serialize(made)
    assert written["registered_name"] == "mine>RMSprop"
    rate = written["config"]["learning_rate"]
    assert (rate["class_name"], rate["registered_name"]) == ("Slow", "mine>Slow")
    for read in (optimizers.deserialize, deserialize_keras_object):
        again = read(written)
        assert type(again) is Other
        assert again.momentum == 0.5
        assert float(again.learning_rate) == 0.25
    # What nobody registered comes with the call, also within another.
    custom = {k: v for k, v in get_custom_objects().items() if v in (Slow, Other)}
    for name in custom:
        del get_custom_objects()[name]
    outer = optimizers.serialize(optimizers.LossScaleOptimizer(made))
    with pytest.raises(ValueError, match="Other"):
        optimizers.deserialize(outer)
    again = optimizers.deserialize(outer, custom)
    assert type(again.inner_optimizer) is Other
    of_function = optimizers.deserialize(optimizers.serialize(optimizers.SGD(fixed)))
    assert float(of_function.learning_rate) == 0.25
    plain = serialize_keras_object(optimizers.RMSprop(0.5, rho=0.75))
    assert plain["module"] == "keras.optimizers"
    again = deserialize_keras_object(plain)
    assert (type(again), again.rho) == (optimizers.RMSprop, 0.75)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"learning_rate": 1}, "`learning_rate` should be float"),
        ({"speed": 1.0}, "not recognized"),
        ({"clipnorm": 1.0, "clipvalue": 1.0}, "Only one of"),
        ({"gradient_accumulation_steps": 1}, ">= 2"),
        ({"use_ema": True, "ema_momentum": 2.0}, "ema_momentum"),
        ({"use_ema": True, "ema_overwrite_frequency": 0.5}, "ema_overwrite_frequency"),
        ({"momentum": 1}, "`momentum` must be a float"),
    ],
)
def test_what_keras_refuses(arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        optimizers.SGD(**arguments)


def test_arguments_of_old() -> None:
    with pytest.warns(UserWarning, match="learning_rate"):
        assert float(optimizers.SGD(lr=0.5).lr) == 0.5
    with pytest.warns(UserWarning, match="no longer supported"):
        optimizers.SGD(0.5, decay=0.1)


def test_update_step_of_a_subclass_counts() -> None:
    class Halved(optimizers.Adam):
        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            self.assign_sub(variable, gradient * learning_rate / 2)

    held = Held()
    weights = variables(held)
    made = Halved(0.5)
    made.apply_gradients([(torch.ones(6, 4), weights[1])])
    assert weights[1].numpy() == pytest.approx(WEIGHTS["matrix"] - 0.25)


def test_names_count_up() -> None:
    first, second = optimizers.ScheduleFreeAdamW().name, optimizers.ScheduleFreeAdamW()
    assert first.startswith("schedule_free_adam_w")
    assert second.name != first
    assert optimizers.SGD(name="mine").name == "mine"


@pytest.mark.parametrize("kind", [optimizers.Adam, optimizers.Ftrl, optimizers.Lion])
def test_only_what_is_given_moves(kind: Any) -> None:
    held = Held()
    weights = variables(held)
    by_name = {v.name: v for v in weights}
    before = {n: v.numpy() for n, v in by_name.items()}
    made = kind(learning_rate=0.1)
    made.build(weights)
    made.apply_gradients([(torch.ones(18, 6), by_name["query_kernel"])])
    moved = {n for n, v in by_name.items() if not np.array_equal(v.numpy(), before[n])}
    assert moved == {"query_kernel"}
    slots = {v.name: v.numpy() for v in made.variables}
    slot = next(n for n in slots if n.startswith("key_kernel_") and "acc" not in n)
    assert not slots[slot].any()
    # An optimizer of a part alone leaves the others where they are, too.
    alone = kind(learning_rate=0.1, weight_decay=0.1)
    alone.build([by_name["key_kernel"]])
    held.in_proj.grad = torch.ones(18, 6)
    alone.step()
    moved = {n for n, v in by_name.items() if not np.array_equal(v.numpy(), before[n])}
    assert moved == {"query_kernel", "key_kernel"}


def test_gradients_that_do_not_fit() -> None:
    held = Held()
    weights = variables(held)
    made = optimizers.SGD()
    made.build(weights)
    with pytest.raises(ValueError, match="Unknown variable"):
        made.apply_gradients([(torch.ones(3), nn.Parameter(torch.ones(3)))])
    with pytest.raises(ValueError, match="torch's order"):
        made.apply_gradients([(torch.ones(4, 6), weights[1])])
    with pytest.raises(ValueError, match="2 tensors"):
        made.apply_gradients([(torch.ones(5), weights[7])])
    with pytest.raises(ValueError, match="No gradients"):
        made.apply_gradients([(None, weights[0])])
    with pytest.raises(ValueError, match="1 gradients"):
        made.apply([torch.ones(5)])
    with pytest.warns(UserWarning, match="matrix"):
        made.apply([torch.ones(5), None], weights[:2])
    made.apply([[torch.ones(5), torch.ones(5)]], [weights[7]])
    made.apply([])
    made.apply_gradients([])
    assert int(made.iterations) == 2


def test_parameters_shared_and_odd() -> None:
    own = Parameter(torch.ones(2, 2))
    double = nn.Parameter(torch.ones(3, dtype=torch.float64))
    table = nn.Embedding(4, 2, sparse=True)
    image = nn.Parameter(torch.ones(2, 3, 4, 4).to(memory_format=torch.channels_last))
    made = optimizers.Adam(0.5)
    made.build([own, double, own, table.weight, image])
    assert len(made.param_groups[0]["params"]) == 4
    before = table.weight.detach().clone()
    table(torch.tensor([1])).sum().backward()
    own.grad, double.grad = torch.ones(2, 2), torch.ones(3, dtype=torch.float64)
    image.grad = torch.arange(96.0).reshape(2, 3, 4, 4)  # lies otherwise in memory
    made.step()
    assert own.flatten().tolist() == pytest.approx([0.5] * 4, rel=1e-4)
    assert double.tolist() == pytest.approx([0.5] * 3, rel=1e-5)
    assert (table.weight != before).any(1).tolist() == [False, True, False, False]
    assert image[0, 0, 0, :2].tolist() == pytest.approx([1.0, 0.5], rel=1e-4)
    assert image.flatten()[1:].max().item() == pytest.approx(0.5, rel=1e-4)


def test_loss_scaling() -> None:
    inner = optimizers.SGD(0.5, name="inner")
    made = optimizers.LossScaleOptimizer(inner, initial_scale=4.0)
    assert made.scale_loss(1.0) == 4.0
    weight = nn.Parameter(torch.ones(1))
    made.build([weight])
    made.scale_loss(weight.sum()).backward()
    made.step()
    assert weight.item() == 0.5
    assert int(made.iterations) == 1
    made.learning_rate = 0.25
    assert float(inner.learning_rate) == 0.25
    weight.grad = torch.full((1,), math.nan)
    made.step()
    assert (weight.item(), made.scale_loss(1.0)) == (0.5, 2.0)
    with pytest.raises(ValueError, match="does not support `clipnorm`"):
        optimizers.LossScaleOptimizer(inner, clipnorm=1.0)


def test_no_warning_in_a_plain_run() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        weights = two()
        made = optimizers.Adam(clipnorm=1.0)
        made.apply_gradients([(torch.ones_like(w), w) for w in weights])
        made.step()
