"""From a model taken apart to a graph of ``keras`` operators."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import onnx_ir as ir

from keras2torch.dialect import GraphBuilder, dtype_of, shape_of
from keras2torch.errors import Keras2TorchError, UnsupportedLayer, UnusableFile
from keras2torch.layers.definitions import Layer, Shape, from_config
from keras2torch.layers.replaced import Array, Replaced
from keras2torch.reading import operations
from keras2torch.reading.topology import (
    CallSpec,
    Constant,
    LayerSpec,
    ModelSpec,
    Ref,
    flat,
    order_of_calls,
)

Peek = Callable[[LayerSpec], "tuple[int, ...] | None"]
# A layer's path → its arrays in the file, by name.
Owned = Callable[[str, LayerSpec], "dict[str, Array]"]

# Layers whose first argument may be [x, *states]: so Keras 2 writes initial_state.
RECURRENT = frozenset(
    {
        "Bidirectional",
        "ConvLSTM1D",
        "ConvLSTM2D",
        "ConvLSTM3D",
        "GRU",
        "LSTM",
        "RNN",
        "SimpleRNN",
    }
)
# Positions after the first argument, in Keras 3's ``call``.
_POSITIONS = dict.fromkeys(RECURRENT, ("initial_state", "mask", "training"))
# What ``call`` calls its first argument, where that is given by name.
_FIRST_ARGUMENTS = ("inputs", "sequences", "sequence", "query")
_MASK_ARGUMENTS = ("query_mask", "value_mask", "key_mask")


@dataclass(frozen=True)
class Given:
    """What a nested model is called with."""

    shapes: Sequence[Shape]
    masks: Sequence[ir.Value | None]


class Traced(Protocol):
    """What a trace knows of the layers without a rule."""

    def has(self, path: str) -> bool:
        """Whether it has the body of a layer."""

    def call(self, b: GraphBuilder, layer: LayerSpec, call: CallSpec) -> list[ir.Value]:
        """Call such a layer."""

    def fill(self, b: GraphBuilder) -> None:
        """Give every initializer its value."""


class Assembler:
    """Calls the layers of a model on a :class:`GraphBuilder`.

    Parameters
    ----------
    keras_major
        1, 2 or 3: the meaning of ``training`` in a call differs.
    weight_shape
        Returns the shape of a layer's first weight in the file, to infer the input
        shape of a Sequential that declares none.
    owned
        Returns the arrays of a layer that has a replacement.
    traced
        Has what is in layers without a rule.
    """

    def __init__(
        self,
        keras_major: int,
        weight_shape: Peek,
        owned: Owned | None = None,
        traced: Traced | None = None,
    ) -> None:
        self._keras_major = keras_major
        self._weight_shape = weight_shape
        self._owned = owned
        self._traced = traced
        self._definitions: dict[str, Layer] = {}

    # -- models
    def outermost(self, model: ModelSpec, builder: GraphBuilder) -> list[ir.Value]:
        """Build the whole model and return its outputs."""
        return self._body(model, builder, None)

    def _body(
        self,
        model: ModelSpec,
        b: GraphBuilder,
        given: Given | None,
    ) -> list[ir.Value]:
        """Build a model; ``given`` is what a nested one is called with."""
        if model.sequential:
            return self._stack(model, b, given)
        layers = {layer.name: layer for layer in model.layers}
        values: dict[Ref, ir.Value] = {}
        refs = flat(model.inputs)
        if given is not None and len(given.shapes) != len(refs):
            raise UnusableFile(
                f"model {model.name!r} has {len(refs)} inputs and is called "
                f"with {len(given.shapes)}."
            )
        for i, ref in enumerate(refs):
            layer = layers[ref.layer]
            if layer.kind != "InputLayer":
                raise UnusableFile(
                    f"model {model.name!r} begins at layer {layer.name!r}, "
                    "which is no input: save it with Input layers."
                )
            values[ref] = self._input(b, layer, given, i)
        for layer, number in order_of_calls(model):
            call = layer.calls[number]
            outputs = self.call(b, layer, call, values)
            for tensor, value in enumerate(outputs):
                values[Ref(layer.name, number, tensor)] = value
        return [_value(values, r, model) for r in flat(model.outputs)]

    def _input(
        self, b: GraphBuilder, layer: LayerSpec, given: Given | None, at: int
    ) -> ir.Value:
        shape = layer.shape
        if given is not None:
            shape = _narrowed(shape, given.shapes[at])
        if shape is None:
            raise UnusableFile(f"input {layer.name!r} declares no shape.")
        with _named(layer):
            value = b.input(layer.name, shape, layer.dtype or "float32")
        mask = given.masks[at] if given is not None else None
        if mask is not None:
            b.masked_input(value, mask)
        return value

    def _stack(
        self, model: ModelSpec, b: GraphBuilder, given: Given | None
    ) -> list[ir.Value]:
        layers = [layer for layer in model.layers if layer.kind != "InputLayer"]
        first = model.layers[0] if model.layers else None
        if first is None:
            raise UnusableFile(f"model {model.name!r} has no layers.")
        declared, dtype = declared_input(first)
        declared = declared or model.shape
        if given is not None:
            if len(given.shapes) != 1:
                raise UnusableFile(f"model {model.name!r} is called with many tensors.")
            declared = _narrowed(declared, given.shapes[0])
        elif declared is None:
            declared = self.guessed(model)
        kind = first.kind
        name = first.name if kind == "InputLayer" else f"{first.name}_input"
        if dtype is None or dtype.startswith("mixed"):
            dtype = "float32"
        with _named(first):
            values = [b.input(name, declared, dtype)]
        mask = given.masks[0] if given is not None else None
        if mask is not None:
            b.masked_input(values[0], mask)
        for layer in layers:
            values = self._call(b, layer, CallSpec([list(values)], {}), list(values))
        return values

    def guessed(self, model: ModelSpec) -> Shape:
        """Infer the input of a stack from its first weights."""
        for layer in model.layers:
            if isinstance(layer.built, list):
                built = tuple(n if type(n) is int else None for n in layer.built)
                return (None, *built[1:])
            kernel = self._weight_shape(layer)
            if layer.kind == "Embedding":
                return (None, None)
            if kernel and len(kernel) > 1:
                found = _shape_from_kernel(layer, kernel)
                if found is not None:
                    return found
            if layer.kind not in ("Dropout", "Activation", "Masking", "GaussianNoise"):
                break
        raise UnusableFile(
            f"Sequential {model.name!r} declares no input shape and its first layer's "
            "weights do not tell it: build it with `model.build(input_shape)`, then "
            "save it again."
        )

    # -- calls
    def call(
        self,
        b: GraphBuilder,
        layer: LayerSpec,
        call: CallSpec,
        values: dict[Ref, ir.Value],
    ) -> list[ir.Value]:
        """Call a layer as the config says, on values by reference."""

        def filled(value: Any) -> Any:
            if isinstance(value, list):
                return [filled(v) for v in value]
            if isinstance(value, dict):
                return {k: filled(v) for k, v in value.items()}
            if isinstance(value, Ref):
                return _value(values, value, layer)
            return value

        made = CallSpec(filled(call.args), filled(call.kwargs))
        if made.args:
            return self._call(b, layer, made, made.args[0])
        name = next((n for n in _FIRST_ARGUMENTS if n in made.kwargs), "")
        return self._call(b, layer, made, made.kwargs.pop(name, None))

    def _call(
        self, b: GraphBuilder, layer: LayerSpec, call: CallSpec, first: Any
    ) -> list[ir.Value]:
        if operations.is_operation(layer.kind) and not self._is_traced(b, layer):
            with _named(layer):
                return operations.call(b, layer, call.args, call.kwargs)
        for value in flat([call.args, call.kwargs]):
            if isinstance(value, Constant):
                raise UnsupportedLayer(
                    f"layer {layer.name!r} ({layer.kind}) is called with a constant, "
                    "which has no rule"
                )
        if self._traced is not None and self._is_traced(b, layer):
            return self._traced.call(b, layer, call)
        if layer.model is not None:
            return self._call_model(b, layer, call, first)
        definition = self._definition(b, layer)
        inputs = _tensors(first)
        kwargs = dict(call.kwargs)
        positions = _POSITIONS.get(layer.kind, definition.arguments[1:])
        for name, value in zip(positions, call.args[1:], strict=False):
            kwargs[name] = value
        if len(call.args) - 1 > len(positions):
            raise UnsupportedLayer(
                f"layer {layer.name!r} ({layer.kind}) is called with "
                f"{len(call.args)} positional arguments, which has no rule"
            )
        states: list[ir.Value] = []
        if layer.kind in RECURRENT:
            inputs, states = inputs[:1], inputs[1:]
            states += _tensors(kwargs.pop("initial_state", None))
            if kwargs.pop("constants", None):
                raise UnsupportedLayer(
                    f"layer {layer.name!r} ({layer.kind}): constants have no rule"
                )
        if not states:
            self._drop_implicit(b, layer, kwargs, inputs)
        for name in definition.arguments[1:]:
            if name not in kwargs or kwargs[name] is None:
                break
            inputs += _tensors(kwargs.pop(name))
        if "key" in definition.arguments and kwargs.get("key_mask") is not None:
            # Without a key the values are the keys, and masked as those.
            inputs += inputs[1:2] if len(inputs) == 2 else []
        masks = _masks(kwargs, len(inputs))
        if masks is not None and inputs and definition.strips_masks():
            # ``call`` asks the query for its mask, whatever it is given.
            masks[0] = b.live_mask_of(inputs[0], masks[0])
        if masks is not None and self._keras_major >= 3 and definition.arguments[1:]:
            # Arguments whose mask the call does not name bring their own.
            masks[1:] = [
                m or b.live_mask_of(v)
                for m, v in zip(masks[1:], inputs[1:], strict=True)
            ]
        # Keras 3 looks for "sequences_mask" among the arguments as soon as states are
        # given, too: the mask that travels with the steps is lost on the layer.
        unseen = bool(states) and masks is None and self._keras_major >= 3
        unseen = unseen and not getattr(definition, "keras2", False)
        named = {k: v for k, v in kwargs.items() if isinstance(v, ir.Value)}
        options = self._options(layer, kwargs, named)
        if not inputs:
            raise UnusableFile(f"layer {layer.name!r} ({layer.kind}) has no input.")
        if isinstance(definition, Replaced):
            there = masks if masks is not None else [b.mask_of(v) for v in inputs]
            options |= _seen(definition, inputs, there, named, options)
        with _named(layer):
            outputs = b.call(
                definition,
                inputs,
                masks=masks,
                states=states,
                named=named,
                options=options,
                unseen=unseen,
            )
        return list(outputs)

    def _is_traced(self, b: GraphBuilder, layer: LayerSpec) -> bool:
        # Of a layer that the user replaced the trace is not wanted.
        if self._traced is None or layer.kind == "Replaced":
            return False
        return self._traced.has(b.path + layer.name)

    def _drop_implicit(
        self,
        b: GraphBuilder,
        layer: LayerSpec,
        kwargs: dict[str, Any],
        inputs: Sequence[ir.Value],
    ) -> None:
        """Take away a mask that travels with the input anyway.

        Keras 3 writes the masks that it computes into the config, as operations
        (``NotEqual``) and as the ``mask`` of the calls that got them.
        """
        mask = kwargs.get("mask")
        given = mask if isinstance(mask, list) else [mask]
        there = [b.mask_of(v) for v in inputs]
        if self._keras_major < 3 or len(given) > len(there):
            return
        if any(m is not None for m in given) and all(
            m is None
            or (t is not None and isinstance(m, ir.Value) and b.is_operation(m))
            for m, t in zip(given, there, strict=False)
        ):
            del kwargs["mask"]

    def _options(
        self, layer: LayerSpec, kwargs: dict[str, Any], named: dict[str, ir.Value]
    ) -> dict[str, Any]:
        options = {}
        for key, value in kwargs.items():
            if key in named or value is None:
                continue
            if any(isinstance(v, ir.Value) for v in flat(value)):
                raise UnsupportedLayer(
                    f"layer {layer.name!r} ({layer.kind}): a list of tensors as "
                    f"{key!r} has no rule"
                )
            # Keras 3 writes training=False into every such call, and a model's own
            # training flag overrides it (functional.py: operation_fn).
            if key == "training" and self._keras_major >= 3:
                continue
            options[key] = value
        return options

    def _definition(self, b: GraphBuilder, layer: LayerSpec) -> Layer:
        """Return the definition: one for all calls of a layer."""
        path = b.path + layer.name
        if path not in self._definitions:
            with _named(layer):
                config = self._completed(layer)
                definition = from_config(layer.kind, config)
                if isinstance(definition, Replaced):
                    owned = self._owned
                    definition.make(owned(path, layer) if owned is not None else {})
                self._definitions[path] = definition
        return self._definitions[path]

    def _completed(self, layer: LayerSpec) -> dict[str, Any]:
        """Return a layer's config, with what Keras 1 forgot to write into it."""
        learnt = layer.kind in ("PReLU", "ParametricSoftplus", "SReLU")
        alpha = self._weight_shape(layer) if learnt else None
        if self._keras_major > 1 or alpha is None or "shared_axes" in layer.config:
            return layer.config
        shared = [i + 1 for i, n in enumerate(alpha) if n == 1]
        return layer.config | {"shared_axes": shared or None}

    def _call_model(
        self, b: GraphBuilder, layer: LayerSpec, call: CallSpec, first: Any
    ) -> list[ir.Value]:
        model = layer.model
        assert model is not None
        given = _in_order(model, first)
        kwargs = dict(call.kwargs)
        self._drop_implicit(b, layer, kwargs, given)
        masks = _masks(kwargs, len(given)) or [b.mask_of(v) for v in given]
        options = self._options(layer, kwargs, {})
        inner = b.nested(layer.name)
        definition = self._definition(b, layer)
        if layer.kind != "TimeDistributed":
            asked = [shape_of(v) for v in given]
            outputs = self._body(model, inner, Given(asked, masks))
            return list(
                b.call_model(definition, inner, given, outputs, options=options)
            )
        # Each step is a sample of the model inside; the steps' mask is not for it.
        if len(given) != 1 or len(shape_of(given[0])) < 2:
            raise UnusableFile(f"layer {layer.name!r} is called without steps.")
        batch, steps, *rest = shape_of(given[0])
        outputs = self._body(model, inner, Given([(batch, *rest)], [None]))
        shapes = [(s[0], steps, *s[1:]) for s in map(shape_of, outputs)]
        return list(
            b.call_model(definition, inner, given, outputs, shapes, options=options)
        )


