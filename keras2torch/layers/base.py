"""What a layer definition is: a Keras signature, its weights, and PyTorch text.

A definition knows neither files nor graphs and imports no torch. It is asked, in this
order: which weights it has for given input shapes, which shapes come out, in which
layout it wants its tensors, and what it becomes in PyTorch.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, TypeVar

import numpy as np
import numpy.typing as npt
from typing_extensions import dataclass_transform

from keras2torch.errors import UnsupportedLayer
from keras2torch.layers.ordering import in_order

Shape = tuple[int | None, ...]
Array = npt.NDArray[Any]


# ---------------------------------------------------------------- tensors and calls
@dataclass(frozen=True)
class Layout:
    """How a tensor's memory order in PyTorch relates to its Keras axes.

    Attributes
    ----------
    axes
        Position ``i`` of the PyTorch tensor holds Keras axis ``axes[i]``:
        ``(0, 3, 1, 2)`` for an image that Keras keeps as NHWC.
    flat
        ``None``, or ``((dims, order),)`` where the last axis is a flattening of Keras
        dims ``dims`` that PyTorch did in ``order`` (``((7, 7, 64), (2, 0, 1))`` after
        the Flatten of an NCHW tensor): weights that read this axis are permuted. After
        a Concatenate there is one such pair for each part.
    """

    axes: tuple[int, ...]
    flat: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] | None = None

    @staticmethod
    def keras(rank: int) -> Layout:
        """Return the layout in which nothing moved."""
        return Layout(tuple(range(rank)))

    @staticmethod
    def channels_first(rank: int) -> Layout:
        """Return the layout with Keras' last axis at position 1."""
        if rank < 3:
            return Layout.keras(rank)
        return Layout((0, rank - 1, *range(1, rank - 1)))

    @property
    def is_keras(self) -> bool:
        """Whether nothing moved."""
        return self.flat is None and self.axes == tuple(range(len(self.axes)))

    def position(self, axis: int) -> int:
        """Return where Keras axis ``axis`` (may be negative) is in PyTorch."""
        return self.axes.index(axis % len(self.axes))

    def feature_order(self) -> npt.NDArray[np.int64] | None:
        """Return for each PyTorch index of the last axis its Keras index, if flat."""
        if self.flat is None:
            return None
        found, start = [], 0
        for dims, order in self.flat:
            size = math.prod(dims)
            index = np.arange(start, start + size, dtype=np.int64).reshape(dims)
            found.append(index.transpose(order).reshape(-1))
            start += size
        return np.concatenate(found)


@dataclass(eq=False)
class Tensor:
    """A value as a layer sees it.

    Attributes
    ----------
    shape
        Keras' shape, batch first, ``None`` for what is not known.
    dtype
        ``"float32"``, ``"int32"``, ``"bool"`` ….
    layout
        Its order in PyTorch; decided by the layout pass.
    name
        The Python variable that holds it, once the writer has given it one.
    """

    shape: Shape
    dtype: str = "float32"
    layout: Layout = dataclasses.field(default_factory=lambda: Layout(()))
    name: str = ""

    def __post_init__(self) -> None:
        if len(self.layout.axes) != len(self.shape):
            self.layout = Layout.keras(len(self.shape))

    @property
    def rank(self) -> int:
        """Number of axes, the batch included."""
        return len(self.shape)

    @property
    def torch_shape(self) -> Shape:
        """The shape in PyTorch's order."""
        return tuple(self.shape[a] for a in self.layout.axes)


