"""A recurrent layer in both directions: Bidirectional.

Source: ``keras/src/layers/rnn/bidirectional.py`` (Keras 3.15). Two layers of a kind are
one ``nn.LSTM(…, bidirectional=True)`` or its like; any others stand side by side.
"""

from __future__ import annotations

import dataclasses
from functools import cached_property
from typing import Any, Literal

from keras2torch.layers.base import (
    Call,
    Forward,
    Layer,
    Layout,
    Module,
    Shape,
    Tensor,
    Weight,
    layer,
)
from keras2torch.layers.cells import RNN, serialized
from keras2torch.layers.recurrence import Recurrent, states_of, temporary
from keras2torch.layers.text import Raw
from keras2torch.layers.text import call as call_text
from keras2torch.layers.wrappers import deserialized, moved

Loop = Recurrent | RNN
_WAYS = ("forward", "backward")


@layer
class Bidirectional(Layer):
    """A recurrent layer and its like that reads backwards, their outputs merged.

    Weights are called ``forward/kernel`` and ``backward/kernel``.

    Attributes
    ----------
    zero_masked
        Whether the steps that come out are zero where the mask says no. Keras by
        itself before 2.4 repeated the output before, as a recurrent layer alone does.
    keras2
        Whether a call with states sees the mask of the steps, too: not in Keras 3.
    """

    layout = "flat"
    masking = "use"
    ignored = frozenset({"weights"})

    layer: Any
    merge_mode: str | None = "concat"
    backward_layer: Any = None
    zero_masked: bool = True
    keras2: bool = False

    def __post_init__(self) -> None:
        self.layer = serialized(self.layer)
        self.backward_layer = serialized(self.backward_layer)

    @cached_property
    def inner(self) -> tuple[Loop, Loop]:
        """The two layers."""
        first = self._loop(self.layer)
        second = self._loop(self.backward_layer or self.layer)
        if self.backward_layer is None:
            second.go_backwards = not first.go_backwards
        if first.go_backwards == second.go_backwards:
            raise self.unsupported("both layers go in the same direction")
        for key in ("return_sequences", "return_state", "stateful"):
            if getattr(first, key) != getattr(second, key):
                raise self.unsupported(f"its two layers differ in {key}")
        if self.merge_mode not in ("concat", "sum", "ave", "mul", None):
            raise self.unsupported(f"merge_mode={self.merge_mode!r}")
        return _plain(first), _plain(second)

    def _loop(self, config: Any) -> Loop:
        found = deserialized(self, config)
        if not isinstance(found, Loop):
            raise self.unsupported(f"a {type(found).__name__} inside")
        found.zero_output_for_mask = self.zero_masked and found.return_sequences
        return found

    @cached_property
    def _pair(self) -> tuple[Recurrent, Recurrent] | None:
        """The two layers, if one module of torch's kind can be both."""
        first, second = self.inner
        if (
            isinstance(first, Recurrent)
            and isinstance(second, Recurrent)
            and type(first) is type(second)
            and first.two_ways
            and not first.go_backwards
            and first.units == second.units
            and first.dropout == second.dropout
        ):
            return first, second
        return None

    @property
    def _first(self) -> Recurrent:
        assert self._pair is not None
        return self._pair[0]

    # -- Keras
    def weights(self, *shapes: Shape) -> list[Weight]:
        """Return those of the forward layer, then those of the backward layer."""
        found = []
        for inner, way in zip(self.inner, _WAYS, strict=True):
            for w in inner.weights(shapes[0]):
                found.append(moved(w, f"{way}/", f"{way}_layer", inner))
        return found

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """Return the merged output, or both, then the states of both."""
        first, *states = self.inner[0].output_shapes(shapes[0])
        second, *others = self.inner[1].output_shapes(shapes[0])
        if self.merge_mode is None:
            return [first, second, *states, *others]
        if self.merge_mode == "concat":
            sizes = first[-1], second[-1]
            wide = None if None in sizes else sum(n for n in sizes if n is not None)
            return [(*first[:-1], wide), *states, *others]
        if first != second:
            raise self.unsupported(f"its outputs {first} and {second} cannot be merged")
        return [first, *states, *others]

    def passes_mask(self) -> bool:
        """If the steps come out."""
        return self.inner[0].return_sequences

    def masked_outputs(self) -> int:
        """Return 2 where both outputs come out by themselves."""
        return 2 if self.merge_mode is None else 1

    def regularizers(self) -> dict[str, Any]:
        """Return those of both layers."""
        return {
            f"{way}/{key}": value
            for way, inner in zip(_WAYS, self.inner, strict=True)
            for key, value in inner.regularizers().items()
        }

    # -- layout
    def layouts(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """Want what the layers inside want."""
        parts = self._parts(call)
        (wanted, outs), (more, others) = (
            inner.layouts(part) for inner, part in zip(self.inner, parts, strict=True)
        )
        count = 2 if self.merge_mode is None else 1
        states = (len(call.inputs) - 1) // 2
        wanted = [*wanted[: 1 + states], *more[1 : 1 + states]]
        return wanted, [*[outs[0]] * count, *outs[1:], *others[1:]]

    def asks(self, call: Call) -> list[Layout]:
        """What the layers inside ask for."""
        return [self.inner[0].asks(self._parts(call)[0])[0], *self.layouts(call)[0][1:]]

    def state_layout(self, state: Tensor) -> Layout:
        """As the layers inside."""
        return self.inner[0].state_layout(state)

    def takes_flat(self) -> Literal["consumes", "follows", "refuses"]:
        """As the layers inside."""
        return self.inner[0].takes_flat()

    def _parts(self, call: Call) -> tuple[Call, Call]:
        """Return the call of each layer: half of the states, its own outputs."""
        given = states_of(call)
        if len(given) % 2:
            raise self.unsupported(f"{len(given)} initial states")
        half, count = len(given) // 2, 2 if self.merge_mode is None else 1
        counts = [len(a.output_shapes(call.x.shape)) - 1 for a in self.inner]
        found = []
        for i, states in enumerate((given[:half], given[half:])):
            begin = count + (counts[0] if i else 0)
            own = range(begin, begin + counts[i])
            outputs = call.outputs and [call.outputs[k] for k in (0, *own)]
            read = (True, *[call.reads(k) for k in own])
            inputs = [call.x, *states] if len(call.inputs) > 1 else [call.x]
            found.append(
                dataclasses.replace(
                    call,
                    inputs=inputs,
                    states=[] if len(call.inputs) > 1 else states,
                    outputs=outputs,
                    read=read,
                )
            )
        return found[0], found[1]

    # -- PyTorch
    def _is_stepped(self, call: Call) -> bool:
        assert self._pair is not None
        first, second = self._pair
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
        if self._pair is None:
            return self._apart(call)
        first, second = self._pair
        columns = call.x.layout.feature_order()
        notes: tuple[str, ...] = ()
        if self._is_stepped(call):
            size = first.size(call)
            made = [inner.stepped_text(size) for inner in self._pair]
            text: str = call_text("BidirectionalRNN", *[Raw(t) for t, _ in made])
            helpers: tuple[str, ...] = ("BidirectionalRNN", *made[0][1], *made[1][1])
            sources = {}
            for inner, way in zip(self._pair, _WAYS, strict=True):
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

    def _apart(self, call: Call) -> Module:
        """Return both layers by themselves, each under Keras' name."""
        texts: dict[str, str] = {}
        found = Module("")
        parts = zip(self.inner, _WAYS, self._parts(call), strict=True)
        for inner, way, part in parts:
            made = inner.module(part)
            name = f"{way}_layer"
            texts[name] = made.text
            for key, source in made.weights.items():
                found.weights[f"{name}.{key}"] = dataclasses.replace(
                    source, weights=tuple(f"{way}/{w}" for w in source.weights)
                )
            found.init += tuple(
                # ``{self}.weight`` and, of a list, ``{self}[0].weight``.
                line.replace("{self}", f'{{self}}["{name}"]')
                for line in made.init
            )
            found.helpers += made.helpers
            found.notes += made.notes
        inside = ", ".join(f'"{name}": {text}' for name, text in texts.items())
        found.text = f"nn.ModuleDict({{{inside}}})"
        return found

    def _forward_apart(self, call: Call, module: str) -> Forward:
        """Call one layer and the other, then merge what they give."""
        before: list[str] = []
        helpers: tuple[str, ...] = ()
        outs: list[str] = []
        states: list[str] = []
        time = call.outputs[0].layout.position(1)
        parts = zip(self.inner, _WAYS, self._parts(call), strict=True)
        for inner, way, part in parts:
            made = inner.forward(part, f'{module}["{way}_layer"]')
            results = [made.results] if isinstance(made.results, str) else made.results
            before += made.before
            helpers += made.helpers
            out = results[0]
            if way == "backward" and inner.return_sequences:
                out = f"{out}.flip({time})"
            outs.append(temporary(module, way))
            before.append(f"{outs[-1]} = {out}")
            states += results[1:]
        there, back = outs
        results = [*self._merged(there, back, self._last(call)), *states]
        told = ("",) if self.merge_mode else _WAYS
        names = (*told, *[f"state_{i}" for i in range(len(states))])
        return Forward(
            results if len(results) > 1 else results[0],
            tuple(before),
            helpers,
            names=names if len(results) > 1 else (),
        )

    def _last(self, call: Call) -> int:
        """Return where Keras' last axis is in what comes out."""
        layout = call.outputs[0].layout
        at = layout.position(-1)
        return -1 if at == len(layout.axes) - 1 else at

    def forward(self, call: Call, module: str) -> Forward:
        """Run both, then merge the steps or the last outputs."""
        if self._pair is None:
            return self._forward_apart(call, module)
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

    def _merged(self, there: str, back: str, dim: int = -1) -> list[str]:
        if self.merge_mode is None:
            return [there, back]
        return [
            {
                "concat": f"torch.cat([{there}, {back}], dim={dim})",
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


def _plain(loop: Loop) -> Loop:
    """Return the recurrent layer that has the cell of an RNN, unless it has several."""
    return loop.inner if isinstance(loop, RNN) and len(loop.stack) == 1 else loop


__all__ = ["Bidirectional"]
