"""Layers around layers: TimeDistributed and Bidirectional.

Sources: ``keras/src/layers/rnn/time_distributed.py`` and ``bidirectional.py`` (Keras
3.15).
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
from keras2torch.layers.cells import RNN, serialized
from keras2torch.layers.recurrence import Recurrent, frozen, states_of, temporary
from keras2torch.layers.text import Raw
from keras2torch.layers.text import call as call_text

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
        return [_moved(w, "", "layer", self.inner) for w in found]

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

    def _inside(self, call: Call, name: str = "", mask_name: str = "") -> Call:
        """Return the call of the layer inside, time folded into the batch."""
        masks: list[Tensor | None] = []
        for mask in call.masks:
            # Keras hands the layer a step's mask: of (batch, time) no axis is left.
            if mask is not None and mask.rank < 3:
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
        if type(self.inner).__name__ == "BatchNormalization" and call.mask is None:
            # In training Keras normalizes each step by itself, and the averages move
            # once a step.
            text = f"torch.stack([{module}(step) for step in {x}.unbind(1)], dim=1)"
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


def _moved(weight: Weight, prefix: str, path: str, inner: Layer) -> Weight:
    return dataclasses.replace(
        weight,
        name=f"{prefix}{weight.name}",
        path=f"{path}/{weight.path}".rstrip("/"),
        trainable=weight.trainable and inner.trainable,
    )


@layer
class Bidirectional(Layer):
    """A recurrent layer and its like that reads backwards, their outputs merged.

    Weights are called ``forward/kernel`` and ``backward/kernel``.

    Attributes
    ----------
    zero_masked
        Whether the steps that come out are zero where the mask says no. Keras by
        itself before 2.4 repeated the output before, as a recurrent layer alone does.
    """

    layout = "flat"
    masking = "use"
    ignored = frozenset({"weights"})

    layer: Any
    merge_mode: str | None = "concat"
    backward_layer: Any = None
    zero_masked: bool = True

    def __post_init__(self) -> None:
        self.layer = serialized(self.layer)
        self.backward_layer = serialized(self.backward_layer)

    @cached_property
    def inner(self) -> tuple[Recurrent, Recurrent]:
        """The two layers."""
        first = self._recurrent(self.layer)
        if self.backward_layer is None:
            second = self._recurrent(self.layer)
            second.go_backwards = True
        else:
            second = self._recurrent(self.backward_layer)
        if first.go_backwards or not second.go_backwards:
            raise self.unsupported("its forward layer goes backwards")
        for key in ("return_sequences", "return_state", "stateful", "units"):
            if getattr(first, key) != getattr(second, key):
                raise self.unsupported(f"its two layers differ in {key}")
        if type(first) is not type(second):
            raise self.unsupported("its two layers are of different kinds")
        if self.merge_mode not in ("concat", "sum", "ave", "mul", None):
            raise self.unsupported(f"merge_mode={self.merge_mode!r}")
        return first, second

    def _recurrent(self, config: Any) -> Recurrent:
        found = deserialized(self, config)
        if isinstance(found, RNN):
            found = found.inner
        if not isinstance(found, Recurrent):
            raise self.unsupported(f"a {type(found).__name__} inside")
        return found

    @property
    def _first(self) -> Recurrent:
        return self.inner[0]

    # -- Keras
    def weights(self, *shapes: Shape) -> list[Weight]:
        """Return those of the forward layer, then those of the backward layer."""
        found = []
        for inner, way in zip(self.inner, ("forward", "backward"), strict=True):
            for w in inner.weights(*shapes):
                found.append(_moved(w, f"{way}/", f"{way}_layer", inner))
        return found

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """Return the merged output, or both, then the states of both."""
        first, *states = self._first.output_shapes(*shapes)
        if self.merge_mode is None:
            return [first, first, *states, *states]
        if self.merge_mode == "concat":
            first = (*first[:-1], 2 * self._first.units)
        return [first, *states, *states]

    def passes_mask(self) -> bool:
        """If the steps come out."""
        return self._first.return_sequences

    def masked_outputs(self) -> int:
        """Return 2 where both outputs come out by themselves."""
        return 2 if self.merge_mode is None else 1

    def regularizers(self) -> dict[str, Any]:
        """Return those of both layers."""
        return {
            f"{way}/{key}": value
            for way, inner in zip(("forward", "backward"), self.inner, strict=True)
            for key, value in inner.regularizers().items()
        }

    # -- layout
    def layouts(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """Want what a recurrent layer wants."""
        return self._first.layouts(call)

    # -- PyTorch
    def _is_stepped(self, call: Call) -> bool:
        first, second = self.inner
        same = first.use_bias == second.use_bias and (
            first.plain_options() == second.plain_options()
        )
        stepped = first.is_stepped(call) or second.is_stepped(call)
        # Each way repeats what it gave last; torch's two run over packed steps.
        repeats = (
            not self.zero_masked and first.return_sequences and call.mask is not None
        )
        return stepped or repeats or not same

    def module(self, call: Call) -> Module:
        """``nn.LSTM(…, bidirectional=True)`` and its like, else a class of two."""
        first, second = self.inner
        columns = call.x.layout.feature_order()
        notes: tuple[str, ...] = ()
        if first.dropout != second.dropout:
            raise self.unsupported("its two layers differ in dropout")
        if self._is_stepped(call):
            size = first.size(call)
            made = [inner.stepped_text(size) for inner in self.inner]
            text: str = call_text("BidirectionalRNN", *[Raw(t) for t, _ in made])
            helpers: tuple[str, ...] = ("BidirectionalRNN", *made[0][1], *made[1][1])
            sources = {}
            for inner, way in zip(self.inner, ("forward", "backward"), strict=True):
                for key, source in inner.sources(columns, prefix=f"{way}/").items():
                    sources[f"{way}_layer.{key}"] = source
        else:
            text, helpers = first.plain_text(first.size(call), bidirectional=True), ()
            sources = first.sources(columns, prefix="forward/")
            sources |= second.sources(columns, prefix="backward/", suffix="_reverse")
        if first.dropout and not first.recurrent_dropout:
            notes = (
                "dropout takes the same input features from both directions; Keras "
                "draws for each",
            )
        made_module = first.wrapped(Module(text, sources, helpers))
        made_module.notes += notes
        return made_module

    def forward(self, call: Call, module: str) -> Forward:
        """Run both, then merge the steps or the last outputs."""
        first = self._first
        run, helpers = self._run(call, module)
        letters = ("h", "c")[: first.state_count]
        names = [temporary(module, n) for n in letters]
        h = names[0]
        state = h if len(names) == 1 else f"({', '.join(names)})"
        before: list[str] = []
        if first.return_sequences:
            out = f"{run}[0]"
            if first.return_state:
                before.append(f"{temporary(module, 'out')}, {state} = {run}")
                out = temporary(module, "out")
            if call.mask is not None and self.zero_masked:
                # Keras sets zero_output_for_mask where a Bidirectional gives steps.
                out = f"{out}.masked_fill(~{call.mask.name}.unsqueeze(-1), 0.0)"
            if self.merge_mode == "concat":
                merged = [out]
            else:
                there, back = temporary(module, "there"), temporary(module, "back")
                before.append(f"{there}, {back} = {out}.chunk(2, dim=-1)")
                merged = self._merged(there, back)
        else:
            rest = state if first.return_state or len(names) == 1 else f"({h}, _)"
            before.append(f"_, {rest} = {run}")
            there, back = f"{h}[0]", f"{h}[1]"
            if call.mask is not None and (states_of(call) or first.stateful):
                # Without a single step the state stays and the output is 0.
                empty = temporary(module, "empty")
                before.append(f"{empty} = ~{call.mask.name}.any(dim=1, keepdim=True)")
                there, back = (f"{t}.masked_fill({empty}, 0.0)" for t in (there, back))
            merged = self._merged(there, back)
        if first.return_state:
            if len(merged) == 1 and not call.reads(0):
                merged = ["_"]
            elif len(merged) == 1 and not merged[0].isidentifier():
                out = temporary(module, "out")
                before.append(f"{out} = {merged[0]}")
                merged = [out]
            merged += [f"{n}[{i}]" for i in (0, 1) for n in names]
        results = merged[0] if len(merged) == 1 else merged
        told: tuple[str, ...] = ("",) if self.merge_mode else ("forward", "backward")
        if first.return_state:
            told += tuple(
                f"{way}_{n}" for way in ("forward", "backward") for n in letters
            )
        return Forward(results, tuple(before), helpers, names=told)

    def _merged(self, there: str, back: str) -> list[str]:
        if self.merge_mode is None:
            return [there, back]
        return [
            {
                "concat": f"torch.cat([{there}, {back}], dim=-1)",
                "sum": f"{there} + {back}",
                "ave": f"({there} + {back}) / 2",
                "mul": f"{there} * {back}",
            }[self.merge_mode]
        ]

    def _run(self, call: Call, module: str) -> tuple[str, tuple[str, ...]]:
        first = self._first
        return first.run(
            call,
            module,
            stepped=self._is_stepped(call),
            state=self._state_text(states_of(call)),
        )

    def _state_text(self, states: list[Tensor]) -> str:
        count = self._first.state_count
        if not states:
            return ""
        if len(states) != 2 * count:
            raise self.unsupported(f"{len(states)} initial states")
        pairs = zip(states[:count], states[count:], strict=True)
        parts = [f"torch.stack([{a.name}, {b.name}])" for a, b in pairs]
        return parts[0] if count == 1 else f"({', '.join(parts)})"


__all__ = ["Bidirectional", "TimeDistributed"]