@dataclass
class Call:
    """One call of a layer: its tensors, and what else the call was given.

    Attributes
    ----------
    inputs
        The tensors of the first argument (several for merge layers and models), or of
        the leading arguments (``query, value, key`` for attention).
    outputs
        The tensors that come out, a made mask not included.
    masks
        One per input, ``None`` where there is none; only given to layers that ask.
    states
        ``initial_state`` of recurrent layers.
    named
        Other tensor arguments by name (``attention_mask``).
    options
        Other arguments (``training=True``, ``use_causal_mask=True``).
    path
        The layer's path: ``encoder/conv1``.
    body
        Class name of the model inside (a nested model, TimeDistributed of a model).
    body_masks
        For each input whether the model inside takes a mask for it.
    flat_ok
        Told to Flatten: every consumer takes a last axis that was flattened in
        PyTorch's order.
    read
        For each output whether anything reads it; empty where that is not known.
    wants_first
        Told to Reshape and its like: the consumers want channels first.
    wish
        Told to ConvLSTM2D and its like: the order that the consumers want.
    wants_keras
        Told to LayerNormalization and its like: all consumers want Keras' order.
    flat_wish
        Told to Dense: the consumers want its units in the order in which a Reshape
        to channels first reads them.
    shared
        Something else reads the layer's weights too: they keep their usual form.
    faithful
        Keras' numbers in training come before idiom.
    linked
        The layer is an object of the shim, which has optimizers of its own.
    around
        Zeros on both sides of each spatial axis, which a layer before would have put
        there: see :meth:`Layer.can_pad`.
    padded
        A step before puts the zeros there: see :meth:`Layer.pads_before`.
    """

    inputs: list[Tensor]
    outputs: list[Tensor] = field(default_factory=list)
    masks: list[Tensor | None] = field(default_factory=list)
    states: list[Tensor] = field(default_factory=list)
    named: dict[str, Tensor] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    path: str = ""
    body: str | None = None
    body_masks: tuple[bool, ...] = ()
    flat_ok: bool = False
    read: tuple[bool, ...] = ()
    wants_first: bool = False
    wish: Layout | None = None
    wants_keras: bool = False
    flat_wish: Layout | None = None
    shared: bool = False
    faithful: bool = False
    linked: bool = False
    around: tuple[int, ...] = ()
    padded: bool = False

    @property
    def x(self) -> Tensor:
        """The first input."""
        return self.inputs[0]

    @property
    def y(self) -> Tensor:
        """The first output."""
        return self.outputs[0]

    def reads(self, output: int) -> bool:
        """Whether anything reads an output."""
        return not self.read or self.read[output]

    @property
    def mask(self) -> Tensor | None:
        """The mask of the first input."""
        return self.masks[0] if self.masks else None


# ---------------------------------------------------------------------- weights
@dataclass(frozen=True)
class Weight:
    """A weight as Keras has it.

    Attributes
    ----------
    name
        Unique within the layer: ``"kernel"``, ``"forward/recurrent_kernel"``.
    shape
        Keras' shape.
    trainable
        Whether an optimizer moves it (the layer's own flag comes on top).
    path
        Where Keras 3 stores it within the layer: ``""`` for the layer's own
        ``vars``, ``"cell"``, ``"forward_layer/cell"``, ``"query_dense"`` for a part.
    optional
        May be missing in a file (filled by ``default`` then).
    also
        Where Keras 3 stores it a second time, as ``path``.
    fans
        Which axes count as units that come in, and which as units that go out, where
        an initializer cannot tell by their order.
    """

    name: str
    shape: tuple[int, ...]
    trainable: bool = True
    path: str = ""
    optional: bool = False
    default: float = 0.0
    also: str | None = None
    fans: tuple[tuple[int, ...], tuple[int, ...]] | None = None

    @property
    def paths(self) -> tuple[str, ...]:
        """Every place of it in a file of Keras 3."""
        return (self.path,) if self.also is None else (self.path, self.also)