# ---------------------------------------------------------------------- helpers
def _seen(
    definition: Replaced,
    inputs: Sequence[ir.Value],
    masks: Sequence[ir.Value | None],
    named: dict[str, ir.Value],
    options: dict[str, Any],
) -> dict[str, Any]:
    """Return what comes out of a call of the user's module, by running it."""
    outputs, definition.result, sequence = definition.made.run(
        [shape_of(v) for v in inputs],
        [dtype_of(v) for v in inputs],
        [None if m is None else shape_of(m) for m in masks],
        {k: (shape_of(v), dtype_of(v)) for k, v in named.items()},
        definition.extra(options),
    )
    return {"outputs": [list(s) for s in outputs], "sequence": sequence}


@contextmanager
def _named(layer: LayerSpec) -> Iterator[None]:
    """Say which layer's arguments make no sense to its definition.

    A config is a stranger's: it may hold a string where a definition counts on a
    number. Asking every argument for its type would be a second list of them all.
    """
    try:
        yield
    except Keras2TorchError:
        raise
    except (ArithmeticError, AssertionError, AttributeError, LookupError) as error:
        raise _damaged(layer, error) from error
    except (RecursionError, TypeError, ValueError) as error:
        raise _damaged(layer, error) from error


def _damaged(layer: LayerSpec, error: Exception) -> UnusableFile:
    # Of a missing argument the dataclass says which: "LSTM.__init__() missing …".
    why = str(error).partition("__init__() ")[2] or str(error)
    return UnusableFile(
        f"the config of layer {layer.name!r} ({layer.kind}) makes no sense: {why}."
    )


