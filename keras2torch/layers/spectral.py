"""SpectralNormalization: a layer whose kernel keeps a largest singular value of 1.

Source: ``keras/src/layers/normalization/spectral_normalization.py`` (Keras 3.15).
"""

from __future__ import annotations

import dataclasses
from functools import cached_property
from typing import Any, Literal

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
    layer,
)
from keras2torch.layers.cells import serialized
from keras2torch.layers.einsum import EinsumDense
from keras2torch.layers.recurrence import frozen
from keras2torch.layers.text import Raw
from keras2torch.layers.text import call as call_text
from keras2torch.layers.wrappers import deserialized

_KERNELS = ("kernel", "embeddings")


@layer
class SpectralNormalization(Layer):
    """Divides a layer's kernel by its largest singular value, before each step.

    The kernel itself is changed, and only in training: what a file holds is divided
    already. So it is no ``nn.utils.parametrizations.spectral_norm``, which keeps the
    weight as it was and lets the gradient through the division.

    Attributes
    ----------
    keras2
        Whether integers that go in leave the result as it is; Keras 3 makes integers
        of it, too.
    """

    layer: Any
    power_iterations: int = 1
    keras2: bool = False

    def __post_init__(self) -> None:
        self.layer = serialized(self.layer)
        # What holds for the layer inside holds for the wrapper.
        vars(self)["layout"] = self.inner.layout
        vars(self)["masking"] = self.inner.masking

    @cached_property
    def inner(self) -> Layer:
        """The layer inside."""
        found = deserialized(self, self.layer)
        if getattr(found, "mask_zero", False):
            raise self.unsupported("an Embedding with mask_zero=True inside")
        return found

    # -- Keras
    def weights(self, *shapes: Shape) -> list[Weight]:
        """The kernel, ``vector_u`` along its last axis, then the layer's others."""
        found = [
            dataclasses.replace(
                w,
                path=f"layer/{w.path}".rstrip("/"),
                trainable=w.trainable and self.inner.trainable,
            )
            for w in self.inner.weights(*shapes)
        ]
        kernels = [w for w in found if w.name in _KERNELS]
        if len(kernels) != 1 or kernels[0].path != "layer":
            kind = type(self.inner).__name__
            raise self.unsupported(f"a {kind} inside, which has no kernel of its own")
        kernel = dataclasses.replace(kernels[0], also="")
        vector = Weight("vector_u", (1, kernel.shape[-1]), trainable=False)
        return [kernel, vector, *[w for w in found if w.name not in _KERNELS]]

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """Return those of the layer inside."""
        return self.inner.output_shapes(*shapes)

    def output_dtype(self, *dtypes: str) -> str:
        """The inputs'."""
        if self.keras2:
            return self.inner.output_dtype(*dtypes)
        return dtypes[0]

    def regularizers(self) -> dict[str, Any]:
        """Return those of the layer inside."""
        return self.inner.regularizers()

    # -- layout
    def takes_flat(self) -> Literal["consumes", "follows", "refuses"]:
        """Do as the layer inside does."""
        return self.inner.takes_flat()

    def layouts(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """Return those of the layer inside."""
        return self.inner.layouts(call)

    # -- PyTorch
    def _dim(self, call: Call) -> int:
        """Return the axis of the torch weight that has the kernel's last axis."""
        kind = type(self.inner).__name__
        if kind == "Embedding":
            return 1
        if not isinstance(self.inner, EinsumDense):
            return 0
        return self.inner.axis_of_last(call)

    def module(self, call: Call) -> Module:
        """``SpectralNorm(nn.Linear(16, 64), 64)``."""
        made = self.inner.module(call)
        vector = self.weights(call.x.shape)[1]
        if made is None or made.given or made.init:
            kind = type(self.inner).__name__
            raise self.unsupported(f"such a {kind} inside")
        size, dim = vector.shape[1], self._dim(call)
        options: dict[str, Any] = {"dim": dim} if dim else {}
        if self.power_iterations != 1:
            options["iterations"] = int(self.power_iterations)
        weights = {f"layer.{k}": s for k, s in made.weights.items()}
        still: tuple[str, ...] = ()
        if not self.inner.trainable:
            weights = {k: frozen(s) for k, s in weights.items()}
            still = ("{self}.requires_grad_(False)",)
        weights["u"] = self._vector(call)
        text = call_text("SpectralNorm", Raw(made.text), size, **options)
        return dataclasses.replace(
            made,
            text=text,
            weights=weights,
            helpers=(*made.helpers, "SpectralNorm"),
            init=still,
        )

    def _vector(self, call: Call) -> Source:
        order = call.y.layout.feature_order()

        def moved(vector: Array) -> Array:
            return vector if order is None else vector[:, order]

        how = "copy" if order is None else "in NCHW order"
        return Source(("vector_u",), moved, how, trainable=False)

    def forward(self, call: Call, module: str) -> Forward:
        """``F.relu(self.spectral_normalization(x))``."""
        made = self.inner.forward(call, module)
        if self.keras2 or "float" in call.x.dtype or not isinstance(made.results, str):
            return made
        # Keras 3 casts what comes out to what came in: of an Embedding whole numbers.
        result = f"({made.results}).to({call.x.name}.dtype)"
        return dataclasses.replace(made, results=result, mask=None)


__all__ = ["SpectralNormalization"]
