"""What ``compile`` was given, matched with what the model returns.

Source: ``keras/src/trainers/compile_utils.py`` (3.15): which loss and which metrics
belong to which output, what they are called, and how they are summed.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from keras2torch import losses as losses_module
from keras2torch import metrics as metrics_module
from keras2torch import tree
from keras2torch.distribution import parts
from keras2torch.distribution.losses import count, loss_of
from keras2torch.errors import UnfitTargets
from keras2torch.spelling import snake_case

_ACCURACY = ("accuracy", "acc")
_CROSSENTROPY = ("crossentropy", "ce")


def _kind(y_true: Any, y_pred: Any) -> str:
    """Say of what kind targets are, by their shapes."""
    true, pred = tuple(y_true.shape), tuple(y_pred.shape)
    if pred and pred[-1] == 1:
        return "binary"
    if len(true) < len(pred) or (true[-1] == 1 and pred[-1] > 1):
        return "sparse"
    return "categorical"


def _name_of(thing: Any) -> str:
    """Return what Keras calls an object: its name, a function's, or its class'."""
    for attribute in ("name", "__name__"):
        if isinstance(name := getattr(thing, attribute, None), str):
            return name
    return snake_case(type(thing).__name__)


def metric_for(identifier: Any, y_true: Any, y_pred: Any) -> Any:
    """Return the metric that Keras takes for a name, object or function.

    Raises
    ------
    ValueError
        For an unknown name.
    """
    if identifier is None:
        raise ValueError("Expected metric, received `None`")
    if isinstance(identifier, str) and identifier.lower() in _ACCURACY:
        cls = {
            "binary": metrics_module.BinaryAccuracy,
            "sparse": metrics_module.SparseCategoricalAccuracy,
            "categorical": metrics_module.CategoricalAccuracy,
        }[_kind(y_true, y_pred)]
        return cls(name=identifier)
    found = metrics_module.get(identifier)
    name = identifier if isinstance(identifier, str) else _name_of(found)
    if not isinstance(found, metrics_module.Metric):
        found = metrics_module.MeanMetricWrapper(found)
    found.name = name
    return found


def loss_for(identifier: Any, y_true: Any, y_pred: Any) -> Any:
    """Return the loss that Keras takes for a name, object or function."""
    if identifier is None:
        return None
    if isinstance(identifier, str) and identifier.lower() in _CROSSENTROPY:
        found: Any = {
            "binary": losses_module.binary_crossentropy,
            "sparse": losses_module.sparse_categorical_crossentropy,
            "categorical": losses_module.categorical_crossentropy,
        }[_kind(y_true, y_pred)]
    else:
        found = losses_module.get(identifier)
    if isinstance(found, losses_module.Loss):
        return found
    name = identifier if isinstance(identifier, str) else _name_of(found)
    return losses_module.LossFunctionWrapper(found, name=name)


# ------------------------------------------------------------------------- metrics
@dataclass
class _Group:
    """The metrics of one output."""

    metrics: list[Any]
    output: str | None

    def named(self) -> Iterator[tuple[str, Any]]:
        for metric in self.metrics:
            prefix = f"{self.output}_" if self.output else ""
            yield prefix + metric.name, metric


class CompileMetrics:
    """The metrics of all outputs, updated and read as one.

    Parameters
    ----------
    metrics, weighted
        As ``compile`` takes them; the latter get the sample weights.
    output_names
        Names of the outputs; None of a model without symbolic outputs.
    """

    name = "compile_metrics"

    def __init__(
        self, metrics: Any, weighted: Any, output_names: Sequence[str] | None
    ) -> None:
        for argument, value in (("metrics", metrics), ("weighted_metrics", weighted)):
            if value and not isinstance(value, (list, tuple, dict)):
                raise ValueError(
                    f"Expected `{argument}` argument to be a list, tuple, or dict. "
                    f"Received instead: {argument}={value} of type {type(value)}"
                )
        self._given = (metrics, weighted)
        self._output_names = list(output_names) if output_names else None
        self._order: list[str] | None = None
        self.built = False
        self._plain: list[_Group | None] = []
        self._weighted: list[_Group | None] = []

    @property
    def metrics(self) -> list[Any]:
        """All of them, flat; none before the first batch."""
        groups = [g for g in (*self._plain, *self._weighted) if g is not None]
        return [m for g in groups for m in g.metrics]

    @property
    def variables(self) -> list[Any]:
        """Their states."""
        return [v for m in self.metrics for v in m.variables]

    def build(self, y_true: Any, y_pred: Any) -> None:
        """Choose the metrics for what targets and outputs look like."""
        count = len(tree.flatten(y_pred))
        flat = tree.is_nested(y_pred) and len(y_pred) == count
        names = self._output_names
        own = not names or set(names) != set(y_pred) if flat else False
        if flat and isinstance(y_pred, dict) and own:
            ordered = isinstance(y_pred, OrderedDict)
            names = list(y_pred) if ordered else sorted(y_pred)
        self._order = names if count > 1 and flat else None
        plain, weighted = self._given
        self._plain = self._groups(plain, names, y_true, y_pred, flat, "metrics")
        self._weighted = self._groups(
            weighted, names, y_true, y_pred, flat, "weighted_metrics"
        )
        self.built = True

    def _groups(
        self,
        metrics: Any,
        names: Sequence[str] | None,
        y_true: Any,
        y_pred: Any,
        flat: bool,
        argument: str,
    ) -> list[_Group | None]:
        count = len(tree.flatten(y_pred))
        if not metrics:
            return [None] * count
        if count == 1:
            first_true, first_pred = tree.flatten(y_true)[0], tree.flatten(y_pred)[0]
            return [_group(tree.flatten(metrics), first_true, first_pred, None)]
        each: list[Any] | None = None
        if flat and isinstance(metrics, (list, tuple)) and len(metrics) == count:
            each = list(metrics)
        elif (
            flat and names and isinstance(metrics, dict) and set(metrics) <= set(names)
        ):
            each = [metrics.get(name) for name in names]
        if each is None:
            raise ValueError(
                f"Invalid `{argument}`. `{argument}` should contain metrics objects "
                "and either be a dict or a list matching the output names of the model "
                f"{list(names) if names else count}. Received: {argument}={metrics}"
            )
        return [
            _group(m, t, p, n)
            for m, t, p, n in zip(
                each,
                self._flattened(y_true),
                self._flattened(y_pred),
                list(names) if names else [None] * count,
                strict=True,
            )
        ]

    def _flattened(self, y: Any) -> list[Any]:
        if isinstance(y, dict) and self._order is not None:
            return [y[name] for name in self._order]
        return tree.flatten(y)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch."""
        if not self.built:
            self.build(y_true, y_pred)
        true, pred = self._flattened(y_true), self._flattened(y_pred)
        for group, t, p in zip(self._plain, true, pred, strict=False):
            if group is not None:
                for metric in group.metrics:
                    _counted(metric, t, p)
        weights = [None] * len(pred)
        if sample_weight is not None:
            weights = self._flattened(sample_weight)
            if len(weights) < len(true):
                weights = [weights[0]] * len(true)
        for group, t, p, w in zip(self._weighted, true, pred, weights, strict=False):
            if group is not None:
                for metric in group.metrics:
                    _counted(metric, t, p, w)

    def forget(self) -> None:
        """Match metrics anew with the next batch."""
        self.built = False
        self._plain, self._weighted, self._order = [], [], None

    def reset_state(self) -> None:
        """Begin anew."""
        for metric in self.metrics:
            metric.reset_state()

    def result(self) -> dict[str, Any]:
        """Return name → value; a name that is taken gets a number, or "weighted"."""
        results: dict[str, Any] = {}
        count: Counter[str] = Counter()
        for group in self._plain:
            for name, metric in group.named() if group is not None else ():
                shown = f"{name}_{count[name]}" if count[name] else name
                count[name] += 1
                results[shown] = metric.result()
        for group in self._weighted:
            for name, metric in group.named() if group is not None else ():
                if count[name]:
                    prefix = f"{group.output}_" if group and group.output else ""
                    name = f"{prefix}weighted_{metric.name}"
                shown = f"{name}_{count[name]}" if count[name] else name
                count[name] += 1
                results[shown] = metric.result()
        return results


