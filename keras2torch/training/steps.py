"""What happens to one batch: losses, metrics, a step of the optimizer.

Sources: ``keras/src/trainers/trainer.py`` and those of its backends (3.15).
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from functools import cache
from typing import Any

import torch
from torch import nn

from keras2torch import tree
from keras2torch.callbacks.logs import LazyLogs
from keras2torch.data.packing import unpack_x_y_sample_weight
from keras2torch.distribution import parts
from keras2torch.distribution.gradients import backward
from keras2torch.metrics import Mean, Metric
from keras2torch.training.compiled import CompileLoss, CompileMetrics


class Steps:
    """The part of a trainer that handles one batch; its methods may be overridden."""

    stop_training: bool
    stop_evaluating: bool
    stop_predicting: bool
    _scaled: bool

    def __init__(self) -> None:
        self.compiled = False
        self.optimizer: Any = None
        self.loss: Any = None
        self.history: Any = None
        self.stop_training = self.stop_evaluating = self.stop_predicting = False
        self.steps_per_execution = 1
        self.run_eagerly = False
        self.jit_compile = False
        self._compile_loss: CompileLoss | None = None
        self._compile_metrics: CompileMetrics | None = None
        self._loss_tracker: Any = None
        self._compile_config: dict[str, Any] | None = None
        self._initial_epoch: int | None = None
        self._scaler: Any = None
        self._shuffle_generator: torch.Generator | None = None
        self._parameters_moved: list[torch.Tensor] | None = None
        self._adds_losses = True
        self._foreign = False
        self._engine: Any = None
        self.distribute: str | None = None
        self._last_part: Any = None

    @property
    def metrics(self) -> list[Any]:
        """The loss' mean, the metrics of ``compile``, and those that layers keep."""
        found: list[Any] = []
        if self.compiled:
            found.append(self._loss_tracker)
            if self._compile_metrics is not None:
                found.append(self._compile_metrics)
            if self._compile_loss is not None:
                found += self._compile_loss.metrics
        assert isinstance(self, nn.Module)
        own = {id(m) for m in found} | {id(self._loss_tracker)}
        inside = (m for m in self.modules() if m is self or not isinstance(m, Steps))
        found += [m for m in kept_metrics(inside) if id(m) not in own]
        return found

    @property
    def metrics_names(self) -> list[str]:
        """Their names."""
        return [str(m.name) for m in self.metrics]

    @property
    def metrics_variables(self) -> list[Any]:
        """Their states."""
        return [v for m in self.metrics for v in m.variables]

    def reset_metrics(self) -> None:
        """Begin all metrics anew."""
        for metric in self.metrics:
            metric.reset_state()

    def get_metrics_result(self) -> dict[str, Any]:
        """Return name → value of every metric."""
        found: dict[str, Any] = {}
        for metric in self.metrics:
            result = None
            if not isinstance(metric, CompileMetrics) or metric.built:
                result = metric.result()
            if isinstance(result, dict):
                found |= result
            elif result is not None:
                found[metric.name] = result
        return found

    def compute_metrics(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None
    ) -> dict[str, Any]:
        """Count a batch and return what the metrics are now."""
        self._count(y, y_pred, sample_weight)
        return LazyLogs(self.get_metrics_result)

    def _count(self, y: Any, y_pred: Any, sample_weight: Any) -> None:
        if self._compile_metrics is not None:
            with torch.no_grad():
                self._compile_metrics.update_state(y, y_pred, sample_weight)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Return the loss of a batch, with what layers and regularizers add."""
        total = None
        if self._compile_loss is not None:
            total = self._compile_loss(y, y_pred, sample_weight)
        if self._adds_losses:
            for value in self.losses:  # type: ignore[attr-defined]
                term = value.sum() if value.ndim else value
                if not term.is_floating_point():
                    term = term.float()
                total = term if total is None else total + term
        if total is None:
            raise ValueError(
                "No loss to compute. Provide a `loss` argument in `compile()`."
            )
        return total

    def _loss_of(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any, training: bool
    ) -> Any:
        """Call ``compute_loss``, which may be an older one without ``training``."""
        own = type(self).compute_loss
        if own is Steps.compute_loss or "training" in own.__code__.co_varnames:
            return self.compute_loss(x, y, y_pred, sample_weight, training=training)
        return self.compute_loss(x, y, y_pred, sample_weight)

    # -- as Keras 2 called them
    @property
    def compiled_metrics(self) -> Any:
        """What counts the metrics; deprecated."""
        return _CompiledMetrics(self)

    def compiled_loss(
        self,
        y: Any,
        y_pred: Any,
        sample_weight: Any = None,
        regularization_losses: Any = None,
    ) -> Any:
        """Return the loss of a batch; deprecated."""
        warnings.warn(
            "`model.compiled_loss()` is deprecated. Instead, use "
            "`model.compute_loss(x, y, y_pred, sample_weight, training)`.",
            stacklevel=2,
        )
        return self.compute_loss(None, y, y_pred, sample_weight)

    def train_step(self, data: Any) -> Any:
        """Train on one batch and return the logs; may be overridden.

        Parameters
        ----------
        data
            ``(x, y)`` or ``(x, y, sample_weight)``, with Keras' axes.
        """
        logs = self._train(*unpack_x_y_sample_weight(data))
        return LazyLogs(self.get_metrics_result) if logs is None else logs

    def test_step(self, data: Any) -> Any:
        """Evaluate one batch and return the logs; may be overridden."""
        logs = self._test(*unpack_x_y_sample_weight(data))
        return LazyLogs(self.get_metrics_result) if logs is None else logs

    def predict_step(self, data: Any) -> Any:
        """Return what the model makes of one batch; may be overridden."""
        x, _, _ = unpack_x_y_sample_weight(data)
        return self._called(x, False)

    def _called(self, x: Any, training: bool) -> Any:
        """Call it; a ``call`` without ``training`` hears of none, as in Keras."""
        if _takes_training(type(self).call):  # type: ignore[attr-defined]
            return self(x, training=training)  # type: ignore[operator]
        with _step():
            return self(x)  # type: ignore[operator]

    def _train(self, x: Any, y: Any, sample_weight: Any) -> Any:
        y_pred = self._called(x, True)
        loss = self._loss_of(x, y, y_pred, sample_weight, True)
        self._track(loss, x)
        if type(self).compute_metrics is not Steps.compute_metrics:
            self._move(loss)
            return self.compute_metrics(x, y, y_pred, sample_weight)
        # Counted first, so that targets that a metric cannot take move no weight.
        self._count(y, y_pred, sample_weight)
        self._move(loss)
        return None

    def _count_batch(self, x: Any, y: Any, y_pred: Any, sample_weight: Any) -> Any:
        """Count a batch; return the logs if they are of a user's own making."""
        if type(self).compute_metrics is not Steps.compute_metrics:
            return self.compute_metrics(x, y, y_pred, sample_weight)
        self._count(y, y_pred, sample_weight)
        return None

    def _is_plain(self, step: str) -> bool:
        """Whether a step is this one, and its logs are the metrics."""
        own = type(self)
        same = getattr(own, step) is getattr(Steps, step)
        return same and own.compute_metrics is Steps.compute_metrics

    def _track(self, loss: torch.Tensor, x: Any) -> None:
        """Count the loss once per sample: the last batch may be smaller."""
        first = x if isinstance(x, torch.Tensor) else _first_tensor(x)
        samples = first.shape[0] if parts.now is None else parts.now.rows
        self._loss_tracker.add(loss.detach(), samples)

    def _move(self, loss: torch.Tensor) -> None:
        """Take the gradient of a loss and one step."""
        optimizer = self.optimizer
        if optimizer is None:
            return
        moved = self._parameters_moved
        if moved is None:
            moved = self._prepare_optimizer()
            optimizer = self.optimizer
        for parameter in moved:
            parameter.grad = None
        if not moved:
            warnings.warn(
                "The model does not have any trainable weights.", stacklevel=3
            )
            return
        if self._scaler is not None:
            loss = self._scaler.scale(loss)
        elif hasattr(optimizer, "scale_loss"):
            loss = optimizer.scale_loss(loss)
        if parts.now is None:
            loss.backward()
            self._step(optimizer, moved)
            return
        backward(loss, moved, parts.now)
        with parts.working_on(None):
            self._step(optimizer, moved)

    def _step(self, optimizer: Any, moved: list[torch.Tensor]) -> None:
        if self._foreign:
            _densified(moved)
        if self._scaler is None:
            optimizer.step()
            return
        self._scaler.step(optimizer)
        self._scaler.update()

    def _prepare_optimizer(self) -> list[torch.Tensor]:
        """Hand the optimizer the weights; they are known after the first call."""
        from keras2torch.optimizers import Optimizer

        variables = self.trainable_variables  # type: ignore[attr-defined]
        if isinstance(self.optimizer, type):
            parameters = [p for v in variables for p in v.parameters]
            self.optimizer = self.optimizer(list(dict.fromkeys(parameters)))
        elif isinstance(self.optimizer, Optimizer) and not self.optimizer.built:
            self.optimizer.build(variables)
        found: dict[int, torch.Tensor] = {}
        for variable in variables:
            for parameter in variable.parameters:
                if parameter.requires_grad:
                    found[id(parameter)] = parameter
        self._parameters_moved = list(found.values())
        self._foreign = not isinstance(self.optimizer, Optimizer)
        if self._foreign and self._policy_name() == "mixed_float16" and self._scaled:
            kind = self._parameters_moved[0].device.type
            if kind == "cuda":
                self._scaler = torch.amp.GradScaler(kind)
        return self._parameters_moved

    def _test(self, x: Any, y: Any, sample_weight: Any) -> Any:
        y_pred = self._called(x, False)
        loss = self._loss_of(x, y, y_pred, sample_weight, False)
        self._track(loss, x)
        return self._count_batch(x, y, y_pred, sample_weight)

    def _policy_name(self) -> str:
        from keras2torch.models.naming import policy_name

        return policy_name(getattr(self, "_policy", None))

    def _device(self) -> torch.device:
        from keras2torch.models.programs import device_of

        assert isinstance(self, nn.Module)
        return device_of(self)


