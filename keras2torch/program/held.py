"""What a class holds itself: a user's own weights, tied weights, constants."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt
import onnx_ir as ir

from keras2torch.errors import UnsupportedLayer
from keras2torch.layers.base import copied, transposed
from keras2torch.layers.definitions import Source, Tensor
from keras2torch.layers.text import Raw, call
from keras2torch.layout import GraphPlan, Held, LayerStep
from keras2torch.program.constants import (
    constant_name,
    dtype_argument,
    formula,
    written,
)
from keras2torch.program.names import identifier

# A longer constant would fill the page: it goes beside the weights.
_SHORT = 8


@dataclass
class HeldText:
    """A parameter or buffer of the class itself.

    Attributes
    ----------
    name, text
        The attribute, and the statement that makes it.
    path
        The Keras layer that made the weight; of a constant the class' own.
    source, value
        What it is made of.
    trainable
        Whether it is a parameter.
    persistent
        Whether the state dict has it.
    """

    name: str
    text: str
    path: str
    source: Source
    value: ir.Value
    trainable: bool
    persistent: bool = True


def is_weight(value: ir.Value) -> bool:
    """Whether a held value is a weight that the user's code made."""
    return "keras_path" in value.metadata_props


def array_of(value: ir.Value) -> npt.NDArray[Any]:
    """Return the data of a weight or constant, as it is in the graph."""
    source = value.producer()
    if value.const_value is not None:
        return value.const_value.numpy()
    if source is not None and source.op_type == "Constant" and source.domain == "":
        return source.attributes["value"].as_tensor().numpy()
    raise ValueError(f"the weight {value.name!r} has no data")


def find_homes(top: GraphPlan) -> None:
    """Have each user's weight declared in one class: that of the layer that made it.

    A class further out reaches it through its attributes.

    Raises
    ------
    UnsupportedLayer
        If a class reads a weight of a layer that is not inside it.
    """
    plans = {plan.path: plan for plan in _plans(top)}
    for plan in plans.values():
        for held in list(plan.held):
            if held.layer or not is_weight(held.value):
                inside = not held.layer or _inside(held.layer, plan.path)
                if not inside:
                    raise _unreachable(held, held.layer, plan)
                continue
            maker = held.value.metadata_props["keras_path"]
            home = max(
                (p for p in plans if _inside(maker, p)), key=len, default=top.path
            )
            if not _inside(home, plan.path):
                raise _unreachable(held, maker, plan)
            there = plans[home].held
            if all(h.value is not held.value for h in there):
                tensor = held.tensor
                copy = Tensor(tensor.shape, tensor.dtype, tensor.layout)
                there.append(Held(held.value, copy))


def _plans(plan: GraphPlan) -> Iterator[GraphPlan]:
    yield plan
    for step in plan.steps:
        if isinstance(step, LayerStep) and step.body is not None:
            yield from _plans(step.body)


def _inside(path: str, outer: str) -> bool:
    return not outer or path == outer or path.startswith(f"{outer}/")


def _unreachable(held: Held, maker: str, plan: GraphPlan) -> UnsupportedLayer:
    return UnsupportedLayer(
        f"{plan.path or plan.name!r} reads the weight {str(held.value.name)!r} of the "
        f"layer {maker!r}, which is not inside it: that has no rule"
    )


def declared(
    held: Held, plan: GraphPlan, *, frozen: bool = False
) -> tuple[str, HeldText]:
    """Return the name that is wished for, and the text with ``{name}`` in it.

    Parameters
    ----------
    held
        The weight or constant.
    plan
        Of the class that holds it.
    frozen
        Whether who holds an instance of the class freezes it.
    """
    value, tensor = held.value, held.tensor
    order = tensor.layout.axes
    moved = order != tuple(range(tensor.rank))
    name = str(value.name)
    source = transposed(name, *order) if moved else copied(name)
    properties = value.metadata_props
    empty = _empty(tensor)
    if is_weight(value):
        maker = properties["keras_path"]
        wish = _weight_name(properties.get("keras_name", ""), maker, plan.path)
        trainable = properties.get("trainable", "1") == "1"
        # What is only frozen can be thawed.
        parameter = properties.get("own_trainable", str(int(trainable))) == "1"
        text = f'self.register_buffer("{{name}}", {empty})'
        if trainable or (parameter and "float" in tensor.dtype):
            still = "" if trainable or frozen else ", requires_grad=False"
            text = f"self.{{name}} = nn.Parameter({empty}{still})"
        return wish, HeldText("", text, maker, source, value, trainable)
    array = source(array_of(value))
    wish = constant_name(value, array)
    if (made := formula(array, tensor.dtype)) is not None:
        text = f'self.register_buffer("{{name}}", {made}, persistent=False)'
        return wish, HeldText("", text, plan.path, source, value, False, False)
    if array.size > _SHORT:
        text = f'self.register_buffer("{{name}}", {empty})'
        return wish, HeldText("", text, plan.path, source, value, False)
    text = f'self.register_buffer("{{name}}", {written(array, tensor.dtype)}, '
    text += "persistent=False)"
    return wish, HeldText("", text, plan.path, source, value, False, False)


def same(held: Held) -> object:
    """Return what two constants have in common that are one."""
    if is_weight(held.value) or held.layer:
        return held.value
    array = array_of(held.value)
    order = held.tensor.layout.axes
    moved = array.transpose(order)
    return held.tensor.dtype, order, moved.shape, moved.tobytes()


def _empty(tensor: Tensor) -> Raw:
    sizes = [n or 0 for n in tensor.torch_shape]
    shape: list[object] = [*sizes] if sizes else [()]
    return call("torch.empty", *shape, **dtype_argument(tensor.dtype, "float32"))


def _weight_name(name: str, maker: str, home: str) -> str:
    """Return ``gamma``; ``scale_gamma`` where the layer has no class of its own."""
    inner = maker[len(home) :].strip("/") if home else maker
    return identifier(f"{inner}/{name}" if inner else name, "weight")


def access(base: str, member: str) -> str:
    """Return ``base.0.weight`` as a person writes it: ``base[0].weight``."""
    parts = "".join(f"[{p}]" if p.isdigit() else f".{p}" for p in member.split("."))
    return f"{base}{parts}"