def declared_input(first: LayerSpec) -> tuple[Shape | None, str | None]:
    """Return input shape and dtype that a stack's first layer declares."""
    here = first
    while here.shape is None and here.kind != "TimeDistributed":
        model = here.model
        if model is None or not model.layers:
            break
        if model.sequential and model.shape is not None:
            return model.shape, None
        by_name = {layer.name: layer for layer in model.layers}
        start = flat(model.inputs)[0].layer if not model.sequential else ""
        here = by_name.get(start, model.layers[0])
    return here.shape, here.dtype if here.shape is not None else first.dtype


def _value(values: dict[Ref, ir.Value], ref: Ref, owner: Any) -> ir.Value:
    try:
        return values[ref]
    except KeyError:
        raise UnusableFile(
            f"{owner.name!r} takes output {ref.tensor} of call {ref.call} of layer "
            f"{ref.layer!r}, which does not exist."
        ) from None


def _tensors(value: Any) -> list[ir.Value]:
    return [v for v in flat(value) if isinstance(v, ir.Value)]


def _masks(kwargs: dict[str, Any], count: int) -> list[ir.Value | None] | None:
    """Take the masks out of a call's arguments; ``None`` if it names none."""
    given = flat(kwargs.pop("mask", None))
    for i, name in enumerate(_MASK_ARGUMENTS):
        if kwargs.get(name) is not None:
            given += [None] * (i + 1 - len(given))
            given[i] = kwargs.pop(name)
        else:
            kwargs.pop(name, None)
    masks = [v if isinstance(v, ir.Value) else None for v in given]
    if not any(m is not None for m in masks):
        return None
    return (masks + [None] * count)[:count]


