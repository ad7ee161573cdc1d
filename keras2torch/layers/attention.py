"""Attention: multi-head, dot-product and additive.

Sources: ``keras/src/layers/attention`` (Keras 3.15).
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from keras2torch.layers.base import (
    Array,
    Call,
    Forward,
    Layer,
    Module,
    Shape,
    Source,
    Weight,
    copied,
    layer,
    made,
)
from keras2torch.layers.text import call as call_text
from keras2torch.layers.text import literal


def _size(owner: Layer, shape: Shape, axis: int = -1) -> int:
    size = shape[axis]
    if size is None:
        raise owner.unsupported(f"axis {axis} of an input has no size")
    return size


@layer
class MultiHeadAttention(Layer):
    """Attention of several heads, each with projections of its own.

    ``nn.MultiheadAttention`` where heads × head size is the width of all inputs and of
    the output; a helper class of four projections otherwise.
    """

    masking = "use"
    arguments = ("query", "value", "key")
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

    # -- Keras
    def _sizes(self, *shapes: Shape) -> tuple[int, int, int, int]:
        """Return the widths of query, key, value and output."""
        query, value, key = shapes[0], shapes[1], shapes[-1]
        if any(len(s) != 3 for s in shapes):
            raise self.unsupported(f"inputs of other ranks than 3: {shapes}")
        axes = self.attention_axes
        if axes is not None and list(np.atleast_1d(axes)) not in ([1], [-2]):
            raise self.unsupported(f"attention_axes={axes!r}")
        out = _size(self, query)
        if self.output_shape:
            given = np.atleast_1d(self.output_shape)
            if len(given) != 1:
                raise self.unsupported(f"output_shape={self.output_shape!r}")
            out = int(given[0])
        return _size(self, query), _size(self, key), _size(self, value), out

    def _parts(self, *shapes: Shape) -> list[tuple[str, str, tuple[int, ...], int]]:
        """Return name, path, kernel shape and bias axes of the projections in order."""
        query, key, value, out = self._sizes(*shapes)
        heads, value_dim = self.num_heads, self.value_dim or self.key_dim
        parts = [
            ("query", "query_dense", (query, heads, self.key_dim), 2),
            ("key", "key_dense", (key, heads, self.key_dim), 2),
            ("gate", "_gate_dense", (query, heads, value_dim), 2),
            ("value", "value_dense", (value, heads, value_dim), 2),
            ("attention_output", "output_dense", (heads, value_dim, out), 1),
        ]
        return [p for p in parts if p[0] != "gate" or self.use_gate]

    def weights(self, *shapes: Shape) -> list[Weight]:
        """Kernels ``(in, heads, size)`` and ``(heads, size, out)``, with biases."""
        found = []
        for name, path, shape, axes in self._parts(*shapes):
            found.append(Weight(f"{name}/kernel", shape, path=path))
            if self.use_bias:
                found.append(Weight(f"{name}/bias", shape[-axes:], path=path))
        return found

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """The query's shape, its last axis replaced by ``output_shape``."""
        return [(*shapes[0][:-1], self._sizes(*shapes)[-1])]

    def call_shapes(self, options: dict[str, Any], *shapes: Shape) -> list[Shape]:
        """Return the shapes for these call options: with the scores, if asked for."""
        found = self.output_shapes(*shapes)
        if options.get("return_attention_scores"):
            query, value = shapes[0], shapes[1]
            found.append((query[0], self.num_heads, query[1], value[1]))
        return found

    def passes_mask(self) -> bool:
        """The query's mask goes on."""
        return True

    def regularizers(self) -> dict[str, Any]:
        """Each projection has the layer's regularizers."""
        found = {}
        names = ("query", "key", "gate", "value", "attention_output")
        for kind in ("kernel", "bias"):
            if value := getattr(self, f"{kind}_regularizer"):
                found.update({f"{name}/{kind}": value for name in names})
        return found

    # -- PyTorch
    def _plain(self, call: Call) -> bool:
        """Whether ``nn.MultiheadAttention`` computes the same."""
        query, key, value, out = self._sizes(*[t.shape for t in call.inputs])
        width = self.num_heads * self.key_dim
        same = query == key == value == out == width
        return same and self.value_dim in (None, self.key_dim) and not self.use_gate

    def module(self, call: Call) -> Module:
        """``nn.MultiheadAttention(64, 4, batch_first=True)``, or a helper class."""
        if self._plain(call):
            text = call_text(
                "nn.MultiheadAttention",
                self.num_heads * self.key_dim,
                self.num_heads,
                dropout=float(self.dropout),
                bias=self.use_bias,
                batch_first=True,
            )
            return Module(text, self._packed())
        query, key, value, out = self._sizes(*[t.shape for t in call.inputs])
        options: dict[str, Any] = {}
        if self.value_dim not in (None, self.key_dim):
            options["value_dim"] = self.value_dim
        if self.dropout:
            options["dropout"] = float(self.dropout)
        if not self.use_bias:
            options["bias"] = False
        if self.use_gate:
            options["gate"] = True
        widths = (query, key, value, out)
        text = call_text(
            "MultiHeadAttention", widths, self.num_heads, self.key_dim, **options
        )
        weights = {}
        for name, _, _, _ in self._parts(*[t.shape for t in call.inputs]):
            ours = "output" if name == "attention_output" else name
            flat = _rows if name == "attention_output" else _columns
            how = "heads joined, transpose"
            weights[f"{ours}.weight"] = Source((f"{name}/kernel",), flat, how)
            if self.use_bias:
                how = "heads joined"
                weights[f"{ours}.bias"] = Source((f"{name}/bias",), np.ravel, how)
        return Module(text, weights, helpers=("MultiHeadAttention",))

    def _packed(self) -> dict[str, Source]:
        """Return the weights of nn.MultiheadAttention."""
        names = ("query", "key", "value")
        how = "query, key and value stacked"
        weights = {
            "in_proj_weight": made(
                [f"{n}/kernel" for n in names],
                lambda *kernels: np.concatenate([_columns(k) for k in kernels]),
                how,
            )
        }
        if self.use_bias:
            weights["in_proj_bias"] = made(
                [f"{n}/bias" for n in names],
                lambda *biases: np.concatenate([b.ravel() for b in biases]),
                how,
            )
        how = "heads joined, transpose"
        weights["out_proj.weight"] = Source(("attention_output/kernel",), _rows, how)
        if self.use_bias:
            weights["out_proj.bias"] = copied("attention_output/bias")
        return weights

    def _mask(self, call: Call) -> tuple[str | None, tuple[str, ...]]:
        """Return the boolean mask as Keras combines it, and helpers."""
        query, value = call.inputs[0].name, call.inputs[1].name
        masks = [*call.masks, None, None, None]
        parts, helpers = [], []
        if masks[0] is not None:
            parts.append(f"{masks[0].name}[:, :, None]")
        for mask in (masks[1], masks[2] if len(call.inputs) > 2 else None):
            if mask is not None:
                parts.append(f"{mask.name}[:, None]")
        if call.options.get("use_causal_mask"):
            parts.append(f"causal_mask({query}, {value})")
            helpers.append("causal_mask")
        if self.sliding_window is not None:
            window = literal(self.sliding_window)
            parts.append(f"window_mask({query}, {value}, {window})")
            helpers.append("window_mask")
        if given := call.named.get("attention_mask"):
            if given.rank > 3 and any(masks):
                raise self.unsupported("an attention_mask of rank 4 beside other masks")
            text = given.name if given.dtype == "bool" else f"{given.name}.bool()"
            parts.append(text)
        return (" & ".join(dict.fromkeys(parts)) or None), tuple(helpers)

    def forward(self, call: Call, module: str) -> Forward:
        """``self.attention(x, x, x, need_weights=False)[0]``."""
        self._check(call)
        mask, helpers = self._mask(call)
        names = [t.name for t in call.inputs]
        query, value, key = names[0], names[1], names[-1]
        training = call.options.get("training")
        if training is not None and training != 0 and self.dropout:
            raise self.unsupported("dropout with training=True in the call")
        scores = bool(call.options.get("return_attention_scores"))
        arguments = [query, key, value]
        zero = ""
        if mask is not None and not self._only_bands(call):
            # Keras 3 computes with and without scores or dropout on two ways, of which
            # one leaves 0 where nothing may be attended to (activations/softmax.py).
            if self.keras2:
                mask = f"-1e9 * ~({mask})" if " & " in mask else f"-1e9 * ~{mask}"
            elif scores or self.dropout:
                zero = ", zero_empty=True"
        elif mask is not None and self._plain(call):
            inverse = f"~({mask})" if " & " in mask else f"~{mask}"
            arguments.append(f"attn_mask={inverse}")
            mask = None
        if mask is not None and self._plain(call):
            text = f"masked_attention({module}, {', '.join(arguments)}, {mask}{zero})"
            helpers = (*helpers, "masked_attention")
        elif self._plain(call):
            arguments.append(
                "average_attn_weights=False" if scores else "need_weights=False"
            )
            text = f"{module}({', '.join(arguments)})"
        else:
            arguments += [mask] if mask is not None else []
            text = f"{module}({', '.join(arguments)}{zero})"
        if scores:
            return Forward(text, helpers=helpers, unpack=True, names=("", "scores"))
        return Forward(f"{text}[0]", helpers=helpers)

    def _only_bands(self, call: Call) -> bool:
        """Whether the mask leaves each row something to attend to."""
        return not any(call.masks) and "attention_mask" not in call.named

    def _check(self, call: Call) -> None:
        others = call.named.keys() - {"attention_mask"}
        if others:
            raise self.unsupported(f"call arguments {sorted(others)}")


