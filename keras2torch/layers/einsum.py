"""EinsumDense: a linear map of any axes.

Source: ``keras/src/layers/core/einsum_dense.py`` (Keras 3.15).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import prod
from typing import Any

from keras2torch.layers import activation as act
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
    transposed,
)
from keras2torch.layers.text import call as call_text
from keras2torch.layers.text import literal

_LETTERS = "[a-zA-Z]+"
# The three forms that Keras takes: no ellipsis, one on the left, one on the right.
_FORMS = (
    (re.compile(rf"({_LETTERS}),({_LETTERS})->({_LETTERS})"), ""),
    (re.compile(rf"\.\.\.({_LETTERS}),({_LETTERS})->\.\.\.({_LETTERS})"), "left"),
    (re.compile(rf"({_LETTERS})\.\.\.,({_LETTERS})->({_LETTERS})\.\.\."), "right"),
)


@dataclass(frozen=True)
class Equation:
    """An equation taken apart: the letters of input, kernel and output."""

    ins: str
    kernel: str
    outs: str
    elided: str

    @staticmethod
    def parsed(text: str) -> Equation | None:
        """Return an equation in one of the forms that Keras takes."""
        for form, elided in _FORMS:
            if found := form.fullmatch(text):
                ins, kernel, outs = found.groups()
                return Equation(ins, kernel, outs, elided)
        return None

    @property
    def contracted(self) -> str:
        """The letters of the input that the output lacks and the kernel has."""
        return "".join(c for c in self.ins if c in self.kernel and c not in self.outs)

    @property
    def new(self) -> str:
        """The letters that the output has from the kernel alone."""
        return "".join(c for c in self.outs if c not in self.ins)

    @property
    def is_linear(self) -> bool:
        """Whether the last axes of the input become the last ones of the output."""
        once = all(len(set(s)) == len(s) for s in (self.ins, self.kernel, self.outs))
        free = self.ins.removesuffix(self.contracted)
        return (
            once
            and self.elided != "right"
            and bool(self.contracted and self.new)
            and self.ins == free + self.contracted
            and self.outs == free + self.new
            and set(self.kernel) == set(self.contracted + self.new)
        )


@layer
class EinsumDense(Layer):
    """``activation(einsum(equation, x, kernel) + bias)``.

    ``nn.Linear`` where the last axes of the input become the last ones of the output.

    Attributes
    ----------
    keras2
        Whether sizes that ``output_shape`` leaves open are those of the input, as in
        Keras 2; Keras 3 knows only what it was told.
    """

    # A file has the kernel with what LoRA adds; a quantized one is refused.
    ignored = frozenset(
        {"lora_rank", "lora_alpha", "gptq_unpacked_column_size", "quantization_config"}
    )

    equation: str
    output_shape: Any
    activation: Any = None
    bias_axes: str | None = None
    kernel_initializer: Any = "glorot_uniform"
    bias_initializer: Any = "zeros"
    kernel_regularizer: Any = None
    bias_regularizer: Any = None
    kernel_constraint: Any = None
    bias_constraint: Any = None
    keras2: bool = False

    # -- Keras
    def _parsed(self) -> Equation:
        found = Equation.parsed(str(self.equation))
        if found is None:
            raise self.unsupported(f"equation={self.equation!r}")
        return found

    def _sizes(self, shape: Shape) -> tuple[dict[str, int | None], Shape]:
        """Return the size of each letter, and the shape that comes out."""
        parsed = self._parsed()
        given = self.output_shape
        partial = [given] if isinstance(given, int) else list(given)
        elided = len(shape) - len(parsed.ins)
        if elided < 0 or (elided and not parsed.elided):
            raise self.unsupported(f"equation={self.equation!r} for {shape}")
        left = elided if parsed.elided == "left" else 0
        out: list[int | None] = [shape[0], *shape[1:left], *partial]
        out += shape[len(shape) - elided + left :]
        if len(out) != len(parsed.outs) + elided:
            raise self.unsupported(
                f"output_shape={given!r} for equation={self.equation!r}"
            )
        sizes: dict[str, int | None] = dict(zip(parsed.ins, shape[left:], strict=False))
        for i, letter in enumerate(parsed.outs):
            known, told = sizes.get(letter), out[i + left]
            if None not in (known, told) and known != told:
                raise self.unsupported(f"output_shape={given!r} for {shape}")
            if self.keras2 and told is None:
                out[i + left] = known
            sizes[letter] = told if told is not None else known
        return sizes, tuple(out)

    def _shape(self, letters: str, shape: Shape) -> tuple[int, ...]:
        sizes, _ = self._sizes(shape)
        found = [sizes.get(letter) for letter in letters]
        if None in found:
            raise self.unsupported(
                f"the axes {letters!r} of equation={self.equation!r} have no sizes"
            )
        return tuple(n for n in found if n is not None)

    def _bias_shape(self, shape: Shape) -> tuple[int, ...] | None:
        """Return the shape from the first axis with a bias to the last."""
        if self.bias_axes is None:
            return None
        parsed, axes = self._parsed(), str(self.bias_axes)
        if not axes or set(axes) - set(parsed.outs):
            raise self.unsupported(f"bias_axes={axes!r} of {self.equation!r}")
        letters = parsed.outs[min(map(parsed.outs.index, axes)) :]
        found = [self._shape(c, shape)[0] if c in axes else 1 for c in letters]
        if parsed.elided == "right":
            found += [1] * (len(shape) - len(parsed.ins))
        return tuple(found)

    def weights(self, *shapes: Shape) -> list[Weight]:
        """``kernel``, an axis for each of its letters, and ``bias``."""
        parsed = self._parsed()
        # Those of output and kernel count as units that go out, also if they came in.
        outs = tuple(i for i, c in enumerate(parsed.kernel) if c in parsed.outs)
        ins = tuple(i for i, c in enumerate(parsed.kernel) if c not in parsed.outs)
        kernel = self._shape(parsed.kernel, shapes[0])
        found = [Weight("kernel", kernel, fans=(ins, outs))]
        if (bias := self._bias_shape(shapes[0])) is not None:
            found.append(Weight("bias", bias))
        return found

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """What ``output_shape`` says, the batch and what an ellipsis stands for."""
        return [self._sizes(shapes[0])[1]]

    # -- PyTorch
    def _linear(self, shape: Shape) -> bool:
        """Whether ``nn.Linear`` computes the same."""
        parsed = self._parsed()
        bias = self._bias_shape(shape)
        whole = bias is None or set(str(self.bias_axes)) == set(parsed.new)
        return parsed.is_linear and whole

    def module(self, call: Call) -> Module:
        """``nn.Linear(16, 64)``, or a helper class that keeps the equation."""
        parsed, shape = self._parsed(), call.x.shape
        bias = self._bias_shape(shape)
        if not self._linear(shape):
            text = call_text(
                "EinsumDense", self.equation, self._shape(parsed.kernel, shape), bias
            )
            weights = {"weight": copied("kernel")}
            if bias is not None:
                weights["bias"] = copied("bias")
            return Module(text, weights, ("EinsumDense",))
        new, old = parsed.new, parsed.contracted
        ins, outs = prod(self._shape(old, shape)), prod(self._shape(new, shape))
        order = tuple(parsed.kernel.index(c) for c in new + old)

        def joined(kernel: Array) -> Array:
            return kernel.transpose(order).reshape(outs, ins)

        if len(order) > 2:
            weight = Source(("kernel",), joined, "axes joined, transpose")
        else:
            weight = copied("kernel") if order == (0, 1) else transposed("kernel")
        weights = {"weight": weight}
        if bias is not None:
            flat = Source(("bias",), lambda a: a.reshape(-1), "reshape(-1)")
            weights["bias"] = copied("bias") if len(bias) == 1 else flat
        return Module(call_text("nn.Linear", ins, outs, bias=bias is not None), weights)

    def axis_of_last(self, call: Call) -> int:
        """Return which axis of the torch weight ends in the kernel's last axis."""
        parsed = self._parsed()
        if not self._linear(call.x.shape):
            return len(parsed.kernel) - 1
        last = parsed.kernel[-1]
        if last in (parsed.new[-1], parsed.contracted[-1]):
            return 0 if last in parsed.new else 1
        raise self.unsupported(f"equation={self.equation!r} within a wrapper")

    def forward(self, call: Call, module: str) -> Forward:
        """``self.project(x).unflatten(-1, (4, 16))``."""
        parsed, x = self._parsed(), call.x.name
        if "float" not in call.x.dtype:
            x = f"{x}.to({module}.weight.dtype)"
        text = f"{module}({x})"
        if self._linear(call.x.shape):
            if len(parsed.contracted) > 1:
                text = f"{module}({x}.flatten(-{len(parsed.contracted)}))"
            if len(parsed.new) > 1:
                sizes = literal(self._shape(parsed.new, call.x.shape))
                text += f".unflatten(-1, {sizes})"
        text, helpers = act.apply(self.activation, text, call.y.layout, self)
        return Forward(text, helpers=helpers)


__all__ = ["EinsumDense", "Equation"]
