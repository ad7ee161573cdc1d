"""Attention whose heads share keys and values in groups.

Source: ``keras/src/layers/attention/grouped_query_attention.py`` (Keras 3.15).
"""

from __future__ import annotations

from typing import Any

from keras2torch.layers.base import Call, Forward, Module, Shape, Tensor, layer
from keras2torch.layers.multi_head import Heads, size_of
from keras2torch.layers.text import call as call_text
from keras2torch.layers.text import single


@layer
class GroupQueryAttention(Heads):
    """Multi-head attention with fewer heads of keys and values than of queries.

    Attributes
    ----------
    fills_empty
        Whether a row with nothing to attend to is a mean always, as before Keras 3.10.
    """

    head_dim: int
    num_query_heads: int
    num_key_value_heads: int
    dropout: float = 0.0
    use_bias: bool = True
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
    fills_empty: bool = False

    # -- Keras
    def _sizes(self, *shapes: Shape) -> tuple[int, int, int]:
        """Return the widths of query, key and value."""
        query, value, key = shapes[0], shapes[1], shapes[-1]
        if any(len(s) != 3 for s in shapes):
            raise self.unsupported(f"inputs of shapes {shapes}")
        if self.num_query_heads % self.num_key_value_heads:
            raise self.unsupported(
                f"{self.num_query_heads} heads in {self.num_key_value_heads} groups"
            )
        return size_of(self, query), size_of(self, key), size_of(self, value)

    def projections(
        self, *shapes: Shape
    ) -> list[tuple[str, str, tuple[int, ...], int]]:
        """Return name, path, kernel shape and number of bias axes, in Keras' order."""
        query, key, value = self._sizes(*shapes)
        heads, groups, size = (
            self.num_query_heads,
            self.num_key_value_heads,
            self.head_dim,
        )
        parts = [
            ("query", "_query_dense", (query, heads, size), 2),
            ("key", "_key_dense", (key, groups, size), 2),
            ("gate", "_gate_dense", (query, heads, size), 2),
            ("value", "_value_dense", (value, groups, size), 2),
            ("attention_output", "_output_dense", (heads, size, query), 1),
        ]
        return [p for p in parts if p[0] != "gate" or self.use_gate]

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """The query's shape."""
        self._sizes(*shapes)
        return [shapes[0]]

    def call_shapes(self, options: dict[str, Any], *shapes: Shape) -> list[Shape]:
        """Return the shapes for these call options: with the scores, if asked for."""
        found = self.output_shapes(*shapes)
        if options.get("return_attention_scores"):
            query, value = shapes[0], shapes[1]
            found.append((query[0], self.num_query_heads, query[1], value[1]))
        return found

    # -- PyTorch
    def module(self, call: Call) -> Module:
        """``GroupedQueryAttention((64, 64, 64), 8, 2, 16)``."""
        options: dict[str, Any] = {}
        if self.dropout:
            options["dropout"] = single(self.dropout)
        if not self.use_bias:
            options["bias"] = False
        if self.use_gate:
            options["gate"] = True
        text = call_text(
            "GroupedQueryAttention",
            self._sizes(*[t.shape for t in call.inputs]),
            self.num_query_heads,
            self.num_key_value_heads,
            self.head_dim,
            **options,
        )
        return Module(text, self.projected(call), helpers=("GroupedQueryAttention",))

    def _with_scores(self, call: Call) -> bool:
        """Whether Keras computes the scores by itself."""
        return bool(self.dropout or call.options.get("return_attention_scores"))

    def given_mask(self, call: Call, given: Tensor) -> str:
        """Return an ``attention_mask`` as booleans."""
        alone = not any(call.masks) and self.sliding_window is None
        alone = alone and not call.options.get("use_causal_mask")
        if given.dtype.startswith("float") and alone and self._with_scores(call):
            # It reaches the Softmax layer as it is (activations/softmax.py).
            return f"({given.name} > 0.5)"
        return super().given_mask(call, given)

    def forward(self, call: Call, module: str) -> Forward:
        """``self.attention(x, x, x)``."""
        self.check(call)
        mask, helpers = self.mask(call)
        query, value, key = (call.inputs[i].name for i in (0, 1, -1))
        arguments = [query, key, value]
        if mask is not None:
            arguments.append(mask)
            zero = self._with_scores(call) and not self.only_bands(call)
            if zero and not self.fills_empty:
                arguments.append("zero_empty=True")
        text = f"{module}({', '.join(arguments)})"
        if call.options.get("return_attention_scores"):
            return Forward(text, helpers=helpers, unpack=True, names=("", "scores"))
        return Forward(f"{text}[0]", helpers=helpers)


__all__ = ["GroupQueryAttention"]