class _CompiledMetrics:
    """What ``self.compiled_metrics.update_state`` of Keras 2 does in Keras 3.15."""

    def __init__(self, trainer: Steps) -> None:
        self.trainer = trainer

    def update_state(self, y: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch; a ``Mean`` that is no wrapper counts the predictions."""
        warnings.warn(
            "`model.compiled_metrics()` is deprecated. Instead, use "
            "`for metric in self.metrics: metric.update_state(y, y_pred)`.",
            stacklevel=2,
        )
        for metric in self.trainer.metrics:
            if isinstance(metric, Mean):
                metric.update_state(y_pred, sample_weight=sample_weight)
            else:
                metric.update_state(y, y_pred, sample_weight=sample_weight)


def kept_metrics(modules: Iterable[nn.Module]) -> Iterator[Metric]:
    """Iterate over the metrics that modules have as attributes, each once."""
    seen: set[int] = set()
    for module in modules:
        for name, value in vars(module).items():
            # What compile was given counts in what it made of it.
            for metric in () if name == "_compile_config" else _metrics_in(value):
                if id(metric) not in seen:
                    seen.add(id(metric))
                    yield metric


def _metrics_in(value: Any) -> Iterator[Metric]:
    """Iterate over the metrics that an attribute is, or that its list or dict holds."""
    if isinstance(value, Metric):
        yield value
    # Lists and dicts of a user's are of classes of this project's that watch them.
    elif isinstance(value, (list, dict)) and type(value) not in (list, dict):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _metrics_in(part)


def _step() -> AbstractContextManager[Any]:
    """Say that calls within are those of a step: torch's mode is not asked."""
    from keras2torch.models.context import calling

    return calling(None, inside=False)


@cache
def _takes_training(call: Any) -> bool:
    return "training" in inspect.signature(call).parameters


def _moved_along(optimizer: Any) -> None:
    """Have an optimizer keep what it keeps where a model was moved to by ``.to()``."""
    for parameter, kept in getattr(optimizer, "state", {}).items():
        if not isinstance(parameter, torch.Tensor):
            continue
        for value in kept.values():
            like = isinstance(value, torch.Tensor) and value.shape == parameter.shape
            if like and (
                value.device != parameter.device
                or (value.is_floating_point() and value.dtype != parameter.dtype)
            ):
                # torch brings every value to its parameter when it loads.
                optimizer.load_state_dict(optimizer.state_dict())
                return


def _densified(parameters: list[torch.Tensor]) -> None:
    """Give embeddings dense gradients: torch's own optimizers take no others."""
    for parameter in parameters:
        if parameter.grad is not None and parameter.grad.is_sparse:
            parameter.grad = parameter.grad.to_dense()


def _first_tensor(structure: Any) -> Any:
    return next(t for t in tree.flatten(structure) if t is not None)
