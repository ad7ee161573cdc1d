"""What a layer can take, asked before it is called, and what went wrong where.

Sources: the ``InputSpec`` of Keras' layers and the checks in their ``__init__``,
``build`` and ``compute_output_shape`` (``keras/src/layers``, 3.15).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from keras2torch import tree
from keras2torch.errors import UnfitCall
from keras2torch.layers.base import Layer as Definition
from keras2torch.layers.base import Shape
from keras2torch.models.symbolic import KerasTensor, Node
from keras2torch.program.precision import is_cut

_AXES = ("", "steps, ", "height, width, ", "depth, height, width, ")
_MERGES = frozenset("Add Average Concatenate Maximum Minimum Multiply Subtract".split())
_PAIRS = {"Subtract": 2, "Dot": 2}
_LOOPS = frozenset({"LSTM", "GRU", "SimpleRNN", "Bidirectional"})
_POSITIVE = (
    "filters units kernel_size strides dilation_rate pool_size groups depth_multiplier "
    "input_dim output_dim num_heads key_dim value_dim n size"
).split()
_RATES = ("rate", "dropout", "recurrent_dropout")


def shown(shapes: Sequence[Shape]) -> str:
    """Return shapes as a sentence has them: one, or a list of several."""
    return str(shapes[0]) if len(shapes) == 1 else str(list(shapes))


def called(layer: Any) -> str:
    """Return how a sentence calls a layer."""
    definition = getattr(layer, "definition", layer)
    return f"layer {layer.name!r} ({type(definition).__name__})"


# ---------------------------------------------------------------------- arguments
def check_arguments(definition: Definition) -> None:
    """Raise where an argument of a layer's constructor can mean nothing.

    Raises
    ------
    ValueError
        The sentence names layer, argument and value.
    """
    kind = type(definition).__name__
    fields = definition.__dataclass_fields__
    for name in _POSITIVE:
        if kind == "GroupNormalization":
            continue  # groups=-1: a group per channel
        value = getattr(definition, name, None) if name in fields else None
        if value is not None and not all(
            isinstance(n, (int, float)) and not isinstance(n, bool) and n > 0
            for n in tree.flatten(value)
        ):
            raise ValueError(
                f"{called(definition)}: {name}={value!r}; it is a positive integer"
                f"{', or a tuple of them' if _of_many(kind, name) else ''}."
            )
    for name in _RATES if "TimeDistributed" not in kind else ():
        value = getattr(definition, name, None) if name in fields else None
        if not isinstance(value, (int, float)) or "Gaussian" in kind:
            continue
        if not 0 <= value <= 1:
            raise ValueError(
                f"{called(definition)}: {name}={value}; it is a fraction between 0 "
                "and 1."
            )
    _check_window(definition, kind, fields)
    for name in ("initializer", "regularizer", "constraint"):
        for field in fields:
            if field.endswith(f"_{name}"):
                _check_name(definition, field, name)


def _of_many(kind: str, name: str) -> bool:
    return bool(spatial_rank(kind)) and name not in (
        "filters",
        "groups",
        "depth_multiplier",
    )


def _check_window(definition: Any, kind: str, fields: Mapping[str, Any]) -> None:
    if "padding" in fields and isinstance(definition.padding, str):
        modes = ["valid", "same"] + (["causal"] if kind.endswith("Conv1D") else [])
        if spatial_rank(kind) and definition.padding.lower() not in modes:
            raise ValueError(
                f"{called(definition)}: padding={definition.padding!r}; it is one of "
                f"{', '.join(map(repr, modes))}."
            )
    rank = spatial_rank(kind)
    for name in ("kernel_size", "pool_size", "strides", "dilation_rate"):
        value = getattr(definition, name, None) if name in fields else None
        if rank and isinstance(value, (list, tuple)) and len(value) not in (1, rank):
            raise ValueError(
                f"{called(definition)}: {name}={tuple(value)} has {len(value)} "
                f"numbers; {rank} are wanted, or one for all axes."
            )
    if {"strides", "dilation_rate"} <= set(fields) and "Transpose" not in kind:
        strides, rates = definition.strides, definition.dilation_rate
        if max(tree.flatten(strides)) > 1 and max(tree.flatten(rates)) > 1:
            raise ValueError(
                f"{called(definition)}: strides={strides} beside "
                f"dilation_rate={rates}; only one of them can be more than 1."
            )
    grouped = "groups" in fields and "filters" in fields
    if grouped and definition.filters % definition.groups:
        raise ValueError(
            f"{called(definition)}: filters={definition.filters} cannot be "
            f"divided by groups={definition.groups}."
        )
    if kind == "Reshape" and list(definition.target_shape).count(-1) > 1:
        raise ValueError(
            f"{called(definition)}: target_shape={tuple(definition.target_shape)}; "
            "only one size can be -1."
        )
    if kind == "Permute" and sorted(definition.dims) != [
        i + 1 for i in range(len(definition.dims))
    ]:
        raise ValueError(
            f"{called(definition)}: dims={tuple(definition.dims)}; they are the axes "
            f"1 to {len(definition.dims)} in another order, the batch not counted."
        )


def _check_name(definition: Any, field: str, kind: str) -> None:
    """Raise for a name that stands for nothing, when the layer is made."""
    from keras2torch import constraints, initializers, regularizers

    value = getattr(definition, field, None)
    if isinstance(value, str):
        module: Any = {
            "initializer": initializers,
            "regularizer": regularizers,
            "constraint": constraints,
        }[kind]
        try:
            module.get(value)
        except ValueError as error:
            raise ValueError(f"{called(definition)}: {field}: {error}") from None


# ------------------------------------------------------------------------- shapes
@cache
def spatial_rank(kind: str) -> int:
    """Return how many spatial axes a layer works on; 0 where the name says none."""
    found = re.search(r"([123])D", kind)
    return int(found[1]) if found else 0


def check_call(layer: Any, node: Node) -> None:
    """Raise where a layer cannot be called on these shapes.

    Raises
    ------
    UnfitCall
        A ValueError whose sentence names layer and shapes, and what is wanted.
    TypeError
        If an argument of the call is missing.
    """
    definition = layer.definition
    kind = type(definition).__name__
    shapes = [t.shape for t in node.inputs]
    if not shapes:
        _no_input(layer, node)
    for check in (_kinds, _ranks, _widths, _windows, _merging, _attention, _sizes):
        check(layer, definition, kind, shapes, node)


def _no_input(layer: Any, node: Node) -> None:
    given = [*node.args, *node.kwargs.values()]
    if not given:
        raise TypeError(
            f"{called(layer)} was called without an input: call it on a tensor."
        )
    raise UnfitCall(
        f"{called(layer)} was called on a {type(given[0]).__name__}, {given[0]!r:.60}; "
        "it takes tensors or arrays of numbers."
    )


def _kinds(layer: Any, definition: Any, kind: str, shapes: Any, node: Node) -> None:
    policy = layer.dtype_policy.name
    gives = definition.output_dtype(*[t.dtype for t in node.inputs])
    if is_cut(definition, policy, gives):
        raise UnfitCall(
            f"{called(layer)} has dtype={policy!r}: Keras computes in integers, and "
            "that has no rule. Leave its dtype out, and cast what goes in or comes out."
        )


def _ranks(layer: Any, definition: Any, kind: str, shapes: Any, node: Node) -> None:
    rank = spatial_rank(kind)
    wanted = rank + 2 if rank else 0
    axes = _AXES[rank]
    if kind.startswith("ConvLSTM"):
        wanted, axes = wanted + 1, f"steps, {axes if rank > 1 else 'rows, '}"
    if kind in _LOOPS and not _is_of_images(definition):
        wanted, axes = 3, "steps, "
    if kind == "RepeatVector":
        wanted, axes = 2, ""
    shape = shapes[0]
    found = len(shape)
    if wanted and found != wanted:
        names = f"(batch, {axes}features)" if wanted < 4 else f"(batch, {axes}channels)"
        if getattr(definition, "data_format", None) == "channels_first":
            names = f"(batch, channels, {axes.removesuffix(', ')})"
        raise UnfitCall(
            f"{called(layer)} takes {wanted} axes, {names}; it was called on shape "
            f"{shape}, which has {found}.{_advice(kind, found, wanted)}"
        )
    least = {"TimeDistributed": 3, "Dense": 2, "EinsumDense": 2}.get(kind, 0)
    if found < least:
        raise UnfitCall(
            f"{called(layer)} takes at least {least} axes, the batch first; it was "
            f"called on shape {shape}, which has {found}."
        )


def _is_of_images(definition: Any) -> bool:
    """Whether a Bidirectional is one of a ConvLSTM."""
    inner = getattr(definition, "layer", None)
    kind = inner.get("class_name") if isinstance(inner, dict) else ""
    return str(kind).startswith("ConvLSTM")


def _advice(kind: str, found: int, wanted: int) -> str:
    if kind in _LOOPS and found == 2:
        return (
            " Give it sequences, x[:, None] or x[..., None]; a recurrent layer before "
            "it wants return_sequences=True."
        )
    if found == wanted - 1 and wanted > 3:
        return " Add an axis of channels: x[..., None]."
    return ""


def _widths(layer: Any, definition: Any, kind: str, shapes: Any, node: Node) -> None:
    """Check axes whose sizes weights are made for."""
    shape = shapes[0]
    if kind == "Dense" and shape[-1] is None:
        raise UnfitCall(
            f"{called(layer)} was called on shape {shape}, whose last axis has no "
            "size: its kernel is made for that size, so say it in Input."
        )
    if "groups" in definition.__dataclass_fields__:
        first = getattr(definition, "data_format", None) == "channels_first"
        channels = shape[1 if first else -1]
        if kind == "GroupNormalization":
            channels = shape[definition.axis] if definition.axis < len(shape) else None
        groups = int(definition.groups)
        if channels is not None and groups > 0 and channels % groups:
            raise UnfitCall(
                f"{called(layer)} has groups={groups}, which do not divide the "
                f"{channels} channels of its input of shape {shape}."
            )
    axes = getattr(definition, "axis", None)
    if kind.endswith("Normalization") and axes is not None:
        for axis in tree.flatten(axes):
            if not -len(shape) <= axis < len(shape):
                raise UnfitCall(
                    f"{called(layer)} has axis={axes}, and its input of shape {shape} "
                    f"has {len(shape)} axes."
                )


def _windows(layer: Any, definition: Any, kind: str, shapes: Any, node: Node) -> None:
    """Check that a window fits into the image."""
    rank = spatial_rank(kind)
    fields = definition.__dataclass_fields__
    shape = shapes[0]
    first = getattr(definition, "data_format", None) == "channels_first"
    sizes = shape[2:] if first else shape[1:-1]
    if not rank or len(sizes) != rank:
        return
    if kind.startswith("Cropping"):
        pairs = _pairs(definition.cropping, rank)
        if any(
            n is not None and a + b >= n for (a, b), n in zip(pairs, sizes, strict=True)
        ):
            raise UnfitCall(
                f"{called(layer)} crops {pairs} and leaves nothing of its input of "
                f"shape {shape}."
            )
        return
    name = next((n for n in ("kernel_size", "pool_size") if n in fields), None)
    padding = getattr(definition, "padding", None)
    if name is None or padding != "valid" or "Transpose" in kind:
        return
    window = _many(getattr(definition, name), rank)
    rates = _many(getattr(definition, "dilation_rate", 1), rank)
    extents = tuple((k - 1) * d + 1 for k, d in zip(window, rates, strict=True))
    if any(n is not None and e > n for e, n in zip(extents, sizes, strict=True)):
        dilated = f", dilated to {extents}" if extents != window else ""
        raise UnfitCall(
            f"{called(layer)} has {name}={window}{dilated}, which is larger than its "
            f"input of shape {shape}: use padding='same', a smaller window or a larger "
            "image."
        )


def _many(value: Any, rank: int) -> tuple[int, ...]:
    found = tuple(tree.flatten(value))
    return found * rank if len(found) == 1 else found


def _pairs(value: Any, rank: int) -> list[tuple[int, int]]:
    if isinstance(value, int):
        return [(value, value)] * rank
    if rank == 1 and len(value) == 2 and not isinstance(value[0], (list, tuple)):
        return [(value[0], value[1])]
    return [(v, v) if isinstance(v, int) else (v[0], v[1]) for v in value]


def _merging(layer: Any, definition: Any, kind: str, shapes: Any, node: Node) -> None:
    if kind not in _MERGES and kind != "Dot":
        return
    listed = isinstance(node.args[0] if node.args else None, (list, tuple)) or (
        isinstance(next(iter(node.kwargs.values()), None), (list, tuple))
    )
    count = _PAIRS.get(kind)
    if not listed or (count and len(shapes) != count):
        raise UnfitCall(
            f"{called(layer)} takes a list of {f'{count} ' if count else ''}tensors; "
            f"it was called on {'shape' if len(shapes) == 1 else 'shapes'} "
            f"{shown(shapes)}{'' if listed else ', which is no list'}."
        )
    if kind == "Concatenate":
        _concatenation(layer, definition, shapes)
    elif kind == "Dot":
        _product(layer, definition, shapes)
    else:
        batches = {s[0] for s in shapes if s} - {None}
        if len(batches) > 1:
            raise UnfitCall(
                f"{called(layer)} was called on shapes {shown(shapes)}, whose batches "
                "differ in size."
            )
        fitting(f"{called(layer)} was called on", [s[1:] for s in shapes], shapes)


def fitting(lead: str, parts: Sequence[Shape], shapes: Sequence[Shape]) -> None:
    """Raise unless shapes can be broadcast together.

    Parameters
    ----------
    lead
        How the sentence begins.
    parts, shapes
        What has to fit, and what the sentence shows.
    """
    for i in range(1, max((len(p) for p in parts), default=0) + 1):
        sizes = {p[-i] for p in parts if len(p) >= i} - {None, 1}
        if len(sizes) > 1:
            raise UnfitCall(
                f"{lead} shapes {shown(shapes)}, which do not fit: along axis -{i} "
                f"there are the sizes {sorted(n for n in sizes if n is not None)}."
            )


def _concatenation(layer: Any, definition: Any, shapes: Sequence[Shape]) -> None:
    axis = definition.axis
    rank = len(shapes[0])
    if not -rank <= axis < rank:
        raise UnfitCall(
            f"{called(layer)} has axis={axis}, and its inputs of shapes "
            f"{shown(shapes)} have {rank} axes."
        )
    if len({len(s) for s in shapes}) == 1:
        at = axis % rank
        rows = [{s[i] for s in shapes} - {None} for i in range(rank) if i != at]
        if all(len(sizes) < 2 for sizes in rows):
            return
    raise UnfitCall(
        f"{called(layer)} was called on shapes {shown(shapes)}, which differ along "
        f"another axis than {axis}, along which they are joined."
    )


def _product(layer: Any, definition: Any, shapes: Sequence[Shape]) -> None:
    axes = definition.axes
    pair = axes if isinstance(axes, (list, tuple)) else (axes, axes)
    for axis, shape in zip(pair, shapes, strict=True):
        if not -len(shape) <= axis < len(shape):
            raise UnfitCall(
                f"{called(layer)} has axes={axes}, and was called on shapes "
                f"{shown(shapes)}."
            )
    sizes = [s[a] for a, s in zip(pair, shapes, strict=True)]
    if None not in sizes and sizes[0] != sizes[1]:
        raise UnfitCall(
            f"{called(layer)} multiplies along axes={axes}, and was called on shapes "
            f"{shown(shapes)}, whose sizes there are {sizes[0]} and {sizes[1]}."
        )


def _attention(layer: Any, definition: Any, kind: str, shapes: Any, node: Node) -> None:
    if kind in ("MultiHeadAttention", "GroupQueryAttention", "GroupedQueryAttention"):
        given = [*node.args, *(v for k, v in node.kwargs.items() if k in _QUERIES)]
        tensors = [t for t in given if isinstance(t, KerasTensor)]
        if len(tensors) < 2:
            raise TypeError(
                f"{called(layer)} takes query and value, and was called on "
                f"{shown([t.shape for t in tensors])} alone: attention of x to itself "
                "is layer(x, x)."
            )
        named = dict(zip(_QUERIES, node.args, strict=False)) | node.kwargs
    elif kind in ("Attention", "AdditiveAttention"):
        first = node.args[0] if node.args else node.kwargs.get("inputs")
        if not isinstance(first, (list, tuple)) or len(first) not in (2, 3):
            raise UnfitCall(
                f"{called(layer)} takes a list, [query, value] or [query, value, key]; "
                f"it was called on {shown(shapes)}."
            )
        named = dict(zip(_QUERIES, first, strict=False))
    else:
        return
    query, value = named.get("query"), named.get("value")
    key = value if named.get("key") is None else named["key"]
    if not (isinstance(value, KerasTensor) and isinstance(key, KerasTensor)):
        return
    told = [t.shape for t in (query, value, key) if isinstance(t, KerasTensor)]
    if not _alike(value.shape[:-1], key.shape[:-1]):
        raise UnfitCall(
            f"{called(layer)} was called on query, value and key of shapes "
            f"{shown(told)}; value and key differ in more than the last axis."
        )
    if kind != "Attention" or not isinstance(query, KerasTensor):
        return
    if not _alike(query.shape[-1:], key.shape[-1:]):
        raise UnfitCall(
            f"{called(layer)} was called on query, value and key of shapes "
            f"{shown(told)}; query and key differ in the last axis."
        )


_QUERIES = ("query", "value", "key")


def _alike(one: Shape, other: Shape) -> bool:
    pairs = zip(one, other, strict=False)
    same = all(a is None or b is None or a == b for a, b in pairs)
    return len(one) == len(other) and same


def _sizes(layer: Any, definition: Any, kind: str, shapes: Any, node: Node) -> None:
    shape = shapes[0]
    if kind == "Permute" and len(definition.dims) != len(shape) - 1:
        raise UnfitCall(
            f"{called(layer)} has dims={tuple(definition.dims)}, for "
            f"{len(definition.dims)} axes beside the batch; it was called on shape "
            f"{shape}."
        )
    if kind != "Reshape" or None in shape[1:]:
        return
    count, known = 1, 1
    for n in shape[1:]:
        count *= n
    for n in definition.target_shape:
        known *= n if n != -1 else 1
    open_size = -1 in definition.target_shape
    if count != known and not (open_size and known and count % known == 0):
        raise UnfitCall(
            f"{called(layer)} has target_shape={tuple(definition.target_shape)}, "
            f"which cannot hold the {count} values of a sample of its input of shape "
            f"{shape}."
        )


def check_weights(layer: Any, declared: Sequence[Any], shapes: Sequence[Shape]) -> None:
    """Raise where a layer that has its weights is called on what wants others.

    Parameters
    ----------
    layer
        What is called.
    declared
        The weights as this call wants them.
    shapes
        What it is called on.
    """
    state = getattr(layer, "_torch_state", None)
    held: Any = state.declared if state is not None else None
    if held is None:
        before = [n.declared for n in layer._inbound_nodes if n.declared]
        held = before[0] if before else ()
    for mine, wanted in zip(held, declared, strict=False):
        if tuple(mine.shape) != tuple(wanted.shape):
            raise UnfitCall(
                f"{called(layer)} was called on shape {shown(shapes)}, for which its "
                f"{mine.name} would have shape {tuple(wanted.shape)}; it was built for "
                f"other inputs, and has shape {tuple(mine.shape)}."
            )


# ------------------------------------------------------------------------- errors


def check_inputs(model: Any, tensors: Sequence[KerasTensor]) -> None:
    """Raise where a model is called on symbolic tensors of other shapes."""
    for tensor, (name, shape, _) in zip(tensors, model._in_specs, strict=True):
        if not _alike(tuple(tensor.shape[1:]), tuple(shape[1:])):
            raise UnfitCall(
                f"Input {name!r} of model {model.name!r} has shape {tensor.shape}; "
                f"{shape} is expected, the batch first, channels last."
            )


__all__ = [
    "check_arguments",
    "check_call",
    "check_inputs",
    "check_weights",
    "fitting",
    "spatial_rank",
]
