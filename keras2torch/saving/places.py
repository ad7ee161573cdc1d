"""Which weights are where in a ``.weights.h5`` of Keras 3.

A layer's place is made from its class and its owner's attributes, not its name:
``layers/conv2d_1/vars/0`` in a functional model or a Sequential, ``encoder/dense/vars``
where a user's model has ``self.encoder``, ``blocks/dense_1`` in its list
``self.blocks``. What is met twice is kept where it was met first.

Source: ``_save_state`` in ``keras/src/saving/saving_lib.py`` (Keras 3.15).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from torch import nn

from keras2torch.layers.names import PYTHON_NAMES
from keras2torch.models import holding
from keras2torch.models.builtin import BuiltIn
from keras2torch.models.holding import weights_of
from keras2torch.models.layer import Layer
from keras2torch.models.model import Model
from keras2torch.models.sequential import Sequential
from keras2torch.models.symbolic import InputLayer
from keras2torch.optimizers.kept import Kept
from keras2torch.spelling import snake_case


@dataclass
class Place:
    """A layer, or a part of one, and what is kept of it.

    Attributes
    ----------
    path
        ``""`` for the model itself, ``"layers/lstm/cell"`` for a part.
    name
        Of the layer.
    variables
        Trainable ones first, as ``save_own_variables`` has them.
    owner
        The layer; asked instead where a user wrote ``save_own_variables``.
    """

    path: str
    name: str
    variables: list[Any]
    owner: Any


def places(model: Any, skipped: Iterable[Any] = ()) -> list[Place]:
    """Return every place of a model, those of its optimizer and ``skipped`` aside."""
    return list(_of(model, "", {id(thing) for thing in skipped}))


def _of(thing: Any, path: str, seen: set[int]) -> Iterator[Place]:
    if id(thing) in seen:
        return
    seen.add(id(thing))
    if isinstance(thing, InputLayer):
        yield Place(path, str(thing.name), [], thing)
        return
    if isinstance(thing, Kept):
        yield from of_optimizer(thing, path)
        return
    if not isinstance(thing, Layer):
        yield Place(path, path.rpartition("/")[2], weights_of(thing), thing)
        return
    if isinstance(thing, BuiltIn):
        yield from _built_in(thing, path)
    else:
        yield Place(path, str(thing.name), _own(thing), thing)
    if isinstance(thing, BuiltIn) and thing.inner_model is not None:
        yield from _of(thing.inner_model, _joined(path, "layer"), seen)
    if isinstance(thing, Sequential) or _is_functional(thing):
        yield from _in_container(thing.layers, _joined(path, "layers"), seen)
    attributes = _attributes(thing)
    if isinstance(thing, Model) and thing._call_graph is None:
        # What comes later in the alphabet is met in the list of all layers.
        attributes.append(("layers", thing.layers))
    for name, value in sorted(attributes, key=lambda kv: _key(kv[0])):
        at = _joined(path, name)
        if isinstance(value, (nn.Module, Kept)):
            yield from _of(value, at, seen)
        elif isinstance(value, (list, tuple, Mapping)):
            yield from _in_container(value, at, seen)


def of_optimizer(thing: Kept, path: str) -> Iterator[Place]:
    """Yield the places of an optimizer, and of the one that it scales the loss for."""
    yield Place(path, str(thing.name), [], thing)
    inner = getattr(thing, "inner_optimizer", None)
    if isinstance(inner, Kept):
        yield from of_optimizer(inner, f"{path}/inner_optimizer")


def _is_functional(thing: Any) -> bool:
    return isinstance(thing, Model) and thing._call_graph is not None


def _joined(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name


def _own(layer: Layer) -> list[Any]:
    own = layer.own_variables()
    trained = [v for v in own if getattr(v, "declared_trainable", True)]
    return [*trained, *[v for v in own if all(v is not t for t in trained)]]


def _built_in(layer: BuiltIn, path: str) -> Iterator[Place]:
    """Yield a place for the layer and one for each part of it: ``cell``."""
    layer.ensure_built()
    parts: dict[str, list[Any]] = {"": []}
    state = layer._torch_state
    if state is not None:
        pairs = sorted(
            zip(state.declared, state.variables, strict=True),
            key=lambda pair: not pair[0].trainable,
        )
        for weight, variable in pairs:
            for part in weight.paths:
                parts.setdefault(part, []).append(variable)
    for part, variables in parts.items():
        if not part:
            yield Place(path, str(layer.name), [*variables, *layer._own], layer)
            if type(layer.definition).__name__ == "TextVectorization":
                # Keras asks both, the layer and the lookup in it.
                inside = _joined(path, "_lookup_layer")
                yield Place(inside, "string_lookup", [], layer)
            continue
        name = part.rpartition("/")[2]
        yield Place(_joined(path, part), name, variables, None)


def _in_container(container: Any, path: str, seen: set[int]) -> Iterator[Place]:
    values = container.values() if isinstance(container, Mapping) else container
    used: dict[str, int] = {}
    for value in values:
        if isinstance(value, (nn.Module, InputLayer, Kept)):
            name = _counted(class_name(value), used)
            yield from _of(value, _joined(path, name), seen)
        elif isinstance(value, (list, tuple, Mapping)):
            name = _counted("container", used)
            yield from _in_container(value, _joined(path, name), seen)


def _counted(name: str, used: dict[str, int]) -> str:
    if name in used:
        used[name] += 1
        return f"{name}_{used[name]}"
    used[name] = 0
    return name


def class_name(thing: Any) -> str:
    """Return what a thing in a list is called after."""
    kind = type(thing)
    if kind is Model and thing._call_graph is not None:
        return "functional"
    return snake_case(PYTHON_NAMES.get(kind.__name__, kind.__name__))


def _attributes(layer: Layer) -> list[tuple[str, Any]]:
    """Return a user's attributes that may hold weights."""
    known = _of_every_model()
    hidden = getattr(layer, "_net_keys", ())
    taken = set(getattr(layer, "_torch_parts", ()))
    found: dict[str, Any] = {}
    for name, value in {**layer._modules, **vars(layer)}.items():
        if name in known or name in hidden or "." in name or id(value) in taken:
            continue
        if isinstance(value, (nn.Module, Kept, list, tuple, Mapping)):
            found[name] = value
    if isinstance(layer, BuiltIn) and layer._torch_state is not None:
        theirs = vars(layer._torch_state.module)["_modules"]
        found = {k: v for k, v in found.items() if theirs.get(k) is not v}
    return list(found.items())


def _key(name: str) -> str:
    """Put private ones last."""
    return f"~{name}" if name.startswith("_") else name


@cache
def _of_every_model() -> frozenset[str]:
    """Return the attributes that are no user's."""
    from keras2torch.models.classes import named

    known = {*vars(Sequential()), *vars(named("Dense")(1)), *holding.PLAIN, *_LATER}
    return frozenset(known)


# Set only after a model was compiled, trained or built.
_LATER = frozenset(
    "_probes _keras_variables _build_shapes _made_shapes inner_model optimizer loss "
    "history _compile_metrics _compile_loss _loss_tracker _objects".split()
)
