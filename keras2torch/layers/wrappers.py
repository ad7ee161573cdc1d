"""A layer around a layer: TimeDistributed.

Source: ``keras/src/layers/rnn/time_distributed.py`` (Keras 3.15).
"""

from __future__ import annotations

import ast
import dataclasses
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Literal

from keras2torch.layers.base import (
    REGISTRY,
    Call,
    Forward,
    Layer,
    Layout,
    Module,
    Shape,
    Tensor,
    Weight,
    from_config,
    layer,
)
from keras2torch.layers.cells import serialized
from keras2torch.layers.recurrence import frozen

# Older Keras versions write them into the config of any layer.
_OF_INPUTS = frozenset({"batch_input_shape", "batch_shape", "input_shape"})

# They work on the last axis or on each element, whatever the axes before it are.
_AXIS_FREE = frozenset(
    {"Dense", "Dropout", "Activation", "Embedding", "Identity", "Masking"}
)


def deserialized(owner: Layer, config: Any) -> Layer:
    """Return the definition of the layer inside a wrapper."""
    if not isinstance(config, Mapping) or config.get("class_name") not in REGISTRY:
        kind = config.get("class_name") if isinstance(config, Mapping) else config
        raise owner.unsupported(f"there is no rule for {kind!r} inside it")
    kind = str(config["class_name"])
    if kind in ("Functional", "Sequential", "Model"):
        inside = config.get("config")  # Of a Keras 1 Sequential a bare list.
        name = inside.get("name") if isinstance(inside, Mapping) else kind.lower()
        own = inside.get("class_name", "") if isinstance(inside, Mapping) else ""
        return from_config("Functional", {"name": str(name), "class_name": str(own)})
    inside = dict(config.get("config") or {})
    return from_config(kind, {k: v for k, v in inside.items() if k not in _OF_INPUTS})


