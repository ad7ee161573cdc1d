"""Attention of several heads, each with projections of its own.

Source: ``keras/src/layers/attention/multi_head_attention.py`` (Keras 3.15).
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from keras2torch.layers.base import (
    Array,
    Call,
    Forward,
    Layer,
    Module,
    Shape,
    Source,
    Tensor,
    Weight,
    copied,
    layer,
    made,
)
from keras2torch.layers.text import call as call_text
from keras2torch.layers.text import literal, single


def size_of(owner: Layer, shape: Shape, axis: int = -1) -> int:
    """Return a size that has to be known."""
    size = shape[axis]
    if size is None:
        raise owner.unsupported(f"axis {axis} of an input has no size")
    return size


class Heads(Layer):
    """Base: projections of query, key and value into heads, and one of the result."""

    masking = "use"
    arguments = ("query", "value", "key")
    sliding_window: int | None
    dropout: float
    use_bias: bool
    # Whether a row with nothing to attend to is a mean always, as before Keras 3.10.
    fills_empty: bool

    # -- Keras
    def projections(
        self, *shapes: Shape
    ) -> list[tuple[str, str, tuple[int, ...], int]]:
        """Return name, path, kernel shape and number of bias axes, in Keras' order."""
        raise NotImplementedError

    def weights(self, *shapes: Shape) -> list[Weight]:
        """Kernels ``(in, heads, size)`` and ``(heads, size, out)``, with biases."""
        found = []
        for name, path, shape, axes in self.projections(*shapes):
            ins = tuple(range(len(shape) - axes))
            outs = tuple(range(len(shape) - axes, len(shape)))
            kernel = Weight(f"{name}/kernel", shape, path=path, fans=(ins, outs))
            found.append(kernel)
            if self.use_bias:
                found.append(Weight(f"{name}/bias", shape[-axes:], path=path))
        return found

    def passes_mask(self) -> bool:
        """The query's mask goes on."""
        return True

    def told_masks(self) -> bool:
        """It looks at its inputs."""
        return False

    def regularizers(self) -> dict[str, Any]:
        """Each projection has the layer's regularizers."""
        found = {}
        names = ("query", "key", "gate", "value", "attention_output")
        for kind in ("kernel", "bias"):
            if value := getattr(self, f"{kind}_regularizer"):
                found.update({f"{name}/{kind}": value for name in names})
        return found

    # -- PyTorch
    def projected(self, call: Call) -> dict[str, Source]:
        """Return the weights of nn.Linear modules called query, key, value, output."""
        weights = {}
        for name, _, shape, axes in self.projections(*[t.shape for t in call.inputs]):
            ours = "output" if name == "attention_output" else name
            outs = prod(shape[-axes:])
            how = "heads joined, transpose"
            source = Source((f"{name}/kernel",), _rows_of(outs), how)
            weights[f"{ours}.weight"] = source
            if self.use_bias:
                how = "heads joined"
                weights[f"{ours}.bias"] = Source((f"{name}/bias",), np.ravel, how)
        return weights

    def mask(self, call: Call) -> tuple[str | None, tuple[str, ...]]:
        """Return the boolean mask as Keras combines it, and helpers."""
        query, value = call.inputs[0].name, call.inputs[1].name
        masks = [*call.masks, None, None, None]
        parts, helpers = [], []
        if masks[0] is not None:
            steps = ":, " * (masks[0].rank - 1)
            parts.append(f"{masks[0].name}[:, {steps}None]")
        for mask in (masks[1], masks[2] if len(call.inputs) > 2 else None):
            if mask is not None:
                steps = ":, " * (mask.rank - 1)
                at = "[:, None]" if mask.rank == 2 else f"[{steps}None, :]"
                parts.append(f"{mask.name}{at}")
        if call.options.get("use_causal_mask"):
            parts.append(f"causal_mask({query}, {value})")
            helpers.append("causal_mask")
        if self.sliding_window is not None:
            window = literal(self.sliding_window)
            parts.append(f"window_mask({query}, {value}, {window})")
            helpers.append("window_mask")
        if given := call.named.get("attention_mask"):
            implicit = [m for m in masks if m is not None]
            if any(m.rank + 1 != given.rank for m in implicit):
                # Keras' broadcasting would set heads beside samples.
                raise self.unsupported(
                    f"an attention_mask of rank {given.rank} beside masks of steps"
                )
            parts.append(self.given_mask(call, given))
        return (" & ".join(dict.fromkeys(parts)) or None), tuple(helpers)

    def given_mask(self, call: Call, given: Tensor) -> str:
        """Return an ``attention_mask`` as booleans."""
        return given.name if given.dtype == "bool" else f"{given.name}.bool()"

    def only_bands(self, call: Call) -> bool:
        """Whether the mask leaves each row something to attend to."""
        return not any(call.masks) and "attention_mask" not in call.named

    def check(self, call: Call) -> None:
        """Raise for what a call may not have."""
        others = call.named.keys() - {"attention_mask"}
        if others:
            raise self.unsupported(f"call arguments {sorted(others)}")
        training = call.options.get("training")
        if training is not None and training != 0 and self.dropout:
            raise self.unsupported("dropout with training=True in the call")