def _counted(metric: Any, y_true: Any, y_pred: Any, *weight: Any) -> None:
    """Update a metric; what does not fit is told with its name."""
    try:
        if parts.now is None:
            metric.update_state(y_true, y_pred, *weight)
        else:
            count(metric, parts.now, y_true, y_pred, *weight)
    except (RuntimeError, IndexError, ValueError, AttributeError) as error:
        own = type(metric).__module__.startswith("keras2torch.")
        tensors = [v for v in (y_true, y_pred, *weight) if v is not None]
        if not own or "CUDA" in str(error) or len(tensors) < 2:
            raise
        shapes = [tuple(getattr(v, "shape", ())) for v in tensors]
        weighed = f", weighed by {shapes[2]}" if len(shapes) > 2 else ""
        reason = f": {error}" if isinstance(error, ValueError) else "."
        raise UnfitTargets(
            f"metric {metric.name!r} cannot compare targets of shape {shapes[0]} with "
            f"predictions of shape {shapes[1]}{weighed}{reason}"
        ) from error


def _group(metrics: Any, y_true: Any, y_pred: Any, output: str | None) -> _Group | None:
    if metrics is None:
        return None
    listed = metrics if isinstance(metrics, (list, tuple)) else [metrics]
    return _Group([metric_for(m, y_true, y_pred) for m in listed], output)


