"""Standard ONNX operators with stored weights, as the ``nn`` modules that they are.

A recognized operator (:mod:`keras2torch.reading.onnx_recognize`) travels as one node of
the ``keras`` domain like a layer does, so that layout, writer and report treat both
alike. Its tensors keep the axes that they have in the file, channels second: a foreign
graph is not rewritten at its boundary.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, TypeVar

import numpy as np
from typing_extensions import dataclass_transform

from keras2torch.layers.base import (
    INTERNAL,
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
    transposed,
)
from keras2torch.layers.spatial import pad_text, same_pad, torch_sizes
from keras2torch.layers.text import call as call_text
from keras2torch.layers.text import scalar_or_tuple, short

M = TypeVar("M", bound="StoredModule")
Pads = list[tuple[int, int]]


@dataclass_transform(eq_default=False, kw_only_default=True)
def module(cls: type[M]) -> type[M]:
    """Register a class as a definition that graphs hold and Keras files cannot name."""
    made = dataclass(eq=False, kw_only=True, repr=False, init=False)(cls)
    INTERNAL[cls.__name__] = made
    return made


@dataclass(eq=False, kw_only=True, init=False)
class StoredModule(Layer):
    """Base of the modules: shapes stand in the file, so none is computed here.

    Attributes
    ----------
    operator
        The ONNX operator that it was.
    """

    masking: ClassVar[Literal["stop", "pass", "use"]] = "stop"

    operator: str = ""

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """Not computed: shape inference has said what comes out."""
        raise NotImplementedError(type(self).__name__)

    def output_dtype(self, *dtypes: str) -> str:
        """As it came in."""
        return dtypes[0]

    def forward(self, call: Call, module: str) -> Forward:
        """``self.conv1(x)``."""
        return Forward(f"{module}({call.x.name})")


# ---------------------------------------------------------------------- windows
@dataclass(eq=False, kw_only=True, init=False)
class _Windowed(StoredModule):
    """What convolutions and pooling share: a window, its steps, and the padding.

    Attributes
    ----------
    pads
        As ONNX has them: all begins, then all ends.
    auto_pad
        ``""``, or ``"SAME_UPPER"``, ``"SAME_LOWER"``: then ``pads`` are none.
    """

    kernel_size: list[int] = field(default_factory=list)
    stride: list[int] = field(default_factory=list)
    dilation: list[int] = field(default_factory=list)
    pads: list[int] = field(default_factory=list)
    auto_pad: str = ""

    @property
    def rank(self) -> int:
        """Number of spatial axes."""
        return len(self.kernel_size)

    def _pairs(self, call: Call) -> Pads | None:
        """Return (before, after) per axis; ``None`` if only the input can tell."""
        if not self.auto_pad:
            return list(
                zip(self.pads[: self.rank], self.pads[self.rank :], strict=True)
            )
        extents = [
            (k - 1) * d + 1
            for k, d in zip(self.kernel_size, self.dilation, strict=True)
        ]
        sizes = torch_sizes(call.x)
        found = [
            same_pad(n, e, s)
            for n, e, s in zip(sizes, extents, self.stride, strict=True)
        ]
        pairs = [p for p in found if p is not None]
        if len(pairs) < len(found):
            if self.auto_pad == "SAME_LOWER":
                raise self.unsupported("auto_pad=SAME_LOWER with unknown sizes")
            return None
        if self.auto_pad == "SAME_LOWER":
            return [(after, before) for before, after in pairs]
        return pairs


@module
class StoredConv(_Windowed):
    """A convolution with a stored kernel."""

    in_channels: int = 0
    out_channels: int = 0
    groups: int = 1
    bias: bool = True

    def weights(self, *shapes: Shape) -> list[Weight]:
        """``weight (out, in / groups, …)`` and ``bias (out,)``, as torch has them."""
        size = (self.out_channels, self.in_channels // self.groups, *self.kernel_size)
        found = [Weight("weight", size)]
        return [*found, Weight("bias", (self.out_channels,))] if self.bias else found

    def module(self, call: Call) -> Module:
        """``nn.Conv2d(3, 8, kernel_size=3)``."""
        pairs = self._pairs(call)
        even = pairs is not None and all(before == after for before, after in pairs)
        padding = tuple(before for before, _ in pairs) if pairs and even else (0,)
        name = f"nn.Conv{self.rank}d"
        text = call_text(
            name,
            self.in_channels,
            self.out_channels,
            kernel_size=scalar_or_tuple(tuple(self.kernel_size)),
            stride=scalar_or_tuple(tuple(self.stride)),
            padding=scalar_or_tuple(padding),
            dilation=scalar_or_tuple(tuple(self.dilation)),
            groups=self.groups,
            bias=self.bias,
        )
        weights = {w.name: copied(w.name) for w in self.weights()}
        if pairs is not None:
            return Module(text, weights)
        helper = f"{name.removeprefix('nn.')}Same"
        return Module(text.replace(name, helper, 1), weights, (helper,))

    def forward(self, call: Call, module: str) -> Forward:
        """``self.conv1(F.pad(x, (0, 1)))`` where both ends differ."""
        x, pairs = call.x.name, self._pairs(call)
        if pairs is not None and any(before != after for before, after in pairs):
            x = pad_text(x, pairs)
        return Forward(f"{module}({x})")


@module
class StoredConvTranspose(_Windowed):
    """A transposed convolution with a stored kernel.

    Attributes
    ----------
    output_padding
        What ONNX adds at the end.
    """

    in_channels: int = 0
    out_channels: int = 0
    groups: int = 1
    bias: bool = True
    output_padding: list[int] = field(default_factory=list)

    def weights(self, *shapes: Shape) -> list[Weight]:
        """``weight (in, out / groups, …)`` and ``bias (out,)``, as torch has them."""
        size = (self.in_channels, self.out_channels // self.groups, *self.kernel_size)
        found = [Weight("weight", size)]
        return [*found, Weight("bias", (self.out_channels,))] if self.bias else found

    def _plan(self, call: Call) -> tuple[list[int], list[int], Pads]:
        """Return torch's padding and output padding, and what is cut off after that.

        torch takes as much from both ends and adds less than a step at the far one.
        """
        padding, extra, cut = [], [], []
        pairs = self._pairs(call)
        assert pairs is not None
        for (before, after), out, step, dilation in zip(
            pairs, self.output_padding, self.stride, self.dilation, strict=True
        ):
            more = out + before - after
            if before >= 0 and 0 <= more < max(step, dilation):
                padding.append(before)
                extra.append(more)
                cut.append((0, 0))
            else:
                padding.append(0)
                extra.append(out)
                cut.append((before, after))
        return padding, extra, cut

    def module(self, call: Call) -> Module:
        """``nn.ConvTranspose2d(8, 4, kernel_size=3, stride=2)``."""
        padding, extra, _ = self._plan(call)
        text = call_text(
            f"nn.ConvTranspose{self.rank}d",
            self.in_channels,
            self.out_channels,
            kernel_size=scalar_or_tuple(tuple(self.kernel_size)),
            stride=scalar_or_tuple(tuple(self.stride)),
            padding=scalar_or_tuple(tuple(padding)),
            output_padding=scalar_or_tuple(tuple(extra)),
            dilation=scalar_or_tuple(tuple(self.dilation)),
            groups=self.groups,
            bias=self.bias,
        )
        return Module(text, {w.name: copied(w.name) for w in self.weights()})

    def forward(self, call: Call, module: str) -> Forward:
        """``self.up(x)[:, :, 1:-1]`` where torch cannot cut by itself."""
        text, cut = f"{module}({call.x.name})", self._plan(call)[2]
        if not any(map(any, cut)):
            return Forward(text)
        if any(min(ends) < 0 for ends in cut):
            return Forward(pad_text(text, [(-b, -a) for b, a in cut]))
        keys = [f"{b or ''}:{-a if a else ''}" for b, a in cut]
        return Forward(f"{text}[:, :, {', '.join(keys)}]")


@module
class StoredPool(_Windowed):
    """Maximum or mean over windows.

    Attributes
    ----------
    average
        The mean, else the maximum.
    """

    average: bool = False
    ceil_mode: bool = False
    count_include_pad: bool = False

    def _torch_pads(self, pairs: Pads) -> bool:
        """Whether torch's own padding does it: even, at most half a window."""
        return all(
            before == after <= k // 2
            for (before, after), k in zip(pairs, self.kernel_size, strict=True)
        )

    def module(self, call: Call) -> Module:
        """``nn.MaxPool2d(3, stride=2, padding=1)``."""
        name = f"nn.{'Avg' if self.average else 'Max'}Pool{self.rank}d"
        kernel, stride = tuple(self.kernel_size), tuple(self.stride)
        dilated = any(d != 1 for d in self.dilation)
        given: dict[str, Any] = {}
        if stride != kernel:
            given["stride"] = scalar_or_tuple(stride)
        if dilated and self.average:
            raise self.unsupported("dilations of an AveragePool")
        if dilated:
            given["dilation"] = scalar_or_tuple(tuple(self.dilation))
        pairs = self._pairs(call)
        if pairs is None and (dilated or self.count_include_pad or self.ceil_mode):
            raise self.unsupported("auto_pad with unknown sizes")
        if pairs is None:
            helper = f"{name.removeprefix('nn.')}Same"
            text = call_text(helper, scalar_or_tuple(kernel), **given)
            return Module(text, helpers=(helper,))
        padded = any(map(any, pairs))
        if self._torch_pads(pairs):
            padding = scalar_or_tuple(tuple(before for before, _ in pairs))
            given |= {"padding": padding, "ceil_mode": self.ceil_mode}
            if self.average and padded:
                given["count_include_pad"] = self.count_include_pad
        elif self.ceil_mode:
            raise self.unsupported("ceil_mode with padding that differs at both ends")
        return Module(call_text(name, scalar_or_tuple(kernel), **given))

    def forward(self, call: Call, module: str) -> Forward:
        """``self.pool(x)``; what is padded never wins, nor counts unless it should."""
        x, pairs = call.x.name, self._pairs(call)
        if pairs is None or self._torch_pads(pairs):
            return Forward(f"{module}({x})")
        if not self.average:
            low = pad_text(x, pairs, 'float("-inf")')
            return Forward(f"{module}({low})")
        text = f"{module}({pad_text(x, pairs)})"
        if self.count_include_pad:
            return Forward(text)
        inside = pad_text(f"torch.ones_like({x}[:1, :1])", pairs)
        return Forward(f"{text} / {module}({inside})")