def _columns(kernel: Array) -> Array:
    """Turn ``(in, heads, size)`` into the rows of an nn.Linear."""
    return kernel.reshape(kernel.shape[0], -1).T


def _rows(kernel: Array) -> Array:
    """Turn ``(heads, size, out)`` into the rows of an nn.Linear."""
    return kernel.reshape(-1, kernel.shape[-1]).T


class _SequenceAttention(Layer):
    """Base of the layers that are called on ``[query, value]`` or with a key, too."""

    masking = "use"
    takes_list: ClassVar[bool] = True
    helper: ClassVar[str]

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """The query's steps with the value's features."""
        if len(shapes) not in (2, 3) or any(len(s) < 3 for s in shapes):
            raise self.unsupported(f"inputs of shapes {shapes}")
        return [(*shapes[0][:-1], shapes[1][-1])]

    def call_shapes(self, options: dict[str, Any], *shapes: Shape) -> list[Shape]:
        """Return the shapes for these call options: with the scores, if asked for."""
        found = self.output_shapes(*shapes)
        if options.get("return_attention_scores"):
            found.append((*shapes[0][:-1], shapes[-1][-2]))
        return found

    def passes_mask(self) -> bool:
        """The query's mask goes on."""
        return True

    def _plain(self, call: Call) -> bool:
        """Whether torch's function alone computes it."""
        return False

    def _always_drops(self, call: Call) -> bool:
        rate = getattr(self, "dropout", 0.0)
        return bool(rate and call.options.get("training"))

    def forward(self, call: Call, module: str) -> Forward:
        """``self.attention(query, value, key)[0]``."""
        if self._always_drops(call):
            raise self.unsupported("dropout with training=True in the call")
        names = [t.name for t in call.inputs]
        query, value, key = names[0], names[1], names[-1]
        masks = [*call.masks, None, None]
        causal = bool(call.options.get("use_causal_mask"))
        scores = bool(call.options.get("return_attention_scores"))
        helpers: tuple[str, ...] = ()
        parts = []
        if masks[1] is not None:
            if call.inputs[1].rank != 3:
                raise self.unsupported(f"a mask on {call.inputs[1].shape}")
            parts.append(f"{masks[1].name}[:, None]")
        if causal:
            helpers = ("causal_mask",)
            rank = call.x.rank
            if rank != 3:
                raise self.unsupported(f"a causal mask on {call.x.shape}")
            parts.append(f"causal_mask({query}, {key})")
        arguments = [query, key, value]
        if parts:
            arguments.append(" & ".join(parts))
        if self._plain(call):
            arguments.append("scale=1.0")
            text = f"F.scaled_dot_product_attention({', '.join(arguments)})"
            return Forward(text, helpers=helpers)
        text = f"{module}({', '.join(arguments)})"
        after = ""
        if masks[0] is not None:
            after = f".masked_fill(~{masks[0].name}[..., None], 0.0)"
        if scores:
            before = (f"attended, scores = {text}",)
            results = [f"attended{after}", "scores"]
            return Forward(results, before, helpers, names=("", "scores"))
        return Forward(f"{text}[0]{after}", helpers=helpers)


