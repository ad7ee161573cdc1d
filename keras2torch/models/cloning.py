"""``clone_model``: the same layers again, with weights of their own.

Source: ``keras/src/models/cloning.py`` (Keras 3.15).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keras2torch import serialization, tree
from keras2torch.models.model import Model
from keras2torch.models.sequential import Sequential
from keras2torch.models.symbolic import Input, InputLayer, KerasTensor, Node, Operation

Clone = Callable[[Any], Any]


def cloned(
    model: Any,
    input_tensors: Any,
    clone_function: Clone | None,
    call_function: Any,
    recursive: bool,
    made: dict[int, Any] | None = None,
) -> Any:
    """Return a model of new layers; arguments as in ``clone_model``."""
    made = {} if made is None else made
    copy = _copying(clone_function, call_function, recursive, made)
    if isinstance(model, Sequential):
        if call_function is not None:
            raise ValueError(
                "`call_function` is for functional models: the layers of a "
                "Sequential are not called one by one."
            )
        new = _stack(model, input_tensors, copy)
    elif model._call_graph is not None:
        new = _graph(model, input_tensors, copy, call_function)
    else:
        if clone_function or input_tensors is not None or call_function:
            raise ValueError(
                "`clone_function`, `input_tensors` and `call_function` are for "
                f"Sequential and functional models, not {type(model).__name__}."
            )
        new = type(model).from_config(model.get_config())
    if model.compiled:
        new.compile_from_config(model.get_compile_config())
    return new


def _copying(
    clone_function: Clone | None, call_function: Any, recursive: bool, made: Any
) -> Clone:
    def copy(layer: Any) -> Any:
        if id(layer) not in made:
            inner = isinstance(layer, Sequential) or (
                isinstance(layer, Model) and layer._call_graph is not None
            )
            if recursive and inner:
                call = None if isinstance(layer, Sequential) else call_function
                new = cloned(layer, None, clone_function, call, True, made)
            elif clone_function is not None:
                new = clone_function(layer)
            else:
                with serialization.CustomObjectScope(None):
                    new = type(layer).from_config(layer.get_config())
            made[id(layer)] = new
        return made[id(layer)]

    return copy


def _stack(model: Any, input_tensors: Any, copy: Clone) -> Any:
    layers = [copy(layer) for layer in model.layers]
    if input_tensors is not None:
        given = tree.flatten(input_tensors)
        if len(given) != 1:
            raise ValueError("`input_tensors` must contain a single tensor.")
        layers.insert(0, given[0])
    elif model._entry is not None:
        layers.insert(0, _input(model._entry))
    return Sequential(layers, name=model.name, trainable=model._trainable)


def _input(entry: InputLayer) -> KerasTensor:
    return Input(batch_shape=entry.batch_shape, dtype=entry.dtype, name=entry.name)


def _graph(model: Any, input_tensors: Any, copy: Clone, call_function: Any) -> Any:
    if input_tensors is None:
        input_tensors = tree.map_structure(
            lambda t: Input(batch_shape=t.shape, dtype=t.dtype, name=t.name),
            model._inputs_struct,
        )
    old, new = tree.flatten(model._inputs_struct), tree.flatten(input_tensors)
    if len(old) != len(new) or not all(isinstance(t, KerasTensor) for t in new):
        raise ValueError(
            f"`input_tensors` must be {len(old)} symbolic tensors, as the model has."
        )
    values = {id(o): n for o, n in zip(old, new, strict=True)}

    def filled(value: Any) -> Any:
        return values[id(value)] if isinstance(value, KerasTensor) else value

    for node in model._call_graph.nodes:
        if node.is_input or all(id(t) in values for t in node.outputs):
            continue
        args = tree.map_structure(filled, list(node.args))
        kwargs = tree.map_structure(filled, dict(node.kwargs))
        made = _called(node, copy, call_function, args, kwargs)
        for before, after in zip(node.outputs, tree.flatten(made), strict=True):
            values[id(before)] = after
    outputs = tree.map_structure(filled, model._outputs_struct)
    return type(model)(inputs=input_tensors, outputs=outputs, name=model.name)


def _called(node: Node, copy: Clone, call: Any, args: Any, kwargs: Any) -> Any:
    if isinstance(node.operation, Operation):
        from keras2torch.models.specs import outputs_of

        operation = Operation(node.operation.name, node.operation.kind)
        new = Node(operation, tuple(args), kwargs)
        operation._inbound_nodes.append(new)
        new.outputs = outputs_of(new)
        return new.outputs
    layer = copy(node.operation)
    if call is not None:
        return call(layer, *args, **kwargs)
    return layer(*args, **kwargs)
