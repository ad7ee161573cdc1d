"""Operations between the layers of a model that is being drawn.

Those for which :mod:`keras2torch.reading.rules` has a rule are written into the source.
Others, and those that take a weight of a layer, are held by the model as modules and
called as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from keras2torch import tree
from keras2torch.errors import UnsupportedLayer
from keras2torch.models.layer import Layer
from keras2torch.models.naming import auto_name
from keras2torch.models.probing import Shown
from keras2torch.models.symbolic import KerasTensor, Node, operate
from keras2torch.reading.rules import RULES


class HeldOperation(Layer):
    """An operation that no source has as text: a function and what it is called with.

    Parameters
    ----------
    kind
        Its class in ``keras.ops``: ``"Qr"``.
    function
        Called with the arguments, tensors in place of the symbolic ones.
    args, options
        What the call takes, and what its constructor takes in Keras.
    spec
        Takes the same and returns symbolic tensors like those that come out, where
        running it would not show them.
    """

    def __init__(
        self,
        kind: str,
        function: Callable[..., Any],
        args: Sequence[Any],
        options: Mapping[str, Any],
        spec: Callable[..., Any] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name or auto_name(kind), autocast=False)
        self.kind_of_op = kind
        # Past the tracking of layers and weights: they belong to somebody else.
        self.__dict__["_called"] = (function, list(args), dict(options))
        self._spec = spec
        self.built = True

    @property
    def function(self) -> Callable[..., Any]:
        """What computes it."""
        found: Callable[..., Any] = self.__dict__["_called"][0]
        return found

    @property
    def arguments(self) -> tuple[list[Any], dict[str, Any]]:
        """What the call takes, and what its constructor takes in Keras."""
        _, args, options = self.__dict__["_called"]
        return args, options

    def _probe(self, node: Node) -> None:
        if self._spec is None:
            super()._probe(node)
            return
        _, args, options = self.__dict__["_called"]
        told = self._spec(*args, **options)
        flat = tree.flatten(told)
        shapes, kinds = [t.shape for t in flat], [t.dtype for t in flat]
        self._shown[id(node)] = Shown(told, shapes, kinds)

    def example(self, shape: Any, dtype: torch.dtype) -> torch.Tensor:
        """Return identity matrices, which can be inverted and factorized."""
        made = torch.zeros(shape, dtype=dtype)
        if made.ndim > 1 and (dtype.is_floating_point or dtype.is_complex):
            made.diagonal(dim1=-2, dim2=-1).fill_(1)
        return made

    def _after(self, first: Any, outputs: Any, mask: Any) -> None:
        """Masks end here, as with any operation, and nobody is warned."""

    def call(self, *tensors: Any) -> Any:
        """Compute, the tensors in the order of the arguments."""
        function, args, options = self.__dict__["_called"]
        left = iter(tensors)

        def filled(value: Any) -> Any:
            return next(left) if isinstance(value, KerasTensor) else value

        given = tree.map_structure(filled, list(args))
        made = function(*given, **tree.map_structure(filled, options))
        if any(_is_symbol(v) for v in tree.flatten(made)):
            raise ValueError(
                "a function handed to it uses a symbolic tensor that is none of its "
                "arguments: such tensors can only be handed to it."
            )
        return made


def written_down(
    kind: str,
    function: Callable[..., Any],
    args: Sequence[Any],
    options: Mapping[str, Any],
    gives: type | None = None,
    spec: Callable[..., Any] | None = None,
    name: str | None = None,
) -> Any:
    """Return the symbolic tensors of an operation.

    Parameters
    ----------
    kind
        Its class in ``keras.ops``.
    function
        Computes it; takes ``args`` by position, ``options`` by name.
    args, options
        What the call takes, and what its constructor takes in Keras.
    gives
        ``list`` or ``tuple`` where Keras returns one.
    spec
        As for :class:`HeldOperation`.
    name
        Of the operation, made of ``kind`` if not given.
    """
    args = tree.map_structure(_constant, list(args))
    leaves = tree.flatten([args, dict(options)])
    if kind in RULES and not any(_is_weight(v) or _is_complex(v) for v in leaves):
        try:
            made = operate(kind, *args, name=name, **options)
        except UnsupportedLayer:
            pass
        else:
            return made[0] if gives is None else gives(made)
    layer = HeldOperation(kind, function, args, options, spec, name=name)
    tensors = [v for v in leaves if _is_symbol(v)]
    return layer(*tensors)


def _is_symbol(value: Any) -> bool:
    return isinstance(value, KerasTensor)


def _is_weight(value: Any) -> bool:
    return isinstance(value, torch.Tensor) or callable(getattr(value, "keras", None))


def _is_complex(value: Any) -> bool:
    """Whether it is a tensor of complex numbers, which no rule is about."""
    return "complex" in str(getattr(value, "dtype", ""))


def _constant(value: Any) -> Any:
    """Return a tensor that nothing trains as an array, which a source can hold."""
    if type(value) is torch.Tensor and not value.requires_grad:
        return value.cpu().numpy()
    return value
