"""Dense, Embedding, Masking, and the layers that hold a model.

Sources: ``keras/src/layers/core`` and ``keras/src/models`` (Keras 3.15).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from keras2torch.layers import activation as act
from keras2torch.layers.base import (
    Array,
    Call,
    Forward,
    Layer,
    Layout,
    Module,
    Shape,
    Source,
    Weight,
    copied,
    layer,
    transposed,
)
from keras2torch.layers.spatial import pad_text
from keras2torch.layers.text import call as call_text
from keras2torch.layers.text import literal

_FLOATS = ("bfloat16", "float16", "float32", "float64")


@layer
class Identity(Layer):
    """Gives back what it gets; in Keras 2 without its mask."""

    layout = "follow"
    masking = "pass"

    keras2: bool = False

    def __post_init__(self) -> None:
        if self.keras2:
            vars(self)["masking"] = "stop"

    def forward(self, call: Call, module: str) -> Forward:
        """``x``."""
        return Forward(call.x.name)


@layer
class Dense(Layer):
    """``activation(x @ kernel + bias)`` over the last axis, whatever the rank."""

    layout = "flat"
    masking = "pass"
    ignored = frozenset({"lora_rank", "lora_alpha", "quantization_config"})

    units: int
    activation: Any = None
    use_bias: bool = True
    kernel_initializer: Any = "glorot_uniform"
    bias_initializer: Any = "zeros"
    kernel_regularizer: Any = None
    bias_regularizer: Any = None
    kernel_constraint: Any = None
    bias_constraint: Any = None

    def weights(self, *shapes: Shape) -> list[Weight]:
        """``kernel (in, units)`` and ``bias (units,)``."""
        size = shapes[0][-1]
        if size is None:
            raise self.unsupported("the last axis of its input has no size")
        found = [Weight("kernel", (size, self.units))]
        if self.use_bias:
            found.append(Weight("bias", (self.units,)))
        return found

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """The last axis becomes ``units``."""
        return [(*shapes[0][:-1], self.units)]

    def layouts(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """Any order of a flattened input; out comes Keras' order or a Reshape's.

        An image stays as it is, unless Keras' order is wanted afterwards.
        """
        if self._pointwise(call) and not call.wants_keras:
            return [call.x.layout], [call.x.layout]
        out = call.flat_wish or Layout.keras(call.x.rank)
        return [self._wanted(call.x)], [out]

    def asks(self, call: Call) -> list[Layout]:
        """Channels first, where what comes out is wanted so."""
        first = Layout.channels_first(call.x.rank)
        if call.wish == first and self._pointwise(call, first):
            return [first]
        return super().asks(call)

    def _pointwise(self, call: Call, layout: Layout | None = None) -> bool:
        """Whether it is a convolution of width 1 over an image with channels first."""
        first = Layout.channels_first(call.x.rank)
        here = (layout or call.x.layout) == first
        return here and 3 <= call.x.rank <= 5 and not call.shared

    def module(self, call: Call) -> Module:
        """``nn.Linear``, its columns in the order in which Flatten ran.

        Between convolutions ``nn.Conv2d(16, 32, kernel_size=1)``.
        """
        size = call.x.shape[-1]
        if self._pointwise(call):
            return self._convolution(call)
        text = call_text("nn.Linear", size, self.units, bias=self.use_bias)
        ins, outs = call.x.layout.feature_order(), call.y.layout.feature_order()

        def moved(kernel: Array) -> Array:
            weight = kernel.T if ins is None else kernel.T[:, ins]
            return weight if outs is None else weight[outs]

        weights = {"weight": transposed("kernel")}
        if ins is not None or outs is not None:
            how = "transpose" if ins is None else "transpose, columns in NCHW order"
            how += "" if outs is None else ", rows in NCHW order"
            leads = 1 if outs is None else None
            weights["weight"] = Source(("kernel",), moved, how, leads=leads)
        if self.use_bias and outs is None:
            weights["bias"] = copied("bias")
        elif self.use_bias:
            weights["bias"] = Source(("bias",), lambda a: a[outs], "in NCHW order")
        return Module(text, weights)

    def _convolution(self, call: Call) -> Module:
        dims = call.x.rank - 2
        text = call_text(
            f"nn.Conv{dims}d",
            call.x.shape[-1],
            self.units,
            kernel_size=1,
            bias=self.use_bias,
        )

        def kernel(a: Array) -> Array:
            return a.T.reshape(*a.T.shape, *[1] * dims)

        how = "transpose, kernel of size 1"
        weights = {"weight": Source(("kernel",), kernel, how, leads=1)}
        if self.use_bias:
            weights["bias"] = copied("bias")
        return Module(text, weights)

    def forward(self, call: Call, module: str) -> Forward:
        """``F.relu(self.dense(x))``."""
        x = call.x.name
        if "float" not in call.x.dtype:
            # Keras multiplies integers and booleans as numbers of the kernel's kind.
            x = f"{x}.to({module}.weight.dtype)"
        text, helpers = act.apply(
            self.activation, f"{module}({x})", call.y.layout, self
        )
        return Forward(text, helpers=helpers)


class _Embedding(Layer):
    """Base: a table looked up by integers."""

    ignored = frozenset(
        {"lora_rank", "lora_alpha", "quantization_config", "input_length", "sparse"}
    )

    input_dim: int
    output_dim: int
    mask_zero: bool

    def weights(self, *shapes: Shape) -> list[Weight]:
        """``embeddings (input_dim, output_dim)``."""
        return [Weight("embeddings", (self.input_dim, self.output_dim))]

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """One more axis."""
        return [(*shapes[0], self.output_dim)]

    def output_dtype(self, *dtypes: str) -> str:
        """Floats, whatever the indices were."""
        return "float32"

    def makes_mask(self, masked: Any) -> bool:
        """With ``mask_zero``."""
        return self.mask_zero

    def mask_shape(self, *shapes: Shape) -> Shape:
        """One entry per index."""
        return shapes[0]

    def module(self, call: Call) -> Module:
        """``nn.Embedding``; no padding_idx: Keras trains row 0 like any other.

        In the shim its gradient is sparse: Keras' optimizers square each row that was
        looked up, and not the sum of those that are the same. torch's want it dense.
        """
        name = "SparseEmbedding" if call.linked else "nn.Embedding"
        text = call_text(name, self.input_dim, self.output_dim)
        helpers = ("SparseEmbedding",) if call.linked else ()
        return Module(text, {"weight": copied("embeddings")}, helpers)

    def aside(self, call: Call) -> str:
        """What torch's optimizers see of it, unlike those of the shim."""
        if call.linked:
            return ""
        return (
            "where an index comes several times in a batch, optimizers that square "
            "gradients (Adam, RMSprop, Adagrad) see the sum of its rows; Keras on "
            "TensorFlow squares each row"
        )

    def forward(self, call: Call, module: str) -> Forward:
        """``self.embedding(x)``; indices that arrive as floats become integers."""
        x = call.x.name
        whole = x if call.x.dtype in ("int32", "int64") else f"{x}.long()"
        return Forward(f"{module}({whole})", mask=f"{x} != 0")


