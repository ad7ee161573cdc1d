"""Random inputs that exercise a model: in Keras' axes, seeded, batch by batch.

The graph is read forward from each input to the layers that its values reach
unchanged, because they say what the values must be: indices below ``input_dim`` for an
Embedding (zeros where it masks), steps equal to ``mask_value`` for a Masking layer,
data around its own mean for a Normalization. Everything else is N(0, 1).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from keras2torch.dialect import LayerNode, dtype_of, from_node, is_layer, shape_of
from keras2torch.layers.definitions import (
    Functional,
    IntegerLookup,
    Layer,
    Shape,
    StringLookup,
    TextVectorization,
    from_config,
)

Array = npt.NDArray[Any]

#: Sizes of the batches where the file fixes none.
BATCHES = (3, 2)

# Sizes for the axes a file leaves open, by axis, tried in order until Keras takes them:
# odd and unequal first, where padding and swapped axes show; then larger; then the
# multiples of 32 that the skip connections of a U-Net need.
_SIZES = (
    (13, 11, 9),
    (37, 35, 33),
    (64, 96, 32),
    (131, 133, 67),
    (64, 64, 64),
    (256, 224, 96),
)

# What hands values on as they are; the first keep their memory order too.
_IN_ORDER = frozenset(
    "Reshape Flatten Masking Dropout SpatialDropout1D SpatialDropout2D "
    "SpatialDropout3D GaussianNoise GaussianDropout AlphaDropout "
    "ActivityRegularization Identity Cast Squeeze Unsqueeze".split()
)
_UNORDERED = frozenset(
    "Permute RepeatVector Concatenate Cropping1D Cropping2D Cropping3D ZeroPadding1D "
    "ZeroPadding2D ZeroPadding3D MaxPooling1D MaxPooling2D GlobalMaxPooling1D "
    "Transpose Slice Split Concat Expand Tile Pad".split()
)


@dataclass
class Need:
    """What the layers that read an input's own values want of them.

    Attributes
    ----------
    limit
        Integers below this.
    padded
        Shape in which an Embedding with ``mask_zero`` reads them.
    steps, mask_value
        Shape in which a Masking layer reads them, and the value that masks.
    center, spread
        Statistics of the data that a normalisation expects, broadcastable.
    pixels
        Values of 0 to 255.
    flags
        A mask: zeros and ones.
    choices
        The only values that mean something.
    words
        Strings that some layer has in its vocabulary.
    known
        No other strings are taken.
    texts
        Texts, of which each holds a word, so that means over words are defined.
    """

    limit: int | None = None
    padded: Shape | None = None
    steps: Shape | None = None
    mask_value: float = 0.0
    center: Array | None = None
    spread: Array | None = None
    pixels: bool = False
    flags: bool = False
    choices: Sequence[float] = field(default_factory=tuple)
    words: list[str] = field(default_factory=list)
    known: bool = False
    texts: bool = False


@dataclass(frozen=True)
class Input:
    """An input of the graph and what its values must be.

    Attributes
    ----------
    symbols
        Names of sizes that are not known: the same one is the same size.
    """

    name: str
    shape: Shape
    dtype: str
    need: Need
    symbols: tuple[str | None, ...] = ()


def inputs_of(model: ir.Model) -> list[Input]:
    """Return the inputs of a graph with what their readers want."""
    graph = model.graph
    needs = _Reader(graph).needs
    found = []
    for value, need in zip(graph.inputs, needs, strict=True):
        name = str(value.metadata_props.get("keras_name", value.name))
        found.append(
            Input(name, shape_of(value), dtype_of(value), need, _symbols(value))
        )
    return found


def attempts(inputs: Sequence[Input]) -> int:
    """Return how many choices of sizes there are to try."""
    open_axes = any(n is None for i in inputs for n in i.shape[1:])
    return len(_SIZES) if open_axes else 1


def make_batches(
    inputs: Sequence[Input], *, attempt: int = 0, seed: int = 0, scale: float = 1.0
) -> list[list[Array]]:
    """Return two batches: for each an array per input, in Keras' axes.

    Parameters
    ----------
    inputs
        From :func:`inputs_of`.
    attempt
        Which choice of sizes for the axes that the file leaves open.
    seed
        The same seed gives the same arrays.
    scale
        Factor for plain floats: a smaller one where activations saturate.
    """
    made = []
    for number, size in enumerate(BATCHES):
        rng = np.random.default_rng([seed, number])
        # The second batch is calmer: what saturates in the one may not in the other.
        factor = scale * (1.0, 0.3)[number]
        fixed = [
            i.shape[0]
            for i in inputs
            if i.shape and i.shape[0] is not None and not i.symbols
        ]
        # A row of words shows little.
        size *= 8 if any(i.dtype == "string" for i in inputs) else 1
        rows = int(fixed[0]) if fixed else size
        sizes: dict[str, int] = {}
        made.append(
            [
                _values(rng, i, _shape(i, inputs, rows, attempt, sizes), factor)
                for i in inputs
            ]
        )
    return made


# -------------------------------------------------------------------------- shapes
def _shape(
    this: Input,
    inputs: Sequence[Input],
    rows: int,
    attempt: int,
    named: dict[str, int],
) -> tuple[int, ...]:
    """Return sizes for every axis; the same axis of every input gets the same size.

    Sizes that the file gives a name are the same wherever they stand.
    """
    sizes: list[int] = []
    for axis, n in enumerate(this.shape):
        symbol = this.symbols[axis] if this.symbols else None
        if symbol is not None and symbol in named:
            n = named[symbol]
        elif axis == 0:
            n = rows if n is None or not this.symbols else n
        elif n is None:
            there = [i.shape[axis] for i in inputs if len(i.shape) > axis]
            known = [m for m in there if m is not None]
            choice = _SIZES[attempt]
            n = choice[min(axis, len(choice)) - 1]
            if known and attempt == 0:
                n = known[0]
        if symbol is not None:
            named[symbol] = n
        sizes.append(n)
    return tuple(sizes)


def _symbols(value: ir.Value) -> tuple[str | None, ...]:
    """Return what the file calls the sizes that it leaves open, if it names any."""
    assert value.shape is not None
    found = tuple(None if isinstance(d, int) else d.value for d in value.shape)
    return found if any(found) else ()


# -------------------------------------------------------------------------- values
def _values(
    rng: np.random.Generator, this: Input, shape: tuple[int, ...], scale: float
) -> Array:
    need, dtype = this.need, this.dtype
    if dtype == "string":
        return _strings(rng, need, shape)
    whole = dtype.startswith(("int", "uint"))
    if dtype == "bool" or need.flags:
        array = rng.random(shape) < 0.7
        array[..., :1] = True  # a row without a single True has nothing to attend to
        return array if dtype == "bool" else array.astype(_numpy_dtype(dtype))
    values: Array
    if need.choices:
        values = rng.choice(np.asarray(need.choices), size=shape)
    elif need.limit is not None:
        values = _indices(rng, shape, need)
    elif whole:
        values = rng.integers(0, 256 if dtype == "uint8" or need.pixels else 10, shape)
    elif need.pixels:
        values = rng.integers(0, 256, shape)
    else:
        values = rng.standard_normal(shape)
        if need.center is not None and need.spread is not None:
            values = need.center + need.spread * values
        else:
            values = values * scale
    array = np.asarray(values).astype(_numpy_dtype(dtype))
    if need.steps is not None:
        _mask_steps(array, need.steps, need.mask_value)
    return array


# What words are made of that no vocabulary holds: nothing, blanks, capitals,
# punctuation, letters of other alphabets, and enough letters for each way of hashing.
_STRANGE = (
    "",
    " ",
    "Zebra",
    "don't",
    "e-mail, again!",
    "Élan ÜBER straße",
    "日本語",
    "tab\tand  blanks",
    "x" * 20,
    "a word of some forty letters, more or less",
    "longer than sixty-four letters, which is where hashing starts to go in rounds",
    "7",
)


def _strings(rng: np.random.Generator, need: Need, shape: tuple[int, ...]) -> Array:
    """Return words that the model knows, changed ones and strange ones."""
    count = math.prod(shape)
    known = sorted(set(need.words))
    if need.known and known:
        made = [known[i] for i in rng.integers(0, len(known), count)]
        return np.asarray(made, dtype=str).reshape(shape)
    strange = list(_STRANGE)
    made = []
    for i in range(count):
        kind = int(rng.integers(0, 5)) if known else 4
        picked = [known[j] for j in rng.integers(0, max(len(known), 1), 4) if known]
        if kind == 0:
            made.append(picked[0])
        elif kind == 1:
            made.append(picked[0].upper() + "!")
        elif kind in (2, 3):
            made.append(" ".join([*picked, strange[int(rng.integers(len(strange)))]]))
        else:
            word = strange[(i + int(rng.integers(3))) % len(strange)]
            made.append(" ".join([word, *picked[:1]]) if need.texts else word)
    return np.asarray(made, dtype=str).reshape(shape)


def _numpy_dtype(dtype: str) -> str:
    if dtype == "bool":
        return "bool"
    return "int64" if dtype.startswith(("int", "uint")) else "float32"


def _indices(rng: np.random.Generator, shape: tuple[int, ...], need: Need) -> Array:
    assert need.limit is not None
    limit = max(need.limit, 1)
    if need.padded is None:
        return rng.integers(0, limit, shape)
    array = rng.integers(min(1, limit - 1), limit, shape)
    view = _seen_as(array, need.padded)
    if view is None:
        view = array
    if view.ndim > 1 and view.shape[-1] > 1:
        rows = view.reshape(-1, view.shape[-1])
        rows[~_kept(*rows.shape)] = 0
    return array


def _mask_steps(array: Array, steps: Shape, value: float) -> None:
    view = _seen_as(array, steps)
    if view is not None and view.ndim > 2 and view.shape[-2] > 1:
        rows = view.reshape(-1, *view.shape[-2:])
        rows[~_kept(*rows.shape[:2])] = value


def _seen_as(array: Array, shape: Shape) -> Array | None:
    """Return a view of an array in the shape in which a layer reads it."""
    try:
        return array.reshape(len(array), *[-1 if n is None else n for n in shape[1:]])
    except ValueError:
        return None


def _kept(rows: int, length: int) -> npt.NDArray[np.bool_]:
    """Return which steps hold something: never none, so that means are defined.

    Rows take turns: all of them, the end padded, a hole inside, the start padded.
    """
    kept = np.ones((rows, length), dtype=bool)
    third = max(1, length // 3)
    for r in range(rows):
        if r % 4 == 1:
            kept[r, length - third :] = False
        elif r % 4 == 2 and length > 2:
            kept[r, third : third + max(1, length // 4)] = False
        elif r % 4 == 3:
            kept[r, :third] = False
    return kept


# ------------------------------------------------------------------------- readers
@dataclass(frozen=True)
class _Origin:
    """Whose values a value holds, and whether still in their memory order."""

    index: int
    in_order: bool = True


class _Reader:
    """Follows the values of the inputs to the layers that say what they must be."""

    def __init__(self, graph: ir.Graph) -> None:
        self.needs = [Need() for _ in graph.inputs]
        self._of: dict[ir.Value, set[_Origin]] = {
            value: {_Origin(i)} for i, value in enumerate(graph.inputs)
        }
        self._shapes = [shape_of(v) for v in graph.inputs]
        self._graph(graph)

    def _origins(self, value: ir.Value | None) -> set[_Origin]:
        return self._of.get(value, set()) if value is not None else set()

    def _graph(self, graph: ir.Graph) -> None:
        for node in graph:
            if is_layer(node):
                self._layer(from_node(node))
            else:
                self._operator(node)

    def _operator(self, node: ir.Node) -> None:
        kind = node.op_type
        if kind == "Gather" and len(node.inputs) == 2:
            table, index = node.inputs
            axis = node.attributes.get_int("axis", 0)
            if table is not None and table.const_value is not None:
                size = int(table.const_value.shape[axis])  # type: ignore[arg-type]
                self._limit(self._origins(index), size)
            self._hand_on([table], node.outputs, in_order=False)
        elif kind in _IN_ORDER or kind in _UNORDERED:
            inputs = node.inputs if kind == "Concat" else node.inputs[:1]
            self._hand_on(inputs, node.outputs, in_order=kind in _IN_ORDER)
        elif kind == "Where":
            self._hand_on(node.inputs[1:], node.outputs, in_order=False)

    def _hand_on(
        self,
        inputs: Sequence[ir.Value | None],
        outputs: Sequence[ir.Value],
        *,
        in_order: bool,
    ) -> None:
        found = {
            _Origin(o.index, o.in_order and in_order)
            for value in inputs
            for o in self._origins(value)
        }
        for value in outputs:
            self._of[value] = found

    def _layer(self, node: LayerNode) -> None:
        for mask in [*node.masks, *_masks_by_name(node)]:
            for origin in self._origins(mask):
                self.needs[origin.index].flags = True
        if node.body is not None:
            nested = isinstance(node.layer, Functional)
            for outer, inner in zip(
                [*node.inputs, *[m for m in node.masks if m is not None]],
                node.body.inputs,
                strict=False,
            ):
                self._hand_on([outer], [inner], in_order=nested)
            self._graph(node.body)
            if nested:
                for outer, inner in zip(node.outputs, node.body.outputs, strict=False):
                    self._of[outer] = self._origins(inner)
            return
        kind = type(node.layer).__name__
        reader = node.layer if kind != "TimeDistributed" else _inside(node.layer)
        for value in node.inputs:
            if origins := self._origins(value):
                self._read(reader, node, value, origins)
        linear = kind == "Activation" and getattr(node.layer, "activation", None) in (
            None,
            "linear",
        )
        if kind in _IN_ORDER or kind in _UNORDERED or linear:
            in_order = kind in _IN_ORDER or linear
            self._hand_on(node.inputs, node.outputs, in_order=in_order)

    def _read(
        self, layer: Layer, node: LayerNode, value: ir.Value, origins: set[_Origin]
    ) -> None:
        kind = type(layer).__name__
        shape = shape_of(value)
        given = vars(layer)
        if kind == "Embedding":
            self._limit(origins, int(given["input_dim"]))
            if given.get("mask_zero"):
                for origin in origins:
                    padded = shape if origin.in_order else self._shapes[origin.index]
                    self.needs[origin.index].padded = padded
        elif kind == "Masking":
            for need in self._in_order(origins):
                need.steps = shape
                need.mask_value = float(given.get("mask_value", 0.0))
        elif kind == "CategoryEncoding" and given.get("num_tokens"):
            self._limit(origins, int(given["num_tokens"]))
        elif isinstance(layer, (StringLookup, TextVectorization)):
            lookup = layer if isinstance(layer, StringLookup) else layer.lookup
            for origin in origins if not lookup.invert else ():
                need = self.needs[origin.index]
                need.words += lookup.terms
                need.texts = need.texts or lookup is not layer
                need.known = need.known or lookup.num_oov_indices == 0
        elif isinstance(layer, IntegerLookup) and not layer.invert:
            known = [float(v) for v in layer.terms]
            unknown = [max(known) + 1, max(known) + 2, min(known) - 1]
            if layer.mask_token is not None:
                known.append(float(layer.mask_token))
            for origin in origins:
                choices = known if layer.num_oov_indices == 0 else known + unknown
                self.needs[origin.index].choices = choices
        elif isinstance(layer, (IntegerLookup, StringLookup)):
            self._limit(origins, layer.size + 1)
        elif kind == "Discretization" and given.get("bin_boundaries"):
            bounds = np.asarray(given["bin_boundaries"], dtype=float)
            width = max(float(np.ptp(bounds)), 1.0)
            for origin in origins:
                self._data(origin, bounds.mean(), np.asarray(width / 2))
        elif kind == "Rescaling":
            for origin in origins:
                scale = np.abs(np.asarray(given.get("scale", 1.0), dtype=float))
                self.needs[origin.index].pixels = bool(np.all(scale < 0.1))
        elif kind in ("Normalization", "BatchNormalization"):
            self._statistics(layer, node, shape, origins)

    def _limit(self, origins: set[_Origin], size: int) -> None:
        for origin in origins:
            need = self.needs[origin.index]
            need.limit = size if need.limit is None else min(need.limit, size)

    def _in_order(self, origins: set[_Origin]) -> Iterator[Need]:
        for origin in origins:
            if origin.in_order:
                yield self.needs[origin.index]

    def _data(self, origin: _Origin, center: Any, spread: Any) -> None:
        need = self.needs[origin.index]
        need.center, need.spread = np.asarray(center), np.asarray(spread)

    def _statistics(
        self, layer: Layer, node: LayerNode, shape: Shape, origins: set[_Origin]
    ) -> None:
        """Take the data's statistics from the layer that was fitted to it."""
        given = vars(layer)
        if given.get("invert"):
            return
        mean = _known(node, "moving_mean", "mean", given.get("mean"))
        variance = _known(node, "moving_variance", "variance", given.get("variance"))
        if mean is None or variance is None:
            return
        axis = given.get("axis", -1)
        axes = [a % len(shape) for a in _listed(axis)]
        if any(shape[a] is None for a in axes):
            return
        sizes = [(n or 1) if a in axes else 1 for a, n in enumerate(shape)]
        for origin in origins:
            if self._shapes[origin.index] != shape:
                continue
            if mean.size not in (1, math.prod(sizes)):
                continue
            target = sizes if mean.size > 1 else [1] * len(shape)
            finite = np.isfinite(mean).all() and np.isfinite(variance).all()
            if finite:
                spread = np.sqrt(np.maximum(variance, 0.0)).reshape(target)
                self._data(origin, mean.reshape(target), spread)


def _masks_by_name(node: LayerNode) -> list[ir.Value]:
    return [v for k, v in node.named.items() if k.endswith("mask")]


def _inside(wrapper: Layer) -> Layer:
    inner = getattr(wrapper, "layer", None)
    if isinstance(inner, dict):
        return from_config(str(inner["class_name"]), inner["config"])
    return inner if isinstance(inner, Layer) else wrapper


def _known(node: LayerNode, *names: Any) -> Array | None:
    *weights, argument = names
    for name in weights:
        value = node.weights.get(name)
        if value is not None and value.const_value is not None:
            return np.asarray(value.const_value.numpy(), dtype=float)
    return None if argument is None else np.asarray(argument, dtype=float)


def _listed(axis: Any) -> list[int]:
    if axis is None:
        return []
    return [int(a) for a in axis] if isinstance(axis, (list, tuple)) else [int(axis)]