def _in_order(model: ModelSpec, first: Any) -> list[ir.Value]:
    """Return the values for a model's inputs; a dict goes by input name."""
    if isinstance(first, dict) and not model.sequential:
        refs = flat(model.inputs)
        if not isinstance(model.inputs, dict) and all(r.layer in first for r in refs):
            return [first[r.layer] for r in refs]
        if isinstance(model.inputs, dict) and model.inputs.keys() <= first.keys():
            return _tensors({k: first[k] for k in model.inputs})
    return _tensors(first)


def _narrowed(declared: Shape | None, actual: Shape) -> Shape:
    """Return the declared shape with sizes filled in that the caller knows."""
    if declared is None or len(declared) != len(actual):
        return declared if declared is not None else actual
    pairs = zip(declared, actual, strict=True)
    return tuple(a if d is None else d for d, a in pairs)


def _shape_from_kernel(layer: LayerSpec, kernel: tuple[int, ...]) -> Shape | None:
    """Return the input shape that a layer's first weight tells."""
    first = layer.config.get("data_format") == "channels_first"
    kind = layer.kind
    if kind == "Dense":
        return (None, kernel[0])
    if kind in ("LSTM", "GRU", "SimpleRNN", "Bidirectional"):
        return (None, None, kernel[0])
    spatial = {"Conv1D": 1, "Conv2D": 2, "Conv3D": 3, "DepthwiseConv2D": 2}
    spatial |= {"SeparableConv2D": 2, "SeparableConv1D": 1}
    if kind in spatial and len(kernel) == spatial[kind] + 2:
        sizes: Shape = (None,) * spatial[kind]
        channels = kernel[-2]
        return (None, channels, *sizes) if first else (None, *sizes, channels)
    return None
