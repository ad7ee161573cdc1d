"""Attention of scores between queries and keys: dot-product and additive.

Sources: ``keras/src/layers/attention`` (Keras 3.15).
"""

from __future__ import annotations

from typing import Any, ClassVar

from keras2torch.layers.base import (
    Call,
    Forward,
    Layer,
    Module,
    Shape,
    Source,
    Weight,
    copied,
    layer,
)
from keras2torch.layers.multi_head import size_of
from keras2torch.layers.text import call as call_text
from keras2torch.layers.text import single


class _SequenceAttention(Layer):
    """Base of the layers that are called on ``[query, value]`` or with a key, too."""

    masking = "use"
    takes_list: ClassVar[bool] = True
    helper: ClassVar[str]

    # Keras 3.0 to 3.3 lost the masks of tensors in a list behind the layer.
    forgets_mask: bool

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
        return not self.forgets_mask

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
    forgets_mask: bool = False

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
        rate = {"dropout": single(self.dropout)} if self.dropout else {}
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
    forgets_mask: bool = False

    def weights(self, *shapes: Shape) -> list[Weight]:
        """``scale (features,)``."""
        if not self.use_scale:
            return []
        return [Weight("scale", (size_of(self, shapes[0]),))]

    def module(self, call: Call) -> Module:
        """Return the helper class."""
        rate = {"dropout": single(self.dropout)} if self.dropout else {}
        if not self.use_scale:
            text = call_text("AdditiveAttention", **rate)
            return Module(text, helpers=("AdditiveAttention",))
        text = call_text("AdditiveAttention", size_of(self, call.x.shape), **rate)
        weights = {"scale": copied("scale")}
        return Module(text, weights, helpers=("AdditiveAttention",))


__all__ = ["AdditiveAttention", "Attention"]