# --------------------------------------------------------------------- matrices
@module
class StoredLinear(StoredModule):
    """A product with a stored matrix, and what is added to it.

    Attributes
    ----------
    rows
        Whether the matrix lies as torch has it, (out, in), and not (in, out).
    alpha, beta
        Factors of the matrix and of the bias.
    """

    layout = "flat"

    in_features: int = 0
    out_features: int = 0
    bias: bool = True
    rows: bool = True
    alpha: float = 1.0
    beta: float = 1.0

    def weights(self, *shapes: Shape) -> list[Weight]:
        """``weight`` as it is stored, and ``bias (out,)``."""
        size = (self.out_features, self.in_features)
        found = [Weight("weight", size if self.rows else size[::-1])]
        return [*found, Weight("bias", (self.out_features,))] if self.bias else found

    def layouts(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """Any order of a flattened input, or of the axes before the last.

        Out comes the same order, or that of a Reshape behind it.
        """
        there, rank = call.x.layout, call.x.rank
        if not there.flat and there.axes[-1] == rank - 1 and call.flat_wish is None:
            return [there], [there]
        out = call.flat_wish or Layout.keras(call.x.rank)
        return [self._wanted(call.x)], [out]

    def module(self, call: Call) -> Module:
        """``nn.Linear``, its columns in the order in which a flattening ran."""
        text = call_text(
            "nn.Linear", self.in_features, self.out_features, bias=self.bias
        )
        ins, outs = call.x.layout.feature_order(), call.y.layout.feature_order()

        def matrix(weight: Array) -> Array:
            weight = weight if self.rows else weight.T
            weight = weight if ins is None else weight[:, ins]
            weight = weight if outs is None else weight[outs]
            return weight if self.alpha == 1 else weight * np.float32(self.alpha)

        def vector(bias: Array) -> Array:
            bias = bias if outs is None else bias[outs]
            return bias if self.beta == 1 else bias * np.float32(self.beta)

        how = "copy" if self.rows else "transpose"
        moved = "" if ins is None else ", columns in PyTorch's order"
        moved += "" if outs is None else ", rows in PyTorch's order"
        scaled = "" if self.alpha == 1 else f", times {short(self.alpha)}"
        weights = {"weight": copied("weight") if self.rows else transposed("weight")}
        if moved or scaled:
            leads = None if outs is not None else 0 if self.rows else 1
            told = how + moved + scaled
            weights["weight"] = Source(("weight",), matrix, told, leads=leads)
        if self.bias:
            weights["bias"] = copied("bias")
            if outs is not None or self.beta != 1:
                told = "scaled, in PyTorch's order"
                weights["bias"] = Source(("bias",), vector, told)
        return Module(text, weights)


@module
class StoredEmbedding(StoredModule):
    """A stored table, looked up by integers."""

    num_embeddings: int = 0
    embedding_dim: int = 0

    def weights(self, *shapes: Shape) -> list[Weight]:
        """``weight (num_embeddings, embedding_dim)``."""
        return [Weight("weight", (self.num_embeddings, self.embedding_dim))]

    def output_dtype(self, *dtypes: str) -> str:
        """Floats, whatever the indices are."""
        return "float32"

    def module(self, call: Call) -> Module:
        """``nn.Embedding(1000, 64)``."""
        text = call_text("nn.Embedding", self.num_embeddings, self.embedding_dim)
        return Module(text, {"weight": copied("weight")})
