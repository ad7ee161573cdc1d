"""``keras.Operation`` and ``keras.Function``: what computes and has no weights.

Sources: ``keras/src/ops/operation.py`` and ``function.py`` (3.15).
"""

from __future__ import annotations

from abc import ABCMeta
from collections.abc import Mapping, Sequence
from typing import Any

from keras2torch import tree
from keras2torch.errors import UnfitCall
from keras2torch.models.layer import Layer
from keras2torch.models.model import Model
from keras2torch.models.naming import auto_name
from keras2torch.models.operations import HeldOperation
from keras2torch.models.symbolic import KerasTensor, Node, is_symbolic


class Operation(metaclass=ABCMeta):  # noqa: B024 - a layer is one, too
    """What a script subclasses for a computation: eager, or within a model.

    Subclasses define ``call``, and ``compute_output_spec`` where calling it on zeros
    does not show what comes out.

    Parameters
    ----------
    name
        Made of the class's name if not given.
    """

    def __init__(self, name: str | None = None) -> None:
        if name is None:
            name = auto_name(type(self).__name__)
        if not isinstance(name, str) or "/" in name:
            raise ValueError(
                "Argument `name` must be a string and cannot contain character `/`. "
                f"Received: name={name} (of type {type(name)})"
            )
        self.name = name
        self._inbound_nodes: list[Node] = []

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if is_symbolic(list(args), kwargs):
            return self.symbolic_call(*args, **kwargs)
        return self.call(*args, **kwargs)

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Compute; subclasses override."""
        raise NotImplementedError(
            f"{type(self).__name__} does not have a `call()` method implemented."
        )

    def symbolic_call(self, *args: Any, **kwargs: Any) -> Any:
        """Write a call down and return what stands for its results."""
        own = type(self).compute_output_spec is not Operation.compute_output_spec
        held = HeldOperation(
            type(self).__name__,
            self.call,
            args,
            kwargs,
            self.compute_output_spec if own else None,
            name=self.name if not self._inbound_nodes else auto_name(self.name),
        )
        leaves = tree.flatten([list(args), kwargs])
        made = held(*[v for v in leaves if isinstance(v, KerasTensor)])
        self._inbound_nodes += held._inbound_nodes
        return made

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Return symbolic tensors like those that come out."""
        made = self.symbolic_call(*args, **kwargs)
        self._inbound_nodes.pop()
        return tree.map_structure(lambda t: KerasTensor(t.shape, t.dtype), made)

    @property
    def input(self) -> Any:
        """The symbolic tensors of its only call."""
        return _single(self._only_node("input").inputs)

    @property
    def output(self) -> Any:
        """The symbolic tensors that its only call made."""
        return _single(self._only_node("output").outputs)

    def _only_node(self, what: str) -> Node:
        if not self._inbound_nodes:
            raise AttributeError(
                f"The operation {self.name} has never been called and thus has no "
                f"defined {what}."
            )
        return self._inbound_nodes[0]

    def get_config(self) -> dict[str, Any]:
        """Return the name."""
        return {"name": self.name}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Any:
        """Make one from what :meth:`get_config` returned."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<Operation name={self.name}>"


Operation.register(Layer)


class Function(Operation):
    """What lies between symbolic tensors, as something that computes.

    Parameters
    ----------
    inputs, outputs
        Symbolic tensors in any nesting.
    name
        Made of the class's name if not given.

    Raises
    ------
    ValueError
        If there are none, or an output needs what is no input.
    """

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None) -> None:
        super().__init__(name=name)
        for called, given in (("inputs", inputs), ("outputs", outputs)):
            if not tree.flatten(given):
                raise ValueError(
                    f"`{called}` argument cannot be empty. Received:\ninputs={inputs}\n"
                    f"outputs={outputs}"
                )
        self._inputs_struct, self._outputs_struct = inputs, outputs
        self._model = Model(tree.flatten(inputs), tree.flatten(outputs))

    @property
    def inputs(self) -> list[Any]:
        """The symbolic tensors that go in, flat."""
        return tree.flatten(self._inputs_struct)

    @property
    def outputs(self) -> list[Any]:
        """The symbolic tensors that come out, flat."""
        return tree.flatten(self._outputs_struct)

    @property
    def operations(self) -> list[Any]:
        """What is called between them, layers and others."""
        graph = self._model._call_graph
        return [] if graph is None else list(graph.operations)

    def __call__(self, inputs: Any) -> Any:
        """Compute, or write it down for symbolic tensors."""
        return self.call(inputs)

    def call(self, inputs: Any) -> Any:
        """Compute."""
        self._check(inputs)
        made = self._model(tree.flatten(inputs))
        return tree.pack(self._outputs_struct, tree.flatten(made))

    def compute_output_spec(self, inputs: Any) -> Any:
        """Return symbolic tensors like those that come out."""
        return tree.map_structure(
            lambda t: KerasTensor(t.shape, t.dtype), self.call(inputs)
        )

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shapes that come out for shapes that go in."""
        dtypes = iter([t.dtype for t in self.inputs])
        given = tree.map_shape_structure(
            lambda shape: KerasTensor(shape, next(dtypes)), input_shape
        )
        return tree.map_structure(lambda t: t.shape, self.compute_output_spec(given))

    def _check(self, inputs: Any) -> None:
        try:
            tree.assert_same_structure(inputs, self._inputs_struct)
        except ValueError:
            raise ValueError(
                "Function was called with an invalid input structure. Expected input "
                f"structure: {self._inputs_struct}\nReceived input structure: {inputs}"
            ) from None
        for x, wanted in zip(tree.flatten(inputs), self.inputs, strict=True):
            shape, expected = tuple(x.shape), wanted.shape
            pairs = zip(shape, expected, strict=False)
            fits = all(a is None or b is None or a == b for a, b in pairs)
            if len(shape) != len(expected) or not fits:
                raise UnfitCall(
                    f"{type(self).__name__} was passed incompatible inputs. For input "
                    f"'{wanted.name}', expected shape {expected}, but received instead "
                    f"a tensor with shape {shape}."
                )


def _single(values: Sequence[Any]) -> Any:
    return values[0] if len(values) == 1 else list(values)