# -------------------------------------------------------------------------- losses
@dataclass
class _Term:
    """The loss of one output."""

    path: tuple[Any, ...]
    loss: Any
    weight: Any
    name: str
    mean: Any = None


@dataclass(frozen=True)
class _Weighted:
    loss: Any
    weight: Any = None


class CompileLoss:
    """The losses of all outputs, weighted and summed.

    Parameters
    ----------
    loss, loss_weights
        As ``compile`` takes them.
    output_names
        Names of the outputs; None of a model without symbolic outputs.
    """

    def __init__(
        self, loss: Any, loss_weights: Any, output_names: Sequence[str] | None
    ) -> None:
        if loss_weights and not isinstance(loss_weights, (list, tuple, dict, float)):
            raise ValueError(
                "Expected `loss_weights` argument to be a float, list, tuple, or dict. "
                f"Received instead: loss_weights={loss_weights} "
                f"(of type {type(loss_weights)})"
            )
        self._loss, self._weights = loss, loss_weights
        self._names = list(output_names) if output_names else None
        self.terms: list[_Term] | None = None
        self._pred_shape: Any = None
        self._true_shape: Any = None

    @property
    def metrics(self) -> list[Any]:
        """A mean per output, where there are several."""
        return [t.mean for t in self.terms or () if t.mean is not None]

    def forget(self) -> None:
        """Match losses anew with the next batch."""
        self.terms = None

    def build(self, y_true: Any, y_pred: Any) -> None:
        """Match losses with outputs.

        Raises
        ------
        ValueError, KeyError
            If names or structures do not fit.
        """
        loss, weights, names = self._loss, self._weights, self._names
        if names and isinstance(loss, dict) and not isinstance(y_pred, dict):
            if set(names) != set(loss):
                raise ValueError(
                    f"Expected keys {names} in loss dict, but "
                    f"found loss.keys()={list(loss)}"
                )
            loss = [loss[n] for n in names]
            if isinstance(weights, dict):
                weights = [weights[n] for n in names]
        listed = isinstance(loss, (list, tuple)) and len(loss) == 1
        if listed and not tree.is_nested(y_pred):
            loss = loss[0]
            weights = tree.flatten(weights)[0] if weights is not None else None
        packed = self._packed(loss, weights)
        count = len(tree.flatten(y_pred))
        known = names is not None and len(names) == count
        flat_names: list[Any] = [*names] if names and known else [None] * count
        named = tree.pack(y_pred, flat_names)
        self.terms = []
        if not tree.is_nested(packed):
            packed = tree.map_structure(lambda _: packed, y_pred)
        self._nested(y_true, y_pred, packed, named, ())
        if len(self.terms) > 1:
            for term in self.terms:
                term.mean = metrics_module.Mean(name=f"{term.name}_loss")
        self._pred_shape = tree.map_structure(lambda _: None, y_pred)
        self._true_shape = tree.map_structure(lambda _: None, y_true)

    def _packed(self, loss: Any, weights: Any) -> Any:
        def one(value: Any, weight: Any = None) -> Any:
            return None if value is None else _Weighted(value, weight)

        if weights is None:
            return tree.map_structure(one, loss)
        flat = tree.flatten(weights)
        if len(flat) != len(tree.flatten(loss)):
            raise ValueError(
                "`loss_weights` must match the number of losses, got "
                f"{len(tree.flatten(loss))} losses and {len(flat)} weights."
            )
        named = isinstance(weights, dict) and isinstance(loss, dict)
        if named and set(weights) != set(loss):
            raise ValueError(
                f"`loss_weights` has the keys {sorted(weights)}, "
                f"the losses {sorted(loss)}."
            )
        return tree.map_structure(one, loss, tree.pack(loss, flat))

    def _nested(
        self, y_true: Any, y_pred: Any, loss: Any, names: Any, path: tuple[Any, ...]
    ) -> None:
        assert self.terms is not None
        if not tree.is_nested(loss):
            if loss is None or loss.loss is None:
                return
            found = loss_for(loss.loss, y_true, y_pred)
            name_path = path
            if not tree.is_nested(names):
                own = names if names is not None else found.name
                if not path:
                    name_path = (own,)
                elif isinstance(path[-1], int):
                    name_path = (*path[:-1], own)
            name = "/".join(map(str, name_path))
            self.terms.append(_Term(path, found, loss.weight, name))
            return
        alone = all(not tree.is_nested(v) for v in tree.flatten(loss))
        flat = tree.flatten(y_pred)
        if isinstance(loss, (list, tuple)):
            if alone and len(loss) == len(flat) and tree.is_nested(y_pred):
                loss = tree.pack(y_pred, list(loss))
            elif not isinstance(y_pred, (list, tuple)):
                for value in loss:
                    self._nested(y_true, y_pred, value, names, path)
                return
        if isinstance(loss, dict) != isinstance(y_pred, dict):
            raise KeyError(
                f"The path: {path} in the `loss` argument, can't be found in the "
                "model's output (`y_pred`)."
            )
        items = loss.items() if isinstance(loss, dict) else enumerate(loss)
        for key, value in items:
            if value is None:
                continue
            if not (_has(y_true, key) and _has(y_pred, key)):
                raise KeyError(
                    f"The path: {(*path, key)} in the `loss` argument, can't be found "
                    "in either the model's output (`y_pred`) or in the labels "
                    "(`y_true`)."
                )
            self._nested(y_true[key], y_pred[key], value, names[key], (*path, key))

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Return the sum, or None where no output has a loss."""
        if isinstance(y_pred, torch.Tensor) and isinstance(y_true, torch.Tensor):
            if self.terms is None:
                self.build(y_true, y_pred)
            assert self.terms is not None
            term = self.terms[0]
            weight = sample_weight
            if tree.is_nested(sample_weight):
                weight = tree.flatten(sample_weight)[0]
            value = _lost(term, y_true, y_pred, weight)
            return value if term.weight is None else value * term.weight
        if y_true is None:
            raise ValueError(
                "there are no targets: the loss of compile() compares them with the "
                f"outputs, {self._told(y_pred, self._names)}. Give y, or data that "
                "yields (x, y)."
            )
        y_true = self._matched(y_true, y_pred)
        if self.terms is None:
            self.build(y_true, y_pred)
        assert self.terms is not None
        if not tree.same(self._pred_shape, y_pred):
            y_pred = tree.pack(self._pred_shape, tree.flatten(y_pred))
        if not tree.same(self._true_shape, y_true):
            y_true = tree.pack(self._true_shape, tree.flatten(y_true))
        if isinstance(sample_weight, dict) and isinstance(y_pred, (list, tuple)):
            names = self._names or sorted(sample_weight)
            sample_weight = [sample_weight.get(n) for n in names]
        total = None
        for term in self.terms:
            true, pred = _at(y_true, term.path), _at(y_pred, term.path)
            weight = sample_weight
            if tree.is_nested(sample_weight):
                weight = _at(sample_weight, term.path)
            value = _lost(term, true, pred, weight)
            if term.mean is not None:
                # By batch, not by sample: in a graph Keras does not know the size.
                term.mean.update_state(value.detach())
            if term.weight is not None:
                value = value * term.weight
            total = value if total is None else total + value
        return total

    def _matched(self, y_true: Any, y_pred: Any) -> Any:
        """Return the targets in the structure of the outputs."""
        if tree.same(y_pred, y_true):
            return y_true
        if not tree.is_nested(y_true) and tree.is_nested(y_pred) and len(y_pred) == 1:
            y_true = [y_true]
        elif (
            isinstance(y_pred, (list, tuple))
            and isinstance(y_true, dict)
            and self._names
            and set(self._names) == set(y_true)
        ):
            y_true = [y_true[n] for n in self._names]
        elif (
            isinstance(y_pred, (list, tuple))
            and isinstance(y_true, dict)
            and self._names
            and not set(y_true) <= set(self._names)
        ):
            raise ValueError(
                f"the targets have the keys {sorted(map(str, y_true))}, the outputs "
                f"of the model are called {self._names}."
            )
        flat, wanted = tree.flatten(y_true), tree.flatten(y_pred)
        if len(flat) == len(wanted):
            return tree.pack(y_pred, flat)
        given = tree.flatten(self._loss)
        at = [i for i, loss in enumerate(given) if loss is not None]
        if len(flat) == len(at) and len(given) == len(wanted):
            filled: list[Any] = [None] * len(given)
            for value, i in zip(flat, at, strict=True):
                filled[i] = value
            return tree.pack(y_pred, filled)
        keys = sorted(y_true) if isinstance(y_true, dict) else None
        raise ValueError(
            "the targets do not go with the outputs: the model returns "
            f"{self._told(y_pred, self._names)}; there are the targets "
            f"{self._told(y_true, keys)}."
        )

    def _told(self, value: Any, names: Sequence[str] | None) -> str:
        """Return how many tensors there are, with names and shapes."""
        flat = tree.flatten(value)
        shapes = [str(tuple(v.shape)) if v is not None else "None" for v in flat]
        if names is not None and len(names) == len(flat):
            pairs = zip(names, shapes, strict=True)
            shapes = [f"{name!r} of shape {shape}" for name, shape in pairs]
        else:
            shapes = [f"shape {shape}" for shape in shapes]
        return f"{len(flat)} ({', '.join(shapes)})"


def _lost(term: _Term, y_true: Any, y_pred: Any, weight: Any) -> Any:
    """Return the loss of one output; what does not fit is told with its name."""
    if y_true is None:
        raise ValueError(f"there are no targets for the loss of {term.name!r}.")
    try:
        if parts.now is not None:
            return loss_of(term.loss, y_true, y_pred, weight, parts.now)
        return term.loss(y_true, y_pred, weight)
    except UnfitTargets as error:
        raise UnfitTargets(f"loss of {term.name!r}: {error}") from error


def _has(value: Any, key: Any) -> bool:
    if isinstance(value, dict):
        return key in value
    return isinstance(value, (list, tuple)) and type(key) is int and key < len(value)


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value
