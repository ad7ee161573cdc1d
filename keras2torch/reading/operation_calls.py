"""One call of an operation, as a rule about it sees it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any

import onnx_ir as ir

from keras2torch.dialect import GraphBuilder, dtype_of, shape_of
from keras2torch.errors import UnsupportedLayer
from keras2torch.layers.definitions import from_config
from keras2torch.reading.expressions import Expressions
from keras2torch.reading.topology import LayerSpec

# A rule takes the call, then what the operation takes, by its names in Keras 3.
Rule = Callable[..., Any]
_DTYPE = re.compile(r"<dtype: '(\w+)'>")
# Arguments that say nothing about the result.
_MEANINGLESS = frozenset(
    "name trainable validate_indices use_cudnn_on_gpu dtype_hint conjugate sparse "
    "a_is_sparse b_is_sparse bad_indices_policy flash_attention ragged".split()
)


class OperationCall(Expressions):
    """A call: the graph that it goes into, and its name.

    Parameters
    ----------
    b, spec
        The graph, and the operation as the file has it.
    kind
        The operation's name among the rules.
    """

    def __init__(self, b: GraphBuilder, spec: LayerSpec, kind: str) -> None:
        super().__init__(b, spec.name)
        self.spec = spec
        self.kind = kind
        self.tensorflow = not spec.kind.startswith("ops.")
        self.weak_lists = self.tensorflow

    def unsupported(self, why: str) -> UnsupportedLayer:
        """Return the error that names the operation."""
        return UnsupportedLayer(
            f"operation {self.spec.name!r} ({self.spec.kind}): {why}"
        )

    def follow(
        self, rule: Rule, args: list[Any], options: Mapping[str, Any]
    ) -> list[ir.Value]:
        """Return what a rule makes of the arguments."""
        taken = inspect.signature(rule).parameters
        named = {
            key: _plain(value)
            for key, value in options.items()
            if key in taken or (value is not None and key not in _MEANINGLESS)
        }
        try:
            bound = inspect.signature(rule).bind(self, *map(_plain, args), **named)
        except TypeError as error:
            raise self.unsupported(f"its arguments have no rule: {error}") from None
        result = rule(*bound.args, **bound.kwargs)
        values = result if isinstance(result, (list, tuple)) else [result]
        found = []
        for value in values:
            # What is handed on as it came is still something of its own.
            own = value if value in self.made else self.unary("Identity", value)
            self.b.name_operator(own, self.spec.name)
            found.append(own)
        return found

    def layer(self, kind: str, config: dict[str, Any], *xs: ir.Value) -> ir.Value:
        """Call a Keras layer in its place; masks end here, as with an operation."""
        made = from_config(kind, {"name": self.spec.name} | config)
        value = self.b.call(made, xs, masks=[None] * len(xs))[0]
        self.b.stands_for_operation(value)
        self.made.add(value)
        return value

    def given(self, x: Any) -> ir.Value:
        """Return a tensor that must be one of the graph."""
        if not isinstance(x, ir.Value):
            raise self.unsupported("it is called without a tensor")
        return x

    def number(self, value: Any, what: str) -> int:
        """Return an integer that must be known."""
        if type(value) is not int:
            raise self.unsupported(f"{what}={value!r}")
        return value

    def numbers(self, value: Any, what: str) -> list[int]:
        """Return integers that must be known; a lone one becomes a list."""
        if hasattr(value, "tolist"):
            value = value.tolist()
        values = value if isinstance(value, list) else [value]
        return [self.number(v, what) for v in values]

    def rank(self, x: ir.Value) -> int:
        """Return how many axes a tensor has."""
        return len(shape_of(x))

    def known(self, x: ir.Value, axis: int) -> int:
        """Return a size that must be known."""
        size = shape_of(x)[axis]
        if size is None:
            raise self.unsupported(f"the size of axis {axis} is unknown")
        return size


def _plain(value: Any) -> Any:
    """Return dtypes by their names: TensorFlow's are written as they print."""
    if isinstance(value, str) and (found := _DTYPE.fullmatch(value)):
        return found[1]
    return value


__all__ = ["OperationCall", "Rule", "dtype_of", "shape_of"]