@layer
class Embedding(_Embedding):
    """A table looked up by integers; with ``mask_zero`` 0 means "no step here"."""

    input_dim: int
    output_dim: int
    embeddings_initializer: Any = "uniform"
    embeddings_regularizer: Any = None
    embeddings_constraint: Any = None
    mask_zero: bool = False


@layer
class ReversibleEmbedding(_Embedding):
    """An embedding that is also called backwards: from vectors to logits of words.

    Attributes
    ----------
    tie_weights
        Whether it is the same table both ways.
    reverse_dtype
        What the product is computed in.
    logit_soft_cap
        The logits stay below it, by a tanh.
    """

    input_dim: int
    output_dim: int
    tie_weights: bool = True
    embeddings_initializer: Any = "uniform"
    embeddings_regularizer: Any = None
    embeddings_constraint: Any = None
    mask_zero: bool = False
    reverse_dtype: Any = None
    logit_soft_cap: float | None = None

    def weights(self, *shapes: Shape) -> list[Weight]:
        """``embeddings (input_dim, output_dim)``, and the other table turned."""
        found = super().weights(*shapes)
        if not self.tie_weights:
            shape = (self.output_dim, self.input_dim)
            found.append(Weight("reverse_embeddings", shape))
        return found

    def call_shapes(self, options: dict[str, Any], *shapes: Shape) -> list[Shape]:
        """One more axis; with ``reverse`` a logit for each word."""
        if not options.get("reverse"):
            return self.output_shapes(*shapes)
        return [(*shapes[0][:-1], self.input_dim)]

    def call_makes_mask(self, options: dict[str, Any], masked: Any) -> bool:
        """With ``mask_zero``, of words."""
        return self.mask_zero and not options.get("reverse")

    def module(self, call: Call) -> Module:
        """``nn.Embedding``, or one that has a second table."""
        if self.tie_weights:
            return super().module(call)
        text = call_text("TwoWayEmbedding", self.input_dim, self.output_dim)
        weights = {"weight": copied("embeddings")}
        weights["reverse"] = transposed("reverse_embeddings")
        return Module(text, weights, ("TwoWayEmbedding",))

    def forward(self, call: Call, module: str) -> Forward:
        """``self.embedding(x)``; backwards ``F.linear(x, self.embedding.weight)``."""
        if not call.options.get("reverse"):
            return super().forward(call, module)
        x = call.x.name
        table = f"{module}.weight" if self.tie_weights else f"{module}.reverse"
        if self.reverse_dtype is not None:
            if self.reverse_dtype not in _FLOATS:
                raise self.unsupported(f"reverse_dtype={self.reverse_dtype!r}")
            kind = f"torch.{self.reverse_dtype}"
            x, table = f"{x}.to({kind})", f"{table}.to({kind})"
        elif "float" not in call.x.dtype:
            x = f"{x}.to({module}.weight.dtype)"
        text = f"F.linear({x}, {table})"
        if self.logit_soft_cap is not None:
            cap = literal(float(self.logit_soft_cap))
            text = f"torch.tanh({text} / {cap}) * {cap}"
        if self.reverse_dtype is not None:
            # What comes next casts what it gets to its own dtype.
            text = f"({text}).to({module}.weight.dtype)"
        return Forward(text)


