"""A user's own cell, and the loop over time around it.

Source: ``keras/src/layers/rnn/rnn.py`` and ``keras/src/backend/tensorflow/rnn.py``
(Keras 3.15). What the cell computes in one step is the body of the node, a class of its
own; the loop is Python.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from keras2torch.layers.base import INTERNAL, Call, Forward, Layer, Layout, Module
from keras2torch.layers.core import Functional
from keras2torch.layers.recurrence import temporary
from keras2torch.layers.wrappers import TimeDistributed


@dataclass(eq=False, kw_only=True, init=False)
class CellLoop(Layer):
    """Keras' ``RNN`` around a cell that is code; the cell is the node's body.

    The body takes a step and the states, and gives an output and the next states.

    Attributes
    ----------
    class_name
        The cell's.
    sizes
        Of each state, without the batch.
    """

    layout = "keras"
    masking = "use"

    class_name: str = ""
    sizes: Any = ()
    return_sequences: bool = False
    go_backwards: bool = False
    zero_output_for_mask: bool = False

    def around(
        self, inputs: Sequence[Layout], outputs: Sequence[Layout]
    ) -> tuple[list[Layout], list[Layout]]:
        """Return the layouts out here, for those of the cell.

        Raises
        ------
        UnsupportedLayer
            If a state leaves the cell in another order than it came.
        """
        count = len(self.sizes)
        if list(inputs[1 : count + 1]) != list(outputs[1 : count + 1]):
            raise self.unsupported("the cell's states change the order of their axes")
        first = _with_time(outputs[0]) if self.return_sequences else outputs[0]
        return [_with_time(inputs[0]), *inputs[1:]], [first, *outputs[1:]]

    def module(self, call: Call) -> Module:
        """The class written for the cell."""
        return Module(f"{call.body}()")

    def forward(self, call: Call, module: str) -> Forward:
        """``run_cell(self.cell, x, (x.new_zeros(x.shape[0], 8),))[0]``."""
        x, mask = call.x.name, call.mask
        states = [t.name for t in call.inputs[1:]]
        if not states:
            for sizes in self.sizes:
                shape = ", ".join([f"{x}.shape[0]", *map(str, sizes)])
                states.append(f"{x}.new_zeros({shape})")
        given = [module, f"{x}.flip(1)" if self.go_backwards else x]
        given.append(f"({', '.join(states)},)")
        if mask is not None:
            given.append(f"{mask.name}.flip(1)" if self.go_backwards else mask.name)
            if self.zero_output_for_mask:
                given.append("zero_masked=True")
        run = f"run_cell({', '.join(given)})"
        last = "" if self.return_sequences else "[:, -1]"
        if len(call.outputs) == 1:
            return Forward(f"{run}[0]{last}", (), ("run_cell",))
        names = [
            temporary(module, f"state_{k}" if len(self.sizes) > 1 else "state")
            for k in range(len(self.sizes))
        ]
        out = temporary(module, "out")
        before = f"{out}, ({', '.join(names)},) = {run}"
        return Forward([f"{out}{last}", *names], (before,), ("run_cell",))


def own_class(definition: Layer) -> str:
    """Return what the user calls the class whose code is the body of a node."""
    if isinstance(definition, TimeDistributed):
        config = definition.layer.get("config") or {}
        return str(config.get("class_name", "")) if isinstance(config, dict) else ""
    if isinstance(definition, (CellLoop, Functional)):
        return definition.class_name
    return ""


def _with_time(layout: Layout) -> Layout:
    return Layout((0, *(a + 1 for a in (0, *layout.axes[1:]))), layout.flat)


__all__ = ["CellLoop", "own_class"]


INTERNAL["CellLoop"] = CellLoop