@dataclass(frozen=True)
class Source:
    """Where a torch tensor comes from: Keras weights and what is done to them.

    The transform is linear (transposes, slices, stacks), so that it also carries a
    gradient from Keras to PyTorch.

    Attributes
    ----------
    permuted
        How the axes of the one weight are permuted, for its rank; ``None`` if more is
        done to it.
    leads
        The axis of the one weight that becomes torch's first, where more is done to
        it and what is done to one entry of that axis takes none of the others.
    """

    weights: tuple[str, ...]
    transform: Callable[..., Array]
    how: str
    trainable: bool = True
    permuted: Callable[[int], tuple[int, ...]] | None = None
    leads: int | None = None

    def __call__(self, *arrays: Array) -> Array:
        """Apply the transform to the arrays of :attr:`weights`."""
        return in_order(np.asarray(self.transform(*arrays)))

    def order(self, rank: int) -> tuple[int, ...] | None:
        """Return the Keras axis at each torch axis; ``None`` if more is done to it."""
        return None if self.permuted is None else self.permuted(rank)

    def leading(self, rank: int) -> int | None:
        """Return the Keras axis along which the tensor can be made in pieces."""
        order = self.order(rank)
        return order[0] if order else self.leads


def copied(weight: str, *, trainable: bool = True) -> Source:
    """Take a Keras weight as it is."""
    return Source(
        (weight,), lambda a: a, "copy", trainable, lambda rank: tuple(range(rank))
    )


def transposed(weight: str, *axes: int) -> Source:
    """Take a Keras weight with its axes permuted (reversed if none are given)."""
    order = axes or None
    how = f"transpose({', '.join(map(str, axes))})" if axes else "transpose"

    def permuted(rank: int) -> tuple[int, ...]:
        return axes or tuple(reversed(range(rank)))

    return Source((weight,), lambda a: a.transpose(order), how, permuted=permuted)


def made(
    weights: Sequence[str],
    transform: Callable[..., Array],
    how: str,
    *,
    trainable: bool = True,
) -> Source:
    """Make a torch tensor from several Keras weights by a linear function."""
    return Source(tuple(weights), transform, how, trainable)


# ------------------------------------------------------------------ PyTorch text
@dataclass
class Module:
    """What a layer is in ``__init__``.

    Attributes
    ----------
    text
        The constructor call: ``nn.Conv2d(3, 8, kernel_size=3)``.
    weights
        Name of each parameter or buffer within the module → its :class:`Source`.
    helpers
        Names of helper classes or functions (see :mod:`keras2torch.program.helpers`)
        that the text or the forward uses.
    init
        Further statements, ``{self}`` standing for the module:
        ``{self}.bias_hh_l0.requires_grad_(False)``.
    notes
        What differs in training from Keras, in sentences for the report.
    given
        The module is not made here but given to the class, under the name ``text``.
    pieces, imports
        Source of classes and functions of the user's that the text needs, by name,
        and import statements that these need.
    files
        Name → content of files that the text reads, which lie beside ``model.py``.
    """

    text: str
    weights: dict[str, Source] = field(default_factory=dict)
    helpers: tuple[str, ...] = ()
    init: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    given: bool = False
    pieces: dict[str, str] = field(default_factory=dict)
    imports: tuple[str, ...] = ()
    files: dict[str, bytes] = field(default_factory=dict)


@dataclass
class Forward:
    """What one call is in ``forward``.

    Attributes
    ----------
    results
        One expression per output; a single string where there is one. ``mask`` is the
        expression of the mask that the layer makes.
    before
        Statements that come first.
    helpers
        As in :class:`Module`.
    unpack
        ``results`` is one expression that returns a tuple of all outputs.
    names
        What the variables of several outputs are called behind the layer's name:
        ``("", "h", "c")``; numbers if not given.
    """

    results: str | list[str]
    before: tuple[str, ...] = ()
    helpers: tuple[str, ...] = ()
    mask: str | None = None
    unpack: bool = False
    names: tuple[str, ...] = ()