@layer
class TimeDistributed(Layer):
    """Applies a layer to each step of axis 1.

    The layer's weights keep their names; a model inside is the body of the call.

    Attributes
    ----------
    keras2
        Whether the mask that the layer inside makes comes out, as in Keras 1 and 2;
        Keras 3 forgets it.
    """

    masking = "pass"

    layer: Any
    keras2: bool = False

    def __post_init__(self) -> None:
        self.layer = serialized(self.layer)
        # What holds for the layer inside holds for the wrapper.
        vars(self)["layout"] = self.inner.layout
        if self.inner.masking == "use":
            vars(self)["masking"] = "use"

    @cached_property
    def inner(self) -> Layer:
        """The layer inside."""
        return deserialized(self, self.layer)

    # -- Keras
    def weights(self, *shapes: Shape) -> list[Weight]:
        """Return the weights of the layer inside."""
        found = self.inner.weights(*[_without_time(s) for s in shapes])
        return [moved(w, "", "layer", self.inner) for w in found]

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """Return what comes out of the layer inside, for each step."""
        inner = self.inner.output_shapes(*[_without_time(s) for s in shapes])
        return [(s[0], shapes[0][1], *s[1:]) for s in inner]

    def output_dtype(self, *dtypes: str) -> str:
        """Return what the layer inside says."""
        return self.inner.output_dtype(*dtypes)

    def passes_mask(self) -> bool:
        """Pass it on as it came (asked where the layer inside reads it)."""
        return self.inner.passes_mask()

    def makes_mask(self, masked: Sequence[bool]) -> bool:
        """Return whether a new one comes out.

        Where the layer inside uses up the mask of each step (an LSTM that gives its
        last output), a step counts if anything in it did. So it is in Keras 2; Keras 3
        hands on the mask as it came, which no layer behind can read.
        """
        if self._reduces_mask():
            return bool(masked) and masked[0]
        return self.keras2 and self.inner.makes_mask(masked)

    def _reduces_mask(self) -> bool:
        return self.inner.masking == "use" and not self.inner.passes_mask()

    def mask_shape(self, *shapes: Shape) -> Shape:
        """Return one entry a step, or what the layer inside says."""
        if self._reduces_mask():
            return shapes[0][:2]
        return self.inner.mask_shape(*shapes)

    def regularizers(self) -> dict[str, Any]:
        """Return those of the layer inside."""
        return self.inner.regularizers()

    # -- layout
    def takes_flat(self) -> Literal["consumes", "follows", "refuses"]:
        """Do as the layer inside does."""
        return self.inner.takes_flat()

    def layouts(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """Return the layouts of the layer inside, the time axis kept second."""
        if self._axis_free():
            return self.inner.layouts(call)
        wanted, outs = self.inner.layouts(self._inside(call))
        return [_with_time(w) for w in wanted], [_with_time(w) for w in outs]

    # -- PyTorch
    def _axis_free(self) -> bool:
        """Whether the layer inside can be called on all steps as they are."""
        inner = self.inner
        if getattr(inner, "noise_shape", None):
            return False
        if type(inner).__name__ == "Softmax":
            axis = getattr(inner, "axis", -1)
            return isinstance(axis, int) and axis < 0
        return type(inner).__name__ in _AXIS_FREE or getattr(
            inner, "elementwise", False
        )

    def _norms_rows(self, call: Call) -> bool:
        """Whether each step is a batch of rows to normalize, with one entry a row."""
        return type(self.inner).__name__ == "BatchNormalization" and call.x.rank == 3

    def _inside(self, call: Call, name: str = "", mask_name: str = "") -> Call:
        """Return the call of the layer inside, time folded into the batch."""
        masks: list[Tensor | None] = []
        for mask in call.masks:
            # Keras hands the layer a step's mask: of (batch, time) no axis is left.
            if mask is not None and mask.rank < 3 and not self._norms_rows(call):
                raise self.unsupported("a mask over its steps meets a layer that masks")
            masks.append(mask and _folded(mask, mask_name))
        return dataclasses.replace(
            call,
            inputs=[_folded(t, name) for t in call.inputs],
            outputs=[_folded(t) for t in call.outputs],
            masks=masks,
        )

    def module(self, call: Call) -> Module | None:
        """As the layer inside."""
        if call.body is not None:
            return Module(f"{call.body}()")
        inner = self.inner
        made = inner.module(call if self._axis_free() else self._inside(call))
        if made is None:
            return None
        if not inner.trainable:
            made.weights = {k: frozen(s) for k, s in made.weights.items()}
            made.init += ("{self}.requires_grad_(False)",)
        return made

    def idiom(self, call: Call) -> str:
        """As the layer inside."""
        if call.body is not None:
            return ""
        return self.inner.idiom(call if self._axis_free() else self._inside(call))

    def forward(self, call: Call, module: str) -> Forward:
        """``self.conv(x.flatten(0, 1)).unflatten(0, x.shape[:2])``."""
        if self._axis_free():
            made = self.inner.forward(call, module)
            return made if self.keras2 else dataclasses.replace(made, mask=None)
        x = call.x.name
        fold, back = f"{x}.flatten(0, 1)", f".unflatten(0, {x}.shape[:2])"
        if call.body is not None:
            return Forward(f"{module}({fold}){back}")
        if len(call.inputs) != 1:
            raise self.unsupported(f"{len(call.inputs)} inputs")
        if type(self.inner).__name__ == "BatchNormalization" and (
            call.mask is None or self._norms_rows(call)
        ):
            # In training Keras normalizes each step by itself, and the averages move
            # once a step.
            steps, each = "step", f"{x}.unbind(1)"
            if call.mask is not None and call.faithful:
                steps, each = "step, mask", f"zip({each}, {call.mask.name}.unbind(1))"
            text = f"torch.stack([{module}({steps}) for {steps} in {each}], dim=1)"
            return Forward(text)
        steps = f"{x}_steps"
        inside, mask = f"{steps}_mask", None
        before: tuple[str, ...] = ()
        if call.mask is not None:
            before = (f"{inside} = {call.mask.name}.flatten(0, 1)",)
            if self._reduces_mask():
                mask = f"{call.mask.name}.any(dim=-1)"
        made = self.inner.forward(self._inside(call, steps, inside), module)
        if not isinstance(made.results, str) or made.unpack:
            raise self.unsupported("a layer with several outputs inside")
        result = made.results
        if not made.before and len(re.findall(rf"\b{steps}\b", result)) == 1:
            result = re.sub(rf"\b{steps}\b", lambda _: fold, result)
        else:
            before = (*before, f"{steps} = {fold}", *made.before)
        top = ast.parse(result, mode="eval").body
        if not isinstance(top, (ast.Name, ast.Call, ast.Attribute, ast.Subscript)):
            result = f"({result})"
        return Forward(f"{result}{back}", before, made.helpers, mask)


def _without_time(shape: Shape) -> Shape:
    return (shape[0], *shape[2:])


def _folded(tensor: Tensor, name: str = "") -> Tensor:
    axes = tensor.layout.axes
    layout = Layout.keras(tensor.rank - 1)
    if axes[:2] == (0, 1):
        layout = Layout((0, *(a - 1 for a in axes[2:])), tensor.layout.flat)
    shape = (None, *tensor.shape[2:])
    return Tensor(shape, tensor.dtype, layout, name)


def _with_time(layout: Layout) -> Layout:
    return Layout((0, *(a + 1 for a in (0, *layout.axes[1:]))), layout.flat)


def moved(weight: Weight, prefix: str, path: str, inner: Layer) -> Weight:
    """Return a weight of a layer inside as the wrapper has it."""
    return dataclasses.replace(
        weight,
        name=f"{prefix}{weight.name}",
        path=f"{path}/{weight.path}".rstrip("/"),
        also=None if weight.also is None else f"{path}/{weight.also}".rstrip("/"),
        trainable=weight.trainable and inner.trainable,
    )


__all__ = ["TimeDistributed", "deserialized", "moved"]