@layer
class Masking(Layer):
    """Masks the steps in which every feature equals ``mask_value``, and zeroes them."""

    mask_value: float = 0.0

    def makes_mask(self, masked: Any) -> bool:
        """Always."""
        return True

    def mask_shape(self, *shapes: Shape) -> Shape:
        """One entry per step."""
        return shapes[0][:-1]

    def forward(self, call: Call, module: str) -> Forward:
        """The mask first: its steps are zeroed in what comes out."""
        x = call.x.name
        mask = f"({x} != {float(self.mask_value)!r}).any(dim=-1)"
        kept = f"{x} * ({x} != {float(self.mask_value)!r}).any(dim=-1, keepdim=True)"
        return Forward(kept, mask=mask)


@layer
class Functional(Layer):
    """A model used as a layer; its graph is the node's body.

    Attributes
    ----------
    class_name
        The user's own class, where it was a custom layer or a subclassed model.
    """

    class_name: str = ""

    def module(self, call: Call) -> Module:
        """The class written for it."""
        assert call.body is not None
        return Module(f"{call.body}()")

    def forward(self, call: Call, module: str) -> Forward:
        """Call it with the tensors that its forward takes."""
        names = [t.name for t in call.inputs]
        masks = call.masks or [None] * len(names)
        wanted = call.body_masks or (False,) * len(names)
        for name, mask, takes in zip(names[:], masks, wanted, strict=True):
            if mask is not None:
                names.append(mask.name)
            elif takes:
                # Other calls of this model have a mask; here every step counts.
                names.append(f"{name}.new_ones({name}.shape[:2], dtype=torch.bool)")
        text = f"{module}({', '.join(names)})"
        return Forward(text, unpack=len(call.outputs) > 1)


class Block(Functional):
    """Layers of the model itself, called as if they were one; no file holds it."""


class Cell(Block):
    """A block that reads the two before, and hands on the later of them as well."""

    def forward(self, call: Call, module: str) -> Forward:
        """``before, x = x, cell(before, x)``."""
        made = super().forward(call, module)
        assert isinstance(made.results, str)
        return Forward([call.inputs[1].name, made.results])


class Chain(Block):
    """Layers of the model itself, one after the other: ``nn.Sequential``."""


@dataclass(eq=False)
class Pad(Block):
    """Zeros before a convolution, which other blocks of its class do not need.

    Attributes
    ----------
    pairs
        How many before and behind, per spatial axis.
    """

    pairs: tuple[tuple[int, int], ...] = ()

    def module(self, call: Call) -> Module | None:  # type: ignore[override]
        """A function."""
        return None

    def forward(self, call: Call, module: str) -> Forward:
        """``F.pad(x, (0, 1, 0, 1))``."""
        return Forward(pad_text(call.x.name, self.pairs))


@dataclass(eq=False)
class Absent(Block):
    """What this block lacks and others of its class have.

    Attributes
    ----------
    joins
        The layer that joins several tensors there; a flag in ``forward`` says whether.
    """

    joins: Layer | None = None

    def module(self, call: Call) -> Module | None:  # type: ignore[override]
        """``nn.Identity()`` in the place of layers."""
        return Module("nn.Identity()") if self.joins is None else None

    def forward(self, call: Call, module: str) -> Forward:
        """The sum that it would be, or the layers that do nothing."""
        if self.joins is not None:
            return self.joins.forward(call, "")
        return Forward(f"{module}({call.x.name})")


@layer
class Sequential(Functional):
    """A stack used as a layer."""