# ------------------------------------------------------------------- definitions
@dataclass(eq=False, kw_only=True, init=False)
class Layer:
    """Base of all layer definitions; fields are the arguments of Keras' constructor.

    Class attributes say how a layer behaves in general; methods are overridden where
    it depends on the arguments.

    Attributes
    ----------
    layout
        ``"keras"``: reads and writes Keras' order. ``"channels_first"``: spatial, wants
        channels at position 1. ``"follow"``: any order goes, axis arguments are
        rewritten. ``"flat"``: like ``keras``, but takes a flattened last axis in any
        order, because it permutes its weights.
    masking
        ``"stop"``: takes no mask and none comes out. ``"pass"``: ignores it and hands
        it on. ``"use"``: wants it as an input; see :meth:`passes_mask`.
    arguments
        Names of the leading tensor arguments of Keras' ``call`` where it has several.
    reads_strings
        Its inputs may be strings, which come as nested lists or arrays, not as tensors.
    packs
        The inputs behind the first are one argument, a list; so are the outputs.
    trains_by_default
        A call that is told nothing, by nobody around it, is one of training.
    aliases
        Argument names of older Keras versions → today's.
    ignored
        Arguments that do not change what is computed.
    """

    layout: ClassVar[Literal["keras", "channels_first", "follow", "flat"]] = "keras"
    masking: ClassVar[Literal["stop", "pass", "use"]] = "stop"
    arguments: ClassVar[tuple[str, ...]] = ("inputs",)
    reads_strings: ClassVar[bool] = False
    packs: ClassVar[bool] = False
    trains_by_default: ClassVar[bool] = False
    aliases: ClassVar[Mapping[str, str]] = {}
    ignored: ClassVar[frozenset[str]] = frozenset()

    name: str = ""
    trainable: bool = True
    dtype: Any = "float32"
    activity_regularizer: Any = None

    # Once for all: each method that a dataclass writes takes time at every import.
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        known = arguments_of(type(self))
        if args:
            places = [f.name for f in known if not f.kw_only][: len(args)]
            if len(args) > len(places) or not kwargs.keys().isdisjoint(places):
                raise TypeError(f"{type(self).__name__} is given too many arguments")
            kwargs.update(zip(places, args, strict=True))
        for told in known:
            if told.name in kwargs:
                value = kwargs.pop(told.name)
            elif told.default_factory is not dataclasses.MISSING:
                value = told.default_factory()
            elif told.default is not dataclasses.MISSING:
                value = told.default
            else:
                raise TypeError(f"{type(self).__name__} misses argument {told.name!r}")
            setattr(self, told.name, value)
        if kwargs:
            unknown = next(iter(kwargs))
            raise TypeError(f"{type(self).__name__} has no argument {unknown!r}")
        self.__post_init__()

    def __post_init__(self) -> None:
        """Mend the arguments."""

    def __repr__(self) -> str:
        shown = [f.name for f in dataclasses.fields(self) if f.repr]
        told = ", ".join(f"{name}={getattr(self, name)!r}" for name in shown)
        return f"{type(self).__qualname__}({told})"

    # -- Keras
    def weights(self, *shapes: Shape) -> list[Weight]:
        """Return the weights for these input shapes, in Keras' order."""
        return []

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """Return the shapes of the outputs for these input shapes."""
        return [shapes[0]]

    def call_shapes(self, options: dict[str, Any], *shapes: Shape) -> list[Shape]:
        """Return the shapes of the outputs of a call with these options."""
        return self.output_shapes(*shapes)

    def output_dtype(self, *dtypes: str) -> str:
        """Return the dtype of the outputs (the inputs' dtypes are given)."""
        return dtypes[0] if dtypes and dtypes[0].startswith("float") else "float32"

    def call_dtypes(
        self, options: dict[str, Any], count: int, *dtypes: str
    ) -> list[str]:
        """Return the dtypes of the outputs of a call with these options."""
        return [self.output_dtype(*dtypes)] * count

    def passes_mask(self) -> bool:
        """Whether a mask that comes in also goes out (asked where masking is use)."""
        return False

    def masked_outputs(self) -> int:
        """How many of the outputs, from the first, carry a mask that goes on."""
        return 1

    def makes_mask(self, masked: Sequence[bool]) -> bool:
        """Whether the call returns a mask of its own, given which inputs have one."""
        return False

    def call_makes_mask(self, options: dict[str, Any], masked: Sequence[bool]) -> bool:
        """Whether a call with these options returns a mask of its own."""
        return self.makes_mask(masked)

    def in_one_order(self) -> bool:
        """Whether all its calls read one order, as those of a layer with weights do.

        Its module is written once, and holds constants or axes in that order.
        """
        return False

    def rectifies(self) -> bool:
        """Whether it ends with a ReLU: what would be below 0 is 0, and has no slope."""
        return False

    def pads_before(self, call: Call) -> list[tuple[int, int]]:
        """Return the zeros that ``forward`` puts before its module, pairs per axis."""
        return []

    def can_pad(self, around: tuple[int, ...], *, rectified: bool) -> bool:
        """Whether its module can put zeros around its input.

        ``around``: how many on both sides of each spatial axis; ``rectified``: the
        input comes from a layer that :meth:`rectifies`.
        """
        return False

    def strips_masks(self) -> bool:
        """Whether its inputs have no mask any more for what is called after it."""
        return False

    def reads_masks(self, call: Call) -> bool:
        """Whether the masks of a call change what it computes, its own mask aside."""
        return True

    def told_masks(self) -> bool:
        """Whether Keras 3 writes the masks that it reads into a model's calls.

        What is not told looks at the tensors when the model runs.
        """
        return self.masking == "use"

    def regularizers(self) -> dict[str, Any]:
        """Return weight name → Keras regularizer config, for those that have one."""
        found = {}
        for f in dataclasses.fields(self):
            weight = f.name.removesuffix("_regularizer")
            if weight in (f.name, "activity"):
                continue
            if value := getattr(self, f.name):
                found["recurrent_kernel" if weight == "recurrent" else weight] = value
        return found

    def mask_shape(self, *shapes: Shape) -> Shape:
        """Return the shape of the mask that the layer makes."""
        return shapes[0][:2]

    # -- layout
    def layouts(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """Return the layouts wanted of the inputs and those of the outputs.

        ``call.inputs[i].layout`` is what is there; ``call.outputs`` have shapes.
        """
        wanted = [self._wanted(t) for t in call.inputs]
        if self.layout == "follow":
            wanted = self._agree(call)
            outs = [
                wanted[0] if t.rank == call.x.rank else Layout.keras(t.rank)
                for t in call.outputs
            ]
            return wanted, outs
        first = self.layout == "channels_first" and self._moves_channels(call.x.rank)
        outs = [
            Layout.channels_first(t.rank) if first else Layout.keras(t.rank)
            for t in call.outputs
        ]
        return wanted, outs

    def asks(self, call: Call) -> list[Layout]:
        """Return the layouts that whoever makes the inputs had best give them."""
        return self.layouts(call)[0]

    def state_layout(self, state: Tensor) -> Layout:
        """Return the layout wanted of an initial state."""
        return Layout.keras(state.rank)

    def takes_flat(self) -> Literal["consumes", "follows", "refuses"]:
        """Say what becomes of a last axis that was flattened in PyTorch's order."""
        if self.layout == "flat":
            return "consumes"
        return "follows" if self.layout == "follow" else "refuses"

    def _moves_channels(self, rank: int) -> bool:
        """Whether this spatial layer keeps its channels last in Keras."""
        return getattr(self, "data_format", None) != "channels_first" and rank > 2

    def _wanted(self, tensor: Tensor) -> Layout:
        if self.layout == "channels_first" and self._moves_channels(tensor.rank):
            return Layout.channels_first(tensor.rank)
        if self.layout == "flat" and Layout.keras(tensor.rank).axes == (
            tensor.layout.axes
        ):
            return tensor.layout
        return Layout.keras(tensor.rank)

    def _agree(self, call: Call) -> list[Layout]:
        """Return one layout for all inputs, theirs where they share it."""
        there = [t.layout for t in call.inputs]
        if len({t.rank for t in call.inputs}) > 1:
            return [Layout.keras(t.rank) for t in call.inputs]
        if all(w == there[0] for w in there):
            return there
        if any(w.flat for w in there):
            return [Layout.keras(t.rank) for t in call.inputs]
        moved = [w for w in there if not w.is_keras]
        return [moved[0]] * len(there)

    # -- PyTorch
    def module(self, call: Call) -> Module | None:
        """Return what the layer is in ``__init__``; ``None`` if it is a function."""
        return None

    def forward(self, call: Call, module: str) -> Forward:
        """Return what this call is in ``forward``; ``module`` is ``self.conv1``."""
        raise NotImplementedError(type(self).__name__)

    def idiom(self, call: Call) -> str:
        """Return what torch's own module does otherwise in training; "" if nothing.

        Where that is something, a ``call.faithful`` gets another module.
        """
        return ""

    def aside(self, call: Call) -> str:
        """Return what differs in training in either form, "" if nothing."""
        return ""

    def brings(self) -> frozenset[str]:
        """Return the names of classes and functions that it adds to the file."""
        return frozenset()

    def unsupported(self, why: str) -> UnsupportedLayer:
        """Return the error that names this layer and what has no rule."""
        return UnsupportedLayer(f"layer {self.name!r} ({type(self).__name__}): {why}")


_ARGUMENTS: dict[type[Layer], tuple[dataclasses.Field[Any], ...]] = {}


def arguments_of(cls: type[Layer]) -> tuple[dataclasses.Field[Any], ...]:
    """Return the fields that the constructor of a definition takes."""
    if cls not in _ARGUMENTS:
        _ARGUMENTS[cls] = tuple(f for f in dataclasses.fields(cls) if f.init)
    return _ARGUMENTS[cls]


# ---------------------------------------------------------------------- registry
# What a definition knows beyond Keras' arguments, for files of older Keras.
OF_FILES = frozenset(
    "keras2 keeps_axis keeps_masks fills_empty cuts forgets_mask zero_masked expand "
    "sizes theano".split()
)
REGISTRY: dict[str, type[Layer]] = {}
# Registered, because a file nests models as layers; no names of `keras.layers`.
MODELS = frozenset({"Functional", "Sequential"})
# Definitions that no file can name.
INTERNAL: dict[str, type[Layer]] = {}
L = TypeVar("L", bound=Layer)


@dataclass_transform(eq_default=False)
def layer(cls: type[L]) -> type[L]:
    """Register a class as the definition of the Keras layer of that name."""
    made_class = dataclass(eq=False, repr=False, init=False)(cls)
    if cls.__name__ in REGISTRY:
        raise ValueError(f"two definitions of {cls.__name__}")
    REGISTRY[cls.__name__] = made_class
    return made_class


def from_config(class_name: str, config: Mapping[str, Any]) -> Layer:
    """Make a layer definition from a Keras 3 class name and config.

    Raises
    ------
    KeyError
        For a class that is not in the registry.
    UnsupportedLayer
        For an argument that the definition does not know and that is not at a value
        that means nothing (``None`` or ``False``).
    """
    cls = INTERNAL.get(class_name) or REGISTRY[class_name]
    known = {f.name for f in arguments_of(cls)}
    kept: dict[str, Any] = {}
    for key, value in config.items():
        key = cls.aliases.get(key, key)
        if key in known:
            kept[key] = value
        elif key not in cls.ignored and value not in (None, False):
            raise UnsupportedLayer(
                f"layer {config.get('name')!r} ({class_name}): "
                f"argument {key}={value!r} has no rule"
            )
    return cls(**kept)


def to_config(definition: Layer) -> dict[str, Any]:
    """Return the Keras config of a definition: every field, defaults included."""
    return {f.name: getattr(definition, f.name) for f in arguments_of(type(definition))}