@layer
class Attention(_SequenceAttention):
    """Dot-product (Luong) attention, without the division by the root of the width."""

    use_scale: bool = False
    score_mode: str = "dot"
    dropout: float = 0.0
    seed: int | None = None

    def weights(self, *shapes: Shape) -> list[Weight]:
        """Up to two scalars."""
        found = [Weight("scale", (), default=1.0)] if self.use_scale else []
        if self.score_mode == "concat":
            found.append(Weight("concat_score_weight", (), default=1.0))
        return found

    def _plain(self, call: Call) -> bool:
        if self.use_scale or self.dropout or self.score_mode != "dot":
            return False
        # A row that may attend to nothing is no NaN in Keras: masks need the helper.
        masked = any(m is not None for m in call.masks)
        return not masked and not call.options.get("return_attention_scores")

    def module(self, call: Call) -> Module | None:
        """Nothing for the plain case, else a helper class."""
        if self.score_mode not in ("dot", "concat"):
            raise self.unsupported(f"score_mode={self.score_mode!r}")
        if self._plain(call):
            return None
        weights = {
            w.name: Source((w.name,), lambda a: a.reshape(1), "reshape(1)")
            for w in self.weights()
        }
        rate = {"dropout": float(self.dropout)} if self.dropout else {}
        scale = {"use_scale": True} if self.use_scale else {}
        kind = "ConcatAttention" if self.score_mode == "concat" else "DotAttention"
        return Module(call_text(kind, **scale, **rate), weights, helpers=(kind,))


@layer
class AdditiveAttention(_SequenceAttention):
    """Additive (Bahdanau) attention: the scores are sums of ``tanh(query + key)``."""

    # What Keras starts with, and no argument of its.
    scale_initializer: ClassVar[str] = "glorot_uniform"

    use_scale: bool = True
    dropout: float = 0.0
    seed: int | None = None
    score_mode: str = "dot"

    def weights(self, *shapes: Shape) -> list[Weight]:
        """``scale (features,)``."""
        if not self.use_scale:
            return []
        return [Weight("scale", (_size(self, shapes[0]),))]

    def module(self, call: Call) -> Module:
        """Return the helper class."""
        rate = {"dropout": float(self.dropout)} if self.dropout else {}
        if not self.use_scale:
            text = call_text("AdditiveAttention", **rate)
            return Module(text, helpers=("AdditiveAttention",))
        text = call_text("AdditiveAttention", _size(self, call.x.shape), **rate)
        weights = {"scale": copied("scale")}
        return Module(text, weights, helpers=("AdditiveAttention",))


__all__ = ["AdditiveAttention", "Attention", "MultiHeadAttention"]
