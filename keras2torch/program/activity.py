"""The penalties on what layers put out: a step of the program behind each of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from keras2torch.dialect import LayerNode
from keras2torch.layers.definitions import (
    ActivityRegularization,
    Call,
    Layer,
    Tensor,
    to_config,
)
from keras2torch.layers.regularization import ActivityPenalty
from keras2torch.layout import GraphPlan, LayerStep, Step
from keras2torch.program.penalties import l1_and_l2
from keras2torch.program.steps import read_instead

_KEY = "activity_regularizer"


def penalize(top: GraphPlan, *, whole_batch: bool) -> list[tuple[str, str]]:
    """Put an ActivityPenalty behind each layer with an ``activity_regularizer``.

    Parameters
    ----------
    top
        The plan; it and its bodies are changed.
    whole_batch
        See :class:`keras2torch.layers.regularization.ActivityPenalty`.

    Returns
    -------
    list of (str, str)
        Path and remark of those that are not carried over.
    """
    work = _Penalizing(top, whole_batch=whole_batch)
    work.change(top)
    return list(dict.fromkeys(work.notes))


class _Penalizing:
    def __init__(self, top: GraphPlan, *, whole_batch: bool) -> None:
        self._calls = Counter(id(s.body) for s in top.layer_steps())
        self._whole_batch = whole_batch
        self._seen: set[int] = set()
        self.notes: list[tuple[str, str]] = []

    def change(self, plan: GraphPlan, why_not: str = "", remark: str = "") -> None:
        """Change a plan and its bodies.

        ``why_not``: nothing is put in, for this reason; ``remark``: what is said of
        what is put in.
        """
        if id(plan) in self._seen:
            return
        self._seen.add(id(plan))
        paths: Counter[str] = Counter()
        steps, plan.steps = plan.steps, []
        for i, step in enumerate(steps):
            if not isinstance(step, LayerStep):
                plan.steps.append(step)
                continue
            layer, path = step.node.layer, step.node.path
            if step.body is not None:
                still = "is left out of the loss: the model around it is frozen"
                twice = "counts for the last call of its model only"
                self.change(
                    step.body,
                    why_not or still * (not layer.trainable),
                    remark or twice * (self._calls[id(step.body)] > 1),
                )
            for inside in _inside(layer):
                self._tell(path, inside, "is not carried over")
            factors = self._factors(step, why_not)
            if not any(factors):
                plan.steps.append(step)
                continue
            if remark:
                self._tell(path, layer.activity_regularizer, remark)
            if type(layer) is ActivityRegularization:
                end = _numbered(paths, path)
                penalty = self._penalty(f"{layer.name}{end}", factors)
                made = _step(penalty, f"{path}{end}", step.call.x, step.call.y)
                plan.steps.append(made)
                continue
            plan.steps.append(step)
            for tensor in step.call.outputs:
                after = Tensor(tensor.shape, tensor.dtype, tensor.layout)
                _redirect(tensor, after, steps[i + 1 :], plan)
                end = "_activity" + _numbered(paths, path)
                penalty = self._penalty(f"{layer.name}{end}", factors)
                plan.steps.append(_step(penalty, f"{path}{end}", tensor, after))

    def _factors(self, step: LayerStep, why_not: str) -> tuple[float, float]:
        config = step.node.layer.activity_regularizer
        factors = l1_and_l2(config) if config else (0.0, 0.0)
        if factors is None:
            self._tell(step.node.path, config, "is not carried over")
        elif why_not and any(factors):
            self._tell(step.node.path, config, why_not)
        return (0.0, 0.0) if factors is None or why_not else factors

    def _penalty(self, name: str, factors: tuple[float, float]) -> ActivityPenalty:
        l1, l2 = factors
        return ActivityPenalty(name=name, l1=l1, l2=l2, whole_batch=self._whole_batch)

    def _tell(self, path: str, config: Any, what: str) -> None:
        self.notes.append((path, f"activity regularizer {config!r} {what}"))


def _numbered(paths: Counter[str], path: str) -> str:
    """Return what tells the calls of a layer apart: each keeps its own cost."""
    paths[path] += 1
    return f"_{paths[path]}" if paths[path] > 1 else ""


def _step(layer: ActivityPenalty, path: str, x: Tensor, y: Tensor) -> LayerStep:
    return LayerStep(LayerNode(layer, path, []), Call([x], [y], path=path))


def _redirect(
    tensor: Tensor, after: Tensor, steps: Sequence[Step], plan: GraphPlan
) -> None:
    for step in steps:
        read_instead(step, tensor, after)
    plan.outputs = [after if t is tensor else t for t in plan.outputs]


def _inside(layer: Layer) -> Iterator[Any]:
    """Return the activity regularizers of the layers that a wrapper holds."""
    for key, value in to_config(layer).items():
        if key != _KEY:
            yield from _nested(value)


def _nested(value: Any) -> Iterator[Any]:
    if isinstance(value, Layer):
        value = to_config(value)
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key != _KEY:
                yield from _nested(inner)
            elif inner:
                yield inner
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _nested(inner)