def _rows_of(outs: int) -> Callable[[Array], Array]:
    """Return what turns a kernel into the rows of an nn.Linear."""
    return lambda kernel: kernel.reshape(-1, outs).T


@layer
class MultiHeadAttention(Heads):
    """Attention of several heads, each with projections of its own.

    ``nn.MultiheadAttention`` where heads × head size is the width of all inputs and of
    the output; a helper class of four projections otherwise.

    Attributes
    ----------
    keras2
        Whether masked scores are lowered by 1e9, as in Keras 2.
    keeps_masks
        Whether its inputs keep their masks, as before Keras 3.8.
    fills_empty
        Whether a row with nothing to attend to is a mean always, as before Keras 3.10.
    """

    ignored = frozenset(
        {"softmax_robust_masking", "query_shape", "key_shape", "value_shape"}
    )

    num_heads: int
    key_dim: int
    value_dim: int | None = None
    dropout: float = 0.0
    use_bias: bool = True
    output_shape: Any = None
    attention_axes: Any = None
    sliding_window: int | None = None
    flash_attention: bool | None = None
    kernel_initializer: Any = "glorot_uniform"
    bias_initializer: Any = "zeros"
    kernel_regularizer: Any = None
    bias_regularizer: Any = None
    kernel_constraint: Any = None
    bias_constraint: Any = None
    use_gate: bool = False
    seed: int | None = None
    keras2: bool = False
    keeps_masks: bool = False
    fills_empty: bool = False

    # -- Keras
    def strips_masks(self) -> bool:
        """Since Keras 3.8: a sum with what went in has no mask, a block behind none."""
        return not (self.keras2 or self.keeps_masks)

    def _sizes(self, *shapes: Shape) -> tuple[int, int, int]:
        """Return the widths of query, key and value."""
        query, value, key = shapes[0], shapes[1], shapes[-1]
        if len({len(s) for s in shapes}) > 1 or len(query) < 3:
            raise self.unsupported(f"inputs of shapes {shapes}")
        return size_of(self, query), size_of(self, key), size_of(self, value)

    def _out(self, query: Shape) -> tuple[int, ...]:
        """Return the sizes that replace the query's last axis."""
        if not self.output_shape:
            return (size_of(self, query),)
        return tuple(int(n) for n in np.atleast_1d(self.output_shape))

    def _axes(self, rank: int) -> tuple[int, ...]:
        """Return the axes of an input along which it attends."""
        if self.attention_axes is None:
            return tuple(range(1, rank - 1))
        axes = tuple(int(a) for a in np.atleast_1d(self.attention_axes))
        axes = tuple(a if a >= 0 else rank + a for a in axes)
        if (
            not axes
            or len(set(axes)) < len(axes)
            or not set(axes) <= {*range(1, rank - 1)}
        ):
            raise self.unsupported(f"attention_axes={self.attention_axes!r}")
        return axes

    def projections(
        self, *shapes: Shape
    ) -> list[tuple[str, str, tuple[int, ...], int]]:
        """Return name, path, kernel shape and number of bias axes, in Keras' order."""
        query, key, value = self._sizes(*shapes)
        out = self._out(shapes[0])
        heads, value_dim = self.num_heads, self.value_dim or self.key_dim
        parts = [
            ("query", "query_dense", (query, heads, self.key_dim), 2),
            ("key", "key_dense", (key, heads, self.key_dim), 2),
            ("gate", "_gate_dense", (query, heads, value_dim), 2),
            ("value", "value_dense", (value, heads, value_dim), 2),
            ("attention_output", "output_dense", (heads, value_dim, *out), len(out)),
        ]
        return [p for p in parts if p[0] != "gate" or self.use_gate]

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """The query's shape, its last axis replaced by ``output_shape``."""
        self._sizes(*shapes)
        self._axes(len(shapes[0]))
        return [(*shapes[0][:-1], *self._out(shapes[0]))]

    def call_shapes(self, options: dict[str, Any], *shapes: Shape) -> list[Shape]:
        """Return the shapes for these call options: with the scores, if asked for."""
        found = self.output_shapes(*shapes)
        if options.get("return_attention_scores"):
            query, value = shapes[0], shapes[1]
            axes = self._axes(len(query))
            batch = [n for i, n in enumerate(query[:-1]) if i not in axes]
            steps = [s[a] for s in (query, value) for a in axes]
            found.append((*batch, self.num_heads, *steps))
        return found

    # -- PyTorch
    def _plain(self, call: Call) -> bool:
        """Whether ``nn.MultiheadAttention`` computes the same."""
        query, key, value = self._sizes(*[t.shape for t in call.inputs])
        width = self.num_heads * self.key_dim
        same = (query,) == (key,) == (value,) == self._out(call.x.shape) == (width,)
        same = same and self.value_dim in (None, self.key_dim)
        return same and call.x.rank == 3 and not self.use_gate

    def module(self, call: Call) -> Module:
        """``nn.MultiheadAttention(64, 4, batch_first=True)``, or a helper class."""
        if self._plain(call):
            text = call_text(
                "nn.MultiheadAttention",
                self.num_heads * self.key_dim,
                self.num_heads,
                dropout=single(self.dropout),
                bias=self.use_bias,
                batch_first=True,
            )
            return Module(text, self._packed())
        widths = (
            *self._sizes(*[t.shape for t in call.inputs]),
            prod(self._out(call.x.shape)),
        )
        options: dict[str, Any] = {}
        kind = "MultiHeadAttention"
        if call.x.rank > 3:
            kind, options["axes"] = "AxisAttention", self._axes(call.x.rank)
        if self.value_dim not in (None, self.key_dim):
            options["value_dim"] = self.value_dim
        if self.dropout:
            options["dropout"] = single(self.dropout)
        if not self.use_bias:
            options["bias"] = False
        if self.use_gate:
            options["gate"] = True
        text = call_text(kind, widths, self.num_heads, self.key_dim, **options)
        return Module(text, self.projected(call), helpers=(kind,))

    def _packed(self) -> dict[str, Source]:
        """Return the weights of nn.MultiheadAttention."""
        names = ("query", "key", "value")
        how = "query, key and value stacked"
        weights = {
            "in_proj_weight": made(
                [f"{n}/kernel" for n in names],
                lambda *kernels: np.concatenate(
                    [k.reshape(len(k), -1).T for k in kernels]
                ),
                how,
            )
        }
        if self.use_bias:
            weights["in_proj_bias"] = made(
                [f"{n}/bias" for n in names],
                lambda *biases: np.concatenate([b.ravel() for b in biases]),
                how,
            )
        weights["out_proj.weight"] = Source(
            ("attention_output/kernel",),
            lambda kernel: kernel.reshape(-1, kernel.shape[-1]).T,
            "heads joined, transpose",
        )
        if self.use_bias:
            weights["out_proj.bias"] = copied("attention_output/bias")
        return weights

    def _fitting(self, call: Call) -> None:
        """Raise for masks that Keras cannot set beside scores over several axes."""
        axes = self._axes(call.x.rank)
        bands = call.options.get("use_causal_mask") or self.sliding_window is not None
        given = call.named.get("attention_mask")
        if any(call.masks) and len(axes) > 1:
            raise self.unsupported(f"masks of steps over the axes {axes}")
        ranks = [3] if bands else []
        ranks += [given.rank] if given is not None else []
        if ranks and max(ranks) < 2 * len(axes):  # its axes are no pairs of these
            raise self.unsupported(f"a mask of rank {max(ranks)} over the axes {axes}")

    def forward(self, call: Call, module: str) -> Forward:
        """``self.attention(x, x, x, need_weights=False)[0]``."""
        self.check(call)
        self._fitting(call)
        mask, helpers = self.mask(call)
        names = [t.name for t in call.inputs]
        query, value, key = names[0], names[1], names[-1]
        scores = bool(call.options.get("return_attention_scores"))
        arguments = [query, key, value]
        zero = ""
        plain = self._plain(call)
        if mask is not None and not self.only_bands(call):
            # Keras 3 computes with and without scores or dropout on two ways, of which
            # one leaves 0 where nothing may be attended to (activations/softmax.py),
            # since 3.10.
            if self.keras2:
                mask = f"-1e9 * ~({mask})" if " & " in mask else f"-1e9 * ~{mask}"
            elif (scores or self.dropout or call.x.rank > 3) and not self.fills_empty:
                zero = ", zero_empty=True"
        elif mask is not None and plain:
            inverse = f"~({mask})" if " & " in mask else f"~{mask}"
            arguments.append(f"attn_mask={inverse}")
            mask = None
        if mask is not None and plain:
            text = f"masked_attention({module}, {', '.join(arguments)}, {mask}{zero})"
            helpers = (*helpers, "masked_attention")
        elif plain:
            arguments.append(
                "average_attn_weights=False" if scores else "need_weights=False"
            )
            text = f"{module}({', '.join(arguments)})"
        else:
            arguments += [mask] if mask is not None else []
            text = f"{module}({', '.join(arguments)}{zero})"
        out = self._out(call.x.shape)
        split = f".unflatten(-1, {literal(out)})" if len(out) > 1 else ""
        if scores and split:
            before = (f"attended, scores = {text}",)
            results = [f"attended{split}", "scores"]
            return Forward(results, before, helpers, names=("", "scores"))
        if scores:
            return Forward(text, helpers=helpers, unpack=True, names=("", "scores"))
        return Forward(f"{text}[0]{split}", helpers=helpers)


__all__ = ["Heads", "MultiHeadAttention", "size_of"]
